"""The sandbox over TCP for clients that block, and under the host name that the official SDK insists on."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from anyio.from_thread import start_blocking_portal

from mcp_server.sandbox.app import SandboxApp
from mcp_server.sandbox.server import serving

MERAKI = "api.meraki.com"


@contextmanager
def served(app: SandboxApp) -> Iterator[str]:
    """The base URL of the app while another thread serves it."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving(app)) as url:
        yield url


class MerakiOnLoopback(httpx.BaseTransport):
    """Sends what is meant for api.meraki.com to a loopback port, and nothing anywhere else."""

    def __init__(self, base: str) -> None:
        """``base`` is the served base URL."""
        self._target = httpx.URL(base)
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the sandbox; the Host header stays as the client wrote it."""
        assert request.url.host == MERAKI, request.url
        request.url = request.url.copy_with(scheme="http", host=self._target.host, port=self._target.port)
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
