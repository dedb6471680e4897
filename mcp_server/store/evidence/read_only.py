"""A private copy of a store that lies where this account may write nothing: on read-only media, or in another's care.

Rules: SQLite cannot read a log of which it may not make the index, and would pass over it when told that the file never
changes; so database and log are copied as they stand together, under the writers' own lock when there is one, and
opened elsewhere. What cannot be copied as one state is told, never read as if it were whole.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import filelock

from mcp_server.errors import Refused, StoreUnavailable
from mcp_server.store.sqlite_store import FILE

_PARTS: Final = ("", "-wal")
_TRIES: Final = 50
_PAUSE_S: Final = 0.1


def is_read_only(directory: Path) -> bool:
    """Whether there is such a directory, and this account may not make a file in it."""
    by_effective_user = os.access in os.supports_effective_ids
    with suppress(OSError):  # what may not even be looked at is no copy of evidence either
        return directory.is_dir() and not os.access(directory, os.W_OK | os.X_OK, effective_ids=by_effective_user)
    return False


@contextmanager
def copied_aside(directory: Path) -> Iterator[Path]:
    """Where one state of the store in that directory lies as a private copy, log included, until the block ends.

    Raises Refused (no store), StoreUnavailable.
    """
    if not (directory / FILE).is_file():
        raise Refused(f"{directory} holds no {FILE}.", "Name the data directory, or a copy of it.", code="no_file")
    try:
        place = tempfile.TemporaryDirectory(prefix="meraki-specialist-")
    except OSError as problem:
        raise _no_place(directory / FILE, problem) from problem
    with place as into:
        _copy_one_state(directory, Path(into))
        yield Path(into)


def _copy_one_state(directory: Path, into: Path) -> None:
    for _ in range(_TRIES):
        with _writers_wait(directory) as is_held:
            before = _seen(directory)
            if is_held and _is_copied(directory, into) and _seen(directory) == before:
                return
        threading.Event().wait(_PAUSE_S)
    raise StoreUnavailable(
        f"{directory / FILE} is being written all the time, and this account may not write in {directory}: no copy of "
        "one state could be made. Let the account that writes it make a backup"
    )


@contextmanager
def _writers_wait(directory: Path) -> Iterator[bool]:
    """Whether nobody of ours writes inside the block, as far as locks tell; a copy without lock file has no writer."""
    descriptor, is_held = -1, True
    try:
        with suppress(OSError):  # no lock there, or on such a mount: whether the files changed meanwhile decides alone
            descriptor = os.open((directory / FILE).with_suffix(".lock"), os.O_RDONLY)
            is_held = filelock.lock_descriptor(descriptor, blocking=False)
        yield is_held
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _seen(directory: Path) -> list[tuple[int, int, int]]:
    """What of each file that is there changes with a write."""
    seen = []
    for part in _PARTS:
        with _told(directory / (FILE + part)), suppress(FileNotFoundError):  # the last to close takes the log away
            one = (directory / (FILE + part)).stat()
            seen.append((one.st_ino, one.st_size, one.st_mtime_ns))
    return seen


def _is_copied(directory: Path, into: Path) -> bool:
    """Whether each file was still there when it was its turn."""
    for part in _PARTS:
        (into / (FILE + part)).unlink(missing_ok=True)
        if (directory / (FILE + part)).exists():
            with _told(directory / (FILE + part)), suppress(FileNotFoundError):
                _copy(directory / (FILE + part), into / (FILE + part))
                continue
            return False
    return True


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as file:
        try:
            with target.open("xb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
        except OSError as problem:
            raise _no_place(source, problem) from problem


def _no_place(source: Path, problem: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"{source} lies where this account may not write, so a private copy of it is read; that copy cannot be "
        f"written: {problem.strerror}. Name a place with room in TMPDIR"
    )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A file that cannot be read is told as that."""
    try:
        yield
    except OSError as problem:
        raise StoreUnavailable(f"{path} cannot be read: {problem.strerror}") from problem
