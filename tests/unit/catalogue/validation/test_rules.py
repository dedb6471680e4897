"""What documentation says of a body beyond its schema is refused; what the cloud already holds never is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mcp_server.catalogue.validation.rules import (
    FACTS,
    BodyRule,
    RuleError,
    references,
    referred_ids,
    rule_faults,
    rules,
)
from mcp_server.domain.operation import Schema
from tests.support.shipped import CATALOGUE

RADIUS = {"authMode": "8021x-radius"}
TO_RADIUS = {"radiusServers": [{"host": "10.0.0.1"}], **RADIUS}
PSK = {"authMode": "psk", "psk": "a-long-key"}
VLAN = {"id": "7", "name": "n"}
LAN = {"subnet": "10.0.0.0/24", "applianceIp": "10.0.0.1"}
QOS = {"protocol": "TCP"}
OBJECT = {"name": "n", "category": "network", "type": "cidr", "cidr": "10.0.0.0/8"}
NAMED = {**OBJECT, "type": "fqdn", "fqdn": "example.com"}
#: operation, what is sent, what stands (None: a creation), where the fault is; each shows one row, in the file's order
EXAMPLES: list[tuple[str, dict[str, Any], dict[str, Any] | None, str]] = [
    ("updateNetwork", {"name": " "}, {"name": "n"}, "body.name"),
    ("updateNetworkApplianceStaticRoute", {"gatewayIp": None}, {"gatewayIp": "10.0.0.1"}, "body.gatewayIp"),
    ("createOrganizationSplashTheme", {"baseTheme": "1"}, None, "body.name"),
    ("createOrganizationSplashThemeAsset", {"name": "a.css"}, None, "body.content"),
    ("updateOrganizationApplianceSecurityIntrusionPolicy", {"policy": {"name": ""}}, {}, "body.policy.name"),
    ("createOrganizationApplianceSecurityIntrusionPolicy", {"policy": {"basePolicy": 1}}, None, "body.policy.name"),
    ("updateOrganizationApplianceDnsLocalRecord", {"profile": None}, {"profile": {"id": "1"}}, "body.profile"),
    ("updateNetworkApplianceConnectivityMonitoringDestinations", {"destinations": []}, {}, "body.destinations"),
    ("createNetworkWebhooksPayloadTemplate", {"name": "n"}, None, "body.body"),
    ("modifyNetworkSmDevicesTags", {"tags": ["a"], "updateAction": "add"}, None, "body.wifiMacs"),
    ("updateNetworkApplianceFirewallFirewalledService", {"access": "restricted"}, {"access": "x"}, "body.allowedIps"),
    ("updateNetworkSnmp", {"access": "community"}, {"access": "none"}, "body.communityString"),
    ("updateNetworkSnmp", {"access": "users"}, {"access": "none"}, "body.users"),
    ("updateNetworkApplianceVpnSiteToSiteVpn", {"mode": "spoke", "hubs": []}, {"mode": "hub"}, "body.hubs"),
    ("updateNetworkWirelessSsidSplashSettings", {"useSplashUrl": True}, {"useSplashUrl": False}, "body.splashUrl"),
    ("updateNetworkWirelessSsidSplashSettings", {"useRedirectUrl": True}, {"useRedirectUrl": None}, "body.redirectUrl"),
    ("updateNetworkWirelessSsidIdentityPsk", {"groupPolicyId": ""}, {"groupPolicyId": "100"}, "body.groupPolicyId"),
    ("createNetworkApplianceVlan", {**VLAN, "subnet": "10.0.0.0/24"}, None, "body.applianceIp"),
    ("createNetworkApplianceVlan", {**VLAN, **LAN, "subnet": "10.0.0.1/24"}, None, "body.subnet"),
    ("updateNetworkApplianceSingleLan", {"subnet": None}, LAN, "body.subnet"),
    (
        "updateNetworkApplianceVlan",
        {"dhcpHandling": "Relay DHCP to another server"},
        {**LAN, "dhcpHandling": "Run a DHCP server"},
        "body.dhcpRelayServerIps",
    ),
    ("createNetworkApplianceStaticRoute", {"gatewayVlanId": 0}, None, "body.gatewayVlanId"),
    ("updateNetworkAppliancePort", {"type": "hybrid"}, {"type": "trunk"}, "body.type"),
    ("updateDeviceApplianceInterfacesPort", {"personality": {"mode": "x"}}, {}, "body.personality.mode"),
    ("updateNetworkApplianceSecurityMalware", {"allowedFiles": [{"sha256": "x"}]}, {}, "body.allowedFiles[0].sha256"),
    ("createNetworkApplianceTrafficShapingCustomPerformanceClass", {"maxLossPercentage": 101}, None, "body.maxLoss"),
    ("updateNetworkApplianceTrafficShapingUplinkSelection", {"defaultUplink": "w"}, {}, "body.defaultUplink"),
    ("updateNetworkApplianceVpnBgp", {"ibgpHoldTimer": 11}, {"ibgpHoldTimer": 240}, "body.ibgpHoldTimer"),
    ("createNetworkGroupPolicy", {"name": "n", "bandwidth": {"settings": "x"}}, None, "body.bandwidth.settings"),
    ("updateNetworkGroupPolicy", {"splashAuthSettings": "x"}, {"name": "n"}, "body.splashAuthSettings"),
    ("createOrganizationPolicyObjectsGroup", {"name": "a.b"}, None, "body.name"),
    ("createOrganizationPolicyObjectsGroup", {"name": "n", "category": "x"}, None, "body.category"),
    ("createOrganizationPolicyObject", {**OBJECT, "type": "adaptivePolicyIpv4Cidr"}, None, "body.type"),
    ("createOrganizationPolicyObject", {k: v for k, v in OBJECT.items() if k != "cidr"}, None, "body.cidr"),
    ("updateOrganizationPolicyObject", {"cidr": "10.0.0"}, OBJECT, "body.cidr"),
    ("createOrganizationPolicyObject", {k: v for k, v in NAMED.items() if k != "fqdn"}, None, "body.fqdn"),
    ("updateOrganizationPolicyObject", {"fqdn": "no name"}, NAMED, "body.fqdn"),
    ("updateOrganizationSnmp", {"v3AuthPass": "short"}, {"v3Enabled": True}, "body.v3AuthPass"),
    ("updateDeviceSwitchPort", {"type": "svl"}, {"type": "access"}, "body.type"),
    ("updateDevice", {"switchProfileId": "1"}, {"name": "n"}, "body.switchProfileId"),
    ("updateDeviceSwitchPort", {"allowedVlans": "1;2"}, {"allowedVlans": "all"}, "body.allowedVlans"),
    ("updateDeviceSwitchPort", {"linkNegotiation": None}, {"linkNegotiation": "Auto"}, "body.linkNegotiation"),
    (
        "updateDeviceSwitchPort",
        {"accessPolicyType": "Custom access policy"},
        {"type": "access", "accessPolicyType": "Open"},
        "body.accessPolicyNumber",
    ),
    ("updateDeviceSwitchPort", {"macAllowList": ["m"] * 21}, {"macAllowList": []}, "body.macAllowList"),
    ("createNetworkSwitchQosRule", {**QOS, "dscp": 64}, None, "body.dscp"),
    ("updateNetworkSwitchQosRule", {"srcPortRange": "1-9"}, {**QOS, "srcPort": 1}, "body.srcPort"),
    ("createNetworkSwitchQosRule", {"vlan": 7, "dstPort": 80}, None, "body.dstPort"),
    ("updateNetworkSwitchLinkAggregation", {"switchPorts": [{}]}, {"switchPorts": [{}, {}]}, "body.switchPorts"),
    ("createNetworkSwitchLinkAggregation", {}, None, "body.switchPorts"),
    ("updateNetworkSwitchLinkAggregation", {"switchPorts": None}, {"switchPorts": [{}, {}]}, "body.switchPorts"),
    ("updateNetworkSwitchDhcpServerPolicy", {"allowedServers": ["m"]}, {"defaultPolicy": "allow"}, "body.allowed"),
    ("updateNetworkSwitchDhcpServerPolicy", {"blockedServers": ["m"]}, {"defaultPolicy": "block"}, "body.blocked"),
    ("updateNetworkWirelessSsid", {"name": "x" * 33}, {"name": "n"}, "body.name"),
    ("updateNetworkWirelessSsid", {"minBitrate": 7}, {"minBitrate": 11}, "body.minBitrate"),
    ("updateNetworkWirelessSsid", {"radiusServerTimeout": 11}, TO_RADIUS, "body.radiusServerTimeout"),
    ("updateNetworkWirelessSsid", {"encryptionMode": "wpa-eap"}, TO_RADIUS, "body.encryptionMode"),
    ("updateNetworkWirelessSsid", {"encryptionMode": "open"}, PSK, "body.encryptionMode"),
    ("updateNetworkWirelessSsid", {"authMode": "psk"}, {"authMode": "open"}, "body.psk"),
    ("updateNetworkWirelessSsid", RADIUS, {"authMode": "open"}, "body.radiusServers"),
    (
        "updateNetworkWirelessSsid",
        {"splashPage": "Password-protected with custom RADIUS"},
        {"authMode": "open", "splashPage": "None"},
        "body.radiusServers",
    ),
    ("updateNetworkWirelessSsid", {"radiusTestingEnabled": True}, {"authMode": "open"}, "body.radiusTestingEnabled"),
]
PLAIN = {"$bound": "false", "$model": "MS120-8LP", "$template": "false"}


def all_rules() -> list[BodyRule]:
    """Every row once, in the file's order."""
    return list({id(rule): rule for several in rules().values() for rule in several}.values())


