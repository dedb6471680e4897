"""The sandbox asked over its ASGI door, without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from mcp_server.sandbox.app import DEFAULT_KEY, SandboxApp

ORIGIN = "http://sandbox.test"


@asynccontextmanager
async def asking(app: SandboxApp, key: str = DEFAULT_KEY) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose paths start below /api/v1; control paths are asked with ORIGIN."""
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url=f"{ORIGIN}/api/v1", headers=headers) as client:
        yield client
