"""What goes wrong on the way: each failure is told as it was, and what was begun is undone."""

from pathlib import Path
from typing import Any

import pytest

from tests.flow.rows import ROWS
from tests.support.canonical import assert_same, canonical
from tests.support.places import CORE, NET
from tests.support.stage import Stage, accepting, staged
from tests.support.story import Payload, confirmed, planned, step

SSID = "updateNetworkWirelessSsid"
pytestmark = pytest.mark.usefixtures("way")


def renamed(number: int, name: str) -> Payload:
    """A plan's step that renames an SSID."""
    return step(SSID, {"name": name}, networkId=NET, number=str(number))


def name_of(stage: Stage, number: int) -> str:
    """The SSID's name in the sandbox."""
    return str(stage.sandbox.world.get(f"/networks/{NET}/wireless/ssids/{number}")["name"])


async def apply(stage: Stage, *operations: Payload) -> Payload:
    """The end of a change, whatever it is."""
    plan = await planned(stage, *operations)
    return await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])


def told(answer: Payload) -> list[tuple[str, int, str]]:
    """Each step's record: phase, number, state."""
    return [(one["phase"], one["step"], one["state"]) for one in answer["steps"]]


async def test_the_third_of_four_steps_fails_and_the_first_two_are_undone_last_first(stage: Stage) -> None:
    """The fourth was never sent; each step's end is reported, and the cloud's own words."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault({"kind": "status", "status": 400, "method": "PUT", "skip": 2, "errors": ["No more names"]})
    answer = await apply(stage, *(renamed(number, f"Rede {number}") for number in range(4)))
    assert answer["status"] == "rolled_back"
    assert answer["error"]["cloud_says"] == ["No more names"]
    assert told(answer) == [
        ("apply", 1, "applied"), ("apply", 2, "applied"), ("apply", 3, "failed"),
        ("undo", 2, "applied"), ("undo", 1, "applied"),
    ]  # fmt: skip
    assert_same(before, canonical(stage.sandbox.world))
    assert [write["path"][-1] for write in stage.writes()] == ["0", "1", "2", "1", "0"]


async def test_a_create_that_was_followed_by_a_failure_is_deleted_by_the_id_it_got(stage: Stage) -> None:
    """The undo knows the id from the cloud's answer."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault({"kind": "status", "status": 400, "operation": SSID})
    answer = await apply(
        stage, step("createNetworkGroupPolicy", {"name": "Visita"}, networkId=NET), renamed(1, "Visita")
    )
    assert answer["status"] == "rolled_back"
    assert_same(before, canonical(stage.sandbox.world))


async def test_an_undo_that_fails_too_names_what_is_left(stage: Stage) -> None:
    """Never reported as rolled back."""
    stage.sandbox.add_fault({"kind": "status", "status": 400, "method": "PUT", "skip": 1, "count": 9})
    answer = await apply(stage, renamed(0, "Rede 0"), renamed(1, "Rede 1"))
    assert answer["status"] == "rollback_failed"
    assert answer["residue"]
    assert "step 1" in answer["residue"][0]
    assert name_of(stage, 0) == "Rede 0"


async def test_a_500_before_the_write_took_place_is_told_as_failed_and_not_sent_again(stage: Stage) -> None:
    """The read-back shows the state before."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault({"kind": "status", "status": 500, "method": "PUT"})
    answer = await apply(stage, renamed(1, "Recepção"))
    assert (answer["status"], told(answer)) == ("failed", [("apply", 1, "not_applied")])
    assert len(stage.writes()) == 1
    assert_same(before, canonical(stage.sandbox.world))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500, "when": "after"},
        {"kind": "drop", "when": "after"},
        {"kind": "cut"},
        {"kind": "malformed"},
        {"kind": "html"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('when', '')}".strip(),
)
async def test_a_lost_answer_is_read_back_and_told_as_applied_when_the_write_took_place(
    stage: Stage, fault: dict[str, Any]
) -> None:
    """One request was sent; the change can be taken back."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault({**fault, "method": "PUT"})
    answer = await apply(stage, renamed(1, "Recepção"))
    assert (answer["status"], told(answer)) == ("applied", [("apply", 1, "applied")])
    assert len(stage.writes()) == 1
    back = await confirmed(stage, "rollback", change_id=answer["change_id"])
    assert back["status"] == "rolled_back"
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_connection_dropped_before_the_write_took_place_is_told_as_failed(stage: Stage) -> None:
    """The request had left, so only the read-back can tell; it is not sent again."""
    stage.sandbox.add_fault({"kind": "drop", "when": "before", "method": "PUT"})
    answer = await apply(stage, renamed(1, "Recepção"))
    assert (answer["status"], told(answer)) == ("failed", [("apply", 1, "not_applied")])
    assert len(stage.writes()) == 1


