"""A file that is only ever appended to; best on another disk, or one that the system lets nobody rewrite."""

import os
from pathlib import Path

from mcp_server.errors import StoreUnavailable


def append(path: Path, line: str) -> None:
    """The line at the end of the file, synced; the file is made with mode 0600. Raises StoreUnavailable."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    content = f"{line}\n".encode()
    try:
        descriptor = os.open(path, flags, 0o600)
        try:
            if os.write(descriptor, content) != len(content):
                raise StoreUnavailable(f"{path}: the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise StoreUnavailable(f"{path}: {problem.strerror}") from problem
