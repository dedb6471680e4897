"""How many connections are taken, and how long one may ask nothing."""

import resource
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.abc
import pytest
from sse_starlette.sse import AppStatus

from mcp_server.transport.listening import MOST, Connection, most_connections, server
from tests.support.longest import LONGEST_S
from tests.support.loop_time import let_pass
from tests.support.waiting import wait_until

ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class Seen:
    """What a server's connections did."""

    made: int = 0
    read_bytes: int = 0
    looks: int = 0  #: whether something has been asked

    def bounds(self) -> dict[str, Any]:
        """Connections that say so, and wait as long as no machine keeps them waiting."""

        def connection_made(connection: Connection, transport: Any) -> None:
            Connection.connection_made(connection, transport)
            self.made += 1

        def data_received(connection: Connection, data: bytes) -> None:
            Connection.data_received(connection, data)
            self.read_bytes += len(data)

        def unasked(connection: Connection) -> None:
            Connection._unasked(connection)
            self.looks += 1

        told = {"connection_made": connection_made, "data_received": data_received, "_unasked": unasked}
        return {"slowest_s": LONGEST_S, **told}


async def _app(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def _listening(of_app: Any = _app, **of: Any) -> AsyncIterator[int]:
    """The port of a server whose connections have these bounds."""
    listens = server(of_app, ("127.0.0.1", 0), "/")
    listens.config.http = type("Small", (Connection,), of)
    listens.config.lifespan = "off"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listens.serve, [listener])
            yield listener.getsockname()[1]
            listens.should_exit = True


async def _closed(stream: anyio.abc.ByteStream) -> bool:
    """Whether the other side ends the connection without a word; TimeoutError when it does nothing."""
    with anyio.fail_after(LONGEST_S):
        try:
            await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return True
    return False


async def test_connections_beyond_the_most_are_cut_and_those_before_go_on() -> None:
    """A flood takes no descriptor that the store or a change needs."""
    async with _listening(most=2) as port:
        async with await anyio.connect_tcp("127.0.0.1", port) as one, await anyio.connect_tcp("127.0.0.1", port) as two:
            for stream in (one, two):
                await stream.send(ASK)
                assert (await stream.receive()).startswith(b"HTTP/1.1 200")
            async with await anyio.connect_tcp("127.0.0.1", port) as three:
                assert await _closed(three)
            await two.send(ASK)
            assert (await two.receive()).startswith(b"HTTP/1.1 200")
        async with await anyio.connect_tcp("127.0.0.1", port) as again:
            await again.send(ASK)
            assert (await again.receive()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("begun", [b"", b"POST / HTTP/1.1\r\nX: "])
async def test_a_connection_on_which_nothing_is_asked_is_closed(begun: bytes) -> None:
    """Silent, or with a request that never ends."""
    seen = Seen()
    async with _listening(**seen.bounds()) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        if begun:
            await stream.send(begun)
        await wait_until(lambda: seen.made == 1 and seen.read_bytes == len(begun))
        let_pass(LONGEST_S)
        assert await _closed(stream)


async def test_a_connection_on_which_the_next_request_never_ends_is_closed() -> None:
    """Its first byte ends uvicorn's own wait for it."""
    seen, begun = Seen(), b"POST / HTTP/1.1\r\nX: "
    async with _listening(**seen.bounds()) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(ASK)
        assert (await stream.receive()).startswith(b"HTTP/1.1 200")
        await stream.send(begun)
        await wait_until(lambda: seen.read_bytes == len(ASK + begun))
        let_pass(LONGEST_S)
        assert await _closed(stream)


async def test_a_connection_on_which_something_was_asked_is_left_alone() -> None:
    """However long the answer takes, to the first request or a later one: an open stream is one."""
    seen = Seen()

    async def late(scope: Any, receive: Any, send: Any) -> None:
        looks = seen.looks
        let_pass(LONGEST_S)
        await wait_until(lambda: seen.looks == looks + 1)
        await _app(scope, receive, send)

    async with _listening(late, **seen.bounds()) as port, await anyio.connect_tcp("127.0.0.1", port) as stream:
        for _ in range(2):
            await stream.send(ASK)
            assert (await stream.receive()).startswith(b"HTTP/1.1 200")
    assert seen.looks == 2


async def test_a_server_that_ends_says_so_before_it_closes_anything() -> None:
    """What waits for a person is answered in the moment that is left."""
    listens = server(_app, ("127.0.0.1", 0), "/")
    listens.config.lifespan = "off"
    told: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, anyio.fail_after(LONGEST_S):
        listens.ending = lambda: told.append(listener.fileno() >= 0)
        listens.should_exit = True
        await listens.serve([listener])
        assert (told, listener.fileno()) == ([True], -1)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_taken_for_what_it_asks_and_not_raised_again(
    monkeypatch: pytest.MonkeyPatch, told: signal.Signals
) -> None:
    """What comes after the server in the same process still happens."""
    # A signal ends every stream of this process, in later tests too (sse-starlette 3.7, sse.py): put back at the end.
    monkeypatch.setattr(AppStatus, "should_exit", False)
    listens, before = server(_app, ("127.0.0.1", 0), "/"), signal.getsignal(told)
    with listens.capture_signals():
        signal.raise_signal(told)
    assert listens.should_exit
    assert signal.getsignal(told) == before


@pytest.mark.parametrize(("allowed", "most"), [(256, 128), (1, 1), (1 << 20, MOST), (resource.RLIM_INFINITY, MOST)])
def test_half_of_the_files_of_the_process_are_left_to_its_work(
    monkeypatch: pytest.MonkeyPatch, allowed: int, most: int
) -> None:
    """What macOS allows a process by itself is 256."""
    monkeypatch.setattr(resource, "getrlimit", lambda _what: (allowed, allowed))
    assert most_connections() == most
    assert getattr(server(_app, ("127.0.0.1", 0), "/").config.http, "most", None) == most
