"""A copy of the store while it is used, and putting one back.

Rules: a copy is one state of the database, checked before it gets its name; what stands is moved aside, never written
over; a copy that is older than what the anchors witnessed is put back only when a person accepts the loss, which is
signed, anchored, and told by every later verification.
"""

import os
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from mcp_server.errors import Refused, StoreUnavailable
from mcp_server.private_files import is_there, put_new
from mcp_server.store.connection import WAIT_S, FileLock, translated
from mcp_server.store.database import open_database
from mcp_server.store.sqlite_store import FILE, reading

_PARTS = ("", "-wal", "-shm")


def back_up(directory: Path, target: Path) -> int:
    """Copy the store to a new file of mode 0600; its size in bytes. Raises Refused, StoreUnavailable."""
    if target.exists():
        raise is_there(target)
    _must_exist(directory / FILE)
    with reading(directory / FILE, WAIT_S) as store:
        _copied(store.backup, target)
    return target.stat().st_size


def copy_into(directory: Path, source: Path) -> Path:
    """A checked copy of the backup in a directory of its own, of this schema. Raises Refused, StoreUnavailable."""
    _must_exist(source)
    made = directory / "restoring" / FILE
    made.parent.mkdir(mode=0o700, exist_ok=True)
    for part in _PARTS:
        made.with_name(FILE + part).unlink(missing_ok=True)
    with translated(f"{source} cannot be read"):
        backup = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        try:
            _copied(backup.backup, made)
        finally:
            backup.close()
        open_database(made, WAIT_S).close()
    return made.parent


def put_in_place(directory: Path, restoring: Path, aside: str) -> Path | None:
    """Move the store to ``store.db.ASIDE`` and the copy to its place; where the old one is, None when there was none.

    A server that runs on the old file notices and writes no more. Raises StoreUnavailable.
    """
    lock = FileLock((directory / FILE).with_suffix(".lock"), WAIT_S)
    try:
        with translated("the store cannot be put back"), lock.held():
            moved = _moved(directory, aside)
            (restoring / FILE).rename(directory / FILE)
            for left in restoring.iterdir():
                left.unlink()
            restoring.rmdir()
            return moved
    finally:
        lock.close()


def _moved(directory: Path, aside: str) -> Path | None:
    """Move what stands of the store; where its database is then."""
    standing = [part for part in _PARTS if (directory / (FILE + part)).exists()]
    for part in standing:
        (directory / (FILE + part)).rename(directory / f"{FILE}.{aside}{part}")
    return directory / f"{FILE}.{aside}" if "" in standing else None


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise Refused(f"{path} is not there.", "Name the file of a store.", code="no_file")


def _copied(copy: Callable[[sqlite3.Connection], None], target: Path) -> None:
    """One file, without a WAL, checked and synced before it gets its name."""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as problem:
        raise StoreUnavailable(f"{target} cannot be written: {problem.strerror}") from problem
    os.close(descriptor)
    try:
        with translated(f"{target} cannot be written"):
            made = sqlite3.connect(name, isolation_level=None)
            try:
                copy(made)
                made.execute("PRAGMA journal_mode = DELETE")
                said = made.execute("PRAGMA quick_check(1)").fetchone()[0]
            finally:
                made.close()
            if said != "ok":
                raise StoreUnavailable(f"the copy is damaged: {said}")
            descriptor = os.open(name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if not put_new(Path(name), target):
                raise is_there(target)
    finally:
        for part in ("", "-wal", "-shm", "-journal"):
            Path(name + part).unlink(missing_ok=True)
