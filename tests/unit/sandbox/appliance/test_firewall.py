"""Firewall rules, services and spoofing protection behave as the cloud's."""

import pytest

from tests.support.simulated import Json, Simulated

RULE = {"comment": "Web", "policy": "allow", "protocol": "tcp", "srcCidr": "Any", "destCidr": "Any", "destPort": "443"}
LISTS = ("l3FirewallRules", "inboundFirewallRules", "cellularFirewallRules", "inboundCellularFirewallRules")


def l3(cloud: Simulated) -> str:
    """The path of the campus's layer 3 rules."""
    return cloud.mx("firewall/l3FirewallRules")


def test_rules_to_edit_are_there_from_the_start(cloud: Simulated) -> None:
    """Among them the one that keeps guests out."""
    comments = [rule["comment"] for rule in cloud.get(l3(cloud))["rules"]]
    assert "Block guest to corp" in comments
    assert len(comments) == 6


@pytest.mark.parametrize("name", LISTS)
def test_every_list_ends_with_the_implicit_default_rule(cloud: Simulated, name: str) -> None:
    """A PUT of no rules leaves it alone."""
    shown = cloud.put(cloud.mx(f"firewall/{name}"), {"rules": []})
    assert [rule["comment"] for rule in shown["rules"]] == ["Default rule"]
    assert shown["rules"][0]["policy"] == ("deny" if name.startswith("inbound") else "allow")


def test_a_default_rule_that_is_sent_back_shows_twice(cloud: Simulated) -> None:
    """The cloud appends its own behind what it was sent."""
    rules = cloud.get(l3(cloud))["rules"]
    shown = cloud.put(l3(cloud), {"rules": rules})["rules"]
    assert len(shown) == len(rules) + 1
    assert [rule["comment"] for rule in shown[-2:]] == ["Default rule", "Default rule"]


def test_any_is_capitalised_in_addresses_and_ports_and_not_in_the_protocol(cloud: Simulated) -> None:
    """What is read differs from what was sent (ansible-meraki #80 and #249)."""
    rule = {"policy": "deny", "protocol": "any", "srcCidr": "any", "srcPort": "any", "destCidr": "any"}
    shown = cloud.put(l3(cloud), {"rules": [rule]})["rules"][0]
    assert (shown["srcCidr"], shown["srcPort"], shown["destCidr"], shown["destPort"]) == ("Any",) * 4
    assert shown["protocol"] == "any"
    assert (shown["comment"], shown["syslogEnabled"]) == ("", False)


def test_logging_of_the_default_rule_shows_only_in_that_rule(cloud: Simulated) -> None:
    """The field is write-only here and readable in the inbound list."""
    shown = cloud.put(l3(cloud), {"syslogDefaultRule": True})
    assert "syslogDefaultRule" not in shown
    assert shown["rules"][-1]["syslogEnabled"] is True
    assert len(shown["rules"]) == 6
    inbound = cloud.put(cloud.mx("firewall/inboundFirewallRules"), {"rules": [], "syslogDefaultRule": True})
    assert inbound["syslogDefaultRule"] is True


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"policy": "permit"}, "Policy must be"),
        ({"protocol": "gre"}, "Invalid protocol"),
        ({"destCidr": "300.300.300.300/24"}, "dst_cidr] Destination address must be an IP address or a subnet in CIDR"),
        ({"srcCidr": "example.com"}, "src_cidr] Source address must be"),
        ({"srcCidr": ""}, "src_cidr] Source address must be"),
        ({"destPort": "70000"}, "dst_port"),
        ({"destPort": "90-80"}, "dst_port"),
        ({"protocol": "icmp"}, "must be 'any' for protocol 'icmp'"),
        ({"destCidr": "VLAN(99).*"}, "VLAN 99"),
        ({"destCidr": "OBJ(1)"}, "Contains references to Network Objects or Groups which don't exist."),
        ({"destCidr": "GRP(1)"}, "Contains references to Network Objects or Groups which don't exist."),
    ],
)
def test_an_invalid_rule_refuses_the_whole_list(cloud: Simulated, change: Json, text: str) -> None:
    """The texts are the cloud's where they are known (Terraform provider, cisco-open, #289)."""
    refusal = cloud.refused("PUT", l3(cloud), {"rules": [RULE, RULE | change]})
    assert refusal.startswith("At least one of your firewall rules is invalid")
    assert text in refusal


