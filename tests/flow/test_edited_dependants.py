"""What somebody else changed, after a change, of what it took along: an undo keeps it, or a person is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import anyio

from mcp_server.sandbox.behaviour import Json
from tests.flow.test_commit_confirm import later, looks, until, waiting
from tests.support.places import NET
from tests.support.stage import Stage, accepting, staged
from tests.support.story import Payload, applied, confirmed, keep, planned, step, taken_back, undo_secret
from tests.support.waiting import wait_until

ALERTS: Final = f"/networks/{NET}/alerts/settings"
HOOKS: Final = f"/networks/{NET}/webhooks/httpServers"
SSID: Final = "updateNetworkWirelessSsid"
RULES: Final = f"/networks/{NET}/switch/qosRules"
PROFILES: Final = f"/networks/{NET}/wireless/rfProfiles"
RECEIVER: Final = {"name": "SIEM", "url": "https://siem.example.com/meraki", "sharedSecret": "onze-letras"}
OTHER: Final = {"name": "Desk", "url": "https://desk.example.com/meraki", "sharedSecret": "doze-letras"}


def ask(stage: Stage, method: str, path: str, body: Json = None) -> Any:
    """The sandbox's own answer: somebody else, outside the product."""
    assert stage.sandbox.world.perform is not None
    return stage.sandbox.world.perform(method, path, body)


def told_of(stage: Stage) -> Any:
    """Who is told of an alert by default."""
    return ask(stage, "GET", ALERTS)["defaultDestinations"]


def receiver(stage: Stage) -> Payload:
    """The step that deletes a receiver to which alerts are sent."""
    id_ = ask(stage, "POST", HOOKS, RECEIVER)["id"]
    ask(stage, "PUT", ALERTS, {"defaultDestinations": {"httpServerIds": [id_], "emails": ["noc@example.com"]}})
    return step("deleteNetworkWebhooksHttpServer", networkId=NET, httpServerId=id_)


def rules(stage: Stage, *vlans: int) -> list[str]:
    """The ids of new quality rules."""
    return [ask(stage, "POST", RULES, {"vlan": vlan, "dscp": 0})["id"] for vlan in vlans]


def vlans(stage: Stage) -> list[int]:
    """The VLANs of the last quality rules, in their order."""
    of = {one["id"]: one["vlan"] for one in ask(stage, "GET", RULES)}
    return [of[id_] for id_ in ask(stage, "GET", f"{RULES}/order")["ruleIds"]]


def profiled(stage: Stage, name: str) -> tuple[str, str]:
    """A new radio profile, and the path of the access point that has it."""
    points = [one for one in ask(stage, "GET", f"/networks/{NET}/devices") if one["model"].startswith("MR")]
    made = ask(stage, "POST", PROFILES, {"name": name, "bandSelectionType": "ap"})["id"]
    radio = f"/devices/{points[0]['serial']}/wireless/radio/settings"
    ask(stage, "PUT", radio, {"rfProfileId": made})
    return made, radio


async def test_an_edit_of_the_alerts_since_stays_beside_the_receiver_that_comes_back(stage: Stage) -> None:
    """Another address and another receiver were added; both are there after the rollback, and the old one too."""
    done = await applied(stage, receiver(stage))
    other = ask(stage, "POST", HOOKS, OTHER)["id"]
    ask(stage, "PUT", ALERTS, {"defaultDestinations": {
        "httpServerIds": [other], "emails": ["noc@example.com", "soc@example.com"]}})  # fmt: skip
    keep(stage, undo_secret(done["change_id"]), "onze-letras")
    await taken_back(stage, change_id=done["change_id"])
    after, ids = told_of(stage), {one["name"]: one["id"] for one in ask(stage, "GET", HOOKS)}
    assert after["emails"] == ["noc@example.com", "soc@example.com"]
    assert set(after["httpServerIds"]) == {ids["SIEM"], ids["Desk"]}


async def test_a_quality_rule_that_was_added_since_stays_in_the_order(stage: Stage) -> None:
    """The order is written with it; without it the cloud would refuse the order."""
    made = rules(stage, 10, 20)
    done = await applied(stage, step("deleteNetworkSwitchQosRule", networkId=NET, qosRuleId=made[0]))
    rules(stage, 30)
    await taken_back(stage, change_id=done["change_id"])
    assert vlans(stage)[-3:] == [10, 20, 30]


