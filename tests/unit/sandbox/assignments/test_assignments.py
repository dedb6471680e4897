"""What is assigned is listed, cannot be assigned twice, and is taken away without a trace."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.simulated import Json, Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A fresh cloud."""
    return Simulated()


@dataclass(frozen=True)
class Pair:
    """Two writes that undo each other, and the list that shows it; paths below the organization's or the campus's."""

    assign: str
    remove: str
    listed: str
    body: Callable[[Simulated], Json]


def _org(cloud: Simulated, tail: str) -> str:
    return f"/organizations/{cloud.organization}/{tail}"


def _first(cloud: Simulated, tail: str, field: str) -> str:
    answer = cloud.get(_org(cloud, tail))
    rows = answer["items"] if isinstance(answer, dict) else answer
    return str(rows[0][field])


def _policy(cloud: Simulated) -> Json:
    return {"id": _first(cloud, "policies/global/group/policies", "policyId")}


def _cellular(cloud: Simulated) -> Json:
    box = next(one for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "cellularGateway")
    profile = _first(cloud, "devices/cellular/data/profiles", "profileId")
    return {"items": [{"profile": {"id": profile}, "device": {"serial": box["serial"]}}]}


_GLOBAL = "policies/global/group/policies"
PAIRS = {
    "groups": Pair(
        f"{_GLOBAL}/adaptivePolicyGroups/assign",
        f"{_GLOBAL}/adaptivePolicyGroups/remove",
        f"{_GLOBAL}/adaptivePolicyGroups/assignments",
        lambda cloud: {
            "policy": _policy(cloud),
            "adaptivePolicyGroups": [{"id": _first(cloud, "adaptivePolicy/groups", "groupId")}],
        },
    ),
    "vlans": Pair(
        f"{_GLOBAL}/appliance/vlans/assign",
        f"{_GLOBAL}/appliance/vlans/remove",
        f"{_GLOBAL}/appliance/vlans/assignments",
        lambda cloud: {
            "policy": _policy(cloud),
            "vlans": [{"interfaceId": cloud.get(cloud.mx("vlans"))[1]["interfaceId"]}],
        },
    ),
    "networks": Pair(
        f"{_GLOBAL}/networks/assignments/bulkAssign",
        f"{_GLOBAL}/networks/assignments/bulkDelete",
        f"{_GLOBAL}/networks/assignments",
        lambda cloud: {
            "policy": _policy(cloud),
            "targets": [{"network": {"id": cloud.campus}, "firewall": {"type": "appliance"}}],
        },
    ),
    "cellular data": Pair(
        "devices/cellular/data/profiles/assignments/batchCreate",
        "devices/cellular/data/profiles/assignments/bulkDelete",
        "devices/cellular/data/profiles/assignments",
        _cellular,
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_assigned_is_listed_once_and_its_inverse_leaves_no_trace(cloud: Simulated, name: str) -> None:
    """A second time is a 400, and so is taking away what is not there."""
    pair = PAIRS[name]
    body, before = pair.body(cloud), cloud.state()
    assert cloud.ask("POST", _org(cloud, pair.assign), body).status in (200, 201)
    assert len(cloud.get(_org(cloud, pair.listed))["items"]) == 1
    assert "already" in cloud.refused("POST", _org(cloud, pair.assign), body)
    assert cloud.ask("POST", _org(cloud, pair.remove), body).status in (200, 201)
    assert cloud.state() == before
    cloud.refused("POST", _org(cloud, pair.remove), body)


@pytest.mark.parametrize("kind", ["local", "split"])
def test_a_dns_profile_that_a_network_has_is_listed_and_stays_until_it_is_taken_away(
    cloud: Simulated, kind: str
) -> None:
    """By the id of the assignment; a network has one profile of a kind."""
    home = _org(cloud, f"appliance/dns/{kind}/profiles")
    profile = cloud.get(home)[0]["profileId"]
    items = {"items": [{"network": {"id": cloud.branch}, "profile": {"id": profile}}]}
    before = cloud.state()
    for wrong in ("404", None):
        body = {"items": [{"network": {"id": cloud.branch}, "profile": {"id": wrong}}]}
        cloud.refused("POST", f"{home}/assignments/bulkCreate", body)
    made = cloud.ask("POST", f"{home}/assignments/bulkCreate", items).body["items"]
    assert cloud.get(f"{home}/assignments")["items"] == made
    cloud.refused("POST", f"{home}/assignments/bulkCreate", items)
    cloud.refused("DELETE", f"{home}/{profile}")
    gone = {"items": [{"assignmentId": made[0]["assignmentId"]}]}
    assert cloud.ask("POST", f"{home}/assignments/bulkDelete", gone).status in (200, 201)
    assert cloud.state() == before


def test_a_deleted_policy_takes_its_assignments_along(cloud: Simulated) -> None:
    """A ruleset its rules, too; so neither can be made again as it was."""
    policy = cloud.post(_org(cloud, _GLOBAL), {"name": "Visitantes"})["policyId"]
    ruleset = cloud.post(_org(cloud, "policies/global/firewall/rulesets"), {"name": "Regras"})["rulesetId"]
    path = _org(cloud, f"{_GLOBAL}/firewall/rulesets/assignments")
    cloud.post(path, {"policyId": policy, "rulesetId": ruleset, "staged": True})
    cloud.refused("POST", path, {"policyId": policy, "rulesetId": ruleset})
    assert cloud.ask("POST", f"{path}/commit", {"policy": {"id": policy}}).status in (200, 201)
    cloud.refused("POST", f"{path}/commit", {"policy": {"id": policy}})
    cloud.delete(_org(cloud, f"policies/global/firewall/rulesets/{ruleset}"))
    assert all(one["rulesetId"] != ruleset for one in cloud.get(path)["items"])
    target = [{"network": {"id": cloud.campus}, "firewall": {"type": "appliance"}}]
    body = {"policy": {"id": policy}, "targets": target}
    cloud.ask("POST", _org(cloud, f"{_GLOBAL}/networks/assignments/bulkAssign"), body)
    cloud.delete(_org(cloud, f"{_GLOBAL}/{policy}"))
    assert cloud.get(_org(cloud, f"{_GLOBAL}/networks/assignments"))["items"] == []


def test_an_ssid_has_one_profile_and_loses_it_by_the_body_of_a_delete(cloud: Simulated) -> None:
    """Named by number and network, or by its id; listed in both views."""
    home = _org(cloud, "wireless/ssids/profiles")
    profile = cloud.get(home)[0]["id"]
    before = cloud.state()
    ssid = {"ssid": {"number": 3}, "network": {"id": cloud.campus}}
    made = cloud.post(f"{home}/assignments", {"profile": {"id": profile}, **ssid})
    assert cloud.get(f"{home}/assignments")["items"] == [made]
    rows = {one["id"]: one["assignments"] for one in cloud.get(f"{home}/assignments/byNetwork")}
    assert rows[cloud.campus][0]["profile"]["id"] == profile
    cloud.refused("POST", f"{home}/assignments", {"profile": {"id": profile}, **ssid})
    cloud.refused("DELETE", f"{home}/{profile}")
    gone = {"ssid": {"id": made["ssid"]["id"]}}
    assert cloud.ask("DELETE", f"{home}/assignments", gone).status == 204
    assert cloud.ask("DELETE", f"{home}/assignments", gone).status == 404
    assert cloud.state() == before


def test_a_vlan_profile_that_a_device_has_cannot_be_deleted(cloud: Simulated) -> None:
    """Given back to the default one, it can."""
    home = f"/networks/{cloud.campus}/vlanProfiles"
    body = {"name": "Andar", "iname": "andar", "vlanNames": [], "vlanGroups": []}
    cloud.post(home, body)
    before = cloud.state()
    serial = next(one["serial"] for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "switch")
    move = {"vlanProfile": {"iname": "andar"}, "serials": [serial], "stackIds": []}
    assert cloud.ask("POST", f"{home}/assignments/reassign", move).status in (200, 201)
    rows = {one["serial"]: one["vlanProfile"]["iname"] for one in cloud.get(f"{home}/assignments/byDevice")}
    assert rows[serial] == "andar"
    cloud.refused("DELETE", f"{home}/andar")
    cloud.ask("POST", f"{home}/assignments/reassign", {**move, "vlanProfile": {}})
    assert cloud.state() == before
    cloud.delete(f"{home}/andar")


def test_one_profile_of_wired_ports_is_the_default(cloud: Simulated) -> None:
    """The other no longer is; a profile in use stays."""
    home = f"/networks/{cloud.campus}/wireless/ethernet/ports/profiles"
    made = cloud.post(home, {"name": "Sala", "ports": [{"name": "1"}]})["profileId"]
    assert cloud.ask("POST", f"{home}/setDefault", {"profileId": made}).status in (200, 201)
    assert [one["profileId"] for one in cloud.get(home) if one["isDefault"]] == [made]
    other = next(one["profileId"] for one in cloud.get(home) if one["profileId"] != made)
    cloud.ask("POST", f"{home}/setDefault", {"profileId": other})
    radio = next(one["serial"] for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "wireless")
    assert cloud.ask("POST", f"{home}/assign", {"serials": [radio], "profileId": made}).status in (200, 201)
    cloud.refused("DELETE", f"{home}/{made}")
