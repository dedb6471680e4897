"""Site-to-site VPN, BGP, peers outside and the state of tunnels behave as the cloud's."""

import pytest

from mcp_server.sandbox.behaviours.appliance.vpn_peers import vpn_statuses
from tests.support.simulated import Json, Simulated


def vpn(cloud: Simulated, network: str) -> str:
    """The path of a network's VPN settings."""
    return cloud.mx("vpn/siteToSiteVpn", network)


def peers(cloud: Simulated) -> str:
    """The path of the organization's outside peers."""
    return f"/organizations/{cloud.organization}/appliance/vpn/thirdPartyVPNPeers"


def reach(cloud: Simulated, network: str, kind: str = "merakiVpnPeers") -> dict[str, str]:
    """Reachability by peer name, as one network sees it."""
    rows = cloud.get(f"/organizations/{cloud.organization}/appliance/vpn/statuses")
    mine: Json = next((row for row in rows if row["networkId"] == network), {kind: []})
    return {row.get("name") or row["networkName"]: row["reachability"] for row in mine[kind]}


def test_the_subnets_of_the_vpn_are_those_of_the_network(cloud: Simulated) -> None:
    """Those that a PUT leaves out stay listed and take no part."""
    listed = {row["localSubnet"] for row in cloud.get(vpn(cloud, cloud.campus))["subnets"]}
    assert listed >= {row["subnet"] for row in cloud.get(cloud.mx("vlans"))}
    shown = cloud.put(vpn(cloud, cloud.campus), {"mode": "hub", "subnets": []})
    assert {row["localSubnet"] for row in shown["subnets"]} == listed
    assert not any(row["useVpn"] for row in shown["subnets"])


def test_what_a_put_leaves_out_stays(cloud: Simulated) -> None:
    """Only the mode is required."""
    before = cloud.get(vpn(cloud, cloud.campus))
    assert cloud.put(vpn(cloud, cloud.campus), {"mode": "hub"}) == before


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"mode": "spoke", "hubs": []}, "at least one hub"),
        ({"mode": "spoke", "hubs": [{"hubId": "N_1"}]}, "Invalid hub: N_1"),
        ({"mode": "star"}, "must be one of"),
        ({"hubs": []}, "mode"),
        ({"mode": "hub", "subnets": [{"localSubnet": "10.250.0.0/24", "useVpn": True}]}, "Invalid subnet"),
    ],
)
def test_a_vpn_setting_that_cannot_work_is_refused(cloud: Simulated, body: Json, text: str) -> None:
    """Hubs must be hubs, subnets must be the network's own."""
    assert text in cloud.refused("PUT", vpn(cloud, cloud.branch), body)


def test_a_hub_of_another_organization_is_no_hub(cloud: Simulated) -> None:
    """Nor is the network itself, nor one in another mode."""
    for hub in (cloud.twin, cloud.branch, cloud.shop):
        body = {"mode": "spoke", "hubs": [{"hubId": hub}]}
        assert "Invalid hub" in cloud.refused("PUT", vpn(cloud, cloud.branch), body)


def test_two_members_cannot_have_one_subnet_in_the_vpn(cloud: Simulated) -> None:
    """The branch has the default subnet in it already (Terraform provider #147)."""
    subnets = [{"localSubnet": "192.168.128.0/24", "useVpn": True}]
    assert "conflicts" in cloud.refused("PUT", vpn(cloud, cloud.campus), {"mode": "hub", "subnets": subnets})
    cloud.put(vpn(cloud, cloud.branch), {"mode": "none"})
    assert cloud.put(vpn(cloud, cloud.campus), {"mode": "hub", "subnets": subnets})["subnets"][0]["useVpn"] is True


def test_a_translated_subnet_must_be_one(cloud: Simulated) -> None:
    """Translation needs a subnet in CIDR form."""
    own = cloud.get(cloud.mx("vlans/10"))["subnet"]
    row: Json = {"localSubnet": own, "useVpn": True, "nat": {"enabled": True, "remoteSubnet": "x"}}
    assert "Invalid subnet" in cloud.refused("PUT", vpn(cloud, cloud.campus), {"mode": "hub", "subnets": [row]})
    row["nat"]["remoteSubnet"] = "10.251.0.0/24"
    assert row in cloud.put(vpn(cloud, cloud.campus), {"mode": "hub", "subnets": [row]})["subnets"]


