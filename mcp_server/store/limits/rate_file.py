"""The file in which servers on one data directory share what they know of each organization's limits.

Rules: one connection for each server; each use is one short transaction; whoever uses it holds the file lock, for
SQLite's own busy handler starves one of several writers until it gives up; no disk syncs, for losing the file in a
power cut is harmless; when it cannot be used each server goes on alone and says so in ``problem``.

A use runs on the event loop itself while the last one was quick and nobody else has the lock, for going to a thread
and back costs more than the use. Else, and to open the file, a thread does it and the loop goes on.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from mcp_server.domain.ports import Clock
from mcp_server.errors import StoreUnavailable
from mcp_server.store.connection import QUICK_S, FileLock, make_private, unavailable
from mcp_server.store.queries import sql

A = TypeVar("A")
FILE = "rate.db"
WAIT_S = 5.0  #: for another process


class RateFile:
    """Runs work on the shared file, or alone; ``problem`` says why it is not shared, or ""."""

    def __init__(self, directory: Path, clock: Clock, wait_s: float = WAIT_S) -> None:
        """``directory`` is the data directory; the file is opened when it is first used."""
        self._clock = clock
        self._wait_s = wait_s
        self._path = directory / FILE
        self._lock = FileLock(self._path.with_suffix(".lock"), wait_s)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="limits")
        self._under_way: set[Future[Any]] = set()  #: uses that the thread has before it
        self._is_quick = False
        self._connection: sqlite3.Connection | None = None
        self.problem = ""

    def close(self) -> None:
        """Close the file; blocks until done."""
        self._thread.shutdown(wait=True)
        self._close()
        self._lock.close()

    async def run(self, shared: Callable[[sqlite3.Connection], A], alone: Callable[[], A]) -> A:
        """What ``shared`` gives, or ``alone`` when the file cannot be used; one use after the other."""
        if self._is_quick and not self._under_way and self._lock.take_at_once():
            try:
                return self._run(shared, alone)
            finally:
                self._lock.release()
        use = self._thread.submit(self._run, shared, alone)
        self._under_way.add(use)
        use.add_done_callback(self._under_way.discard)
        return await asyncio.wrap_future(use)

    def _run(self, shared: Callable[[sqlite3.Connection], A], alone: Callable[[], A]) -> A:
        self._is_quick = False
        began = self._clock.monotonic()
        try:
            with self._lock.held():
                connection = self._connection = self._connection or self._opened()
                answer = shared(connection)
        except (sqlite3.Error, OSError, StoreUnavailable) as fault:
            self._close()
            self.problem = str(unavailable("the request limits are not shared", fault))
            return alone()
        self.problem = ""
        self._is_quick = self._clock.monotonic() - began < QUICK_S
        return answer

    @contextmanager
    def transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        """One write transaction; undone when the block raises."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _opened(self) -> sqlite3.Connection:
        """The file, made anew when it is damaged, as a power cut may do without syncs; nothing is worth keeping."""
        made = _made_anew if _is_damaged(self._path) else _connected
        return made(self._path, self._wait_s)

    def _close(self) -> None:
        """Close the file; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _is_damaged(path: Path) -> bool:
    """Whether the file cannot be used as a database of limits."""
    try:
        _connected(path, WAIT_S).close()
    except sqlite3.DatabaseError as fault:
        return fault.sqlite_errorname in ("SQLITE_CORRUPT", "SQLITE_NOTADB")
    return False


def _made_anew(path: Path, wait_s: float) -> sqlite3.Connection:
    """A connection to a new file in place of the damaged one."""
    path.unlink()
    return _connected(path, wait_s)


def _connected(path: Path, wait_s: float) -> sqlite3.Connection:
    """A connection without syncs; a rollback journal, for several processes write. The file is made with mode 0600."""
    make_private(path)
    connection = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = PERSIST")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(sql("make_budgets"))
        connection.execute(sql("make_breakers"))
    except sqlite3.Error:
        connection.close()
        raise
    return connection
