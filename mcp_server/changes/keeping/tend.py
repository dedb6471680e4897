"""The duty over all changes that wait to be kept: undo what nobody kept in time, or what made the network worse.

Rules: the undo takes the change's leases, and moves its state in one commit with its deadline, so of several servers,
or of a server and a person who keeps it, exactly one wins; what somebody else changed meanwhile is never overwritten:
then nothing is written and a person decides.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol

from anyio import CancelScope, get_cancelled_exc_class

from mcp_server.changes.execution.execute import undo, worse
from mcp_server.changes.execution.health_gate import watch
from mcp_server.changes.execution.pending import confirm_view
from mcp_server.changes.execution.putting_off import begun
from mcp_server.changes.execution.run import Run, fences_of
from mcp_server.changes.execution.undo import as_found, touched_since
from mcp_server.changes.holding import is_left, refuse_held
from mcp_server.changes.keeping.resumed import resumed
from mcp_server.changes.means import Means
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState, move
from mcp_server.domain.holds.confirm import Left, anchored, left, needs_sample
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Append, Clock, Put, ReleaseLeases, Store, TakeLeases, moment
from mcp_server.domain.record import AuditEntry, Change, Deadline
from mcp_server.errors import AccessError, MerakiError, RecordConflict
from mcp_server.health.signals import from_json
from mcp_server.world import World

log = logging.getLogger(__name__)
S = ChangeState
_LOOK_LEASE_S: Final = 120.0  #: for reading what stands; each write of the undo moves it on
_MOST: Final = 500  #: deadlines of one round, the newest


class Runs(Protocol):
    """The changes that this server carries out."""

    def claim(self, run: Run) -> None:
        """From now on nobody here takes the change for one that was left behind."""
        ...

    def drop(self, run: Run) -> None:
        """It is not carried out here after all."""
        ...

    async def own(self, run: Run, work: Callable[[Run], Awaitable[Outcome]]) -> None:
        """Carry it to its end in the server's own task, and wait for that."""
        ...