def where_of(operation: str, sent: Any, before: Any, **facts: str) -> list[str]:
    """The places of the faults."""
    return [fault.where for fault in rule_faults(operation, sent, before, {**PLAIN, **facts})]


@pytest.mark.parametrize(("operation", "sent", "before", "where"), EXAMPLES)
def test_what_the_cloud_refuses_is_refused(
    operation: str, sent: dict[str, Any], before: dict[str, Any] | None, where: str
) -> None:
    """At the field that is wrong."""
    assert any(one.startswith(where) for one in where_of(operation, sent, before))


def test_each_row_is_shown_by_an_example_of_its_own() -> None:
    """Taking a row out of the file makes its example fail: nothing else finds that fault."""
    shown = []
    for operation, sent, before, where in EXAMPLES:
        finders = [rule for rule in rules()[operation] if _finds(rule, operation, sent, before, where)]
        shown += finders if len(finders) == 1 else []
    missing = [rule.source for rule in all_rules() if rule not in shown]
    assert missing == []


def _finds(rule: BodyRule, operation: str, sent: Any, before: Any, where: str) -> bool:
    table: Mapping[str, tuple[BodyRule, ...]] = {operation: (rule,)}
    found = rule_faults(operation, sent, before, PLAIN, table)
    return any(fault.where.startswith(where) for fault in found)


