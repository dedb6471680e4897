"""Taking changes back: whole, by steps, the last few; and what others did meanwhile stays."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.sandbox.app import SandboxApp, Size
from tests.flow.rows import ROWS
from tests.support.ahead import AheadClock
from tests.support.approving import approve
from tests.support.canonical import assert_same, canonical
from tests.support.places import BRANCH, CORE, LAB, NET
from tests.support.stage import KEY, Stage, accepting, staged
from tests.support.story import Payload, applied, confirmed, planned, step, taken_back

SSIDS: Final = f"/networks/{NET}/wireless/ssids"
RULES: Final = f"/networks/{NET}/appliance/firewall/l3FirewallRules"


def renamed(number: int, name: str) -> Payload:
    """A plan's step that renames an SSID."""
    return step("updateNetworkWirelessSsid", {"name": name}, networkId=NET, number=str(number))


def ssid(stage: Stage, number: int) -> Any:
    """The SSID in the sandbox."""
    assert stage.sandbox.world.perform is not None
    return stage.sandbox.world.perform("GET", f"{SSIDS}/{number}", None)


def comments(stage: Stage) -> list[str]:
    """The firewall's rules in the sandbox, in their order."""
    return [rule["comment"] for rule in stage.sandbox.world.get(RULES)["rules"]]


async def test_what_somebody_else_changed_later_stays_when_a_change_is_taken_back(stage: Stage) -> None:
    """Their field keeps their value, ours gets its old one."""
    done = await applied(stage, renamed(1, "Recepção"))
    stage.sandbox.edit(f"{SSIDS}/1", {"minBitrate": 24})
    await taken_back(stage, change_id=done["change_id"])
    assert (ssid(stage, 1)["name"], ssid(stage, 1)["minBitrate"]) == ("Visitantes", 24)


async def test_a_rule_that_somebody_else_added_later_stays_when_ours_is_taken_back(stage: Stage) -> None:
    """Lists are merged by element, and the order of the others is kept."""
    done = await applied(stage, *ROWS["firewall rule inserted before another"].operations)
    rules = stage.sandbox.world.get(RULES)["rules"]
    theirs = {**rules[0], "comment": "Theirs", "destPort": "8080"}
    stage.sandbox.edit(RULES, {"rules": [*rules[:1], theirs, *rules[1:]]})
    await taken_back(stage, change_id=done["change_id"])
    assert comments(stage) == [
        "Allow guest DNS", "Theirs", "Block guest to corp", "Corp to payroll", "Block outbound SMTP", "Allow corp web",
    ]  # fmt: skip


async def test_a_field_that_both_changed_is_left_to_a_person(stage: Stage) -> None:
    """Refused by name of the field; nothing is sent."""
    done = await applied(stage, renamed(1, "Recepção"))
    stage.sandbox.edit(f"{SSIDS}/1", {"name": "Lounge"})
    sent = len(stage.writes())
    answer = await stage.call("rollback", change_id=done["change_id"])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "rollback_conflict")
    assert "name" in answer["error"]["message"]
    assert (len(stage.writes()), ssid(stage, 1)["name"]) == (sent, "Lounge")


async def test_only_the_named_steps_are_taken_back_and_the_rest_can_follow(stage: Stage) -> None:
    """Steps 1 and 3 of three; then step 2; then all is as before."""
    before, names = canonical(stage.sandbox.world), [ssid(stage, number)["name"] for number in (0, 1, 2)]
    done = await applied(stage, *(renamed(number, f"Rede {number}") for number in (0, 1, 2)))
    await taken_back(stage, change_id=done["change_id"], steps=[1, 3])
    assert [ssid(stage, number)["name"] for number in (0, 1, 2)] == [names[0], "Rede 1", names[2]]
    await taken_back(stage, change_id=done["change_id"], steps=[2])
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_step_that_the_change_does_not_have_is_refused(stage: Stage) -> None:
    """The applied ones are named."""
    done = await applied(stage, renamed(1, "Recepção"))
    answer = await stage.call("rollback", change_id=done["change_id"], steps=[2])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "step_unknown")


