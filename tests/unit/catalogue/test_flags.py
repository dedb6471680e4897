"""A flag that a write demands and no read returns."""

from mcp_server.catalogue.expected import expected_state
from mcp_server.catalogue.inverse import inverse_of
from tests.support.shipped import CATALOGUE, OVERLAY, write

READ = {"id": 20, "name": "Guest", "ipv6": {"enabled": True, "prefixAssignments": [{"staticPrefix": "2001:db8::/64"}]}}


def test_the_undo_of_a_vlan_says_for_each_prefix_that_it_is_not_disabled() -> None:
    """The cloud refuses the whole VLAN without it (Terraform provider #121)."""
    touch = write("updateNetworkApplianceVlan", {"name": "Guests"}, networkId="N_1", vlanId="20")
    body = inverse_of(CATALOGUE, OVERLAY, touch, READ, {**READ, "name": "Guests"}).writes[0].body
    assert body["ipv6"]["prefixAssignments"] == [{"disabled": False, "staticPrefix": "2001:db8::/64"}]


def test_what_a_prefix_says_of_being_disabled_is_sent_and_not_expected_to_be_read() -> None:
    """Else the read-back would never fit."""
    given = {"ipv6": {"enabled": True, "prefixAssignments": [{"disabled": True, "staticPrefix": "2001:db8::/64"}]}}
    touch = write("updateNetworkApplianceVlan", given, networkId="N_1", vlanId="20")
    assert expected_state(CATALOGUE, OVERLAY, touch, READ)["ipv6"] == READ["ipv6"]
