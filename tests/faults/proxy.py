"""A TCP proxy that is a bad line: it delays, resets, swallows, drips and cuts, and can tell what it did.

A fault is chosen for each request by its first line, so that the reads around a write pass unharmed. Bytes are counted
from the beginning of the request (``toward`` the cloud) or of its answer (``back``). A request that it holds up, or
whose answer it spoils, says so to the cloud in a header, for a judge must tell what came late from what was sent late.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, Literal

Direction = Literal["toward", "back"]
_BLOCK: Final = 65_536
LATE: Final = "x-late"  #: the header of a request that is held up
LOST: Final = "x-lost"  #: of one whose answer does not come, or not as it was sent


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request. ``kind``:

    latency    each block of that direction comes ``seconds`` later
    reset      the connection is reset once ``after_bytes`` of that direction have passed (0: before the first)
    truncate   the same, but closed in good order
    black_hole nothing of that direction passes once ``after_bytes`` have
    throttle   one byte at a time of that direction, with ``seconds`` between them
    hold       nothing of that direction passes until ``Proxy.release``; then all of it, whether anybody waits or not
    """

    kind: Literal["latency", "reset", "truncate", "black_hole", "throttle", "hold"]
    direction: Direction = "back"
    after_bytes: int = 0
    seconds: float = 0.0
    method: str = "PUT"
    path: str = ""  #: a part of the request's path; "": any
    times: int = 1  #: how many requests it is for
    skip: int = 0  #: how many of them go well before


@dataclass
class Proxy:
    """A running proxy; ``used`` lists the request lines that a fault was done to."""

    target: tuple[str, int]
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    _held: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _left: dict[int, int] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The base URL to give to a server."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    def add(self, fault: Fault) -> None:
        """One more fault."""
        self.faults.append(fault)
        self._left[id(fault)] = fault.skip + fault.times

    async def holding(self) -> None:
        """Returns when a request is held."""
        await self._held.wait()

    async def release(self) -> None:
        """Let what is held pass; returns when the cloud has answered it, which nobody may be there to read."""
        self._released.set()
        await self._arrived.wait()

    def take(self, line: str) -> Fault | None:
        """The fault of a request with that first line, used up by one, or None."""
        method, _, path = line.partition(" ")
        for fault in self.faults:
            if self._left[id(fault)] > 0 and fault.method == method and fault.path in path:
                self._left[id(fault)] -= 1
                if self._left[id(fault)] >= fault.times:
                    return None
                self.used.append(line)
                return fault
        return None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side closes it or a fault ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        cloud_reader, cloud_writer = await asyncio.open_connection(*self.target)
        line = Line(self, writer, cloud_writer)
        toward = asyncio.create_task(line.toward(reader))
        back = asyncio.create_task(line.back(cloud_reader))
        try:
            await asyncio.wait({toward, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (toward, back):
                one.cancel()
            for end in (writer, cloud_writer):
                end.close()
            await asyncio.gather(toward, back, *map(_closed, (writer, cloud_writer)), return_exceptions=True)

    async def stop(self) -> None:
        """End every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the loop's next turn


@dataclass
class Line:
    """One connection through the proxy; ``fault`` is that of the request under way."""

    proxy: Proxy
    client: asyncio.StreamWriter
    cloud: asyncio.StreamWriter
    fault: Fault | None = None
    passed: dict[Direction, int] = field(default_factory=dict)

    async def toward(self, reader: asyncio.StreamReader) -> None:
        """Requests, one after the other: a client sends the next one only when it has its answer."""
        while block := await reader.read(_BLOCK):
            first, _, _ = block.partition(b"\r\n")
            words = first.decode("latin-1").split(" ")
            if len(words) == 3 and words[2].startswith("HTTP/"):
                self.fault = self.proxy.take(" ".join(words[:2]))
                self.passed = {"toward": 0, "back": 0}
                block = marked(block, self.fault)
            if not await self._pass("toward", block, self.cloud):
                return
        if self.is_held:  # the client is gone, the request is not
            await self.proxy._arrived.wait()

    async def back(self, reader: asyncio.StreamReader) -> None:
        """Answers."""
        while block := await reader.read(_BLOCK):
            if self.is_held:
                self.proxy._arrived.set()
            if not await self._pass("back", block, self.client):
                return

    @property
    def is_held(self) -> bool:
        """Whether the request under way is one that is held."""
        return self.fault is not None and self.fault.kind == "hold"

    async def _pass(self, direction: Direction, block: bytes, to: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on after the block."""
        fault = self.fault if self.fault is not None and self.fault.direction == direction else None
        if fault is None:
            return await _sent(to, block)
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
            return await _sent(to, block)
        if fault.kind == "hold":
            self.proxy._held.set()
            await self.proxy._released.wait()
            return await _sent(to, block)
        if fault.kind == "throttle":
            return await _dripped(to, block, fault.seconds)
        room = max(0, fault.after_bytes - self.passed[direction])
        self.passed[direction] += len(block)
        await _sent(to, block[:room])
        if len(block) <= room:
            return True
        if fault.kind == "black_hole":
            await asyncio.Event().wait()
        if fault.kind == "reset":
            for end in (self.client, self.cloud):
                reset(end)
        return False


def marked(block: bytes, fault: Fault | None) -> bytes:
    """The beginning of a request, with a header more when it is going to be held up or its answer spoiled."""
    is_late = fault is not None and fault.kind in ("latency", "hold")
    if fault is None or (fault.direction == "toward" and not is_late):
        return block
    name = LATE if fault.direction == "toward" else LOST
    first, _, rest = block.partition(b"\r\n")
    return b"%b\r\n%b: %b\r\n%b" % (first, name.encode(), fault.kind.encode(), rest)


async def _sent(to: asyncio.StreamWriter, block: bytes) -> bool:
    if block:
        to.write(block)
        await to.drain()
    return True


async def _closed(end: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        await end.wait_closed()


async def _dripped(to: asyncio.StreamWriter, block: bytes, seconds: float) -> bool:
    for byte in block:
        await asyncio.sleep(seconds)
        await _sent(to, bytes([byte]))
    return True


def reset(end: asyncio.StreamWriter) -> None:
    """Close a connection with RST: what is still under way is lost."""
    raw = end.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()


def address(url: str) -> tuple[str, int]:
    """Host and port of a base URL."""
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    return host, int(port)


@contextlib.asynccontextmanager
async def proxied(url: str, proxy: Proxy | None = None) -> AsyncIterator[Proxy]:
    """A proxy in front of the server at that base URL; ``proxy``: one that decides in its own way."""
    proxy = proxy or Proxy(address(url))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await proxy.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()
        await server.wait_closed()
