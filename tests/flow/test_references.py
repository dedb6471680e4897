"""What is made again under another id is named by its new id wherever it was named before, kind by kind.

Each case lets go of a referent, deletes it, and takes both back; or deletes it with what hangs on it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

from mcp_server.sandbox.behaviour import Json
from tests.support.places import BRANCH, CORE, NET, ORG
from tests.support.stage import Stage
from tests.support.story import Payload, applied, confirmed, keep, planned, step, taken_back, undo_secret

MX: Final = f"/networks/{NET}/appliance"
SSID: Final = f"/networks/{NET}/wireless/ssids/1"
KEYS: Final = f"{SSID}/identityPsks"
ALERTS: Final = f"/networks/{NET}/alerts/settings"
ADAPTIVE: Final = f"/organizations/{ORG}/adaptivePolicy"
KEY: Final = {"name": "Ana", "passphrase": "doze-letras-12"}
RECEIVER: Final = {"name": "SIEM", "url": "https://siem.example.com/meraki", "sharedSecret": "onze-letras"}


def ask(stage: Stage, method: str, path: str, body: Json = None) -> Any:
    """The sandbox's own answer, outside the product."""
    assert stage.sandbox.world.perform is not None
    return stage.sandbox.world.perform(method, path, body)


def named(stage: Stage, path: str, name: str) -> Any:
    """The one element of a list that has that name."""
    (found,) = [one for one in ask(stage, "GET", path) if one.get("name") == name]
    return found


@dataclass(frozen=True)
class Case:
    """A referent, and one place that refers to it."""

    listed: str  #: path of the referent's list
    made: Json  #: the referent
    id_field: str
    place: str  #: path of what refers to it
    delete: str  #: the operation that deletes the referent
    param: str
    write: str  #: the operation that writes the place
    refers: Callable[[Any], Json]  #: the body that refers to an id
    lets_go: Json  #: the body that does not
    read: Callable[[Json], Any]  #: the reference in what the place reads
    shown: Callable[[Any], Any] = str  #: how it is written there


def _in_text(form: str, id_: Json) -> Json:
    """The text that names an id; of a ``$ref`` as the plan language writes it."""
    return {"$text": form.format(f"{{{id_['$ref']}}}")} if isinstance(id_, dict) else form.format(id_)


def _rule(destination: Json) -> Json:
    return {"rules": [{"comment": "Printers", "policy": "deny", "protocol": "tcp", "srcCidr": "any", "srcPort": "any",
                       "destCidr": destination, "destPort": "9100", "syslogEnabled": False}]}  # fmt: skip


