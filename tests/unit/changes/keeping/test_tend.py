"""One round over what waits to be kept: what is undone, what is only looked at, and what a person must decide.

In front of a stand-in of the cloud; two servers and real crashes are in tests/flow/test_commit_confirm.py.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from mcp_server.changes.execution.run import Run
from mcp_server.changes.keeping.tend import Tender
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.holds.confirm import opened
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Append, Put, TakeLeases, moment
from mcp_server.domain.record import AuditEntry, Change, Deadline, Lease
from mcp_server.errors import Rejected
from tests.support.fake_clock import START
from tests.unit.changes.execution.cloud import Cloud
from tests.unit.changes.recovery.scene import NEW, OLD, SSIDS, events, left, record, signals

S = ChangeState
OTHER = {"name": "Other", "enabled": True}
WAITING: Mapping[str, Any] = {
    "confirm_within_minutes": 10, "server": "gone", "result": {"health": {"verdict": "fine"}, "delivery": {"n": 1}},
}  # fmt: skip


@dataclass
class Noted:
    """The port Runs: what was claimed and dropped, and whose work it was; the work itself is not done."""

    told: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def claim(self, run: Run) -> None:
        """Noted."""
        self.told.append("claim")
        self.runs.append(run)

    def drop(self, run: Run) -> None:
        """Noted."""
        self.told.append("drop")

    async def own(self, run: Run, work: Callable[[Run], Awaitable[Outcome]]) -> None:
        """Noted."""
        self.told.append("own")


@dataclass
class Scene:
    """A change of two steps that waits ten minutes to be kept, and the duty over it."""

    run: Run
    cloud: Cloud
    tender: Tender
    runs: Noted
    deadline: Deadline

    async def after(self, seconds: float) -> None:
        """One round so much later."""
        self.run.world.clock.advance(seconds)  # type: ignore[attr-defined]  # a stand-in
        await self.tender.tend()

    async def kept(self) -> tuple[Change, Deadline, Sequence[Lease]]:
        """What is on record."""
        store = self.run.world.store
        change, deadline = await store.get(Change, "CHG-1"), await store.get(Deadline, "CHG-1")
        assert change is not None
        assert deadline is not None
        return change, deadline, await store.list(Lease)

    def expected(self, kind: type) -> list[Any]:
        """What each write of such a record asked of the one that it replaces."""
        commits = self.run.world.store.commits  # type: ignore[attr-defined]  # a stand-in
        puts = [one for writes in commits for one in writes if isinstance(one, Put)]
        return [one.expect for one in puts if isinstance(one.record, kind) and one.expect]

    @property
    def rows(self) -> list[AuditEntry]:
        """The evidence."""
        commits = self.run.world.store.commits  # type: ignore[attr-defined]  # a stand-in
        return [one.entry for writes in commits for one in writes if isinstance(one, Append)]


async def scene(
    live: Sequence[Mapping[str, Any]] = (NEW, NEW), baseline: Mapping[str, Any] | None = None, **change: Any
) -> Scene:
    """It, applied a moment ago by a server that is gone."""
    records = [record(1, "applied"), record(2, "applied")]
    run, cloud = await left(S.PENDING_KEEP, records, live, **{**WAITING, **change})
    store, deadline = run.world.store, opened("CHG-1", 10, moment(run.world.clock), baseline or {})
    await store.commit(Put(deadline))
    runs = Noted()
    return Scene(run, cloud, Tender(store, run.world.clock, lambda: run.world, run.means, runs), runs, deadline)


async def test_before_its_time_has_passed_nothing_is_undone() -> None:
    """Nor is anything read of the cloud, where no health was known before the change."""
    at = await scene()
    await at.after(599.0)
    change, deadline, leases = await at.kept()
    assert (change.state, deadline.state, leases, at.runs.told) == (S.PENDING_KEEP, "open", [], [])
    assert at.cloud.paths == []


async def test_once_its_time_has_passed_the_undo_is_begun_by_this_server() -> None:
    """State and deadline in one commit, with why; claimed before anybody can take it for left behind."""
    at = await scene()
    await at.after(600.0)
    change, deadline, leases = await at.kept()
    assert (change.state, change.server, deadline.state) == (S.ROLLING_BACK, "server-1", "undone")
    assert [lease.change_id for lease in leases] == ["CHG-1"] * len(leases)
    assert at.runs.told == ["claim", "own"]
    [run] = at.runs.runs
    assert run.failure["code"] == "not_kept"
    assert "within 10 minute(s)" in str(run.failure["message"])
    assert change.result["health"] == {"verdict": "fine"}
    assert change.result["undo"] == {"failure": dict(run.failure), "tries": 0}
    assert (run.confirm["state"], run.health, run.delivery) == ("undone", {"verdict": "fine"}, {"n": 1})
    assert run.change == change
    assert run.fences == tuple(lease.fence for key in run.lease_keys for lease in leases if lease.key == key)
    [told, state] = at.rows
    assert (told.event, told.status, told.detail["why"], told.detail["server"]) == (
        "deadline", "undone", "not_kept", "server-1",
    )  # fmt: skip
    assert told.detail["due_at"] == at.deadline.due_at.isoformat()
    assert (state.event, state.status, state.detail["failure"]["code"]) == ("state", "rolling_back", "not_kept")
    await at.after(60.0)
    assert at.runs.told == ["claim", "own"]
    assert "before its time" in str(run.failure["remedy"])
    assert at.expected(Change) == [{"state": S.PENDING_KEEP, "server": "gone"}, {"state": S.PENDING_KEEP}]
    assert at.expected(Deadline) == [{"state": "open"}] * 2


async def test_what_somebody_else_changed_meanwhile_is_left_to_a_person() -> None:
    """Nothing is begun, the leases are given back, and the record says what was changed and how to keep it still."""
    at = await scene((NEW, OTHER))
    await at.after(600.0)
    change, deadline, leases = await at.kept()
    assert (change.state, deadline.state, leases, at.runs.told) == (S.PENDING_KEEP, "stopped", [], [])
    assert deadline.conflicts == ("step 2: update ssid 3 of Store 12: name",)
    assert change.result["health"] == {"verdict": "fine"}
    assert change.result["confirm"]["changed_by_others"] == list(deadline.conflicts)
    assert (change.result["confirm"]["state"], change.server) == ("stopped", "server-1")
    assert [(row.event, row.status, row.detail) for row in at.rows] == [
        ("deadline", "stopped", {"changed_by_others": list(deadline.conflicts)})
    ]


async def test_what_somebody_has_put_back_already_is_no_reason_to_stop() -> None:
    """It is as it was before the change."""
    at = await scene((NEW, OLD))
    await at.after(600.0)
    assert at.runs.told == ["claim", "own"]


async def test_a_cloud_that_cannot_be_read_gives_the_leases_back_and_the_next_one_has_its_turn() -> None:
    """The error comes after all, for whoever counts what a duty could not do."""
    at = await scene()
    store = at.run.world.store
    other = replace(at.run.change, key="CHG-2", state=S.APPLIED, rolled_back_by="CHG-3")
    await store.commit(Put(other), Put(replace(at.deadline, key="CHG-2")))
    await store.commit(Put(at.deadline, {}))  # the newest: it has the first turn
    at.cloud.answers[f"{SSIDS}/1"] = Rejected("no", sent=True, status=400)
    with pytest.raises(Rejected):
        await at.after(600.0)
    change, deadline, leases = await at.kept()
    assert (change.state, deadline.state, leases, at.runs.told) == (S.PENDING_KEEP, "open", [], [])
    second = await store.get(Deadline, "CHG-2")
    assert second is not None
    assert second.state == "undone"


async def test_a_server_that_stops_while_it_reads_gives_the_leases_back() -> None:
    """The next one need not wait for their end."""
    at = await scene()

    def stop(_request: Any) -> Any:
        scope.cancel()
        return NEW

    at.cloud.answers[f"{SSIDS}/1"] = stop
    with anyio.CancelScope() as scope:
        await at.after(600.0)
    assert scope.cancelled_caught
    _, _, leases = await at.kept()
    assert (leases, at.runs.told) == ([], [])


async def test_of_two_servers_one_begins_and_the_other_leaves_it() -> None:
    """What is on record has moved: it neither raises nor writes, and what it claimed it drops."""
    at = await scene()
    at.run.world.store.conflicts = 1  # type: ignore[attr-defined]  # a stand-in
    await at.after(600.0)
    assert (at.runs.told, at.rows) == ([], [])
    change, _, _ = await at.kept()
    moved = replace(change, state=S.APPLIED)

    def taken(_request: Any) -> Any:
        at.run.world.store.records[Change, "CHG-1"] = moved  # type: ignore[attr-defined]  # a stand-in
        return {"number": 1, **NEW}

    at.cloud.answers[f"{SSIDS}/1"] = taken
    await at.after(1.0)
    assert at.runs.told == ["claim", "drop"]
    assert (await at.kept())[2] == []


@pytest.mark.parametrize("server", ["gone", "server-1"])
async def test_leases_are_taken_again_only_from_a_server_that_is_gone(server: str) -> None:
    """One that lives may be looking itself."""
    at = await scene(server=server)
    await at.after(600.0)
    commits = at.run.world.store.commits  # type: ignore[attr-defined]  # a stand-in
    [taken] = [one for writes in commits for one in writes if isinstance(one, TakeLeases)]
    assert (taken.again, taken.keys, taken.change_id) == (server == "gone", at.run.lease_keys, "CHG-1")
    assert taken.until == START + timedelta(seconds=720)


async def test_a_network_that_another_living_change_holds_is_not_touched() -> None:
    """Though its lease ran out."""
    at = await scene()
    holder = replace(at.run.change, key="CHG-9", state=S.APPLYING, server="server-1")
    key = at.run.lease_keys[0]
    at.run.world.store.records |= {  # type: ignore[attr-defined]  # a stand-in
        (Change, "CHG-9"): holder, (Lease, key): Lease(key, "CHG-9", "ana", fence=1, until=START),
    }  # fmt: skip
    await at.after(600.0)
    assert (at.runs.told, at.rows) == ([], [])


async def test_the_wall_clock_that_was_set_is_put_on_record_and_nothing_is_decided_by_it() -> None:
    """The deadline moves with it; the row says from when to when, and of which change."""
    at = await scene()
    at.run.world.clock.jump(7200.0)  # type: ignore[attr-defined]  # a stand-in
    await at.after(300.0)
    change, deadline, _ = await at.kept()
    assert (change.state, deadline.state, at.runs.told) == (S.PENDING_KEEP, "open", [])
    assert deadline.due_at == START + timedelta(seconds=7800)
    [row] = at.rows
    assert (row.event, row.status, row.change_id, row.owner) == ("clock", "anchored", "CHG-1", change.owner)
    assert (row.plan_id, row.organization_id, row.network_ids) == (
        change.plan_id, change.organization_id, change.network_ids,
    )  # fmt: skip
    assert row.detail == {
        "jumped_s": 7200.0, "new_boot": False, "due_before": at.deadline.due_at.isoformat(),
        "due_after": deadline.due_at.isoformat(),
    }  # fmt: skip
    assert at.expected(Deadline) == [{"state": "open", "anchored_at": START}]
    await at.after(299.0)
    assert at.runs.told == []
    await at.after(1.0)
    assert at.runs.told == ["claim", "own"]


async def test_a_network_that_got_worse_is_not_waited_for() -> None:
    """Two bad samples in a row; what was found is why it is undone."""
    known = {"organization_id": "1", "read_at": START.isoformat(), "devices": {"Q2-1": "online"}}
    at = await scene(baseline=known)
    at.cloud.answers |= signals("online")
    await at.after(59.0)
    assert at.cloud.paths == []
    await at.after(1.0)
    assert (at.runs.told, (await at.kept())[1].sampled_at) == ([], at.run.world.clock.now())
    at.cloud.answers |= signals("offline")
    await at.after(60.0)
    assert at.runs.told == ["claim", "own"]
    [run] = at.runs.runs
    assert (run.failure["code"], run.health["verdict"]) == ("health_gate", "worse")


async def test_the_network_of_what_no_longer_waits_is_not_looked_at() -> None:
    """It was taken back by a rollback; its deadline is closed when its time has passed."""
    at = await scene(baseline={"organization_id": "1", "read_at": START.isoformat()})
    await at.run.world.store.commit(Put(replace(at.run.change, state=S.APPLIED), {}))
    await at.after(60.0)
    assert ((await at.kept())[1].state, at.cloud.paths) == ("open", [])


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"state": S.APPLIED, "rolled_back_by": "CHG-2"}, "undone"),
        ({"state": S.APPLIED}, "kept"),
        ({"state": S.ROLLED_BACK}, "undone"),
    ],
)
async def test_the_deadline_of_what_no_longer_waits_is_closed(change: dict[str, Any], state: str) -> None:
    """By what became of the change."""
    at = await scene()
    await at.run.world.store.commit(Put(replace(at.run.change, **change), {}))
    await at.after(600.0)
    assert ((await at.kept())[1].state, at.runs.told, events(at.run)) == (state, [], [])
