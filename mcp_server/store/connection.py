"""Opening the database, the lock that processes share, and the one table that turns outside errors into ours.

Rules: WAL with synchronous FULL; only while the file lock is held may a connection open, commit, checkpoint or close,
because SQLite 3.7.0 to 3.51.2 can corrupt a WAL file when two connections write or checkpoint at the same moment
(SQLite release notes 3.51.3, WAL-reset bug), and because SQLite's own busy handler starves writers.
"""

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from mcp_server.errors import StoreUnavailable
from mcp_server.private_files import private_directory

WAIT_S = 10.0  #: how long to wait for another process
FIXED_IN = (3, 51, 3)  #: first SQLite without the WAL-reset bug
_POLL_S = 0.002

#: By the start of SQLite's error name; the first that fits counts.
_SQLITE_WORDS = (
    ("SQLITE_BUSY", "another process holds the database"),
    ("SQLITE_LOCKED", "another process holds the database"),
    ("SQLITE_READONLY", "the database is read-only"),
    ("SQLITE_FULL", "the disk is full"),
    ("SQLITE_CORRUPT", "the database is damaged"),
    ("SQLITE_NOTADB", "the file is not a database"),
    ("SQLITE_CANTOPEN", "the database cannot be opened"),
    ("SQLITE_IOERR", "the disk reported an input/output error"),
    ("SQLITE_PERM", "this account may not use the database"),
    ("SQLITE_AUTH", "this account may not use the database"),
    ("SQLITE_CONSTRAINT", "the database refused the row"),
    ("SQLITE_NOMEM", "no memory is left"),
    ("SQLITE_TOOBIG", "the record is too big"),
)
_OS_WORDS = {
    errno.EACCES: "this account may not write there",
    errno.EPERM: "this account may not write there",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file size limit is reached",
    errno.EIO: "the disk reported an input/output error",
}


def unavailable(what: str, problem: Exception) -> StoreUnavailable:
    """The error of ours for an error of SQLite or the operating system."""
    if isinstance(problem, sqlite3.Error):
        name = getattr(problem, "sqlite_errorname", None) or ""
        words = next((words for start, words in _SQLITE_WORDS if name.startswith(start)), str(problem))
    elif isinstance(problem, OSError):
        words = _OS_WORDS.get(problem.errno or 0, problem.strerror or str(problem))
    else:
        words = str(problem)
    return StoreUnavailable(f"{what}: {words}")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns errors of SQLite and of the operating system into ``StoreUnavailable``, the cause kept."""
    try:
        yield
    except (sqlite3.Error, OSError) as problem:
        raise unavailable(what, problem) from problem


class FileLock:
    """An exclusive lock among processes and threads, on one descriptor that stays open: a few microseconds a turn."""

    def __init__(self, path: Path, timeout_s: float = WAIT_S) -> None:
        self._path = path
        self._attempts = max(1, round(timeout_s / _POLL_S))
        self._threads = threading.Lock()
        self._pause = threading.Event()
        self._descriptor: int | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the lock inside the block; ``StoreUnavailable`` when it is not free within the time."""
        with self._threads:
            self._take()
            try:
                yield
            finally:
                if self._descriptor is not None:
                    filelock.unlock_descriptor(self._descriptor)

    def close(self) -> None:
        """Close the descriptor; ``held`` opens it again."""
        with self._threads:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _take(self) -> None:
        """Try again and again until the time is over."""
        with translated(f"{self._path} cannot be locked"):
            if self._descriptor is None:
                private_directory(self._path.parent, forbidden=0o022)
                flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
                self._descriptor = os.open(self._path, flags, 0o600)
            for _ in range(self._attempts):
                if filelock.lock_descriptor(self._descriptor, blocking=False):
                    return
                self._pause.wait(_POLL_S)
        raise StoreUnavailable(f"{self._path}: another process holds the database")


def connect(path: Path, wait_s: float) -> sqlite3.Connection:
    """A connection with every pragma set; the caller holds the file lock. The file is made with mode 0600."""
    if path.is_symlink():
        raise StoreUnavailable(f"{path} is a symbolic link; name the file's own directory")
    if not path.exists():  # never opened otherwise: closing a second descriptor drops SQLite's own file locks
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def is_wal_hazardous() -> bool:
    """Whether this SQLite has the WAL-reset bug (fixed in 3.51.3)."""
    return sqlite3.sqlite_version_info < FIXED_IN
