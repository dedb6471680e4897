"""The two duties: which changes are gone on with, which are left and with which reason, and whose leases are kept."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from mcp_server.changes.carry_out import Changes
from mcp_server.changes.execution.run import Run
from mcp_server.changes.recovery.duty import Recovery
from mcp_server.changes.recovery.left_behind import take_over
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import HoldLeases, Put, TakeLeases
from mcp_server.domain.record import Change, ChangeStep, Lease, StoredPlan
from mcp_server.errors import Rejected, Unreachable
from tests.support.fake_clock import START
from tests.support.records import a_session
from tests.unit.changes.execution.cloud import Cloud
from tests.unit.changes.recovery.scene import NEW, OLD, SSIDS, asked, entries, events, left, names, record

S = ChangeState
DONE = record(1, "applied")
ORG = "/organizations/1"


@dataclass
class Scene:
    """A change that its server, which is gone, left behind; and the duties of another."""

    run: Run
    cloud: Cloud
    duty: Recovery

    async def change(self) -> Change:
        """As it is on record."""
        found = await self.run.world.store.get(Change, "CHG-1")
        assert found is not None
        return found

    async def gone_on(self) -> Change:
        """The change once a round, and what it began, is over."""
        await self.duty.go_on()
        await self.duty.changes.finish()
        return await self.change()


@asynccontextmanager
async def scene(
    records: Sequence[ChangeStep] = (DONE,), live: Sequence[Mapping[str, Any]] = (NEW, OLD), **change: Any
) -> AsyncIterator[Scene]:
    """It, applied in part."""
    run, cloud = await left(change.pop("state", S.APPLYING), records, live, **{"server": "gone", **change})
    cloud.answers[ORG] = {"id": "1", "name": "Acme"}
    run.change = replace(run.change, organization_id="1")
    await run.world.store.commit(Put(run.change, {}))
    async with anyio.create_task_group() as tasks:
        yield Scene(run, cloud, Recovery(Changes(tasks, run.means), run.means, lambda: run.world))


async def test_a_change_that_was_left_behind_is_gone_on_with_under_leases_of_its_own() -> None:
    """In one commit: its server, its leases from now on, and the row that says from whom."""
    async with scene() as at:
        assert (await at.gone_on()).state is S.ROLLED_BACK
        assert names(at.cloud) == [("1", "Old")]
        assert (events(at.run)[0], at.duty.behind) == ("recovery taken_over", {})
        [first] = [one for one in at.run.world.store.commits if any(isinstance(w, TakeLeases) for w in one)]  # type: ignore[attr-defined]  # a stand-in
        [taken] = [one for one in first if isinstance(one, TakeLeases)]
        assert (taken.keys, taken.again, taken.change_id) == (at.run.lease_keys, True, "CHG-1")
        assert taken.until == START + timedelta(seconds=at.run.means.times.lease_s)
        [put] = [one for one in first if isinstance(one, Put)]
        assert put.expect == {"state": S.APPLYING, "server": "gone", "ended_at": None}
        assert isinstance(put.record, Change)
        assert put.record.server == "server-1"


async def test_a_server_without_a_key_goes_on_with_nothing() -> None:
    """It could not read what stands."""
    async with scene() as at:
        at.run.world = replace(at.run.world, limits=replace(at.run.world.limits, has_key=False))
        assert (await at.gone_on()).state is S.APPLYING


async def test_what_is_begun_while_it_is_looked_for_is_nobody_elses() -> None:
    """The list of what is left was read before."""
    async with scene() as at:
        store = at.run.world.store

        class Slow:
            """The port Store in front of another: a change is claimed as soon as the open ones are listed."""

            async def list(self, kind: Any, *given: Any, **more: Any) -> Any:
                found = await store.list(kind, *given, **more)
                at.duty.changes.claim(at.run)
                return found

            def __getattr__(self, name: str) -> Any:
                return getattr(store, name)

        world = replace(at.run.world, store=Slow())
        await store.commit(Put(replace(at.run.change, key="CHG-2")))
        await replace(at.duty, world=lambda: world).go_on()
        assert (await at.change()).server == "gone"
        at.duty.changes.drop(at.run)
        await at.duty.changes.finish()
        other = await store.get(Change, "CHG-2")
        assert other is not None
        assert other.ended_at is not None


async def test_while_the_cloud_does_not_answer_nothing_is_taken_over_and_the_reason_is_told() -> None:
    """Asked once for all changes of an organization; the error comes after all had their turn."""
    async with scene() as at:
        await at.run.world.store.commit(Put(replace(at.run.change, key="CHG-2")))
        at.cloud.answers[ORG] = Unreachable("no route", sent=False)
        with pytest.raises(Unreachable):
            await at.duty.go_on()
        assert list(at.duty.behind.items()) == [("CHG-1", Unreachable.sentence), ("CHG-2", Unreachable.sentence)]
        assert at.cloud.paths == [ORG]
        at.cloud.answers[ORG] = {"id": "1"}
        await at.gone_on()
        assert at.duty.behind == {}


async def test_a_server_that_may_not_go_to_the_organization_leaves_it_and_says_so() -> None:
    """No error: another server may."""
    async with scene() as at:
        limits = replace(at.run.world.limits, organizations=frozenset({"2"}))
        at.run.world = replace(at.run.world, limits=limits)
        assert (await at.gone_on()).state is S.APPLYING
        assert at.duty.behind == {"CHG-1": "This server may not go to its organization."}
        assert at.cloud.paths == []
        at.run.world = replace(at.run.world, limits=replace(limits, organizations=frozenset({"1"})))
        assert ((await at.gone_on()).state, at.duty.behind) == (S.ROLLED_BACK, {})


async def test_a_change_of_which_another_was_first_is_left_without_a_word() -> None:
    """Nor is it behind: somebody works on it."""
    async with scene() as at:
        at.run.world.store.conflicts = 1  # type: ignore[attr-defined]  # a stand-in
        assert ((await at.gone_on()).server, at.duty.behind) == ("gone", {})


async def test_a_change_on_whose_network_another_is_at_work_waits() -> None:
    """Though the other's lease ran out: its server lives."""
    async with scene() as at:
        key = at.run.lease_keys[0]
        at.run.world.store.records |= {  # type: ignore[attr-defined]  # a stand-in
            (Change, "CHG-9"): replace(at.run.change, key="CHG-9", server="server-1"),
            (Lease, key): Lease(key, "CHG-9", "ana", until=START, fence=1),
        }  # fmt: skip
        at.duty.changes.claim(replace(at.run, change=replace(at.run.change, key="CHG-9")))
        await at.duty.go_on()
        assert (await at.change()).server == "gone"
        at.duty.changes.drop(replace(at.run, change=replace(at.run.change, key="CHG-9")))