@pytest.mark.parametrize(
    ("operation", "sent", "before"),
    [
        ("updateNetworkAppliancePort", {"type": "hybrid"}, {"type": "hybrid"}),
        ("updateNetworkSnmp", {"users": []}, {"access": "none"}),
        ("updateNetworkSnmp", {"access": "community"}, {"access": "community"}),
        ("updateNetworkWirelessSsid", {"psk": {"$secret": "KEY"}, "authMode": "psk"}, {"authMode": "open"}),
        ("updateNetworkWirelessSsid", {"name": "Guest", "radiusTestingEnabled": False}, {"authMode": "open"}),
        ("updateNetworkApplianceVlan", {"subnet": {"$ref": "step-1.subnet"}}, LAN),
        ("updateNetworkApplianceSecurityMalware", {"allowedFiles": {"$insert": [{"sha256": "x"}], "at": "last"}}, {}),
        ("createNetworkSwitchQosRule", {"protocol": "UDP", "dstPort": 53, "dscp": -1, "vlan": None}, None),
        ("updateNetworkSwitchLinkAggregation", {"switchPorts": []}, {"switchPorts": []}),
        ("updateNetworkNetflow", {"collectorPort": 0}, {}),
    ],
)
def test_what_the_cloud_holds_or_a_placeholder_stands_for_is_not_judged(operation: str, sent: Any, before: Any) -> None:
    """Nor what no row speaks of."""
    assert where_of(operation, sent, before) == []