async def test_a_profile_that_somebody_gave_an_access_point_since_is_not_taken_away(stage: Stage) -> None:
    """Both the change and somebody after it changed it: the rollback is refused and names it."""
    made, radio = profiled(stage, "Hall")
    done = await applied(stage, step("deleteNetworkWirelessRfProfile", networkId=NET, rfProfileId=made))
    given = ask(stage, "POST", PROFILES, {"name": "Yard", "bandSelectionType": "ap"})["id"]
    ask(stage, "PUT", radio, {"rfProfileId": given})
    answer = await confirmed(stage, "rollback", change_id=done["change_id"])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "rollback_conflict"), answer
    (clash,) = answer["error"]["details"]["conflicts"]
    assert clash.startswith("step 1: getOrganizationWirelessRfProfilesAssignmentsByDevice Q")
    assert ask(stage, "GET", radio)["rfProfileId"] == given


async def halfway(stage: Stage, gone: list[Payload], edit: Callable[[], object]) -> Payload:
    """The end of a change that deletes something, is edited around while it renames an SSID, and then fails."""
    ssids = [step(SSID, {"name": f"Rede {number}"}, networkId=NET, number=str(number)) for number in (0, 1)]
    plan = await planned(stage, *gone, *ssids)
    held = stage.sandbox.add_fault({"kind": "held", "method": "PUT", "path": "*/ssids/0"})
    stage.sandbox.add_fault({"kind": "status", "status": 400, "method": "PUT", "path": "*/ssids/1"})
    ended: list[Payload] = []

    async def apply() -> None:
        ended.append(await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))

    async with anyio.create_task_group() as group:
        group.start_soon(apply)
        await wait_until(lambda: bool(held.used))
        edit()
        held.let_go()
    return ended[0]


async def test_a_change_that_fails_half_way_leaves_an_edit_of_the_alerts_in_place(stage: Stage) -> None:
    """The receiver that the change deleted is back among them, beside the address that somebody added."""
    gone = receiver(stage)

    def edit() -> None:
        ask(stage, "PUT", ALERTS, {"defaultDestinations": {
            "httpServerIds": [], "emails": ["noc@example.com", "soc@example.com"]}})  # fmt: skip

    ended = await halfway(stage, [gone], edit)
    (back,) = [one["id"] for one in ask(stage, "GET", HOOKS) if one["name"] == "SIEM"]
    assert told_of(stage)["emails"] == ["noc@example.com", "soc@example.com"]
    assert told_of(stage)["httpServerIds"] == [back]
    assert any("getNetworkAlertsSettings was changed by somebody else" in one for one in ended["residue"])


async def test_a_change_that_fails_half_way_keeps_a_quality_rule_that_was_added_meanwhile(stage: Stage) -> None:
    """Two of ours are made again, each in its place; what our own second deletion did is no edit by somebody else."""
    made = rules(stage, 10, 20, 25)
    gone = [step("deleteNetworkSwitchQosRule", networkId=NET, qosRuleId=id_) for id_ in made[:2]]
    ended = await halfway(stage, gone, lambda: rules(stage, 30))
    assert vlans(stage)[-4:] == [10, 20, 25, 30]
    assert any("getNetworkSwitchQosRulesOrder was changed by somebody else" in one for one in ended["residue"])


async def test_a_change_that_nobody_kept_is_undone_beside_what_somebody_edited_meanwhile(tmp_path: Path) -> None:
    """The edit stays, and the record says so: what is there is not all as it was before."""
    home = tmp_path / "home"
    async with staged(home, answer=accepting) as stage:
        made = rules(stage, 10, 20)
        gone = step("deleteNetworkSwitchQosRule", networkId=NET, qosRuleId=made[0])
        done = await waiting(stage, gone)
        rules(stage, 30)
    async with later(home, stage.sandbox) as (other, clock):
        clock.advance(660)
        await looks(other, clock)
        ended = await until(other, done["change_id"], "rolled_back", "rollback_failed")
        assert vlans(other)[-3:] == [10, 20, 30]
        assert ended["status"] == "rollback_failed"
        assert any("getNetworkSwitchQosRulesOrder was changed by somebody else" in one for one in ended["residue"])
