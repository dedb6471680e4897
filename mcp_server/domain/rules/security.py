"""T3, security: firewall lists, NAT and VPN (numbers: specialist protocol, T3).

A firewall list is replaced as a whole, at once, and the cloud has no commit or rollback of its own.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_network

from mcp_server.domain.call import Json, Warned
from mcp_server.domain.redaction import clean, listed
from mcp_server.domain.rules.facts import CRITICAL, INFO, WARNING, StepView, items, secret_length, warned
from mcp_server.domain.rules.rule_lists import ACL_OPERATION, L7_OPERATIONS, LIST_OPERATIONS, Line, changed_rules

VPN_PSK_MINIMUM = 20
BROAD_IPV4_BITS = 16  #: a network of /16 or wider is broad
BROAD_IPV6_BITS = 32
VPN_PEERS_OPERATION = "updateOrganizationApplianceVpnThirdPartyVPNPeers"
VPN_OPERATIONS = frozenset(
    {VPN_PEERS_OPERATION, "updateNetworkApplianceVpnSiteToSiteVpn", "updateNetworkApplianceVpnBgp"}
)
NAT_OPERATIONS = frozenset({
    "updateNetworkApplianceFirewallOneToManyNatRules", "updateNetworkApplianceFirewallOneToOneNatRules",
    "updateNetworkApplianceFirewallPortForwardingRules", "updateDeviceCellularGatewayPortForwardingRules",
})  # fmt: skip
GLOBAL_RULE_OPERATIONS = frozenset({
    "createOrganizationPoliciesGlobalFirewallRulesetsRule", "updateOrganizationPoliciesGlobalFirewallRulesetsRule",
})  # fmt: skip
_PORT = re.compile(r"[0-9]+(-[0-9]+)?")
_LOOKS_LIKE_IPV4 = re.compile(r"[0-9.]+(/[0-9]*)?")


def deny_any_any(view: StepView) -> Iterable[Warned]:
    """A new rule that denies everything behind it."""
    if view.operation not in LIST_OPERATIONS or not changed_rules(view).hides_default:
        return ()
    text = (
        f"A new rule on {view.where} denies any to any: every packet that no earlier rule allows is dropped, at once."
    )
    return warned("t3_deny_any_any", CRITICAL, text)


def allow_any_any(view: StepView) -> Iterable[Warned]:
    """A new rule that allows everything (the default rule is not one)."""
    if view.operation not in LIST_OPERATIONS:
        return ()
    if not any(line.is_any_any and line.policy == "allow" for line in changed_rules(view).new):
        return ()
    return warned(
        "t3_allow_any_any", CRITICAL, f"A new rule on {view.where} allows any to any: no later rule has effect."
    )


def allow_all_not_last(view: StepView) -> Iterable[Warned]:
    """Rules that stand behind an allow-all."""
    behind = changed_rules(view).behind_allow_all if view.operation in LIST_OPERATIONS else 0
    if not behind:
        return ()
    text = f"On {view.where} {behind} rules stand behind an allow-all and never match; the allow-all must be last."
    return warned("t3_allow_all_not_last", WARNING, text)


def allow_all_removed(view: StepView) -> Iterable[Warned]:
    """An allow-all taken out without a deny-all that says what is meant."""
    if view.operation not in LIST_OPERATIONS | {ACL_OPERATION} or not changed_rules(view).allow_all_removed:
        return ()
    text = f"The allow-all of {view.where} is removed without a deny-all; add one explicitly or keep it."
    return warned("t3_allow_all_removed", CRITICAL, text)


def default_rule_changed(view: StepView) -> Iterable[Warned]:
    """A firewall list whose default rule says something else, or no longer stands at the end."""
    if view.operation not in LIST_OPERATIONS or not changed_rules(view).default_changed:
        return ()
    text = (
        f"The default rule of {view.where} is changed or moved; it decides over all traffic that no other rule names."
    )
    return warned("t3_default_rule_changed", CRITICAL, text)


def deny_rule(view: StepView) -> Iterable[Warned]:
    """A new rule that denies something (deny any to any has a rule of its own)."""
    count = 0
    if view.operation in LIST_OPERATIONS | {ACL_OPERATION}:
        count = sum(line.policy == "deny" and not line.is_any_any for line in changed_rules(view).new)
    elif view.operation in L7_OPERATIONS:
        count = sum(rule not in items(view.was, "rules") for rule in items(view.after, "rules"))
    elif view.operation in GLOBAL_RULE_OPERATIONS:
        count = int(view.after.get("policy") == "deny" and view.was.get("policy") != "deny")
    if not count:
        return ()
    word = "rule denies" if count == 1 else "rules deny"
    return warned("t3_deny_rule", CRITICAL, f"{count} new {word} traffic on {view.where}; it takes effect at once.")


def broad_cidr(view: StepView) -> Iterable[Warned]:
    """A new rule for a network of /16 or wider (IPv6: /32), not counting "any"."""
    if view.operation not in LIST_OPERATIONS | {ACL_OPERATION}:
        return ()
    broad = sorted({word for line in changed_rules(view).new for word in line.addresses if _is_broad(word)})
    if not broad:
        return ()
    return warned("t3_broad_cidr", CRITICAL, f"A new rule on {view.where} covers a broad network: {listed(broad)}.")


def _is_broad(word: str) -> bool:
    try:
        network = ip_network(word, strict=False)
    except ValueError:
        return False  # any, a host name, a policy object or VLAN(10).*
    return network.prefixlen <= (BROAD_IPV4_BITS if network.version == 4 else BROAD_IPV6_BITS)


def cidr_form(view: StepView) -> Iterable[Warned]:
    """An address that is meant as IPv4 and is none; the API answers "Invalid CIDR"."""
    wrong = sorted({word for line in _new_lines(view) for word in line.addresses if _is_malformed(word)})
    if not wrong:
        return ()
    text = f"Not an address or network in CIDR form on {view.where}: {listed(wrong)}."
    return warned("t3_cidr_form", CRITICAL, text)


def _new_lines(view: StepView) -> tuple[Line, ...]:
    return changed_rules(view).new if view.operation in LIST_OPERATIONS | {ACL_OPERATION} else ()


def _is_malformed(word: str) -> bool:
    if not _LOOKS_LIKE_IPV4.fullmatch(word):
        return False
    try:
        ip_network(word, strict=False)
    except ValueError:
        return True
    return False


def port_range(view: StepView) -> Iterable[Warned]:
    """A port outside 1 to 65535 or a range that runs backwards; the API answers "Invalid port"."""
    wrong = sorted({word for line in _new_lines(view) for word in line.ports if _is_wrong_port(word)})
    if not wrong:
        return ()
    return warned("t3_port_range", CRITICAL, f"Not a port from 1 to 65535 on {view.where}: {listed(wrong)}.")


def _is_wrong_port(word: str) -> bool:
    if not _PORT.fullmatch(word):
        return False
    first, _, last = word.partition("-")
    return not 1 <= int(first) <= int(last or first) <= 65535


def vpn_psk_short(view: StepView) -> Iterable[Warned]:
    """A VPN peer whose new pre-shared key has fewer than 20 characters."""
    if view.operation != VPN_PEERS_OPERATION:
        return ()
    known = [peer.get("secret") for peer in items(view.was, "peers")]
    short = [peer.get("name", "") for peer in items(view.sent, "peers") if _is_short(peer.get("secret"), known)]
    if not short:
        return ()
    text = f"The VPN pre-shared key of {listed(short)} has fewer than {VPN_PSK_MINIMUM} characters."
    return warned("t3_vpn_psk_short", CRITICAL, text)


def _is_short(secret: Json, known: list[Json]) -> bool:
    length = secret_length(secret)
    return length is not None and length < VPN_PSK_MINIMUM and secret not in known


def vpn_settles_slowly(view: StepView) -> Iterable[Warned]:
    """A VPN change: its tunnels take 30 to 60 s to come up again."""
    if view.operation not in VPN_OPERATIONS:
        return ()
    return warned("t3_vpn_settles_slowly", INFO, f"VPN tunnels of {view.where} may take 30 to 60 s to come up again.")


def nat_open_to_all(view: StepView) -> Iterable[Warned]:
    """A new NAT or forwarding rule that the whole internet may use."""
    if view.operation not in NAT_OPERATIONS:
        return ()
    old = items(view.was, "rules")
    new = [rule for rule in items(view.after, "rules") if rule not in old and _lets_all_in(rule)]
    if not new:
        return ()
    names = listed(clean(rule.get("name") or rule.get("lanIp") or rule.get("publicIp") or "rule", 60) for rule in new)
    return warned(
        "t3_nat_open_to_all", WARNING, f"Anybody on the internet may use these rules of {view.where}: {names}."
    )


def _lets_all_in(rule: Mapping[str, Json]) -> bool:
    parts = (rule, *items(rule, "allowedInbound"), *items(rule, "portRules"))
    sources = [str(word).strip().lower() for one in parts for word in one.get("allowedIps") or ()]
    return any(word in ("any", "0.0.0.0/0", "::/0") for word in sources)
