"""Where trials are made: the sandbox over TCP, the product in front of it, the SDK beside it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
import httpx

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.requests import request_for
from mcp_server.domain.call import Touch
from mcp_server.sandbox.app import SandboxApp, create_app
from mcp_server.sandbox.server import serving
from scripts.sweeping.product import Payload, Product, product, settings_of
from scripts.sweeping.states import State, state_of
from scripts.sweeping.witness import Witness, witness
from tests.support.cases import PLACES, Case
from tests.support.stage import KEY, FreeBudget

Json = Any
WAIT: Final = "wait"  #: a step of a case in which nothing is sent and the cloud's clock moves on
_NOW: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class NotPrepared(Exception):
    """What must stand before a write could not be made."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The cloud at one moment: its whole state, and what the SDK reads near the write."""

    state: State
    read: Mapping[str, Json]


class Bench:
    """One sandbox, one product, one SDK."""

    def __init__(self, app: SandboxApp, web: httpx.AsyncClient, ours: Product, sdk: Witness) -> None:
        """``web`` sends to the sandbox as anybody may."""
        self._app = app
        self._web = web
        self.product = ours
        self._sdk = sdk
        self._fresh = app.world.snapshot()

    @property
    def catalogue(self) -> Catalogue:
        """The product's operations."""
        return self.product.server.world().catalogue

    @property
    def overlay(self) -> Overlay:
        """The product's overlay."""
        return self.product.server.world().overlay

    async def prepared(self, case: Case) -> Touch:
        """The write of the case in a fresh world with what it needs; NotPrepared when the sandbox refuses that."""
        self._app.world.restore(self._fresh)
        self._app.world.rewind()
        self._app.world.journal.clear()
        preparing, answer = case.preparing(), None
        while True:
            try:
                step = preparing.send(answer)
            except StopIteration as ready:
                touch: Touch = ready.value
                self._app.world.journal.clear()
                return touch
            except (KeyError, IndexError, TypeError, ValueError) as missing:
                raise NotPrepared(f"an answer before {case.operation} has no {missing}") from missing
            if step.operation == WAIT:
                self._app.world.advance(float((step.body or {})["seconds"]))
                continue
            status, answer = await self.send(step)
            if status >= 300:
                raise NotPrepared(f"{step.operation}: {status} {answer}")

    async def send(self, touch: Touch) -> tuple[int, Json]:
        """Status and body of an operation sent past the product."""
        asked = request_for(self.catalogue.find(touch.operation), touch.params, touch.body)
        reply = await self._web.request(asked.method, asked.path, params=dict(asked.query), json=asked.body)
        is_json = "json" in reply.headers.get("content-type", "")
        return reply.status_code, reply.json() if reply.content and is_json else None

    async def refusal(self, touch: Touch) -> str:
        """Why the sandbox refuses the write when it is sent as it stands; "" when it takes it. Leaves no trace."""
        if _is_edit(touch.body):
            return ""
        mark = self._app.world.snapshot()
        status, answer = await self.send(touch)
        self._app.world.restore(mark)
        self._app.world.journal.clear()
        return "" if status < 300 else f"{status} {'; '.join((answer or {}).get('errors', []))}"

    async def seen(self, touch: Touch) -> Seen:
        """The sandbox's dump and the SDK's reads."""
        calls = self._sdk.near(touch.operation, touch.params)
        read = await anyio.to_thread.run_sync(self._sdk.read, calls)
        return Seen(state_of(await self._dump()), read)

    async def first_key(self, path: str) -> str:
        """The id of the first item at a path whose list shows none; "" when there is no item."""
        dump = await self._dump()
        items = dump["configuration"]["resources"].get(path) or json.loads(dump["defaults"].get(path, "{}"))
        return next(iter(items), "") if isinstance(items, dict) else ""

    async def _dump(self) -> Json:
        return (await self._web.get(str(self._web.base_url).replace("/api/v1/", "/_sandbox/state"))).json()

    async def plan(self, touch: Touch, *, irreversible: bool = False) -> Payload:
        """The answer of meraki_plan."""
        step: dict[str, Json] = {"operation": touch.operation, "params": dict(touch.params)}
        step |= {} if touch.body is None else {"body": touch.body}
        step |= {"irreversible": True} if irreversible else {}
        return await self.product.call("meraki_plan", operations=[step], intent="sweep")


def _is_edit(value: Json) -> bool:
    """Whether a body uses the plan language, which the cloud does not know."""
    if isinstance(value, Mapping):
        return any(name.startswith("$") or _is_edit(item) for name, item in value.items())
    return isinstance(value, list) and any(_is_edit(item) for item in value)


@asynccontextmanager
async def bench(home: Path, overlay: Path | None = None) -> AsyncIterator[Bench]:
    """A bench in front of a sandbox of its own, whose clock stands still."""
    app = create_app(api_key=KEY, rate_limit=False, clock=lambda: _NOW)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        serving(app) as base,
        product(settings_of(home, base, KEY), budget=FreeBudget(), overlay=overlay) as ours,
        httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as web,
    ):
        with witness(base, KEY, Catalogue.load(), PLACES["ORG"]) as sdk:
            yield Bench(app, web, ours, sdk)
