"""Firewall of a security appliance: layer 3, inbound and cellular rules, layer 7, services, spoofing protection.

How rules are checked, stored and shown, the default rule included, is in ``checks/rules.py``.
"""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.vlans import vlans
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.applications import application_categories, settled_l7
from mcp_server.sandbox.checks.references import policy_groups, policy_objects
from mcp_server.sandbox.checks.rules import RuleKind, settled, shown
from mcp_server.sandbox.checks.settings import (
    appliance_home,
    chosen,
    is_furnished,
    log,
    merged,
    owner_of,
    refuse,
    stocked,
    store,
)

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

OUTBOUND = RuleKind()
INBOUND = RuleKind(default_policy="deny", takes_names=False)  #: that it denies is a guess after the Dashboard's text
_SERVICES = ("ICMP", "SNMP", "web")
_ACCESS = ("blocked", "restricted", "unrestricted")


def _rule(comment: str, policy: str, protocol: str, source: str, target: str, *, port: str = "Any") -> dict[str, Json]:
    return {
        "comment": comment, "policy": policy, "protocol": protocol, "srcPort": "Any", "srcCidr": source,
        "destPort": port, "destCidr": target, "syslogEnabled": False,
    }  # fmt: skip


@stocked
def l3_rules(world: "World", home: str) -> Json:
    """The layer 3 rules of a network, as stored; a network with an appliance and VLANs starts with five."""

    def first() -> Json:
        network_id = owner_of(home)
        known = vlans(world, home)
        if not is_furnished(world, network_id) or not {"10", "20"} <= set(known):
            return {"rules": [], "syslogDefaultRule": False}
        guest, corp = known["20"]["subnet"], known["10"]["subnet"]
        organization_id = world.organization_of(network_id) or ""
        server = list(policy_objects(world, organization_id))[2]
        group = next(iter(policy_groups(world, organization_id)))
        rules = [
            _rule("Allow guest DNS", "allow", "udp", guest, f"GRP({group})", port="53"),
            _rule("Block guest to corp", "deny", "any", guest, corp),
            _rule("Corp to payroll", "allow", "tcp", corp, f"OBJ({server})", port="443,8443"),
            _rule("Block outbound SMTP", "deny", "tcp", "Any", "Any", port="25"),
            _rule("Allow corp web", "allow", "tcp", corp, "Any", port="80,443"),
        ]
        return {"rules": rules, "syslogDefaultRule": False}

    return world.singleton(f"{home}/firewall/l3FirewallRules", first)


def _empty(name: str) -> Callable[["World", str], Json]:
    def rules(world: "World", home: str) -> Json:
        return world.singleton(f"{home}/firewall/{name}", {"rules": [], "syslogDefaultRule": False})

    return rules


_LISTS: dict[str, tuple[Callable[["World", str], Json], RuleKind]] = {
    "l3FirewallRules": (l3_rules, OUTBOUND),
    "inboundFirewallRules": (_empty("inboundFirewallRules"), INBOUND),
    "cellularFirewallRules": (_empty("cellularFirewallRules"), OUTBOUND),
    "inboundCellularFirewallRules": (_empty("inboundCellularFirewallRules"), INBOUND),
}


def _shown(name: str, stored: Json) -> Json:
    answer = shown(stored, _LISTS[name][1])
    inbound = name == "inboundFirewallRules"
    return answer | {"syslogDefaultRule": stored["syslogDefaultRule"]} if inbound else answer


@behaviour(
    "getNetworkApplianceFirewallL3FirewallRules",
    "getNetworkApplianceFirewallInboundFirewallRules",
    "getNetworkApplianceFirewallCellularFirewallRules",
    "getNetworkApplianceFirewallInboundCellularFirewallRules",
)
def get_rules(world: "World", call: Call) -> Json:
    """The rules with the implicit default rule last (facts: section 1.3)."""
    name = call.path.rsplit("/", 1)[1]
    return _shown(name, _LISTS[name][0](world, appliance_home(world, call)))


@behaviour(
    "updateNetworkApplianceFirewallL3FirewallRules",
    "updateNetworkApplianceFirewallInboundFirewallRules",
    "updateNetworkApplianceFirewallCellularFirewallRules",
    "updateNetworkApplianceFirewallInboundCellularFirewallRules",
)
def put_rules(world: "World", call: Call) -> Json:
    """The rules as they are now: all that was sent, a default rule among them too, and the implicit one behind."""
    name = call.path.rsplit("/", 1)[1]
    home = appliance_home(world, call)
    read, kind = _LISTS[name]
    new, body = copy.deepcopy(read(world, home)), call.body or {}
    if "rules" in body:
        known = set(vlans(world, home))
        organization_id = world.organization_of(call.params["networkId"]) or ""
        new["rules"] = settled(world, organization_id, body["rules"] or [], kind, known)
    if body.get("syslogDefaultRule") is not None:
        new["syslogDefaultRule"] = body["syslogDefaultRule"]
    return _shown(name, store(world, call, f"{home}/firewall/{name}", new, f"Firewall {name}"))