POLICIES: Final = f"/networks/{NET}/groupPolicies"
GROUPS: Final = f"/organizations/{ORG}/policyObjects/groups"
CASES: Final = {
    "a group policy of a kind of device of an SSID": Case(
        POLICIES, {"name": "Visitors"}, "groupPolicyId", f"{SSID}/deviceTypeGroupPolicies",
        "deleteNetworkGroupPolicy", "groupPolicyId", "updateNetworkWirelessSsidDeviceTypeGroupPolicies",
        lambda id_: {"enabled": True, "deviceTypePolicies": [
            {"deviceType": "Android", "devicePolicy": "Group policy",
             "groupPolicyId": int(id_) if isinstance(id_, str) else id_}]},
        {"enabled": False, "deviceTypePolicies": []},
        lambda place: str(place["deviceTypePolicies"][0]["groupPolicyId"]),
    ),
    "a group of objects in a rule": Case(
        GROUPS, {"name": "Printers", "category": "NetworkObjectGroup"}, "id", f"{MX}/firewall/l3FirewallRules",
        "deleteOrganizationPolicyObjectsGroup", "policyObjectGroupId",
        "updateNetworkApplianceFirewallL3FirewallRules",
        lambda id_: _rule(_in_text("GRP({}),10.9.8.0/24", id_)), {"rules": []},
        lambda place: place["rules"][0]["destCidr"], lambda id_: f"GRP({id_}),10.9.8.0/24",
    ),
    "an object in a group": Case(
        f"/organizations/{ORG}/policyObjects",
        {"name": "Printer", "category": "network", "type": "cidr", "cidr": "10.9.9.9/32"}, "id", GROUPS,
        "deleteOrganizationPolicyObject", "policyObjectId", "updateOrganizationPolicyObjectsGroup",
        lambda id_: {"objectIds": [id_]}, {"objectIds": []}, lambda place: place[0]["objectIds"], lambda id_: [id_],
    ),
    "a profile of a radio": Case(
        f"/networks/{NET}/wireless/rfProfiles", {"name": "Hall", "bandSelectionType": "ap"}, "id",
        "radio", "deleteNetworkWirelessRfProfile", "rfProfileId", "updateDeviceWirelessRadioSettings",
        lambda id_: {"rfProfileId": id_}, {"rfProfileId": None}, lambda place: place["rfProfileId"],
    ),
    "a receiver of alerts": Case(
        f"/networks/{NET}/webhooks/httpServers", RECEIVER, "id", ALERTS, "deleteNetworkWebhooksHttpServer",
        "httpServerId", "updateNetworkAlertsSettings",
        lambda id_: {"defaultDestinations": {"httpServerIds": [id_]}},
        {"defaultDestinations": {"httpServerIds": []}},
        lambda place: place["defaultDestinations"]["httpServerIds"], lambda id_: [id_],
    ),
    "a group policy of a failed authentication": Case(
        POLICIES, {"name": "Visitors"}, "groupPolicyId", f"/networks/{NET}/switch/accessPolicies",
        "deleteNetworkGroupPolicy", "groupPolicyId", "updateNetworkSwitchAccessPolicy",
        lambda id_: {"radius": {"failedAuthGroupPolicyId": id_}}, {"radius": {"failedAuthGroupPolicyId": None}},
        lambda place: place[-1]["radius"]["failedAuthGroupPolicyId"],
    ),
    "a group policy of a person's own key": Case(
        POLICIES, {"name": "Visitors"}, "groupPolicyId", KEYS,
        "deleteNetworkGroupPolicy", "groupPolicyId", "updateNetworkWirelessSsidIdentityPsk",
        lambda id_: {"groupPolicyId": id_}, {"groupPolicyId": "100"}, lambda place: place[-1]["groupPolicyId"],
    ),
    "an adaptive policy group of an SSID": Case(
        f"{ADAPTIVE}/groups", {"name": "Cameras", "sgt": 77}, "groupId", SSID,
        "deleteOrganizationAdaptivePolicyGroup", "id", "updateNetworkWirelessSsid",
        lambda id_: {"adaptivePolicyGroupId": id_}, {"adaptivePolicyGroupId": None},
        lambda place: place["adaptivePolicyGroupId"],
    ),
    "an adaptive policy group of a port": Case(
        f"{ADAPTIVE}/groups", {"name": "Cameras", "sgt": 77}, "groupId", f"/devices/{CORE}/switch/ports/7",
        "deleteOrganizationAdaptivePolicyGroup", "id", "updateDeviceSwitchPort",
        lambda id_: {"adaptivePolicyGroupId": id_}, {"adaptivePolicyGroupId": None},
        lambda place: place["adaptivePolicyGroupId"],
    ),
}  # fmt: skip


def _where(stage: Stage, case: Case) -> tuple[str, dict[str, Any]]:
    """The path of the place and the parameters of the operation that writes it."""
    if case.place == "radio":
        serial = next(o["serial"] for o in ask(stage, "GET", f"/networks/{NET}/devices") if o["model"].startswith("MR"))
        return f"/devices/{serial}/wireless/radio/settings", {"serial": serial}
    if case.place == GROUPS:
        return GROUPS, {"organizationId": ORG, "policyObjectGroupId": ask(stage, "GET", GROUPS)[0]["id"]}
    if case.place.endswith("accessPolicies"):
        made = ask(stage, "POST", case.place, {
            "name": "Staff", "radiusServers": [{"host": "10.0.0.9", "port": 1812, "secret": "onze-letras"}],
            "radiusTestingEnabled": False, "radiusCoaSupportEnabled": False, "radiusAccountingEnabled": False,
            "hostMode": "Single-Host", "urlRedirectWalledGardenEnabled": False,
        })  # fmt: skip
        return case.place, {"networkId": NET, "accessPolicyNumber": made["accessPolicyNumber"]}
    if case.place == KEYS:
        made = ask(stage, "POST", KEYS, {**KEY, "groupPolicyId": "100"})
        return KEYS, {"networkId": NET, "number": "1", "identityPskId": made["id"]}
    if case.place.startswith("/devices"):
        return case.place, {"serial": CORE, "portId": "7"}
    return case.place, {"networkId": NET} | ({"number": "1"} if case.place.startswith(SSID) else {})


def _put(stage: Stage, path: str, params: dict[str, Any], body: Json) -> None:
    item = next(
        (params[one] for one in ("policyObjectGroupId", "accessPolicyNumber", "identityPskId") if one in params), ""
    )
    own = f"{path}/{item}" if item else path
    ask(stage, "PUT", own, body)


