"""Static routes behave as the cloud's."""

import pytest

from tests.support.simulated import Json, Simulated

NEW = {"name": "Lab", "subnet": "10.88.0.0/24", "gatewayIp": "192.168.20.9"}


def test_a_route_that_is_made_again_has_another_id(cloud: Simulated) -> None:
    """Ids are of the server."""
    first = cloud.post(cloud.mx("staticRoutes"), NEW)
    cloud.delete(cloud.mx(f"staticRoutes/{first['id']}"))
    assert cloud.ask("GET", cloud.mx(f"staticRoutes/{first['id']}")).status == 404
    second = cloud.post(cloud.mx("staticRoutes"), NEW)
    assert second["id"] != first["id"]
    assert {**second, "id": 0} == {**first, "id": 0}


def test_a_route_can_be_changed_in_part(cloud: Simulated) -> None:
    """Fields left out stay."""
    route = cloud.get(cloud.mx("staticRoutes"))[0]
    changed = cloud.put(cloud.mx(f"staticRoutes/{route['id']}"), {"enabled": False})
    assert changed == route | {"enabled": False}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"gatewayIp": "10.250.0.1"}, "must be in one of the network's subnets"),
        ({"subnet": "10.88.0.1/24"}, "not a valid subnet"),
        ({"subnet": "192.168.20.0/25"}, "overlaps"),
        ({"name": ""}, "blank"),
        ({"gatewayVlanId": 99}, "VLAN 99"),
        ({"gatewayVlanId": 10}, "subnet of VLAN 10"),
        ({"gatewayVlanId": "20"}, "must be an integer"),
    ],
)
def test_a_route_that_cannot_work_is_refused(cloud: Simulated, change: Json, text: str) -> None:
    """The next hop must be on a subnet of the network."""
    assert text in cloud.refused("POST", cloud.mx("staticRoutes"), NEW | change)


def test_two_routes_cannot_have_one_subnet(cloud: Simulated) -> None:
    """The text is that of a value that is taken."""
    cloud.post(cloud.mx("staticRoutes"), NEW)
    assert "has already been taken" in cloud.refused("POST", cloud.mx("staticRoutes"), NEW | {"name": "Other"})


def test_a_route_leaves_the_vpn_with_its_deletion(cloud: Simulated) -> None:
    """Its subnet is listed while it is there."""
    made = cloud.post(cloud.mx("staticRoutes"), NEW)
    listed = [row["localSubnet"] for row in cloud.get(cloud.mx("vpn/siteToSiteVpn"))["subnets"]]
    assert "10.88.0.0/24" in listed
    cloud.delete(cloud.mx(f"staticRoutes/{made['id']}"))
    listed = [row["localSubnet"] for row in cloud.get(cloud.mx("vpn/siteToSiteVpn"))["subnets"]]
    assert "10.88.0.0/24" not in listed
