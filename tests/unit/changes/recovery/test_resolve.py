"""Which changes wait for a person, and when a person may say what became of a write: never too early, never against it.

In front of a stand-in of the cloud, so that each moment can be tried.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mcp_server.changes.execution.ending import end
from mcp_server.changes.execution.run import Run, undo_number
from mcp_server.changes.recovery.left_behind import left_behind
from mcp_server.changes.recovery.resolve import Doubt, Said, doubts_of, refuse_contradiction, refuse_early, resolve
from mcp_server.changes.recovery.waiting import waiting
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Reader
from mcp_server.domain.ports import HoldLeases, Put, ReleaseLeases, moment
from mcp_server.domain.record import Approval, Asked, Change, ChangeStep, Listed
from mcp_server.domain.recovery.arrival import given_up
from mcp_server.errors import Refused, Rejected
from tests.support.fake_clock import START
from tests.support.records import an_approval
from tests.unit.changes.execution.runs import a_run
from tests.unit.changes.recovery import scene

S = ChangeState


def lost(run: Run, **more: Any) -> ChangeStep:
    """A write of the run whose answer is lost, given up now."""
    record = ChangeStep(f"{run.change.key}/apply/1", run.change.key, "apply", 1, "unknown", {}, sent_at=START)
    return replace(given_up(record, moment(run.world.clock)), **more)


async def ended_in_doubt(**more: Any) -> tuple[Run, ChangeStep]:
    """A change in doubt with one lost write, on record."""
    run, _ = a_run()
    record = lost(run, **more)
    run.change = replace(run.change, state=S.IN_DOUBT, ended_at=run.world.clock.now())
    await run.world.store.commit(Put(run.change), Put(record))
    return run, record


async def test_a_change_in_doubt_that_somebody_goes_on_with_is_nobodys_to_decide() -> None:
    """Its end is not on record: the recovery reads it at this moment."""
    run, record = await ended_in_doubt()
    _, [doubt] = await doubts_of(run.change.key, run.world)
    assert (doubt.record, doubt.found) == (record, "unreadable")
    for other in (replace(run.change, ended_at=None), replace(run.change, state=S.PARTIAL)):
        await run.world.store.commit(Put(other, {}))
        with pytest.raises(Refused, match="nobody has to decide"):
            await doubts_of(run.change.key, run.world)
    with pytest.raises(Refused, match="No change"):
        await doubts_of("CHG-20260101-000000-zzzz", run.world)


async def test_a_write_without_an_end_is_waited_for_from_the_end_of_its_change_on() -> None:
    """Nobody waits for it any more since then."""
    run, _ = await ended_in_doubt(ended_at=None)
    _, [doubt] = await doubts_of(run.change.key, run.world)
    assert doubt.record.ended_at == run.change.ended_at


async def test_only_that_it_was_not_applied_can_be_said_too_early() -> None:
    """Until the request can last have arrived; what is there is there."""
    run, record = await ended_in_doubt()
    doubts, late_s = [Doubt(record, "unreadable")], run.means.times.late_s
    refuse_early(doubts, "applied", run.world, run.means)
    with pytest.raises(Refused, match="may still arrive"):
        refuse_early(doubts, "not-applied", run.world, run.means)
    run.world.clock.advance(late_s)  # type: ignore[attr-defined]  # a stand-in
    refuse_early(doubts, "not-applied", run.world, run.means)


def test_nothing_is_said_against_what_is_read() -> None:
    """Neither way; what reads as neither may be said both ways."""
    run, _ = a_run()
    for found, refused in (("applied", "not-applied"), ("not_applied", "applied")):
        doubts = [Doubt(lost(run), "unreadable"), Doubt(lost(run), found)]
        for said in ("applied", "not-applied"):
            if said == refused:
                with pytest.raises(Refused, match=f"reads as {found}"):
                    refuse_contradiction(doubts, said)
            else:
                refuse_contradiction(doubts, said)
    refuse_contradiction([Doubt(lost(run), "drifted")], "applied")


async def test_only_what_has_ended_and_was_not_taken_back_since_waits_for_a_person() -> None:
    """One that is gone on with may end by itself."""
    run, _ = a_run()
    made = [
        replace(run.change, key=f"CHG-{state}-{ended}-{by}", state=state, ended_at=ended, rolled_back_by=by)
        for state in (S.IN_DOUBT, S.PARTIAL, S.ROLLBACK_FAILED, S.FAILED, S.APPLIED)
        for ended in (None, START)
        for by in (None, "CHG-9")
    ]
    await run.world.store.commit(*map(Put, made))
    found = {change.state for change in await waiting(run.world.store)}
    assert found == {S.IN_DOUBT, S.PARTIAL, S.ROLLBACK_FAILED}
    assert len(await waiting(run.world.store)) == 3


@pytest.mark.parametrize("is_lost", [True, False])
async def test_the_networks_of_a_change_in_doubt_stay_held_until_nothing_can_arrive(*, is_lost: bool) -> None:
    """And are given up at once when the cloud answered."""
    run, _ = a_run()
    record = lost(run, http_status=None if is_lost else 500)
    run.change = replace(run.change, state=S.APPLYING, ended_at=None)
    run.keep_step(record)
    await run.world.store.commit(Put(run.change), Put(record))
    await end(run, S.IN_DOUBT)
    last = run.world.store.commits[-1]  # type: ignore[attr-defined]  # a stand-in
    until = [one.until for one in last if isinstance(one, HoldLeases)]
    at = run.world.clock.now() + timedelta(seconds=run.means.times.late_s)
    assert (at in until) is is_lost
    assert any(isinstance(one, ReleaseLeases) for one in last) is not is_lost
    assert run.next_command in str(last)


async def test_a_change_of_a_server_that_lives_is_left_to_it() -> None:
    """One without a server is left when nobody holds its networks."""
    run, _ = a_run()
    own = run.means.servers.enter()
    open_ = replace(run.change, state=S.APPLYING, ended_at=None)
    made: list[Change] = [replace(open_, key=f"CHG-{name}", server=name) for name in (own, "server-gone", "")]
    await run.world.store.commit(*map(Put, made))
    assert {one.server for one in await left_behind(run.world, run.means, ())} == {own, "server-gone", ""}
    assert {one.server for one in await left_behind(run.world, run.means, ("CHG-",))} == {own, "server-gone"}


@pytest.mark.parametrize(
    ("said", "open_"), [("applied", []), ("not-applied", ["step 1: update ssid 3 of Store 12: not taken back"])]
)
async def test_what_an_undo_has_not_restored_is_still_told_once_a_person_has_decided_its_doubt(
    said: Said, open_: list[str]
) -> None:
    """What was known of other steps, and what it has not reached; no longer what was said of the one in doubt."""
    told = {"residue": ["step 2: name is X", "step 1: The answer was lost.", {"what": "a row of the log"}]}
    records = [*(scene.record(n, "applied") for n in (1, 2)), scene.record(undo_number(2), "failed", "undo")]
    doubt = scene.record(undo_number(1), "unknown", "undo", ended_at=START)
    run, _ = await scene.left(S.IN_DOUBT, [*records, doubt], ended_at=START, result=told)
    world, means = run.world, run.means
    done = await resolve(run.change, [Doubt(doubt, "unreadable")], said, an_approval(), world=world, means=means)
    assert done.status == "rollback_failed"
    found = await world.store.get(Change, "CHG-1")
    assert found is not None
    assert (found.state, found.result["residue"]) == (S.ROLLBACK_FAILED, ["step 2: name is X", *open_])


@pytest.mark.parametrize(
    ("said", "second", "end"),
    [("applied", "applied", S.APPLIED), ("applied", "", S.PARTIAL), ("not-applied", "", S.FAILED)],
)
async def test_what_a_person_says_is_the_record_of_the_write_and_nothing_is_written(
    said: Said, second: str, end: ChangeState
) -> None:
    """With who said it; the approval is spent in the same commit, and the networks are free."""
    doubt = scene.record(1, "unknown", ended_at=START)
    others = [scene.record(2, second)] if second else []
    failure = {"code": "in_doubt", "message": "?", "remedy": "!"}
    run, cloud = await scene.left(S.IN_DOUBT, [doubt, *others], ended_at=START, result={"failure": failure})
    world, means = run.world, run.means
    [found] = (await doubts_of("CHG-1", world))[1]
    assert found.found == "not_applied"
    await resolve(run.change, [found], said, an_approval(), world=world, means=means)
    change, kept = await world.store.get(Change, "CHG-1"), await world.store.get(ChangeStep, doubt.key)
    approval = await world.store.get(Approval, "approval-1")
    assert change is not None
    assert kept is not None
    assert approval is not None
    assert (change.state, change.result["failure"]) == (end, {} if said == "applied" else failure)
    assert change.result["residue"] == []  # of an undo alone
    assert (kept.state, kept.asked, kept.ended_at) == (said.replace("-", "_"), None, START)
    assert kept.verified == {
        "matches": None, "resolved_as": said, "resolved_by": approval.approver, "found": "not_applied",
    }  # fmt: skip
    assert (approval.used_by, cloud.writes) == ("CHG-1", [])
    [row] = [one.entry for one in scene.entries(run) if one.entry.event == "resolution"]
    assert row.detail == {
        "as": said, "approver": approval.approver, "key_id": approval.key_id, "approval": "approval-1",
        "steps": ["apply 1: not_applied"],
    }  # fmt: skip


async def test_nothing_is_said_of_a_change_on_whose_networks_another_is_at_work() -> None:
    """Later then; nothing was recorded."""
    run, _ = await scene.left(S.IN_DOUBT, [scene.record(1, "unknown", ended_at=START)], ended_at=START)
    run.world.store.conflicts = 1  # type: ignore[attr-defined]  # a stand-in
    with pytest.raises(Refused, match="at work there now"):
        await resolve(run.change, [], "applied", an_approval(), world=run.world, means=run.means)
    assert scene.entries(run) == []


@pytest.mark.parametrize(
    ("live", "found"), [(scene.NEW, "applied"), (scene.OLD, "not_applied"), ({"name": "X", "enabled": True}, "drifted")]
)
async def test_what_the_cloud_holds_now_is_what_a_person_is_shown(live: dict[str, Any], found: str) -> None:
    """Read afresh; what cannot be read says nothing."""
    run, cloud = await scene.left(S.IN_DOUBT, [scene.record(1, "unknown")], (live, scene.OLD), ended_at=START)
    _, [doubt] = await doubts_of("CHG-1", run.world)
    assert (doubt.found, doubt.live) == (found, {"number": 1, **live})
    cloud.answers[f"{scene.SSIDS}/1"] = Rejected("no", sent=True, status=400)
    _, [doubt] = await doubts_of("CHG-1", run.world)
    assert (doubt.found, doubt.live) == ("unreadable", None)


@pytest.mark.parametrize(
    ("found", "live", "left_by"),
    [
        ("applied", {"name": "New", "added": 1}, {"name": "New", "added": 1}),
        ("drifted", {"name": "X"}, {"number": 1, **scene.NEW}),
        ("unreadable", None, {"number": 1, **scene.NEW}),
    ],
)
async def test_an_undo_later_on_knows_what_the_write_left_and_not_what_somebody_else_did(
    found: str, live: Any, left_by: Any
) -> None:
    """What reads as neither is not taken for its own."""
    doubt = scene.record(1, "unknown", ended_at=START)
    run, _ = await scene.left(S.IN_DOUBT, [doubt], ended_at=START)
    world, means = run.world, run.means
    await resolve(run.change, [Doubt(doubt, found, live)], "applied", an_approval(), world=world, means=means)
    kept = await world.store.get(ChangeStep, doubt.key)
    assert kept is not None
    assert kept.sealed == left_by


async def test_a_create_in_doubt_is_looked_for_in_its_list_and_what_nothing_reads_is_not_read() -> None:
    """The element is what a person is shown, and what an undo knows it by."""
    listed = Listed(Reader("getNetworkApplianceStaticRoutes", {"networkId": "N_1"}), "id", ("r1",))
    made = Asked("createNetworkApplianceStaticRoute", None, None, {"name": "Lab"}, listed=listed)
    blind = scene.record(2, "unknown", asked=replace(made, listed=None))
    run, cloud = await scene.left(S.IN_DOUBT, [scene.record(1, "unknown", asked=made), blind], ended_at=START)
    element = {"id": "r2", "name": "Lab"}
    cloud.answers["/networks/N_1/appliance/staticRoutes"] = [{"id": "r1"}, element]
    found = {one.record.number: one for one in (await doubts_of("CHG-1", run.world))[1]}
    assert (found[1].found, found[1].live) == ("applied", element)
    assert (found[2].found, found[2].live) == ("unreadable", None)
    await resolve(run.change, [found[1]], "applied", an_approval(), world=run.world, means=run.means)
    kept = await run.world.store.get(ChangeStep, found[1].record.key)
    assert kept is not None
    assert (kept.created, kept.sealed) == (element, element)
