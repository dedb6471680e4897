"""What a change takes along besides its own resource is in the plan, and comes back with the rollback."""

import json
from typing import Any, Final

from mcp_server.sandbox.behaviour import Json
from tests.support.places import NET, ORG
from tests.support.stage import Stage
from tests.support.story import applied, confirmed, planned, step, taken_back

MX: Final = f"/networks/{NET}/appliance"
OFF: Final = step("updateNetworkApplianceVlansSettings", {"vlansEnabled": False}, networkId=NET)
POLICY: Final = "100"  #: Guests


def ask(stage: Stage, method: str, path: str, body: Json = None) -> Any:
    """The sandbox's own answer, outside the product."""
    assert stage.sandbox.world.perform is not None
    return stage.sandbox.world.perform(method, path, body)


def lan(stage: Stage) -> Any:
    """Everything that VLANs decide, but for the interface ids, which are the cloud's and new each time."""
    vlans = [{**one, "interfaceId": ""} for one in ask(stage, "GET", f"{MX}/vlans")]
    return json.loads(
        json.dumps([vlans, *(ask(stage, "GET", f"{MX}/{tail}") for tail in ("ports", "vpn/siteToSiteVpn"))])
    )


async def test_vlans_that_were_switched_off_are_all_back_after_a_rollback(stage: Stage) -> None:
    """Every VLAN, every LAN port and the VPN subnets; said before the approval, with the count."""
    before = lan(stage)
    plan = await planned(stage, OFF)
    (way,) = plan["undo"]
    assert way["dependants"][0] == {"read": "getNetworkApplianceVlans", "count": 3, "undo": "made_again"}
    assert any("3 of getNetworkApplianceVlans go with it" in one["message"] for one in plan["warnings"])
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert done["status"] == "applied", done
    assert not ask(stage, "GET", f"{MX}/vlans/settings")["vlansEnabled"]
    await taken_back(stage, change_id=done["change_id"])
    assert [one["id"] for one in ask(stage, "GET", f"{MX}/vlans")] == [1, 10, 20]
    assert lan(stage) == before


async def test_a_change_that_fails_after_switching_vlans_off_brings_them_back_by_itself(stage: Stage) -> None:
    """The automatic undo does what a rollback does."""
    before = lan(stage)
    rename = step("updateNetworkWirelessSsid", {"name": "Saguão"}, networkId=NET, number="1")
    plan = await planned(stage, OFF, rename)
    stage.sandbox.add_fault({"kind": "status", "status": 400, "operation": "updateNetworkWirelessSsid"})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], done["residue"]) == ("rolled_back", []), done
    assert lan(stage) == before


async def test_a_group_policy_made_again_is_given_back_to_the_vlan_that_had_it(stage: Stage) -> None:
    """The VLAN's old value names the old id; it is written with the new one."""
    ask(stage, "PUT", f"{MX}/vlans/20", {"groupPolicyId": POLICY})
    freed = step("updateNetworkApplianceVlan", {"groupPolicyId": None}, networkId=NET, vlanId="20")
    gone = step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId=POLICY)
    done = await applied(stage, freed, gone)
    await taken_back(stage, change_id=done["change_id"])
    (guests,) = [one for one in ask(stage, "GET", f"/networks/{NET}/groupPolicies") if one["name"] == "Guests"]
    assert guests["groupPolicyId"] != POLICY
    assert ask(stage, "GET", f"{MX}/vlans/20")["groupPolicyId"] == guests["groupPolicyId"]


async def test_a_change_of_what_is_deleted_later_is_taken_back_on_what_was_made_again(stage: Stage) -> None:
    """The path of the restoring write has the new id."""
    named = step("updateNetworkGroupPolicy", {"name": "Visitas"}, networkId=NET, groupPolicyId=POLICY)
    gone = step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId=POLICY)
    done = await applied(stage, named, gone)
    await taken_back(stage, change_id=done["change_id"])
    names = [one["name"] for one in ask(stage, "GET", f"/networks/{NET}/groupPolicies")]
    assert sorted(names) == ["Executives", "Guests"]


