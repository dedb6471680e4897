"""scripts/compare: a row a server: tools, tokens of tools/list, start-up, memory; latency and requests of one read."""

import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.sandbox.app import SandboxApp, create_app
from mcp_server.sandbox.server import serving
from scripts.benchmarks.load.callers import ours_command, percentile
from scripts.benchmarks.processes import listening, started
from scripts.comparing.peers import AIRLOCK, HEADERS, Peer, airlock_command, fabric_aiops, ours
from tests.support.stage import KEY
from tests.support.tokens import tokens

_STARTS: Final = 5
_WARM, _CALLS = 5, 60
_HEAD: Final = (
    "| server | tools | tools/list tokens | spawn to tools/list, ms | memory then, MiB | read p50 / p99, ms "
    "| requests of a read | answer tokens |\n|---|---|---|---|---|---|---|---|"
)


@dataclass
class Measured:
    """One server: its client and its read, and what was found out; start-up in seconds and MiB, None: not measured."""

    name: str
    client: Client
    peer: Peer
    started: tuple[float, float] | None = None
    tools: int = 0
    tokens: int = 0
    taken: list[float] = field(default_factory=list)
    requests: int = 0
    answer: str = ""

    def line(self) -> str:
        """The row as markdown."""
        p50, p99 = (percentile(self.taken, share) for share in (0.5, 0.99))
        start, memory = (f"{self.started[0] * 1000:.0f}", f"{self.started[1]:.0f}") if self.started else ("-", "-")
        return (
            f"| {self.name} | {self.tools} | {self.tokens:,} | {start} | {memory} | {p50:.1f} / {p99:.1f} "
            f"| {self.requests / len(self.taken):g} | {answer_tokens(self.answer)} |"
        )


def answer_tokens(text: str) -> int:
    """Tokens of an answer's text as a model reads it; JSON without the spaces of its layout."""
    try:
        return tokens(json.loads(text))
    except json.JSONDecodeError:
        return tokens(text)


async def _look(one: Measured) -> None:
    """The tools and what their list costs."""
    listed = (await one.client.list_tools()).tools
    one.tools = len(listed)
    one.tokens = tokens([tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in listed])


async def _read(one: Measured, cloud: SandboxApp, *, counts: bool) -> None:
    """One read of the organization; RuntimeError when the answer does not hold it."""
    sent, began = len(cloud.world.journal), time.perf_counter()
    result = await one.client.call_tool(one.peer.tool, dict(one.peer.arguments))
    took = (time.perf_counter() - began) * 1000
    one.answer = "".join(getattr(block, "text", "") for block in result.content)
    if result.is_error or "Aurora" not in one.answer:
        raise RuntimeError(f"{one.name} did not read the organization: {one.answer[:300]}")
    if counts:
        one.taken.append(took)
        one.requests += len(cloud.world.journal) - sent


async def _starts(peers: Sequence[Peer]) -> dict[str, tuple[float, float]]:
    """Median seconds from spawn to the tools/list reply and MiB then, by name; the servers take turns."""
    found: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in peers}
    for number in range(_STARTS + 1):
        for peer in peers:
            one = await anyio.to_thread.run_sync(started, peer.command, peer.env)
            if number:  # the first fills the disk's cache
                found[peer.name].append(one)
    return {
        name: (statistics.median(one[0] for one in all_), statistics.median(one[1] for one in all_))
        for name, all_ in found.items()
    }


@asynccontextmanager
async def _stdio(peer: Peer) -> AsyncIterator[Client]:
    command = peer.measured or peer.command
    process = StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(peer.env))
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230  opened once, before anything runs
        async with Client(stdio_client(process, errlog=nowhere)) as client:
            yield client


@asynccontextmanager
async def _http(port: int, headers: dict[str, str]) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(timeout=60, verify=False, headers=headers) as web,
        Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=web)) as client,
    ):
        yield client


async def _together(home: Path, base: str, cloud: SandboxApp) -> list[Measured]:
    """All servers up at once, each with its client; they read in turn, so that a busy moment meets them all."""
    organization = next(iter(cloud.world.organizations))
    mine = ours(home / "ours", base, KEY, organization)
    fabric = fabric_aiops(home / "fabric", base, KEY, organization)
    starts = await _starts([mine, fabric])
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        port, _ = await enter(listening(ours_command, {**mine.env, "MERAKI_SPECIALIST_HOME": str(home / "http")}))
        direct = Measured(f"{mine.name}, over HTTP", await enter(_http(port, {})), mine)
        await _look(direct)
        names = [tool.name for tool in (await direct.client.list_tools()).tools]
        upstream = f"http://127.0.0.1:{port}/mcp"
        command, env = airlock_command(home, upstream, names)
        proxy, _ = await enter(listening(lambda free: [*command, "--port", str(free)], env))
        servers = [
            Measured(mine.name, await enter(_stdio(mine)), mine, starts[mine.name]),
            Measured(fabric.name, await enter(_stdio(fabric)), fabric, starts[fabric.name]),
            direct,
            Measured(f"{AIRLOCK} in front of it, over HTTP", await enter(_http(proxy, dict(HEADERS))), mine),
        ]
        for one in servers:
            await _look(one)
        for number in range(_WARM + _CALLS):
            for one in servers:
                await _read(one, cloud, counts=number >= _WARM)
        return servers


async def main() -> None:
    """Print the table."""
    cloud = create_app(api_key=KEY, rate_limit=False, clock=lambda: datetime.now(UTC))
    with TemporaryDirectory() as directory:
        async with serving(cloud) as base:
            servers = await _together(Path(directory), base, cloud)
    print(_HEAD, *(one.line() for one in servers), sep="\n")


if __name__ == "__main__":
    anyio.run(main)
