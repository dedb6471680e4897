"""Which servers on this data directory live: each holds a lock for as long as its process does.

The operating system gives the lock up when the process ends, whatever ended it, and keeps it while the process is only
stopped or slow. So no clock decides whether somebody else may go on with a change.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import Final

import filelock

from mcp_server.errors import StoreUnavailable
from mcp_server.private_files import private_directory

_FOLDER: Final = "servers"
_END: Final = ".lock"
_TRIES: Final = 20
_NAME: Final = re.compile(r"server-[a-z0-9]{1,40}")


class Presence:
    """The port Servers of one process."""

    def __init__(self, home: Path, name: str) -> None:
        """``name`` is used by no other server; nothing is shown before ``enter``."""
        self._folder = home / _FOLDER
        self.name = name
        self._descriptor: int | None = None

    def enter(self) -> str:
        """Its name, shown to live until ``close`` or the end of the process; StoreUnavailable when it cannot be."""
        if self._descriptor is None or not self._is_in_place(self._descriptor):
            taken, before = self._taken(), self._descriptor
            self._descriptor = taken
            if before is not None:
                os.close(before)
        return self.name

    def _taken(self) -> int:
        """The descriptor of its file, locked and in its place.

        Between making the file and locking it, somebody may look at it, find it free and take it for one left behind:
        a lock on a file that is no longer there would show nobody that this server lives. So it is made anew then.
        """
        for _ in range(_TRIES):
            try:
                private_directory(self._folder)
                descriptor = os.open(self._path(self.name), _FLAGS | os.O_CREAT, 0o600)
            except OSError as problem:
                raise StoreUnavailable(f"{self._folder} cannot be written: {problem.strerror}") from problem
            if filelock.lock_descriptor(descriptor, blocking=False) and self._is_in_place(descriptor):
                return descriptor
            os.close(descriptor)
        raise StoreUnavailable(f"{self._path(self.name)} is locked by another process")

    def _is_in_place(self, descriptor: int) -> bool:
        """Whether the file of that descriptor is the one that others find under its name."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path(self.name).stat())
        except OSError:
            return False

    def is_alive(self, name: str) -> bool:
        """Whether that server's lock is held; what cannot be found out counts as alive."""
        if name == self.name:
            return self._descriptor is not None
        if not _NAME.fullmatch(name):
            return False
        try:
            descriptor = os.open(self._path(name), _FLAGS)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        try:
            is_free = filelock.lock_descriptor(descriptor, blocking=False)
            if is_free:
                with contextlib.suppress(OSError):  # another server has removed it, or it stays: it locks nobody out
                    self._path(name).unlink()
            return not is_free
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """From now on this server counts as gone."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._path(self.name).unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def list_others(self) -> tuple[str, ...]:
        """The names of the other servers that live on this data directory."""
        try:
            names = sorted(file.name.removesuffix(_END) for file in self._folder.iterdir() if file.suffix == _END)
        except OSError:
            return ()
        return tuple(name for name in names if name != self.name and self.is_alive(name))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{_END}"


_FLAGS: Final = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