def test_a_rule_without_its_source_is_refused(cloud: Simulated) -> None:
    """Required fields of list elements count."""
    bare = {"policy": "allow", "protocol": "any", "destCidr": "any"}
    assert "srcCidr" in cloud.refused("PUT", l3(cloud), {"rules": [bare]})


@pytest.mark.parametrize(
    "target", ["example.com", "*.example.com", "10.0.0.0/8,10.9.9.9", "VLAN(10).*", "2001:db8::/64"]
)
def test_the_addresses_that_the_cloud_takes_are_taken(cloud: Simulated, target: str) -> None:
    """Names, lists, VLAN addresses and IPv6."""
    assert cloud.put(l3(cloud), {"rules": [RULE | {"destCidr": target}]})["rules"][0]["destCidr"] == target


def test_null_rules_are_no_rules(cloud: Simulated) -> None:
    """Null clears the list."""
    assert len(cloud.put(l3(cloud), {"rules": None})["rules"]) == 1


def test_layer_7_rules_take_objects_and_show_their_names(cloud: Simulated) -> None:
    """An id is enough to name an application; the older country word is stored as the newer."""
    rules = [
        {"policy": "deny", "type": "application", "value": {"id": "meraki:layer7/application/2901"}},
        {"policy": "deny", "type": "blacklistedCountries", "value": ["KP"]},
    ]
    shown = cloud.put(cloud.mx("firewall/l7FirewallRules"), {"rules": rules})["rules"]
    assert shown[0]["value"] == {"id": "meraki:layer7/application/2901", "name": "YouTube"}
    assert shown[1]["type"] == "blockedCountries"


@pytest.mark.parametrize(
    "rule",
    [
        {"policy": "allow", "type": "host", "value": "example.com"},
        {"policy": "deny", "type": "host", "value": "no spaces here"},
        {"policy": "deny", "type": "port", "value": "0"},
        {"policy": "deny", "type": "ipRange", "value": "10.0.0.0/40"},
        {"policy": "deny", "type": "application", "value": {"id": "unknown"}},
        {"policy": "deny", "type": "blockedCountries", "value": ["Atlantis"]},
        {"policy": "deny", "type": "moon", "value": "x"},
    ],
)
def test_an_unknown_layer_7_rule_is_refused(cloud: Simulated, rule: Json) -> None:
    """Only deny, only known types, only known applications."""
    assert "rules[0]" in cloud.refused("PUT", cloud.mx("firewall/l7FirewallRules"), {"rules": [rule]})


def test_the_application_categories_can_be_read(cloud: Simulated) -> None:
    """They hold what rules may name."""
    rows = cloud.get(cloud.mx("firewall/l7FirewallRules/applicationCategories"))["applicationCategories"]
    assert any(row["id"] == "meraki:layer7/category/9" for row in rows)


def test_allowed_addresses_of_a_service_count_only_while_it_is_restricted(cloud: Simulated) -> None:
    """Required then, ignored and hidden otherwise."""
    path = cloud.mx("firewall/firewalledServices/web")
    assert "allowedIps" in cloud.refused("PUT", path, {"access": "restricted"})
    assert "allowedIps" in cloud.refused("PUT", path, {"access": "restricted", "allowedIps": ["moon"]})
    assert cloud.put(path, {"access": "restricted", "allowedIps": ["10.0.0.1"]})["allowedIps"] == ["10.0.0.1"]
    assert "allowedIps" not in cloud.put(path, {"access": "blocked", "allowedIps": ["10.0.0.1"]})


def test_an_unknown_service_is_not_found(cloud: Simulated) -> None:
    """Reading and writing alike."""
    assert cloud.ask("GET", cloud.mx("firewall/firewalledServices/ftp")).status == 404
    assert cloud.ask("PUT", cloud.mx("firewall/firewalledServices/ftp"), {"access": "blocked"}).status == 404
    assert len(cloud.get(cloud.mx("firewall/firewalledServices"))) == 3


def test_spoofing_protection_blocks_or_logs(cloud: Simulated) -> None:
    """Nothing else is taken."""
    path = cloud.mx("firewall/settings")
    assert cloud.refused("PUT", path, {"spoofingProtection": {"ipSourceGuard": {"mode": "ignore"}}})
    shown = cloud.put(path, {"spoofingProtection": {"ipSourceGuard": {"mode": "log"}}})
    assert shown == cloud.get(path) == {"spoofingProtection": {"ipSourceGuard": {"mode": "log"}}}
