"""Interfaces, redundancy, Umbrella, intrusion, certificates, SASE, cellular and campus gateways."""

import pytest

from tests.support.simulated import Json, Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A fresh cloud."""
    return Simulated()


def _org(cloud: Simulated, tail: str) -> str:
    return f"/organizations/{cloud.organization}/{tail}"


def _of(cloud: Simulated, product: str) -> str:
    return next(str(one["serial"]) for one in cloud.world.devices_in(cloud.campus) if one["productType"] == product)


def test_the_ports_of_an_appliance_are_one_state_however_they_are_named(cloud: Simulated) -> None:
    """By number or by interface; a port that cannot change its personality refuses to."""
    box = _of(cloud, "appliance")
    home = f"/devices/{box}/appliance/interfaces/ports"
    cloud.put(f"{home}/5", {"enabled": False})
    asked = {"interface": {"slot": 0, "subslot": 0, "number": 6}, "downlink": {"mode": "access"}}
    assert cloud.ask("POST", f"{home}/update", asked).status in (200, 201)
    rows = cloud.get(_org(cloud, "appliance/devices/interfaces/ports/byDevice"))["items"]
    ports = next(one["ports"] for one in rows if one["serial"] == box)
    assert (ports[4]["enabled"], ports[5]["downlink"]["mode"], ports[3]["enabled"]) == (False, "access", True)
    cloud.refused("PUT", f"{home}/5", {"personality": {"mode": "uplink"}})
    cloud.refused("POST", f"{home}/update", {"interface": {"slot": 9}})
    assert cloud.ask("PUT", f"{home}/99", {"enabled": False}).status == 404


def test_a_layer_3_interface_is_listed_changed_and_deleted_by_its_id(cloud: Simulated) -> None:
    """Its subnet and its port are nobody else's."""
    home, before = cloud.mx("interfaces/l3"), cloud.state()
    body = {"port": {"interface": {"slot": 0, "subslot": 0, "number": 4}}, "ipv4": {"subnet": "10.9.0.0/24"}}
    made = cloud.ask("POST", home, body).body
    assert [one["interfaceId"] for one in cloud.get(_org(cloud, "appliance/devices/interfaces/l3"))["items"]] == [
        made["interfaceId"]
    ]
    cloud.refused("POST", home, body)
    cloud.refused("POST", home, {**body, "ipv4": {"subnet": "elsewhere"}})
    path = f"{home}/{made['interfaceId']}"
    assert cloud.put(path, {"ipv4": {"address": "10.9.0.1"}})["ipv4"] == {
        "address": "10.9.0.1",
        "subnet": "10.9.0.0/24",
    }
    cloud.delete(path)
    assert cloud.ask("DELETE", path).status == 404
    assert cloud.state() == before


def test_a_pair_is_swapped_and_swapped_back(cloud: Simulated) -> None:
    """It needs two appliances of the network."""
    first = _of(cloud, "appliance")
    twin = next(s for s, one in cloud.world.devices.items() if one["productType"] == "appliance" and s != first)
    cloud.world.devices[twin]["networkId"] = cloud.campus
    cloud.world.rehouse()
    home = cloud.mx("devices/redundancy")
    cloud.refused("POST", f"{home}/swap")
    cloud.refused("PUT", home, {"enabled": True, "designations": [{"serial": first, "priority": 1}]})
    both = [{"serial": first, "priority": 1}, {"serial": twin, "priority": 2}]
    cloud.put(home, {"enabled": True, "mode": "active-passive", "designations": both})
    before = cloud.state()
    cloud.ask("POST", f"{home}/swap")
    row = cloud.get(_org(cloud, "appliance/devices/redundancy/byNetwork"))[0]
    assert [one["priority"] for one in row["designations"]] == [2, 1]
    cloud.ask("POST", f"{home}/swap")
    assert cloud.state() == before


