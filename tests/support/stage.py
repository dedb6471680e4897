"""A stage for flow tests: the sandbox over real TCP, the product's server, a real MCP client, any transport and era.

The sandbox runs in the test's own loop, so that a test can look at its state; the product reaches it over HTTP.
"""

import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client import stdio
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.assembly import Server, running
from mcp_server.cli.local import opened
from mcp_server.domain.ports import Clock
from mcp_server.sandbox.app import SandboxApp, create_app
from mcp_server.sandbox.server import PromptServer, listening, serving
from mcp_server.settings import SETTINGS, Settings, load
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.transport.http import app as http_app
from mcp_server.transport.sdk_bridge import Bridge
from tests.support.longest import LONGEST_S

stdio.PROCESS_TERMINATION_TIMEOUT = LONGEST_S  # a server is given 2 s to end, and is killed in the middle of a change

ERAS: Mapping[str, Any] = {"2025-11-25": "legacy", "2026-07-28": "auto"}
TRANSPORTS = ("stdio", "http", "sse")
WAYS = tuple((transport, era) for transport in TRANSPORTS for era in ERAS)


@dataclass
class Usual:
    """The way of a stage that says none; the fixture ``way`` of tests/flow sets it."""

    transport: str = "http"
    era: str = "2026-07-28"


USUAL = Usual()
KEY = "k" * 40
QUICK: Mapping[str, Any] = {
    "keep_look_s": 0.1,
    "settle_s": 0.5,
    "late_s": 0.0,
    "settle_poll_s": 0.02,
    "health_settle_s": 0.1,
    "health_poll_s": 0.05,
    "retry_server_wait_s": 0.01,
    "retry_gateway_wait_s": 0.01,
    "retry_timeout_wait_s": 0.01,
    "retry_base_s": 0.01,
    "retry_longest_s": 5.0,
}
Answerer = Callable[[str], types.ElicitResult | Awaitable[types.ElicitResult]]


def accepting(message: str) -> types.ElicitResult:
    """A person who says yes, and types the code that stands in the question."""
    code = message.split(" plan ", 1)[1].split(" ", 1)[0]
    return types.ElicitResult(action="accept", content={"approve": True, "code": code})


def declining(_message: str) -> types.ElicitResult:
    """A person who says no."""
    return types.ElicitResult(action="decline")


@dataclass
class Stage:
    """One client in front of one server in front of one sandbox."""

    sandbox: SandboxApp
    client: Client
    settings: Settings
    server: Server | None  #: None when it runs in a process of its own
    asked: list[str] = field(default_factory=list)
    clock: Clock | None = None
    address: str = ""  #: of the server over HTTP or SSE
    program: Sequence[str] = ("mcp_server", "serve")  #: what runs over stdio

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The payload of a tool call; its text block says the same, and errors are flagged."""
        result = await self.client.call_tool(tool, arguments)
        payload: dict[str, Any] = result.structured_content or {}
        text = result.content[0]
        assert isinstance(text, types.TextContent)
        assert json.loads(text.text) == payload
        assert bool(result.is_error) == ("error" in payload)
        return payload

    @asynccontextmanager
    async def store(self) -> AsyncIterator[SqliteStore]:
        """The server's store; opened beside it when the server is another process."""
        if self.server is not None:
            yield self.server.store
            return
        async with opened({"home": self.settings.home}) as local:
            yield local.store

    def state(self) -> Any:
        """The sandbox's canonical state, what the API never shows included."""
        return json.loads(json.dumps(self.sandbox.world.dump(), sort_keys=True, default=str))

    def writes(self) -> list[Any]:
        """The sandbox's journal of requests that were no reads."""
        return [entry for entry in self.sandbox.world.journal if entry["method"] != "GET"]


class FreeBudget:
    """A request budget that never waits: rate limits have tests of their own."""

    async def reserve(self, _organization_id: str, _calls: int = 1, *, longest_s: float = 0.0) -> float:
        """No wait."""
        return min(0.0, longest_s)

    async def closed_s(self, _organization_id: str) -> float:
        """Never closed."""
        return 0.0

    async def penalize(self, _organization_id: str, _seconds: float) -> None:
        """Nothing kept."""

    def answered(self, _organization_id: str) -> None:
        """Nothing kept."""

    async def estimate_s(self, _organization_id: str, _calls: int) -> float:
        """No wait."""
        return 0.0


