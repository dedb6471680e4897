"""MCP over Streamable HTTP at /mcp, or over HTTP+SSE at /sse and /messages/.

Host and Origin are checked on every bind. A bind that others can reach is refused while there is no authentication.
"""

import ipaddress
import json
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import anyio
from starlette.routing import Mount, Route

from mcp_server.errors import SettingsError
from mcp_server.transport.host import Host
from mcp_server.transport.listening import SLOWEST_S, server
from mcp_server.transport.sdk_bridge import Bridge, SseApp, is_message, web_app
from mcp_server.transport.unanswerable import FAULT, is_unanswerable

_LOCAL: Final = ("127.0.0.1", "localhost", "::1")
_LONGEST: Final = 4 * 1024 * 1024  #: bytes of a body; the SDK refuses more
_SMALL: Final = 64 * 1024  #: bytes of a body that is taken whatever else comes
_MOST_HELD: Final = 64 * 1024 * 1024  #: bytes of all bodies that come or are answered, before a long one is refused
_INVALID_REQUEST: Final = -32600  #: of JSON-RPC
_NOT_RESUMED: Final = "Nothing can be resumed: events have no ids here. Ask again without Last-Event-ID."


async def serve(host: Host, transport: str, address: tuple[str, int], bridge: type[Bridge] = Bridge) -> None:
    """Serve until the process is told to stop; SettingsError for a bind that others can reach."""
    path = "/sse" if transport == "sse" else "/mcp"
    answers = bridge(host, transport)
    listens = server(_app(answers, transport, address), address, path)
    listens.ending = answers.stop_asking
    await listens.serve()


def app(host: Host, transport: str, address: tuple[str, int], bridge: type[Bridge] = Bridge) -> Any:
    """The ASGI application of one transport; ``address`` is where it will be bound, ``bridge`` what answers."""
    return _app(bridge(host, transport), transport, address)


def _app(answers: Bridge, transport: str, address: tuple[str, int]) -> Any:
    refuse_open_bind(address[0])
    names = sorted({f"[{name}]" if ":" in name else name for name in (*_LOCAL, address[0])})
    hosts = [*names, *(f"{name}:*" for name in names)]
    origins = [f"http://{host}" for host in hosts]
    application = web_app(answers, hosts, origins)
    if transport == "sse":
        sse = SseApp(answers, hosts, origins)
        application.router.routes[:] = [Route("/sse", _Stream(sse)), Mount("/messages/", app=sse.post)]
    return PlainErrors(application, takes=is_message if transport == "sse" else lambda _body: True)


def refuse_open_bind(address: str) -> None:
    """Nothing for a loopback address; SettingsError for any other, because nobody is authenticated yet."""
    try:
        is_local = address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_local = False
    if not is_local:
        raise SettingsError(
            "--host", address, "a loopback address (127.0.0.1, localhost, ::1): there is no authentication"
        )


class _Stream:
    """A class, because Starlette takes a plain function for a request handler and not for an ASGI app."""

    def __init__(self, sse: SseApp) -> None:
        self._sse = sse

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await self._sse.stream(scope, receive, send)
        else:  # a client that asks for Streamable HTTP first takes this for the sign that it is not spoken here
            await _refuse(send, HTTPStatus.METHOD_NOT_ALLOWED, "A stream is opened with GET.", allow="GET")