def test_disconnecting_from_umbrella_loses_what_the_network_had_there(cloud: Simulated) -> None:
    """Policies and exclusions; without an account every such write is a 400."""
    home, before = cloud.mx("umbrella"), cloud.state()
    cloud.refused("POST", f"{home}/policies/add", {"policy": {"id": "7"}})
    cloud.ask("POST", f"{home}/account/connect", {"api": {"key": "k", "secret": "s"}})
    fresh = cloud.state()
    cloud.ask("POST", f"{home}/policies/add", {"policy": {"id": "7"}})
    assert cloud.state() != fresh
    cloud.refused("POST", f"{home}/policies/add", {"policy": {"id": "7"}})
    cloud.ask("POST", f"{home}/policies/remove", {"policy": {"id": "7"}})
    assert cloud.state() == fresh
    cloud.put(f"{home}/domains/exclusions", {"domains": ["a.example.com"]})
    cloud.put(f"{home}/protection", {"enabled": True})
    cloud.ask("POST", f"{home}/account/disconnect")
    assert cloud.state() == before
    cloud.refused("POST", f"{home}/account/disconnect")


@pytest.mark.parametrize(
    ("kind", "id_", "param", "value"),
    [("rules", "1:10001", "rule", {"action": "block"}), ("ruleGroups", "101", "group", {"security": {"level": 3}})],
)
def test_an_override_is_listed_in_both_views_and_ends_by_its_id(
    cloud: Simulated, kind: str, id_: str, param: str, value: Json
) -> None:
    """Declaring complete takes the others away, declaring partial keeps them; a base policy has none."""
    home = _org(cloud, "appliance/security/intrusion")
    policy = cloud.post(f"{home}/policies", {"policy": {"name": "Nossa", "basePolicy": {"id": "2"}}})["policyId"]
    before, path = cloud.state(), f"{home}/policies/{policy}/{kind}/{id_}/override"
    made = cloud.ask("POST", path, {"override": value}).body
    cloud.refused("POST", path, {"override": value})
    assert [one["overrideId"] for one in cloud.get(f"{home}/{kind}/overrides")["items"]] == [made["overrideId"]]
    whole = [one["override"] for one in cloud.get(f"{home}/{kind}")["items"] if one["override"]]
    assert [one["id"] for one in whole] == [made["overrideId"]]
    declare = f"{home}/policies/{policy}/{kind}/overrides/declare"
    assert cloud.ask("POST", declare, {"mode": "partial", "items": []}).body["items"] == [made]
    assert cloud.ask("POST", declare, {"items": []}).body["items"] == []
    assert cloud.state() == before
    again = cloud.ask("POST", declare, {"items": [{param: {"id": id_}, **value}]}).body["items"][0]
    cloud.delete(f"{home}/{kind}/overrides/{again['overrideId']}")
    cloud.refused("POST", f"{home}/policies/2/{kind}/{id_}/override", {"override": value})


def test_a_certificate_is_seen_only_as_being_there(cloud: Simulated) -> None:
    """What it was cannot be read."""
    home, box = _org(cloud, "appliance/security/httpsi"), _of(cloud, "appliance")
    cloud.refused("POST", f"{home}/certificates", {"contents": "PEM", "serials": [_of(cloud, "switch")]})
    assert cloud.ask("POST", f"{home}/certificates", {"contents": "PEM", "serials": [box]}).status in (200, 201)
    assert [one["serial"] for one in cloud.get(home) if one["certificateInstalled"]] == [box]


def test_a_site_that_is_attached_again_has_another_id(cloud: Simulated) -> None:
    """Detached it is gone; a connector that a site uses stays."""
    home = _org(cloud, "sase/sites")
    items = {"items": [{"network": {"id": cloud.campus}, "region": {"slug": "sa-east"}}]}
    first = cloud.ask("POST", f"{home}/attach", items).body["items"][0]["siteId"]
    cloud.refused("POST", f"{home}/attach", items)
    cloud.refused("POST", _org(cloud, "sase/connectors/batchDelete"), {"items": [{"connectorId": "2"}]})
    assert cloud.ask("POST", f"{home}/detach", {"items": [{"siteId": first}]}).status in (200, 201)
    cloud.refused("POST", f"{home}/detach", {"items": [{"siteId": first}]})
    assert cloud.ask("POST", f"{home}/attach", items).body["items"][0]["siteId"] != first


def test_the_spaces_integration_ends_once(cloud: Simulated) -> None:
    """The status says so."""
    assert cloud.get(_org(cloud, "spaces/integrate/status"))["status"] is True
    assert cloud.ask("POST", _org(cloud, "spaces/integration/remove")).status in (200, 201)
    assert cloud.get(_org(cloud, "spaces/integrate/status"))["status"] is False
    cloud.refused("POST", _org(cloud, "spaces/integration/remove"))