async def test_a_change_whose_plan_is_gone_is_left_to_a_person() -> None:
    """Nothing tells what it was to do."""
    async with scene() as at:
        del at.run.world.store.records[StoredPlan, "plan-1"]  # type: ignore[attr-defined]  # a stand-in
        assert (await at.gone_on()).state is S.APPLYING


async def test_a_store_that_cannot_be_written_is_told_as_the_reason() -> None:
    """And raised, for whoever counts."""
    async with scene() as at:
        at.run.world.store.failing = True  # type: ignore[attr-defined]  # a stand-in
        with pytest.raises(Exception, match="told to fail"):
            await at.duty.go_on()
        assert list(at.duty.behind) == ["CHG-1"]


def lost(at_s: float = 0.0, **more: Any) -> ChangeStep:
    """A write whose answer is lost, given up so many seconds after the start, and not there when it was looked for."""
    verified = {"matches": False, "settled": "not_applied"}
    made = record(1, "unknown", verified=verified)
    return replace(made, ended_at=START + timedelta(seconds=at_s), ended_s=1000.0 + at_s, boot="boot-1", **more)


@pytest.mark.parametrize(
    ("records", "live", "after_s", "is_taken"),
    [
        ([lost()], (OLD, OLD), 60.0, False),  # it may still come
        ([lost()], (OLD, OLD), 121.0, True),  # no more
        ([lost()], (NEW, OLD), 60.0, True),  # it has come
        ([lost()], (OLD, OLD), 119.5, False),
        ([lost(), lost(asked=asked(2), key="CHG-1/apply/2", number=2)], (NEW, OLD), 60.0, True),  # one of two has
        ([DONE, lost(asked=asked(2), key="CHG-1/apply/2", number=2)], (NEW, OLD), 60.0, False),  # the other is done
        ([lost(verified={"matches": None})], (OLD, OLD), 60.0, True),  # nobody has looked yet
        ([lost(verified={"matches": False, "settled": "drifted"})], (OLD, OLD), 200.0, False),  # a person's
        ([lost(asked=None)], (OLD, OLD), 200.0, False),  # nothing reads it
        ([lost(asked=replace(asked(1), reader=None))], (OLD, OLD), 200.0, False),
        ([DONE, lost(asked=asked(2), key="CHG-1/apply/2", number=2)], (NEW, OLD), 121.0, True),
        ([record(1, "applied", verified={"matches": None}, asked=lost().asked)], (NEW, OLD), 1.0, True),
        ([record(1, "failed", verified={"matches": None}, asked=lost().asked)], (NEW, OLD), 1.0, False),
    ],
)  # fmt: skip
async def test_a_change_that_ended_in_doubt_is_taken_up_again_when_more_can_be_known(
    records: list[ChangeStep], live: Any, after_s: float, *, is_taken: bool
) -> None:
    """Else every round would write that it begins and ends."""
    async with scene(records, live, state=S.IN_DOUBT, ended_at=START) as at:
        at.run.means = replace(at.run.means, times=replace(at.run.means.times, late_s=120.0))
        at.run.world.clock.advance(after_s)  # type: ignore[attr-defined]  # a stand-in
        duty = replace(at.duty, means=at.run.means)
        await duty.go_on()
        await duty.changes.finish()
        assert bool(events(at.run)) is is_taken


