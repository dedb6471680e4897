"""HTTP/1.1 connections that are kept open: h11 knows the protocol, the event loop the sockets.

httpx's own transport passes the event loop six times for each request and opens nine cancel scopes; this one waits
where there is something to wait for (docs/decisions/0010).

Three rules: a connection has one request at a time; it is used again only when both sides are through with the last
one, and nothing came or ended since; whoever goes away in the middle of a request takes its connection with him.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import h11
import httpx

from mcp_server.failpoints import failpoint

_HEAD_BYTES: Final = 100 * 1024  #: of an answer's head, at most
_READ_AHEAD: Final = 256 * 1024  #: bytes that may wait to be read before the sender is held up
_STAGGER_S: Final = 0.25  #: between the addresses of one host (RFC 8305)
_Origin = tuple[str, str, int | None]


class Connections(httpx.AsyncBaseTransport):
    """The transport of httpx over at most ``most`` connections, each kept for ``keepalive_s`` seconds after its use.

    Raises what httpx's own would: ConnectError, PoolTimeout, ReadTimeout, RemoteProtocolError ...
    """

    def __init__(self, context: ssl.SSLContext, *, most: int, keepalive_s: float) -> None:
        self._context = context
        self._context.set_alpn_protocols(["http/1.1"])
        self._keepalive_s = keepalive_s
        self._places = asyncio.Semaphore(most)
        self._idle: list[_Connection] = []  #: the one that was used last at the end
        self._is_closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body still to be read; the place is free again when it is closed."""
        limits = request.extensions["timeout"]
        with _timed(httpx.PoolTimeout, request):
            async with asyncio.timeout(limits["pool"]):
                await self._places.acquire()
        connection: _Connection | None = None
        try:
            origin = (request.url.scheme, request.url.host, request.url.port)
            connection = self._kept(origin) or await self._opened(origin, request, limits["connect"])
            await connection.send(request, limits["write"])
            head = await connection.head(request, limits["read"])
        except BaseException:
            if connection is not None:
                connection.drop()
            self._places.release()
            raise
        stream = _Body(self, connection, request, limits["read"])
        extensions = {"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason}
        return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=stream, extensions=extensions)

    def take_back(self, connection: "_Connection") -> None:
        """Keep the connection for the next request if it can have one."""
        self._places.release()
        if connection.is_through() and not self._is_closed:
            self._idle.append(connection)
        else:
            connection.drop()

    async def aclose(self) -> None:
        """Close what is idle, and what is in use after its use."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().drop()
        await asyncio.sleep(0)  # in which the event loop closes the sockets

    def _kept(self, origin: _Origin) -> "_Connection | None":
        """An idle connection there; those that are too old or at their end are closed."""
        oldest = asyncio.get_running_loop().time() - self._keepalive_s
        usable = [one for one in self._idle if one.is_usable(oldest)]
        for one in self._idle:
            if one not in usable:
                one.drop()
        found = next((one for one in reversed(usable) if one.origin == origin), None)
        self._idle = [one for one in usable if one is not found]
        return found

    async def _opened(self, origin: _Origin, request: httpx.Request, limit_s: float) -> "_Connection":
        scheme, host, port = origin
        context = self._context if scheme == "https" else None
        loop = asyncio.get_running_loop()
        with _unopened(request), _timed(httpx.ConnectTimeout, request):
            async with asyncio.timeout(limit_s):
                _, connection = await loop.create_connection(
                    lambda: _Connection(origin),
                    host,
                    port or (443 if context else 80),
                    ssl=context,
                    happy_eyeballs_delay=_STAGGER_S,
                )
        return connection


class _Connection(asyncio.Protocol):
    """One connection, and how far its request is."""

    def __init__(self, origin: _Origin) -> None:
        self.origin = origin
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
        self._transport: Any = None
        self._came = bytearray()
        self._fault: Exception | None = None
        self._has_ended = False
        self._is_full = False  #: what was written last has not left yet
        self._waiter: asyncio.Future[None] | None = None
        self._idle_since: float | None = None

    # --- what the event loop tells -------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._came += data
        if len(self._came) > _READ_AHEAD:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """No more will come."""
        self._has_ended = True
        self._wake()

    def connection_lost(self, fault: Exception | None) -> None:
        """It is closed."""
        self._has_ended = True
        self._fault = fault
        self._wake()

    def pause_writing(self) -> None:
        """The other side does not keep up."""
        self._is_full = True

    def resume_writing(self) -> None:
        """It does again."""
        self._is_full = False
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _news(self, limit_s: float) -> None:
        """Return when the event loop told something."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        async with asyncio.timeout(limit_s):
            await self._waiter

    # --- one request ---------------------------------------------------------------------------------------------

    async def send(self, request: httpx.Request, limit_s: float) -> None:
        """Send it; an other side that takes no more of it may have answered already."""
        url = request.url
        with _misused(request):
            head = h11.Request(method=request.method, target=url.raw_path, headers=request.headers.raw)
            await self._write(self._http.send(head), request, limit_s)
            if request.method != "GET":
                failpoint("K7H")
            if content := request.content:
                await self._write(self._http.send(h11.Data(content)), request, limit_s)
            self._http.send(h11.EndOfMessage())
        if request.method != "GET":
            failpoint("K7")

    async def _write(self, data: bytes | None, request: httpx.Request, limit_s: float) -> None:
        if data and not self._has_ended:
            self._transport.write(data)
        with _timed(httpx.WriteTimeout, request):
            while self._is_full and not self._has_ended:
                await self._news(limit_s)

    async def head(self, request: httpx.Request, limit_s: float) -> h11.Response:
        """The answer's head; what comes before it (100 Continue and the like) is passed over."""
        while not isinstance(event := await self._event(request, limit_s), h11.Response):
            continue
        return event

    async def chunks(self, request: httpx.Request, limit_s: float) -> AsyncIterator[bytes]:
        """The answer's body, as it comes."""
        while isinstance(event := await self._event(request, limit_s), h11.Data):
            yield bytes(event.data)

    async def _event(self, request: httpx.Request, limit_s: float) -> Any:
        """What h11 makes of the bytes that came; it waits for more where that is nothing yet."""
        with _misused(request):
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._read(request, limit_s)
                if not data and self._http.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError("the server hung up without an answer", request=request)
                self._http.receive_data(data)
        return event

    async def _read(self, request: httpx.Request, limit_s: float) -> bytes:
        """The bytes that came; none at the end."""
        with _timed(httpx.ReadTimeout, request):
            while not self._came and not self._has_ended:
                await self._news(limit_s)
        if not self._came and self._fault is not None:
            raise httpx.ReadError(str(self._fault), request=request)
        data = bytes(self._came)
        self._came.clear()
        if len(data) > _READ_AHEAD:
            self._transport.resume_reading()
        return data

    # --- between two requests ------------------------------------------------------------------------------------

    def is_through(self) -> bool:
        """Whether both sides are through with the request and with no other; it is idle from now on."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self._idle_since = asyncio.get_running_loop().time()
        return self.is_usable(self._idle_since)

    def is_usable(self, oldest: float) -> bool:
        """Whether it was used later than at ``oldest``, and nothing came or ended since."""
        is_young = self._idle_since is not None and self._idle_since >= oldest
        is_quiet = not self._came and self._http.trailing_data == (b"", False)
        return is_young and is_quiet and not self._has_ended

    def drop(self) -> None:
        """Close it at once."""
        self._transport.abort()


class _Body(httpx.AsyncByteStream):
    """The body of an answer; closing it gives the connection back, once."""

    def __init__(self, pool: Connections, connection: _Connection, request: httpx.Request, limit_s: float) -> None:
        self._pool = pool
        self._connection = connection
        self._request = request
        self._limit_s = limit_s
        self._is_open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._connection.chunks(self._request, self._limit_s):
            yield chunk

    async def aclose(self) -> None:
        """The rest of the body is not wanted."""
        if self._is_open:
            self._is_open = False
            self._pool.take_back(self._connection)


@contextmanager
def _timed(kind: type[httpx.TimeoutException], request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except TimeoutError as late:
        raise kind(str(late), request=request) from late


@contextmanager
def _unopened(request: httpx.Request) -> Iterator[None]:
    try:
        yield
    except OSError as fault:  # of the resolver, the socket or TLS
        raise httpx.ConnectError(str(fault), request=request) from fault


@contextmanager
def _misused(request: httpx.Request) -> Iterator[None]:
    """Who broke the rules of HTTP, in httpx's words."""
    try:
        yield
    except h11.LocalProtocolError as fault:
        raise httpx.LocalProtocolError(str(fault), request=request) from fault
    except h11.RemoteProtocolError as fault:
        raise httpx.RemoteProtocolError(str(fault), request=request) from fault
