"""Sixteen callers at once over HTTP: the product and a bare server of the same SDK, in turn, each a process."""

import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.sandbox.app import SandboxApp
from scripts.benchmarks.peers import bare_http_command
from scripts.benchmarks.processes import listening
from scripts.benchmarks.rows import Row
from tests.support.stage import environment, staged

CALLERS: Final = 16
_CALLS, _ROUNDS = 12, 3
#: Shares of the bare server's calls/s: the lowest of four runs on a loaded machine, divided by 1.15 (2026-11-21).
LEAST: Final = {"meraki_search": 0.43, "meraki_read": 0.27}
Call = Callable[[Client], Awaitable[Any]]


@dataclass(frozen=True)
class Load:
    """One round: calls a second of all callers together, and the milliseconds each call took."""

    per_s: float
    taken: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median call, ms."""
        return percentile(self.taken, 0.5)

    @property
    def p99(self) -> float:
        """The call that one in a hundred is slower than, ms."""
        return percentile(self.taken, 0.99)


def percentile(taken: Sequence[float], share: float) -> float:
    """The value below which that share of the values lies."""
    ordered = sorted(taken)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def middle(loads: Sequence[Load]) -> Load:
    """The round in the middle by calls a second."""
    rate = statistics.median_low(load.per_s for load in loads)
    return next(load for load in loads if load.per_s == rate)


async def _round(clients: Sequence[Client], call: Call) -> Load:
    taken: list[float] = []

    async def caller(client: Client) -> None:
        for _ in range(_CALLS):
            began = time.perf_counter()
            await call(client)
            taken.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for client in clients:
            tasks.start_soon(caller, client)
    return Load(len(taken) / (time.perf_counter() - began), tuple(taken))


@asynccontextmanager
async def _clients(port: int) -> AsyncIterator[list[Client]]:
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(CALLERS):
            web = await stack.enter_async_context(httpx2.AsyncClient(timeout=60, verify=False))
            target = streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=web)
            clients.append(await stack.enter_async_context(Client(target)))
        yield clients


def ours_command(port: int) -> list[str]:
    """The product over HTTP, with a request budget that never waits."""
    return [sys.executable, "-m", "scripts.benchmarks.unbounded", str(port)]


async def rows() -> list[Row]:
    """A row for a call that stays in the server, and one for a call that reads from the cloud."""
    with TemporaryDirectory() as home:
        async with staged(
            Path(home) / "data", transport="stdio"
        ) as stage:  # its sandbox and settings; its server idles
            env = {**environment(stage.settings), "MERAKI_SPECIALIST_HOME": f"{home}/loaded"}
            async with (
                listening(ours_command, env) as (port, _),
                listening(bare_http_command, env) as (bare_port, _),
                _clients(port) as ours,
                _clients(bare_port) as bare,
            ):
                return await _compared(ours, bare, _calls(stage.sandbox))


def _calls(sandbox: SandboxApp) -> dict[str, Call]:
    organization = {"organizationId": next(iter(sandbox.world.organizations))}
    return {
        "meraki_search": lambda one: one.call_tool("meraki_search", {"query": "update ssid"}),
        "meraki_read": lambda one: one.call_tool(
            "meraki_read", {"operation": "getOrganization", "params": organization}
        ),
    }


async def _compared(ours: Sequence[Client], bare: Sequence[Client], calls: dict[str, Call]) -> list[Row]:
    rows = []
    for name, call in calls.items():
        found: list[Load] = []
        peer: list[Load] = []
        for number in range(_ROUNDS + 1):  # the first warms both up
            mine, other = await _round(ours, call), await _round(bare, _echo)
            if number:
                found.append(mine)
                peer.append(other)
        rows.append(row(name, middle(found), middle(peer)))
    return rows


async def _echo(client: Client) -> None:
    await client.call_tool("echo", {"text": "x"})


def row(name: str, ours: Load, bare: Load) -> Row:
    """Calls a second, p50 and p99 of both, and the least share of the bare server's rate."""
    return Row(
        f"{CALLERS} callers over HTTP, {name}: calls/s, p50 / p99 ms",
        f"{ours.per_s:.0f}, {ours.p50:.0f} / {ours.p99:.0f}",
        f"{bare.per_s:.0f}, {bare.p50:.0f} / {bare.p99:.0f} echo",
        f"{ours.per_s / bare.per_s:.2f} of at least {LEAST[name]:.2f} x",
        ours.per_s >= LEAST[name] * bare.per_s,
    )