def test_masked_bands_are_the_modems_until_an_empty_list(cloud: Simulated) -> None:
    """Not all bands of a kind can be masked."""
    box, before = _of(cloud, "cellularGateway"), cloud.state()
    path = f"/devices/{box}/cellular/uplinks/bands/masks/update"
    body = {"slot": "sim1", "type": "LTE", "masked": ["B2"]}
    assert cloud.ask("POST", path, body).status in (200, 201)
    (row,) = cloud.get(_org(cloud, "devices/cellular/uplinks/bands/byDevice"))["items"]
    assert row["bySlot"][0]["bySignalType"][2]["enabled"] == ["B4", "B12"]
    cloud.refused("POST", path, {**body, "masked": ["B2", "B4", "B12"]})
    cloud.refused("POST", path, {**body, "masked": ["B99"]})
    assert cloud.ask("POST", path, {**body, "masked": []}).status in (200, 201)
    assert cloud.state() == before


def test_a_swapped_esim_has_a_profile_of_the_other_account(cloud: Simulated) -> None:
    """Of an account and an eSIM that exist."""
    home = _org(cloud, "cellularGateway/esims")
    eid = cloud.get(f"{home}/inventory")["items"][0]["eid"]
    account = cloud.get(f"{home}/serviceProviders/accounts")[0]["accountId"]
    target = {"accountId": account, "communicationPlan": "A", "ratePlan": "B"}
    cloud.refused("POST", f"{home}/swap", {"swaps": [{"eid": "404", "target": target}]})
    done = cloud.ask("POST", f"{home}/swap", {"swaps": [{"eid": eid, "target": target}]}).body
    esim = next(one for one in cloud.get(f"{home}/inventory")["items"] if one["eid"] == eid)
    assert [one["name"] for one in esim["profiles"][0]["serviceProvider"]["plans"]] == ["A", "B"]
    assert cloud.ask("PUT", f"{home}/swap/{done['id']}").status in (200, 201)
    assert cloud.ask("PUT", f"{home}/swap/404").status == 404


def _cluster(cloud: Simulated) -> Json:
    address = {"assignmentMode": "static", "protocol": "ipv4", "gateway": "10.0.0.1", "subnetMask": "255.255.255.0"}
    return {
        "name": "Centro",
        "uplinks": [{"interface": "man1", "vlan": 5, "addresses": [address]}],
        "tunnels": [{"interface": "tun1", "vlan": 6, "addresses": []}],
        "nameservers": {"addresses": ["9.9.9.9"]},
        "portChannels": [{"name": "Port-channel1", "vlan": 1, "allowedVlans": "all"}],
        "devices": [{"serial": _of(cloud, "campusGateway")}],
    }


def test_a_cluster_is_made_listed_changed_and_deleted_with_its_tunnels(cloud: Simulated) -> None:
    """Of gateways of its network; a failover target must exist."""
    home, before = f"/networks/{cloud.campus}/campusGateway/clusters", cloud.state()
    body = _cluster(cloud)
    id_ = cloud.ask("POST", home, body).body["clusterId"]
    cloud.refused("POST", home, body)
    cloud.refused("POST", home, {**body, "name": "X", "devices": [{"serial": _of(cloud, "switch")}]})
    assert cloud.put(f"{home}/{id_}", {"notes": "n"})["uplinks"] == body["uplinks"]
    everywhere = _org(cloud, "campusGateway/clusters")
    assert [one["clusterId"] for one in cloud.get(everywhere)["items"]] == [id_]
    wanted = {**body, "clusterId": id_, "network": {"id": cloud.campus}}
    assert cloud.ask("POST", f"{everywhere}/provision", {**wanted, "name": "Novo"}).status in (200, 201)
    cloud.refused("POST", f"{everywhere}/provision", {**wanted, "failover": {"targets": [{"clusterId": "404"}]}})
    rows = [{"cluster": {"id": id_}, "network": {"id": cloud.campus}, "data": {"encryption": {"enabled": True}}}]
    assert cloud.ask("POST", f"{everywhere}/tunneling/batchUpdate", {"items": rows}).status in (200, 201)
    shown = cloud.get(f"{everywhere}/tunneling/byCluster/byNetwork")["items"]
    assert [one["network"]["id"] for one in shown if one["data"]["encryption"]["enabled"]] == [cloud.campus]
    cloud.delete(f"{home}/{id_}")
    assert cloud.state() == before
