"""What a client asks for and does not read: more than so many answers of a connection are not kept for it.

The SDK begins each request as soon as it comes in, and keeps its answer until the client takes it: 25 KB each, without
end (mcp 2.3.0, jsonrpc_dispatcher.py). Whoever does not read is therefore not read on either.
"""

from typing import Any, Final

import anyio

MOST: Final = 1_000  #: answers of one connection


class Outgoing:
    """The stream to the client of one connection; counts what waits to be taken."""

    def __init__(self, write: Any, most: int) -> None:
        """Around the SDK's ``write``."""
        self._write = write
        self._most = most
        self._waiting = 0
        self._taken = anyio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._write, name)

    async def __aenter__(self) -> "Outgoing":
        return self

    async def __aexit__(self, *_raised: Any) -> None:
        await self._write.aclose()

    async def send(self, message: Any) -> None:
        """Until it is taken."""
        self._waiting += 1
        try:
            await self._write.send(message)
        finally:
            self._waiting -= 1
            self._taken.set()

    async def wait_taken(self) -> None:
        """Until few enough wait; at once when they do."""
        while self._waiting > self._most:
            self._taken = anyio.Event()
            await self._taken.wait()
