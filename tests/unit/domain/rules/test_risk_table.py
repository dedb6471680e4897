"""How dangerous a step is by what it would leave behind."""

from typing import Any

import pytest

from mcp_server.catalogue.operations import Catalogue
from mcp_server.domain.risk import Risk
from mcp_server.domain.rules import monitoring, risk_table, rule_lists, security, switching, wireless
from mcp_server.domain.rules.facts import StepView
from mcp_server.domain.rules.risk_table import CHECKS, cuts_itself_off, step_risk
from tests.unit.domain.rules.views import DEFAULT, WEB, acl, firewall, port, rule, ssid, view

DENY_ONE = rule("deny", "10.1.2.3/32", "10.4.5.6/32")
OPEN = {"authMode": "open"}


def risk_of(step: StepView, base: Risk = Risk.LOW, **more: Any) -> Risk:
    """The risk of a step whose operation is proven and harmless by itself."""
    return step_risk(base, step, **{"proven": True, "irreversible": False, "self_isolating": False, **more})[0]


SERVERS = "updateNetworkSyslogServers"
CASES: tuple[tuple[str, StepView, Risk], ...] = (
    ("rename an SSID", ssid({"name": "x"}, {"authMode": "psk"}), Risk.LOW),
    ("an SSID becomes open", ssid(OPEN, {"authMode": "psk"}), Risk.HIGH),
    ("an SSID stays open", ssid({"name": "x"}, OPEN), Risk.LOW),
    ("isolation lost", ssid({"lanIsolationEnabled": False}, {"lanIsolationEnabled": True}), Risk.HIGH),
    ("NAT mode left", ssid({"ipAssignmentMode": "Bridge mode"}, {"ipAssignmentMode": "NAT mode"}), Risk.HIGH),
    ("tags of an SSID", ssid({"availabilityTags": ["a"]}, {"availabilityTags": []}), Risk.HIGH),
    ("tags of a device", view("updateDevice", {"tags": ["a"]}, {"tags": []}), Risk.HIGH),
    ("notes of a device", view("updateDevice", {"notes": "a"}, {"tags": []}), Risk.LOW),
    ("allow any any", firewall([WEB, rule("allow", comment="all")]), Risk.CRITICAL),
    ("the default rule read back", firewall([WEB, DEFAULT], [WEB, DEFAULT]), Risk.LOW),
    ("a new deny", firewall([DENY_ONE, WEB]), Risk.CRITICAL),
    ("a new deny in an access list", acl([DENY_ONE, WEB]), Risk.CRITICAL),
    ("a deny removed", firewall([WEB], [DENY_ONE, WEB]), Risk.CRITICAL),
    ("a new narrow allow", firewall([WEB, rule("allow", "10.1.1.1/32", "10.2.2.2/32")]), Risk.LOW),
    ("default flipped", firewall([WEB, {**DEFAULT, "policy": "deny"}], [WEB, DEFAULT]), Risk.CRITICAL),
    (
        "layer 7",
        view("updateNetworkApplianceFirewallL7FirewallRules", {"rules": [{"policy": "deny"}]}, {"rules": []}),
        Risk.CRITICAL,
    ),
    (
        "organization's deny",
        view("createOrganizationPoliciesGlobalFirewallRulesetsRule", {"policy": "deny"}),
        Risk.CRITICAL,
    ),
    ("VPN", view("updateNetworkApplianceVpnSiteToSiteVpn", {"mode": "hub"}, {"mode": "none"}), Risk.CRITICAL),
    ("template of two", view("updateNetworkSnmp", {}, {}, bound_networks=2), Risk.CRITICAL),
    ("template of one", view("updateNetworkSnmp", {}, {}, bound_networks=1), Risk.LOW),
    ("eleven devices", view("updateNetworkSettings", {}, {}, devices=11), Risk.CRITICAL),
    ("ten devices", view("updateNetworkSettings", {}, {}, devices=10), Risk.LOW),
    ("syslog to a new host", view(SERVERS, {"servers": [{"host": "10.0.0.1"}]}, {"servers": []}), Risk.HIGH),
    (
        "syslog to the same host",
        view(SERVERS, {"servers": [{"host": "10.0.0.1", "port": 1}]}, {"servers": [{"host": "10.0.0.1", "port": 2}]}),
        Risk.LOW,
    ),
    ("SNMP opened", view("updateNetworkSnmp", {"access": "users"}, {"access": "none"}), Risk.HIGH),
    ("SNMP closed", view("updateNetworkSnmp", {"access": "none"}, {"access": "users"}), Risk.LOW),
    ("SNMP peers", view("updateOrganizationSnmp", {"peerIps": ["10.0.0.1"]}, {"peerIps": []}), Risk.HIGH),
    ("webhook to a new host", view("createNetworkWebhooksHttpServer", {"url": "https://a.example"}), Risk.HIGH),
    (
        "flows to a new host",
        view("updateNetworkNetflow", {"collectorIp": "10.0.0.1"}, {"collectorIp": None}),
        Risk.HIGH,
    ),
    ("flows to the same host", view("updateNetworkNetflow", {"collectorIp": "a"}, {"collectorIp": "a"}), Risk.LOW),
    ("readings to a new broker", view("updateNetworkMqttBroker", {"host": "b"}, {"host": "a"}), Risk.HIGH),
    ("an uplink's bandwidth", view("updateNetworkCellularGatewayUplink", {"bandwidthLimits": {}}, {}), Risk.LOW),
    ("delete", view("deleteNetworkGroupPolicy", None, {"name": "x"}, kind="delete", expected=None), Risk.HIGH),
    ("uplink port's VLANs", port({"allowedVlans": "1"}, {"type": "trunk"}, uplinks=("7",)), Risk.CRITICAL),
    ("uplink port's name", port({"name": "up"}, {"type": "trunk"}, uplinks=("7",)), Risk.LOW),
    ("another port's VLAN", port({"vlan": 20}, uplinks=("8",)), Risk.LOW),
    ("management VLAN", view("updateNetworkSwitchSettings", {"vlan": 20}, {"vlan": 1}), Risk.CRITICAL),
    ("other switch settings", view("updateNetworkSwitchSettings", {"useCombinedPower": True}, {"vlan": 1}), Risk.LOW),
    ("management interface", view("updateDeviceManagementInterface", {"wan1": {"vlan": 7}}, {}), Risk.CRITICAL),
    (
        "uplink port restarted",
        view("cycleDeviceSwitchPorts", {"ports": ["1", "7"]}, kind="action", uplink_ports=frozenset({"7"})),
        Risk.CRITICAL,
    ),
)


