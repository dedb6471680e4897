"""The run itself: every step of the plan, then the watch over the network, then the end; undone when it went wrong."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from mcp_server.changes.execution.delivery import read_delivery
from mcp_server.changes.execution.health_gate import sample, watch
from mcp_server.changes.execution.report import change_outcome, failure_of
from mcp_server.changes.execution.residue import read_log
from mcp_server.changes.execution.run import Run, undo_number
from mcp_server.changes.execution.undo import as_found, way_back
from mcp_server.changes.execution.write_step import Wrote, look, ready, write_step
from mcp_server.changes.planning.build_plan import step_of
from mcp_server.changes.planning.weigh import NOWHERE
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState, move
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.plan import Step
from mcp_server.domain.ports import Put, ReleaseLeases, StoreWrite
from mcp_server.domain.record import Change, ChangeStep
from mcp_server.domain.redaction import clean
from mcp_server.domain.state.compare import differences
from mcp_server.errors import AccessError, CallerError, MerakiError, MerakiMcpError, Refused
from mcp_server.failpoints import failpoint

S = ChangeState
log = logging.getLogger(__name__)
_BROKEN: Final[Mapping[str, Json]] = {
    "code": "internal_error",
    "message": "This server failed while it carried the change out; it wrote no more.",
    "remedy": "Read the live state with meraki_read; the server's log says more under the change's id.",
}


async def execute(run: Run) -> Outcome:
    """The outcome of the whole change; every state on the way is on record."""
    try:
        before = await sample(run)
        stopped = await _apply(run)
        if stopped is not None:
            return await _end(run, stopped)
        if not run.is_sent:
            return await _end(run, S.UNCHANGED)
        run.health = await watch(run, before)
        if run.health["verdict"] == "worse":
            run.failure = _worse(run.health)
            return await _end(run, await _undo(run))
        run.delivery = await read_delivery(run)
        return await _end(run, S.APPLIED)
    except MerakiMcpError as error:
        return await _stranded(run, failure_of(error))
    except Exception:  # one change must never take the server, and all other changes, with it
        log.exception("change %s failed", run.change.key)
        return await _stranded(run, _BROKEN)


async def _apply(run: Run) -> ChangeState | None:
    """None when every step was applied and read back as planned; else the state in which the change ends."""
    steps = run.plan.steps
    for step in steps:
        wrote = await _one(run, step, is_last=step is steps[-1])
        run.advance()
        if wrote is None:
            continue
        if isinstance(wrote, ChangeState):
            return wrote
        if wrote.error is not None or wrote.mismatch:
            return await _went_wrong(run, step, wrote)
    return None


async def _one(run: Run, step: Step, *, is_last: bool) -> Wrote | ChangeState | None:
    """What came of the step; None when there was nothing to do; a final state when the plan is stale."""
    try:
        item = await ready(run, step)
        where, moved = await look(run, item, fresh=run.is_sent)
    except (CallerError, MerakiError, AccessError) as error:
        run.failure = failure_of(error)
        return S.FAILED if not run.is_sent else await _undo(run)
    if run.is_cancelled and not run.is_sent:
        run.failure = _failure("cancelled", "The caller went away before anything was sent.", "Call again.")
        return S.CANCELLED
    if where == "already":
        await _note_unchanged(run, step)
        if is_last and run.is_sent:
            await run.move(S.VERIFYING)
        return None
    if where == "moved":
        run.moved_fields = [clean(f"step {step.number}: {change.path or step.label}", 200) for change in moved]
        run.failure = _stale(run.moved_fields)
        return S.STALE if not run.is_sent else await _undo(run)
    try:
        wrote = await write_step(run, item, "apply", S.VERIFYING if is_last else None)
    except Refused as frozen:  # the kill switch: its safe end is the state before
        run.failure = failure_of(frozen)
        return S.CANCELLED if not run.is_sent else await _undo(run)
    await run.world.store.commit(run.set_step(wrote.record))
    failpoint("K10")
    if is_last and wrote.error is None and run.change.state is S.APPLYING:
        await run.move(S.VERIFYING)  # a lost answer, settled as applied by reading back
    return wrote


async def _note_unchanged(run: Run, step: Step) -> None:
    record = ChangeStep(
        key=f"{run.change.key}/apply/{step.number}",
        change_id=run.change.key,
        phase="apply",
        number=step.number,
        state="unchanged",
        request={"method": step.method, "path": step.path},
        ended_at=run.world.clock.now(),
    )
    await run.world.store.commit(run.set_step(record), run.entry("outcome", "unchanged", {"step": step.number}))


async def _went_wrong(run: Run, step: Step, wrote: Wrote) -> ChangeState:
    """How a change ends after a step that failed, is in doubt, or is not as planned."""
    took = [record for record in run.steps if record.state in ("applied", "unknown") and record.phase == "apply"]
    if wrote.record.state == "unknown":
        run.failure = failure_of(wrote.error) if wrote.error else _not_as_planned(step, wrote)
        return S.IN_DOUBT
    if wrote.error is not None and wrote.record.state == "applied":
        run.failure = failure_of(wrote.error)  # written, and could not be read back
        return S.IN_DOUBT
    run.failure = failure_of(wrote.error) if wrote.error else _not_as_planned(step, wrote)
    return await _undo(run) if took else S.FAILED


async def _undo(run: Run) -> ChangeState:
    """Take back what was done, last step first; ROLLED_BACK only when each read-back equals its before-state."""
    if run.change.state is S.APPLYING:
        await run.move(S.PARTIAL, detail={"failure": dict(run.failure)})
    await run.move(S.ROLLING_BACK)
    done = {record.number: record for record in run.steps if record.phase == "apply" and record.state == "applied"}
    for step in reversed(as_found(run.plan.steps, done)):
        if step.number in done:
            await _undo_one(run, step, done[step.number])
    return S.ROLLBACK_FAILED if run.residue else S.ROLLED_BACK


async def _undo_one(run: Run, step: Step, record: ChangeStep) -> None:
    """One step taken back and proven, or its residue noted."""
    try:
        way = await way_back(step, record, run.world, undo_number(step.number), fresh=True)
        if way.hopeless:
            run.residue.append(way.hopeless)
        for offset, draft in enumerate(way.drafts):
            back = step_of(undo_number(step.number, offset), draft, NOWHERE, run.plan.organization)
            wrote = await write_step(run, await ready(run, back, record.created), "undo", None)
            await run.world.store.commit(run.set_step(wrote.record))
            failpoint("K10")
            if wrote.error is not None or wrote.mismatch:
                run.residue += _residue(step, wrote)
        run.residue += await _left_over(run, step)
    except (MerakiError, AccessError, CallerError) as error:
        run.residue.append(f"step {step.number}: {failure_of(error)['message']}")


async def _left_over(run: Run, step: Step) -> list[str]:
    """Fields of the step's resource that are not as before, read afresh."""
    if step.reader is None or run.residue:
        return []
    live = await run.world.reads.resource(step.reader, fresh=True)
    row = run.world.overlay.row(step.write.operation)
    if step.before is None or live is None:
        return [] if step.before is live or step.kind == "delete" else [f"step {step.number}: {step.label}"]
    wrong = differences(step.before, live, ignore=row.volatile, unordered=row.unordered)
    return [f"step {step.number}: {change.path}" for change in wrong]


