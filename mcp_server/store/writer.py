"""One writer for each process: it gathers waiting commits into groups, one disk sync for each group.

Rules: each commit of a group stands alone, so one conflict does not hurt the others; nobody hears of success before
the group's COMMIT has returned; the file lock is held around opening, committing and closing. A group begins only when
the event loop has run everybody who was ready: those who just got their answers and write again come into one group.

A group is written on the event loop itself while the disk is quick and no other process has the lock, for going to a
thread and back costs more than the sync. Else, and to open the database, a thread does it and the loop goes on; and
for good once a group has failed, for a disk in trouble may stall at any moment.
"""

import asyncio
import contextlib
import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mcp_server.domain.call import Receipt
from mcp_server.domain.ports import Clock
from mcp_server.errors import RecordAltered, RecordConflict, StoreError, StoreUnavailable
from mcp_server.store.connection import QUICK_S, FileLock, translated
from mcp_server.store.database import close_database, open_database
from mcp_server.store.evidence.witness import Witness
from mcp_server.store.journal import Journal, Write
from mcp_server.store.seal import Seal

log = logging.getLogger(__name__)
A = TypeVar("A")

_GONE = (0, 0)  #: no file has this inode
GROUP_LIMIT = 256  #: commits in one group

Receipts = tuple[Receipt, ...]
Answer = asyncio.Future[Receipts]
_Told = list[tuple[Answer, Receipts | StoreError]]