def test_facts_of_the_target_decide() -> None:
    """A switch template fits a network that is bound; in a template a VLAN needs no subnet of its own."""
    assert where_of("updateDevice", {"switchProfileId": "1"}, {}, **{"$bound": "true"}) == []
    assert where_of("createNetworkApplianceVlan", VLAN, None, **{"$template": "true"}) == []
    said = rule_faults("updateDevice", {"switchProfileId": "1"}, {}, PLAIN)
    assert (
        str(said[0]) == "body.switchProfileId: is not allowed when the network is not bound to a configuration template"
    )


def test_every_reference_is_to_an_id_of_a_list() -> None:
    """Its field is one of the body, and the rows of the list have the field of the id."""
    for operation, several in references().items():
        schema = CATALOGUE.find(operation).body
        assert schema is not None
        for one in several:
            assert _is_field(schema, one.field)
            answer = CATALOGUE.find(one.listed).response
            assert answer is not None
            rows = answer.items or answer.fields["items"].items
            assert rows is not None
            assert one.id in rows.fields


def test_only_what_is_named_anew_is_looked_up() -> None:
    """Not what the cloud holds there, an empty text, or what an earlier step will create."""
    operation = "updateOrganizationPolicyObject"
    sent = {"groupIds": ["7", "8", {"$ref": "step-1.id"}, ""]}
    found = referred_ids(operation, sent, {"groupIds": ["7"]})
    assert [(where, id_) for where, id_, _ in found] == [("body.groupIds[1]", "8")]
    assert referred_ids("updateNetwork", {"name": "n"}, {}) == []


def test_every_path_of_a_row_is_one_of_the_body() -> None:
    """Of each of its operations; conditions may also ask for facts of the target."""
    for operation, several in rules().items():
        schema = CATALOGUE.find(operation).body
        assert schema is not None
        for rule in several:
            listed = [*rule.filled, *rule.between, *rule.length, *rule.among, *rule.form, *rule.without]
            listed += [path for paths in (*rule.apart, *rule.needs) for path in paths]
            asked = [path for path in (*rule.when, *rule.unless) if path not in FACTS]
            readable = {"updateOrganizationPolicyObject": {"type"}}.get(operation, set())
            unknown = [path for path in [*listed, *asked] if path not in readable and not _is_field(schema, path)]
            assert unknown == [], operation


def _is_field(schema: Schema, path: str) -> bool:
    for name in path.split("."):
        inner = schema.fields.get(name.removesuffix("[]"))
        if inner is None:
            return False
        schema = inner.items if name.endswith("[]") and inner.items is not None else inner
    return True


@pytest.mark.parametrize(
    "row", ['operations = ["x"]', 'operations = ["x"]\nsource = "s"\nblank = 1', 'source = "s"\nform = { a = "b" }']
)
def test_a_row_that_is_wrong_is_an_error(tmp_path: Path, row: str) -> None:
    """Without a source, with an unknown field, or with a form that there is not."""
    file = tmp_path / "rules.toml"
    file.write_text(f"[[rules]]\n{row}\n", "utf-8")
    with pytest.raises(RuleError):
        rules(file)
