"""The system's log, which another account keeps; sent to its socket, so that a missing log daemon is noticed."""

import socket
from pathlib import Path
from typing import Final

from mcp_server.errors import StoreUnavailable

SOCKET: Final = Path("/dev/log")
_PRIORITY: Final = 13 * 8 + 5  #: RFC 5424: facility 13 (log audit), severity 5 (notice)
_TIMEOUT_S: Final = 5.0


def append(path: Path, line: str) -> None:
    """The line as one message of the log. Raises StoreUnavailable."""
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise StoreUnavailable(f"{path}: this system has no such socket")
    message = f"<{_PRIORITY}>meraki-specialist: {line}".encode()
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as log:
            log.settimeout(_TIMEOUT_S)
            log.connect(str(path))
            log.send(message)
    except OSError as problem:
        raise StoreUnavailable(f"syslog {path}: {problem.strerror or problem}") from problem
