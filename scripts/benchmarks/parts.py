"""What a read is made of: CPU of each part, in this process, the sandbox in another.

``python -m scripts.benchmarks.parts`` prints it: CPU instead of time, and the best of ten turns, so that a busy machine
does not count.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import httpx

from mcp_server.assembly import Server, running
from mcp_server.call_path import handle
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Receipt, ToolCall
from mcp_server.domain.ports import Append, Put, Request
from mcp_server.domain.record import AuditEntry, Usage
from mcp_server.recording import Recorder
from mcp_server.settings import load
from scripts.benchmarks.peers import sandboxed
from tests.support.stage import KEY, FreeBudget

_TURNS, _CALLS = 10, 25
Work = Callable[[], Awaitable[Any]]


class _NoDisk:
    """A store that keeps nothing: what is left of a call is ours."""

    async def commit(self, *_writes: object) -> tuple[Receipt, ...]:
        return (Receipt(1, "0" * 64),)


async def _cpu_ms(works: Mapping[str, Work]) -> dict[str, float]:
    """Milliseconds of CPU for one call of each work, threads included."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(_TURNS):
        for name, work in works.items():
            began = time.process_time()
            for _ in range(_CALLS):
                await work()
            best[name] = min(best[name], (time.process_time() - began) / _CALLS * 1000)
    return best


async def _works(server: Server, web: httpx.AsyncClient, base: str, organization: str) -> dict[str, Work]:
    host, parts, store = server.host, server.parts, server.store
    actor = Actor(host.owner("stdio"), "stdio", "bench")
    path = f"/organizations/{organization}"

    def call() -> ToolCall:
        return host.new_call(
            "meraki_read", {"operation": "getOrganization", "params": {"organizationId": organization}}, actor
        )

    async def commit() -> None:
        one, now = call(), server.clock.now()
        entry = AuditEntry(event="call", at=now, owner=one.actor.owner, status="ok", call_id=one.call_id, tool=one.tool)
        await store.commit(Append(entry), Put(Usage(one.call_id, now, "o", "c", "t", 1, 1, 1, 0.0, 0.0, "ok"), {}))

    shared = parts.world()  # remembers what it has read
    await shared.reads.read("getOrganization", {"organizationId": organization})
    ours = replace(parts, recorder=Recorder(_NoDisk()), world=lambda: shared)  # type: ignore[arg-type]  # only commit is called

    return {
        "direct GET with httpx": lambda: web.get(base + path),
        "the same through our client": lambda: server.client.read(Request("GET", path)),
        "ours: arguments, hooks, data, record; no HTTP, no disk": lambda: handle(ours, call()),
        "durable commit of the call's row and its cost": commit,
        "the whole call": lambda: host.handle(call()),
    }


async def measured(base: str, organization: str) -> dict[str, float]:
    """Milliseconds of CPU of each part, against the sandbox at that address."""
    with TemporaryDirectory() as home:
        given = {"home": Path(home) / "data", "base_url": base, "api_key": KEY, "allow_loopback": True}
        async with (
            running(load({}, overrides=given), budget=FreeBudget()) as server,
            httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as web,
        ):
            works = await _works(server, web, base, organization)
            for work in works.values():
                await work()
            return await _cpu_ms(works)


def main() -> None:
    """Print the table."""
    with sandboxed() as (base, organization):
        for name, spent in anyio.run(measured, base, organization).items():
            print(f"{spent:6.2f} ms  {name}")


if __name__ == "__main__":
    main()