class PlainErrors:
    """An ASGI app that reads each body whole before anybody else does, and refuses in our words, not in a library's.

    The SDK logs a client that leaves in the middle of a body as a fault of its own, waits for ever for a body that does
    not end, puts the whole report of its validation into a 400, and leaves a client without an answer that wants a
    stream resumed, or whose request another one with its id overtakes (mcp 2.3.0, streamable_http.py).
    """

    def __init__(
        self, app: Any, slowest_s: float = SLOWEST_S, takes: Callable[[bytes], bool] = lambda _body: True
    ) -> None:
        """Around ``app``; everything but such a request passes untouched, and a body that it ``takes`` not."""
        self._app = app
        self._slowest_s = slowest_s
        self._takes = takes
        self._held = 0  # bytes of the bodies that have come, until they are answered
        self._asked: frozenset[tuple[bytes, str]] = frozenset()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request, if it comes to its end."""
        if scope["type"] == "http" and scope["method"] == "POST":
            await self._posted(scope, receive, send)
            return
        outgoing = _Rewording(send)
        await self._app(scope, receive, outgoing)
        if not outgoing.is_begun and scope["type"] == "http" and scope["method"] == "GET":
            await _refuse(send, HTTPStatus.METHOD_NOT_ALLOWED, _NOT_RESUMED, allow="GET, POST, DELETE")

    async def _posted(self, scope: Any, receive: Any, send: Any) -> None:
        parts: list[Any] = []
        try:
            with anyio.move_on_after(self._slowest_s) as waited:
                await self._gather(receive, parts)
            if waited.cancelled_caught:
                await _refuse(send, HTTPStatus.REQUEST_TIMEOUT, "The body has not come to its end.")
            elif parts[-1]["type"] != "http.disconnect":
                await self._gathered(scope, parts, receive, send)
        finally:
            self._held -= sum(len(part.get("body", b"")) for part in parts)

    async def _gather(self, receive: Any, parts: list[Any]) -> None:
        """Up to the body's end, to where it is too long for the SDK or too much beside others, or its sender left."""
        size, is_open = 0, True
        while is_open and size <= _LONGEST and not self._is_too_much(size):
            parts.append(await receive())
            is_open, more = parts[-1].get("more_body", False), len(parts[-1].get("body", b""))
            size += more
            self._held += more

    def _is_too_much(self, size: int) -> bool:
        return size > _SMALL and self._held > _MOST_HELD

    async def _gathered(self, scope: Any, parts: list[Any], receive: Any, send: Any) -> None:
        body = b"".join(part["body"] for part in parts)
        if self._is_too_much(len(body)):
            await _refuse(send, HTTPStatus.SERVICE_UNAVAILABLE, "Too many long bodies come at once; try again.")
            return
        if is_unanswerable(body.decode(errors="replace")) or (len(body) <= _LONGEST and not self._takes(body)):
            await _refuse(send, HTTPStatus.BAD_REQUEST, FAULT)
            return
        asked = _asked(scope, body)
        if asked & self._asked:
            await _refuse(send, HTTPStatus.CONFLICT, "A request of this session with this id is not answered yet.")
            return
        coming = list(parts)

        async def again() -> Any:
            return coming.pop(0) if coming else await receive()

        self._asked |= asked
        try:
            await self._app(scope, again, _Rewording(send))
        finally:
            self._asked -= asked


def _asked(scope: Any, body: bytes) -> frozenset[tuple[bytes, str]]:
    """The session of 2025-11-25 and the id of a request in it, as the SDK keeps them apart: to it 5 is "5"."""
    session = next((value for name, value in scope["headers"] if name == b"mcp-session-id"), b"")
    message: Any = None
    if session:
        with suppress(ValueError, RecursionError):
            message = json.loads(body)
    is_request = isinstance(message, dict) and "method" in message and "id" in message
    return frozenset({(session, str(message["id"]))} if is_request else ())


async def _refuse(send: Any, status: HTTPStatus, words: str, allow: str = "") -> None:
    """An answer that needs nothing of the request, and the end of the connection; ``allow`` names other methods."""
    body = json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": _INVALID_REQUEST, "message": words}}).encode()
    length = str(len(body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length), (b"connection", b"close")]
    headers += [(b"allow", allow.encode())] if allow else []
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Rewording:
    """The ``send`` of one answer, by which a 400 goes out in our words."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self._held: list[Any] = []
        self.is_begun = False

    async def __call__(self, message: Any) -> None:
        """One part of the answer."""
        self.is_begun = True
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.BAD_REQUEST:
            self._held.append(message)
            return
        if self._held:
            start, body = self._held.pop(), _reworded(message.get("body", b""))
            kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            await self._send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
            message = {**message, "body": body}
        await self._send(message)


def _reworded(body: bytes) -> bytes:
    if b"alidation error" not in body:
        return body
    answer = json.loads(body)
    told = "The body is no message of the protocol: jsonrpc, id, method and params are needed, each of its type."
    answer["error"] = {"code": answer["error"]["code"], "message": told}
    return json.dumps(answer).encode()