async def test_a_lost_answer_that_cannot_be_read_back_is_told_as_unknown(stage: Stage) -> None:
    """Neither applied nor failed is claimed; nothing is sent again and nothing is undone blindly."""
    plan = await planned(stage, renamed(1, "Recepção"))
    stage.sandbox.add_fault({"kind": "drop", "when": "after", "method": "PUT"})
    stage.sandbox.add_fault(
        {"kind": "status", "status": 500, "method": "GET", "path": "*/ssids*", "skip": 2, "count": 99}
    )  # asked, sent
    answer = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert answer["status"] == "unknown"
    assert told(answer) == [("apply", 1, "unknown")]
    assert len(stage.writes()) == 1


async def test_the_create_of_a_lost_answer_is_found_by_what_was_created_and_can_be_taken_back(stage: Stage) -> None:
    """Its id was never told; it is known from reading back."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault({"kind": "drop", "when": "after", "method": "POST"})
    answer = await apply(stage, step("createNetworkGroupPolicy", {"name": "Visita"}, networkId=NET))
    assert (answer["status"], told(answer)) == ("applied", [("apply", 1, "applied")])
    back = await confirmed(stage, "rollback", change_id=answer["change_id"])
    assert back["status"] == "rolled_back"
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_success_that_stored_nothing_is_not_told_as_applied(stage: Stage) -> None:
    """200 is not believed: the read-back differs from the plan, and the field is named."""
    stage.sandbox.add_fault({"kind": "not_applied", "method": "PUT"})
    answer = await apply(stage, renamed(1, "Recepção"))
    assert answer["status"] == "rolled_back"
    assert answer["error"]["code"] == "not_as_planned"
    assert "name" in answer["error"]["message"]
    assert name_of(stage, 1) == "Visitantes"


async def test_a_value_that_the_cloud_changed_on_the_way_is_undone(stage: Stage) -> None:
    """What is stored is not what was planned."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault({"kind": "normalised", "method": "PUT", "set": {"name": "RECEPCAO"}})
    answer = await apply(stage, renamed(1, "Recepção"))
    assert answer["status"] == "rolled_back"
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_read_back_that_lags_behind_is_waited_for(tmp_path: Path) -> None:
    """A stale read is asked again within the settle time, which here is the operation's own."""
    async with staged(tmp_path / "home", answer=accepting, given={"settle_s": 60.0}) as stage:
        plan = await planned(stage, renamed(1, "Recepção"))
        stage.sandbox.add_fault({"kind": "stale", "path": "*/ssids/1", "skip": 1, "count": 2})
        answer = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (answer["status"], name_of(stage, 1)) == ("applied", "Recepção")


async def test_somebody_elses_edit_between_plan_and_apply_makes_the_plan_stale_and_nothing_is_sent(
    stage: Stage,
) -> None:
    """The fields that moved are named."""
    plan = await planned(stage, renamed(1, "Recepção"))
    stage.sandbox.edit(f"/networks/{NET}/wireless/ssids/1", {"minBitrate": 24})
    answer = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (answer["status"], answer["error"]["code"]) == ("stale", "stale")
    assert "minBitrate" in answer["error"]["message"]
    assert stage.writes() == []


async def test_a_state_that_already_is_as_planned_is_unchanged_and_nothing_is_sent(stage: Stage) -> None:
    """Also when somebody else did meanwhile what was planned."""
    same = await apply(stage, renamed(1, "Visitantes"))
    plan = await planned(stage, renamed(1, "Recepção"))
    stage.sandbox.edit(f"/networks/{NET}/wireless/ssids/1", {"name": "Recepção"})
    done_by_others = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (same["status"], done_by_others["status"]) == ("unchanged", "unchanged")
    assert stage.writes() == []


async def test_a_port_change_that_cuts_a_switch_off_is_noticed_and_undone_without_being_asked(stage: Stage) -> None:
    """Port 51 of the core carries the reception's switch: it and what hangs on it go offline, and come back."""
    stage.sandbox.world.settle_s = 0.0
    before = canonical(stage.sandbox.world)
    answer = await apply(stage, step("updateDeviceSwitchPort", {"enabled": False}, serial=CORE, portId="51"))
    assert answer["status"] == "rolled_back"
    assert answer["error"]["code"] == "health_gate"
    assert answer["health"]["verdict"] == "worse"
    assert answer["health"]["findings"]
    assert "plan fewer targets, another port or VLAN, or another maintenance window" in answer["error"]["remedy"]
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_port_that_was_meant_to_be_shut_and_carries_nobody_stays_shut(stage: Stage) -> None:
    """The gate does not undo what the plan itself meant to take down."""
    stage.sandbox.world.settle_s = 0.0
    answer = await apply(stage, step("updateDeviceSwitchPort", {"enabled": False}, serial=CORE, portId="12"))
    assert answer["status"] == "applied"
    assert stage.sandbox.world.get(f"/devices/{CORE}/switch/ports/12")["enabled"] is False


async def test_each_row_says_which_change_failed_when_the_cloud_refuses_it(stage: Stage) -> None:
    """A refused first step of the mixed change leaves everything as it was."""
    before = canonical(stage.sandbox.world)
    stage.sandbox.add_fault({"kind": "status", "status": 400, "method": "PUT", "skip": 2})
    answer = await apply(stage, *ROWS["mixed five steps"].operations)
    assert answer["status"] == "rolled_back", answer["error"]
    assert_same(before, canonical(stage.sandbox.world))
