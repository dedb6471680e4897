"""VLANs, their gate and the single LAN behave as the cloud's."""

import pytest

from tests.support.simulated import Json, Simulated

NEW = {"id": "30", "name": "Voice", "subnet": "10.77.30.0/24", "applianceIp": "10.77.30.1"}


def test_a_network_with_an_appliance_starts_with_three_vlans(cloud: Simulated) -> None:
    """Default, Corp and Guest, ids as integers."""
    rows = cloud.get(cloud.mx("vlans"))
    assert [(row["id"], row["name"]) for row in rows] == [(1, "Default"), (10, "Corp"), (20, "Guest")]


def test_a_created_vlan_is_keyed_by_the_id_of_the_client(cloud: Simulated) -> None:
    """The id is sent as text and read as integer."""
    made = cloud.post(cloud.mx("vlans"), NEW)
    assert made["id"] == 30
    assert cloud.get(cloud.mx("vlans/30")) == made


def test_an_integer_id_is_refused_on_creation(cloud: Simulated) -> None:
    """The type of the body is text though the GET gives an integer."""
    assert "must be a string" in cloud.refused("POST", cloud.mx("vlans"), NEW | {"id": 30})


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (NEW | {"id": "1"}, "Vlan has already been taken"),
        (NEW | {"id": "20"}, "Vlan has already been taken"),
        (NEW | {"id": "4095"}, "between 1 and 4094"),
        (NEW | {"id": "0"}, "between 1 and 4094"),
        (NEW | {"subnet": "10.77.30.5/24"}, "not a valid subnet"),
        (NEW | {"subnet": "10.77.30.0"}, "not a valid subnet"),
        (NEW | {"applianceIp": "10.77.31.1"}, "must be a host address"),
        (NEW | {"applianceIp": "10.77.30.255"}, "must be a host address"),
        (NEW | {"subnet": "192.168.20.128/25", "applianceIp": "192.168.20.129"}, "overlaps"),
        (NEW | {"groupPolicyId": "999"}, "Group policy ID is invalid"),
        (NEW | {"dhcpHandling": "Maybe"}, "must be one of"),
        (NEW | {"dhcpHandling": "Relay DHCP to another server"}, "relay"),
        ({"id": "30", "name": "No subnet"}, "required"),
    ],
)
def test_a_vlan_that_the_cloud_refuses_is_not_made(cloud: Simulated, body: Json, text: str) -> None:
    """Each fault is a 400 with its text and changes nothing."""
    assert text in cloud.refused("POST", cloud.mx("vlans"), body)


def test_a_vlan_cannot_have_the_subnet_of_a_static_route(cloud: Simulated) -> None:
    """The route's subnet is taken."""
    taken = cloud.get(cloud.mx("staticRoutes"))[0]["subnet"]
    body = NEW | {"subnet": taken, "applianceIp": taken.replace(".0/24", ".1")}
    assert "static route 'Warehouse'" in cloud.refused("POST", cloud.mx("vlans"), body)


def test_every_vlan_operation_is_refused_while_vlans_are_off(cloud: Simulated) -> None:
    """The gate is vlansEnabled; the text is the cloud's."""
    text = "VLANs are not enabled for this network"
    for method, tail, body in (
        ("GET", "vlans", None), ("GET", "vlans/1", None), ("POST", "vlans", NEW), ("PUT", "vlans/1", {"name": "x"}),
        ("DELETE", "vlans/1", None), ("GET", "ports", None), ("PUT", "ports/3", {"enabled": True}),
    ):  # fmt: skip
        assert cloud.refused(method, cloud.mx(tail, cloud.branch), body) == text


def test_switching_vlans_off_destroys_them(cloud: Simulated) -> None:
    """The lowest becomes the single LAN; the others are gone when VLANs come back."""
    cloud.put(cloud.mx("vlans/settings"), {"vlansEnabled": False})
    assert cloud.get(cloud.mx("singleLan"))["subnet"] == "192.168.128.0/24"
    cloud.put(cloud.mx("vlans/settings"), {"vlansEnabled": True})
    assert [row["id"] for row in cloud.get(cloud.mx("vlans"))] == [1]
    assert {port["type"] for port in cloud.get(cloud.mx("ports"))} == {"trunk"}


