"""A server in a process of its own that is stopped at a point of the write protocol, and the one that comes after it.

The cloud stays: it runs in the test's loop and keeps its state and its journal.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process

from mcp_server.assembly import Server, running
from mcp_server.domain.record import Change, ChangeStep
from mcp_server.sandbox.app import SandboxApp
from mcp_server.settings import Settings
from tests.support.approving import approve
from tests.support.canonical import canonical
from tests.support.longest import LONGEST_S
from tests.support.stage import FreeBudget, Stage, also, environment, staged
from tests.support.story import Payload, planned

ROOT = Path(__file__).resolve().parents[2]
#: Carries out the plan of its first argument, or goes on with what was left behind until nothing is.
PROGRAM = """
import sys, anyio
from mcp_server.assembly import running
from mcp_server.domain.actor import Actor
from mcp_server.settings import load
from tests.support.crashing import ended
from tests.support.stage import FreeBudget
async def main(plan_id):
    async with running(load(), channel="http", budget=FreeBudget()) as server:
        if plan_id:
            call = server.host.new_call("meraki_apply", {"plan_id": plan_id}, Actor("anonymous", "http"))
            print((await server.host.handle(call)).payload["status"], flush=True)
        else:
            await ended(server)
anyio.run(main, sys.argv[1])
"""


@dataclass
class Crash:
    """A plan that is approved, in front of a cloud, and what its server processes left."""

    stage: Stage
    plan_id: str
    before: Any
    trace: Path
    given: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Of every server on this store."""
        return self.stage.settings

    @property
    def sandbox(self) -> SandboxApp:
        """The cloud."""
        return self.stage.sandbox

    def is_as_before(self) -> bool:
        """Whether the cloud holds what it held before the change."""
        return bool(canonical(self.sandbox.world) == self.before)

    def reached(self) -> list[str]:
        """The points that were reached, in their order, by all processes that were told to stop."""
        return [line.split()[0] for line in self.trace.read_text().splitlines()]

    @asynccontextmanager
    async def started(self, point: str, plan_id: str = "") -> AsyncIterator[Process]:
        """A server process that is stopped at that point; it carries out the plan, or goes on with what was left."""
        env = {**environment(self.settings), **self.given, "MERAKI_SPECIALIST_FAILPOINT_TRACE": str(self.trace)}
        env |= {"MERAKI_SPECIALIST_FAILPOINT": point} if point else {}
        async with await anyio.open_process(
            [sys.executable, "-c", PROGRAM, plan_id], env=env, cwd=ROOT, stderr=sys.stderr
        ) as process:
            try:
                yield process
            finally:
                if process.returncode is None:
                    process.kill()

    async def killed(self, point: str, *, recovering: bool = False) -> None:
        """A process that reached the point, and ended there by SIGKILL."""
        name, _, nth = point.partition("@")
        async with self.started(f"{name}:kill:{nth or 1}", "" if recovering else self.plan_id) as process:
            with anyio.fail_after(LONGEST_S):
                assert await process.wait() == -signal.SIGKILL
        assert self.reached()[-1] == point.split("@", maxsplit=1)[0]

    @asynccontextmanager
    async def server(self, **given: Any) -> AsyncIterator[Server]:
        """A server in this process, after what was left behind has come to its end."""
        async with running(also(self.settings, **given), channel="http", budget=FreeBudget()) as server:
            await ended(server)
            yield server

    async def recovered(self, **given: Any) -> tuple[Change, Sequence[ChangeStep]]:
        """The change and its steps once a server has gone on with it."""
        async with self.server(**given) as server:
            [change] = await server.store.list(Change, {"plan_id": self.plan_id})
            return change, await server.store.list(ChangeStep, {"change_id": change.key})


async def ended(server: Server) -> None:
    """Every change has come to an end; TimeoutError after LONGEST_S."""
    with anyio.fail_after(LONGEST_S):
        while any(change.ended_at is None for change in await server.store.list(Change, {})):  # noqa: ASYNC110  the store sets no event
            await anyio.sleep(0.02)


@asynccontextmanager
async def about_to_crash(tmp_path: Path, *operations: Payload, **given: Any) -> AsyncIterator[Crash]:
    """An approved plan whose server is to be stopped; the one that made the plan looks for nothing left behind."""
    async with staged(tmp_path / "home", given={"settle_s": 0.3, "recover_every_s": 600.0, **given}) as stage:
        plan = await planned(stage, *operations)
        await approve(stage.settings.home, plan["plan_id"])
        crash = Crash(stage, plan["plan_id"], canonical(stage.sandbox.world), tmp_path / "trace")
        crash.given = {f"MERAKI_SPECIALIST_{name.upper()}": str(value) for name, value in given.items()}
        crash.trace.touch()
        yield crash


def resume(process: Process) -> None:
    """Let a process that was stopped go on."""
    os.kill(process.pid, signal.SIGCONT)
