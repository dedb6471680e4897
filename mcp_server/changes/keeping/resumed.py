"""A change that waits to be kept, taken up again from its records by whichever server comes first."""

from mcp_server.changes.execution.run import Run
from mcp_server.changes.means import Means
from mcp_server.changes.step_records import steps_of
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Attempt, Effect, ToolCall
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Change, StoredPlan
from mcp_server.world import World


async def resumed(change_id: str, world: World, means: Means) -> Run | None:
    """The run of that change; None when it no longer waits."""
    change = await world.store.get(Change, change_id)
    stored = await world.store.get(StoredPlan, change.plan_id) if change else None
    if change is None or stored is None or change.state is not ChangeState.PENDING_KEEP:
        return None
    steps = await steps_of(world.store, change_id)
    run = Run(stored, change, _attempt(change, world), world, means, steps=list(steps))
    run.created = {step.number: step.created for step in steps if step.phase == "apply"}
    run.is_started = run.is_sent = run.is_detached = True
    run.health, run.delivery = change.result.get("health") or {}, change.result.get("delivery") or {}
    run.confirm = change.result.get("confirm") or {}
    return run


def _attempt(change: Change, world: World) -> Attempt:
    """The server's own call, for the owner of the change."""
    actor = Actor(change.owner, "server", "meraki-specialist")
    call_id = world.ids.new("call")
    call = ToolCall(call_id, "meraki_apply", {}, actor, change.correlation_id or call_id)
    return Attempt(call, Effect.CHANGE, {}, is_apply=True)
