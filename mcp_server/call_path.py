"""The order of one call, from what arrived to what goes back. Read this file first.

identify -> record opened -> pre-task hooks -> tool (reads only) -> change engine -> post-task hooks -> record closed
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import anyio

from mcp_server.changes.carry_out import Changes
from mcp_server.domain.call import Attempt, ToolCall
from mcp_server.domain.outcome import CarryOut, Outcome, ToolResult
from mcp_server.domain.redaction import clean
from mcp_server.errors import MerakiMcpError
from mcp_server.hooks.pipeline import post_task, pre_task
from mcp_server.recording import Recorder, broken, failed
from mcp_server.registry import Registry
from mcp_server.toolkit import Desk, Tool
from mcp_server.world import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The assembled objects of one server."""

    registry: Registry
    recorder: Recorder
    changes: Changes
    world: Callable[[], World]  #: a fresh one for each call: its reads are shared within the call
    desk: Callable[[Attempt, World], Desk]


async def handle(parts: Parts, call: ToolCall) -> ToolResult:
    """The result of one call. Whatever happens, one call row says so; a cancelled call has its row and no answer."""
    world = parts.world()
    started_at = world.clock.monotonic()
    try:
        attempt, outcome = await _outcome(parts, call, world)
    except anyio.get_cancelled_exc_class():
        gone = Outcome("cancelled", "The caller went away.")
        with anyio.CancelScope(shield=True):
            await parts.recorder.close(call, gone, world, started_at)
        raise
    with anyio.CancelScope(shield=True):  # whoever goes away now still has every hook run and leaves the row
        if attempt is not None:
            outcome = await post_task(attempt, outcome, world)
        result: ToolResult = await parts.recorder.close(call, outcome, world, started_at)
    return result


async def _outcome(parts: Parts, call: ToolCall, world: World) -> tuple[Attempt | None, Outcome]:
    """What came of the call, and the attempt that post-task hooks see: a call that is not valid never reaches one."""
    attempt: Attempt | None = None
    try:
        tool = parts.registry.find(call.tool, call.actor, is_lookup=call.is_lookup)
        parts.registry.check(tool, call.arguments)
        skip_blocked = bool(call.arguments.get("skip_blocked", False))
        attempt = Attempt(call, tool.effect, call.arguments, skip_blocked=skip_blocked, is_apply=tool.is_apply)
        if tool.reach is not None:
            attempt = replace(attempt, touches=await tool.reach(parts.desk(attempt, world), call.arguments))
        attempt = await pre_task(attempt, world)
        outcome = await _carried_out(parts, tool, attempt, world)
    except MerakiMcpError as error:
        outcome = failed(error)
    except Exception as error:  # a fault of our own is answered and recorded like any other
        log.exception("call %s failed", call.call_id, extra={"tool": clean(call.tool, 64)})
        outcome = broken(call, error)
    return attempt, outcome


async def _carried_out(parts: Parts, tool: Tool, attempt: Attempt, world: World) -> Outcome:
    """The tool's own outcome, or that of the change it asks for."""
    answer = await tool.run(parts.desk(attempt, world), attempt.arguments)
    return await parts.changes.carry_out(attempt, answer, world) if isinstance(answer, CarryOut) else answer
