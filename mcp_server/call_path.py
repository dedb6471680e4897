"""The order of one call, from what arrived to what goes back. Read this file first.

identify -> record opened -> pre-task hooks -> tool (reads only) -> change engine -> post-task hooks -> record closed
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import anyio

from mcp_server.changes.carry_out import Changes
from mcp_server.domain.call import Attempt, ToolCall
from mcp_server.domain.outcome import CarryOut, Outcome, ToolResult
from mcp_server.errors import MerakiMcpError
from mcp_server.hooks.pipeline import post_task, pre_task
from mcp_server.recording import Recorder, failed
from mcp_server.registry import Registry
from mcp_server.toolkit import Desk, Tool
from mcp_server.world import World


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
    attempt: Attempt | None = None
    try:
        tool = parts.registry.find(call.tool, call.actor, is_lookup=call.is_lookup)
        parts.registry.check(tool, call.arguments)
        attempt = await _attempt(parts, call, tool, world)
        outcome = await _carried_out(parts, tool, attempt, world)
    except MerakiMcpError as error:
        outcome = await _after_failure(attempt, failed(error), world)
    except anyio.get_cancelled_exc_class():
        with anyio.CancelScope(shield=True):
            gone = Outcome("cancelled", "The caller went away.")
            await parts.recorder.close(call, gone, world, started_at)
        raise
    return await parts.recorder.close(call, outcome, world, started_at)


async def _attempt(parts: Parts, call: ToolCall, tool: Tool, world: World) -> Attempt:
    """The call as hooks see it: what it would touch, and what the pre-task hooks found out."""
    attempt = Attempt(call, tool.effect, call.arguments, is_apply=tool.is_apply)
    attempt = replace(attempt, skip_blocked=bool(call.arguments.get("skip_blocked", False)))
    if tool.reach is not None:
        attempt = replace(attempt, touches=await tool.reach(parts.desk(attempt, world), call.arguments))
    return await pre_task(attempt, world)


async def _carried_out(parts: Parts, tool: Tool, attempt: Attempt, world: World) -> Outcome:
    """The tool's own outcome, or that of the change it asks for; then the post-task hooks."""
    answer = await tool.run(parts.desk(attempt, world), attempt.arguments)
    if isinstance(answer, CarryOut):
        answer = await parts.changes.carry_out(attempt, answer, world)
    return await post_task(attempt, answer, world)


async def _after_failure(attempt: Attempt | None, outcome: Outcome, world: World) -> Outcome:
    """The failure's outcome after every post-task hook; before the hooks could know the call there are none to run."""
    return await post_task(attempt, outcome, world) if attempt is not None else outcome
