"""Making, finding and inverting plans: what the tools may ask of the engine. Writes to no network."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from mcp_server.catalogue.related.references import Moved, concerning
from mcp_server.changes.execution.undo import (
    Done,
    WayBack,
    as_found,
    refuse_conflicts,
    refuse_without_creation,
    way_back,
)
from mcp_server.changes.freeze import freezes_on
from mcp_server.changes.means import Means
from mcp_server.changes.planning.build_plan import build_plan
from mcp_server.changes.planning.draft import WITH_CREATION, Draft, draft_all
from mcp_server.changes.planning.placeholders import renumbered
from mcp_server.changes.planning.plan_hash import plan_hash
from mcp_server.changes.planning.plan_view import plan_view
from mcp_server.changes.planning.step_order import in_working_order, refuse_wrong_order
from mcp_server.changes.planning.trusted import must_be_whole, must_own
from mcp_server.changes.step_records import steps_of
from mcp_server.changes.undoing.dependants import once
from mcp_server.changes.undoing.related import moved_by, pointed
from mcp_server.domain.call import Attempt, Json, Touch, Warned
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.holds.freeze import sentence
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.plan import Plan, Step
from mcp_server.domain.ports import Append, Put
from mcp_server.domain.record import AuditEntry, Change, ChangeStep, StoredPlan
from mcp_server.domain.redaction import clean, listed, numbers
from mcp_server.errors import RecordAltered, Refused
from mcp_server.failpoints import failpoint
from mcp_server.world import World

_OLD_BACKUP: Final = timedelta(hours=1)
_OPEN: Final = (ChangeState.PLANNED, ChangeState.APPROVED, ChangeState.AUDIT_REQUESTED, ChangeState.AUDIT_APPROVED)
_UNDOABLE: Final = (ChangeState.APPLIED, ChangeState.PENDING_KEEP, ChangeState.PARTIAL, ChangeState.ROLLBACK_FAILED)


class Planner:
    """The planning service of one call."""

    def __init__(self, world: World, means: Means) -> None:
        """``world`` carries this call's shared reads."""
        self._world = world
        self._means = means

    @property
    def means(self) -> Means:
        """What the engine works with."""
        return self._means

    async def plan(self, attempt: Attempt, intent: str) -> Outcome:
        """A stored plan of the attempt's touches that are not blocked."""
        touches = _left(attempt)
        organization = attempt.facts.organization
        drafts = await draft_all(touches, self._world, organization.id if organization else "")
        refuse_wrong_order(drafts, self._world)
        plan = await build_plan(attempt, self._world, self._means, drafts, intent=intent)
        stored = await self._save(plan, attempt)
        changing = sum(step.changes_something for step in plan.steps)
        summary = f"Plan {plan.code}: {len(plan.steps)} step(s), {changing} with changes, risk {plan.risk.word}."
        held = await freezes_on(self._world, self._means, plan.organization.id)
        warnings = (*plan.warnings, *(Warned("frozen", "critical", sentence(freeze)) for freeze in held))
        return Outcome("ok", summary, plan_view(stored, self._means), warnings=warnings, plan=stored)

    async def find(self, plan_id: str, attempt: Attempt) -> StoredPlan:
        """The caller's stored plan; Refused with plan_unknown, plan_of_another_owner or plan_altered."""
        try:
            stored = await self._world.store.get(StoredPlan, plan_id)
        except RecordAltered as altered:
            raise Refused(
                "The stored plan was altered; it is not used.", "Plan again.", code="plan_altered"
            ) from altered
        if stored is None:
            raise Refused(f"No plan {clean(plan_id, 64)!r}.", "Make one with meraki_plan.", code="plan_unknown")
        must_own(stored, attempt)
        must_be_whole(stored, self._means.digest_key())
        return stored

    async def touches_of(self, plan_id: str, attempt: Attempt) -> tuple[Touch, ...]:
        """What carrying out a stored plan touches; none when it was carried out before."""
        stored = await self.find(plan_id, attempt)
        if stored.change_id is not None:
            return ()
        return tuple(_touch(step) for step in stored.plan.steps)

    async def touches_to_undo(
        self, attempt: Attempt, change_id: str | None, last: int | None, steps: Sequence[int]
    ) -> tuple[Touch, ...]:
        """What undoing those changes touches: the resources that their steps wrote."""
        return await self._touched(await self.changes_to_undo(attempt, change_id, last), steps)

    async def _touched(self, changes: Sequence[Change], steps: Sequence[int]) -> tuple[Touch, ...]:
        done = [pair for change in changes for pair in await self._done_steps(change, steps)]
        return tuple(_touch_back(step) for step, _ in done)

    async def changes_to_undo(self, attempt: Attempt, change_id: str | None, last: int | None) -> tuple[Change, ...]:
        """The caller's changes, newest first; Refused when there is none or one was rolled back before."""
        owner = attempt.actor.owner
        found: tuple[Change, ...]
        if change_id is not None:
            change = await self._world.store.get(Change, change_id)
            found = (change,) if change is not None and attempt.actor.owns(change.owner) else ()
        else:
            mine = await self._world.store.list(Change, {"owner": owner}, limit=200)
            able = [one for one in mine if one.state in _UNDOABLE and not one.rolls_back and one.rolled_back_by is None]
            found = tuple(able[: max(1, min(last or 1, 20))])
        if not found:
            which = f"No change {clean(change_id, 64)!r}" if change_id else "No change"
            raise Refused(f"{which} of yours to undo.", "See history for the ids.", code="change_unknown")
        for one in found:
            if one.rolled_back_by is not None and not await self._is_done_by(one, attempt):
                raise Refused(
                    f"{one.key} was rolled back by {one.rolled_back_by}.", "See history.", code="already_rolled_back"
                )
            if one.state not in _UNDOABLE:
                raise Refused(
                    f"{one.key} is {one.state}; there is nothing to undo.", "See history.", code="not_undoable"
                )
        return found

    async def _is_done_by(self, change: Change, attempt: Attempt) -> bool:
        """Whether the caller itself rolled it back: the repeated call gets the stored record."""
        done = await self._world.store.get(Change, change.rolled_back_by or "")
        return done is not None and attempt.actor.owns(done.owner)

    async def invert(
        self, attempt: Attempt, change_id: str | None, last: int | None, steps: Sequence[int]
    ) -> StoredPlan:
        """The stored plan that undoes those changes: the open one, or a new one."""
        changes = await self.changes_to_undo(attempt, change_id, last)
        _refuse_unchecked(attempt, await self._touched(changes, steps))
        _refuse_part_of_waiting(changes, steps)
        if (open_plan := await self._open_inverse(changes, steps)) is not None:
            return open_plan
        drafts: list[Draft] = []
        ways: list[tuple[Step, WayBack]] = []
        known: dict[str, Json] = {}
        moved: tuple[Moved, ...] = ()
        secrets: list[Warned] = []
        for change in changes:
            done = await self._done_steps(change, steps)
            filled_in, seen = await self._refuse_parts(change, [step for step, _ in done]), dict(known)
            for step, record in done:
                first = len(drafts) + 1
                way = await way_back(Done(step, record, self._world, first, known=known, seen=seen))
                if filled_in and step.kind == "create":
                    way = replace(way, conflicts=())  # the change itself wrote to what it had created
                way, asked = way.asking(change.key, step.number)
                secrets += [Warned("undo_secret", "warning", text) for text in asked]
                ways.append((step, way))
                near = concerning(moved, step.network_id)
                drafts += [pointed(draft, near, self._world) for draft in way.every]
                moved += moved_by(step, way.drafts, first, self._world)
                known |= way.leaves()
        refuse_conflicts(ways)
        drafts = list(in_working_order(drafts, self._world))
        if not drafts:
            raise Refused("The live state already is the state before.", "Nothing to do.", code="already_restored")
        plan = await build_plan(
            attempt,
            self._world,
            self._means,
            drafts,
            intent=f"Roll back {', '.join(change.key for change in changes)}",
            rolls_back=tuple(change.key for change in changes),
            extra=[*self._age_warning(changes), *secrets],
        )
        plan = replace(plan, context={**plan.context, "rollback_steps": sorted(set(steps))})
        return await self._save(replace(plan, plan_hash=plan_hash(plan, self._means.digest_key())), attempt)

    async def _refuse_parts(self, change: Change, chosen: Sequence[Step]) -> bool:
        """Whether the chosen steps write to what they create; Refused when they do without creating it."""
        stored = await self._world.store.get(StoredPlan, change.plan_id)
        refuse_without_creation(chosen, stored.plan.steps if stored else ())
        return any(step.inverse.how == WITH_CREATION for step in chosen)

    async def _open_inverse(self, changes: Sequence[Change], steps: Sequence[int]) -> StoredPlan | None:
        """The rollback plan of just these changes and steps that was made before and can still be used."""
        wanted = tuple(change.key for change in changes)
        for stored in await self._world.store.list(StoredPlan, {"owner": changes[0].owner}, limit=100):
            same = stored.plan.rolls_back == wanted and stored.plan.context.get("rollback_steps") == sorted(set(steps))
            done_by = changes[0].rolled_back_by is not None and stored.change_id == changes[0].rolled_back_by
            is_open = stored.state in _OPEN and stored.plan.expires_at > self._world.clock.now()
            if same and (is_open or done_by):
                return stored
        return None

    async def _done_steps(self, change: Change, wanted: Sequence[int]) -> list[tuple[Step, ChangeStep]]:
        """The applied steps of a change, last first, with their records."""
        stored = await self._world.store.get(StoredPlan, change.plan_id)
        if stored is None:
            raise Refused(f"{change.key} has no backup.", "Re-create the state by hand.", code="no_backup")
        records = await steps_of(self._world.store, change.key)
        done = {one.number: one for one in records if one.phase == "apply" and one.state == "applied"}
        missing = sorted(set(wanted) - set(done))
        if missing:
            raise Refused(
                f"{change.key} has no applied step {listed(missing, 5)}.",
                f"Applied: {numbers(sorted(done))}.",
                code="step_unknown",
            )
        found = as_found(stored.plan.steps, done)
        chosen = once([step for step in found if step.number in done and (not wanted or step.number in wanted)])
        return [(step, done[step.number]) for step in reversed(chosen)]

    def _age_warning(self, changes: Sequence[Change]) -> list[Warned]:
        """Protocol 10: a backup older than 1 h may no longer be the state that others expect."""
        old = [one.key for one in changes if self._world.clock.now() - one.started_at > _OLD_BACKUP]
        if not old:
            return []
        text = f"The backup of {', '.join(old)} is more than 1 h old; the state may have changed since."
        return [Warned("backup_age", "warning", text)]

    async def _save(self, plan: Plan, attempt: Attempt) -> StoredPlan:
        stored = StoredPlan(plan.plan_id, plan.owner, ChangeState.PLANNED, plan)
        call = attempt.call
        entry = AuditEntry(
            event="state",
            at=plan.created_at,
            owner=plan.owner,
            status=ChangeState.PLANNED.value,
            call_id=call.call_id,
            correlation_id=call.correlation_id,
            client=call.actor.client,
            tool=call.tool,
            plan_id=plan.plan_id,
            organization_id=plan.organization.id,
            network_ids=tuple(network.id for network in plan.networks),
            detail={"plan_hash": plan.plan_hash, "risk": plan.risk.word, "operations": _operations(plan)},
        )
        await self._world.store.commit(Put(stored), Append(entry))
        failpoint("K0")
        return stored


