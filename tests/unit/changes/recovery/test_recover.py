"""What becomes of a change that was left behind: which writes, which end, what it says, by what is on record and live.

In front of a stand-in of the cloud, so that each state of the records can be tried; the crashes themselves are in
tests/flow/test_recovery.py.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mcp_server.changes.execution.putting_off import begun
from mcp_server.changes.recovery.recover import recover
from mcp_server.changes.recovery.settling import settle_open
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Reader
from mcp_server.domain.ports import moment
from mcp_server.domain.record import Asked, Change, ChangeStep
from mcp_server.domain.recovery.arrival import given_up
from mcp_server.domain.recovery.safe_end import Policy
from mcp_server.errors import Rejected
from tests.support.fake_clock import START
from tests.unit.changes.recovery.scene import NEW, OLD, SSIDS, asked, entries, events, left, names, record, signals

S = ChangeState
LOST = {"failure": {"code": "outcome_unknown", "message": "lost", "remedy": "wait"}}
OTHER = {"failure": {"code": "rate_limited", "message": "too many", "remedy": "wait"}}
DONE = record(1, "applied")
LATE = timedelta(minutes=16)


async def test_what_was_announced_and_never_arrived_has_failed() -> None:
    """Nothing is written; the record says that the server stopped before anything took effect."""
    run, cloud = await left(S.APPLYING, [record(1, "intent")])
    await recover(run)
    assert (run.change.state, run.failure["code"], names(cloud)) == (S.FAILED, "server_stopped", [])
    assert "before anything took effect" in run.failure["message"]
    assert events(run) == ["state in_doubt", "outcome not_applied", "state failed"]


async def test_what_took_effect_in_part_is_undone_and_says_why() -> None:
    """The server stopped, when nothing else is known."""
    run, cloud = await left(S.APPLYING, [DONE], (NEW, OLD))
    await recover(run)
    assert (run.change.state, names(cloud)) == (S.ROLLED_BACK, [("1", "Old")])
    assert (run.failure["code"], "in the middle" in run.failure["message"]) == ("server_stopped", True)


@pytest.mark.parametrize(
    ("result", "said", "code"),
    [(LOST, "was lost in the middle", "outcome_unknown"), (OTHER, "too many", "rate_limited")],
)
async def test_a_change_that_ended_in_doubt_and_is_undone_now_keeps_why_it_stopped(
    result: Any, said: str, code: str
) -> None:
    """A lost answer is told as one that is over."""
    run, _ = await left(S.IN_DOUBT, [DONE, record(2, "not_applied")], (NEW, OLD), result=result)
    await recover(run)
    assert run.change.state is S.ROLLED_BACK
    assert (run.failure["code"], said in run.failure["message"]) == (code, True)


async def test_a_lost_write_that_took_no_effect_is_told_as_that() -> None:
    """Not as a server that stopped."""
    run, _ = await left(S.IN_DOUBT, [record(1, "unknown", ended_at=START)], result=LOST)
    await recover(run)
    assert (run.change.state, run.failure["code"]) == (S.FAILED, "outcome_unknown")
    assert "can no longer arrive" in run.failure["message"]


async def test_an_undo_that_was_begun_says_why_it_was_begun() -> None:
    """Whatever the change said before that."""
    run, _ = await left(S.ROLLING_BACK, [DONE], (NEW, OLD))
    run.change = begun(run.change, {"code": "not_kept", "message": "Nobody kept it.", "remedy": "Plan again."})
    await recover(run)
    assert (run.change.state, run.failure["code"]) == (S.ROLLED_BACK, "not_kept")


@pytest.mark.parametrize("state", [S.APPLYING, S.IN_DOUBT, S.VERIFYING])
async def test_a_change_that_is_whole_is_only_looked_at(state: ChangeState) -> None:
    """Applied by way of verifying, whatever it stood at."""
    run, cloud = await left(state, [DONE, record(2, "applied")], (NEW, NEW))
    await recover(run)
    assert (run.change.state, names(cloud)) == (S.APPLIED, [])
    assert events(run) == [*["state verifying"] * (state is not S.VERIFYING), "state applied"]


@pytest.mark.parametrize(("is_late", "end"), [(False, S.ROLLED_BACK), (True, S.PARTIAL)])
async def test_a_network_that_got_worse_since_the_plan_is_not_left_so(end: ChangeState, *, is_late: bool) -> None:
    """The sample from before the first write is gone with its server; too late, a person takes it back."""
    known = {"organization_id": "1", "read_at": START.isoformat(), "devices": {"Q2-1": "online"}}
    run, cloud = await left(S.VERIFYING, [DONE, record(2, "applied")], (NEW, NEW))
    run.stored = replace(run.stored, plan=replace(run.plan, baseline=known))
    cloud.answers |= signals("offline")
    if is_late:
        run.world.clock.advance(LATE.total_seconds())  # type: ignore[attr-defined]  # a stand-in
    await recover(run)
    assert (run.change.state, run.failure["code"]) == (end, "health_gate")
    assert len(names(cloud)) == (0 if is_late else 2)


@pytest.mark.parametrize("state", [S.APPLYING, S.IN_DOUBT])
async def test_what_is_left_is_carried_out_where_the_operator_wants_that(state: ChangeState) -> None:
    """Then it is looked at like any other."""
    run, cloud = await left(state, [DONE], (NEW, OLD))
    run.means = replace(run.means, policy=Policy.FINISH)
    await recover(run)
    assert (run.change.state, names(cloud)) == (S.APPLIED, [("2", "New")])
    states = [one for one in events(run) if one.startswith("state")]
    assert states == [*["state applying"] * (state is S.IN_DOUBT), "state verifying", "state applied"]


async def test_nothing_is_left_to_finish_where_all_is_as_planned_already() -> None:
    """Somebody else did it: unchanged, and nothing is sent."""
    run, cloud = await left(S.APPLYING, [], (NEW, NEW))
    run.means = replace(run.means, policy=Policy.FINISH)
    await recover(run)
    assert (run.change.state, names(cloud)) == (S.UNCHANGED, [])


async def test_what_goes_wrong_while_it_is_finished_is_undone() -> None:
    """Like in any other change."""
    run, cloud = await left(S.APPLYING, [DONE], (NEW, OLD))
    run.means = replace(run.means, policy=Policy.FINISH)
    cloud.fails["PUT", f"{SSIDS}/2"] = [Rejected("no", sent=True, status=400)]
    await recover(run)
    assert (run.change.state, names(cloud)) == (S.ROLLED_BACK, [("2", "New"), ("1", "Old")])


@pytest.mark.parametrize(
    ("state", "records", "live", "end", "code"),
    [
        (S.APPLYING, [DONE], (NEW, OLD), S.PARTIAL, "applied_in_part"),
        (S.ROLLING_BACK, [DONE], (NEW, OLD), S.ROLLBACK_FAILED, "undo_cut_short"),
        (S.PARTIAL, [DONE], (NEW, OLD), S.ROLLBACK_FAILED, "undo_cut_short"),
        (S.APPLYING, [record(1, "intent")], ({"name": "Else", "enabled": True}, OLD), S.IN_DOUBT, "in_doubt"),
        (S.VERIFYING, [record(1, "unknown")], ({"name": "Else", "enabled": True}, OLD), S.IN_DOUBT, "in_doubt"),
    ],
)
async def test_what_nobody_may_write_to_any_more_is_left_to_a_person(
    state: ChangeState, records: list[ChangeStep], live: Any, end: ChangeState, code: str
) -> None:
    """With the command, what is known, and what an undo has not reached."""
    run, cloud = await left(state, records, live)
    run.world.clock.advance(LATE.total_seconds())  # type: ignore[attr-defined]  # a stand-in
    await recover(run)
    assert (run.change.state, run.failure["code"], names(cloud)) == (end, code, [])
    assert "Nothing more was written." in run.failure["message"]
    assert run.failure["remedy"].endswith("next_command.")
    assert run.failure["remedy"].startswith("Read" if end is S.IN_DOUBT else "A person")
    assert run.next_command
    assert events(run)[-1] == f"state {end}"
    if end is not S.IN_DOUBT and state is not S.PARTIAL:  # from there it is the only way
        assert "state in_doubt" not in events(run)
    not_back = ["step 1: update ssid 3 of Store 12: not taken back"]
    assert run.residue == (not_back if end is S.ROLLBACK_FAILED else [])


async def test_it_is_the_last_step_that_is_too_long_ago_and_not_the_first() -> None:
    """Its end counts, when it has one."""
    at = START + timedelta(minutes=10)
    for second in (record(2, "failed", ended_at=at), record(2, "failed", sent_at=at)):
        run, cloud = await left(S.APPLYING, [DONE, second], (NEW, OLD))
        run.world.clock.advance(LATE.total_seconds())  # type: ignore[attr-defined]  # a stand-in
        await recover(run)
        assert (run.change.state, names(cloud)) == (S.ROLLED_BACK, [("1", "Old")])


async def test_a_server_that_may_not_write_leaves_it_to_a_person() -> None:
    """However short ago."""
    run, cloud = await left(S.APPLYING, [DONE], (NEW, OLD))
    run.world = replace(run.world, limits=replace(run.world.limits, read_only=True))
    await recover(run)
    assert (run.change.state, names(cloud)) == (S.PARTIAL, [])


@pytest.mark.parametrize(("state", "end"), [(S.ROLLING_BACK, S.ROLLED_BACK), (S.APPLYING, S.PARTIAL)])
async def test_the_undo_of_what_nobody_kept_in_time_never_comes_too_late(state: ChangeState, end: ChangeState) -> None:
    """It was agreed when it was applied; what was cut short before that was not."""
    run, _ = await left(state, [DONE], (NEW, OLD), confirm_within_minutes=5)
    run.world.clock.advance(LATE.total_seconds())  # type: ignore[attr-defined]  # a stand-in
    await recover(run)
    assert run.change.state is end


async def test_a_fault_of_our_own_ends_the_change_in_doubt_and_takes_nobody_along() -> None:
    """The end is on record, with a command."""
    run, cloud = await left(S.APPLYING, [record(1, "intent")])
    cloud.answers[f"{SSIDS}/1"] = ZeroDivisionError("ours")
    await recover(run)
    kept = await run.world.store.get(Change, "CHG-1")
    assert kept is not None
    assert (kept.state, kept.ended_at is not None, run.failure["code"]) == (S.IN_DOUBT, True, "internal_error")


async def test_only_what_is_open_is_read_and_the_oldest_write_first() -> None:
    """What was read back, refused, or is neither as before nor as planned, says nothing new."""
    drifted = record(1, "unknown", "undo", verified={"matches": False, "settled": "drifted"}, ended_at=START)
    open_ = [record(1, "intent", sent_at=START + timedelta(seconds=2)), record(2, "intent")]
    others = [drifted, record(3, "failed", asked=asked(1)), record(4, "unchanged", sent_at=None)]
    run, cloud = await left(S.APPLYING, [*open_, *others], (NEW, OLD))
    await settle_open(run)
    assert cloud.paths == [f"{SSIDS}/2", f"{SSIDS}/1"]
    states = {one.key: (one.state, one.asked is None) for one in run.steps}
    assert states["CHG-1/apply/1"] == ("applied", True)
    assert states["CHG-1/apply/2"] == ("not_applied", True)
    assert run.created[1] == {"number": 1, "name": "New", "enabled": True}
    assert 2 not in run.created


@pytest.mark.parametrize(("state", "told"), [(S.IN_DOUBT, []), (S.APPLYING, ["state in_doubt"])])
async def test_what_was_announced_is_on_record_as_in_doubt_before_it_is_read(
    state: ChangeState, told: list[str]
) -> None:
    """And so is its change: whoever comes next finds it so."""
    run, cloud = await left(state, [record(1, "intent")])
    cloud.answers[f"{SSIDS}/1"] = ZeroDivisionError("ours")
    with pytest.raises(ZeroDivisionError):
        await settle_open(run)
    [kept] = await run.world.store.list(ChangeStep)
    assert (kept.state, events(run)) == ("unknown", told)


async def test_what_an_undo_made_again_by_a_write_whose_answer_is_lost_is_known_to_the_next_one() -> None:
    """The second write goes to the id that the cloud gave."""
    routes = Reader("getNetworkApplianceStaticRoutes", {"networkId": "N_1"}, match={"name": "Lab"})
    sent = Asked("createNetworkApplianceStaticRoute", routes, None, {"name": "Lab"})
    run, cloud = await left(S.ROLLING_BACK, [DONE, record(10_000, "unknown", "undo", asked=sent)], (NEW, OLD))
    cloud.answers["/networks/N_1/appliance/staticRoutes"] = [{"id": "r9", "name": "Lab"}]
    await settle_open(run)
    assert run.created[10_000] == {"id": "r9", "name": "Lab"}


async def test_a_write_whose_answer_is_known_and_that_nobody_read_back_is_read_now() -> None:
    """Without an outcome of its own; what nothing reads, a person has decided or was read is left as it is."""
    unread = record(1, "applied", verified={"matches": None}, sealed=None, asked=asked(1))
    others = [
        record(2, "applied", verified={"matches": None, "resolved_by": "ana"}),
        record(3, "applied", asked=asked(2)),
    ]
    run, cloud = await left(S.APPLYING, [unread, *others], (NEW, NEW))
    await settle_open(run)
    assert cloud.paths == [f"{SSIDS}/1"]
    assert [one for one in run.steps if one.number > 1] == others
    [kept] = [one for one in await run.world.store.list(ChangeStep) if one.number == 1]
    assert kept.verified["matches"] is True
    assert events(run) == []


async def test_an_outcome_is_told_once_and_what_was_told_as_unknown_is_reconciled() -> None:
    """The end of one that its server never saw is the moment at which it was found to be gone."""
    run, _ = await left(S.IN_DOUBT, [record(1, "intent"), record(2, "unknown", ended_at=START)], (NEW, NEW))
    run.world.clock.advance(5.0)  # type: ignore[attr-defined]  # a stand-in
    await settle_open(run)
    assert sorted(events(run)) == ["outcome applied", "reconciled applied"]
    details = [one.entry.detail for one in entries(run)]
    assert [(one["reconciled"], one["step"], one["phase"]) for one in details] == [
        (True, 1, "apply"),
        (True, 2, "apply"),
    ]
    assert {one.number: one.ended_at for one in run.steps} == {1: run.world.clock.now(), 2: START}


@pytest.mark.parametrize(
    ("is_lost", "after_s", "waited_s"),
    [(False, 10.0, 8.0), (False, 19.5, 0.0), (False, 25.0, 0.0), (True, 25.0, 10.0), (True, 36.0, 0.0)],
)
async def test_an_older_state_may_be_read_until_the_write_must_show(
    after_s: float, waited_s: float, *, is_lost: bool
) -> None:
    """The settle time from when it was sent; of one that may come late, from when it can last have come."""
    run, _ = await left(S.IN_DOUBT, [])
    verified = {"matches": False, "settled": "not_applied"} if is_lost else {}
    sent_at = START + timedelta(seconds=3)
    lost = given_up(record(1, "unknown", verified=verified, sent_at=sent_at), moment(run.world.clock))
    run.means = replace(run.means, times=replace(run.means.times, settle_s=15.0, late_s=20.0))
    run.keep_step(lost)
    run.world.clock.advance(after_s)  # type: ignore[attr-defined]  # a stand-in
    await settle_open(run)
    slept = sum(run.world.clock.slept)  # type: ignore[attr-defined]  # a stand-in
    assert waited_s <= slept < waited_s + 5.0 * bool(waited_s) + 0.1
    assert [one.state for one in run.steps] == ["not_applied" if after_s > 20.0 else "unknown"]