def test_switching_vlans_off_is_refused_while_a_route_needs_one(cloud: Simulated) -> None:
    """A next hop inside a VLAN that would go keeps the gate open."""
    hop = cloud.get(cloud.mx("vlans/10"))["applianceIp"].rpartition(".")[0] + ".9"
    cloud.post(cloud.mx("staticRoutes"), {"name": "Lab", "subnet": "10.88.0.0/24", "gatewayIp": hop})
    assert "next hop" in cloud.refused("PUT", cloud.mx("vlans/settings"), {"vlansEnabled": False})


def test_switching_vlans_on_and_off_again_leaves_nothing_behind(cloud: Simulated) -> None:
    """A network that had one LAN has the same one afterwards."""
    before = cloud.state()
    cloud.put(cloud.mx("vlans/settings", cloud.branch), {"vlansEnabled": True})
    assert [row["id"] for row in cloud.get(cloud.mx("vlans", cloud.branch))] == [1]
    cloud.put(cloud.mx("vlans/settings", cloud.branch), {"vlansEnabled": False})
    assert cloud.state() == before


def test_a_fixed_ip_map_replaces_as_a_whole(cloud: Simulated) -> None:
    """An assignment that is left out of the map is gone."""
    base = cloud.get(cloud.mx("vlans/10"))["applianceIp"].rpartition(".")[0]
    sent = {"aa:bb:cc:dd:ee:01": {"ip": f"{base}.60", "name": "Camera"}}
    assert cloud.put(cloud.mx("vlans/10"), {"fixedIpAssignments": sent})["fixedIpAssignments"] == sent


@pytest.mark.parametrize(
    "sent",
    [
        {"fixedIpAssignments": {"aa:bb:cc:dd:ee:01": {"ip": "10.1.1.1", "name": "x"}}},
        {"fixedIpAssignments": {"not a mac": {"ip": "192.168.20.9", "name": "x"}}},
        {"reservedIpRanges": [{"start": "192.168.20.9", "end": "192.168.20.5", "comment": "x"}]},
        {"dhcpOptions": [{"code": "999", "type": "text", "value": "x"}]},
        {"subnet": "192.168.21.0/24"},
        {"name": " "},
        {"vpnNatSubnet": "10.9.0.0/16"},
    ],
)
def test_dhcp_settings_must_fit_the_subnet(cloud: Simulated, sent: Json) -> None:
    """Addresses outside the subnet, bad MACs and options are refused."""
    assert cloud.refused("PUT", cloud.mx("vlans/20"), sent)


def test_fields_of_the_other_dhcp_modes_are_not_shown(cloud: Simulated) -> None:
    """A relaying VLAN has no lease time, a serving one no relay servers."""
    relayed = cloud.put(
        cloud.mx("vlans/20"), {"dhcpHandling": "Relay DHCP to another server", "dhcpRelayServerIps": ["10.1.1.1"]}
    )
    assert "dhcpLeaseTime" not in relayed
    served = cloud.put(cloud.mx("vlans/20"), {"dhcpHandling": "Run a DHCP server"})
    assert "dhcpRelayServerIps" not in served
    assert served["dhcpLeaseTime"] == "1 day"


def test_null_clears_a_field_of_a_vlan(cloud: Simulated) -> None:
    """A group policy is taken off by an explicit null."""
    cloud.put(cloud.mx("vlans/20"), {"groupPolicyId": "100"})
    assert cloud.get(cloud.mx("vlans/20"))["groupPolicyId"] == "100"
    assert "groupPolicyId" not in cloud.put(cloud.mx("vlans/20"), {"groupPolicyId": None})


def test_read_only_and_unknown_fields_of_a_vlan_are_ignored(cloud: Simulated) -> None:
    """What was read may be sent back whole."""
    before = cloud.state()
    cloud.put(cloud.mx("vlans/20"), cloud.get(cloud.mx("vlans/20")) | {"id": 99, "colour": "red"})
    assert cloud.state() == before


