"""What is put right of the packages' bodies."""

import pytest

from mcp_server.catalogue.builder.corrections import ANY_KIND, corrected
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.validation.check import body_faults

APPLICATION = {"id": "meraki:layer7/application/67", "name": "Xbox LIVE"}


@pytest.mark.parametrize("operation", ANY_KIND)
@pytest.mark.parametrize("value", ["example.org", APPLICATION, ["BR", "PT"]])
def test_the_value_of_a_layer_7_rule_may_be_text_an_object_or_a_list(operation: str, value: object) -> None:
    """An application is an object, countries are a list; the packages call it a string."""
    rule, shaping = {"policy": "deny", "type": "x", "value": value}, {"definitions": [{"type": "x", "value": value}]}
    bodies = {
        "createNetworkGroupPolicy": {
            "name": "Lab", "firewallAndTrafficShaping": {"l7FirewallRules": [rule], "trafficShapingRules": [shaping]},
        },
        "updateNetworkGroupPolicy": {
            "firewallAndTrafficShaping": {"l7FirewallRules": [rule], "trafficShapingRules": [shaping]},
        },
    }  # fmt: skip
    usual = {"rules": [shaping if "Shaping" in operation else rule]}
    assert body_faults(Catalogue.load().find(operation), bodies.get(operation, usual)) == ()


def test_a_vlans_prefix_assignment_may_say_that_it_is_disabled() -> None:
    """The cloud demands it on a PUT too (Terraform provider #121)."""
    body = {"ipv6": {"enabled": True, "prefixAssignments": [{"disabled": False}]}}
    assert body_faults(Catalogue.load().find("updateNetworkApplianceVlan"), body) == ()


def test_a_correction_that_the_packages_caught_up_with_stops_the_generator() -> None:
    """So that none outlives its reason."""
    with pytest.raises(ValueError, match=r"finds 'any' instead of 's'"):
        corrected("updateNetworkApplianceFirewallL7FirewallRules", {"rules": [{"value": "any"}]})
    with pytest.raises(ValueError, match=r"prefixAssignments.disabled finds None|ipv6"):
        corrected("updateNetworkApplianceVlan", {"name": "s"})