@dataclass(frozen=True, slots=True)
class Commit:
    """What one caller wants written, and where the answer goes."""

    writes: tuple[Write, ...]
    answer: Answer

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Whose the caller is."""
        return self.answer.get_loop()


class Writer:
    """The only connection of this process that writes and checkpoints."""

    def __init__(self, path: Path, seal: Seal, clock: Clock, wait_s: float, witness: Witness | None = None) -> None:
        self._path = path
        self._file, self._log_file = str(path), f"{path}-wal"  #: for the look at both that each group begins with
        self._witness = witness
        self._seal = seal
        self._clock = clock
        self._wait_s = wait_s
        self._lock = FileLock(path.with_suffix(".lock"), wait_s)
        self._waiting: deque[Commit] = deque()
        self._turn = threading.Condition()  #: over the queue and whether somebody is at work on it
        self._is_at_work = False
        self._is_here = False  #: at work on the event loop
        self._is_quick = False
        self._has_failed = False
        self._is_ending = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._wal: tuple[int, int] | None = None  #: of the connection's write-ahead log, from its first commit on

    @property
    def is_open(self) -> bool:
        """Whether it has written, and could."""
        return self._connection is not None

    def submit(self, writes: tuple[Write, ...]) -> Answer:
        """The receipts to come, once the writes are on disk; cancelled before its group begins, nothing is written."""
        loop = asyncio.get_running_loop()
        commit = Commit(writes, loop.create_future())
        with self._turn:
            if self._is_ending:
                raise StoreUnavailable("the store is closed")
            is_first = not self._waiting or self._waiting[-1].loop is not loop
            self._waiting.append(commit)
        if is_first:  # of those of its loop that wait: they are begun together
            loop.call_soon(self._begin)
        return commit.answer

    def close(self) -> None:
        """Finish what waits, then close the connection; a second time it does nothing."""
        with self._turn:
            self._is_ending = True
            self._turn.wait_for(lambda: not self._is_here)
            if self._waiting:
                self._thread.submit(self._work)  # also while it is at work: it may have looked for the last time
        if self._witness is not None:
            with contextlib.suppress(RuntimeError):  # closed already
                self._thread.submit(self._attest_end, self._witness)
        self._thread.shutdown(wait=True)
        left = self._gathered()  # only after a fault of our own
        _tell(left, [StoreUnavailable("the store is closed") for _ in left])
        self._drop_connection()
        self._lock.close()

    def _begin(self) -> None:
        """Have what waits written, unless a group is under way; at the end ``close`` has done so."""
        with self._turn:
            if not self._waiting or self._is_at_work or self._is_ending:
                return
            self._is_at_work = True
            self._is_here = self._is_quick
            if not self._is_here:
                self._thread.submit(self._work)
                return
        try:  # meanwhile ``close`` waits in its own thread
            self._work_here()
        finally:
            with self._turn:
                self._is_here = False
                self._turn.notify_all()

    def _work_here(self) -> None:
        """Commit one group at once, on the event loop, or have the thread do it when another process has the lock."""
        if not self._lock.take_at_once():
            self._thread.submit(self._work)
            return
        try:
            self._work()
        finally:
            self._lock.release()

    def _work(self) -> None:
        """Commit one group, at the end of the store every group that still waits."""
        began = self._clock.monotonic()
        try:
            self._next_group(self._gathered())
            while self._is_ending and self._waiting:
                self._next_group(self._gathered())
        finally:  # a fault of our own ends this turn of the thread, not its work
            with self._turn:
                self._is_at_work = False
                self._is_quick = self.is_open and not self._has_failed and self._clock.monotonic() - began < QUICK_S
                loops = {commit.loop for commit in self._waiting}
            for loop in loops:  # who came meanwhile; whoever was just answered runs before the next group begins
                with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits there any more
                    loop.call_soon_threadsafe(loop.call_soon, self._begin)

    def _next_group(self, group: list[Commit]) -> None:
        """Commit the group and tell every caller of it."""
        if not group:
            return
        results: list[Receipts | StoreError] = []
        failed = StoreUnavailable("the store's writer failed")
        try:
            results = self._committed(group)
        except StoreError as problem:
            self._drop_connection()
            self._has_failed = True
            results = [_again(problem) for _ in group]
        except Exception as fault:  # our own: each waiter hears of it, and the next group is written
            failed.__cause__ = fault
            log.exception("%s", failed)
        finally:  # whatever else may happen, nobody is left waiting
            _tell(group, results or [_again(failed) for _ in group])

    def _gathered(self) -> list[Commit]:
        """What waits now and was not cancelled."""
        group: list[Commit] = []
        with self._turn:
            while self._waiting and len(group) < GROUP_LIMIT:
                commit = self._waiting.popleft()
                if not commit.answer.cancelled():
                    group.append(commit)
        return group

    def _committed(self, group: list[Commit]) -> "list[Receipts | StoreError]":
        """The answer to each commit of the group, on disk."""
        return self._carried_out(lambda journal: [_attempted(journal, commit) for commit in group])

    def _carried_out(self, work: Callable[[Journal], A], *, attest: bool = False) -> A:
        """What ``work`` gives, on disk; with a statement about the chain when one is due, which is then anchored."""
        witness = self._witness
        with translated("the store cannot be written"), self._lock.held():
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            with connection:  # ROLLBACK when the block fails
                journal = Journal(connection, self._seal, witness)
                result = work(journal)
                journal.close_head()
                if witness is not None:
                    witness.checkpoint(connection, journal.head, now=attest)
                    witness.note(connection)
                connection.execute("COMMIT")  # the block's own end would take a transaction that is gone for a good one
            self._wal = self._wal or _inode(self._log_file)
        if witness is not None:
            witness.committed()
        return result

    def _attest_end(self, witness: Witness) -> None:
        """The last statement of this process, if it wrote anything, and how the anchors took it."""
        try:
            if self._connection is not None:
                self._carried_out(lambda _: None, attest=True)
            witness.finish()
            if self._connection is not None:
                self._carried_out(lambda _: None)
        except StoreError as problem:
            log.warning("the end of the audit could not be signed: %s", problem)

    def _opened(self) -> sqlite3.Connection:
        """The connection, opened at first use and after a fault; the lock is held."""
        if self._connection is None and self._inode is None:
            self._connection = self._opened_anew()
            self._inode = _inode(self._file)
        if self._connection is not None and self._wal and _inode(self._log_file) != self._wal:
            self._inode = _GONE  # for good; what was committed is saved, while its descriptor still reaches it
            self._connection.execute("PRAGMA wal_checkpoint")
        if _inode(self._file) != self._inode:
            raise StoreUnavailable(
                f"{self._path} or its log was removed or replaced while the server ran; start the server again"
            )
        if self._connection is None:
            self._connection = self._opened_anew()
        return self._connection

    def _opened_anew(self) -> sqlite3.Connection:
        """A connection to a store that holds what was anchored beside it."""
        connection = open_database(self._path, self._wait_s)
        try:
            if self._witness is not None:
                self._witness.check(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop_connection(self) -> None:
        """Close a connection that failed; the next group opens another."""
        connection, self._connection, self._wal = self._connection, None, None
        if self._witness is not None:
            self._witness.forget()
        if connection is not None:
            close_database(connection, self._lock)


def _attempted(journal: Journal, commit: Commit) -> "Receipts | StoreError":
    """The receipts, or why this commit alone was not written."""
    try:
        return journal.carry_out(commit.writes)
    except (RecordConflict, RecordAltered) as problem:
        return problem


def _again(problem: StoreError) -> StoreError:
    """The same error for one more caller, for each raises it on its own."""
    copy = type(problem)(str(problem))
    copy.__cause__ = problem.__cause__ or problem
    return copy


def _tell(group: Iterable[Commit], results: "Iterable[Receipts | StoreError]") -> None:
    """Hand the answers to the loops that wait: at once to the one that runs here, any other is woken once."""
    by_loop: dict[asyncio.AbstractEventLoop, _Told] = {}
    for commit, result in zip(group, results, strict=True):
        by_loop.setdefault(commit.loop, []).append((commit.answer, result))
    for loop, told in by_loop.items():
        if loop is _running_loop():
            _give(told)
            continue
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits there any more
            loop.call_soon_threadsafe(_give, told)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, None in the writer's own."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _give(told: _Told) -> None:
    """In the loop's own thread: resolve what is still awaited."""
    for answer, result in told:
        if answer.done():
            continue
        if isinstance(result, StoreError):
            answer.set_exception(result)
        else:
            answer.set_result(result)


def _inode(path: str) -> tuple[int, int] | None:
    """Which file stands under the path; None when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path is turned into text at each look
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
