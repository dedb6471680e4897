"""LAN ports of an appliance behave as the cloud's."""

import pytest

from tests.support.simulated import Json, Simulated


def test_the_model_says_which_ports_there_are(cloud: Simulated) -> None:
    """An MX85 has LAN ports 5 to 14; another number is a 404."""
    assert [port["number"] for port in cloud.get(cloud.mx("ports"))] == list(range(5, 15))
    assert cloud.ask("GET", cloud.mx("ports/4")).status == 404


def test_an_access_port_shows_its_policy_and_no_vlan_list(cloud: Simulated) -> None:
    """And the other way round after it became a trunk."""
    assert "allowedVlans" not in cloud.get(cloud.mx("ports/6"))
    trunk = cloud.put(cloud.mx("ports/6"), {"type": "trunk", "allowedVlans": "1, 10"})
    assert "accessPolicy" not in trunk
    assert trunk["allowedVlans"] == "1,10"


def test_a_trunk_that_drops_untagged_traffic_has_no_native_vlan(cloud: Simulated) -> None:
    """The field is gone, and must be given again to turn it off."""
    assert "vlan" not in cloud.put(cloud.mx("ports/7"), {"dropUntaggedTraffic": True})
    assert "not configured" in cloud.refused("PUT", cloud.mx("ports/7"), {"dropUntaggedTraffic": False})
    assert cloud.put(cloud.mx("ports/7"), {"dropUntaggedTraffic": False, "vlan": 1})["vlan"] == 1


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"type": "access", "vlan": 99}, "VLAN 99 is not configured"),
        ({"type": "trunk", "vlan": 1, "allowedVlans": "1,99"}, "VLAN 99 is not configured"),
        ({"type": "access", "vlan": 1, "dropUntaggedTraffic": True}, "Access ports cannot have"),
        ({"type": "access", "vlan": 1, "accessPolicy": "8021x-radius"}, "not supported on this appliance"),
        ({"type": "hybrid"}, "must be one of"),
        ({"vlan": "1"}, "must be an integer"),
    ],
)
def test_a_port_that_does_not_fit_is_refused(cloud: Simulated, body: Json, text: str) -> None:
    """VLANs must exist, and the type decides what may be set."""
    assert text in cloud.refused("PUT", cloud.mx("ports/7"), body)