def _refuse_part_of_waiting(changes: Sequence[Change], steps: Sequence[int]) -> None:
    """Refused when part of a change is to be taken back that will be undone as a whole unless it is kept."""
    waiting = [change.key for change in changes if change.state is ChangeState.PENDING_KEEP]
    if waiting and steps:
        raise Refused(
            f"{waiting[0]} waits to be kept; it is kept or taken back as a whole.",
            "Keep it first, or call again without steps.",
            code="waits_to_be_kept",
        )


def _refuse_unchecked(attempt: Attempt, touched: Sequence[Touch]) -> None:
    """Refused when what would be undone is not what the hooks have checked: meanwhile another change became the last.

    Its network, organization and licence were looked at by nobody, and the plan would name the wrong ones.
    """
    if [(one.operation, one.params) for one in touched] != [(one.operation, one.params) for one in attempt.touches]:
        raise Refused(
            "While this call was checked another of your changes became the last one.",
            "See history, then name the change_id.",
            code="undo_moved",
        )


def _left(attempt: Attempt) -> list[Touch]:
    """The touches that are not blocked, their references by the numbers that they have now."""
    blocked = {one.touch for one in attempt.facts.blocked}
    kept = [index for index in range(len(attempt.touches)) if index not in blocked]
    numbers = {index + 1: place for place, index in enumerate(kept, 1)}
    touches = [attempt.touches[index] for index in kept]
    if not blocked:
        return touches
    return [
        replace(touch, params=renumbered(dict(touch.params), numbers), body=renumbered(touch.body, numbers))
        for touch in touches
    ]


def _operations(plan: Plan) -> list[str]:
    return [f"{step.method} {step.path}" for step in plan.steps[:200]]


def _touch_back(step: Step) -> Touch:
    """The touch of a step's undo: a port that was put into an adaptive policy group leaves it by that."""
    touch = _touch(step)
    back = next((one.body for one in step.inverse.writes if one.operation == step.write.operation), None) or {}
    if "adaptivePolicyGroupId" not in (touch.body or {}) or "adaptivePolicyGroupId" not in back:
        return touch
    return replace(touch, body={**(touch.body or {}), "adaptivePolicyGroupId": back["adaptivePolicyGroupId"]})


def _touch(step: Step) -> Touch:
    write = step.write
    return Touch(write.operation, write.params, write.body, is_write=True, irreversible=step.irreversible)
