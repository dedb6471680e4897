"""Organizations cloned, switches cloned, devices swapped; networks in groups and in XDR."""

import pytest

from tests.support.simulated import Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A fresh cloud."""
    return Simulated()


def _switches(cloud: Simulated, model: str) -> list[str]:
    owned = [one for one in cloud.world.devices.values() if one["model"] == model and one["networkId"]]
    return [one["serial"] for one in owned if cloud.world.organization_of(one["networkId"]) == cloud.organization]


def test_a_cloned_organization_has_the_templates_but_no_networks(cloud: Simulated) -> None:
    """Under new ids."""
    made = cloud.ask("POST", f"/organizations/{cloud.organization}/clone", {"name": "Cópia"}).body
    assert cloud.get(f"/organizations/{made['id']}/networks") == []
    theirs, ours = (cloud.get(f"/organizations/{id_}/configTemplates") for id_ in (made["id"], cloud.organization))
    assert [one["name"] for one in theirs] == [one["name"] for one in ours]
    assert not {one["id"] for one in theirs} & {one["id"] for one in ours}


def test_a_cloned_switch_has_the_ports_of_its_source(cloud: Simulated) -> None:
    """Only of the same model, and not of itself."""
    source, target = _switches(cloud, "MS225-24P")[:2]
    cloud.put(f"/devices/{source}/switch/ports/12", {"name": "Impressora", "vlan": 33})
    path = f"/organizations/{cloud.organization}/switch/devices/clone"
    for wrong in (_switches(cloud, "MS120-8LP")[0], source, "Q2XX-XXXX-XXXX"):
        cloud.refused("POST", path, {"sourceSerial": source, "targetSerials": [wrong]})
    assert cloud.ask("POST", path, {"sourceSerial": source, "targetSerials": [target]}).status == 200
    assert cloud.get(f"/devices/{target}/switch/ports/12")["vlan"] == 33


def test_a_swapped_device_stands_where_the_old_one_stood(cloud: Simulated) -> None:
    """The old one is released; a second swap of it is refused."""
    old = _switches(cloud, "MS120-8LP")[0]
    owned = cloud.get(f"/organizations/{cloud.organization}/inventory/devices")
    new = next(one["serial"] for one in owned if one["model"] == "MS120-8LP" and not one["networkId"])
    before = cloud.get(f"/devices/{old}")
    path = f"/organizations/{cloud.organization}/inventory/devices/swaps/bulk"
    swap = {"devices": {"old": old, "new": new}, "afterAction": "release from organization inventory"}
    job = cloud.ask("POST", path, {"swaps": [swap]}).body
    after = cloud.get(f"/devices/{new}")
    assert (after["name"], after["networkId"]) == (before["name"], before["networkId"])
    assert cloud.ask("GET", f"/organizations/{cloud.organization}/inventory/devices/{old}").status == 404
    assert cloud.get(f"{path}/{job['jobId']}")["swaps"][0]["status"] == "completed"
    cloud.refused("POST", path, {"swaps": [swap]})


def test_networks_are_assigned_to_a_group_and_taken_from_it(cloud: Simulated) -> None:
    """What is not in the group cannot be taken from it; a group that is not there is a 404."""
    home = f"/organizations/{cloud.organization}/networks/groups"
    kept = cloud.state()
    group = cloud.post(home, {"name": "Sul"})["groupId"]
    empty = cloud.state()
    assert cloud.ask("POST", f"{home}/{group}/bulkAssign", {"networkIds": [cloud.branch]}).status == 200
    assert cloud.state() != empty
    cloud.refused("POST", f"{home}/{group}/bulkUnassign", {"networkIds": [cloud.campus]})
    assert cloud.ask("POST", f"{home}/{group}/bulkUnassign", {"networkIds": [cloud.branch]}).status == 200
    assert cloud.state() == empty
    cloud.delete(f"{home}/{group}")
    assert cloud.state() == kept
    assert cloud.ask("POST", f"{home}/404/bulkAssign", {"networkIds": [cloud.branch]}).status == 404


def test_networks_report_to_xdr_until_they_are_switched_off(cloud: Simulated) -> None:
    """The list says so; a network without an appliance cannot."""
    home = f"/organizations/{cloud.organization}/integrations/xdr/networks"
    rows = {"networks": [{"networkId": cloud.branch, "productTypes": ["appliance"]}]}
    before = cloud.state()
    assert cloud.ask("POST", f"{home}/enable", rows).status == 200
    assert [one["networkId"] for one in cloud.get(home)["items"] if one["enabled"]] == [cloud.branch]
    assert cloud.ask("POST", f"{home}/disable", rows).status == 200
    assert cloud.state() == before
    cloud.refused("POST", f"{home}/enable", {"networks": [{"networkId": cloud.branch, "productTypes": ["camera"]}]})