def test_a_spoke_loses_its_hub_when_that_leaves_the_vpn(cloud: Simulated) -> None:
    """The tunnel is there, then unreachable, then there again."""
    assert reach(cloud, cloud.branch) == {"Matriz São Paulo": "reachable"}
    assert reach(cloud, cloud.campus) == {"Filial Curitiba": "reachable"}
    cloud.put(vpn(cloud, cloud.campus), {"mode": "none"})
    assert reach(cloud, cloud.branch) == {"Matriz São Paulo": "unreachable"}
    assert reach(cloud, cloud.campus) == {}
    cloud.put(vpn(cloud, cloud.campus), {"mode": "hub"})
    assert reach(cloud, cloud.branch) == {"Matriz São Paulo": "reachable"}


def test_a_device_that_is_down_takes_its_tunnels_down(cloud: Simulated) -> None:
    """Both ends say so."""
    serial = next(one["serial"] for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "appliance")
    rows = vpn_statuses(cloud.world, cloud.organization, frozenset({serial}))
    assert rows[0]["deviceStatus"] == "offline"
    assert {peer["reachability"] for row in rows for peer in row["merakiVpnPeers"]} == {"unreachable"}


def test_a_wrong_secret_takes_the_tunnel_to_an_outside_peer_down(cloud: Simulated) -> None:
    """The secret is readable, so it can be put back."""
    before = cloud.get(peers(cloud))
    assert before["peers"][0]["secret"]
    cloud.put(peers(cloud), {"peers": [before["peers"][0] | {"secret": "a wrong one, certainly"}]})
    assert reach(cloud, cloud.campus, "thirdPartyVpnPeers") == {"Partner DC": "unreachable"}
    assert cloud.put(peers(cloud), before) == before
    assert reach(cloud, cloud.campus, "thirdPartyVpnPeers") == {"Partner DC": "reachable"}


def test_the_list_of_peers_is_replaced_whole(cloud: Simulated) -> None:
    """A peer that is left out is gone from list and statuses; a new one waits for its far end."""
    new = {"name": "New", "publicIp": "203.0.113.77", "privateSubnets": ["172.31.0.0/16"], "secret": "s3cret-s3cret"}
    shown = cloud.put(peers(cloud), {"peers": [new]})["peers"]
    assert [peer["name"] for peer in shown] == ["New"]
    assert shown[0]["ipsecPoliciesPreset"] == "default"
    assert shown[0]["networkTags"] == ["all"]
    assert reach(cloud, cloud.campus, "thirdPartyVpnPeers") == {"New": "unreachable"}
    assert cloud.put(peers(cloud), {"peers": []}) == {"peers": []}


def test_a_peer_keeps_its_id_under_its_name(cloud: Simulated) -> None:
    """Also when the id is not sent."""
    peer = cloud.get(peers(cloud))["peers"][0]
    sent = {name: value for name, value in peer.items() if name != "peerId"}
    assert cloud.put(peers(cloud), {"peers": [sent]})["peers"][0] == peer


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"publicIp": "x"}, "Invalid public IP"),
        ({"privateSubnets": ["172.30.0.1/16"]}, "Invalid CIDR"),
        ({"privateSubnets": []}, "Invalid CIDR"),
        ({"secret": ""}, "Secret"),
        ({"secret": None}, "secret"),
        ({"ipsecPoliciesPreset": "moon"}, "Invalid IPsec policy preset. Must be one of the following"),
        ({"ipsecPolicies": {}, "ipsecPoliciesPreset": None}, "Empty IPsec policy config."),
        ({"ikeVersion": "3"}, "IKE version"),
        ({"name": " "}, "blank"),
        ({"network": {"ids": ["N_1"]}}, "Network not found"),
    ],
)
def test_a_peer_that_cannot_work_is_refused_by_name(cloud: Simulated, change: Json, text: str) -> None:
    """All faults of all peers at once, each with its peer's name (dashboard-api-python #121)."""
    peer = cloud.get(peers(cloud))["peers"][0]
    assert text in cloud.refused("PUT", peers(cloud), {"peers": [peer | change]})


