"""A disk that fails for a while: a directory that may not be written, a disk without room, a database in use."""

import os
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_NOBODY: Final = 65534
_LESS_THAN_A_PAGE: Final = 4_000  #: bytes


@contextmanager
def unwritable_home(filled_from: Path | None = None) -> Iterator[Path]:
    """A data directory in which this process may make nothing; as root it runs as nobody meanwhile.

    It is empty, or holds what lies in another one, which may be in use.
    """
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as above:  # not under tmp_path, which other accounts may not enter
        home = Path(above) / "home"
        if filled_from is None:
            home.mkdir()
        else:
            shutil.copytree(filled_from, home)
        Path(above).chmod(0o755)
        if is_root:
            for each in (home, *home.rglob("*")):
                os.chown(each, _NOBODY, _NOBODY)
        home.chmod(0o500)
        if is_root:
            os.seteuid(_NOBODY)
        try:
            yield home
        finally:
            if is_root:
                os.seteuid(0)
            home.chmod(0o700)


@contextmanager
def full_disk(_home: Path) -> Iterator[None]:
    """There is no room for a page of a database in any file, for this process and those that it has started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    _limit_files((_LESS_THAN_A_PAGE, hard))
    try:
        yield
    finally:
        _limit_files((soft, hard))


def _limit_files(limits: tuple[int, int]) -> None:
    """Bytes that a file may have from now on."""
    children = [pid for listed in Path("/proc/self/task").glob("*/children") for pid in listed.read_text().split()]
    for process in (0, *map(int, children)):
        resource.prlimit(process, resource.RLIMIT_FSIZE, limits)


@contextmanager
def held_database(home: Path) -> Iterator[None]:
    """Another connection holds the database for itself, as a backup program might."""
    other = sqlite3.connect(home / "store.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()