def test_a_prefix_assignment_must_say_whether_it_is_disabled(cloud: Simulated) -> None:
    """One text for each assignment that does not; the field is not shown afterwards (Terraform provider #121)."""
    row: Json = {"autonomous": True, "origin": {"type": "internet", "interfaces": ["wan1"]}}
    text = cloud.refused("PUT", cloud.mx("vlans/20"), {"ipv6": {"enabled": True, "prefixAssignments": [row, row]}})
    assert text.count("Please specify if prefix assignment should be disabled") == 2
    shown = cloud.put(
        cloud.mx("vlans/20"), {"ipv6": {"enabled": True, "prefixAssignments": [row | {"disabled": False}]}}
    )
    assert shown["ipv6"]["prefixAssignments"] == [row]


def test_a_vlan_is_kept_while_a_port_uses_it(cloud: Simulated) -> None:
    """VLAN 10 is the VLAN of an access port."""
    assert "in use by port 6" in cloud.refused("DELETE", cloud.mx("vlans/10"))


def test_a_vlan_is_kept_while_a_route_uses_it(cloud: Simulated) -> None:
    """A next hop in its subnet is a use."""
    cloud.post(cloud.mx("staticRoutes"), {"name": "Lab", "subnet": "10.88.0.0/24", "gatewayIp": "192.168.20.9"})
    assert "static route 'Lab'" in cloud.refused("DELETE", cloud.mx("vlans/20"))


def test_a_vlan_is_kept_while_a_group_policy_tags_with_it(cloud: Simulated) -> None:
    """Custom tagging with its id is a use."""
    tagging = {"vlanTagging": {"settings": "custom", "vlanId": "20"}}
    cloud.put(f"/networks/{cloud.campus}/groupPolicies/100", tagging)
    assert "group policy 'Guests'" in cloud.refused("DELETE", cloud.mx("vlans/20"))


def test_a_vlan_is_kept_while_a_traffic_filter_names_it(cloud: Simulated) -> None:
    """The text is the cloud's own (Terraform provider PR #83)."""
    filters = [{"type": "custom", "value": {"source": {"cidr": "192.168.20.0/24"}, "destination": {"cidr": "any"}}}]
    row = {"preferredUplink": "wan2", "trafficFilters": filters}
    cloud.put(cloud.mx("sdwan/internetPolicies"), {"wanTrafficUplinkPreferences": [row]})
    assert "does not apply to any configured subnets." in cloud.refused("DELETE", cloud.mx("vlans/20"))


def test_a_vlan_is_kept_while_a_firewall_rule_names_it(cloud: Simulated) -> None:
    """VLAN(20).* in a rule is a use."""
    rule = {"policy": "deny", "protocol": "any", "srcCidr": "VLAN(20).*", "destCidr": "any"}
    cloud.put(cloud.mx("firewall/l3FirewallRules"), {"rules": [rule]})
    assert "l3FirewallRules" in cloud.refused("DELETE", cloud.mx("vlans/20"))


def test_a_vlan_is_kept_while_a_device_is_managed_through_it(cloud: Simulated) -> None:
    """The management VLAN of a switch is a use."""
    serial = next(one["serial"] for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "switch")
    cloud.world.resources[f"/devices/{serial}/managementInterface"] = {"wan1": {"vlan": 20}}
    assert serial in cloud.refused("DELETE", cloud.mx("vlans/20"))


def test_the_last_vlan_cannot_be_deleted(cloud: Simulated) -> None:
    """VLAN 1 may go, but not as the last one (Terraform provider #147)."""
    cloud.put(cloud.mx("vlans/settings", cloud.branch), {"vlansEnabled": True})
    assert "At least one VLAN" in cloud.refused("DELETE", cloud.mx("vlans/1", cloud.branch))


