"""A change that was applied and verified, and now waits for a person to keep it (commit-confirm)."""

from collections.abc import Mapping
from dataclasses import replace

from mcp_server.changes.execution.report import change_outcome
from mcp_server.changes.execution.run import Run, undo_number
from mcp_server.changes.execution.undo import Done, as_found, way_back
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState, move
from mcp_server.domain.holds.confirm import SHORTEST_MINUTES, opened
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Put, ReleaseLeases, moment
from mcp_server.domain.record import Deadline
from mcp_server.errors import AccessError, CallerError, MerakiError
from mcp_server.failpoints import failpoint


async def wait_to_be_kept(run: Run) -> Outcome:
    """The outcome pending_keep: state, deadline and the end of its leases are one commit.

    The leases are given up: whoever undoes it or keeps it takes them again, so exactly one of them does.
    """
    minutes, before = run.change.confirm_within_minutes or SHORTEST_MINUTES, run.change.state
    deadline = opened(run.change.key, minutes, moment(run.world.clock), run.baseline or run.plan.baseline)
    lacking = await _secrets_to_give(run)
    run.confirm = {**confirm_view(deadline, run.plan.plan_id), **({"undo_needs": lacking} if lacking else {})}
    told = {"failure": {}, **run.told()}
    change = replace(run.change, state=move(before, ChangeState.PENDING_KEEP), result=told)
    stored = replace(run.stored, state=change.state)
    entry = run.entry("state", change.state.value, {"due_at": deadline.due_at.isoformat(), "minutes": minutes})
    run.is_over = True
    await run.commit(Put(change, {"state": before}), Put(stored, {}), Put(deadline), entry, ReleaseLeases(change.key))
    failpoint("K11")
    run.change, run.stored = change, stored
    return change_outcome(run)


async def _secrets_to_give(run: Run) -> list[Json]:
    """The commands that give what the undo needs and no GET returns; without them it could not restore everything."""
    done = {one.number: one for one in run.steps if one.phase == "apply" and one.state == "applied"}
    commands: list[Json] = []
    for step in as_found(run.plan.steps, done):
        if step.number not in done or not step.inverse.caveats:  # a secret at stake is one
            continue
        try:
            way = await way_back(Done(step, done[step.number], run.world, undo_number(step.number)))
        except (MerakiError, AccessError, CallerError):
            continue  # the undo itself will tell
        _, lacking = way.given(run.change.key, step.number, lambda name: run.means.secret(name) is not None)
        commands += [run.means.command("secret", "set", one.name) for one in lacking]
    return commands


def confirm_view(deadline: Deadline, plan_id: str) -> Mapping[str, Json]:
    """Until when it must be kept, and the exact call that keeps it."""
    view: dict[str, Json] = {
        "minutes": deadline.minutes,
        "due_at": deadline.due_at.isoformat(),
        "state": deadline.state,
    }
    if deadline.state in ("open", "stopped"):
        view["keep_with"] = {"tool": "meraki_apply", "arguments": {"plan_id": plan_id, "keep": True}}
    if deadline.conflicts:
        view["changed_by_others"] = list(deadline.conflicts)
    return view
