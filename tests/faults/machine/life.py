"""One server in a process of its own, told line by line what to do; it may be killed or stopped at any instant.

Rule: it is the product's own assembly with its duties; nothing here writes to its store but as a person would.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import anyio

from mcp_server.assembly import Server, running
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Answer
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Change, ChangeStep, Deadline
from mcp_server.domain.recovery.safe_end import in_doubt
from mcp_server.errors import Refused
from mcp_server.failpoints import arm, parse
from mcp_server.settings import Settings
from tests.faults.machine.clock import SharedClock
from tests.faults.machine.people import freeze, judge, resolve, sign, unfreeze
from tests.support.stage import FreeBudget

Json = Any
LONGEST_S: Final = 300.0  #: also for one that stood still meanwhile; whoever drives it gives up earlier


def be_born(settings: Settings, clock: SharedClock, line: socket.socket, armed: str) -> None:
    """Live until told to end."""
    errors = os.open(settings.home.parent / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    anyio.run(_live, settings, clock, line, armed)


async def _live(settings: Settings, clock: SharedClock, line: socket.socket, armed: str) -> None:
    reader, writer = await asyncio.open_connection(sock=line, limit=2**24)
    async with running(settings, channel="stdio", budget=FreeBudget(), clock=clock) as server:
        arm(parse(armed), None)
        await _quiet(server, clock)
        await _say(writer, {"is_born": True})
        while said := await reader.readline():
            asked = json.loads(said)
            if asked["what"] == "end":
                break
            arm(parse(asked.get("arm", "")), None)
            clock.wake()
            with anyio.fail_after(LONGEST_S):
                told = await _WHAT[asked["what"]](server, clock, asked)
                await _quiet(server, clock)
            arm((), None)
            await _say(writer, {"told": told})
    await _say(writer, {"told": None})


async def _say(writer: asyncio.StreamWriter, what: Mapping[str, Json]) -> None:
    writer.write(json.dumps(what, default=str).encode() + b"\n")
    await writer.drain()


async def _quiet(server: Server, clock: SharedClock) -> None:
    """Until no change is under way here and every duty waits for its next time."""
    with anyio.fail_after(LONGEST_S):
        while server.changes.under_way() or clock.waiting() < len(server.upkeep.duties):
            clock.wake()
            await anyio.sleep(0.002)


async def _call(server: Server, _clock: SharedClock, asked: Mapping[str, Json]) -> Json:
    """The payload of a tool call; a person answers the question, or signs in a terminal when that is asked for."""
    payload = await _asked(server, asked)
    if payload["status"] != "needs_approval" or asked["answer"] != "accept":
        return payload
    with contextlib.suppress(Refused):  # the plan moved on while this server stood still
        await sign(server, _clock, payload["plan_id"])
    return await _asked(server, asked)


async def _asked(server: Server, asked: Mapping[str, Json]) -> Json:
    host = server.host
    actor = Actor(host.owner("stdio"), "stdio", client="harness")
    call = replace(host.new_call(asked["tool"], asked["arguments"], actor), can_ask=True)
    result = await host.handle(call)
    if result.asking is not None:
        code = result.asking.text.split(" plan ", 1)[1].split(" ", 1)[0]
        said = Answer(asked["answer"], {"approve": True, "code": code})
        again = host.new_call(asked["tool"], asked["arguments"], actor)
        result = await host.handle(replace(again, can_ask=True, state=result.asking.state, answer=said))
    return result.payload


async def _look(server: Server, clock: SharedClock, _asked: Mapping[str, Json]) -> Json:
    """What is on record of changes and deadlines, as it stands in the store."""
    changes = await server.store.list(Change, {}, limit=500)
    deadlines = await server.store.list(Deadline, {}, limit=500)
    return {
        "now": clock.now().isoformat(),
        "changes": [
            {
                "change_id": one.key,
                "plan_id": one.plan_id,
                "state": one.state.value,
                "server": one.server,
                "is_ended": one.ended_at is not None,
                "rolled_back_by": one.rolled_back_by,
                "doubts": await _doubts(server, one),
            }
            for one in reversed(changes)
        ],
        "deadlines": [
            {"change_id": one.key, "state": one.state, "due_at": one.due_at.isoformat(), "conflicts": one.conflicts}
            for one in deadlines
        ],
    }


async def _doubts(server: Server, change: Change) -> list[tuple[str, int]]:
    """Phase and step of each write of it of which nobody knows what it did; a person is asked."""
    if change.state is not ChangeState.IN_DOUBT:
        return []
    steps = await server.store.list(ChangeStep, {"change_id": change.key}, limit=500)
    return [(one.phase, one.number) for one in steps if in_doubt(one)]


async def _pass(_server: Server, _clock: SharedClock, _asked: Mapping[str, Json]) -> Json:
    """Nothing but what is due by now."""
    return None


async def _freeze(server: Server, clock: SharedClock, _asked: Mapping[str, Json]) -> Json:
    await freeze(server, clock)


async def _unfreeze(server: Server, clock: SharedClock, _asked: Mapping[str, Json]) -> Json:
    await unfreeze(server, clock)


async def _judge(server: Server, clock: SharedClock, asked: Mapping[str, Json]) -> Json:
    """Why the verdict was refused; "" when it was taken."""
    try:
        await judge(server, clock, asked["audit_id"], asked["said"])
    except Refused as refused:
        return refused.reason
    return ""


async def _resolve(server: Server, clock: SharedClock, asked: Mapping[str, Json]) -> Json:
    """The status that the change has then, or why it was refused."""
    return await resolve(server, clock, asked["change_id"], asked["said"], asked.get("arm", ""))


_WHAT: Final[Mapping[str, Callable[[Server, SharedClock, Mapping[str, Json]], Awaitable[Json]]]] = {
    "call": _call,
    "look": _look,
    "pass": _pass,
    "judge": _judge,
    "resolve": _resolve,
    "freeze": _freeze,
    "unfreeze": _unfreeze,
}
