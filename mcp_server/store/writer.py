"""One writer for each process: a thread that gathers waiting commits into groups, one disk sync for each group.

Rules: each commit of a group stands in its own savepoint, so one conflict does not hurt the others; nobody hears of
success before the group's COMMIT has returned; the file lock is held around opening, committing and closing.
"""

import sqlite3
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mcp_server.domain.call import Receipt
from mcp_server.errors import RecordAltered, RecordConflict, StoreError, StoreUnavailable
from mcp_server.store.connection import FileLock, connect, translated
from mcp_server.store.journal import Journal, Write
from mcp_server.store.queries import statements
from mcp_server.store.seal import Seal

SCHEMA_VERSION = 1
GROUP_LIMIT = 256  #: commits in one group

Receipts = tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """What one caller wants written, and where the answer goes."""

    writes: tuple[Write, ...]
    answer: "Future[Receipts]" = field(default_factory=Future)


class Writer:
    """The only connection of this process that writes and checkpoints. ``problem`` says why the last group failed."""

    def __init__(self, path: Path, seal: Seal, wait_s: float) -> None:
        self._path = path
        self._seal = seal
        self._wait_s = wait_s
        self._lock = FileLock(path.with_suffix(".lock"), wait_s)
        self._waiting: deque[Commit] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self.problem = ""

    def submit(self, writes: tuple[Write, ...]) -> "Future[Receipts]":
        """The receipts to come, once the writes are on disk."""
        commit = Commit(writes)
        self._waiting.append(commit)
        try:
            self._thread.submit(self._next_group)
        except RuntimeError as problem:
            raise StoreUnavailable("the store is closed") from problem
        return commit.answer

    def close(self) -> None:
        """Finish what waits, then close the connection; a second time it does nothing."""
        self._thread.shutdown(wait=True)
        self._drop_connection()
        self._lock.close()

    def _next_group(self) -> None:
        """Commit whatever waits; often nothing, when an earlier group took it along."""
        group = self._gathered()
        if not group:
            return
        results: list[Receipts | StoreError] = []
        try:
            results = self._committed(group)
        except StoreError as problem:
            self._drop_connection()
            self.problem = str(problem)
            results = [_again(problem) for _ in group]
        finally:  # also after a fault of our own: nobody is left waiting
            failed = StoreUnavailable("the store's writer failed")
            failed.__cause__ = sys.exc_info()[1]
            for commit, result in zip(group, results or [_again(failed) for _ in group], strict=True):
                _give(commit, result)

    def _gathered(self) -> list[Commit]:
        """What waits now and was not cancelled."""
        group: list[Commit] = []
        while self._waiting and len(group) < GROUP_LIMIT:
            commit = self._waiting.popleft()
            if commit.answer.set_running_or_notify_cancel():
                group.append(commit)
        return group

    def _committed(self, group: list[Commit]) -> "list[Receipts | StoreError]":
        """The answer to each commit of the group, on disk."""
        with translated("the store cannot be written"), self._lock.held():
            connection = self._opened()
            with transaction(connection):
                journal = Journal(connection, self._seal)
                results = [_attempted(journal, commit) for commit in group]
                journal.close_head()
        self.problem = ""
        return results

    def _opened(self) -> sqlite3.Connection:
        """The connection, opened at first use and after a fault; the lock is held."""
        if self._connection is None and self._inode is None:
            self._connection = open_database(self._path, self._wait_s)
            self._inode = _inode(self._path)
        if _inode(self._path) != self._inode:
            raise StoreUnavailable(f"{self._path} was removed or replaced while the server ran; start the server again")
        if self._connection is None:
            self._connection = open_database(self._path, self._wait_s)
        return self._connection

    def _drop_connection(self) -> None:
        """Close a connection that failed; the next group opens another."""
        connection, self._connection = self._connection, None
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


def _give(commit: Commit, result: "Receipts | StoreError") -> None:
    """Tell the caller."""
    if isinstance(result, StoreError):
        commit.answer.set_exception(result)
    else:
        commit.answer.set_result(result)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE, then COMMIT, or ROLLBACK when the block or the commit fails."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def open_database(path: Path, wait_s: float) -> sqlite3.Connection:
    """A connection to a database of our schema version, made or migrated when it must be; the caller holds the lock."""
    connection = connect(path, wait_s)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check the version, migrate when it is older, and see that the triggers stand."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"{path} was made by a newer version of this server (schema {version}, this one knows {SCHEMA_VERSION})"
        )
    if version < SCHEMA_VERSION:
        from mcp_server.store.schema import migrate  # noqa: PLC0415 - sqlite-utils costs 80 ms of start-up

        migrate(connection, SCHEMA_VERSION)
    standing = {text for (text,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")}
    if not set(statements("triggers")) <= standing:
        raise StoreUnavailable(f"{path} lost the triggers that keep its evidence; see 'audit verify'")


def close_database(connection: sqlite3.Connection, lock: FileLock) -> None:
    """Close under the lock, for the last one to close also checkpoints; without it when the lock cannot be had."""
    try:
        with lock.held():
            connection.close()
    except StoreUnavailable:
        connection.close()


def _inode(path: Path) -> tuple[int, int] | None:
    """Which file stands under the path; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