async def test_an_automatic_undo_points_to_the_new_id_too(stage: Stage) -> None:
    """Delete, then a step that fails: the VLAN gets the policy of the new id."""
    ask(stage, "PUT", f"{MX}/vlans/20", {"groupPolicyId": POLICY})
    freed = step("updateNetworkApplianceVlan", {"groupPolicyId": None}, networkId=NET, vlanId="20")
    gone = step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId=POLICY)
    rename = step("updateNetworkWirelessSsid", {"name": "Saguão"}, networkId=NET, number="1")
    plan = await planned(stage, freed, gone, rename)
    stage.sandbox.add_fault({"kind": "status", "status": 400, "operation": "updateNetworkWirelessSsid"})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert done["status"] == "rolled_back", done
    (guests,) = [one for one in ask(stage, "GET", f"/networks/{NET}/groupPolicies") if one["name"] == "Guests"]
    assert ask(stage, "GET", f"{MX}/vlans/20")["groupPolicyId"] == guests["groupPolicyId"] != POLICY


async def test_a_rule_names_the_policy_object_that_was_made_again(stage: Stage) -> None:
    """``OBJ(id)`` inside a list of addresses."""
    made = ask(stage, "POST", f"/organizations/{ORG}/policyObjects",
               {"name": "Printer", "category": "network", "type": "cidr", "cidr": "10.9.9.9/32"})  # fmt: skip
    rules = ask(stage, "GET", f"{MX}/firewall/l3FirewallRules")["rules"][:-1]
    own = {"comment": "Printers", "policy": "deny", "protocol": "any", "srcCidr": "any", "srcPort": "any",
           "destCidr": f"OBJ({made['id']}),10.9.8.0/24", "destPort": "any", "syslogEnabled": False}  # fmt: skip
    ask(stage, "PUT", f"{MX}/firewall/l3FirewallRules", {"rules": [own, *rules]})
    cleared = step("updateNetworkApplianceFirewallL3FirewallRules",
                   {"rules": {"$remove": {"comment": "Printers"}}}, networkId=NET)  # fmt: skip
    gone = step("deleteOrganizationPolicyObject", organizationId=ORG, policyObjectId=made["id"])
    done = await applied(stage, cleared, gone)
    await taken_back(stage, change_id=done["change_id"])
    again = [one for one in ask(stage, "GET", f"/organizations/{ORG}/policyObjects") if one["name"] == "Printer"]
    rule = ask(stage, "GET", f"{MX}/firewall/l3FirewallRules")["rules"][0]
    assert rule["destCidr"] == f"OBJ({again[0]['id']}),10.9.8.0/24"
    assert again[0]["id"] != made["id"]


async def test_what_no_undo_brings_back_is_said_before_the_approval(stage: Stage) -> None:
    """Binding to a template: the network's own settings are in the plan, and lost all the same."""
    template = next(iter(stage.sandbox.world.templates))
    plan = await planned(
        stage, step("bindNetwork", {"configTemplateId": template}, networkId="L_646829496481105401", irreversible=True)
    )
    (way,) = plan["undo"]
    assert {one["undo"] for one in way["dependants"]} == {"not_restored"}
    assert any("not restored" in one for one in way["caveats"])


async def test_a_quality_rule_made_again_is_back_in_its_place_of_the_order(stage: Stage) -> None:
    """The order is a resource of its own and names the rules by id."""
    rules = f"/networks/{NET}/switch/qosRules"
    bodies: tuple[dict[str, Any], ...] = ({"vlan": 10, "dscp": 0}, {"vlan": 20, "dscp": 8}, {"vlan": 30, "dscp": 16})
    made = [ask(stage, "POST", rules, body)["id"] for body in bodies]
    order = ask(stage, "GET", f"{rules}/order")["ruleIds"]
    place = order.index(made[0])
    done = await applied(stage, step("deleteNetworkSwitchQosRule", networkId=NET, qosRuleId=made[0]))
    await taken_back(stage, change_id=done["change_id"])
    again = ask(stage, "GET", f"{rules}/order")["ruleIds"]
    assert [one for one in again if one in order] == [one for one in order if one != made[0]]
    assert again[place] not in order


