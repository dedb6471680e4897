"""Layer 3 rules as the cloud takes, stores and shows them: appliance, cellular, inbound and VPN firewall.

- A GET shows the implicit last "Default rule" and a PUT appends its own (facts: section 1.3), so a PUT that contains
  what was read stores it as an explicit rule, and it then shows twice.
- ``any`` comes back as ``Any`` in addresses and ports, in lower case in the protocol (ansible-meraki #80, #249).
- The fault texts are the cloud's own where known (Terraform provider, cisco-open, #289; merakiBackupAndRestore #9).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Json
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.references import is_known_reference, is_reference
from mcp_server.sandbox.checks.settings import refuse

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_PROTOCOLS = ("tcp", "udp", "icmp", "icmp6", "any")
_INVALID = "At least one of your firewall rules is invalid"
_MISSING = f"{_INVALID}: Contains references to Network Objects or Groups which don't exist."
_FORMS = (
    "address must be an IP address or a subnet in CIDR form (e.g. '192.168.1.0/24' or '2001:db8::/64'), "
    "a VLAN address using the VLAN ID (e.g. VLAN(10).*, VLAN(10).8)"
)


@dataclass(frozen=True, slots=True)
class RuleKind:
    """What one list of rules takes. ``subject`` is how its fault texts name the owner."""

    subject: str = "network"
    default_policy: str = "allow"
    takes_names: bool = True  #: a destination may be a domain name
    limit: int = 1000


def default_rule(kind: RuleKind, syslog: bool) -> dict[str, Json]:
    """The implicit last rule."""
    return {
        "comment": "Default rule", "policy": kind.default_policy, "protocol": "Any", "srcPort": "Any",
        "srcCidr": "Any", "destPort": "Any", "destCidr": "Any", "syslogEnabled": syslog,
    }  # fmt: skip


def shown(stored: Json, kind: RuleKind) -> Json:
    """The rules as a GET shows them, the default rule last; ``stored`` has ``rules`` and ``syslogDefaultRule``."""
    return {"rules": [*stored["rules"], default_rule(kind, stored["syslogDefaultRule"])]}


def settled(world: "World", organization_id: str, rules: list[Json], kind: RuleKind, vlan_ids: set[str]) -> list[Json]:
    """The rules as they are stored; CloudError 400 for the first that is invalid."""
    if len(rules) > kind.limit:
        raise refuse(f"There can be at most {kind.limit} firewall rules")

    def is_known(text: str) -> bool:
        return is_known_reference(world, organization_id, text)

    for index, rule in enumerate(rules):
        fault = next(_faults(rule, index, kind, is_known, vlan_ids), None)
        if fault == _MISSING:
            raise refuse(_MISSING)
        if fault:
            raise refuse(f'{_INVALID}: "{fault}".')
    return [_stored(rule) for rule in rules]


def _stored(rule: Json) -> dict[str, Json]:
    def capital(text: Json) -> Json:
        return "Any" if text is None or addresses.is_any(text) else text

    return {
        "comment": rule.get("comment") or "",
        "policy": rule["policy"],
        "protocol": str(rule["protocol"]).lower(),
        "srcPort": capital(rule.get("srcPort")),
        "srcCidr": capital(rule["srcCidr"]),
        "destPort": capital(rule.get("destPort")),
        "destCidr": capital(rule["destCidr"]),
        "syslogEnabled": bool(rule.get("syslogEnabled") or False),
    }


def _faults(
    rule: Json, index: int, kind: RuleKind, is_known: Callable[[str], bool], vlan_ids: set[str]
) -> Iterator[str]:
    where = f"{kind.subject}[firewall_rules][{index}]"
    protocol = str(rule.get("protocol", "")).lower()
    if rule.get("policy") not in ("allow", "deny"):
        yield f"{where}[policy] Policy must be 'allow' or 'deny'"
    if protocol not in _PROTOCOLS:
        yield f"{where}[protocol] Invalid protocol: must be 'tcp', 'udp', 'icmp', 'icmp6' or 'any'"
    for field, short, word in (("srcPort", "src_port", "Source"), ("destPort", "dst_port", "Destination")):
        ports = rule.get(field)
        if ports is None or addresses.is_any(ports):
            continue
        if not addresses.is_port_list(ports):
            yield f"{where}[{short}] {word} port must be a port, a range or a comma-separated list (1-65535), or 'any'"
        elif protocol not in ("tcp", "udp"):
            yield f"{where}[{short}] {word} port must be 'any' for protocol '{protocol}'"
    for field, short, word in (("srcCidr", "src_cidr", "Source"), ("destCidr", "dst_cidr", "Destination")):
        yield from _address_faults(rule.get(field), f"{where}[{short}] {word}", kind, is_known, vlan_ids)


def _address_faults(
    text: Json, where: str, kind: RuleKind, is_known: Callable[[str], bool], vlan_ids: set[str]
) -> Iterator[str]:
    takes_names = kind.takes_names and where.endswith("Destination")
    parts = [] if addresses.is_any(text) else [part.strip() for part in str(text or "").split(",")]
    for part in parts:
        vlan = addresses.vlan_of_address(part)
        known_form = addresses.is_address_or_cidr(part) or (takes_names and addresses.is_domain_name(part))
        if is_reference(part) and not is_known(part):
            yield _MISSING
        if vlan is not None and str(vlan) not in vlan_ids:
            yield f"{where} address names VLAN {vlan}, which is not configured on this network"
        if not (is_reference(part) or vlan is not None or known_form):
            yield f"{where} {_FORMS}{' a valid FQDN,' if takes_names else ','} or 'any'"
