"""Modules that are imported beside the event loop, because they take long."""

from importlib import import_module
from threading import Lock
from typing import Final

SDK: Final = "mcp_server.transport.sdk_bridge"
_ALONE: Final = Lock()


def load(name: str) -> None:
    """Import that module, in whatever thread this runs; one at a time.

    Two threads that import packages with cycles can each wait for the other's, and Python then lets one of them see a
    module that is half made (importlib, _DeadlockError).
    """
    with _ALONE:
        import_module(name)
