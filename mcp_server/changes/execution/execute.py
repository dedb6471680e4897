"""The run itself: every step of the plan, then the watch over the network, then the end; undone when it went wrong."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from mcp_server.changes.execution.delivery import read_delivery
from mcp_server.changes.execution.ending import end, stranded
from mcp_server.changes.execution.health_gate import sample, watch
from mcp_server.changes.execution.report import failure_of
from mcp_server.changes.execution.run import Run
from mcp_server.changes.execution.take_back import take_back
from mcp_server.changes.execution.write_step import Wrote, look, ready, write_step
from mcp_server.changes.planning.draft import reader_key
from mcp_server.changes.undoing.dependants import is_taken_along, may_have_changed, states_around
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.plan import Dependant, Step
from mcp_server.domain.ports import moment
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.recovery.arrival import last_arrival, may_arrive
from mcp_server.domain.redaction import clean
from mcp_server.errors import AccessError, CallerError, MerakiError, MerakiMcpError, Refused
from mcp_server.failpoints import failpoint
from mcp_server.health.signals import Signals, to_json

S = ChangeState
log = logging.getLogger(__name__)
_DONE: Final = ("applied", "unchanged")
BROKEN: Final[Mapping[str, Json]] = {
    "code": "internal_error",
    "message": "This server failed while it carried the change out; it wrote no more.",
    "remedy": "Read the live state with meraki_read; the server's log says more under the change's id.",
}


async def execute(run: Run) -> Outcome:
    """The outcome of the whole change; every state on the way is on record."""
    try:
        before = await sample(run)
        if run.change.confirm_within_minutes is not None and before is not None:
            run.baseline = to_json(before)
        stopped = await apply_steps(run)
        if stopped is not None:
            return await end(run, stopped)
        if not run.is_sent:
            return await end(run, S.UNCHANGED)
        return await end(run, await watched(run, before))
    except MerakiMcpError as error:
        return await stranded(run, failure_of(error))
    except Exception:  # one change must never take the server, and all other changes, with it
        log.exception("change %s failed", run.change.key)
        return await stranded(run, BROKEN)


async def undo(run: Run) -> Outcome:
    """The outcome of taking back a change that was applied; every state on the way is on record."""
    try:
        return await end(run, await take_back(run))
    except MerakiMcpError as error:
        return await stranded(run, failure_of(error))
    except Exception:  # as above
        log.exception("the undo of change %s failed", run.change.key)
        return await stranded(run, BROKEN)


async def watched(run: Run, before: Signals | None, *, may_write: bool = True) -> ChangeState:
    """How a change whose every step is done ends: applied, or taken back because the network got worse.

    When nothing may be written any more, a person is left to take it back: PARTIAL, by way of IN_DOUBT.
    """
    run.health = await watch(run, before)
    if run.health["verdict"] == "worse":
        run.failure = worse(run.health)
        if may_write:
            return await take_back(run)
        await run.move(S.IN_DOUBT)
        return S.PARTIAL
    await _note_at_the_end(run)
    run.delivery = await read_delivery(run)
    return S.APPLIED


async def _note_at_the_end(run: Run) -> None:
    """What the steps took along is kept as the change left it: an undo tells later edits by others from it."""
    took = _took_along(run)
    if not took:
        return
    found = await states_around([dependant for step, _ in took for dependant in step.dependants], run.world)
    for step, record in took:
        places = [reader_key(one.reader) for one in step.dependants]
        around = {place: found[place] for place in places if place in found}
        await run.commit(run.set_step(replace(record, around=around)))


async def _note_on_the_way(run: Run, done: Step, *, is_sure: bool) -> None:
    """The same after each step that may have changed it, for the undo of a change that does not come to its end.

    What still looks as before is not kept, nor what a step in doubt may yet change: the cloud may not have got to it,
    and an undo would take what it does later for somebody else's edit.
    """
    for step, record in _took_along(run):
        stirred = [one for one in step.dependants if may_have_changed(run.world, done, step, one)]
        if not stirred:
            continue
        kept = {place: left for place, left in record.around.items() if place not in map(_place, stirred)}
        found = await states_around(stirred if is_sure else (), run.world)
        seen = {_place(one): found[_place(one)] for one in stirred if is_taken_along(one, found.get(_place(one)))}
        if {**kept, **seen} != dict(record.around):
            await run.commit(run.set_step(replace(record, around={**kept, **seen})))


def _took_along(run: Run) -> list[tuple[Step, ChangeStep]]:
    """The steps that were applied and took something along, with their records."""
    took = {step.number: step for step in run.plan.steps if step.dependants}
    return [(took[one.number], one) for one in run.steps
            if one.phase == "apply" and one.state == "applied" and one.number in took]  # fmt: skip


def _place(dependant: Dependant) -> str:
    return reader_key(dependant.reader)


async def apply_steps(run: Run) -> ChangeState | None:
    """None when every step was applied and read back as planned; else the state in which the change ends.

    Steps that are on record as done are not done again.
    """
    steps = run.plan.steps
    done = {record.number for record in run.steps if record.phase == "apply" and record.state in _DONE}
    for step in steps:
        if step.number in done:
            run.advance()
            continue
        wrote = await _one(run, step, is_last=step is steps[-1])
        if isinstance(wrote, Wrote) and wrote.took_effect:
            await _note_on_the_way(run, step, is_sure=wrote.record.state == "applied")
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
        return S.FAILED if not run.is_sent else await take_back(run)
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
        return S.STALE if not run.is_sent else await take_back(run)
    try:
        wrote = await write_step(run, item, "apply", S.VERIFYING if is_last else None)
    except Refused as frozen:  # the kill switch: its safe end is the state before
        run.failure = failure_of(frozen)
        return S.CANCELLED if not run.is_sent else await take_back(run)
    await run.commit(run.set_step(wrote.record))
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
    await run.commit(run.set_step(record), run.entry("outcome", "unchanged", {"step": step.number}))


async def _went_wrong(run: Run, step: Step, wrote: Wrote) -> ChangeState:
    """How a change ends after a step that failed, is in doubt, or is not as planned."""
    took = [record for record in run.steps if record.state in ("applied", "unknown") and record.phase == "apply"]
    if wrote.record.state == "unknown":
        run.failure = failure_of(wrote.error) if wrote.error else _not_as_planned(step, wrote)
        lost = [wrote.record] if may_arrive(wrote.record) else []
        until = last_arrival(lost, moment(run.world.clock), run.means.times.late_s)
        run.failure = run.failure if until is None else on_its_way(run.failure, until)
        return S.IN_DOUBT
    if wrote.error is not None and wrote.record.state == "applied":
        run.failure = failure_of(wrote.error)  # written, and could not be read back
        return S.IN_DOUBT
    run.failure = failure_of(wrote.error) if wrote.error else _not_as_planned(step, wrote)
    return await take_back(run) if took else S.FAILED


def on_its_way(failure: Mapping[str, Json], until: datetime) -> Mapping[str, Json]:
    """The failure of a change that stopped at a write which is not there, and may still arrive until then."""
    words = f"The answer to a write was lost. It is not there, and may still arrive until {until:%H:%M:%S} UTC."
    remedy = "Wait: the server looks again then and brings the change to its end; history tells it. "
    return {**failure, "message": words, "remedy": remedy + "Until then the change keeps its networks to itself."}


def _failure(code: str, message: str, remedy: str) -> Mapping[str, Json]:
    return {"code": code, "message": message, "remedy": remedy}


def worse(health: Mapping[str, Json]) -> Mapping[str, Json]:
    """The failure of a change that the health gate did not let through."""
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
