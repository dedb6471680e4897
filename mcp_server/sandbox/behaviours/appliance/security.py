"""Content filtering, threat protection, warm spare and general settings of a security appliance."""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, Json, behaviour
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.applications import filter_categories
from mcp_server.sandbox.checks.settings import (
    appliance_home,
    appliances,
    chosen,
    is_furnished,
    merged,
    owner_of,
    refuse,
    store,
)

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_FILTER_FIELDS = ("allowedUrlPatterns", "blockedUrlPatterns", "blockedUrlCategories", "urlCategoryListSize")


# Content filtering


def _filtering(world: "World", home: str) -> Json:
    def first() -> Json:
        ready = is_furnished(world, owner_of(home))
        blocked = [filter_categories()[n]["id"] for n in (6, 8, 12)] if ready else []
        return {
            "allowedUrlPatterns": ["http://www.example.org"] if ready else [],
            "blockedUrlPatterns": ["http://www.example.com/ads"] if ready else [],
            "blockedUrlCategories": blocked,
            "urlCategoryListSize": "topSites",
        }

    return world.singleton(f"{home}/contentFiltering", first)


def _filtering_shown(stored: Json) -> Json:
    """Ids are written, objects with id and name are read (facts: section 1.3)."""
    rows = [one for one in filter_categories() if one["id"] in stored["blockedUrlCategories"]]
    order = stored["blockedUrlCategories"]
    return stored | {"blockedUrlCategories": sorted(rows, key=lambda one: order.index(one["id"]))}


@behaviour("getNetworkApplianceContentFiltering")
def get_filtering(world: "World", call: Call) -> Json:
    """The filters, categories as objects with id and name."""
    return _filtering_shown(_filtering(world, appliance_home(world, call)))


@behaviour("updateNetworkApplianceContentFiltering")
def put_filtering(world: "World", call: Call) -> Json:
    """The filters as they are now; 400 for a category that is not an id of the list."""
    home = appliance_home(world, call)
    new = merged(_filtering(world, home), chosen(call.body, _FILTER_FIELDS))
    for name in _FILTER_FIELDS[:3]:
        new[name] = new[name] or []
    known = {one["id"] for one in filter_categories()}
    unknown = [one for one in new["blockedUrlCategories"] if not isinstance(one, str) or one not in known]
    if unknown:
        raise refuse(f"Invalid blocked URL category: {unknown[0]}")
    both = [one for one in new["allowedUrlPatterns"] if one in new["blockedUrlPatterns"]]
    if both:
        raise refuse(f"URL pattern {both[0]} can't be both allowed and blocked")
    return _filtering_shown(store(world, call, f"{home}/contentFiltering", new, "Content filtering"))


@behaviour("getNetworkApplianceContentFilteringCategories")
def get_filter_categories(world: "World", call: Call) -> Json:
    """The categories that may be blocked."""
    appliance_home(world, call)
    return {"categories": filter_categories()}


# Threat protection


def _malware(world: "World", home: str) -> Json:
    def first() -> Json:
        mode = "enabled" if is_furnished(world, owner_of(home)) else "disabled"
        return {"mode": mode, "allowedUrls": [], "allowedFiles": []}

    return world.singleton(f"{home}/security/malware", first)


