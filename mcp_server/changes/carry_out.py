"""A change from approval to its end: authorize, lease, re-read, write, verify, watch, and undo when it went wrong.

The only code that writes to Meraki. The server owns the run: a caller that goes away before the first write cancels
it; after that it goes on to its end, applied or undone (design 3.1.2).
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import anyio
from anyio.abc import TaskGroup

from mcp_server.changes.authorize import Authorized, authorize_execution
from mcp_server.changes.execution.execute import execute
from mcp_server.changes.execution.report import change_outcome, stored_outcome
from mcp_server.changes.execution.run import Run, fences_of
from mcp_server.changes.freeze import frozen, not_frozen
from mcp_server.changes.holding import busy, refuse_held
from mcp_server.changes.keeping.keep import keep
from mcp_server.changes.means import Means
from mcp_server.changes.planning.trusted import must_own
from mcp_server.changes.step_records import steps_of
from mcp_server.domain.call import Attempt
from mcp_server.domain.change_state import ChangeState, move
from mcp_server.domain.outcome import CarryOut, Outcome
from mcp_server.domain.ports import Put, TakeLeases
from mcp_server.domain.record import Approval, Change, Freeze, Lease, StoredPlan
from mcp_server.errors import RecordConflict, Refused
from mcp_server.failpoints import failpoint
from mcp_server.world import World

Report = Callable[[float, float | None, str], Awaitable[None]]
Work = Callable[[Run], Awaitable[Outcome]]


class Changes:
    """The change engine of one server; ``tasks`` lives as long as the server."""

    def __init__(self, tasks: TaskGroup, means: Means) -> None:
        """``tasks`` runs the changes that outlive their callers."""
        self._tasks = tasks
        self._means = means
        self._runs: dict[str, Run] = {}

    async def carry_out(self, attempt: Attempt, wish: CarryOut, world: World) -> Outcome:
        """The change's outcome, ``applying`` when it takes longer, or an outcome that asks for approval."""
        _check(wish)
        if wish.keep:
            return await keep(attempt, wish.plan, world, self._means)
        if wish.plan.change_id is not None:
            return await self._again(wish.plan, attempt, world)
        try:
            decision = await authorize_execution(wish.plan, attempt, world, self._means)
        except Refused:
            current = await world.store.get(StoredPlan, wish.plan.key)
            if current is None or current.change_id is None:
                raise
            return await self._again(current, attempt, world)  # another call took the plan, and its approval, meanwhile
        if isinstance(decision, Outcome):
            return decision
        run = await self._start(attempt, wish, decision, world)
        return await self._follow(run, attempt) if run is not None else await self._again(wish.plan, attempt, world)

    async def _again(self, stored: StoredPlan, attempt: Attempt, world: World) -> Outcome:
        """The stored record of a plan that was carried out before, for its requester."""
        must_own(stored, attempt)
        current = await world.store.get(StoredPlan, stored.key)
        change_id = current.change_id if current else None
        if change_id is None:
            raise Refused("The plan moved on while it was applied.", "Call again.", code="plan_moved")
        if (run := self._runs.get(change_id)) is not None:
            return await self._follow(run, attempt)
        change = await world.store.get(Change, change_id)
        if change is None:
            raise Refused("The change of this plan is not on record.", "See history.", code="change_unknown")
        steps = await steps_of(world.store, change_id)
        return stored_outcome(current or stored, change, steps)

    async def _start(self, attempt: Attempt, wish: CarryOut, yes: Authorized, world: World) -> Run | None:
        """The run with its lease, consumed approval and APPLYING change, all in one transaction (K4).

        None when another call of the same plan was first. Raises Busy when another change holds a lease.
        """
        stored, now, plan = wish.plan, world.clock.now(), wish.plan.plan
        change = Change(
            key=world.ids.stamped("CHG", now),
            plan_id=plan.plan_id,
            owner=stored.owner,
            state=ChangeState.APPLYING,
            session_id=await self._means.session_id(world, attempt.actor),
            organization_id=plan.organization.id,
            network_ids=tuple(network.id for network in plan.networks),
            approval_id=yes.approval.key,
            started_at=now,
            call_id=attempt.call.call_id,
            correlation_id=attempt.call.correlation_id,
            rolls_back=plan.rolls_back,
            server=self._means.servers.enter(),
            confirm_within_minutes=wish.confirm_within_minutes,
        )
        move(move(_approvable(stored.state), ChangeState.APPROVED), ChangeState.APPLYING)
        applying = replace(stored, state=ChangeState.APPLYING, change_id=change.key)
        run = Run(applying, change, attempt, world, self._means)
        approval = replace(yes.approval, used_by=change.key)
        spent = Put(approval, None if approval.channel == "elicitation" else {"used_by": None})
        until = now + timedelta(seconds=self._means.times.lease_s)
        lease = TakeLeases(plan.lease_keys, change.key, stored.owner, now, until)
        detail = {"approval": approval.key, "channel": approval.channel, "server": change.server}
        told = run.entry("state", "applying", detail)
        first = {"change_id": None, "state": stored.state}
        self._runs[change.key] = run  # from now on nobody here takes it for one that was left behind
        try:
            await refuse_held(plan.lease_keys, change.key, world, self._means)
            with anyio.CancelScope(shield=True):  # a cancelled commit may be written all the same
                open_ = not_frozen(plan.organization.id)
                await world.store.commit(open_, Put(applying, first), lease, spent, Put(change), told)
                failpoint("K4")
                run.fences = await fences_of(run, until)
        except BaseException as lost:
            self.drop(run)  # a server that ends just now waits for it no longer
            if not isinstance(lost, RecordConflict):
                raise
            if isinstance(lost.found, Freeze):
                raise frozen(lost.found, self._means) from lost
            _refuse_when_held(lost, world.clock.now())
            return None
        return run

    async def _follow(self, run: Run, attempt: Attempt) -> Outcome:
        """The outcome when it comes in time, else ``applying``; going away before the first write cancels."""
        if not run.is_started:
            run.is_started = True
            self._tasks.start_soon(self._own, run, execute)
        run.followers += 1
        try:
            with anyio.move_on_after(self._means.times.apply_wait_s):
                await _told_until_done(run, attempt.call.report)
        except BaseException as left:
            is_last = run.followers == 1 and not run.is_detached  # nobody else waits, or was told that it goes on
            if is_last and run.outcome is not None:
                await self._told_hooks(run)
            elif is_last and isinstance(left, anyio.get_cancelled_exc_class()):
                run.is_cancelled = not run.is_sent
                run.is_detached = True
            raise
        finally:
            run.followers -= 1
            run.is_detached |= run.outcome is None and not run.followers  # then nobody here tells the post-task hooks
        if run.outcome is None:
            run.is_detached = True
            return change_outcome(run)
        return run.outcome

    async def _own(self, run: Run, work: Work) -> None:
        """Run to the end in the server's own task; tell the post-task hooks when no caller is left to."""
        try:
            with anyio.CancelScope(shield=True), self._means.named(run.change.key):
                run.outcome = await work(run)
                if run.is_detached:
                    await self._told_hooks(run)
                failpoint("K14")
        finally:
            self._runs.pop(run.change.key, None)
            run.done.set()
            run.wake()

    async def _told_hooks(self, run: Run) -> None:
        """The post-task hooks behind a change that has ended and whose caller is gone."""
        if run.outcome is not None:
            with anyio.CancelScope(shield=True):
                await self._means.after(run.attempt, run.outcome, run.world)

    def claim(self, run: Run) -> None:
        """From now on nobody here takes the change for one that was left behind."""
        self._runs[run.change.key] = run

    def drop(self, run: Run) -> None:
        """It is not carried out here after all."""
        self._runs.pop(run.change.key, None)
        run.done.set()

    def adopt(self, run: Run, work: Work) -> None:
        """Carry a run that no caller waits for to its end, in the server's own task: closing waits for it."""
        self.claim(run)
        run.is_started = run.is_detached = True
        self._tasks.start_soon(self._own, run, work)

    async def own(self, run: Run, work: Work) -> None:
        """As ``adopt``; until the end."""
        self.adopt(run, work)
        await run.done.wait()

    def under_way(self) -> tuple[Run, ...]:
        """The changes that this server carries out now."""
        return tuple(self._runs.values())

    async def finish(self) -> None:
        """Wait until every change under way has come to its end (stdin closed: finish, then exit)."""
        while self._runs:
            for run in self.under_way():
                run.is_detached = run.is_last_try = True
                run.is_cancelled = not run.is_sent
                await run.done.wait()


