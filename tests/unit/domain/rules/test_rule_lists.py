"""Firewall and access lists: what is new, what the default rule says, what can never match."""

from mcp_server.domain.rules.rule_lists import changed_rules
from tests.unit.domain.rules.views import DEFAULT, WEB, acl, firewall, rule, view

DENY_ALL = rule("deny")
DENY_ONE = rule("deny", "10.1.2.3/32", "10.4.5.6/32")


def test_the_default_rule_that_get_answers_counts_neither_as_new_nor_as_removed() -> None:
    """Whether the state has it or not, the change is the same."""
    with_default = changed_rules(firewall([DENY_ONE, WEB, DEFAULT], [WEB, DEFAULT]))
    without = changed_rules(firewall([DENY_ONE, WEB], [WEB]))
    mixed = changed_rules(firewall([DENY_ONE, WEB], [WEB, DEFAULT]))
    assert with_default == without == mixed
    assert len(without.new) == 1
    assert not without.default_changed


def test_a_renamed_rule_is_not_a_new_one() -> None:
    """Comments and logging do not change what a rule matches."""
    assert changed_rules(firewall([{**WEB, "comment": "other", "syslogEnabled": "true"}])).new == ()


def test_a_deny_all_that_was_there_is_news_only_when_rules_now_stand_behind_it() -> None:
    """Editing a list that ends in an explicit deny-all needs no triple confirmation; moving it up does."""
    assert not changed_rules(firewall([WEB, DENY_ONE, DENY_ALL], [WEB, DENY_ALL])).hides_default
    assert changed_rules(firewall([DENY_ALL, WEB], [WEB, DENY_ALL])).hides_default


def test_a_default_rule_in_the_middle_or_with_another_policy_is_a_changed_default() -> None:
    """The default rule decides over everything that no other rule names."""
    assert changed_rules(firewall([DEFAULT, WEB], [WEB, DEFAULT])).default_changed
    assert changed_rules(firewall([{**DEFAULT, "policy": "deny"}], [DEFAULT])).default_changed
    assert not changed_rules(firewall([WEB, DEFAULT], [WEB])).default_changed


def test_every_way_of_writing_any_is_any() -> None:
    """Any, any, empty, null and 0.0.0.0/0 match the same packets; so does a list that holds any."""
    for word in ("Any", "any", "", "0.0.0.0/0", "10.0.0.0/8,any"):
        assert changed_rules(firewall([rule("deny", word, word)])).hides_default, word
    assert not changed_rules(firewall([rule("deny", protocol="tcp")])).hides_default
    assert not changed_rules(firewall([rule("deny", destPort="22")])).hides_default


def test_a_deny_all_of_one_vlan_or_of_ipv6_alone_is_not_a_deny_all() -> None:
    """An access list entry may be limited to a VLAN or an IP version."""
    assert changed_rules(acl([WEB, DENY_ALL])).hides_default
    for limit in ({"vlan": "10"}, {"ipVersion": "ipv6"}):
        step = acl([WEB, DENY_ALL])
        rules = [*step.expected["rules"][:-1], {**step.expected["rules"][-1], **limit}]
        assert not changed_rules(view(step.operation, {"rules": rules}, step.before)).hides_default, limit
    assert changed_rules(view(step.operation, {"rules": [{**DENY_ALL, "ipVersion": "ipv4"}]}, {})).hides_default


def test_rules_of_a_group_policy_are_found_where_it_keeps_them() -> None:
    """They stand below firewallAndTrafficShaping."""
    body = {"firewallAndTrafficShaping": {"settings": "custom", "l3FirewallRules": [DENY_ALL]}}
    assert changed_rules(view("updateNetworkGroupPolicy", body, {})).hides_default
