"""NAT of a security appliance: port forwarding, 1:1 and 1:many rules. Each PUT replaces the whole list."""

from collections import Counter
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.vlans import local_subnets, vlans
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.settings import appliance_home, is_furnished, owner_of, refuse, store

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_UPLINKS = ("internet1", "internet2")


def _rules(world: "World", home: str, name: str) -> Json:
    def first() -> Json:
        ready = is_furnished(world, owner_of(home)) and "10" in vlans(world, home)
        if name != "portForwardingRules" or not ready:
            return {"rules": []}
        base = str(vlans(world, home)["10"]["applianceIp"]).rpartition(".")[0]
        rule = {
            "lanIp": f"{base}.50", "allowedIps": ["any"], "name": "Intranet", "protocol": "tcp",
            "publicPort": "8443", "localPort": "443", "uplink": "both",
        }  # fmt: skip
        return {"rules": [rule]}

    return world.singleton(f"{home}/firewall/{name}", first)


@behaviour(
    "getNetworkApplianceFirewallPortForwardingRules",
    "getNetworkApplianceFirewallOneToOneNatRules",
    "getNetworkApplianceFirewallOneToManyNatRules",
)
def get_nat_rules(world: "World", call: Call) -> Json:
    """The rules."""
    return _rules(world, appliance_home(world, call), call.path.rsplit("/", 1)[1])


def _put(world: "World", call: Call, rules: list[Json], label: str) -> Json:
    home = appliance_home(world, call)
    name = call.path.rsplit("/", 1)[1]
    _rules(world, home, name)
    return store(world, call, f"{home}/firewall/{name}", {"rules": rules}, label)


@behaviour("updateNetworkApplianceFirewallPortForwardingRules")
def put_port_forwarding(world: "World", call: Call) -> Json:
    """The rules as they are now; 400 for a LAN address outside the local subnets or a public port given twice."""
    subnets = local_subnets(world, appliance_home(world, call))
    rules = [_forwarding(rule, index, subnets) for index, rule in enumerate(call.body["rules"])]
    taken = Counter((rule["protocol"], rule["publicPort"], rule["uplink"]) for rule in rules)
    twice = [key for key, times in taken.items() if times > 1]
    if twice:
        raise refuse(f"Public port {twice[0][1]} is used by more than one forwarding rule")
    return _put(world, call, rules, "Port forwarding rules")


def _forwarding(rule: Json, index: int, subnets: list[str]) -> Json:
    where = f"rules[{index}]"
    if rule["protocol"] not in ("tcp", "udp"):
        raise refuse(f"Invalid protocol: '{where}[protocol]' must be one of: 'tcp', 'udp'")
    for name in ("publicPort", "localPort"):
        if not addresses.is_port_or_range(rule[name]):
            raise refuse(f"'{where}[{name}]' must be a port or a port range")
    if not any(addresses.is_inside(rule["lanIp"], one) for one in subnets):
        raise refuse(f"'{where}[lanIp]' must be an IP address in one of the network's subnets")
    uplink = rule.get("uplink") or "both"
    if uplink not in (*_UPLINKS, "both"):
        raise refuse(f"'{where}[uplink]' must be one of: 'internet1', 'internet2', 'both'")
    return {
        "lanIp": rule["lanIp"], "allowedIps": _allowed(rule["allowedIps"], where), "name": rule.get("name") or "",
        "protocol": rule["protocol"], "publicPort": rule["publicPort"], "localPort": rule["localPort"],
        "uplink": uplink,
    }  # fmt: skip


def _allowed(given: Json, where: str) -> list[Json]:
    allowed = list(given or [])
    if not allowed or not all(addresses.is_any(one) or addresses.is_address_or_cidr(one) for one in allowed):
        raise refuse(f"'{where}[allowedIps]' must hold 'any' or IP addresses and CIDRs")
    return allowed