def _timeless(value: Any) -> Any:
    """The value without the times at which the cloud wrote it."""
    if isinstance(value, list):
        return [_timeless(one) for one in value]
    return {name: one for name, one in value.items() if name != "updatedAt"} if isinstance(value, dict) else value


@pytest.mark.parametrize("name", CASES)
async def test_what_was_let_go_of_names_the_new_id_after_a_rollback(stage: Stage, name: str) -> None:
    """The place's old value names the old id; it is written with the new one, which the plan does not know yet."""
    case = CASES[name]
    path, params = _where(stage, case)
    old = ask(stage, "POST", case.listed, case.made)[case.id_field]
    _put(stage, path, params, case.refers(old))
    owner = {"organizationId": ORG} if "/organizations/" in case.listed else {"networkId": NET}
    gone = {"operation": case.delete, "params": {**owner, case.param: old}}
    done = await applied(stage, step(case.write, case.lets_go, **params), gone)
    for number in (1, 2):
        keep(stage, undo_secret(done["change_id"]).replace("_1_1", f"_{number}_1"), "onze-letras")
    await taken_back(stage, change_id=done["change_id"])
    new = named(stage, case.listed, case.made["name"])[case.id_field]
    assert case.read(ask(stage, "GET", path)) == case.shown(new)
    assert new != old or case.delete == "deleteNetworkWebhooksHttpServer"  # its id is made of its url


async def _deleted_and_back(stage: Stage, gone: Payload, read: str) -> Payload:
    """The plan says that something goes with it; the rollback is asked for no more than a person can give."""
    plan = await planned(stage, gone)
    (way,) = plan["undo"]
    assert [one["read"] for one in way["dependants"]] == [read]
    done = await applied(stage, gone)
    keep(stage, undo_secret(done["change_id"]), "onze-letras")
    return await taken_back(stage, change_id=done["change_id"])


async def test_alerts_are_sent_again_to_a_receiver_that_was_deleted(stage: Stage) -> None:
    """The cloud takes it out of the settings of alerts, of one alert's own destinations too."""
    id_ = ask(stage, "POST", f"/networks/{NET}/webhooks/httpServers", RECEIVER)["id"]
    first = ask(stage, "GET", ALERTS)["alerts"][0]["type"]
    ask(stage, "PUT", ALERTS, {
        "defaultDestinations": {"httpServerIds": [id_]},
        "alerts": [{"type": first, "enabled": True, "alertDestinations": {"httpServerIds": [id_]}}],
    })  # fmt: skip
    before = ask(stage, "GET", ALERTS)
    gone = step("deleteNetworkWebhooksHttpServer", networkId=NET, httpServerId=id_)
    await _deleted_and_back(stage, gone, "getNetworkAlertsSettings")
    assert ask(stage, "GET", ALERTS) == before


async def test_a_receiver_that_no_alert_names_takes_nothing_along(stage: Stage) -> None:
    """Its deletion is no reason to write the settings of alerts."""
    id_ = ask(stage, "POST", f"/networks/{NET}/webhooks/httpServers", RECEIVER)["id"]
    plan = await planned(stage, step("deleteNetworkWebhooksHttpServer", networkId=NET, httpServerId=id_))
    assert "dependants" not in plan["undo"][0]


async def test_policies_name_an_adaptive_group_that_was_made_again(stage: Stage) -> None:
    """Also where the cloud left the old id standing in them."""
    ids = [ask(stage, "POST", f"{ADAPTIVE}/groups", {"name": name, "sgt": sgt})["groupId"]
           for name, sgt in (("Cameras", 77), ("Servers", 78))]  # fmt: skip
    policy = {"sourceGroup": {"id": ids[0]}, "destinationGroup": {"id": ids[1]}, "acls": [], "lastEntryRule": "deny"}
    ask(stage, "POST", f"{ADAPTIVE}/policies", policy)
    gone = step("deleteOrganizationAdaptivePolicyGroup", organizationId=ORG, id=ids[0])
    await _deleted_and_back(stage, gone, "getOrganizationAdaptivePolicyPolicies")
    new = named(stage, f"{ADAPTIVE}/groups", "Cameras")["groupId"]
    (found,) = [one for one in ask(stage, "GET", f"{ADAPTIVE}/policies") if one["destinationGroup"]["id"] == ids[1]]
    assert new != ids[0]
    assert (found["sourceGroup"]["id"], found["destinationGroup"]["id"]) == (new, ids[1])


