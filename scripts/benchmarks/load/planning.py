"""Plans of 1, 10, 100 and 1,000 operations, and one of 100 applied: time, HTTP calls, memory above idle."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.sandbox.app import SandboxApp, create_app
from scripts.benchmarks.load.callers import ours_command
from scripts.benchmarks.processes import cpu_s, listening, resident_mib
from scripts.benchmarks.rows import Row
from tests.support.approving import approve
from tests.support.stage import KEY, environment, staged

SIZES: Final = (1, 10, 100, 1000)
_MIB: Final = 60.0
#: CPU of the server for each operation beside a GET by httpx: 2 ms, and what our client adds to it (decision 0010).
_OWN_MS: Final = 2.5
_ONCE_MS: Final = 150.0  #: CPU of each plan: the call, the hooks' lookups, its row on the disk
_EXTRA_CALLS: Final = 12  #: beside one GET of each target: names, organization, licences, health before
_APPLIED: Final = 100  #: operations of the plan that is applied
_REQUESTS: Final = 4  #: of a step: the state for whoever approves, the state before, the write, the state after
#: CPU of the server for each step beside its requests: 5 ms, and what our client adds to each of them.
_OWN_APPLY_MS: Final = 5.0 + _REQUESTS * 0.5
_EXTRA_APPLY_CALLS: Final = 20  #: names, health before and after, the change log
_DIRECT: Final = """
import sys, time, anyio, httpx

async def main():
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {sys.argv[2]}"}) as web:
        (await web.get(sys.argv[1])).raise_for_status()
        began = time.process_time()
        for _ in range(100):
            (await web.get(sys.argv[1])).raise_for_status()
        print((time.process_time() - began) * 10)

anyio.run(main)
"""


@dataclass(frozen=True)
class Planned:
    """One plan: how many operations, seconds, CPU, HTTP calls, MiB above idle at its peak; CPU of a direct GET."""

    operations: int
    seconds: float
    cpu_s: float
    calls: int
    grown_mib: float
    direct_ms: float

    @property
    def each_ms(self) -> float:
        """Milliseconds of one operation, HTTP and the sandbox's own time included."""
        return self.seconds * 1000 / self.operations

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of CPU that the server spent on one operation, its HTTP client included."""
        return self.cpu_s * 1000 / self.operations

    @property
    def bound_ms(self) -> float:
        """CPU that one operation may take: a GET by httpx, our own, and its part of what a plan takes once."""
        return self.direct_ms + _OWN_MS + _ONCE_MS / self.operations


def row(plan: Planned) -> Row:
    """The plan's row."""
    holds = plan.cpu_ms <= plan.bound_ms and plan.calls <= plan.operations + _EXTRA_CALLS and plan.grown_mib <= _MIB
    return Row(
        f"plan of {plan.operations:,}: ms each, CPU ms each, HTTP calls, MiB",
        f"{plan.each_ms:.1f}, {plan.cpu_ms:.1f}, {plan.calls:,}, {plan.grown_mib:.0f}",
        f"{plan.direct_ms:.2f} CPU, direct GET",
        f"CPU {plan.bound_ms:.1f}, {plan.operations + _EXTRA_CALLS:,}, {_MIB:.0f}",
        holds,
    )


def renamings(serials: Sequence[str]) -> list[dict[str, Any]]:
    """One write for each device: no target is asked for twice."""
    return [
        {"operation": "updateDevice", "params": {"serial": serial}, "body": {"notes": f"bench {number}"}}
        for number, serial in enumerate(serials)
    ]


def apply_row(cpu_ms: float, calls: int, direct_ms: float) -> Row:
    """The row of a change of many networks: CPU of one step beside the requests that it consists of."""
    requests_ms, most = _REQUESTS * direct_ms, _REQUESTS * _APPLIED + _EXTRA_APPLY_CALLS
    bound_ms = requests_ms + _OWN_APPLY_MS + _ONCE_MS / _APPLIED
    return Row(
        f"apply of {_APPLIED}: CPU ms each, HTTP calls",
        f"{cpu_ms:.1f}, {calls:,}",
        f"{requests_ms:.2f} CPU, {_REQUESTS} direct GETs",
        f"CPU {bound_ms:.1f}, {most}",
        cpu_ms <= bound_ms and calls <= most,
    )


async def rows() -> list[Row]:
    """A row a size; the server runs in a process of its own, so that its memory is its alone."""
    cloud = create_app(networks=600, devices=2000, api_key=KEY, rate_limit=False, clock=lambda: datetime.now(UTC))
    with TemporaryDirectory() as home:
        async with staged(Path(home) / "data", transport="stdio", sandbox=cloud) as stage:
            env = {**environment(stage.settings), "MERAKI_SPECIALIST_HOME": f"{home}/planning"}
            return await _planned(cloud, stage.settings.base_url, env)


async def _planned(cloud: SandboxApp, base: str, env: Mapping[str, str]) -> list[Row]:
    world = cloud.world
    organization = next(iter(world.organizations))
    serials = [
        serial
        for serial, one in world.devices.items()
        if one["productType"] != "switch"
        and one["networkId"]
        and world.organization_of(one["networkId"]) == organization
    ]
    async with (
        listening(ours_command, env) as (port, pid),
        httpx2.AsyncClient(timeout=120, verify=False) as web,
        Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=web)) as client,
    ):
        await _plan(client, renamings(serials[-1:]))
        get_ms = await anyio.to_thread.run_sync(_direct_ms, base, serials[0])
        idle, found = resident_mib(pid), []
        for size in SIZES:
            mine, calls = renamings(serials[:size]), len(world.journal)
            began, spent = time.perf_counter(), cpu_s(pid)
            await _plan(client, mine)
            took, spent, calls = time.perf_counter() - began, cpu_s(pid) - spent, len(world.journal) - calls
            grown = resident_mib(pid, peak=True) - idle
            found.append(Planned(len(mine), took, spent, calls, grown, get_ms))
        plan_id = await _plan(client, renamings(serials[:_APPLIED]))
        await approve(Path(env["MERAKI_SPECIALIST_HOME"]), plan_id)
        calls, spent = len(world.journal), cpu_s(pid)
        await _apply(client, plan_id)
        each_ms = (cpu_s(pid) - spent) * 1000 / _APPLIED
        return [*map(row, found), apply_row(each_ms, len(world.journal) - calls, get_ms)]


async def _apply(client: Client, plan_id: str) -> None:
    answer = await client.call_tool("meraki_apply", {"plan_id": plan_id})
    if (answer.structured_content or {}).get("status") != "applied":
        raise RuntimeError(f"not applied: {answer.content}")


async def _plan(client: Client, operations: Sequence[Mapping[str, Any]]) -> str:
    answer = await client.call_tool("meraki_plan", {"operations": list(operations), "intent": "bench"})
    if answer.is_error or "plan_id" not in (answer.structured_content or {}):
        raise RuntimeError(f"no plan: {answer.content}")
    return str((answer.structured_content or {})["plan_id"])


def _direct_ms(base: str, serial: str) -> float:
    """Milliseconds of CPU of a GET of one target by httpx in a process that does nothing else."""
    command = [sys.executable, "-c", _DIRECT, f"{base}/devices/{serial}", KEY]
    return float(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
