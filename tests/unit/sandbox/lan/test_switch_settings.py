"""ACL, QoS, aggregation, access policies, schedules and DHCP policy of switches."""

import pytest

from tests.support.simulated import Json, Simulated

RULE = {"policy": "deny", "protocol": "tcp", "srcCidr": "10.10.0.0/16", "dstCidr": "any", "dstPort": "23"}


@pytest.fixture
def cloud() -> Simulated:
    """A new world."""
    return Simulated()


def _at(cloud: Simulated, tail: str) -> str:
    return f"/networks/{cloud.campus}/switch/{tail}"


def test_the_acl_ends_with_the_default_rule_and_stores_it_when_it_is_sent_along(cloud: Simulated) -> None:
    """GET appends it; a PUT of what was read makes it show twice."""
    path = _at(cloud, "accessControlLists")
    assert [one["comment"] for one in cloud.get(path)["rules"]] == ["Default rule"]
    shown = cloud.put(path, {"rules": [RULE]})["rules"]
    assert (len(shown), shown[0]["srcPort"], shown[0]["vlan"]) == (2, "any", "any")
    assert len(cloud.put(path, {"rules": shown})["rules"]) == 3


@pytest.mark.parametrize(
    "change", [{"policy": "drop"}, {"protocol": "gre"}, {"srcCidr": "ten"}, {"dstPort": "0-99"}, {"vlan": "5000"}]
)
def test_an_acl_rule_that_does_not_fit_refuses_all(cloud: Simulated, change: Json) -> None:
    """400 that names the rule; nothing changed."""
    assert "Rule 2" in cloud.refused("PUT", _at(cloud, "accessControlLists"), {"rules": [RULE, RULE | change]})


def test_qos_rules_keep_their_order_and_a_deleted_one_comes_back_under_a_new_id(cloud: Simulated) -> None:
    """The order names each once; ids are never handed out twice."""
    ids = [cloud.post(_at(cloud, "qosRules"), {"vlan": vlan, "dscp": 46})["id"] for vlan in (10, 20, 30)]
    cloud.put(_at(cloud, "qosRules/order"), {"ruleIds": ids[::-1]})
    assert [one["id"] for one in cloud.get(_at(cloud, "qosRules"))] == ids[::-1]
    assert "each rule" in cloud.refused("PUT", _at(cloud, "qosRules/order"), {"ruleIds": ids[:2]})
    cloud.delete(_at(cloud, f"qosRules/{ids[0]}"))
    assert cloud.get(_at(cloud, "qosRules/order"))["ruleIds"] == [ids[2], ids[1]]
    assert cloud.post(_at(cloud, "qosRules"), {"vlan": 10, "dscp": 46})["id"] not in ids


@pytest.mark.parametrize("body", [{"vlan": 0}, {"vlan": 10, "dscp": 64}, {"vlan": 10, "srcPort": 80}, {"dscp": 1}])
def test_a_qos_rule_that_does_not_fit_is_refused(cloud: Simulated, body: Json) -> None:
    """VLAN, DSCP and ports have bounds; a port needs a protocol; the VLAN is required."""
    cloud.refused("POST", _at(cloud, "qosRules"), body)


def test_a_port_is_in_one_aggregation_only(cloud: Simulated) -> None:
    """The second group with the same port is refused, as is a group of one or of another network's port."""
    core, other = (
        next(one["serial"] for one in cloud.world.devices_in(n) if one["productType"] == "switch")
        for n in (cloud.campus, cloud.branch)
    )
    two = [{"serial": core, "portId": "20"}, {"serial": core, "portId": "21"}]
    made = cloud.post(_at(cloud, "linkAggregations"), {"switchPorts": two})
    assert "already" in cloud.refused("POST", _at(cloud, "linkAggregations"), {"switchPorts": two})
    cloud.refused("POST", _at(cloud, "linkAggregations"), {"switchPorts": two[:1]})
    cloud.refused("POST", _at(cloud, "linkAggregations"), {"switchPorts": [two[0], {"serial": other, "portId": "5"}]})
    assert cloud.put(_at(cloud, f"linkAggregations/{made['id']}"), {"switchPorts": two})["switchPorts"] == two
    cloud.delete(_at(cloud, f"linkAggregations/{made['id']}"))


