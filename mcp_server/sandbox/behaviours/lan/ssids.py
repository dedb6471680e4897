"""The fifteen SSIDs of a wireless network.

- Which fields exist depends on authMode, ipAssignmentMode and splashPage; a field of another mode is refused, also
  ``encryptionMode: wpa-eap`` that a GET of an 802.1X SSID shows (facts: section 2, point 6).
- A change of authMode drops what the new mode does not have, RADIUS servers with their secrets included.
- Secrets of RADIUS, Active Directory and LDAP are kept and never shown; the PSK is shown (facts: section 1.4).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.settings import home, is_furnished
from mcp_server.sandbox.routes import routes
from mcp_server.sandbox.shapes import known, merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_RADIUS_MODES = frozenset({
    "8021x-radius", "open-with-radius", "ipsk-with-radius", "ipsk-with-radius-easy-psk", "open-enhanced-with-radius",
})  # fmt: skip
_RADIUS_FIELDS = (
    "radiusServers", "radiusAccountingEnabled", "radiusAccountingServers", "radiusAttributeForGroupPolicies",
    "radiusFailoverPolicy", "radiusLoadBalancingPolicy", "radiusTestingEnabled", "radiusCalledStationId",
    "radiusAuthenticationNasId", "radiusServerTimeout", "radiusServerAttemptsLimit", "radiusFallbackEnabled",
    "radiusProxyEnabled", "radiusCoaEnabled", "radiusOverride", "radiusGuestVlanEnabled", "radiusGuestVlanId",
    "radiusAccountingInterimInterval", "radiusAccountingStartDelay", "radiusRadsec",
)  # fmt: skip
_ENCRYPTED = "wpaEncryptionMode", "dot11w", "dot11r", "security"
#: parameter texts of the official SDK 4.7.0
_RADIUS_LIMITS = {
    "radiusServerTimeout": (1, 10), "radiusServerAttemptsLimit": (1, 5), "radiusAccountingStartDelay": (0, 60),
}  # fmt: skip
_PSK_ENCRYPTIONS = ("wep", "wpa")  #: parameter texts of the official SDK 4.7.0
_TAGGED_MODES = ("Bridge mode", "Layer 3 roaming", "Layer 3 roaming with a concentrator", "VPN", "Campus Gateway")
_IP_MODES = ("NAT mode", *_TAGGED_MODES, "Ethernet over GRE")
_BANDS = ("Dual band operation", "5 GHz band only", "Dual band operation with Band Steering", "6 GHz band only")
_RATES = (1, 2, 5.5, 6, 9, 11, 12, 18, 24, 36, 48, 54)
SLOTS = 15


def ssids_of(world: "World", network_home: str) -> dict[str, Json]:
    """The SSIDs of a network by number, secrets included; a furnished network starts with three that are on."""
    return world.collection(f"{network_home}/wireless/ssids", lambda: first_ssids(world, network_home))


def first_ssids(world: "World", network_home: str) -> dict[str, Json]:
    """The SSIDs as they are before anybody changes them."""
    made = {str(number): _unconfigured(number) for number in range(SLOTS)}
    if not is_furnished(world, network_home.split("/")[2]):
        return made
    made["0"] |= {
        "name": "Corporativo", "enabled": True, "authMode": "psk", "psk": "seeded-corporate-psk",
        "encryptionMode": "wpa", "wpaEncryptionMode": "WPA2 only", "ipAssignmentMode": "Bridge mode",
        "useVlanTagging": True, "defaultVlanId": 10,
    }  # fmt: skip
    made["1"] |= {"name": "Visitantes", "enabled": True, "splashPage": "Click-through splash page"}
    made["1"] |= {"walledGardenEnabled": False}
    made["2"] |= {
        "name": "Segurança 802.1X", "enabled": True, "authMode": "8021x-radius", "wpaEncryptionMode": "WPA2 only",
        "ipAssignmentMode": "Bridge mode", "useVlanTagging": False, "encryptionMode": "wpa-eap",
        "radiusServers": [{"id": "1", "host": "10.10.0.53", "port": 1812, "secret": "seeded-ssid-secret"}],
        "radiusAccountingEnabled": False, "radiusFailoverPolicy": "Deny access",
        "radiusLoadBalancingPolicy": "Strict priority order", "radiusTestingEnabled": True, "radiusCoaEnabled": False,
    }  # fmt: skip
    return {number: _fitted(ssid) for number, ssid in made.items()}


def _unconfigured(number: int) -> dict[str, Json]:
    return {
        "number": number,
        "name": f"Unconfigured SSID {number + 1}",
        "enabled": False,
        "splashPage": "None",
        "ssidAdminAccessible": False,
        "authMode": "open",
        "ipAssignmentMode": "NAT mode",
        "adultContentFilteringEnabled": False,
        "dnsRewrite": {"enabled": False, "dnsCustomNameservers": []},
        "minBitrate": 11,
        "bandSelection": "Dual band operation",
        "perClientBandwidthLimitUp": 0,
        "perClientBandwidthLimitDown": 0,
        "perSsidBandwidthLimitUp": 0,
        "perSsidBandwidthLimitDown": 0,
        "mandatoryDhcpEnabled": False,
        "visible": True,
        "availableOnAllAps": True,
        "availabilityTags": [],
        "speedBurst": {"enabled": False},
    }


def find_ssid(world: "World", call: Call) -> tuple[dict[str, Json], str]:
    """The SSIDs of the network and the number asked for; CloudError 404 beyond the last slot."""
    ssids = ssids_of(world, home(world, call.params["networkId"]))
    number = call.params["number"]
    if number not in ssids:
        raise CloudError(404, "Not found")
    return ssids, number


@behaviour("getNetworkWirelessSsids")
def list_ssids(world: "World", call: Call) -> Json:
    """All fifteen slots."""
    return list(ssids_of(world, home(world, call.params["networkId"])).values())


@behaviour("getNetworkWirelessSsid")
def get_ssid(world: "World", call: Call) -> Json:
    """One slot."""
    ssids, number = find_ssid(world, call)
    return ssids[number]


@behaviour("updateNetworkWirelessSsid")
def update_ssid(world: "World", call: Call) -> Json:
    """The slot with what was asked for; a field that its mode does not have refuses all."""
    ssids, number = find_ssid(world, call)
    tree = routes().by_operation[call.operation].body
    body = known(call.body or {}, tree)
    old = ssids[number]
    new = merged(old, body, tree)
    faults = list(_faults(old, new, body))
    if faults:
        raise CloudError(400, *faults)
    _number_servers(new)
    ssids[number] = _fitted(new)
    world.record_change(
        call.params["networkId"],
        "via API",
        f"SSID {number}",
        _public(old),
        _public(ssids[number]),
        ssid_number=int(number),
    )
    return ssids[number]


def _public(ssid: Json) -> Json:
    return {
        name: value for name, value in ssid.items() if name not in ("psk", "activeDirectory", "ldap", *_RADIUS_FIELDS)
    }


def _number_servers(ssid: Json) -> None:
    for name in ("radiusServers", "radiusAccountingServers"):
        for place, server in enumerate(ssid.get(name) or [], 1):
            server.setdefault("id", str(place))
            server["port"] = server.get("port") or (1812 if name == "radiusServers" else 1813)


def _faults(old: Json, new: Json, body: Json) -> Iterator[str]:
    if not new["name"] or len(new["name"]) > 32:
        yield "Name must be between 1 and 32 characters"
    yield from _auth_faults(new, body)
    yield from _radius_faults(new, body)
    yield from _address_faults(new, body)
    if new["bandSelection"] not in _BANDS:
        yield f"'bandSelection' must be one of: {_quoted(_BANDS)}"
    if new["minBitrate"] not in _RATES:
        yield f"'minBitrate' must be one of: {', '.join(map(str, _RATES))}"
    if body.get("availableOnAllAps") is False and not new["availabilityTags"]:
        yield "availabilityTags must be given when the SSID is not available on all APs"
    if new["splashPage"] == "None" and old["splashPage"] == "None":
        for name in ("walledGardenEnabled", "walledGardenRanges", "splashGuestSponsorDomains"):
            if body.get(name):
                yield f"'{name}' can only be set when a splash page is used"


def _quoted(options: tuple[str, ...]) -> str:
    return ", ".join(f"'{option}'" for option in options)


def _auth_faults(new: Json, body: Json) -> Iterator[str]:
    mode = new["authMode"]
    if mode == "psk" and len(new.get("psk") or "") < 8:
        yield "Passphrase must be at least 8 characters"
    if body.get("psk") is not None and mode != "psk":
        yield f"'psk' is not allowed when authMode is '{mode}'"
    encryption = body.get("encryptionMode")
    if encryption is not None and (mode != "psk" or encryption not in _PSK_ENCRYPTIONS):
        yield f"'encryptionMode' '{encryption}' is not allowed when authMode is '{mode}'"
    if mode == "open":
        for name in _ENCRYPTED:
            if body.get(name) is not None:
                yield f"'{name}' is not allowed when authMode is 'open'"
    if (body.get("dot11w") or {}).get("required") and not (new.get("dot11w") or {}).get("enabled"):
        yield "802.11w must be enabled to be required"


def _radius_faults(new: Json, body: Json) -> Iterator[str]:
    mode = new["authMode"]
    splash_radius = new["splashPage"] == "Password-protected with custom RADIUS"
    for name, (low, high) in _RADIUS_LIMITS.items():
        if body.get(name) is not None and not low <= body[name] <= high:
            yield f"'{name}' must be between {low} and {high}"
    if mode in _RADIUS_MODES or splash_radius:
        if not new.get("radiusServers"):
            yield "At least one RADIUS server is required"
        for name in ("radiusServers", "radiusAccountingServers"):
            if any(not server.get("secret") and not server.get("radsecEnabled") for server in new.get(name) or []):
                yield f"'{name}' must each have a secret"
        return
    for name in _RADIUS_FIELDS:
        if body.get(name):
            yield f"'{name}' is not allowed when authMode is '{mode}'"


def _address_faults(new: Json, body: Json) -> Iterator[str]:
    mode = new["ipAssignmentMode"]
    if mode not in _IP_MODES:
        yield f"'ipAssignmentMode' must be one of: {_quoted(_IP_MODES)}"
    if mode not in _TAGGED_MODES:
        for name in ("useVlanTagging", "defaultVlanId", "vlanId", "apTagsAndVlanIds", "lanIsolationEnabled"):
            if body.get(name):
                yield f"'{name}' is not allowed when ipAssignmentMode is '{mode}'"
    if mode != "NAT mode" and body.get("adultContentFilteringEnabled"):
        yield f"'adultContentFilteringEnabled' is not allowed when ipAssignmentMode is '{mode}'"
    if (
        mode in _TAGGED_MODES
        and new.get("useVlanTagging")
        and new.get("defaultVlanId") is None
        and not new.get("vlanId")
    ):
        yield "'defaultVlanId' is required when VLAN tagging is used"
    for name in ("defaultVlanId", "vlanId", "radiusGuestVlanId"):
        if new.get(name) is not None and not 0 <= new[name] <= 4094:
            yield f"'{name}' must be between 1 and 4094"
    if mode in ("VPN", "Layer 3 roaming with a concentrator") and not new.get("concentratorNetworkId"):
        yield f"'concentratorNetworkId' is required when ipAssignmentMode is '{mode}'"


def _fitted(ssid: Json) -> Json:
    """The SSID with just the fields that its modes have, as a GET shows them."""
    mode = ssid["authMode"]
    drop: list[str] = []
    if mode == "psk":
        ssid["encryptionMode"] = "wep" if ssid.get("encryptionMode") == "wep" else "wpa"
    elif mode.startswith("8021x"):
        ssid["encryptionMode"] = "wpa-eap"
    else:
        drop.append("encryptionMode")
    if mode.startswith("open"):
        drop += _ENCRYPTED
    else:
        ssid.setdefault("wpaEncryptionMode", "WPA2 only")
    if mode != "psk":
        drop.append("psk")
    drop += _dropped_servers(ssid, mode)
    ip_mode = ssid["ipAssignmentMode"]
    if ip_mode not in _TAGGED_MODES:
        drop += ["useVlanTagging", "defaultVlanId", "vlanId", "apTagsAndVlanIds", "lanIsolationEnabled"]
    else:
        ssid.setdefault("useVlanTagging", False)
        drop += ["adultContentFilteringEnabled", "dnsRewrite"]
    if ssid["splashPage"] == "None":
        drop += ["walledGardenEnabled", "walledGardenRanges"]
    fitted = {name: value for name, value in ssid.items() if name not in drop}
    return fitted | _regained(fitted, ip_mode)


def _dropped_servers(ssid: Json, mode: str) -> list[str]:
    drop: list[str] = []
    if mode not in _RADIUS_MODES and ssid["splashPage"] != "Password-protected with custom RADIUS":
        drop += _RADIUS_FIELDS
    if ssid["splashPage"] != "Password-protected with Active Directory":
        drop.append("activeDirectory")
    if ssid["splashPage"] != "Password-protected with LDAP":
        drop.append("ldap")
    return drop


def _regained(ssid: Json, ip_mode: str) -> dict[str, Json]:
    if ip_mode == "NAT mode" and "adultContentFilteringEnabled" not in ssid:
        return {
            "adultContentFilteringEnabled": False,
            "dnsRewrite": {"enabled": False, "dnsCustomNameservers": []},
        }
    return {}