async def test_clients_have_their_group_policy_again(stage: Stage) -> None:
    """A forced deletion takes it from them; the new one has another id."""
    client = ask(stage, "GET", f"/networks/{NET}/clients")[0]["id"]
    old = ask(stage, "POST", POLICIES, {"name": "Visitors"})["groupPolicyId"]
    path = f"/networks/{NET}/clients/{client}/policy"
    ask(stage, "PUT", path, {"devicePolicy": "Group policy", "groupPolicyId": old})
    gone = step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId=old, force=True)
    await _deleted_and_back(stage, gone, "getNetworkPoliciesByClient")
    new = named(stage, POLICIES, "Visitors")["groupPolicyId"]
    assert new != old
    assert ask(stage, "GET", path)["groupPolicyId"] == new


async def test_a_key_and_its_group_policy_come_back_together(stage: Stage) -> None:
    """Deleted key first, made again policy first: the key names the policy by its new id, under a new id itself."""
    old = ask(stage, "POST", POLICIES, {"name": "Visitors"})["groupPolicyId"]
    key = ask(stage, "POST", KEYS, {**KEY, "groupPolicyId": old, "expiresAt": "2030-01-01T00:00:00Z"})
    done = await applied(
        stage,
        step("deleteNetworkWirelessSsidIdentityPsk", networkId=NET, number="1", identityPskId=key["id"]),
        step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId=old),
    )
    assert not [one for one in ask(stage, "GET", KEYS) if one["name"] == KEY["name"]]
    await taken_back(stage, change_id=done["change_id"])
    new = named(stage, POLICIES, "Visitors")["groupPolicyId"]
    again = named(stage, KEYS, KEY["name"])
    assert new != old
    assert {**again, "id": key["id"]} == {**key, "groupPolicyId": new}
    assert again["id"] != key["id"]


async def test_two_networks_number_their_group_policies_alike_and_each_key_gets_its_own_back(stage: Stage) -> None:
    """Policy 101 of one network is another than policy 101 of the next; each comes back under an id of its own."""
    steps: list[Payload] = []
    for network in (NET, BRANCH):
        ssid = {"networkId": network, "number": "1"}
        keys = f"/networks/{network}/wireless/ssids/1/identityPsks"
        key = ask(stage, "POST", keys, {**KEY, "groupPolicyId": "101"})
        steps += [
            step("updateNetworkWirelessSsidIdentityPsk", {"groupPolicyId": "100"}, **ssid, identityPskId=key["id"]),
            step("deleteNetworkGroupPolicy", networkId=network, groupPolicyId="101"),
        ]
    done = await applied(stage, *steps)
    await taken_back(stage, change_id=done["change_id"])
    for network in (NET, BRANCH):
        new = named(stage, f"/networks/{network}/groupPolicies", "Executives")["groupPolicyId"]
        key = named(stage, f"/networks/{network}/wireless/ssids/1/identityPsks", KEY["name"])
        assert key["groupPolicyId"] == new != "101"


async def test_a_group_policy_is_not_deleted_before_the_key_that_has_it(stage: Stage) -> None:
    """The cloud refuses that; the plan names the order that works."""
    old = ask(stage, "POST", POLICIES, {"name": "Visitors"})["groupPolicyId"]
    key = ask(stage, "POST", KEYS, {**KEY, "groupPolicyId": old})
    plan = await stage.call("meraki_plan", intent="tidy up", operations=[
        step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId=old),
        step("deleteNetworkWirelessSsidIdentityPsk", networkId=NET, number="1", identityPskId=key["id"]),
    ])  # fmt: skip
    assert (plan["error"]["code"], plan["error"]["details"]["order"]) == ("step_order", [2, 1])


async def _made_changed_deleted(stage: Stage) -> list[str]:
    """The ids of three changes: a group policy is made, renamed, and deleted."""
    made = await applied(stage, step("createNetworkGroupPolicy", {"name": "Visitors"}, networkId=NET))
    own = {"networkId": NET, "groupPolicyId": named(stage, POLICIES, "Visitors")["groupPolicyId"]}
    renamed = await applied(stage, step("updateNetworkGroupPolicy", {"name": "Guests 2"}, **own))
    gone = await applied(stage, step("deleteNetworkGroupPolicy", **own))
    return [made["change_id"], renamed["change_id"], gone["change_id"]]


async def test_a_whole_life_is_taken_back_in_one_rollback(stage: Stage) -> None:
    """Made again, renamed back and removed, each by the id that it has then."""
    before = ask(stage, "GET", POLICIES)
    await _made_changed_deleted(stage)
    await taken_back(stage, last=3)
    assert ask(stage, "GET", POLICIES) == before


