"""A person says what became of a write that nobody can tell: signed like an approval, never against what is read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from mcp_server.changes.execution.ending import end, residue_of_open
from mcp_server.changes.execution.run import Run, undone_step
from mcp_server.changes.execution.write_step import created_of
from mcp_server.changes.means import Means
from mcp_server.changes.recovery.left_behind import take_over
from mcp_server.changes.step_records import steps_of
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Put, moment
from mcp_server.domain.record import Approval, Change, ChangeStep
from mcp_server.domain.recovery.arrival import last_arrival
from mcp_server.domain.recovery.listed import newcomer
from mcp_server.domain.recovery.safe_end import in_doubt, is_undoing, resolved_end
from mcp_server.domain.recovery.settle import Settled, settle
from mcp_server.domain.redaction import clean
from mcp_server.errors import AccessError, MerakiError, Refused
from mcp_server.world import World

Said = Literal["applied", "not-applied"]
_AGAINST: Final = {"applied": Settled.NOT_APPLIED, "not-applied": Settled.APPLIED}
_STATE: Final = {"applied": "applied", "not-applied": "not_applied"}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A write of which nobody knows what it did, and what the cloud says of it now ("unreadable" when nothing)."""

    record: ChangeStep
    found: str
    live: Json = None


async def doubts_of(change_id: str, world: World) -> tuple[Change, Sequence[Doubt]]:
    """The change in doubt with its doubts, read now. Refused when nothing of it is in doubt."""
    change = await world.store.get(Change, change_id)
    if change is None:
        raise Refused(f"No change {clean(change_id, 64)!r}.", "See 'changes --in-doubt'.", code="change_unknown")
    if change.state is not ChangeState.IN_DOUBT or change.ended_at is None:
        raise Refused(f"{change.key} is {change.state}; nobody has to decide.", "See 'history'.", code="not_in_doubt")
    doubted = [record for record in await steps_of(world.store, change.key) if in_doubt(record)]
    return change, [await _read(replace(one, ended_at=one.ended_at or change.ended_at), world) for one in doubted]


async def _read(record: ChangeStep, world: World) -> Doubt:
    asked = record.asked
    if asked is None or asked.place is None:
        return Doubt(record, "unreadable")
    try:
        live = await world.reads.resource(asked.place, fresh=True)
    except (MerakiError, AccessError):
        return Doubt(record, "unreadable")
    if asked.listed is not None:
        seen = newcomer(asked, live)
        return Doubt(record, seen.settled.value, seen.element)
    return Doubt(record, settle(asked, live).value, live)


def refuse_contradiction(doubts: Sequence[Doubt], said: Said) -> None:
    """Nothing, or Refused when the cloud shows the contrary of what is said."""
    for doubt in doubts:
        if doubt.found == _AGAINST[said]:
            raise Refused(
                f"{doubt.record.phase} {doubt.record.number} reads as {doubt.found}, not as {said}.",
                "Look at the live state again; nothing was recorded.",
                code="contradicted",
            )


def refuse_early(doubts: Sequence[Doubt], said: Said, world: World, means: Means) -> None:
    """Nothing, or Refused while a write that is called not applied may still arrive, with the moment of its last."""
    lost = [doubt.record for doubt in doubts] if said == "not-applied" else []
    now = moment(world.clock)
    until = last_arrival(lost, now, means.times.late_s)
    if until is not None and until > now.at:
        raise Refused(
            f"The answer to a write was lost; it may still arrive until {until:%Y-%m-%d %H:%M:%S} UTC.",
            "Nobody can say before that it was not applied: say it then. Nothing was recorded.",
            code="too_early",
        )


async def resolve(
    change: Change, doubts: Sequence[Doubt], said: Said, approval: Approval, *, world: World, means: Means
) -> Outcome:
    """The change in the end that follows from what was said, with who said it on record.

    Refused (busy) when another change holds its networks now.
    """
    run = await take_over(change, world, means)
    if run is None:
        raise Refused("Another change or server is at work there now.", "Try again when it has ended.", code="busy")
    settled = [_settled(run, doubt, said, approval) for doubt in doubts]
    detail = {
        "as": said,
        "approver": approval.approver,
        "key_id": approval.key_id,
        "approval": approval.key,
        "steps": [f"{one.record.phase} {one.record.number}: {one.found}" for one in doubts],
    }
    spent = replace(approval, used_by=change.key)
    await run.commit(*map(run.set_step, settled), Put(spent), run.entry("resolution", said, detail))
    run.failure = {} if said == "applied" else change.result.get("failure") or {}
    if is_undoing(run.change.state, run.steps):
        run.residue = _not_back(run, change, doubts)
    return await end(run, resolved_end(run.change.state, run.plan.steps, run.steps))


def _not_back(run: Run, change: Change, doubts: Sequence[Doubt]) -> list[str]:
    """What the undo is known not to have restored: what was told of other steps, and what it has not reached."""
    decided = {f"step {undone_step(one.record.number)}" for one in doubts if one.record.phase == "undo"}
    known = change.result.get("residue")
    before = [line for line in known if isinstance(line, str)] if isinstance(known, list) else []
    told = [line for line in before if line.partition(":")[0] not in decided]
    named = {line.partition(":")[0] for line in told}
    return told + [line for line in residue_of_open(run) if line.partition(":")[0] not in named]


def _settled(run: Run, doubt: Doubt, said: Said, approval: Approval) -> ChangeStep:
    """The record of the write as the person says it is."""
    told = {"matches": None, "resolved_as": said, "resolved_by": approval.approver, "found": doubt.found}
    ended_at = doubt.record.ended_at or run.world.clock.now()
    made = created_of(doubt.live) if said == "applied" and doubt.live is not None else doubt.record.created
    settled = replace(doubt.record, state=_STATE[said], created=made, verified=told, ended_at=ended_at, asked=None)
    return replace(settled, sealed=_left_by(doubt))


def _left_by(doubt: Doubt) -> Json:
    """The state that the write left, as an undo is to know it: what reads otherwise, somebody else wrote since."""
    asked = doubt.record.asked
    if asked is None or (doubt.live is not None and doubt.found != Settled.DRIFTED):
        return doubt.live if doubt.live is not None else doubt.record.sealed
    return asked.expected
