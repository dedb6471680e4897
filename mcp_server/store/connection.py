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
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import filelock

from mcp_server.errors import StoreUnavailable
from mcp_server.private_files import private_directory

WAIT_S = 10.0  #: how long to wait for another process
FIXED_IN = (3, 51, 3)  #: first SQLite without the WAL-reset bug
QUICK_S = 0.005  #: the longest that a file's last use may have taken for the next one to be on the event loop
_POLL_S = 0.002
_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON")
#: Pages in the WAL when it is copied into the database and begun again (SQLite's own number is 1,000). While the file
#: grows, each sync also writes the file system's journal: 0.28 to 0.37 ms instead of 0.14 to 0.18 on ext4.
_WAL_PAGES = 200

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


class FileLock(AbstractContextManager[None]):
    """An exclusive lock among processes and threads, on descriptors that stay open: some microseconds a turn.

    Whoever waits for the lock holds the turn meanwhile, and nobody takes the lock without the turn: a holder who wants
    it again stands behind the one who waits. Without that, one busy process kept another out for seconds, because a
    waiting one looks only every two milliseconds.
    """

    def __init__(self, path: Path, timeout_s: float = WAIT_S) -> None:
        self._path = path
        self._attempts = max(1, round(timeout_s / _POLL_S))
        self._threads = threading.RLock()
        self._depth = 0
        self._pause = threading.Event()
        self._opened: list[int] = []  #: the turn's descriptor and the lock's

    def held(self) -> AbstractContextManager[None]:
        """Holds the lock inside the block, once or nested; ``StoreUnavailable`` when it is not free in time."""
        return self

    def take_at_once(self) -> bool:
        """Whether the lock could be had without waiting; it is held then until this thread calls ``release``."""
        try:
            self._enter(1)
        except StoreUnavailable:
            return False
        return True

    def release(self) -> None:
        """Give the lock back, unless a block around it holds it too."""
        self._depth -= 1
        try:
            if self._depth == 0:
                filelock.unlock_descriptor(self._opened[-1])
        finally:
            self._threads.release()

    def __enter__(self) -> None:
        self._enter(self._attempts)

    def __exit__(self, *_fault: object) -> None:
        self.release()

    def _enter(self, attempts: int) -> None:
        """Hold the lock once more; a thread that holds it already does not wait."""
        self._threads.acquire()
        try:
            if self._depth == 0:
                self._take(attempts)
            self._depth += 1
        except BaseException:
            self._threads.release()
            raise

    def close(self) -> None:
        """Close the descriptors; ``held`` opens them again."""
        with self._threads:
            while self._opened:
                os.close(self._opened.pop())

    def _take(self, attempts: int) -> None:
        """The turn, then the lock; the turn is passed on."""
        try:
            if len(self._opened) < 2:
                private_directory(self._path.parent, forbidden=0o022)
                for path in (self._path.with_suffix(".turn"), self._path)[len(self._opened) :]:
                    self._opened.append(_opened(path))
            turn, lock = self._opened
            left = self._waited(turn, attempts)
            try:
                self._waited(lock, left)
            finally:
                filelock.unlock_descriptor(turn)
        except OSError as problem:
            raise unavailable(f"{self._path} cannot be locked", problem) from problem

    def _waited(self, descriptor: int, attempts: int) -> int:
        """How many attempts are left, at least one, once the descriptor is locked; StoreUnavailable when none was."""
        for used in range(attempts):
            if filelock.lock_descriptor(descriptor, blocking=False):
                return max(1, attempts - used)
            if used + 1 < attempts:
                self._pause.wait(_POLL_S)
        raise StoreUnavailable(f"{self._path}: another process holds the database")


def _opened(path: Path) -> int:
    """The descriptor of a lock file, made when missing."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, flags, 0o600)


def connect(path: Path, wait_s: float) -> sqlite3.Connection:
    """A connection with every pragma set; the caller holds the file lock. The file is made with mode 0600."""
    if path.is_symlink():
        raise StoreUnavailable(f"{path} is a symbolic link; name the file's own directory")
    make_private(path)
    connection = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        for pragma in (*_PRAGMAS, f"wal_autocheckpoint = {_WAL_PAGES}"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def make_private(path: Path) -> None:
    """See that the file is there, made with mode 0600; the caller holds the file lock."""
    if not path.exists():  # never opened otherwise: closing a second descriptor drops SQLite's own file locks
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def is_wal_hazardous() -> bool:
    """Whether this SQLite has the WAL-reset bug (fixed in 3.51.3)."""
    return sqlite3.sqlite_version_info < FIXED_IN