def test_a_deleted_vlan_leaves_the_vpn_and_comes_back_under_its_id(cloud: Simulated) -> None:
    """Making it again keeps the id and gives another interface id."""
    before = cloud.get(cloud.mx("vlans/20"))
    cloud.delete(cloud.mx("vlans/20"))
    assert cloud.ask("GET", cloud.mx("vlans/20")).status == 404
    assert before["subnet"] not in [row["localSubnet"] for row in cloud.get(cloud.mx("vpn/siteToSiteVpn"))["subnets"]]
    fields = {name: before[name] for name in ("name", "subnet", "applianceIp")}
    again = cloud.post(cloud.mx("vlans"), {"id": "20", **fields})
    assert again["id"] == 20
    assert again["interfaceId"] != before["interfaceId"]


def test_a_vpn_subnet_follows_its_vlan(cloud: Simulated) -> None:
    """A new subnet of the VLAN is the one that the VPN has."""
    moved = {"subnet": "10.99.10.0/24", "applianceIp": "10.99.10.1", "fixedIpAssignments": {}, "reservedIpRanges": []}
    cloud.get(cloud.mx("vpn/siteToSiteVpn"))
    cloud.put(cloud.mx("vlans/10"), moved)
    rows = cloud.get(cloud.mx("vpn/siteToSiteVpn"))["subnets"]
    assert {"localSubnet": "10.99.10.0/24", "useVpn": True} in rows


def test_a_write_is_in_the_change_log_with_old_and_new_value(cloud: Simulated) -> None:
    """One row, page via API."""
    cloud.put(cloud.mx("vlans/20"), {"name": "Visitors"})
    row = cloud.world.changes[-1]
    assert (row["page"], row["label"], row["networkId"]) == (
        "via API",
        f"PUT /api/v1{cloud.mx('vlans/20')}",
        cloud.campus,
    )
    assert "Guest" in row["oldValue"]
    assert "Visitors" in row["newValue"]


def test_a_bound_network_reads_its_template_and_refuses_writes(cloud: Simulated) -> None:
    """The template's VLANs show; a write is a 400 that says so."""
    template = cloud.world.networks[cloud.shop]["configTemplateId"]
    assert cloud.get(cloud.mx("vlans", cloud.shop)) == cloud.get(cloud.mx("vlans", template))
    assert "bound to a configuration template" in cloud.refused("PUT", cloud.mx("vlans/20", cloud.shop), {"name": "x"})


def test_the_single_lan_is_hidden_while_vlans_are_on(cloud: Simulated) -> None:
    """Its GET is a 400 there and works where VLANs are off."""
    assert "Single LAN is not available" in cloud.refused("GET", cloud.mx("singleLan"))
    assert cloud.get(cloud.mx("singleLan", cloud.branch))["subnet"] == "192.168.128.0/24"


def test_the_single_lan_can_move(cloud: Simulated) -> None:
    """Subnet and address are taken together and checked together."""
    path = cloud.mx("singleLan", cloud.branch)
    assert "must be a host address" in cloud.refused("PUT", path, {"applianceIp": "10.0.0.1"})
    assert "not a valid subnet" in cloud.refused("PUT", path, {"subnet": "nonsense"})
    for route in cloud.get(cloud.mx("staticRoutes", cloud.branch)):
        cloud.delete(cloud.mx(f"staticRoutes/{route['id']}", cloud.branch))
    assert cloud.put(path, {"subnet": "10.5.0.0/24", "applianceIp": "10.5.0.1"})["applianceIp"] == "10.5.0.1"


def test_a_network_made_later_starts_with_one_lan(cloud: Simulated) -> None:
    """Nothing is seeded into it."""
    cloud.get(cloud.mx("vlans"))
    made = cloud.ask(
        "POST", f"/organizations/{cloud.organization}/networks", {"name": "N", "productTypes": ["appliance"]}
    )
    network = made.body["id"]
    assert cloud.get(cloud.mx("vlans/settings", network)) == {"vlansEnabled": False}
    assert len(cloud.get(cloud.mx("firewall/l3FirewallRules", network))["rules"]) == 1
    assert cloud.get(cloud.mx("staticRoutes", network)) == []
