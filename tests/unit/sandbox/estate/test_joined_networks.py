"""Networks put together, taken apart and moved."""

import pytest

from tests.support.simulated import Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A fresh cloud."""
    return Simulated()


def _new(cloud: Simulated, name: str, *products: str) -> str:
    made = cloud.post(f"/organizations/{cloud.organization}/networks", {"name": name, "productTypes": list(products)})
    return str(made["id"])


def _combine(cloud: Simulated, *ids: str, name: str = "Together") -> str:
    answer = cloud.ask(
        "POST", f"/organizations/{cloud.organization}/networks/combine", {"name": name, "networkIds": list(ids)}
    )
    assert answer.status == 200, answer
    return str(answer.body["resultingNetwork"]["id"])


def test_a_split_gives_each_product_a_network_of_a_new_id_with_its_devices_and_settings(cloud: Simulated) -> None:
    """The combined network is gone; what was set for a product stands in the network of that product."""
    cloud.put(f"/networks/{cloud.branch}/switch/settings", {"vlan": 7})
    serials = {one["serial"] for one in cloud.world.devices_in(cloud.branch)}
    made = cloud.ask("POST", f"/networks/{cloud.branch}/split").body["resultingNetworks"]
    assert [one["productTypes"] for one in made] == [["appliance"], ["switch"], ["wireless"]]
    assert cloud.ask("GET", f"/networks/{cloud.branch}").status == 404
    assert {one["serial"] for part in made for one in cloud.world.devices_in(part["id"])} == serials
    assert cloud.get(f"/networks/{made[1]['id']}/switch/settings")["vlan"] == 7
    assert all(one["id"].startswith("N_") for one in made)


def test_combining_what_was_split_gives_the_settings_back_under_another_id(cloud: Simulated) -> None:
    """The id of the network is lost, and with it everything that named it."""
    cloud.put(f"/networks/{cloud.branch}/switch/settings", {"vlan": 7})
    before = cloud.get(f"/networks/{cloud.branch}/appliance/firewall/l3FirewallRules")
    made = cloud.ask("POST", f"/networks/{cloud.branch}/split").body["resultingNetworks"]
    whole = _combine(cloud, *[one["id"] for one in made], name="Filial Curitiba")
    assert whole != cloud.branch
    assert cloud.get(f"/networks/{whole}/switch/settings")["vlan"] == 7
    assert cloud.get(f"/networks/{whole}/appliance/firewall/l3FirewallRules") == before


def test_what_cannot_be_combined_or_split_is_refused_whole(cloud: Simulated) -> None:
    """Bound networks, two of one product, a network alone or twice, a taken name, a single product."""
    switch, other, radio = _new(cloud, "S", "switch"), _new(cloud, "T", "switch"), _new(cloud, "R", "wireless")
    path = f"/organizations/{cloud.organization}/networks/combine"
    for ids in ([switch, other], [switch, cloud.shop], [switch], [switch, switch], [switch, "N_404"]):
        cloud.refused("POST", path, {"name": "X", "networkIds": ids})
    cloud.refused("POST", path, {"name": "Matriz São Paulo", "networkIds": [switch, radio]})
    cloud.refused("POST", f"/networks/{switch}/split")
    cloud.refused("POST", f"/networks/{cloud.shop}/split")


def test_a_moved_network_belongs_to_the_other_organization_with_its_devices(cloud: Simulated) -> None:
    """A simulated move says that it could, and moves nothing; a taken name refuses it."""
    target = next(one for one in cloud.world.organizations if one != cloud.organization)
    path = f"/organizations/{cloud.organization}/networks/moves"
    body = {"network": {"id": cloud.branch}, "organizations": {"target": {"id": target}}}
    cloud.refused("POST", path, body)
    cloud.put(f"/networks/{cloud.branch}", {"name": "Viajante"})
    before = cloud.state()
    assert cloud.post(path, {**body, "simulate": True})["result"]["status"] == "complete"
    assert cloud.state() == before
    cloud.post(path, body)
    assert cloud.branch in [one["id"] for one in cloud.get(f"/organizations/{target}/networks")]
    assert [one["network"]["id"] for one in cloud.get(path)["items"]] == [cloud.branch]
    serial = cloud.world.devices_in(cloud.branch)[0]["serial"]
    assert cloud.get(f"/organizations/{target}/inventory/devices/{serial}")["serial"] == serial
