"""An ASGI application as the other end of the client, for the simulated cloud inside this process."""

from collections.abc import AsyncIterable, Awaitable, Callable, MutableMapping
from typing import Any, cast

import httpcore2
import httpx2

from mcp_server.meraki.requests import Connections

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def connections_to(app: App) -> Connections:
    """Connections that hand every request to the application; nothing leaves this process."""
    return through(httpx2.ASGITransport(app=app))


def through(transport: httpx2.AsyncBaseTransport) -> Connections:
    """A transport of httpx2 in the place of a pool of connections."""

    async def send(request: httpcore2.Request) -> httpcore2.Response:
        url = httpx2.URL(str(request.url.origin)).copy_with(raw_path=request.url.target)
        content = b"".join([part async for part in cast("AsyncIterable[bytes]", request.stream)])
        asked = httpx2.Request(
            request.method.decode(), url, headers=request.headers, content=content, extensions=request.extensions
        )
        answer = await transport.handle_async_request(asked)
        body = cast("AsyncIterable[bytes]", answer.stream)
        return httpcore2.Response(answer.status_code, headers=answer.headers.raw, content=body)

    return Connections(send, transport.aclose)
