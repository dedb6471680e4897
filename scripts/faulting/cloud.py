"""The simulated cloud in a process of its own, so that it outlives whatever is killed in front of it."""

import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import anyio

from mcp_server.sandbox.app import SandboxApp, create_app
from mcp_server.sandbox.server import serving
from tests.support.forked import live_and_end

Json = Any
KEY: Final = "canary-api-key-0123456789abcdef01234567"


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running simulated cloud; ``url`` ends in /api/v1."""

    url: str

    def reset(self) -> None:
        """Back to the seeded state, with no journal and no faults."""
        self._control("POST", "reset", {})

    def journal(self) -> list[Mapping[str, Json]]:
        """Every request so far."""
        rows: list[Mapping[str, Json]] = self._control("GET", "journal")
        return rows

    def state(self) -> Mapping[str, Json]:
        """The whole state."""
        dump: Mapping[str, Json] = self._control("GET", "state")
        return {**dump, "defaults": self._control("GET", "defaults")}

    def fault(self, **given: Json) -> None:
        """One more scripted fault."""
        self._control("POST", "faults", given)

    def advance(self, seconds: float) -> None:
        """Its time moved on, until it is reset."""
        self._control("POST", "advance", {"seconds": seconds})

    def clear(self) -> None:
        """No more faults."""
        self._control("DELETE", "faults")

    def edit(self, path: str, value: Mapping[str, Json]) -> None:
        """Somebody else's edit in the dashboard, which no request tells of."""
        self._control("POST", "edit", {"path": path, "value": value})

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        """A request as another program makes it, which must be answered well."""
        return _asked(f"{self.url}{path}", method, body)

    def _control(self, method: str, what: str, body: Json = None) -> Json:
        return _asked(f"{self.url.removesuffix('/api/v1')}/_sandbox/{what}", method, body)


def _asked(url: str, method: str, body: Json) -> Json:
    content = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310  loopback, made here
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  as above
        text = answer.read()
    return json.loads(text) if text else None


@contextmanager
def clouded(
    *,
    rate_limit: bool = False,
    prepare: Callable[[SandboxApp], None] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Cloud]:
    """A cloud until the block ends, with that clock; ``prepare`` is done to it before it is asked anything."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        app = create_app(api_key=KEY, rate_limit=rate_limit, clock=now, settle_s=0.2)
        live_and_end(partial(_serve, writer, app, prepare))
    os.close(writer)
    with os.fdopen(reader) as told:
        url = told.readline().strip()
    try:
        yield Cloud(url)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _serve(writer: int, app: SandboxApp, prepare: Callable[[SandboxApp], None] | None) -> None:
    """Serve in this process until it is killed; the address goes to ``writer``."""

    async def run() -> None:
        if prepare is not None:
            prepare(app)
        async with serving(app) as url:
            os.write(writer, f"{url}\n".encode())
            await anyio.sleep_forever()

    anyio.run(run)
