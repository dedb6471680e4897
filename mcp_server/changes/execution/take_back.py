"""Taking back what a change has done: last step first, each read back, what could not be restored told by field.

May be begun again after a crash: a step whose undo is on record as done and read back is not undone a second time.
What was made again is read once more: it need not have come back whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Final

from mcp_server.catalogue.related.references import concerning
from mcp_server.changes.execution.ending import residue_line, unread_line
from mcp_server.changes.execution.putting_off import begun, undo_tries
from mcp_server.changes.execution.report import failure_of
from mcp_server.changes.execution.run import Run, undo_number
from mcp_server.changes.execution.undo import Done, Lacking, WayBack, as_found, way_back
from mcp_server.changes.execution.write_step import Wrote, ready, write_step
from mcp_server.changes.planning.build_plan import step_of
from mcp_server.changes.planning.draft import WITH_CREATION, Draft
from mcp_server.changes.planning.weigh import NOWHERE
from mcp_server.changes.undoing.dependants import States, once, states_around
from mcp_server.changes.undoing.related import moved_to, settled
from mcp_server.changes.undoing.secrets import shown
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Dependant, FieldChange, Step
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.recovery.arrival import may_arrive
from mcp_server.domain.state.compare import differences
from mcp_server.errors import (
    AccessError,
    CallerError,
    MerakiError,
    MerakiMcpError,
    OutcomeUnknown,
    RateLimited,
    Unreachable,
)
from mcp_server.failpoints import failpoint

S = ChangeState
_PASSING: Final = (Unreachable, OutcomeUnknown, RateLimited)  #: of errors: what may be over a minute later
_TRIES: Final = 20  #: how often an undo is put off: ten minutes, as the duty looks every 30 s


async def take_back(run: Run) -> ChangeState:
    """ROLLED_BACK only when each read-back equals its before-state, else ROLLBACK_FAILED with the residue.

    IN_DOUBT while a write of the undo may still arrive: it is looked for again, and what is not back is undone then.
    ROLLING_BACK when the cloud could not be asked just now and nothing is in doubt: it is tried again, so many times.
    """
    run.change = begun(run.change, run.failure)
    if run.change.state in (S.APPLYING, S.IN_DOUBT) and not _has_begun(run):
        await run.move(S.PARTIAL, detail={"failure": dict(run.failure)})
    if run.change.state is not S.ROLLING_BACK:
        await run.move(S.ROLLING_BACK)
    done = {record.number: record for record in run.steps if record.phase == "apply" and record.state == "applied"}
    steps = once([step for step in as_found(run.plan.steps, done) if step.number in done])
    seen = {} if any(_sent(run, step) for step in steps) else await states_around(_noted(steps, done), run.world)
    for step in reversed(steps):
        sent = _sent(run, step)
        run.moved += moved_to(step, _first_undo(run, step), run.world)
        if sent < max(1, len(step.inverse.writes)) or step.dependants or _is_made_again(step):
            record = done[step.number]
            around = {place: left for place, left in record.around.items() if place in seen}
            as_now = settled(step, concerning(run.moved, step.network_id), run.world)
            await _undo_one(run, as_now, replace(record, around=around), sent, seen)
        if run.put_off:
            break  # the steps before it are taken back after it
    if any(record.phase == "undo" and may_arrive(record) for record in run.steps):
        return S.IN_DOUBT
    if run.put_off:
        return S.ROLLING_BACK
    return S.ROLLBACK_FAILED if run.residue else S.ROLLED_BACK


def _noted(steps: Sequence[Step], done: Mapping[int, ChangeStep]) -> list[Dependant]:
    """What the steps took along and was read as they left it."""
    return [one for step in steps for one in step.dependants if done[step.number].around]


def _lacks(run: Run, step: Step, one: Lacking) -> str:
    """A secret that nobody gave for this undo, and what a person does about it."""
    said = f"step {step.number}: {shown(one.place)} is never read back and must be given again"
    command = run.means.command("secret", "set", one.name)
    if one.is_made_again:
        return f'{said}: it was made without it; {command}, then plan an update of it with {{"$secret": "{one.name}"}}'
    return f"{said}: {command}, then the rollback again"


def _first_undo(run: Run, step: Step) -> ChangeStep | None:
    number = undo_number(step.number)
    return next((one for one in run.steps if one.phase == "undo" and one.number == number), None)


def _has_begun(run: Run) -> bool:
    return any(record.phase == "undo" for record in run.steps)


def _sent(run: Run, step: Step) -> int:
    """How many undo writes of the step are on record as applied and read back as planned, from the first on.

    What was made again is there whatever was read of it: it is not made a second time.
    """
    first = undo_number(step.number)
    its = [one for one in run.steps if one.phase == "undo" and one.state == "applied"]
    made = first if _is_made_again(step) else None
    done = {one.number for one in its if one.verified.get("matches") is not False or one.number == made}
    return next(offset for offset in count() if first + offset not in done)


def _is_made_again(step: Step) -> bool:
    return step.inverse.how == "recreate"


async def _undo_one(run: Run, step: Step, record: ChangeStep, sent: int, seen: States) -> None:
    """One step taken back and proven, or its residue noted.

    ``sent`` is how many writes undid it already: only what is left of them is sent, and what the step took along.
    ``seen`` is what was there of that before anything was taken back.
    """
    try:
        done = Done(step, record, run.world, undo_number(step.number), sent, fresh=True, seen=seen)
        way = await way_back(done)
        if way.hopeless:
            run.residue.append(way.hopeless)
        if edited := _edited_by_others(run, step, way):
            run.residue += edited
            return
        way, lacking = way.given(run.change.key, step.number, lambda name: run.means.secret(name) is not None)
        run.residue += [_lacks(run, step, one) for one in lacking]
        run.residue += [
            f"step {step.number}: {text} was changed by somebody else since, and stays"
            for text in (*way.along.kept, *way.along.conflicts)
        ]
        for offset, draft in enumerate((*way.drafts[sent:], *way.along.drafts), sent):
            if _changes_nothing(draft):
                continue  # what it cannot bring back is named below
            back = step_of(undo_number(step.number, offset), draft, NOWHERE, run.plan.organization)
            wrote = await write_step(run, await ready(run, back, record.created), "undo", None)
            await run.commit(run.set_step(wrote.record))
            failpoint("K10")
            if wrote.error is not None and wrote.record.state != "unknown" and _is_put_off(run, wrote.error):
                return
            run.residue += _why_not(step, wrote)
            if wrote.error is not None and _is_made_again(step) and offset == 0:
                break  # the rest would be written to what was to be made
            run.moved += moved_to(step, wrote.record, run.world) if offset == 0 else ()
        run.residue += await _left_over(run, step)
    except (MerakiError, AccessError, CallerError) as error:
        if _is_put_off(run, error):
            return
        run.residue.append(f"step {step.number}: {failure_of(error)['message']}")
        run.residue += _not_read(run, step, record)


def _edited_by_others(run: Run, step: Step, way: WayBack) -> list[str]:
    """What somebody else changed of a thing that the step created: it is not deleted together with that.

    Unless the change itself wrote to it after it had created it: then nobody can tell whose edit it is.
    """
    if step.kind != "create" or any(one.inverse.how == WITH_CREATION for one in run.plan.steps):
        return []
    theirs = [path for path in way.conflicts if path not in way.along.conflicts]
    return [f"step {step.number}: {path or 'it'} was changed by somebody else since; what it created stays"
            for path in theirs]  # fmt: skip


def _is_put_off(run: Run, error: MerakiMcpError) -> bool:
    """Whether the undo is tried again later: nothing is in doubt, and the cloud may answer a minute later."""
    if not isinstance(error, _PASSING) or run.is_last_try or undo_tries(run.change) >= _TRIES:
        return False
    run.put_off = type(error).sentence
    return True


def _changes_nothing(draft: Draft) -> bool:
    """Whether a write would leave the live state as it is: nothing of the state before can be written back."""
    return draft.kind == "update" and draft.reader is not None and not draft.changes


async def _left_over(run: Run, step: Step) -> list[str]:
    """Fields of the step's resource that are not as before, read afresh; what was made again has an id of its own."""
    step = settled(step, concerning(run.moved, step.network_id), run.world)
    if step.reader is None:
        return []
    live = await run.world.reads.resource(step.reader, fresh=True)
    row = run.world.overlay.row(step.write.operation)
    if step.before is None or live is None:
        is_back = step.before is live or step.kind == "delete"
        return [] if is_back else [residue_line(step, FieldChange("", step.before, live))]
    own_id = [run.world.overlay.row(one.operation).id_field for one in step.inverse.writes[:1] if not row.client_keyed]
    ignore = (*row.volatile, *own_id) if step.kind == "delete" else row.volatile
    wrong = differences(step.before, live, ignore=ignore, unordered=row.unordered)
    return [residue_line(step, change) for change in wrong]


def _not_read(run: Run, step: Step, record: ChangeStep) -> list[str]:
    """The fields that the step set: what stands there now could not be read, so only that is told."""
    left = record.sealed if record.sealed is not None else step.expected
    if step.before is None or left is None:
        return [unread_line(step, FieldChange("", step.before, left))]
    row = run.world.overlay.row(step.write.operation)
    found = differences(step.before, left, ignore=row.volatile, unordered=row.unordered)
    return [unread_line(step, change) for change in found]


def _why_not(step: Step, wrote: Wrote) -> list[str]:
    """Why a write of the undo did not do it, with what the cloud says; the fields that ``_left_over`` cannot read."""
    if wrote.error is None:
        return [residue_line(step, change) for change in wrote.mismatch] if step.reader is None else []
    says = "; ".join(wrote.record.errors)
    return [f"step {step.number}: {failure_of(wrote.error)['message']}" + (f" {says}" if says else "")]