async def test_the_last_two_changes_are_taken_back_newest_first_as_one(stage: Stage) -> None:
    """The older third one stays."""
    kept = await applied(stage, renamed(0, "Rede 0"))
    before = canonical(stage.sandbox.world)
    await applied(stage, renamed(1, "Rede 1"))
    await applied(stage, step("updateDeviceSwitchPort", {"name": "Mesa"}, serial=CORE, portId="12"))
    back = await taken_back(stage, last=2)
    assert_same(before, canonical(stage.sandbox.world))
    assert kept["change_id"] not in (await stage.call("history", change_id=back["change_id"]))["summary"]
    assert ssid(stage, 0)["name"] == "Rede 0"


async def test_one_of_several_that_was_taken_back_meanwhile_does_not_stop_the_others(stage: Stage) -> None:
    """The plan to take two back waits for a person; one of them is taken back alone; then the other is, and is told."""
    before = canonical(stage.sandbox.world)
    first = await applied(stage, renamed(1, "Rede 1"))
    second = await applied(stage, step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, portId="7"))
    both = await stage.call("rollback", last=2)
    assert both["status"] == "needs_approval"
    alone = await taken_back(stage, change_id=first["change_id"])
    await approve(stage.settings.home, both["plan_id"])
    back = await stage.call("meraki_apply", plan_id=both["plan_id"])
    assert (back["status"], back.get("error")) == ("rolled_back", None)
    assert_same(before, canonical(stage.sandbox.world))
    for change, by in ((first, alone), (second, back)):
        told = (await stage.call("history", change_id=change["change_id"]))["change"]
        assert told["rolled_back_by"] == by["change_id"]


async def test_two_changes_of_the_same_field_are_taken_back_to_what_was_before_both(stage: Stage) -> None:
    """The second rollback step starts from what the first leaves."""
    before = canonical(stage.sandbox.world)
    await applied(stage, renamed(1, "Primeiro"))
    await applied(stage, renamed(1, "Segundo"))
    await taken_back(stage, last=2)
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_change_is_taken_back_once_and_the_repeated_call_gets_the_record(stage: Stage) -> None:
    """No second write."""
    done = await applied(stage, renamed(1, "Recepção"))
    first = await taken_back(stage, change_id=done["change_id"])
    sent = len(stage.writes())
    again = await stage.call("rollback", change_id=done["change_id"])
    assert (again["status"], again["change_id"]) == ("rolled_back", first["change_id"])
    assert len(stage.writes()) == sent


async def test_a_rollback_waits_for_the_same_kind_of_approval_as_the_change(stage: Stage) -> None:
    """A firewall change is signed outside, and so is its undo; the repeated call goes on with the same plan."""
    done = await applied(stage, *ROWS["firewall rule inserted before another"].operations)
    first = await stage.call("rollback", change_id=done["change_id"])
    second = await stage.call("rollback", change_id=done["change_id"])
    assert (first["status"], second["status"]) == ("needs_approval", "needs_approval")
    assert first["plan_id"] == second["plan_id"]


async def test_what_was_created_and_filled_in_by_reference_is_taken_back_in_reverse(stage: Stage) -> None:
    """A later step that wrote to what an earlier one created: both are gone afterwards."""
    before = canonical(stage.sandbox.world)
    done = await applied(
        stage,
        step("createNetworkGroupPolicy", {"name": "Aula"}, networkId=NET),
        step(
            "updateNetworkGroupPolicy",
            {"bandwidth": {"settings": "custom", "bandwidthLimits": {"limitUp": 77, "limitDown": 78}}},
            networkId=NET,
            groupPolicyId={"$ref": "step-1.groupPolicyId"},
        ),
    )
    policies = stage.sandbox.world.get(f"/networks/{NET}/groupPolicies").values()
    assert [one["bandwidth"]["bandwidthLimits"]["limitUp"] for one in policies if one["name"] == "Aula"] == [77]
    alone = await stage.call("rollback", change_id=done["change_id"], steps=[2])
    assert (alone["status"], alone["error"]["code"]) == ("refused", "not_undoable")
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_rollback_that_finds_the_state_restored_already_says_so(stage: Stage) -> None:
    """Somebody else undid it by hand; nothing is sent."""
    done = await applied(stage, renamed(1, "Recepção"))
    stage.sandbox.edit(f"{SSIDS}/1", {"name": "Visitantes"})
    answer = await stage.call("rollback", change_id=done["change_id"])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "already_restored")


