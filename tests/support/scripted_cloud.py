"""A cloud that answers from a script, and a client on it: for tests of what is asked and what is made of the answer."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from mcp_server.meraki.asgi import through
from mcp_server.meraki.budget import LocalBudget
from mcp_server.meraki.client import MerakiClient
from tests.support.fake_clock import FakeClock

KEY = "k3y-canary-0123456789abcdef0123456789ab"
Answer = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


class ScriptedCloud(httpx2.AsyncBaseTransport):
    """One answer for each request in order; the last one stays. ``asked`` lists the requests."""

    def __init__(self, *script: Answer) -> None:
        self._script = list(script)
        self.asked: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The next answer of the script."""
        self.asked.append(request)
        answer = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            content = [part async for part in answer.stream] if hasattr(answer.stream, "__aiter__") else []
            return httpx2.Response(answer.status_code, headers=answer.headers, content=b"".join(content))
        return answer(request)

    @property
    def paths(self) -> list[str]:
        """Path and query of each request."""
        return [request.url.raw_path.decode() for request in self.asked]


def json_answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    """An answer as the API gives it."""
    return httpx2.Response(status, json=data, headers=dict(headers or {}))


def client_on(
    transport: httpx2.AsyncBaseTransport | None, clock: FakeClock | None = None, **more: Any
) -> tuple[MerakiClient, FakeClock]:
    """A client with that transport (None: real sockets) and the clock that it uses; no chance in its waits."""
    clock = clock or FakeClock()
    more.setdefault("budget", LocalBudget(clock))
    more.setdefault("chance", lambda _state: 0.0)
    base_url = more.pop("base_url", "https://api.meraki.com")
    given = None if transport is None else through(transport)
    return MerakiClient(base_url, more.pop("api_key", KEY), clock=clock, connections=given, **more), clock