# Layer 7


def _l7(world: "World", home: str) -> Json:
    def first() -> Json:
        if not is_furnished(world, owner_of(home)):
            return {"rules": []}
        peer_to_peer = {"id": "meraki:layer7/category/9", "name": "Peer-to-peer (P2P)"}
        return {
            "rules": [
                {"policy": "deny", "type": "applicationCategory", "value": peer_to_peer},
                {"policy": "deny", "type": "host", "value": "ads.example.com"},
            ]
        }

    return world.singleton(f"{home}/firewall/l7FirewallRules", first)


@behaviour("getNetworkApplianceFirewallL7FirewallRules")
def get_l7_rules(world: "World", call: Call) -> Json:
    """The layer 7 rules; applications and categories as objects with id and name."""
    return _l7(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceFirewallL7FirewallRules")
def put_l7_rules(world: "World", call: Call) -> Json:
    """The layer 7 rules as they are now; a whole-list replace, 400 for an unknown type, application or country."""
    home = appliance_home(world, call)
    new = copy.deepcopy(_l7(world, home))
    if "rules" in (call.body or {}):
        pairs = [settled_l7(rule, index) for index, rule in enumerate(call.body["rules"] or [])]
        texts = [fault for _rule, fault in pairs if fault]
        if texts:
            raise CloudError(400, *texts)
        new["rules"] = [rule for rule, _fault in pairs]
    return store(world, call, f"{home}/firewall/l7FirewallRules", new, "Layer 7 firewall rules")


@behaviour("getNetworkApplianceFirewallL7FirewallRulesApplicationCategories")
def get_application_categories(world: "World", call: Call) -> Json:
    """The categories and applications that layer 7 rules may name."""
    appliance_home(world, call)
    return {"applicationCategories": application_categories()}


# Services and spoofing


def _services(world: "World", home: str) -> dict[str, Json]:
    def first() -> dict[str, Json]:
        access = {"ICMP": "unrestricted", "SNMP": "blocked", "web": "blocked"}
        return {name: {"service": name, "access": access[name], "allowedIps": []} for name in _SERVICES}

    return world.collection(f"{home}/firewall/firewalledServices", first)


def _service_shown(service: Json) -> Json:
    """A service; the addresses show only where they count."""
    return service if service["access"] == "restricted" else {k: v for k, v in service.items() if k != "allowedIps"}


@behaviour("getNetworkApplianceFirewallFirewalledServices")
def list_services(world: "World", call: Call) -> Json:
    """ICMP, SNMP and web with who may reach them."""
    return [_service_shown(one) for one in _services(world, appliance_home(world, call)).values()]


@behaviour("getNetworkApplianceFirewallFirewalledService")
def get_service(world: "World", call: Call) -> Json:
    """One service; 404 for an unknown name."""
    found = _services(world, appliance_home(world, call)).get(call.params["service"])
    if found is None:
        raise CloudError(404)
    return _service_shown(found)


@behaviour("updateNetworkApplianceFirewallFirewalledService")
def put_service(world: "World", call: Call) -> Json:
    """The service as it is now; ``allowedIps`` is required when restricted and ignored otherwise (SDK 4.7.0 text)."""
    home = appliance_home(world, call)
    items, name = _services(world, home), call.params["service"]
    if name not in items:
        raise CloudError(404)
    access = call.body["access"]
    if access not in _ACCESS:
        raise refuse("'access' must be one of: 'blocked', 'restricted', 'unrestricted'")
    allowed = (call.body.get("allowedIps") or []) if access == "restricted" else []
    if access == "restricted" and not allowed:
        raise refuse("'allowedIps' is required when access is 'restricted'")
    if not all(addresses.is_any(one) or addresses.is_address_or_cidr(one) for one in allowed):
        raise refuse("'allowedIps' must hold IP addresses or CIDRs")
    old = items[name]
    items[name] = {"service": name, "access": access, "allowedIps": list(allowed)}
    log(world, call, f"Firewalled service {name}", _service_shown(old), _service_shown(items[name]))
    return _service_shown(items[name])


def _spoofing(world: "World", home: str) -> Json:
    return world.singleton(f"{home}/firewall/settings", {"spoofingProtection": {"ipSourceGuard": {"mode": "block"}}})


@behaviour("getNetworkApplianceFirewallSettings")
def get_firewall_settings(world: "World", call: Call) -> Json:
    """Spoofing protection."""
    return _spoofing(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceFirewallSettings")
def put_firewall_settings(world: "World", call: Call) -> Json:
    """Spoofing protection as it is now."""
    home = appliance_home(world, call)
    sent = {name: value for name, value in chosen(call.body, ("spoofingProtection",)).items() if value is not None}
    new = merged(_spoofing(world, home), sent)
    if new["spoofingProtection"]["ipSourceGuard"]["mode"] not in ("block", "log"):
        raise refuse("'spoofingProtection[ipSourceGuard][mode]' must be one of: 'block', 'log'")
    return store(world, call, f"{home}/firewall/settings", new, "Firewall settings")