@dataclass(frozen=True, slots=True)
class Tender:
    """What the duty works with."""

    store: Store
    clock: Clock
    world: Callable[[], World]  #: asked for only when there is something to do: it loads the catalogue
    means: Means
    runs: Runs

    async def tend(self) -> None:
        """One round over the open deadlines; raises the last error of the cloud, after all had their turn."""
        problem: MerakiError | AccessError | None = None
        for deadline in await self.store.list(Deadline, {"state": "open"}, limit=_MOST):
            try:
                await self._one(deadline)
            except RecordConflict:
                continue  # another server, or whoever keeps it, was first; else the next round sees it again
            except (MerakiError, AccessError) as error:
                log.info("change %s waits to be kept and could not be looked after", deadline.key)
                problem = error
        if problem is not None:
            raise problem

    async def _one(self, deadline: Deadline) -> None:
        now = moment(self.clock)
        rest = left(deadline, now)
        if rest.seconds <= 0:
            await self._take_back(deadline, _not_kept(deadline))
        elif rest.needs_anchor:
            await self._anchor(deadline, rest)
        elif needs_sample(deadline, now, self.means.times.keep_sample_s):
            await self._look(replace(deadline, sampled_at=now.at), deadline)

    async def _anchor(self, deadline: Deadline, rest: Left) -> None:
        """The deadline by the clocks as they are now, and the row that says why it moved."""
        after = anchored(deadline, moment(self.clock))
        detail: dict[str, Json] = {
            "jumped_s": round(rest.jumped_s, 1),
            "new_boot": rest.is_new_boot,
            "due_before": deadline.due_at.isoformat(),
            "due_after": after.due_at.isoformat(),
        }
        change = await self.store.get(Change, deadline.key)
        expect = {"state": "open", "anchored_at": deadline.anchored_at}
        await self.store.commit(Put(after, expect), _anchored_row(self.clock, deadline.key, change, detail))

    async def _look(self, looked: Deadline, before: Deadline) -> None:
        """Health once; a second sample when the first is bad, and the undo at once when that is bad too."""
        await self.store.commit(Put(looked, {"state": "open", "sampled_at": before.sampled_at}))
        run = await resumed(looked.key, self.world(), self.means)
        if run is None or not looked.baseline:
            return
        health = await watch(run, from_json(looked.baseline), settle_s=0.0)
        if health["verdict"] == "worse":
            await self._take_back(looked, worse(health), health)

    async def _take_back(
        self, deadline: Deadline, failure: Mapping[str, Json], health: Mapping[str, Json] | None = None
    ) -> None:
        """The change undone, or a person asked because somebody else changed the same; once on this whole store."""
        run = await resumed(deadline.key, self.world(), self.means)
        if run is None:
            await self._close(deadline)
            return
        await self._hold(run, deadline)
        run.failure, run.health = failure, health or run.health
        try:
            is_rolling = await self._begun(run, deadline)
        except (MerakiError, AccessError, RecordConflict):
            await _given_back(run)
            raise
        if is_rolling:
            await self.runs.own(run, undo)

    async def _hold(self, run: Run, deadline: Deadline) -> None:
        """The leases under which this server looks, and its name: once it is gone, the next one need not wait."""
        now, before = self.clock.now(), run.change
        until = now + timedelta(seconds=_LOOK_LEASE_S)
        again = is_left(before, self.means)
        lease = TakeLeases(run.lease_keys, before.key, before.owner, now, until, again=again)
        looked_at = replace(before, server=self.means.servers.enter())
        await refuse_held(run.lease_keys, before.key, run.world, self.means)
        expected = {"state": S.PENDING_KEEP, "server": before.server}
        await self.store.commit(Put(deadline, {"state": "open"}), Put(looked_at, expected), lease)
        run.change = looked_at
        run.fences = await fences_of(run, until)

    async def _begun(self, run: Run, deadline: Deadline) -> bool:
        """Whether the undo is begun; not when somebody else changed the same meanwhile."""
        done = {one.number: one for one in run.steps if one.phase == "apply" and one.state == "applied"}
        try:
            touched = await touched_since(as_found(run.plan.steps, done), done, run.world)
        except get_cancelled_exc_class():  # the server stops; another one looks without waiting for the leases' end
            with CancelScope(shield=True):
                await _given_back(run)
            raise
        if touched:
            await self._stop(run, deadline, touched)
            return False
        self.runs.claim(run)
        try:
            await self._roll(run, deadline)
        except BaseException:
            self.runs.drop(run)
            raise
        return True

    async def _roll(self, run: Run, deadline: Deadline) -> None:
        """State and deadline in one commit: after it, the change can no longer be kept."""
        undone = replace(deadline, state="undone")
        run.confirm = confirm_view(undone, run.plan.plan_id)
        rolling = replace(begun(run.change, run.failure), state=move(run.change.state, S.ROLLING_BACK))
        why = {"why": run.failure["code"], "due_at": deadline.due_at.isoformat(), "server": rolling.server}
        await run.commit(
            Put(rolling, {"state": S.PENDING_KEEP}),
            Put(undone, {"state": "open"}),
            run.entry("deadline", "undone", why),
            run.entry("state", rolling.state.value, {"failure": dict(run.failure)}),
        )
        run.change = rolling

    async def _stop(self, run: Run, deadline: Deadline, touched: tuple[str, ...]) -> None:
        """Nothing is written to the network; the record says what a person has to decide."""
        stopped = replace(deadline, state="stopped", conflicts=touched)
        told = {**run.change.result, "confirm": confirm_view(stopped, run.plan.plan_id)}
        await run.commit(
            Put(replace(run.change, result=told), {"state": S.PENDING_KEEP}),
            Put(stopped, {"state": "open"}),
            run.entry("deadline", "stopped", {"changed_by_others": list(touched)}),
            ReleaseLeases(run.change.key),
        )
        log.warning("change %s was not kept and not undone: somebody else changed the same", run.change.key)

    async def _close(self, deadline: Deadline) -> None:
        """The deadline of a change that no longer waits: a rollback took it back."""
        change = await self.store.get(Change, deadline.key)
        state = "undone" if change is None or change.rolled_back_by or change.state is not S.APPLIED else "kept"
        await self.store.commit(Put(replace(deadline, state=state), {"state": "open"}))


async def _given_back(run: Run) -> None:
    """The leases under which somebody only looked; who has taken them over since keeps them."""
    with suppress(RecordConflict):
        await run.commit(ReleaseLeases(run.change.key))


def _anchored_row(clock: Clock, change_id: str, change: Change | None, detail: Mapping[str, Json]) -> Append:
    entry = AuditEntry(
        "clock",
        clock.now(),
        change.owner if change else "server",
        "anchored",
        change_id=change_id,
        plan_id=change.plan_id if change else "",
        organization_id=change.organization_id if change else "",
        network_ids=change.network_ids if change else (),
        detail=detail,
    )
    return Append(entry)


def _not_kept(deadline: Deadline) -> Mapping[str, Json]:
    return {
        "code": "not_kept",
        "message": f"Nobody kept the change within {deadline.minutes} minute(s), so it was undone.",
        "remedy": "Plan it again; keep it with meraki_apply keep=true before its time has passed.",
    }
