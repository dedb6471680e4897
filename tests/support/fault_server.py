"""A server on loopback that breaks connections on purpose: what an in-process transport cannot show."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

Fault = Callable[["FaultServer", asyncio.StreamWriter], Awaitable[None]]


class FaultServer:
    """One fault for each request in order; the last one stays. ``requests`` holds the raw bytes of each."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = list(faults)
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[bytes] = []
        self.connections = 0
        self.sent_bytes = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it is closed by either side."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                self.requests.append(await _request(reader))
                fault = self._faults.pop(0) if len(self._faults) > 1 else self._faults[0]
                await fault(self, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self._tasks.discard(task)

    async def stop(self) -> None:
        """Ends the connections that are left."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def fault_server(*faults: Fault) -> AsyncIterator[FaultServer]:
    """A running server; stopped at the end."""
    state = FaultServer(faults)
    listening = await asyncio.start_server(state.serve, "127.0.0.1", 0)
    state.port = listening.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        listening.close()
        await state.stop()
        await listening.wait_closed()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)


def answers(data: Any = None, status: int = 200, **headers: str) -> Fault:
    """No fault: a whole answer."""
    body = b"" if data is None else json.dumps(data).encode()

    async def fault(_server: FaultServer, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, len(body), headers) + body)
        await writer.drain()

    return fault


def resets(after: bytes = b"") -> Fault:
    """A reset of the connection, after these bytes of an answer of 1000."""

    async def fault(_server: FaultServer, writer: asyncio.StreamWriter) -> None:
        if after:
            writer.write(_head(200, 1000, {}) + after)
            await writer.drain()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    return fault


def closes(after: bytes = b"") -> Fault:
    """An orderly close, after these bytes of an answer of 1000: the body is cut short."""

    async def fault(_server: FaultServer, writer: asyncio.StreamWriter) -> None:
        if after:
            writer.write(_head(200, 1000, {}) + after)
            await writer.drain()
        writer.close()

    return fault


async def is_silent(_server: FaultServer, _writer: asyncio.StreamWriter) -> None:
    """Nothing, ever."""
    await asyncio.Event().wait()


async def talks_no_http(_server: FaultServer, writer: asyncio.StreamWriter) -> None:
    """Bytes that are no HTTP."""
    writer.write(b"\x00\x01SSH-2.0-not-http\r\n\r\n")
    await writer.drain()
    writer.close()


def drips(status: int = 200, every_s: float = 0.01) -> Fault:
    """One byte at a time: never silent for long, never at its end."""

    async def fault(server: FaultServer, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, 50_000, {}))
        for _ in range(50_000):
            writer.write(b" ")
            await writer.drain()
            server.sent_bytes += 1
            await asyncio.sleep(every_s)

    return fault


def floods(total_bytes: int, *, announced: bool, status: int = 200) -> Fault:
    """A long body, its length announced or in chunks."""

    async def fault(server: FaultServer, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(status, total_bytes if announced else None, {}))
        block = b" " * 65_536
        framed = block if announced else b"10000\r\n" + block + b"\r\n"
        for _ in range(total_bytes // len(block)):
            writer.write(framed)
            await writer.drain()
            server.sent_bytes += len(block)
        writer.close()

    return fault


def _head(status: int, length: int | None, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json"]
    lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