@behaviour("updateNetworkApplianceFirewallOneToOneNatRules")
def put_one_to_one(world: "World", call: Call) -> Json:
    """The rules as they are now; 400 for a public address given twice."""
    subnets = local_subnets(world, appliance_home(world, call))
    rules = [_one_to_one(rule, index, subnets) for index, rule in enumerate(call.body["rules"])]
    _refuse_twice([str(rule["publicIp"]) for rule in rules])
    return _put(world, call, rules, "1:1 NAT rules")


def _one_to_one(rule: Json, index: int, subnets: list[str]) -> Json:
    where = f"rules[{index}]"
    if addresses.address(rule.get("publicIp")) is None:
        raise refuse(f"'{where}[publicIp]' must be an IP address")
    if not any(addresses.is_inside(rule["lanIp"], one) for one in subnets):
        raise refuse(f"'{where}[lanIp]' must be an IP address in one of the network's subnets")
    inbound = [_inbound(one, f"{where}[allowedInbound][{n}]") for n, one in enumerate(rule.get("allowedInbound") or [])]
    return {
        "name": rule.get("name") or "", "publicIp": rule["publicIp"], "lanIp": rule["lanIp"],
        "uplink": _uplink(rule.get("uplink") or "internet1", where), "allowedInbound": inbound,
    }  # fmt: skip


def _inbound(one: Json, where: str) -> Json:
    protocol = one.get("protocol") or "any"
    if protocol not in ("tcp", "udp", "icmp-ping", "any"):
        raise refuse(f"Invalid protocol: '{where}[protocol]' must be one of: 'tcp', 'udp', 'icmp-ping', 'any'")
    ports = [str(port) for port in one.get("destinationPorts") or []]
    if not all(addresses.is_any(port) or addresses.is_port_or_range(port) for port in ports):
        raise refuse(f"'{where}[destinationPorts]' must hold ports or port ranges")
    return {"protocol": protocol, "destinationPorts": ports, "allowedIps": _allowed(one.get("allowedIps"), where)}


def _uplink(uplink: str, where: str) -> str:
    if uplink not in _UPLINKS:
        raise refuse(f"'{where}[uplink]' must be one of: 'internet1', 'internet2'")
    return uplink


def _refuse_twice(public_ips: list[str]) -> None:
    twice = [ip for ip, times in Counter(public_ips).items() if times > 1]
    if twice:
        raise refuse(f"Public IP {twice[0]} is used by more than one rule")


@behaviour("updateNetworkApplianceFirewallOneToManyNatRules")
def put_one_to_many(world: "World", call: Call) -> Json:
    """The rules as they are now; 400 for a public address given twice."""
    subnets = local_subnets(world, appliance_home(world, call))
    rules = [_one_to_many(rule, index, subnets) for index, rule in enumerate(call.body["rules"])]
    _refuse_twice([str(rule["publicIp"]) for rule in rules])
    return _put(world, call, rules, "1:Many NAT rules")


def _one_to_many(rule: Json, index: int, subnets: list[str]) -> Json:
    where = f"rules[{index}]"
    if addresses.address(rule["publicIp"]) is None:
        raise refuse(f"'{where}[publicIp]' must be an IP address")
    made = [_port_rule(one, f"{where}[portRules][{n}]", subnets) for n, one in enumerate(rule["portRules"])]
    return {"publicIp": rule["publicIp"], "uplink": _uplink(rule["uplink"], where), "portRules": made}


def _port_rule(one: Json, where: str, subnets: list[str]) -> Json:
    if one.get("protocol") not in ("tcp", "udp"):
        raise refuse(f"Invalid protocol: '{where}[protocol]' must be one of: 'tcp', 'udp'")
    for name in ("publicPort", "localPort"):
        if not addresses.is_port_or_range(one.get(name)):
            raise refuse(f"'{where}[{name}]' must be a port or a port range")
    if not any(addresses.is_inside(one.get("localIp"), subnet) for subnet in subnets):
        raise refuse(f"'{where}[localIp]' must be an IP address in one of the network's subnets")
    return {
        "name": one.get("name") or "", "protocol": one["protocol"], "publicPort": one["publicPort"],
        "localIp": one["localIp"], "localPort": one["localPort"], "allowedIps": _allowed(one.get("allowedIps"), where),
    }  # fmt: skip
