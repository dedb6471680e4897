"""MCP over Streamable HTTP at /mcp, or over HTTP+SSE at /sse and /messages/.

Host and Origin are checked on every bind. A bind that others can reach is refused while there is no authentication.
"""

import ipaddress
import json
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from starlette.routing import Mount, Route

from mcp_server.errors import SettingsError
from mcp_server.transport.host import Host
from mcp_server.transport.sdk_bridge import Bridge, SseApp, web_app

_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


async def serve(host: Host, transport: str, address: tuple[str, int], bridge: type[Bridge] = Bridge) -> None:
    """Serve until the process is told to stop; SettingsError for a bind that others can reach."""
    config = uvicorn.Config(
        app(host, transport, address, bridge),
        host=address[0],
        port=address[1],
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
    )
    await uvicorn.Server(config).serve()


def app(host: Host, transport: str, address: tuple[str, int], bridge: type[Bridge] = Bridge) -> Any:
    """The ASGI application of one transport; ``address`` is where it will be bound, ``bridge`` what answers."""
    refuse_open_bind(address[0])
    names = [*_LOCAL[:2], f"[{_LOCAL[2]}]"]
    hosts = [f"{name}:*" for name in names]
    origins = [f"http://{name}:*" for name in names]
    answers = bridge(host, transport)
    application = web_app(answers, hosts, origins)
    if transport == "sse":
        sse = SseApp(answers, hosts, origins)
        application.router.routes[:] = [Route("/sse", _Stream(sse)), Mount("/messages/", app=sse.post)]
    return PlainErrors(application)


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
        await self._sse.stream(scope, receive, send)


class PlainErrors:
    """An ASGI app in which a body that is no message of the protocol is refused in our words, not in a library's."""

    def __init__(self, app: Any) -> None:
        """Around ``app``; everything but such a refusal passes untouched."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request; the SDK puts the whole report of its validation into a 400 (mcp 2.3.0, streamable_http.py)."""
        held: list[Any] = []

        async def outgoing(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.BAD_REQUEST:
                held.append(message)
                return
            if held:
                start, body = held.pop(), _reworded(message.get("body", b""))
                kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
                await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
                message = {**message, "body": body}
            await send(message)

        await self._app(scope, receive, outgoing)


def _reworded(body: bytes) -> bytes:
    if b"alidation error" not in body:
        return body
    answer = json.loads(body)
    told = "The body is no message of the protocol: jsonrpc, id, method and params are needed, each of its type."
    answer["error"] = {"code": answer["error"]["code"], "message": told}
    return json.dumps(answer).encode()