@asynccontextmanager
async def staged(
    home: Path,
    *,
    transport: str = "",
    era: str = "",
    answer: Answerer | None = None,
    sandbox: SandboxApp | None = None,
    given: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    program: Sequence[str] = ("mcp_server", "serve"),
) -> AsyncIterator[Stage]:
    """A stage; ``answer`` plays the person, None is a client without elicitation; ``given`` are more settings.

    ``clock`` is the server's (not over stdio, where it runs in a process of its own).
    """
    transport, era = transport or USUAL.transport, era or USUAL.era
    assert clock is None or transport != "stdio"
    cloud = sandbox or create_app(api_key=KEY, rate_limit=False, clock=lambda: datetime.now(UTC))
    home.mkdir(mode=0o700, exist_ok=True)  # noqa: ASYNC240  once, before anything runs
    async with serving(cloud) as base:
        overrides = {"profile": "solo", **QUICK, "home": home, "base_url": base, "api_key": KEY, "allow_loopback": True}
        settings = load({}, overrides={**overrides, **(given or {})})
        stage = Stage(cloud, None, settings, None, clock=clock, program=program)  # type: ignore[arg-type]  # the client is set two lines below
        async with _client(settings, transport, era, answer, stage) as client:
            stage.client = client
            yield stage


@asynccontextmanager
async def _client(
    settings: Settings, transport: str, era: str, answer: Answerer | None, stage: Stage
) -> AsyncIterator[Client]:
    if transport == "stdio":
        async with another_client(stage, transport, era, answer) as client:
            yield client
        return
    async with running(settings, channel=transport, budget=FreeBudget(), clock=stage.clock) as server:
        stage.server = server
        async with web(server, transport) as stage.address, another_client(stage, transport, era, answer) as client:
            yield client


@asynccontextmanager
async def another_client(
    stage: Stage, transport: str = "http", era: str = "2026-07-28", answer: Answerer | None = None
) -> AsyncIterator[Client]:
    """One more client; leaving the block closes its connections.

    Over HTTP and SSE it is the stage's server that it calls, over stdio one of its own on the same data directory.
    """
    if transport == "stdio":
        settings = stage.settings
        command, surroundings = ["-m", *stage.program], environment(settings)
        process = StdioServerParameters(command=sys.executable, args=command, env=surroundings, cwd=str(settings.home))
        async with _connected(process, era, answer, stage) as client:
            yield client
        return
    # plain HTTP to loopback: no verification saves a TLS context
    async with httpx2.AsyncClient(timeout=LONGEST_S, verify=False) as web:
        url = f"{stage.address}/mcp" if transport == "http" else f"{stage.address}/sse"
        target: Any = (
            streamable_http_client(url, http_client=web) if transport == "http" else sse_client(url, timeout=LONGEST_S)
        )
        async with _connected(target, era, answer, stage) as client:
            yield client


@asynccontextmanager
async def _connected(target: Any, era: str, answer: Answerer | None, stage: Stage) -> AsyncIterator[Client]:
    async def answered(_ctx: Any, params: Any) -> types.ElicitResult:
        assert answer is not None
        stage.asked.append(params.message)
        said = answer(params.message)
        return said if isinstance(said, types.ElicitResult) else await said

    callback: Any = answered if answer else None
    async with Client(target, mode=ERAS[era], elicitation_callback=callback, read_timeout_seconds=LONGEST_S) as client:
        assert client.protocol_version == era
        yield client


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a server process of its own reads them: those that are not the default, all in words."""
    default = Settings(home=settings.home)
    given = {"MERAKI_SPECIALIST_HOME": str(settings.home)}
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        if setting.name == "secrets":
            given |= {setting.env.replace("*", name): secret for name, secret in value.items()}
        elif value != getattr(default, setting.name):
            parts = value if isinstance(value, tuple | frozenset) else (value,)
            given[setting.env] = ",".join(str(part) for part in parts)
    given["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    return {**given, **measuring(), "PATH": os.environ["PATH"]}


def measuring() -> dict[str, str]:
    """What has a process of its own measured too under ``scripts/test --coverage``; else nothing."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


@asynccontextmanager
async def web(server: Server, transport: str, bridge: type[Bridge] = Bridge) -> AsyncIterator[str]:
    """The server over HTTP or SSE on a free port, until the block ends; gives its address."""
    with listening("127.0.0.1", 0) as listener:  # closed here when a failing test leaves the server no time to
        address = listener.getsockname()
        application = http_app(server.host, transport, ("127.0.0.1", address[1]), bridge)
        served = PromptServer(uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=1))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(served.serve, sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{address[1]}"
            finally:
                served.stop()


def also(settings: Settings, **more: Any) -> Settings:
    """The settings with some changed."""
    return replace(settings, **more)
