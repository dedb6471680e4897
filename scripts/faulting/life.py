"""One life of a server: a process of its own, forked from one that has everything loaded, perhaps killed on its way.

Rule: whoever forks has no threads and no event loop; the child ends without running anything of its parent.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio

from mcp_server.assembly import Server, running
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Answer
from mcp_server.domain.ports import RateBudget
from mcp_server.domain.record import StoredPlan
from mcp_server.settings import Settings
from tests.support.fake_clock import ShiftedClock
from tests.support.forked import live_and_end
from tests.support.stage import FreeBudget

Json = Any
Payload = Mapping[str, Json]
LONGEST_S: Final = 40.0
_ANY_PROCESS: Final = (0x59616D61, ctypes.c_ulong(-1))  #: prctl: PR_SET_PTRACER, PR_SET_PTRACER_ANY


@dataclass(frozen=True, slots=True)
class Ended:
    """How a life ended: by a signal, or with a code."""

    signal: int
    code: int
    reached: tuple[str, ...]  #: the points that it passed, in order

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.signal == signal.SIGKILL


class WatchFailed(RuntimeError):
    """What was to stand around a life could not be set up; the life did not begin."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An assistant in front of the server, with a person beside it; what it is told is kept as it comes."""

    server: Server
    told: Path

    async def open_plans(self) -> list[str]:
        """The ids of the plans that were not applied."""
        plans = await self.server.store.list(StoredPlan, {}, limit=100)
        return [plan.key for plan in plans if plan.change_id is None]

    async def call(self, tool: str, *, phase: str = "", **arguments: Json) -> Payload:
        """The answer to a call; a question is answered with yes and the plan's code."""
        host = self.server.host
        actor = Actor(host.owner("stdio"), "stdio", client="harness")
        call = replace(host.new_call(tool, arguments, actor), can_ask=True)
        result = await host.handle(call)
        if result.asking is not None:
            code = result.asking.text.split(" plan ", 1)[1].split(" ", 1)[0]
            yes = Answer("accept", {"approve": True, "code": code})
            again = host.new_call(tool, arguments, actor)
            result = await host.handle(replace(again, can_ask=True, state=result.asking.state, answer=yes))
        row = {"tool": tool, "payload": result.payload, **({"phase": phase} if phase else {})}
        with self.told.open("a", encoding="utf-8") as told:
            told.write(json.dumps(row, default=str) + "\n")
        return result.payload


Work = Callable[[Caller], Awaitable[None]]
#: What stands around a life, given its process id: entered before the life begins, left when it has ended.
Watch = Callable[[int], AbstractContextManager[None]]


def unwatched(_process: int) -> AbstractContextManager[None]:
    """Nothing around a life."""
    return nullcontext()


def live(
    settings: Settings,
    told: Path,
    work: Work,
    *,
    paced: bool = False,
    longest_s: float = LONGEST_S,
    watch: Watch = unwatched,
    ahead_s: float = 0.0,
) -> Ended:
    """The end of a life that carries out the work; a life that takes too long is ended, and that is a failure.

    Its clocks are ``ahead_s`` ahead of this machine's.
    """
    trace = settings.failpoint_trace
    before = len(_lines(trace))
    gate, held = socket.socketpair()
    child = os.fork()
    if child == 0:
        gate.close()
        live_and_end(partial(_be_born, settings, told, work, held, paced=paced, ahead_s=ahead_s))
    held.close()
    status = _watched(child, gate, watch, longest_s)
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
    return Ended(ended_by, code, tuple(_lines(trace)[before:]))


def _watched(child: int, gate: socket.socket, watch: Watch, longest_s: float) -> int:
    """The status of the child once it has ended; it begins when the watch stands, and never without it."""
    gate.recv(1)
    try:
        with watch(child):
            gate.send(b"1")
            return _wait(child, longest_s)
    finally:
        gate.close()


def _be_born(settings: Settings, told: Path, work: Work, held: socket.socket, *, paced: bool, ahead_s: float) -> None:
    """A whole life; begins when it is told to over ``held``, and fails when nobody will."""
    _may_be_watched()
    held.send(b"1")
    if not held.recv(1):
        raise WatchFailed(settings.home)
    held.close()
    errors = os.open(settings.home.parent / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    anyio.run(_life, settings, told, work, None if paced else FreeBudget(), ahead_s)


def _may_be_watched() -> None:
    """Lets another process of this account trace this one, where the system asks for that (Yama)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(*_ANY_PROCESS, 0, 0, 0)


async def _life(settings: Settings, told: Path, work: Work, budget: RateBudget | None, ahead_s: float) -> None:
    clock = ShiftedClock() if ahead_s else None
    if clock is not None:
        clock.advance(ahead_s)
    async with running(settings, channel="stdio", budget=budget, clock=clock) as server:
        await work(Caller(server, told))


def _wait(child: int, longest_s: float) -> int:
    """The status of the child once it has ended."""
    until = time.monotonic() + longest_s
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.01)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    return status


def _lines(path: Path | None) -> list[str]:
    return path.read_text("utf-8").splitlines() if path is not None and path.exists() else []
