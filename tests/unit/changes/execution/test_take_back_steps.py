"""The order of an automatic undo, what it leaves out, and what it says when the cloud does not let it through."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_server.changes.execution import take_back as module
from mcp_server.changes.execution.execute import undo
from mcp_server.changes.execution.putting_off import put_off
from mcp_server.changes.execution.run import undo_number
from mcp_server.changes.execution.take_back import take_back
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Inverse
from mcp_server.domain.record import Change, ChangeStep
from mcp_server.errors import OutcomeUnknown, RateLimited, Rejected, Unreachable
from tests.support.plans import plan
from tests.unit.changes.recovery.scene import NEW, OLD, SSIDS, entries, events, left, names, record, renamed

S = ChangeState
DONE = (record(1, "applied"), record(2, "applied"))
WHY = {"code": "rejected", "message": "No more names.", "remedy": "Look."}


async def test_what_was_applied_is_taken_back_last_first_and_why_is_on_record() -> None:
    """From the first row on: whoever goes on after a crash tells why it was begun."""
    run, cloud = await left(S.APPLYING, DONE, (NEW, NEW))
    run.failure = WHY
    assert (await take_back(run), run.residue) == (S.ROLLED_BACK, [])
    assert names(cloud) == [("2", "Old"), ("1", "Old")]
    undone = [one for one in await run.world.store.list(ChangeStep) if one.phase == "undo"]
    assert [(one.state, one.verified["matches"]) for one in undone] == [("applied", True)] * 2
    kept = await run.world.store.get(Change, "CHG-1")
    assert kept is not None
    assert (kept.state, kept.result["undo"]) == (S.ROLLING_BACK, {"failure": WHY, "tries": 0})
    first, second = (one.entry for one in entries(run)[:2])
    assert (first.status, first.detail, second.status) == ("partial", {"failure": WHY}, "rolling_back")


async def test_what_did_not_take_effect_is_left_alone() -> None:
    """Refused by the cloud, not there, or as planned before."""
    for state in ("failed", "not_applied", "unchanged"):
        others = {"name": "Other", "enabled": True}
        run, cloud = await left(S.APPLYING, (DONE[0], record(2, state)), (NEW, others))
        assert (await take_back(run), run.residue) == (S.ROLLED_BACK, [])
        assert names(cloud) == [("1", "Old")]


@pytest.mark.parametrize("state", [S.PARTIAL, S.IN_DOUBT])
async def test_an_undo_that_was_begun_is_not_begun_a_second_time(state: ChangeState) -> None:
    """What is undone and was read back is neither written nor read again, whatever stands there since."""
    undone = record(undo_number(2), "applied", "undo")
    run, cloud = await left(state, (*DONE, undone), (NEW, {"name": "Other", "enabled": True}))
    assert (await take_back(run), run.residue) == (S.ROLLED_BACK, [])
    assert names(cloud) == [("1", "Old")]
    assert f"{SSIDS}/2" not in cloud.paths
    assert "state partial" not in events(run)


async def test_an_undo_that_did_not_read_back_as_it_should_is_tried_again() -> None:
    """It is a write of the state before: sent twice it does what it does once."""
    undone = record(undo_number(1), "applied", "undo", verified={"matches": False})
    run, cloud = await left(S.ROLLING_BACK, (DONE[0], undone), (NEW, OLD))
    assert (await take_back(run), names(cloud)) == (S.ROLLED_BACK, [("1", "Old")])


async def test_a_write_of_an_undo_that_may_still_arrive_leaves_the_change_in_doubt() -> None:
    """It is looked for again; nothing is called failed or undone before that."""
    run, cloud = await left(S.ROLLING_BACK, DONE[:1], (NEW, OLD))
    run.means = replace(run.means, times=replace(run.means.times, late_s=120.0))
    cloud.fails["PUT", f"{SSIDS}/1"] = [OutcomeUnknown("lost", sent=True)]
    assert await take_back(run) is S.IN_DOUBT
    assert names(cloud) == [("1", "Old")]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unreachable("no route", sent=False), S.ROLLING_BACK),
        (RateLimited("slow down", sent=True, status=429), S.ROLLING_BACK),
        (Rejected("no", sent=True, status=400, errors=("No more names",)), S.ROLLBACK_FAILED),
    ],
)
async def test_what_may_be_over_a_minute_later_is_put_off_and_the_steps_before_wait(
    error: Any, state: ChangeState
) -> None:
    """What the cloud refuses is told, field by field, and the rest is taken back."""
    run, cloud = await left(S.ROLLING_BACK, DONE, (NEW, NEW))
    cloud.fails["PUT", f"{SSIDS}/2"] = [error]
    assert await take_back(run) is state
    if state is S.ROLLING_BACK:
        assert (names(cloud), run.residue) == ([("2", "Old")], [])
        told = await put_off(run)
        kept = await run.world.store.get(Change, "CHG-1")
        assert kept is not None
        assert (told.status, kept.result["undo"]["tries"], run.change) == ("applying", 1, kept)
        assert events(run)[-1] == "recovery put_off"
        assert entries(run)[-1].entry.detail == {"why": type(error).sentence, "tries": 1}
    else:
        assert names(cloud) == [("2", "Old"), ("1", "Old")]
        assert [line.partition(": ")[2] for line in run.residue] == [
            "The Meraki cloud refused the request. No more names",
            'update ssid 3 of Store 12: name is "New", was "Old"',
        ]


@pytest.mark.parametrize("is_last", [True, False])
async def test_a_read_that_fails_is_put_off_too_but_not_by_a_server_that_ends(*, is_last: bool) -> None:
    """Then the residue is what the step had set: what stands there is not known."""
    run, cloud = await left(S.ROLLING_BACK, DONE[:1], (NEW, OLD))
    run.is_last_try = is_last
    cloud.answers[f"{SSIDS}/1"] = Unreachable("no route", sent=False)
    assert await take_back(run) is (S.ROLLBACK_FAILED if is_last else S.ROLLING_BACK)
    set_to = 'name was set to "New", was "Old"; what stands there now could not be read'
    told = ["The Meraki cloud could not be reached; nothing was sent.", f"update ssid 3 of Store 12: {set_to}"]
    assert run.residue == [f"step 1: {line}" for line in told if is_last]


async def test_an_undo_is_put_off_so_many_times_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person has the command then."""
    monkeypatch.setattr(module, "_TRIES", 2)
    run, cloud = await left(S.ROLLING_BACK, DONE[:1], (NEW, OLD))
    cloud.answers[f"{SSIDS}/1"] = Unreachable("no route", sent=False)
    for _ in range(2):
        run.put_off = ""
        assert await take_back(run) is S.ROLLING_BACK
        await put_off(run)
    run.put_off = ""
    assert await take_back(run) is S.ROLLBACK_FAILED