def test_two_peers_cannot_have_one_name(cloud: Simulated) -> None:
    """The text names it."""
    peer = cloud.get(peers(cloud))["peers"][0]
    assert 'Peer "Partner DC": Name has already been taken' in cloud.refused(
        "PUT", peers(cloud), {"peers": [peer, peer]}
    )


def test_a_peer_of_chosen_networks_is_seen_by_them_only(cloud: Simulated) -> None:
    """Ids are written, names are shown beside them."""
    peer = cloud.get(peers(cloud))["peers"][0] | {"network": {"ids": [cloud.branch]}}
    shown = cloud.put(peers(cloud), {"peers": [peer]})["peers"][0]
    assert shown["network"] == {"ids": [cloud.branch], "names": ["Filial Curitiba"]}
    assert reach(cloud, cloud.campus, "thirdPartyVpnPeers") == {}
    assert reach(cloud, cloud.branch, "thirdPartyVpnPeers") == {"Partner DC": "reachable"}


def test_the_vpn_firewall_has_a_default_rule_and_takes_no_names(cloud: Simulated) -> None:
    """A domain name is no destination there."""
    path = f"/organizations/{cloud.organization}/appliance/vpn/vpnFirewallRules"
    rules = cloud.get(path)["rules"]
    assert [rule["comment"] for rule in rules] == ["No SMB over VPN", "Default rule"]
    assert "organization[firewall_rules][0][dst_cidr]" in cloud.refused(
        "PUT", path, {"rules": [rules[0] | {"destCidr": "example.com"}]}
    )
    shown = cloud.put(path, {"rules": [], "syslogDefaultRule": True})
    assert [rule["syslogEnabled"] for rule in shown["rules"]] == [True]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"enabled": True, "asNumber": 0}, "asNumber"),
        ({"enabled": True, "ibgpHoldTimer": 11}, "ibgpHoldTimer"),
        (
            {"enabled": True, "neighbors": [
                {"ip": "x", "remoteAsNumber": 1, "ebgpHoldTimer": 180, "ebgpMultihop": 1}]},
            "neighbor IP",
        ),
        ({"asNumber": 64513}, "enabled"),
    ],
)  # fmt: skip
def test_bgp_is_checked(cloud: Simulated, body: Json, text: str) -> None:
    """Ranges are those of the documentation."""
    assert text in cloud.refused("PUT", cloud.mx("vpn/bgp"), body)


def test_bgp_is_for_hubs(cloud: Simulated) -> None:
    """A spoke cannot switch it on; a hub can, and its passwords are readable."""
    assert "hub mode" in cloud.refused("PUT", cloud.mx("vpn/bgp", cloud.branch), {"enabled": True})
    neighbor = {
        "ip": "10.0.0.9", "remoteAsNumber": 64600, "ebgpHoldTimer": 180, "ebgpMultihop": 1,
        "authentication": {"password": "readable"},
    }  # fmt: skip
    shown = cloud.put(cloud.mx("vpn/bgp"), {"enabled": True, "neighbors": [neighbor]})
    assert shown["neighbors"][0]["authentication"]["password"] == "readable"
    assert cloud.put(cloud.mx("vpn/bgp"), {"enabled": False})["neighbors"] == [neighbor]


def test_service_levels_are_replaced_whole(cloud: Simulated) -> None:
    """One of the same name keeps its id."""
    path = f"/organizations/{cloud.organization}/appliance/vpn/siteToSite/ipsec/peers/slas"
    first = cloud.put(path, {"items": [{"name": "Gold", "uri": "http://10.0.0.1"}]})
    again = cloud.put(path, {"items": [{"name": "Gold", "uri": "http://10.0.0.2"}, {"name": "Tin", "uri": "http://x"}]})
    assert again[0]["id"] == first[0]["id"]
    assert cloud.get(path)["items"] == again