async def test_a_creation_is_not_called_undone_while_what_it_made_is_there_under_another_id(stage: Stage) -> None:
    """Its deletion was taken back; the rollback of its making names it instead of saying that nothing is left."""
    made, renamed, gone = await _made_changed_deleted(stage)
    await taken_back(stage, change_id=gone)
    ask(stage, "PUT", f"{POLICIES}/{named(stage, POLICIES, 'Guests 2')['groupPolicyId']}", {"name": "Visitors"})
    for change in (made, renamed):
        answer = await confirmed(stage, "rollback", change_id=change)
        assert (answer["status"], answer["error"]["code"]) == ("refused", "not_undoable"), answer
    assert "one with the same name Visitors is there under another id" in str(
        await confirmed(stage, "rollback", change_id=made)
    )


async def test_a_bundle_of_ports_made_again_has_its_ports_and_later_steps_name_its_new_id(stage: Stage) -> None:
    """An edit of it, undone after it came back, goes to the id that it has then."""
    listed = f"/networks/{NET}/switch/linkAggregations"
    ports = [{"serial": CORE, "portId": number} for number in ("11", "12", "13")]
    old = ask(stage, "POST", listed, {"switchPorts": ports[:2]})["id"]
    own = {"networkId": NET, "linkAggregationId": old}
    done = await applied(
        stage,
        step("updateNetworkSwitchLinkAggregation", {"switchPorts": ports}, **own),
        step("deleteNetworkSwitchLinkAggregation", **own),
    )
    await taken_back(stage, change_id=done["change_id"])
    (again,) = ask(stage, "GET", listed)
    assert again["id"] != old
    assert again["switchPorts"] == ports[:2]


async def test_two_quality_rules_made_again_are_both_in_their_place_of_the_order(stage: Stage) -> None:
    """Both steps know the whole order; it is written once, when both rules are there."""
    rules = f"/networks/{NET}/switch/qosRules"
    made = [ask(stage, "POST", rules, {"vlan": vlan, "dscp": 0})["id"] for vlan in (10, 20, 30)]
    order = ask(stage, "GET", f"{rules}/order")["ruleIds"]
    gone = [step("deleteNetworkSwitchQosRule", networkId=NET, qosRuleId=id_) for id_ in made[:2]]
    done = await applied(stage, *gone)
    await taken_back(stage, change_id=done["change_id"])
    vlans = {one["id"]: one["vlan"] for one in ask(stage, "GET", rules)}
    again = ask(stage, "GET", f"{rules}/order")["ruleIds"]
    assert [vlans[id_] for id_ in again[order.index(made[0]) :][:3]] == [10, 20, 30]
    assert again[order.index(made[2])] == made[2]


async def test_the_order_of_two_changes_is_taken_back_with_both(stage: Stage) -> None:
    """What the later one is taken back to is no edit by somebody else."""
    rules = f"/networks/{NET}/switch/qosRules"
    made = [ask(stage, "POST", rules, {"vlan": vlan, "dscp": 0})["id"] for vlan in (10, 20, 30)]
    for id_ in made[:2]:
        await applied(stage, step("deleteNetworkSwitchQosRule", networkId=NET, qosRuleId=id_))
    await taken_back(stage, last=2)
    vlans = {one["id"]: one["vlan"] for one in ask(stage, "GET", rules)}
    again = ask(stage, "GET", f"{rules}/order")["ruleIds"]
    assert [vlans[id_] for id_ in again[-3:]] == [10, 20, 30]


@pytest.mark.parametrize("name", CASES)
async def test_a_later_step_of_a_plan_names_what_an_earlier_one_makes(stage: Stage, name: str) -> None:
    """The id is only known when the plan is carried out; taken back, the place is as before and the referent gone."""
    case = CASES[name]
    path, params = _where(stage, case)
    _put(stage, path, params, case.lets_go)
    before = ask(stage, "GET", path)
    owner = {"organizationId": ORG} if "/organizations/" in case.listed else {"networkId": NET}
    maker = {"deleteNetworkWirelessRfProfile": "createNetworkWirelessRfProfile"}.get(case.delete)
    made = {"operation": maker or case.delete.replace("delete", "create"), "params": owner, "body": case.made}
    done = await applied(stage, made, step(case.write, case.refers({"$ref": f"step-1.{case.id_field}"}), **params))
    new = named(stage, case.listed, case.made["name"])[case.id_field]
    assert case.read(ask(stage, "GET", path)) == case.shown(new)
    await taken_back(stage, change_id=done["change_id"])
    assert _timeless(ask(stage, "GET", path)) == _timeless(before)
    assert not [one for one in ask(stage, "GET", case.listed) if one.get("name") == case.made["name"]]
