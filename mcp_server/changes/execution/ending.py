"""The end of a change: its last state, its leases given up, and whom it waits for, all in one commit (K11, K12)."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from mcp_server.changes.execution.pending import wait_to_be_kept
from mcp_server.changes.execution.putting_off import put_off
from mcp_server.changes.execution.report import change_outcome
from mcp_server.changes.execution.residue import read_log
from mcp_server.changes.execution.run import Run, undone_step
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import MOVES, ChangeState, move
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.plan import FieldChange, Step
from mcp_server.domain.ports import HoldLeases, Put, ReleaseLeases, StoreWrite, moment
from mcp_server.domain.record import Change, ChangeStep
from mcp_server.domain.recovery.arrival import last_arrival
from mcp_server.domain.redaction import clean, redacted
from mcp_server.errors import MerakiMcpError, StoreUnavailable
from mcp_server.failpoints import failpoint

S = ChangeState
log = logging.getLogger(__name__)
WAITING: Final = (S.IN_DOUBT, S.PARTIAL, S.ROLLBACK_FAILED)  #: ends after which a person has something to do


async def end(run: Run, state: ChangeState) -> Outcome:
    """The outcome of the change in its last state; a person who has something to do is named the exact command.

    ROLLING_BACK is no end: the undo is put off.
    """
    if state is S.ROLLING_BACK:
        return await put_off(run)
    if run.is_sent:
        log_view = await read_log(run)
        run.unexplained, run.change_log = log_view.residue, log_view.to_json()
    if state is S.APPLIED and run.change.confirm_within_minutes is not None:
        return await wait_to_be_kept(run)
    if state in WAITING:
        run.next_command = next_command(run, state)
    told = {"failure": dict(run.failure), **run.told()}
    before = run.change.state
    change = replace(
        run.change, state=state if state is before else move(before, state), ended_at=run.world.clock.now(), result=told
    )
    stored = replace(run.stored, state=state)
    writes: list[StoreWrite] = [Put(change, {"state": before}), Put(stored, {})]
    if state is S.APPLIED and run.plan.rolls_back:
        writes += await _mark_rolled_back(run)
    if state in WAITING:
        writes.append(run.entry("alert", state.value, {"residue": list(run.residue), "command": run.next_command}))
    ended = run.entry("state", state.value, {"failure": dict(run.failure)})
    run.is_over = True
    await run.commit(*writes, ended, _given_up(run))
    failpoint("K11")
    run.change, run.stored = change, stored
    failpoint("K12")
    return change_outcome(run)


def _given_up(run: Run) -> StoreWrite:
    """The end of its leases: now, or once nothing of it can arrive any more, for until then nobody else may write."""
    now, late_s = moment(run.world.clock), run.means.times.late_s
    until = last_arrival(run.steps, now, late_s)
    if until is None or until <= now.at:
        return ReleaseLeases(run.change.key)
    return HoldLeases(run.lease_keys, run.change.key, until, run.fences)


def next_command(run: Run, state: ChangeState) -> str:
    """What a person runs: say what is in doubt, or undo (again) what is known to be done."""
    if state is S.IN_DOUBT:
        return run.means.command("resolve", run.change.key, "--as", "applied|not-applied")
    return run.means.command("rollback", run.change.key)


async def _mark_rolled_back(run: Run) -> Sequence[StoreWrite]:
    """The originals, marked, when they were undone as a whole; one that another rollback took back keeps its mark."""
    if run.plan.context.get("rollback_steps"):
        return []
    originals = [await run.world.store.get(Change, key) for key in run.plan.rolls_back]
    left = [one for one in originals if one is not None and one.rolled_back_by is None]
    return [Put(_rolled_back(one, run), {"rolled_back_by": None, "state": one.state}) for one in left]


def _rolled_back(original: Change, run: Run) -> Change:
    """The original, marked; one that waited to be kept waits no more: nobody undoes it a second time."""
    marked = replace(original, rolled_back_by=run.change.key)
    if original.state is not S.PENDING_KEEP:
        return marked
    return replace(marked, state=move(S.PENDING_KEEP, S.APPLIED), ended_at=run.world.clock.now())


async def stranded(run: Run, failure: Mapping[str, Json]) -> Outcome:
    """The store, the cloud or this server failed and left the run without a safe next step: say so, write no more."""
    run.failure = failure
    if run.change.state in (S.PARTIAL, S.ROLLING_BACK) and failure["code"] == StoreUnavailable.code:
        log.warning("the undo of change %s could not be recorded; the recovery goes on with it", run.change.key)
        return change_outcome(run)
    target = S.IN_DOUBT if run.is_sent else S.FAILED
    if run.change.state in (S.PARTIAL, S.ROLLING_BACK):
        run.residue.append("the undo was cut short; what it had not reached yet is as it was applied")
    try:
        if run.change.state is S.PARTIAL:
            await run.move(S.ROLLING_BACK)
        if run.change.state is S.ROLLING_BACK:
            target = S.IN_DOUBT if await _is_open(run) else S.ROLLBACK_FAILED
        if target not in MOVES[run.change.state]:
            target = S.IN_DOUBT
        return await end(run, target)
    except MerakiMcpError:
        log.warning("the end of change %s could not be recorded", run.change.key)
        run.change = replace(run.change, state=target)  # told to the caller; the record stays as it was
        return change_outcome(run)


async def _is_open(run: Run) -> bool:
    """Whether a write was announced of which no outcome is on record, whatever this run knows of it."""
    announced = {"change_id": run.change.key, "state": "intent"}
    return bool(await run.world.store.list(ChangeStep, announced, limit=1))


def residue_of_open(run: Run) -> list[str]:
    """The steps that an undo which was cut short has not reached, or not read back."""
    undone = {undone_step(one.number) for one in run.steps if one.phase == "undo" and one.state == "applied"}
    done = [one.number for one in run.steps if one.phase == "apply" and one.state == "applied"]
    labels = {step.number: step.label for step in run.plan.steps}
    return [f"step {number}: {clean(labels[number], 200)}: not taken back" for number in done if number not in undone]


def residue_line(step: Step, change: FieldChange) -> str:
    """One field that an undo did not restore: step, field, what stands there, what stood there before."""
    found, wanted = _both(change)
    return clean(f"step {step.number}: {step.label}: {change.path or 'it'} is {found}, was {wanted}", 400)


def unread_line(step: Step, change: FieldChange) -> str:
    """One field that a step set and that could not be read any more: step, field, what was set, what it was."""
    left, wanted = _both(change)
    field = f"step {step.number}: {step.label}: {change.path or 'it'}"
    return clean(f"{field} was set to {left}, was {wanted}; what stands there now could not be read", 400)


def _both(change: FieldChange) -> tuple[str, str]:
    """After and before, each as people are shown it."""
    name = change.path.rsplit(".", 1)[-1].split("[", 1)[0] or "resource"
    return _shown(name, change.after), _shown(name, change.before)


def _shown(name: str, value: Json) -> str:
    """The value on one line, a secret masked; what is not there by that word."""
    if value is None:
        return "not there"
    return clean(json.dumps(redacted({name: value})[name], ensure_ascii=False, default=str), 120)