async def test_a_rollback_that_fails_half_way_is_itself_undone(stage: Stage) -> None:
    """Then the change stands as it was applied, and can be taken back once more."""
    done = await applied(stage, renamed(0, "Rede 0"), renamed(1, "Rede 1"))
    changed = canonical(stage.sandbox.world)
    stage.sandbox.add_fault({"kind": "status", "status": 400, "method": "PUT", "skip": 1})
    answer = await confirmed(stage, "rollback", change_id=done["change_id"])
    assert answer["status"] != "applied"
    assert "error" in answer
    assert_same(changed, canonical(stage.sandbox.world))
    again = await confirmed(stage, "rollback", change_id=done["change_id"])
    assert (again["status"], ssid(stage, 0)["name"]) == ("rolled_back", "Corporativo")
    assert "error" not in again


async def test_ports_of_two_switches_are_taken_back_port_by_port(stage: Stage) -> None:
    """One lease for the network, one inverse for each port."""
    before = canonical(stage.sandbox.world)
    done = await applied(
        stage,
        step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, for_each={"portId": ["3-5"]}),
        step("updateDeviceSwitchPort", {"vlan": 20}, serial=LAB, for_each={"portId": ["6", "8"]}),
    )
    assert len(done["steps"]) == 5
    plan = await planned(stage, renamed(3, "Enquanto isso"))
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))
    assert plan["status"] == "ok"


VLAN: Final = {"id": "77", "name": "Cameras", "subnet": "10.77.0.0/24", "applianceIp": "10.77.0.1"}
VLANS: Final = f"/networks/{NET}/appliance/vlans"


def by_hand(stage: Stage, method: str, path: str, body: Payload | None = None) -> None:
    """What somebody else does in the dashboard."""
    assert stage.sandbox.world.perform is not None
    stage.sandbox.world.perform(method, path, body)


async def test_what_we_created_and_somebody_else_filled_in_is_not_deleted_over_their_heads(stage: Stage) -> None:
    """A person decides; their field is named."""
    done = await applied(stage, step("createNetworkApplianceVlan", VLAN, networkId=NET))
    by_hand(stage, "PUT", f"{VLANS}/77", {"dnsNameservers": "opendns"})
    answer = await stage.call("rollback", change_id=done["change_id"])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "rollback_conflict")
    assert "dnsNameservers" in answer["error"]["message"]
    assert stage.sandbox.world.get(f"{VLANS}/77") is not None


async def test_what_we_created_and_then_changed_ourselves_is_taken_back_together(stage: Stage) -> None:
    """The later change of ours is no conflict when both are taken back."""
    before = canonical(stage.sandbox.world)
    await applied(stage, step("createNetworkApplianceVlan", VLAN, networkId=NET))
    await applied(stage, step("updateNetworkApplianceVlan", {"name": "Film"}, networkId=NET, vlanId="77"))
    await taken_back(stage, last=2)
    assert_same(before, canonical(stage.sandbox.world))


async def test_what_we_created_and_somebody_else_deleted_needs_no_undo(stage: Stage) -> None:
    """Nothing is sent."""
    done = await applied(stage, step("createNetworkApplianceVlan", VLAN, networkId=NET))
    by_hand(stage, "DELETE", f"{VLANS}/77")
    answer = await stage.call("rollback", change_id=done["change_id"])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "already_restored")


async def test_what_we_deleted_and_somebody_else_made_anew_is_left_as_they_made_it(stage: Stage) -> None:
    """Their subnet stays; it is not called restored."""
    done = await applied(stage, step("deleteNetworkApplianceVlan", networkId=NET, vlanId="20"))
    by_hand(stage, "POST", VLANS, {**VLAN, "id": "20", "name": "Theirs"})
    answer = await stage.call("rollback", change_id=done["change_id"])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "rollback_conflict")
    assert stage.sandbox.world.get(f"{VLANS}/20")["name"] == "Theirs"


async def test_what_we_changed_and_somebody_else_deleted_cannot_be_taken_back(stage: Stage) -> None:
    """Said so; nothing is made anew behind their back."""
    done = await applied(stage, step("updateNetworkApplianceVlan", {"name": "Lobby"}, networkId=NET, vlanId="20"))
    by_hand(stage, "DELETE", f"{VLANS}/20")
    answer = await stage.call("rollback", change_id=done["change_id"])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "not_undoable")
    assert stage.sandbox.world.get(f"{VLANS}/20") is None