@behaviour("getNetworkApplianceSecurityMalware")
def get_malware(world: "World", call: Call) -> Json:
    """Malware protection."""
    return _malware(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceSecurityMalware")
def put_malware(world: "World", call: Call) -> Json:
    """Malware protection as it is now; lists left out stay (parameter text of the official SDK, 4.7.0)."""
    home = appliance_home(world, call)
    new = merged(_malware(world, home), chosen(call.body, ("mode", "allowedUrls", "allowedFiles")))
    for name in ("allowedUrls", "allowedFiles"):
        new[name] = new[name] or []
    for one in new["allowedFiles"]:
        digest = one["sha256"]
        if len(digest) != 64 or not all(sign in "0123456789abcdefABCDEF" for sign in digest):
            raise refuse(f"'{digest}' is not a SHA256 digest")
    return store(world, call, f"{home}/security/malware", new, "Malware protection")


def _intrusion(world: "World", home: str) -> Json:
    def first() -> Json:
        mode = "detection" if is_furnished(world, owner_of(home)) else "disabled"
        networks = {"useDefault": True, "includedCidr": [], "excludedCidr": []}
        return {"mode": mode, "idsRulesets": "balanced", "protectedNetworks": networks}

    return world.singleton(f"{home}/security/intrusion", first)


def _intrusion_shown(world: "World", home: str) -> Json:
    """Protected networks show in passthrough mode only."""
    stored = _intrusion(world, home)
    hidden = _settings(world, home)["deploymentMode"] != "passthrough"
    return {name: value for name, value in stored.items() if not (hidden and name == "protectedNetworks")}


@behaviour("getNetworkApplianceSecurityIntrusion")
def get_intrusion(world: "World", call: Call) -> Json:
    """Intrusion detection."""
    return _intrusion_shown(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceSecurityIntrusion")
def put_intrusion(world: "World", call: Call) -> Json:
    """Intrusion detection as it is now; protected networks are for passthrough mode (official SDK, 4.7.0)."""
    home = appliance_home(world, call)
    sent = chosen(call.body, ("mode", "idsRulesets", "policy", "protectedNetworks"))
    if sent.get("protectedNetworks") and _settings(world, home)["deploymentMode"] != "passthrough":
        raise refuse("Protected networks are only available in passthrough mode")
    new = merged(_intrusion(world, home), {name: value for name, value in sent.items() if value is not None})
    cidrs = [
        *(new["protectedNetworks"].get("includedCidr") or []),
        *(new["protectedNetworks"].get("excludedCidr") or []),
    ]
    bad = [one for one in cidrs if not addresses.is_address_or_cidr(one)]
    if bad:
        raise refuse(f"Invalid CIDR: {bad[0]}")
    store(world, call, f"{home}/security/intrusion", new, "Intrusion detection")
    return _intrusion_shown(world, home)


# General settings


def _settings(world: "World", home: str) -> Json:
    prefix = f"net-{owner_of(home)[-6:]}".lower()
    first = {
        "clientTrackingMethod": "MAC address", "deploymentMode": "routed",
        "dynamicDns": {"enabled": False, "prefix": prefix},
    }  # fmt: skip
    return world.singleton(f"{home}/settings", first)


def _settings_shown(stored: Json) -> Json:
    dns = stored["dynamicDns"]
    return stored | {"dynamicDns": dns | {"url": f"{dns['prefix']}-hvrcbhnvzv.dynamic-m.com"}}


@behaviour("getNetworkApplianceSettings")
def get_settings(world: "World", call: Call) -> Json:
    """General settings; the dynamic DNS address is made from the prefix."""
    return _settings_shown(_settings(world, appliance_home(world, call)))


@behaviour("updateNetworkApplianceSettings")
def put_settings(world: "World", call: Call) -> Json:
    """General settings as they are now."""
    home = appliance_home(world, call)
    sent = chosen(call.body, ("clientTrackingMethod", "deploymentMode"))
    if (call.body or {}).get("dynamicDns"):
        sent["dynamicDns"] = chosen(call.body["dynamicDns"], ("enabled", "prefix"))
    new = merged(_settings(world, home), {name: value for name, value in sent.items() if value is not None})
    prefix = str(new["dynamicDns"]["prefix"] or "")
    if not prefix or not prefix.replace("-", "").isalnum():
        raise refuse("Dynamic DNS prefix may only hold letters, digits and dashes")
    return _settings_shown(store(world, call, f"{home}/settings", new, "Appliance settings"))


def _destinations(world: "World", home: str) -> Json:
    first = {"destinations": [{"ip": "8.8.8.8", "description": "Google", "default": True}]}
    return world.singleton(f"{home}/connectivityMonitoringDestinations", first)


@behaviour("getNetworkApplianceConnectivityMonitoringDestinations")
def get_destinations(world: "World", call: Call) -> Json:
    """What the uplinks are tested against."""
    return _destinations(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceConnectivityMonitoringDestinations")
def put_destinations(world: "World", call: Call) -> Json:
    """The destinations as they are now; at least one, and at most one default."""
    home = appliance_home(world, call)
    new = copy.deepcopy(_destinations(world, home))
    if "destinations" in (call.body or {}):
        rows = call.body["destinations"] or []
        bad = [row["ip"] for row in rows if addresses.address(row["ip"]) is None]
        if bad:
            raise refuse(f"'{bad[0]}' is not an IPv4 address")
        if not rows or sum(bool(row.get("default")) for row in rows) > 1:
            raise refuse("Give at least one destination, and at most one of them as default")
        new["destinations"] = [
            {"ip": row["ip"], "description": row.get("description") or "", "default": bool(row.get("default"))}
            for row in rows
        ]
    return store(world, call, f"{home}/connectivityMonitoringDestinations", new, "Connectivity monitoring")


# Warm spare


def _spare(world: "World", home: str) -> Json:
    found = appliances(world, owner_of(home))
    primary = found[0]["serial"] if found else None
    return world.singleton(f"{home}/warmSpare", {"enabled": False, "primarySerial": primary})


def _spare_shown(stored: Json) -> Json:
    """Virtual addresses are written as virtualIp1 and 2 and read inside wan1 and wan2 (facts: section 1.3)."""
    shown = {name: value for name, value in stored.items() if not name.startswith("virtualIp")}
    for number in ("1", "2"):
        ip = stored.get(f"virtualIp{number}")
        if ip:
            shown[f"wan{number}"] = {"ip": ip, "subnet": f"{ip.rpartition('.')[0]}.0/24"}
    return shown


@behaviour("getNetworkApplianceWarmSpare")
def get_spare(world: "World", call: Call) -> Json:
    """The warm spare."""
    return _spare_shown(_spare(world, appliance_home(world, call)))


@behaviour("updateNetworkApplianceWarmSpare")
def put_spare(world: "World", call: Call) -> Json:
    """The warm spare as it is now; it must be an appliance of this network and of the primary's model."""
    home = appliance_home(world, call)
    old, body = _spare(world, home), call.body
    new: Json = {"enabled": False, "primarySerial": old["primarySerial"]}
    if body["enabled"]:
        fields = ("spareSerial", "uplinkMode", "virtualIp1", "virtualIp2")
        new = {"uplinkMode": "public"} | old | {"enabled": True} | {k: v for k, v in chosen(body, fields).items() if v}
        _check_spare(world, call.params["networkId"], new)
        if new["uplinkMode"] == "public":
            new = {name: value for name, value in new.items() if not name.startswith("virtualIp")}
    return _spare_shown(store(world, call, f"{home}/warmSpare", new, "Warm spare"))


def _check_spare(world: "World", network_id: str, new: Json) -> None:
    primary, spare = world.devices.get(str(new["primarySerial"])), world.devices.get(str(new.get("spareSerial")))
    if primary is None:
        raise refuse("There is no primary appliance in this network")
    if spare is None or spare.get("networkId") != network_id or spare is primary:
        raise refuse("Spare serial must be of another appliance in this network")
    if spare.get("model") != primary.get("model"):
        raise refuse(f"The warm spare must be the same model as the primary ({primary.get('model')})")
    if new["uplinkMode"] not in ("virtual", "public"):
        raise refuse("'uplinkMode' must be one of: 'virtual', 'public'")
    ips = [new.get("virtualIp1"), new.get("virtualIp2")]
    if new["uplinkMode"] == "virtual" and any(addresses.address(ip) is None for ip in ips):
        raise refuse("Virtual IPs are required for both uplinks when the uplink mode is 'virtual'")


@behaviour("swapNetworkApplianceWarmSpare")
def swap_spare(world: "World", call: Call) -> Json:
    """The warm spare with the roles swapped; 400 while it is off."""
    home = appliance_home(world, call)
    old = _spare(world, home)
    if not old["enabled"]:
        raise refuse("Warm spare is not enabled for this network")
    new = old | {"primarySerial": old["spareSerial"], "spareSerial": old["primarySerial"]}
    return _spare_shown(store(world, call, f"{home}/warmSpare", new, "Warm spare swap"))