def test_an_access_policy_hides_its_secret_and_keeps_it_for_the_same_server(cloud: Simulated) -> None:
    """Written without a secret, the server that stays keeps the one it has; another host has none."""
    path = _at(cloud, "accessPolicies/1")
    cloud.get(path)
    servers = [{"host": "10.10.0.53", "port": 1812}, {"host": "10.10.0.54", "port": 1812, "secret": "s2"}]
    assert "secret" not in str(cloud.put(path, {"radiusServers": servers}))
    stored = cloud.world.get(path)["radiusServers"]
    assert [server["secret"] for server in stored] == ["seeded-radius-secret", "s2"]


def test_an_access_policy_or_schedule_in_use_stays(cloud: Simulated) -> None:
    """400 while a port follows it, 204 after."""
    core = next(one["serial"] for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "switch")
    port = f"/devices/{core}/switch/ports/30"
    schedule = cloud.get(_at(cloud, "portSchedules"))[0]
    cloud.get(_at(cloud, "accessPolicies"))
    used = {"accessPolicyType": "Custom access policy", "accessPolicyNumber": 1, "portScheduleId": schedule["id"]}
    assert cloud.put(port, used)["schedule"] == {"id": schedule["id"], "name": schedule["name"]}
    assert "in use" in cloud.refused("DELETE", _at(cloud, "accessPolicies/1"))
    assert "in use" in cloud.refused("DELETE", _at(cloud, f"portSchedules/{schedule['id']}"))
    cloud.put(port, {"accessPolicyType": "Open", "portScheduleId": None})
    cloud.delete(_at(cloud, "accessPolicies/1"))
    cloud.delete(_at(cloud, f"portSchedules/{schedule['id']}"))


def test_the_number_of_a_deleted_access_policy_is_not_given_again(cloud: Simulated) -> None:
    """The server picks the number; a policy made again has another one."""
    body = {"name": "B", "radiusServers": [], "radiusAccountingEnabled": False, "hostMode": "Single-Host"}
    body |= {"urlRedirectWalledGardenEnabled": False, "radiusTestingEnabled": False, "radiusCoaSupportEnabled": False}
    first = cloud.post(_at(cloud, "accessPolicies"), body)["accessPolicyNumber"]
    cloud.delete(_at(cloud, f"accessPolicies/{first}"))
    assert cloud.post(_at(cloud, "accessPolicies"), body)["accessPolicyNumber"] != first


def test_dhcp_servers_are_named_for_the_policy_that_is_not_the_default(cloud: Simulated) -> None:
    """Allowed servers need blocking as default; only MAC addresses are taken."""
    path = _at(cloud, "dhcpServerPolicy")
    mac = ["00:11:22:33:44:55"]
    cloud.get(path)
    cloud.refused("PUT", path, {"allowedServers": mac})
    cloud.refused("PUT", path, {"defaultPolicy": "block", "allowedServers": ["server"]})
    assert cloud.put(path, {"defaultPolicy": "block", "allowedServers": mac})["allowedServers"] == mac


def test_a_bound_network_refuses_switch_settings_and_shows_the_templates(cloud: Simulated) -> None:
    """400 in the network; written to the template, it shows in the network."""
    template = next(iter(cloud.world.templates))
    path = f"/networks/{cloud.shop}/switch/accessControlLists"
    assert "template" in cloud.refused("PUT", path, {"rules": []})
    cloud.put(f"/networks/{template}/switch/accessControlLists", {"rules": [RULE]})
    assert len(cloud.get(path)["rules"]) == 2
