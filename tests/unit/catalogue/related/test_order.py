"""Orders of steps that fail, and the one that works."""

from typing import Any

import pytest

from mcp_server.catalogue.related.order import RULES, Placed, working_order, wrong_order
from tests.support.shipped import CATALOGUE

KINDS = {"POST": "create", "PUT": "update", "DELETE": "delete"}
VLAN = {"id": 30, "subnet": "10.30.0.0/24"}


def place(operation: str, before: Any = None, after: Any = None, maker: str = "", **params: str) -> Placed:
    """A step in network N, unless another is given."""
    found = CATALOGUE.find(operation)
    kind = KINDS[found.method]
    return Placed(operation, found.path, kind, {"networkId": "N", **params}, before, after, maker)


MADE = place("createNetworkApplianceVlan", None, VLAN)
DROPPED = place("deleteNetworkApplianceVlan", VLAN, None, "createNetworkApplianceVlan", vlanId="30")


def port(before: Any, after: Any) -> Placed:
    """LAN port 5 of the appliance, changed."""
    return place("updateNetworkAppliancePort", before, after, portId="5")


@pytest.mark.parametrize(
    "user",
    [
        port({"vlan": 1}, {"vlan": 30}),
        port({"allowedVlans": "1,20"}, {"allowedVlans": "1, 30"}),
        place("createNetworkApplianceStaticRoute", None, {"gatewayVlanId": 30}),
        place("createNetworkApplianceStaticRoute", None, {"gatewayIp": "10.30.0.9"}),
        place("updateNetworkApplianceFirewallL3FirewallRules", {"rules": []}, {"rules": [{"srcCidr": "VLAN(30).*"}]}),
    ],
)
def test_a_vlan_is_made_before_it_is_used(user: Placed) -> None:
    """And the other order stands."""
    assert [(one.first, one.second) for one in wrong_order([user, MADE])] == [(2, 1)]
    assert working_order([user, MADE]) == (2, 1)
    assert wrong_order([MADE, user]) == ()


@pytest.mark.parametrize(
    "user",
    [
        port({"vlan": 30}, {"vlan": 1}),
        place("deleteNetworkApplianceStaticRoute", {"gatewayIp": "10.30.0.9"}, None, staticRouteId="1"),
        place("updateNetworkGroupPolicy", {"vlanTagging": {"vlanId": "30"}}, {"vlanTagging": {}}, groupPolicyId="101"),
        place("updateNetworkApplianceSsid", {"defaultVlanId": 30}, {"defaultVlanId": 1}, number="1"),
    ],
)
def test_a_vlan_is_let_go_of_before_it_is_deleted(user: Placed) -> None:
    """By everything that holds it."""
    assert [(one.first, one.second) for one in wrong_order([DROPPED, user])] == [(2, 1)]
    assert wrong_order([user, DROPPED]) == ()


def test_what_uses_another_vlan_or_another_network_stands_anywhere() -> None:
    """VLAN 30 is not VLAN 300, nor VLAN 30 elsewhere."""
    assert wrong_order([port({"vlan": 1}, {"vlan": 300}), MADE]) == ()
    elsewhere = place("updateNetworkAppliancePort", {"vlan": 1}, {"vlan": 30}, portId="5", networkId="M")
    assert wrong_order([elsewhere, MADE]) == ()
    assert wrong_order([port({"vlan": 30}, {"vlan": 30}), MADE]) == ()


def test_a_group_policy_is_let_go_of_before_it_is_deleted() -> None:
    """The VLAN that has it comes first."""
    gone = place("deleteNetworkGroupPolicy", {"name": "x"}, None, "createNetworkGroupPolicy", groupPolicyId="101")
    freed = place("updateNetworkApplianceVlan", {"groupPolicyId": "101"}, {"groupPolicyId": None}, vlanId="20")
    assert working_order([gone, freed]) == (2, 1)
    kept = place("updateNetworkApplianceVlan", {"groupPolicyId": "102"}, {"groupPolicyId": None}, vlanId="20")
    assert wrong_order([gone, kept]) == ()


def test_nothing_is_written_to_what_is_deleted_or_in_it() -> None:
    """A network and what stands in it."""
    gone = Placed("deleteNetwork", "/networks/{networkId}", "delete", {"networkId": "N"}, {}, None)
    inside = port({}, {"enabled": False})
    assert working_order([gone, inside]) == (2, 1)
    elsewhere = place("updateNetworkAppliancePort", {}, {"enabled": False}, portId="5", networkId="M")
    assert wrong_order([gone, elsewhere]) == ()


def test_vlans_are_not_switched_off_before_the_steps_that_need_them() -> None:
    """Switching them on stands anywhere."""
    off = place("updateNetworkApplianceVlansSettings", {"vlansEnabled": True}, {"vlansEnabled": False})
    assert working_order([off, port({}, {"enabled": False})]) == (2, 1)
    on = place("updateNetworkApplianceVlansSettings", {"vlansEnabled": False}, {"vlansEnabled": True})
    assert wrong_order([on, port({}, {"enabled": False})]) == ()


def test_the_order_that_works_changes_no_more_than_it_must() -> None:
    """Three steps that have nothing to do with it stay in their order; references stay behind what they name."""
    other = place("updateNetworkSnmp", {}, {"access": "none"})
    user = port({"vlan": 1}, {"vlan": 30})
    after = place("updateNetworkAlertsSettings", {}, {"x": {"$ref": "step-2.id"}})
    assert working_order([other, user, after, MADE]) == (1, 4, 2, 3)


def test_steps_that_need_each_other_have_no_order() -> None:
    """Said rather than guessed."""
    user = place("updateNetworkAppliancePort", {"vlan": 1}, {"vlan": 30}, portId="5")
    named = Placed(MADE.operation, MADE.path, "create", {**MADE.params, "x": {"$ref": "step-1.id"}}, None, VLAN)
    assert working_order([user, named]) == ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_each_rule_is_silent_on_two_steps_that_have_nothing_to_do_with_each_other(rule: Any) -> None:
    """No rule speaks of everything."""
    snmp, alerts = (place(name, {"a": 1}, {"a": 2}) for name in ("updateNetworkSnmp", "updateNetworkAlertsSettings"))
    assert rule(snmp, alerts) == ""
