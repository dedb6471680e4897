"""Firewall and access lists read in one form, and what a step changes in them.

GET answers the implicit last "Default rule" as an ordinary rule; PUT appends its own (Cisco documentation, firewall
rule lists; the Terraform provider strips it too). So it is told apart here, and a list without it still has one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcp_server.domain.call import Json
from mcp_server.domain.rules.facts import StepView, items, part

DEFAULT_COMMENT = "default rule"
ACL_OPERATION = "updateNetworkSwitchAccessControlLists"
FIREWALL_OPERATIONS = frozenset({
    "updateNetworkApplianceFirewallL3FirewallRules", "updateNetworkApplianceFirewallCellularFirewallRules",
    "updateNetworkApplianceFirewallInboundFirewallRules", "updateNetworkApplianceFirewallInboundCellularFirewallRules",
    "updateNetworkWirelessSsidFirewallL3FirewallRules", "updateOrganizationApplianceVpnVpnFirewallRules",
})  # fmt: skip
L7_OPERATIONS = frozenset({
    "updateNetworkApplianceFirewallL7FirewallRules", "updateNetworkWirelessSsidFirewallL7FirewallRules",
})  # fmt: skip
GROUP_POLICY_OPERATIONS = frozenset({"createNetworkGroupPolicy", "updateNetworkGroupPolicy"})
ADAPTIVE_ACL_OPERATIONS = frozenset({"createOrganizationAdaptivePolicyAcl", "updateOrganizationAdaptivePolicyAcl"})
LIST_OPERATIONS = FIREWALL_OPERATIONS | GROUP_POLICY_OPERATIONS | ADAPTIVE_ACL_OPERATIONS

_ANY = frozenset({"", "any", "none", "any/any", "0.0.0.0/0", "::/0", "all"})
_EVERY_IP = frozenset({"", "none", "any", "both", "ipv4"})


@dataclass(frozen=True, slots=True)
class Line:
    """One rule. Addresses and ports are lower case; "any" stands for all of them."""

    policy: str
    protocol: str
    source: str
    source_port: str
    destination: str
    destination_port: str
    scope: str  #: VLAN and IP version, "any" for all

    @property
    def is_any_any(self) -> bool:
        """Whether every packet matches."""
        return all(word == "any" for word in self.words)

    @property
    def words(self) -> tuple[str, ...]:
        """Everything but the policy."""
        return (
            self.protocol, self.source, self.source_port, self.destination, self.destination_port, self.scope,
        )  # fmt: skip

    @property
    def addresses(self) -> tuple[str, ...]:
        """Each source and destination on its own."""
        return tuple(word.strip() for side in (self.source, self.destination) for word in side.split(","))

    @property
    def ports(self) -> tuple[str, ...]:
        """Each port and port range on its own."""
        return tuple(word.strip() for side in (self.source_port, self.destination_port) for word in side.split(","))


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What a step does to a list."""

    before: tuple[Line, ...]  #: without the default rule
    after: tuple[Line, ...]  #: without the default rule
    new: tuple[Line, ...]  #: in ``after`` and not in ``before``, or a match-all that now stands before other rules
    default_changed: bool  #: the default rule no longer says what it said, or no longer stands at the end
    hides_default: bool  #: a new deny-all stands in front of the default rule
    behind_allow_all: int  #: how many rules can never match because an allow-all stands before them
    allow_all_removed: bool  #: an explicit allow-all is gone and no deny-all took its place


def changed_rules(view: StepView) -> RuleChange:
    """The change of the list that the operation writes; empty for an operation that writes none."""
    raw_before, raw_after = _rules(view, view.was), _rules(view, view.after)
    before, after = _lines(raw_before), _lines(raw_after)
    new = tuple(line for line in after if line not in before) + _moved_up(before, after)
    return RuleChange(
        before=before,
        after=after,
        new=new,
        default_changed=_default_changed(raw_before, raw_after),
        hides_default=any(line.is_any_any and line.policy == "deny" for line in new),
        behind_allow_all=_behind_allow_all(after),
        allow_all_removed=_has(before, "allow") and not _has(after, "allow") and not _has(after, "deny"),
    )


def _rules(view: StepView, state: Mapping[str, Json]) -> tuple[Mapping[str, Json], ...]:
    if view.operation in GROUP_POLICY_OPERATIONS:
        return items(part(state, "firewallAndTrafficShaping"), "l3FirewallRules")
    return items(state, "rules")


def _is_default(rule: Mapping[str, Json]) -> bool:
    return str(rule.get("comment", "")).strip().lower() == DEFAULT_COMMENT and _line(rule).is_any_any


def _lines(rules: Iterable[Mapping[str, Json]]) -> tuple[Line, ...]:
    return tuple(_line(rule) for rule in rules if not _is_default(rule))


def _line(rule: Mapping[str, Json]) -> Line:
    address_version = _word(rule.get("ipVersion", rule.get("ipVer")))
    scope = "any" if address_version in _EVERY_IP else address_version
    vlan = _any_or(rule.get("vlan"))
    return Line(
        policy=_word(rule.get("policy")),
        protocol=_any_or(rule.get("protocol")),
        source=_any_or(rule.get("srcCidr")),
        source_port=_any_or(rule.get("srcPort")),
        destination=_any_or(rule.get("destCidr", rule.get("dstCidr"))),
        destination_port=_any_or(rule.get("destPort", rule.get("dstPort"))),
        scope=scope if vlan == "any" else f"{scope} vlan {vlan}",
    )


def _word(value: Json) -> str:
    return "" if value is None else str(value).strip().lower()


def _any_or(value: Json) -> str:
    """The word; "any" also for what is only known when it is sent, and may then be anything."""
    if isinstance(value, Mapping):
        return "any"
    word = _word(value)
    return "any" if word in _ANY or "any" in word.split(",") else word


def _moved_up(before: tuple[Line, ...], after: tuple[Line, ...]) -> tuple[Line, ...]:
    """Rules for every packet that were there and now stand in front of others: as good as new."""
    return tuple(
        line
        for place, line in enumerate(after)
        if line.is_any_any and line in before and set(after[place + 1 :]) - set(before[before.index(line) + 1 :])
    )


def _default_changed(before: tuple[Mapping[str, Json], ...], after: tuple[Mapping[str, Json], ...]) -> bool:
    was = [rule for rule in before if _is_default(rule)]
    now = [place for place, rule in enumerate(after) if _is_default(rule)]
    if not now:
        return False
    is_last = now == [len(after) - 1]
    return not is_last or (bool(was) and _word(was[-1].get("policy")) != _word(after[now[-1]].get("policy")))


def _behind_allow_all(lines: tuple[Line, ...]) -> int:
    first = next((place for place, line in enumerate(lines) if line.is_any_any and line.policy == "allow"), len(lines))
    return max(0, len(lines) - first - 1)


def _has(lines: tuple[Line, ...], policy: str) -> bool:
    return any(line.is_any_any and line.policy == policy for line in lines)