async def test_a_step_that_has_no_way_back_is_named_and_the_others_are_taken_back() -> None:
    """With the field that stays."""
    stuck = replace(renamed(2), inverse=Inverse("none", "none"))
    run, cloud = await left(S.ROLLING_BACK, DONE, (NEW, NEW))
    run.stored = replace(run.stored, plan=plan(renamed(1), stuck))
    assert await take_back(run) is S.ROLLBACK_FAILED
    assert names(cloud) == [("1", "Old")]
    assert run.residue == [
        "step 2 (updateNetworkWirelessSsid) cannot be undone",
        'step 2: update ssid 3 of Store 12: name is "New", was "Old"',
    ]


async def test_what_somebody_else_changed_is_neither_overwritten_nor_called_restored() -> None:
    """A field that both changed stays as the other left it, and is named."""
    run, cloud = await left(S.ROLLING_BACK, DONE[:1], ({"name": "Other", "enabled": True}, OLD))
    assert await take_back(run) is S.ROLLBACK_FAILED
    assert ("1", "Old") not in names(cloud)
    assert run.residue == ['step 1: update ssid 3 of Store 12: name is "Other", was "Old"']


async def test_a_step_that_nothing_reads_is_taken_back_on_the_clouds_word() -> None:
    """What its write back leaves is compared where that can be read."""
    blind = replace(renamed(1), reader=None, kind="action", inverse=replace(renamed(1).inverse, how="inverse_action"))
    run, cloud = await left(S.ROLLING_BACK, DONE[:1], (NEW, OLD))
    run.stored = replace(run.stored, plan=plan(blind))
    cloud.alters = {"name": "OLD"}
    assert await take_back(run) is S.ROLLBACK_FAILED
    assert [line.partition(": ")[0] for line in run.residue] == ["step 1"]


@pytest.mark.parametrize(("is_ours", "code"), [(True, "internal_error"), (False, "record_conflict")])
async def test_an_undo_that_breaks_ends_the_change_with_what_it_had_not_reached(*, is_ours: bool, code: str) -> None:
    """A fault of our own, or leases that are gone: nobody else is taken along, and no more is written."""
    run, cloud = await left(S.ROLLING_BACK, DONE[:1], (NEW, OLD))
    if is_ours:
        cloud.answers[f"{SSIDS}/1"] = ZeroDivisionError("ours")
    else:
        run.world.store.conflicts = 1  # type: ignore[attr-defined]  # a stand-in
    await undo(run)
    assert (run.change.state, run.failure["code"], cloud.writes) == (S.ROLLBACK_FAILED, code, [])
    assert run.residue == ["the undo was cut short; what it had not reached yet is as it was applied"]