async def test_what_cannot_be_read_now_stays_as_it_ended() -> None:
    """Nothing new to tell."""
    async with scene([lost()], state=S.IN_DOUBT, ended_at=START) as at:
        at.cloud.answers[f"{SSIDS}/1"] = Rejected("no", sent=True, status=400)
        at.run.world.clock.advance(121.0)  # type: ignore[attr-defined]  # a stand-in
        await at.gone_on()
        assert (events(at.run), at.duty.behind) == ([], {})


@pytest.mark.parametrize(("code", "is_taken"), [("store_unavailable", True), ("internal_error", False)])
async def test_a_change_of_which_only_the_end_could_not_be_recorded_is_gone_on_with(
    code: str, *, is_taken: bool
) -> None:
    """Nothing of it is in doubt but that; not when a write is."""
    told = {"failure": {"code": code}}
    async with scene(state=S.IN_DOUBT, ended_at=START, result=told) as at:
        await at.gone_on()
        assert bool(events(at.run)) is is_taken
    async with scene([lost(asked=None)], state=S.IN_DOUBT, ended_at=START, result=told) as at:
        await at.gone_on()
        assert events(at.run) == []


@pytest.mark.parametrize(("state", "is_taken"), [(S.PARTIAL, False), (S.APPLIED, False), (S.ROLLBACK_FAILED, False)])
async def test_what_has_ended_otherwise_is_over(state: ChangeState, *, is_taken: bool) -> None:
    """A person goes on with it, or nobody."""
    async with scene([lost(verified={"matches": None})], state=state, ended_at=START) as at:
        await at.gone_on()
        assert bool(events(at.run)) is is_taken


@pytest.mark.parametrize(
    ("server", "lease_s", "after_s", "is_taken"),
    [("", None, 0.0, True), ("", 60.0, 59.0, False), ("", 60.0, 60.0, True), ("gone", 60.0, 0.0, True)],
)
async def test_a_change_without_a_server_is_left_once_nobody_holds_its_networks(
    server: str, lease_s: float | None, after_s: float, *, is_taken: bool
) -> None:
    """It has not begun to write down who carries it out; where that is known, no lease has to run out."""
    async with scene(server=server) as at:
        if lease_s is not None:
            until = START + timedelta(seconds=lease_s)
            lease = Lease(at.run.lease_keys[0], "CHG-1", "ana", until=until, fence=1)
            at.run.world.store.records[Lease, lease.key] = lease  # type: ignore[attr-defined]  # a stand-in
        at.run.world.clock.advance(after_s)  # type: ignore[attr-defined]  # a stand-in
        await at.gone_on()
        assert bool(events(at.run)) is is_taken


async def test_the_leases_of_what_is_under_way_are_moved_on_and_of_nothing_else() -> None:
    """Not while they are being taken or given up; who has lost them is told so and writes no more."""
    async with scene() as at:
        store, runs = at.run.world.store, at.duty.changes
        runs.claim(at.run)

        async def held() -> int:
            before = len(store.commits)  # type: ignore[attr-defined]  # a stand-in
            await at.duty.keep_leases()
            new = store.commits[before:]  # type: ignore[attr-defined]  # a stand-in
            return sum(isinstance(one, HoldLeases) for writes in new for one in writes)

        at.run.fences = (1,) * len(at.run.lease_keys)
        assert await held() == 1
        second = replace(at.run, change=replace(at.run.change, key="CHG-2"))
        at.run.is_over = True
        assert await held() == 0
        runs.claim(second)
        assert await held() == 1
        runs.drop(second)
        at.run.is_over, at.run.fences = False, ()
        assert await held() == 0
        at.run.fences = (1,) * len(at.run.lease_keys)
        store.conflicts = 1  # type: ignore[attr-defined]  # a stand-in
        assert await held() == 0
        runs.drop(at.run)


async def test_a_taken_over_change_knows_what_it_has_done() -> None:
    """What was created, by either direction; and how far it has come."""
    records = [
        record(1, "applied", created={"id": "a"}),
        record(2, "unchanged", sent_at=None),
        record(3, "failed", created={"id": "c"}),
        record(10_000, "applied", "undo", created={"id": "b"}),
    ]
    async with scene(records, state=S.IN_DOUBT, ended_at=START) as at:
        session = a_session(at.run.change.session_id, client="Claude")
        await at.run.world.store.commit(Put(session))
        run = await take_over(at.run.change, at.run.world, at.run.means)
        assert run is not None
        [told] = [one.entry for one in entries(run)]
        assert told.detail == {"from": "gone", "by": "server-1", "state": "in_doubt"}
        assert (run.change.ended_at, told.client) == (None, "Claude")
        assert run.created == {1: {"id": "a"}, 10_000: {"id": "b"}}
        assert (run.progress, run.is_sent, run.is_detached, run.is_started) == (2, True, True, True)
        assert (run.attempt.call.actor.owner, run.attempt.call.call_id) == (run.change.owner, run.change.call_id)
        assert len(run.fences) == len(run.lease_keys)
