"""An ASGI application as the other end of the client, for the simulated cloud inside this process."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def transport_to(app: App) -> httpx.AsyncBaseTransport:
    """A transport that hands every request to the application; nothing leaves this process."""
    return httpx.ASGITransport(app=app)
