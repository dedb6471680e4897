"""Keeping a change that waits for it: confirmed by a person like the apply, while the network is no worse for it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import anyio

from mcp_server.changes.authorize import authorize_keep
from mcp_server.changes.execution.execute import worse
from mcp_server.changes.execution.health_gate import watch
from mcp_server.changes.execution.pending import confirm_view
from mcp_server.changes.execution.report import stored_outcome
from mcp_server.changes.execution.run import Run
from mcp_server.changes.holding import busy, refuse_held
from mcp_server.changes.keeping.resumed import resumed
from mcp_server.changes.means import Means
from mcp_server.changes.step_records import steps_of
from mcp_server.domain.call import Attempt
from mcp_server.domain.change_state import ChangeState, move
from mcp_server.domain.holds.confirm import why_not_kept
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Put, ReleaseLeases, TakeLeases, moment
from mcp_server.domain.record import Approval, Change, ChangeStep, Deadline, Lease, StoredPlan
from mcp_server.errors import Busy, RecordConflict, Refused
from mcp_server.health.signals import from_json
from mcp_server.world import World

S = ChangeState
_REMEDY = "history tells how it stands; rollback takes it back, meraki_plan begins anew."


async def keep(attempt: Attempt, asked: StoredPlan, world: World, means: Means) -> Outcome:
    """The kept change, or an outcome that asks for a person's yes. Refused when it may not be kept, or Busy."""
    stored = await world.store.get(StoredPlan, asked.key) or asked
    change = await world.store.get(Change, stored.change_id or "")
    if change is None:
        raise Refused("This plan was not applied.", "Apply it with confirm_within_minutes.", code="not_waiting")
    deadline = await world.store.get(Deadline, change.key)
    steps = await steps_of(world.store, change.key)
    if deadline is not None and deadline.state == "kept" and change.state is S.APPLIED:
        return stored_outcome(stored, change, steps)
    waiting = _waiting(deadline, change, steps, world)
    decision = await authorize_keep(stored, waiting, attempt, world, means)
    if isinstance(decision, Outcome):
        return decision
    run = await resumed(change.key, world, means)
    if run is None:
        raise _not_kept("not_waiting", change, "it no longer waits")
    run.attempt = attempt
    await _refuse_worse(run, waiting)
    return await _kept(run, waiting, decision.approval)


def _waiting(deadline: Deadline | None, change: Change, steps: Sequence[ChangeStep], world: World) -> Deadline:
    """The deadline of a change that may be kept; Refused when it may not."""
    code, why = why_not_kept(deadline, change.state, steps, moment(world.clock))
    if code or deadline is None:
        raise _not_kept(code, change, why)
    return deadline


def _not_kept(code: str, change: Change, why: str) -> Refused:
    return Refused(f"Change {change.key} cannot be kept: {why}.", _REMEDY, code=code)


async def _refuse_worse(run: Run, deadline: Deadline) -> None:
    """The health gate once more: what is worse than before the change is not kept."""
    if not deadline.baseline:
        return
    run.health = await watch(run, from_json(deadline.baseline), settle_s=0.0)
    if run.health["verdict"] == "worse":
        found = worse(run.health)
        raise Refused(
            f"Change {run.change.key} cannot be kept. {found['message']}",
            "It is undone by itself when its time has passed; rollback does it now.",
            code="health_gate",
        )


async def _kept(run: Run, deadline: Deadline, approval: Approval) -> Outcome:
    """State, deadline and spent approval in one commit; the leases show that nobody is undoing it now."""
    world, now = run.world, run.world.clock.now()
    code, why = why_not_kept(deadline, run.change.state, run.steps, moment(world.clock))
    if code:
        raise _not_kept(code, run.change, why)
    done = replace(deadline, state="kept")
    run.confirm = {**confirm_view(done, run.plan.plan_id), "kept_by": approval.approver, "kept_at": now.isoformat()}
    state = move(run.change.state, S.APPLIED)
    change = replace(run.change, state=state, ended_at=now, result={**run.change.result, **run.told()})
    stored = replace(run.stored, state=state)
    spent = replace(approval, used_by=run.change.key)
    lease = TakeLeases(run.plan.lease_keys, change.key, change.owner, now, now + timedelta(seconds=1))
    detail = {"approval": approval.key, "channel": approval.channel, "approver": approval.approver}
    try:
        await refuse_held(run.lease_keys, change.key, world, run.means)
        with anyio.CancelScope(shield=True):  # a cancelled commit may be written all the same
            await world.store.commit(
                lease,
                Put(change, {"state": S.PENDING_KEEP}),
                Put(stored, {}),
                Put(done, {"state": deadline.state}),
                Put(spent, None if approval.channel == "elicitation" else {"used_by": None}),
                ReleaseLeases(change.key),
                run.entry("deadline", "kept", detail),
                run.entry("state", state.value, {}),
            )
    except RecordConflict as lost:
        raise _overtaken(lost, run.change, now) from lost
    return stored_outcome(stored, change, run.steps)


def _overtaken(lost: RecordConflict, change: Change, now: datetime) -> Refused | Busy:
    """Why somebody else was first."""
    found = lost.found
    if isinstance(found, Lease) and found.change_id != change.key:
        return busy(found, now)
    if isinstance(found, Approval):
        return Refused("This approval was used before.", "Approve it again.", code="approval_used")
    return _not_kept("deadline_passed", change, "it is being undone, or was kept by another call")