async def test_access_points_are_given_the_profile_that_was_made_again(stage: Stage) -> None:
    """Those that had it before, read for the whole organization."""
    points = [one for one in ask(stage, "GET", f"/networks/{NET}/devices") if one["model"].startswith("MR")]
    profile = ask(stage, "POST", f"/networks/{NET}/wireless/rfProfiles", {"name": "Hall", "bandSelectionType": "ap"})
    radio = f"/devices/{points[0]['serial']}/wireless/radio/settings"
    ask(stage, "PUT", radio, {"rfProfileId": profile["id"]})
    gone = step("deleteNetworkWirelessRfProfile", networkId=NET, rfProfileId=profile["id"])
    done = await applied(stage, gone)
    await taken_back(stage, change_id=done["change_id"])
    halls = [one for one in ask(stage, "GET", f"/networks/{NET}/wireless/rfProfiles") if one.get("name") == "Hall"]
    assert ask(stage, "GET", radio)["rfProfileId"] == halls[0]["id"]


async def test_devices_that_stood_on_no_floor_plan_are_taken_off_the_new_one(stage: Stage) -> None:
    """By a rollback, and by itself when a later step fails; nothing is sent that the cloud would refuse as empty."""
    first, second = (one["floorPlanId"] for one in ask(stage, "GET", f"/networks/{NET}/floorPlans"))
    serials = [one["serial"] for one in stage.sandbox.world.devices_in(NET) if one["productType"] == "wireless"][:2]
    ask(stage, "PUT", f"/devices/{serials[0]}", {"floorPlanId": first})
    rows = [{"serial": serial, "floorPlan": {"id": second}} for serial in serials]
    placed = step("batchNetworkFloorPlansDevicesUpdate", {"assignments": rows}, networkId=NET)
    change_id = (await applied(stage, placed))["change_id"]
    assert _plans(stage, serials) == [second, second]
    await taken_back(stage, change_id=change_id)
    assert _plans(stage, serials) == [first, None]
    plan = await planned(stage, placed, step("updateNetworkWirelessSsid", {"name": "x"}, networkId=NET, number="1"))
    stage.sandbox.add_fault({"kind": "status", "status": 400, "operation": "updateNetworkWirelessSsid"})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], done["residue"], _plans(stage, serials)) == ("rolled_back", [], [first, None]), done


def _plans(stage: Stage, serials: list[str]) -> list[Any]:
    return [stage.sandbox.world.devices[serial]["floorPlanId"] for serial in serials]


async def test_a_plan_that_combines_networks_reads_each_and_says_what_is_lost(stage: Stage) -> None:
    """Refused without ``irreversible``; with it the snapshot of both is in the plan."""
    made = [
        ask(stage, "POST", f"/organizations/{ORG}/networks", {"name": name, "productTypes": [product]})["id"]
        for name, product in (("Um", "appliance"), ("Dois", "switch"))
    ]
    combined = step(
        "combineOrganizationNetworks", {"name": "Ambos", "networkIds": made}, organizationId=ORG, irreversible=True
    )
    plan = await planned(stage, combined)
    (way,) = plan["undo"]
    read = [one["read"] for one in way["dependants"]]
    assert (read.count("getNetworkSnmp"), read.count("getNetworkAlertsSettings")) == (2, 2)
    assert {one["undo"] for one in way["dependants"]} == {"not_restored"}
    assert [sum(network in caveat for caveat in way["caveats"]) for network in made] == [1, 1]