@pytest.mark.parametrize(("what", "step", "risk"), CASES, ids=[case[0] for case in CASES])
def test_the_after_state_decides_how_dangerous_a_step_is(what: str, step: StepView, risk: Risk) -> None:
    """The same operation is harmless or critical by what it leaves behind, and says why when it is raised."""
    found, reasons = step_risk(Risk.LOW, step, proven=True, irreversible=False, self_isolating=False)
    assert found == risk
    assert bool(reasons) == (risk > Risk.LOW)


def test_what_the_caller_knows_makes_a_step_critical() -> None:
    """Irreversible, cutting itself off, or without proof of its undo."""
    step = ssid({"name": "x"})
    assert risk_of(step, irreversible=True) == Risk.CRITICAL
    assert risk_of(step, self_isolating=True) == Risk.CRITICAL
    assert risk_of(step, proven=False) == Risk.CRITICAL


@pytest.mark.parametrize("base", list(Risk))
def test_nothing_lowers_the_risk_of_the_operation(base: Risk) -> None:
    """The higher of operation and after-state counts."""
    assert risk_of(ssid({"name": "x"}), base) == base
    assert risk_of(ssid(OPEN, {"authMode": "psk"}), base) == max(base, Risk.HIGH)


def test_every_check_of_the_table_finds_something_in_a_case() -> None:
    """A check that no case needs could be taken out unseen."""
    for check in CHECKS:
        assert any(list(check(step)) for _, step, _ in CASES), check.__name__


def test_self_isolation_is_told_apart_by_what_changes() -> None:
    """A write that sends the VLANs that are there already cuts nothing off."""
    same = port({"vlan": 10}, uplinks=("7",))
    assert not cuts_itself_off(same)
    assert cuts_itself_off(port({"vlan": 11}, uplinks=("7",)))


def test_every_operation_that_a_rule_names_exists_in_the_catalogue() -> None:
    """A rule for an operation that does not exist protects nothing."""
    catalogue = Catalogue.load()
    named: set[str] = set()
    for module in (monitoring, risk_table, rule_lists, security, switching, wireless):
        for name, value in vars(module).items():
            if name.endswith("OPERATIONS"):
                named |= value
            if name.endswith("OPERATION"):
                named.add(value)
    assert len(named) > 40
    assert sorted(operation for operation in named if catalogue.get(operation) is None) == []
