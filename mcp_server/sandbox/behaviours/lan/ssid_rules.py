"""What belongs to one SSID: layer 3 and layer 7 rules, and its splash page."""

import copy
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.lan.ssids import find_ssid
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.applications import settled_l7
from mcp_server.sandbox.checks.settings import home
from mcp_server.sandbox.routes import routes
from mcp_server.sandbox.shapes import known, merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_PROTOCOLS = ("tcp", "udp", "icmp", "icmp6", "any")
LOCAL_LAN = "Local LAN"


def _place(world: "World", call: Call, name: str) -> str:
    find_ssid(world, call)
    return f"{home(world, call.params['networkId'])}/wireless/ssids/{call.params['number']}/{name}"


def _record(world: "World", call: Call, label: str, old: Json, new: Json) -> None:
    number = int(call.params["number"])
    world.record_change(call.params["networkId"], "via API", f"SSID {number} {label}", old, new, ssid_number=number)


def _l3(world: "World", call: Call) -> Json:
    return world.singleton(_place(world, call, "firewall/l3FirewallRules"), {"rules": [], "allowLanAccess": True})


@behaviour("getNetworkWirelessSsidFirewallL3FirewallRules")
def get_l3(world: "World", call: Call) -> Json:
    """The rules, then the two that are always there: access to the LAN, and the default."""
    stored = _l3(world, call)
    lan = {
        "comment": "Wireless clients accessing LAN", "policy": "allow" if stored["allowLanAccess"] else "deny",
        "protocol": "Any", "destPort": "Any", "destCidr": LOCAL_LAN,
    }  # fmt: skip
    last = {"comment": "Default rule", "policy": "allow", "protocol": "Any", "destPort": "Any", "destCidr": "Any"}
    return {"rules": [*stored["rules"], lan, last], "allowLanAccess": stored["allowLanAccess"]}


@behaviour("updateNetworkWirelessSsidFirewallL3FirewallRules")
def update_l3(world: "World", call: Call) -> Json:
    """The rules replace the old ones; the implicit two, when sent along, are stored as rules of their own."""
    stored = _l3(world, call)
    body = known(call.body or {}, routes().by_operation[call.operation].body)
    faults = [fault for place, rule in enumerate(body.get("rules") or []) for fault in _l3_faults(rule, place)]
    if faults:
        raise CloudError(400, *faults)
    old = copy.deepcopy(stored)
    if body.get("rules") is not None:
        stored["rules"] = [_stored(rule) for rule in body["rules"]]
    if body.get("allowLanAccess") is not None:
        stored["allowLanAccess"] = body["allowLanAccess"]
    _record(world, call, "layer 3 rules", old, stored)
    return get_l3(world, call)


def _stored(rule: Json) -> Json:
    def capital(text: Json) -> Json:
        return "Any" if text is None or addresses.is_any(text) else text

    shown = {"comment": rule.get("comment") or "", "policy": rule["policy"], "protocol": str(rule["protocol"]).lower()}
    if rule.get("ipVer"):
        shown["ipVer"] = rule["ipVer"]
    return shown | {"destPort": capital(rule.get("destPort")), "destCidr": capital(rule["destCidr"])}


def _l3_faults(rule: Json, place: int) -> Iterator[str]:
    where = f"rules[{place}]"
    if rule["policy"] not in ("allow", "deny"):
        yield f"'{where}[policy]' must be one of: 'allow', 'deny'"
    protocol = str(rule["protocol"]).lower()
    if protocol not in _PROTOCOLS:
        yield f"'{where}[protocol]' must be one of: 'tcp', 'udp', 'icmp', 'icmp6', 'any'"
    ports = rule.get("destPort")
    if ports is not None and not addresses.is_any(ports):
        if not addresses.is_port_list(ports):
            yield f"'{where}[destPort]' must be a port, a range, a list of them, or 'any'"
        elif protocol not in ("tcp", "udp"):
            yield f"'{where}[destPort]' must be 'any' for protocol '{protocol}'"
    cidr = str(rule["destCidr"])
    plain = addresses.is_any(cidr) or cidr == LOCAL_LAN or addresses.is_domain_name(cidr)
    if not plain and not all(addresses.is_address_or_cidr(part.strip()) for part in cidr.split(",")):
        yield f"'{where}[destCidr]' must be an IP address, a subnet, a domain name, 'Local LAN' or 'any'"