def _residue(step: Step, wrote: Wrote) -> list[str]:
    if wrote.error is not None:
        return [f"step {step.number}: {failure_of(wrote.error)['message']}"]
    return [f"step {step.number}: {change.path}" for change in wrote.mismatch]


async def _end(run: Run, state: ChangeState) -> Outcome:
    """The change in its last state, its leases released, in one commit (K11, K12)."""
    if run.is_sent:
        log_view = await read_log(run)
        run.unexplained, run.change_log = log_view.residue, log_view.to_json()
    told = {"failure": dict(run.failure), **run.told()}
    before = run.change.state
    change = replace(run.change, state=move(before, state), ended_at=run.world.clock.now(), result=told)
    stored = replace(run.stored, state=state)
    writes: list[StoreWrite] = [Put(change, {"state": before}), Put(stored, {}), ReleaseLeases(change.key)]
    if state is S.APPLIED and run.plan.rolls_back:
        writes += await _mark_rolled_back(run)
    await run.world.store.commit(*writes, run.entry("state", state.value, {"failure": dict(run.failure)}))
    failpoint("K11")
    run.change, run.stored = change, stored
    failpoint("K12")
    return change_outcome(run)


async def _mark_rolled_back(run: Run) -> Sequence[StoreWrite]:
    """The originals, marked, when they were undone as a whole."""
    if run.plan.context.get("rollback_steps"):
        return []
    originals = [await run.world.store.get(Change, key) for key in run.plan.rolls_back]
    return [Put(replace(one, rolled_back_by=run.change.key), {"rolled_back_by": None}) for one in originals if one]


async def _stranded(run: Run, failure: Mapping[str, Json]) -> Outcome:
    """The store, the cloud or this server failed and left the run without a safe next step: say so, write no more."""
    run.failure = failure
    target = S.IN_DOUBT if run.is_sent else S.FAILED
    try:
        if run.change.state is S.PARTIAL:
            await run.move(S.ROLLING_BACK)
        if run.change.state is S.ROLLING_BACK:
            target = S.ROLLBACK_FAILED
        return await _end(run, target)
    except MerakiMcpError:
        log.warning("the end of change %s could not be recorded", run.change.key)
        run.change = replace(run.change, state=target)  # told to the caller; the record stays as it was
        return change_outcome(run)


def _failure(code: str, message: str, remedy: str) -> Mapping[str, Json]:
    return {"code": code, "message": message, "remedy": remedy}


def _worse(health: Mapping[str, Json]) -> Mapping[str, Json]:
    texts = [str(finding.get("message", finding)) for finding in health["findings"][:5]]
    remedy = "Look at the findings; plan fewer targets, another port or VLAN, or another maintenance window."
    return _failure("health_gate", "The network got worse: " + clean("; ".join(texts), 400), remedy)


def _stale(fields: Sequence[str]) -> Mapping[str, Json]:
    return _failure("stale", "The live state moved since the plan: " + "; ".join(fields[:8]), "Plan again.")


def _not_as_planned(step: Step, wrote: Wrote) -> Mapping[str, Json]:
    paths = ", ".join(change.path or "(the whole resource)" for change in wrote.mismatch[:8])
    return _failure(
        "not_as_planned", f"Step {step.number} reads back differently: {clean(paths, 300)}", "See verified_state."
    )
