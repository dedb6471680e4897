"""Traffic shaping of a security appliance: limits, rules, uplink bandwidth and uplink selection."""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.vlans import are_enabled, local_subnets, vlans
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.applications import named
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

_MOST_RULES, _OWN_RULES = 8, 4  #: the four default rules count (parameter text of the official SDK, 4.7.0)
_UPLINKS = ("wan1", "wan2")
_SELECTION = (
    "activeActiveAutoVpnEnabled", "defaultUplink", "loadBalancingEnabled", "failoverAndFailback",
    "wanTrafficUplinkPreferences", "vpnTrafficUplinkPreferences",
)  # fmt: skip


# Limits


def _limits(world: "World", home: str) -> Json:
    return world.singleton(f"{home}/trafficShaping", {"globalBandwidthLimits": {"limitUp": 0, "limitDown": 0}})


@behaviour("getNetworkApplianceTrafficShaping")
def get_limits(world: "World", call: Call) -> Json:
    """The limits of each client in kbit/s; 0 is none."""
    return _limits(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceTrafficShaping")
def put_limits(world: "World", call: Call) -> Json:
    """The limits as they are now."""
    home = appliance_home(world, call)
    new = merged(_limits(world, home), chosen(call.body, ("globalBandwidthLimits",)))
    new["globalBandwidthLimits"] = {k: v or 0 for k, v in new["globalBandwidthLimits"].items()}
    _check_limits(new["globalBandwidthLimits"], "globalBandwidthLimits")
    return store(world, call, f"{home}/trafficShaping", new, "Traffic shaping")


def _check_limits(limits: Json, where: str) -> None:
    for name in ("limitUp", "limitDown"):
        value = (limits or {}).get(name)
        if value is not None and value < 0:
            raise refuse(f"'{where}[{name}]' must not be negative")


def _bandwidth(world: "World", home: str) -> Json:
    fiber = {"limitUp": 1_000_000, "limitDown": 1_000_000}
    cable = {"limitUp": 50_000, "limitDown": 500_000}
    first = {"bandwidthLimits": {"wan1": fiber, "wan2": cable, "cellular": {"limitUp": None, "limitDown": None}}}
    return world.singleton(f"{home}/trafficShaping/uplinkBandwidth", first)


@behaviour("getNetworkApplianceTrafficShapingUplinkBandwidth")
def get_bandwidth(world: "World", call: Call) -> Json:
    """The bandwidth of each uplink in kbit/s; null is unlimited."""
    return _bandwidth(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceTrafficShapingUplinkBandwidth")
def put_bandwidth(world: "World", call: Call) -> Json:
    """The bandwidth as it is now; uplinks left out keep theirs."""
    home = appliance_home(world, call)
    sent = {name: value for name, value in chosen(call.body, ("bandwidthLimits",)).items() if value is not None}
    new = merged(_bandwidth(world, home), sent)
    known = {"wan1", "wan2", "cellular"}
    new["bandwidthLimits"] = {name: limits for name, limits in new["bandwidthLimits"].items() if name in known}
    for name, limits in new["bandwidthLimits"].items():
        _check_limits(limits, f"bandwidthLimits[{name}]")
    return store(world, call, f"{home}/trafficShaping/uplinkBandwidth", new, "Uplink bandwidth")


# Rules


def _rules(world: "World", home: str) -> Json:
    def first() -> Json:
        if not is_furnished(world, owner_of(home)):
            return {"defaultRulesEnabled": True, "rules": []}
        limits = {"settings": "custom", "bandwidthLimits": {"limitUp": 1000, "limitDown": 2000}}
        rule = {
            "definitions": [{"type": "host", "value": "video.example.com"}],
            "perClientBandwidthLimits": limits, "dscpTagValue": None, "priority": "low",
        }  # fmt: skip
        return {"defaultRulesEnabled": True, "rules": [rule]}

    return world.singleton(f"{home}/trafficShaping/rules", first)


@behaviour("getNetworkApplianceTrafficShapingRules")
def get_rules(world: "World", call: Call) -> Json:
    """The rules, and whether the four default ones are on."""
    return _rules(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceTrafficShapingRules")
def put_rules(world: "World", call: Call) -> Json:
    """The rules as they are now; at most eight, the default ones counted; an empty list or null is none."""
    home = appliance_home(world, call)
    new = copy.deepcopy(_rules(world, home))
    body = call.body or {}
    if body.get("defaultRulesEnabled") is not None:
        new["defaultRulesEnabled"] = body["defaultRulesEnabled"]
    if "rules" in body:
        new["rules"] = settled_rules(body["rules"] or [])
    if len(new["rules"]) + (_OWN_RULES if new["defaultRulesEnabled"] else 0) > _MOST_RULES:
        raise refuse(f"You are allowed a maximum of {_MOST_RULES} traffic shaping rules, default rules included")
    return store(world, call, f"{home}/trafficShaping/rules", new, "Traffic shaping rules")


def settled_rules(rules: list[Json]) -> list[Json]:
    """Traffic shaping rules as they are stored; CloudError 400 for the first that is invalid."""
    return [_settled_rule(rule, f"rules[{index}]") for index, rule in enumerate(rules)]


def _settled_rule(rule: Json, where: str) -> Json:
    definitions = [_definition(one, f"{where}[definitions][{n}]") for n, one in enumerate(rule["definitions"])]
    if not definitions:
        raise refuse(f"'{where}[definitions]' can't be blank")
    limits = rule.get("perClientBandwidthLimits") or {"settings": "network default"}
    if limits.get("settings") not in ("network default", "ignore", "custom"):
        raise refuse(f"'{where}[perClientBandwidthLimits][settings]' must be 'network default', 'ignore' or 'custom'")
    if limits["settings"] == "custom" and not limits.get("bandwidthLimits"):
        raise refuse(f"'{where}[perClientBandwidthLimits][bandwidthLimits]' is required when settings is 'custom'")
    dscp, priority = rule.get("dscpTagValue"), rule.get("priority") or "normal"
    if dscp is not None and not 0 <= dscp <= 63:
        raise refuse(f"'{where}[dscpTagValue]' must be between 0 and 63")
    if priority not in ("low", "normal", "high"):
        raise refuse(f"'{where}[priority]' must be one of: 'low', 'normal', 'high'")
    made = {"definitions": definitions, "perClientBandwidthLimits": copy.deepcopy(limits), "dscpTagValue": dscp}
    extra = {"pcpTagValue": rule["pcpTagValue"]} if "pcpTagValue" in rule else {}
    return made | extra | {"priority": priority}


def _definition(one: Json, where: str) -> Json:
    kind, value = one.get("type"), one.get("value")
    if kind in ("application", "applicationCategory"):
        found = named(kind, value)
        if found is None:
            raise refuse(f"'{where}[value]' is not a known {kind}")
        return {"type": kind, "value": found}
    base, colon, port = str(value).partition(":")
    fits = {
        "host": addresses.is_domain_name(value),
        "port": addresses.is_port_or_range(str(value)),
        "ipRange": addresses.is_address_or_cidr(base) and (not colon or addresses.is_port_or_range(port)),
        "localNet": addresses.is_address_or_cidr(base),
    }
    if kind not in fits:
        raise refuse(f"'{where}[type]' is not a known type of definition")
    if not fits[kind]:
        raise refuse(f"'{where}[value]' is not a valid {kind}")
    return {"type": kind, "value": value}


# Uplink selection


@stocked
def uplink_selection(world: "World", home: str) -> Json:
    """Which uplink carries what, as stored."""
    first = {
        "activeActiveAutoVpnEnabled": False, "defaultUplink": "wan1", "loadBalancingEnabled": False,
        "failoverAndFailback": {"immediate": {"enabled": True}},
        "wanTrafficUplinkPreferences": [], "vpnTrafficUplinkPreferences": [],
    }  # fmt: skip
    return world.singleton(f"{home}/trafficShaping/uplinkSelection", first)


@behaviour("getNetworkApplianceTrafficShapingUplinkSelection")
def get_selection(world: "World", call: Call) -> Json:
    """Which uplink carries what."""
    return uplink_selection(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceTrafficShapingUplinkSelection")
def put_selection(world: "World", call: Call) -> Json:
    """The selection as it is now.

    An empty ``wanTrafficUplinkPreferences`` has no effect here: it is cleared through sdwan/internetPolicies only
    (Terraform provider #84 and PR #260).
    """
    home = appliance_home(world, call)
    sent = chosen(call.body, _SELECTION)
    if not sent.get("wanTrafficUplinkPreferences"):
        sent.pop("wanTrafficUplinkPreferences", None)
    if sent.get("vpnTrafficUplinkPreferences", ()) is None:
        sent["vpnTrafficUplinkPreferences"] = []
    new = merged(uplink_selection(world, home), sent)
    if new["defaultUplink"] not in _UPLINKS:
        raise refuse("'defaultUplink' must be one of: 'wan1', 'wan2'")
    _check_preferences(world, home, new["wanTrafficUplinkPreferences"], ("wan1", "wan2"))
    _check_preferences(world, home, new["vpnTrafficUplinkPreferences"], _VPN_UPLINKS)
    return store(world, call, f"{home}/trafficShaping/uplinkSelection", new, "Uplink selection")


_VPN_UPLINKS = ("wan1", "wan2", "bestForVoIP", "loadBalancing", "defaultUplink")


@behaviour("updateNetworkApplianceSdwanInternetPolicies")
def put_internet_policies(world: "World", call: Call) -> Json:
    """The internet preferences as they are now; they are read in uplinkSelection (facts: section 1.5)."""
    home = appliance_home(world, call)
    new = copy.deepcopy(uplink_selection(world, home))
    body = call.body or {}
    if "wanTrafficUplinkPreferences" in body:
        new["wanTrafficUplinkPreferences"] = copy.deepcopy(body["wanTrafficUplinkPreferences"] or [])
    _check_preferences(world, home, new["wanTrafficUplinkPreferences"], ("wan1", "wan2"))
    store(world, call, f"{home}/trafficShaping/uplinkSelection", new, "SD-WAN internet policies")
    return {"wanTrafficUplinkPreferences": new["wanTrafficUplinkPreferences"]}


def _check_preferences(world: "World", home: str, rows: list[Json], uplinks: tuple[str, ...]) -> None:
    """Refuse an unknown uplink, VLAN or class, and a source that is no local subnet (Terraform provider PR #83)."""
    for index, row in enumerate(rows):
        if row["preferredUplink"] not in uplinks:
            raise refuse(f"'preferredUplink' of preference {index} must be one of: {', '.join(uplinks)}")
        custom = (row.get("performanceClass") or {}).get("customPerformanceClassId")
        if custom is not None and custom not in _classes(world, home):
            raise refuse("Custom performance class not found")
        for one in row["trafficFilters"]:
            _check_source(world, home, one["value"].get("source") or {})


def _check_source(world: "World", home: str, source: Json) -> None:
    vlan, cidr = source.get("vlan"), source.get("cidr")
    known = vlans(world, home) if are_enabled(world, home) else {}
    if vlan is not None and str(vlan) not in known:
        raise refuse(f"VLAN {vlan} is not configured on this network")
    if cidr is None or addresses.is_any(cidr):
        return
    if not addresses.is_address_or_cidr(cidr):
        raise refuse(f"'{cidr}' is not a valid source")
    net = cidr if "/" in cidr else f"{cidr}/32"
    if not addresses.first_overlap(net, local_subnets(world, home)):
        filtered = f"The IP address range for traffic filter with src: {cidr}"
        raise refuse(f"{filtered} does not apply to any configured subnets.")


# Custom performance classes


def _classes(world: "World", home: str) -> dict[str, Json]:
    return world.collection(f"{home}/trafficShaping/customPerformanceClasses")


def _find_class(world: "World", call: Call) -> tuple[str, Json]:
    home = appliance_home(world, call)
    found = _classes(world, home).get(call.params["customPerformanceClassId"])
    if found is None:
        raise CloudError(404)
    return home, found


@behaviour("getNetworkApplianceTrafficShapingCustomPerformanceClasses")
def list_classes(world: "World", call: Call) -> Json:
    """The custom performance classes."""
    return list(_classes(world, appliance_home(world, call)).values())


@behaviour("getNetworkApplianceTrafficShapingCustomPerformanceClass")
def get_class(world: "World", call: Call) -> Json:
    """One custom performance class; 404 for an unknown id."""
    return _find_class(world, call)[1]


_CLASS_FIELDS = ("name", "maxLatency", "maxJitter", "maxLossPercentage")


@behaviour("createNetworkApplianceTrafficShapingCustomPerformanceClass")
def create_class(world: "World", call: Call) -> Json:
    """The new class with an id of the server."""
    home = appliance_home(world, call)
    made: Json = {name: (call.body or {}).get(name) for name in _CLASS_FIELDS}
    _check_class(world, home, made)
    made["customPerformanceClassId"] = world.new_id("performance_class")
    _classes(world, home)[made["customPerformanceClassId"]] = made
    log(world, call, f"Performance class {made['name']}", None, made)
    return made


@behaviour("updateNetworkApplianceTrafficShapingCustomPerformanceClass")
def update_class(world: "World", call: Call) -> Json:
    """The class as it is now."""
    home, old = _find_class(world, call)
    new = merged(old, chosen(call.body, _CLASS_FIELDS))
    _check_class(world, home, new)
    _classes(world, home)[old["customPerformanceClassId"]] = new
    log(world, call, f"Performance class {new['name']}", old, new)
    return new


@behaviour("deleteNetworkApplianceTrafficShapingCustomPerformanceClass")
def delete_class(world: "World", call: Call) -> Json:
    """Nothing; 400 while an uplink preference uses it."""
    home, found = _find_class(world, call)
    key = found["customPerformanceClassId"]
    rows = uplink_selection(world, home)["vpnTrafficUplinkPreferences"]
    if any((row.get("performanceClass") or {}).get("customPerformanceClassId") == key for row in rows):
        raise refuse("Custom performance class is in use by an uplink preference")
    del _classes(world, home)[key]
    log(world, call, f"Performance class {found['name']}", found, None)
    return None


def _check_class(world: "World", home: str, made: Json) -> None:
    for other in _classes(world, home).values():
        same = other["customPerformanceClassId"] == made.get("customPerformanceClassId")
        if not same and other["name"] == made["name"]:
            raise refuse("Name has already been taken")
    loss = made.get("maxLossPercentage")
    if loss is not None and not 0 <= loss <= 100:
        raise refuse("'maxLossPercentage' must be between 0 and 100")