@behaviour("getNetworkWirelessSsidFirewallL7FirewallRules")
def get_l7(world: "World", call: Call) -> Json:
    """The layer 7 rules; there is no default among them."""
    return world.singleton(_place(world, call, "firewall/l7FirewallRules"), {"rules": []})


@behaviour("updateNetworkWirelessSsidFirewallL7FirewallRules")
def update_l7(world: "World", call: Call) -> Json:
    """The rules replace the old ones; all of them deny."""
    settled = [settled_l7(rule, place) for place, rule in enumerate((call.body or {}).get("rules") or [])]
    faults = [fault for _rule, fault in settled if fault]
    if faults:
        raise CloudError(400, *faults)
    stored = get_l7(world, call)
    old = copy.deepcopy(stored)
    stored["rules"] = [rule for rule, _fault in settled]
    _record(world, call, "layer 7 rules", old, stored)
    return stored


# Splash page

_FIRST_SPLASH: Json = {
    "useSplashUrl": False,
    "splashUrl": None,
    "splashTimeout": 1440,
    "redirectUrl": None,
    "useRedirectUrl": False,
    "welcomeMessage": None,
    "userConsent": {"required": False, "message": None},
    "themeId": "c3ddcb4f16785ee747ab5ffc10867d6c8ea704be",
    "splashLogo": {"md5": None, "extension": None},
    "splashImage": {"md5": None, "extension": None},
    "splashPrepaidFront": {"md5": None, "extension": None},
    "guestSponsorship": {"durationInMinutes": None, "guestCanRequestTimeframe": False},
    "blockAllTrafficBeforeSignOn": False,
    "controllerDisconnectionBehavior": "default",
    "allowSimultaneousLogins": False,
    "billing": {
        "freeAccess": {"enabled": False, "durationInMinutes": 20},
        "prepaidAccessFastLoginEnabled": None,
        "replyToEmailAddress": None,
    },
    "sentryEnrollment": {"systemsManagerNetwork": {"id": None}, "strength": "focused", "enforcedSystems": []},
    "selfRegistration": {"enabled": False, "authorizationType": "self_email"},
}


@behaviour("getNetworkWirelessSsidSplashSettings")
def get_splash(world: "World", call: Call) -> Json:
    """The page as it is set up; which kind of page it is, is a field of the SSID."""
    stored = world.singleton(_place(world, call, "splash/settings"), _FIRST_SPLASH)
    ssids, number = find_ssid(world, call)
    return {"ssidNumber": int(number), "splashPage": ssids[number]["splashPage"]} | stored


@behaviour("updateNetworkWirelessSsidSplashSettings")
def update_splash(world: "World", call: Call) -> Json:
    """The page with what was asked for; of an image only its checksum is shown afterwards (Terraform provider #194)."""
    path = _place(world, call, "splash/settings")
    stored = world.singleton(path, _FIRST_SPLASH)
    tree = routes().by_operation[call.operation].body
    body = known(call.body or {}, tree)
    new = merged(stored, body, tree)
    for use, url in (("useSplashUrl", "splashUrl"), ("useRedirectUrl", "redirectUrl")):
        if new[use] and not str(new[url] or "").startswith(("http://", "https://")):
            raise CloudError(400, f"'{url}' must be a URL when '{use}' is true")
    for name in ("splashLogo", "splashImage", "splashPrepaidFront"):
        image = (body.get(name) or {}).get("image")
        if image:
            digest = hashlib.md5(str(image.get("contents")).encode(), usedforsecurity=False).hexdigest()
            new[name] |= {"md5": digest, "extension": image.get("format")}
    new["splashTimeout"] = int(new["splashTimeout"] or _FIRST_SPLASH["splashTimeout"])
    old = copy.deepcopy(stored)
    stored |= new
    _record(world, call, "splash page", {"splashUrl": old["splashUrl"]}, {"splashUrl": stored["splashUrl"]})
    return get_splash(world, call)