def _check(wish: CarryOut) -> None:
    """Refused when the wish contradicts itself, or promises an undo that a step of the plan does not have."""
    if wish.confirm_within_minutes is None:
        return
    if wish.keep:
        raise Refused(
            "keep and confirm_within_minutes exclude each other.", "Give one of them.", code="contradicting_arguments"
        )
    lost = [step for step in wish.plan.plan.steps if step.inverse.undo_class == "none" or step.irreversible]
    if lost:
        raise Refused(
            f"Step {lost[0].number} ({lost[0].write.operation}) cannot be undone, so it cannot wait to be kept.",
            "Plan it apart from the others, or apply without confirm_within_minutes.",
            code="not_undoable",
        )


async def _told_until_done(run: Run, report: Report | None) -> None:
    """Tell the caller of every step that the change puts behind it, until it has ended."""
    total = len(run.plan.steps)
    while not run.done.is_set():
        told, moved_on = run.progress, run.moved_on
        if report is not None:
            await report(told, total, f"{told} of {total} steps done" if told < total else "Watching the network")
        if told == run.progress:
            await moved_on.wait()


def _approvable(state: ChangeState) -> ChangeState:
    """The state an approval starts from; APPROVED already counts as planned once more."""
    return ChangeState.PLANNED if state is ChangeState.APPROVED else state


def _refuse_when_held(conflict: RecordConflict, now: datetime) -> None:
    """Nothing when another call took the plan; Busy when a lease is held, Refused when the approval was used."""
    if isinstance(conflict.found, Lease):
        raise busy(conflict.found, now) from conflict
    if isinstance(conflict.found, Approval):
        raise Refused(
            "The approval of this plan was used before.", "Make a new plan.", code="approval_used"
        ) from conflict