async def test_a_rollback_is_not_taken_back_by_the_next_last_one(stage: Stage) -> None:
    """``last`` counts changes that stand: after one was taken back, the one before it is next."""
    before = canonical(stage.sandbox.world)
    await applied(stage, renamed(0, "Rede 0"))
    await applied(stage, renamed(1, "Rede 1"))
    await taken_back(stage, last=1)
    assert (ssid(stage, 0)["name"], ssid(stage, 1)["name"]) == ("Rede 0", "Visitantes")
    await taken_back(stage, last=1.0)
    assert_same(before, canonical(stage.sandbox.world))


async def test_what_is_created_under_a_chosen_id_can_be_filled_in_by_the_same_plan(stage: Stage) -> None:
    """A VLAN, and its DHCP settings that only a PUT takes; taken back as one."""
    before = canonical(stage.sandbox.world)
    done = await applied(
        stage,
        step("createNetworkApplianceVlan", VLAN, networkId=NET),
        step("updateNetworkApplianceVlan", {"dnsNameservers": "opendns"}, networkId=NET, vlanId="77"),
    )
    assert stage.sandbox.world.get(f"{VLANS}/77")["dnsNameservers"] == "opendns"
    alone = await stage.call("rollback", change_id=done["change_id"], steps=[2])
    assert alone["error"]["code"] == "not_undoable"
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))


class HoldingSandbox(SandboxApp):
    """A sandbox that can keep a read of one place waiting until it is let go."""

    place = ""

    def hold(self, place: str) -> None:
        """From now on a read of the place waits; ``reached`` says that one does."""
        self.place, self.reached, self.released = place, asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, perhaps later."""
        if self.place and scope.get("method") == "GET" and scope["path"].endswith(self.place):
            self.reached.set()
            await self.released.wait()
        await super().__call__(scope, receive, send)


async def test_the_last_change_is_still_the_last_one_when_its_undo_is_planned_or_nothing_is(tmp_path: Path) -> None:
    """Another change ends while the hooks look at the last one: what nobody checked is not taken back."""
    cloud = HoldingSandbox(Size(1, 6, 40), rate_limit=False, api_key=KEY, clock=lambda: datetime.now(UTC))
    async with staged(tmp_path / "home", answer=accepting, sandbox=cloud) as stage:
        await applied(stage, renamed(1, "Recepção"))
        cloud.hold(f"{SSIDS}/1")
        rolling = asyncio.create_task(stage.call("rollback", last=1))
        await cloud.reached.wait()
        other = step("updateNetworkWirelessSsid", {"name": "Filial"}, networkId=BRANCH, number="2")
        done = await applied(stage, other)
        cloud.released.set()
        answer = await rolling
        assert (answer["status"], answer["error"]["code"]) == ("refused", "undo_moved")
        assert [entry["path"] for entry in stage.writes()] == [
            f"{SSIDS}/1", f"/networks/{BRANCH}/wireless/ssids/2"
        ]  # fmt: skip
        record = await taken_back(stage, last=1)
        assert record["targets"]["network_id"] == BRANCH == done["targets"]["network_id"]


@pytest.mark.parametrize(("minutes", "warns"), [(59, False), (61, True)])
async def test_a_rollback_to_a_backup_of_more_than_an_hour_says_so(tmp_path: Path, minutes: int, warns: bool) -> None:
    """Before anybody agrees, with the change named; it is carried out all the same."""
    clock = AheadClock(tmp_path / "home")
    async with staged(tmp_path / "home", clock=clock) as stage:
        done = await applied(stage, renamed(1, "Recepção"))
        clock.set(timedelta(minutes=minutes))
        asked = await stage.call("rollback", change_id=done["change_id"])
        await approve(stage.settings.home, asked["plan_id"])
        back = await stage.call("rollback", change_id=done["change_id"])
    said = [one["message"] for one in asked["warnings"] if one["rule"] == "backup_age"]
    assert said == (
        [f"The backup of {done['change_id']} is more than 1 h old; the state may have changed since."] * warns
    )
    assert (asked["status"], back["status"]) == ("needs_approval", "rolled_back")


async def test_the_person_who_is_asked_reads_how_old_the_backup_is(tmp_path: Path) -> None:
    """In the question itself: of a rollback no plan was shown before."""
    clock = AheadClock(tmp_path / "home")
    async with staged(tmp_path / "home", clock=clock, answer=accepting) as stage:
        done = await applied(stage, renamed(1, "Recepção"))
        clock.set(timedelta(minutes=61))
        await taken_back(stage, change_id=done["change_id"])
    assert f"* The backup of {done['change_id']} is more than 1 h old" in stage.asked[-1]
