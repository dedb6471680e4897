"""Organizations, networks and templates."""

import pytest

from tests.support.simulated import Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A new world."""
    return Simulated()


def test_two_organizations_have_networks_of_the_same_names(cloud: Simulated) -> None:
    """A name alone does not say which network is meant."""
    first, second = ({one["name"] for one in cloud.world.networks_of(id_)} for id_ in cloud.world.organizations)
    assert first == second
    assert any(not name.isascii() for name in first)


def test_a_network_made_again_has_another_id(cloud: Simulated) -> None:
    """Ids are never handed out twice; the prefix says whether it is a combined one."""
    path, body = (
        f"/organizations/{cloud.organization}/networks",
        {"name": "Nova", "productTypes": ["switch", "wireless"]},
    )
    first = cloud.post(path, body)["id"]
    cloud.delete(f"/networks/{first}")
    second = cloud.post(path, body)["id"]
    assert first != second
    assert (first[:2], cloud.post(path, {"name": "Uma", "productTypes": ["switch"]})["id"][:2]) == ("L_", "N_")


def test_a_name_is_taken_once_in_an_organization(cloud: Simulated) -> None:
    """On creation and on renaming; keeping one's own name is fine."""
    name = cloud.world.networks[cloud.campus]["name"]
    body = {"name": name, "productTypes": ["switch"]}
    assert "taken" in cloud.refused("POST", f"/organizations/{cloud.organization}/networks", body)
    assert "taken" in cloud.refused("PUT", f"/networks/{cloud.branch}", {"name": name})
    assert cloud.put(f"/networks/{cloud.campus}", {"name": name})["name"] == name


@pytest.mark.parametrize(
    "body", [{"name": "x"}, {"name": "x", "productTypes": []}, {"name": "x", "productTypes": ["sofa"]}]
)
def test_a_network_needs_known_products(cloud: Simulated, body: dict[str, object]) -> None:
    """400 and no network."""
    cloud.refused("POST", f"/organizations/{cloud.organization}/networks", body)


def test_a_deleted_network_gives_its_devices_back_to_the_inventory(cloud: Simulated) -> None:
    """They are in no network, unnamed, still owned; the network and its settings are not found."""
    serials = [one["serial"] for one in cloud.world.devices_in(cloud.branch)]
    cloud.put(f"/networks/{cloud.branch}/snmp", {"access": "community", "communityString": "abc"})
    cloud.delete(f"/networks/{cloud.branch}")
    assert cloud.ask("GET", f"/networks/{cloud.branch}/snmp").status == 404
    assert cloud.ask("GET", f"/devices/{serials[0]}").status == 404
    rows = cloud.get(f"/organizations/{cloud.organization}/inventory/devices")
    assert {one["serial"] for one in rows if not one["networkId"]} >= set(serials)


def test_a_bound_network_refuses_its_own_settings_until_it_is_unbound(cloud: Simulated) -> None:
    """400 for VLANs, SSIDs and group policies; name and notes are its own; afterwards it may."""
    vlans = f"/networks/{cloud.shop}/appliance/vlans"
    vlan = {"id": "99", "name": "X", "subnet": "10.99.0.0/24", "applianceIp": "10.99.0.1"}
    for method, path, body in (
        ("POST", vlans, vlan),
        ("PUT", f"/networks/{cloud.shop}/wireless/ssids/0", {"name": "x"}),
        ("POST", f"/networks/{cloud.shop}/groupPolicies", {"name": "x"}),
    ):
        assert "template" in cloud.refused(method, path, body)
    assert cloud.put(f"/networks/{cloud.shop}", {"notes": "ok"})["notes"] == "ok"
    assert cloud.ask("POST", f"/networks/{cloud.shop}/unbind", {"retainConfigs": True}).status == 200
    assert cloud.ask("POST", vlans, vlan).status == 201


def test_binding_loses_what_the_network_had_and_unbinding_without_retaining_brings_defaults(cloud: Simulated) -> None:
    """The template's SSID name shows while bound, the network's own change is gone after."""
    template = next(iter(cloud.world.templates))
    cloud.ask("POST", f"/networks/{cloud.shop}/unbind", {})
    cloud.put(f"/networks/{cloud.shop}/wireless/ssids/4", {"name": "Own"})
    cloud.put(f"/networks/{template}/wireless/ssids/4", {"name": "Template"})
    assert cloud.ask("POST", f"/networks/{cloud.shop}/bind", {"configTemplateId": template}).status == 200
    network = cloud.get(f"/networks/{cloud.shop}")
    assert (network["isBoundToConfigTemplate"], network["configTemplateId"]) == (True, template)
    assert cloud.get(f"/networks/{cloud.shop}/wireless/ssids/4")["name"] == "Template"
    cloud.ask("POST", f"/networks/{cloud.shop}/unbind", {"retainConfigs": False})
    assert cloud.get(f"/networks/{cloud.shop}/wireless/ssids/4")["name"] == "Unconfigured SSID 5"


def test_a_network_binds_only_to_a_fitting_template_of_its_organization(cloud: Simulated) -> None:
    """Another organization's, an unknown one, one with fewer products: refused."""
    template = next(iter(cloud.world.templates))
    for network, wanted in (
        (cloud.twin, template),
        (cloud.branch, "L_1"),
        (cloud.campus, template),
        (cloud.shop, template),
    ):
        cloud.refused("POST", f"/networks/{network}/bind", {"configTemplateId": wanted})


def test_a_template_with_bound_networks_stays(cloud: Simulated) -> None:
    """400 while a network is bound, 204 after."""
    path = f"/organizations/{cloud.organization}/configTemplates/{next(iter(cloud.world.templates))}"
    assert "bound" in cloud.refused("DELETE", path)
    cloud.ask("POST", f"/networks/{cloud.shop}/unbind", {})
    cloud.delete(path)


def test_deleting_a_used_organization_is_refused(cloud: Simulated) -> None:
    """400, nothing changed."""
    cloud.refused("DELETE", f"/organizations/{cloud.organization}")


def test_each_successful_write_leaves_a_row_in_the_change_log(cloud: Simulated) -> None:
    """Newest first, marked as made via API; reads and refusals leave none."""
    cloud.put(f"/networks/{cloud.branch}", {"notes": "a"})
    cloud.refused("PUT", f"/networks/{cloud.branch}", {"name": ""})
    cloud.put(f"/networks/{cloud.branch}/wireless/ssids/3", {"name": "b"})
    cloud.put(f"/networks/{cloud.branch}/switch/mtu", {"defaultMtuSize": 9198})
    rows = cloud.get(f"/organizations/{cloud.organization}/configurationChanges")
    assert [row["page"] for row in rows] == ["via API"] * 3
    assert [row["ssidNumber"] for row in rows] == [None, 3, None]
    assert "9198" in rows[0]["newValue"]
