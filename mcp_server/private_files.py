"""Files that only this account may read: keys, sealed secrets, enrolments.

Two rules: a symbolic link is never followed, and a file or directory that others can read is refused, not repaired.
"""

import errno
import os
import stat
import tempfile
from pathlib import Path

from mcp_server.errors import Refused, StoreUnavailable

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # not on Windows
_HAS_MODES = os.name == "posix"
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  #: what a disk without hard links says


def private_directory(path: Path, *, forbidden: int = 0o077) -> Path:
    """The directory, made with mode 0700 when it is missing.

    Raises ``StoreUnavailable`` when it is a symbolic link, is no directory, belongs to somebody else, or grants any of
    the ``forbidden`` permission bits.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as problem:
        raise StoreUnavailable(f"{path} cannot be made or read: {problem.strerror}") from problem
    if stat.S_ISLNK(found.st_mode):
        raise StoreUnavailable(f"{path} is a symbolic link; name the directory itself")
    if not stat.S_ISDIR(found.st_mode):
        raise StoreUnavailable(f"{path} is not a directory")
    _check(path, found, forbidden)
    return path


def read_private(path: Path) -> bytes | None:
    """The content, or None when there is no such file; ``StoreUnavailable`` when others may read it or it fails."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise StoreUnavailable(f"{path} cannot be read: {problem.strerror}") from problem
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise StoreUnavailable(f"{path} is not a plain file")
        _check(path, found, 0o077)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    except OSError as problem:
        raise StoreUnavailable(f"{path} cannot be read: {problem.strerror}") from problem
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes, *, replace: bool = False) -> bool:
    """Whether it was written, whole or not at all, mode 0600 and synced; False when it is there and not to be replaced.

    Raises ``StoreUnavailable`` when the directory cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600, never an old file
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            return _put_in_place(Path(name), path, replace=replace)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as problem:
        raise StoreUnavailable(f"{path} cannot be written: {problem.strerror}") from problem


def _put_in_place(written: Path, path: Path, *, replace: bool) -> bool:
    """Move the written file to its name; without ``replace`` a file that is there stays."""
    if replace:
        written.replace(path)
        _sync_directory(path.parent)
        return True
    return put_new(written, path)


def is_there(path: Path) -> Refused:
    """What a person is told whose new file has the name of another."""
    return Refused(f"{path} is there already.", "Name a new file.", code="file_exists")


def put_new(written: Path, path: Path) -> bool:
    """Whether a written file, synced before, has a new name now, durably; False when something has that name.

    By a hard link, which gives the name at once or not at all. On a disk that knows none the name is taken empty first:
    a crash between leaves an empty file there, never a part of one. Raises OSError.
    """
    try:
        os.link(written, path)
    except FileExistsError:
        return False
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600))
        except FileExistsError:
            return False
        written.replace(path)
    _sync_directory(path.parent)
    return True


def _sync_directory(path: Path) -> None:
    """Make the new name durable; Windows has no such call and needs none."""
    if not _HAS_MODES:
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(path: Path, found: os.stat_result, forbidden: int) -> None:
    """Refuse what belongs to somebody else or is open to others."""
    if not _HAS_MODES:
        return
    if found.st_uid != os.geteuid():
        raise StoreUnavailable(f"{path} belongs to another account")
    if stat.S_IMODE(found.st_mode) & forbidden:
        mode = stat.S_IMODE(found.st_mode)
        raise StoreUnavailable(f"{path} has mode {mode:04o}, which lets others in; run: chmod go-rwx '{path}'")
