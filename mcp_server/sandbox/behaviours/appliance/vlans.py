"""VLANs, their gate, the single LAN and the LAN ports of a security appliance, as the cloud treats them.

- ``vlansEnabled`` gates VLANs and ports (facts: section 1.6); switching it off destroys the VLANs.
- VLAN ids are the client's own: read as integers, written as text (facts: round trip, createNetworkApplianceVlan).
- VLAN 1 is there as soon as VLANs are on: making it answers "Vlan has already been taken" (Terraform provider #86).
"""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.references import group_policies
from mcp_server.sandbox.checks.settings import (
    appliance_home,
    chosen,
    furnish,
    is_furnished,
    log,
    merged,
    ordinal,
    owner_of,
    refuse,
    stocked,
    store,
)
from mcp_server.sandbox.checks.vlan_users import vlan_users

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

NOT_ENABLED = "VLANs are not enabled for this network"
SERVE, RELAY, SILENT = "Run a DHCP server", "Relay DHCP to another server", "Do not respond to DHCP requests"
FIRST_LAN = {"subnet": "192.168.128.0/24", "applianceIp": "192.168.128.1"}
ALL_VLANS = {"type": "trunk", "dropUntaggedTraffic": False, "vlan": 1, "allowedVlans": "all"}
_BOOT = ("dhcpBootNextServer", "dhcpBootFilename")
_TEMPLATE_ONLY = ("templateVlanType", "cidr", "mask")
_WRITABLE = (
    "name", "subnet", "applianceIp", "groupPolicyId", "vpnNatSubnet", "dhcpHandling", "dhcpRelayServerIps",
    "dhcpLeaseTime", "dhcpBootOptionsEnabled", *_BOOT, "fixedIpAssignments", "reservedIpRanges", "dnsNameservers",
    "dhcpOptions", "ipv6", "mandatoryDhcp", "sgt", "vrf", "uplinks", *_TEMPLATE_ONLY,
)  # fmt: skip
_DISABLED_UNSAID = "Please specify if prefix assignment should be disabled"


# What is there


def are_enabled(world: "World", home: str) -> bool:
    """Whether a network has VLANs; one with an appliance starts with them."""
    return bool(_gate(world, home)["vlansEnabled"])


def _gate(world: "World", home: str) -> Json:
    return world.singleton(f"{home}/vlans/settings", lambda: {"vlansEnabled": is_furnished(world, owner_of(home))})


@stocked
def vlans(world: "World", home: str) -> dict[str, Json]:
    """The VLANs of a network by id, as stored; none while VLANs are off."""

    def first() -> dict[str, Json]:
        if not are_enabled(world, home):
            return {}
        network_id = owner_of(home)
        number = ordinal(network_id)
        corp = f"10.{10 + number // 250}.{number % 250}"
        rows = ((1, "Default", "192.168.128"), (10, "Corp", corp), (20, "Guest", "192.168.20"))
        made = [_new_vlan(network_id, id_, name, f"{net}.0/24", f"{net}.1") for id_, name, net in rows]
        for vlan in made:
            vlan["interfaceId"] = str(900_000_000_000 + number * 100 + vlan["id"])
        made[1]["fixedIpAssignments"] = {"22:33:44:55:66:77": {"ip": f"{corp}.40", "name": "Front desk printer"}}
        made[1]["reservedIpRanges"] = [{"start": f"{corp}.2", "end": f"{corp}.20", "comment": "Servers"}]
        made[2]["dnsNameservers"] = "opendns"
        return {str(vlan["id"]): vlan for vlan in made}

    return world.collection(f"{home}/vlans", first)


def single_lan(world: "World", home: str) -> Json:
    """The one LAN of a network without VLANs, as stored."""
    first = FIRST_LAN | {"mandatoryDhcp": {"enabled": False}, "ipv6": {"enabled": False, "prefixAssignments": []}}
    return world.singleton(f"{home}/singleLan", first)


def local_subnets(world: "World", home: str) -> list[str]:
    """The subnets that a network's appliance has an address in: its VLANs, or its one LAN."""
    if are_enabled(world, home):
        return [vlan["subnet"] for vlan in vlans(world, home).values()]
    return [single_lan(world, home)["subnet"]]


def _new_vlan(network_id: str, id_: int, name: str, subnet: Json, ip: Json) -> dict[str, Json]:
    return {
        "id": id_, "networkId": network_id, "name": name, "subnet": subnet, "applianceIp": ip,
        "dnsNameservers": "upstream_dns", "fixedIpAssignments": {}, "reservedIpRanges": [],
        "dhcpHandling": SERVE, "dhcpLeaseTime": "1 day", "dhcpBootOptionsEnabled": False, "dhcpOptions": [],
        "mandatoryDhcp": {"enabled": False}, "ipv6": {"enabled": False, "prefixAssignments": []},
    }  # fmt: skip


def _gated(world: "World", call: Call) -> str:
    """The appliance home of a network that has VLANs; 400 otherwise (facts: section 1.6)."""
    home = appliance_home(world, call)
    if not are_enabled(world, home):
        raise refuse(NOT_ENABLED)
    return home


def _find(world: "World", call: Call) -> tuple[str, Json]:
    home = _gated(world, call)
    vlan = vlans(world, home).get(call.params["vlanId"])
    if vlan is None:
        raise CloudError(404)
    return home, vlan


def _shown(vlan: Json) -> Json:
    """A VLAN as a GET shows it: without what is write-only."""
    shown = {name: value for name, value in vlan.items() if name != "uplinks"}
    shown["ipv6"] = _without_disabled(vlan.get("ipv6"))
    return shown


def _without_disabled(ipv6: Json) -> Json:
    """IPv6 settings as read: ``disabled`` is never shown (facts: round trip, updateNetworkApplianceSingleLan)."""
    if not isinstance(ipv6, dict):
        return ipv6
    rows = [{k: v for k, v in row.items() if k != "disabled"} for row in ipv6.get("prefixAssignments") or []]
    return ipv6 | {"prefixAssignments": rows}


# VLANs


@behaviour("getNetworkApplianceVlans")
def list_vlans(world: "World", call: Call) -> Json:
    """The VLANs by rising id; 400 while VLANs are off."""
    return [_shown(one) for one in sorted(vlans(world, _gated(world, call)).values(), key=lambda one: one["id"])]


@behaviour("getNetworkApplianceVlan")
def get_vlan(world: "World", call: Call) -> Json:
    """One VLAN; 404 when there is none of that id."""
    return _shown(_find(world, call)[1])


@behaviour("createNetworkApplianceVlan")
def create_vlan(world: "World", call: Call) -> Json:
    """The new VLAN, its id an integer though it was sent as text (facts: round trip, createNetworkApplianceVlan)."""
    home = _gated(world, call)
    body = call.body or {}
    text = str(body.get("id", ""))
    if not text.isdecimal() or not 1 <= int(text) <= 4094:
        raise refuse("Vlan ID must be between 1 and 4094")
    key = str(int(text))
    if key in vlans(world, home):
        raise refuse("Vlan has already been taken")
    if owner_of(home) not in world.templates and not (body.get("subnet") and body.get("applianceIp")):
        raise refuse("Subnet and appliance IP are required for a VLAN")
    start = _new_vlan(owner_of(home), int(key), "", None, None)
    vlan = _settled(start, merged(start, _sent(world, home, body)))
    _check(world, home, vlan)
    vlan["interfaceId"] = world.new_id("interface")
    vlans(world, home)[key] = vlan
    log(world, call, f"VLAN {key}", None, _shown(vlan))
    return _shown(vlan)


@behaviour("updateNetworkApplianceVlan")
def update_vlan(world: "World", call: Call) -> Json:
    """The VLAN as it is now; fields left out keep their values, fixedIpAssignments replaces (facts: section 1.3)."""
    home, old = _find(world, call)
    vlan = _settled(old, merged(old, _sent(world, home, call.body)))
    _check(world, home, vlan)
    if vlan["subnet"] != old["subnet"]:
        furnish(world, home)
        _check_routes_keep_gateway(world, home, old["subnet"], vlan["subnet"])
        _rename_vpn_subnet(world, home, old["subnet"], vlan["subnet"])
    vlans(world, home)[call.params["vlanId"]] = vlan
    log(world, call, f"VLAN {vlan['id']}", _shown(old), _shown(vlan))
    return _shown(vlan)


@behaviour("deleteNetworkApplianceVlan")
def delete_vlan(world: "World", call: Call) -> Json:
    """Nothing; 400 while a port, route, policy, rule, SSID or device uses it, and for the last VLAN.

    Sources: Terraform provider (cisco-open) #166 for SSIDs, Terraform provider #82 and #83 for traffic filters,
    Terraform provider #147 for the last VLAN; the wording of the others is a guess after them.
    """
    home, vlan = _find(world, call)
    items = vlans(world, home)
    if len(items) == 1:
        raise refuse("At least one VLAN must exist")
    texts = list(vlan_users(world, home, vlan))
    if texts:
        raise CloudError(400, *texts)
    del items[call.params["vlanId"]]
    _drop_vpn_subnet(world, home, vlan["subnet"])
    log(world, call, f"VLAN {vlan['id']}", _shown(vlan), None)
    return None


def _sent(world: "World", home: str, body: Json) -> dict[str, Json]:
    """The writable fields of a body; subnetting of templates is ignored elsewhere."""
    sent = chosen(body, _WRITABLE)
    if owner_of(home) not in world.templates:
        sent = {name: value for name, value in sent.items() if name not in _TEMPLATE_ONLY}
    return sent


def _settled(old: Json, vlan: Json) -> Json:
    """The VLAN with the DHCP fields that its mode has, and cleared fields gone.

    The Dashboard shows lease, boot and options only where it serves, and relay servers only where it relays; that a
    change of mode forgets the others is a guess, the safer of two.
    """
    new: dict[str, Json] = copy.deepcopy(vlan)
    defaults = _new_vlan("", 0, "", None, None)
    for name in ("fixedIpAssignments", "reservedIpRanges", "dhcpHandling", "dnsNameservers", "mandatoryDhcp", "ipv6"):
        if new.get(name) is None:
            new[name] = defaults[name]
    serves, relays = new["dhcpHandling"] == SERVE, new["dhcpHandling"] == RELAY
    for name in ("dhcpLeaseTime", "dhcpBootOptionsEnabled", "dhcpOptions"):
        if not serves:
            new.pop(name, None)
        elif new.get(name) is None:
            new[name] = copy.deepcopy(defaults[name])
    if not relays:
        new.pop("dhcpRelayServerIps", None)
    if not (serves and new["dhcpBootOptionsEnabled"]):
        for name in _BOOT:
            new.pop(name, None)
    kept = ("name", "subnet", "applianceIp")
    settled = {name: value for name, value in new.items() if value is not None or name in kept}
    for name in kept:
        if settled.get(name) is None:
            settled[name] = old.get(name)
    return settled


def _check(world: "World", home: str, vlan: Json) -> None:
    """Refuse a VLAN that the cloud would refuse."""
    if owner_of(home) not in world.templates or vlan.get("subnet"):
        _check_subnet(world, home, vlan)
    if not str(vlan["name"]).strip():
        raise refuse("Name can't be blank")
    policy_id = vlan.get("groupPolicyId")
    # 400 where one would expect 404: Terraform provider PR #57
    if policy_id is not None and policy_id not in group_policies(world, home.removesuffix("/appliance")):
        raise refuse("Group policy ID is invalid")
    _check_dhcp(vlan)
    _check_prefix_assignments(vlan.get("ipv6"))


def _check_subnet(world: "World", home: str, vlan: Json) -> None:
    net = addresses.subnet(vlan["subnet"])
    if net is None:
        raise refuse(f"Subnet {vlan['subnet']} is not a valid subnet in CIDR form (e.g. '192.168.1.0/24')")
    if not addresses.is_host_of(vlan["applianceIp"], vlan["subnet"]):
        raise refuse(f"MX IP {vlan['applianceIp']} must be a host address in the subnet {vlan['subnet']}")
    for other in vlans(world, home).values():
        if other["id"] != vlan["id"] and addresses.first_overlap(vlan["subnet"], [str(other["subnet"])]):
            raise refuse(f"Subnet {vlan['subnet']} overlaps with the subnet {other['subnet']} of VLAN {other['id']}")
    for route in (world.get(f"{home}/staticRoutes") or {}).values():
        if addresses.first_overlap(vlan["subnet"], [route["subnet"]]):
            raise refuse(f"Subnet {vlan['subnet']} overlaps with the static route '{route['name']}'")
    nat = vlan.get("vpnNatSubnet")
    translated = addresses.subnet(nat)
    if nat is not None and (translated is None or translated.prefixlen != net.prefixlen):
        raise refuse("VPN NAT subnet must be a subnet of the same size as the VLAN's subnet")


def _check_dhcp(vlan: Json) -> None:
    relays = vlan.get("dhcpRelayServerIps") or []
    if vlan["dhcpHandling"] == RELAY and not relays:
        raise refuse("DHCP relay server IPs can't be blank when DHCP is relayed to another server")
    if any(addresses.address(ip) is None for ip in relays):
        raise refuse("DHCP relay server IPs must be IPv4 addresses")
    seen: set[str] = set()
    for mac, entry in vlan["fixedIpAssignments"].items():
        ip = entry.get("ip") if isinstance(entry, dict) else None
        if not addresses.is_mac(mac):
            raise refuse(f"Fixed IP assignment {mac} is not a valid MAC address")
        if not addresses.is_inside(ip, vlan["subnet"]):
            raise refuse(f"Fixed IP assignment for {mac} must be an IP address in the subnet {vlan['subnet']}")
        if ip in seen or ip == vlan["applianceIp"]:
            raise refuse(f"Fixed IP assignment {ip} has already been taken")
        seen.add(str(ip))
    for row in vlan["reservedIpRanges"]:
        low, high = addresses.address(row.get("start")), addresses.address(row.get("end"))
        inside = addresses.is_inside(row.get("start"), vlan["subnet"]) and addresses.is_inside(
            row.get("end"), vlan["subnet"]
        )
        if low is None or high is None or not inside or low > high:
            raise refuse(f"Reserved IP range {row.get('start')}-{row.get('end')} is not in the subnet {vlan['subnet']}")
    for option in vlan.get("dhcpOptions") or []:
        code = str(option.get("code", ""))
        if not code.isdecimal() or not 2 <= int(code) <= 254:
            raise refuse(f"DHCP option code {code} is invalid")
        if option.get("type") not in ("text", "ip", "hex", "integer"):
            raise refuse("DHCP option type must be one of: 'text', 'ip', 'hex' or 'integer'")


def _check_prefix_assignments(ipv6: Json) -> None:
    """One text for each assignment that leaves ``disabled`` out (Terraform provider #121)."""
    rows = (ipv6 or {}).get("prefixAssignments") or []
    texts = [_DISABLED_UNSAID for row in rows if not isinstance(row.get("disabled"), bool)]
    if texts:
        raise CloudError(400, *texts)


def _check_routes_keep_gateway(world: "World", home: str, old: str, new: str) -> None:
    for route in (world.get(f"{home}/staticRoutes") or {}).values():
        if addresses.is_inside(route["gatewayIp"], old) and not addresses.is_inside(route["gatewayIp"], new):
            raise refuse(f"Static route '{route['name']}' has a next hop IP that is not in any configured subnet")


def _rename_vpn_subnet(world: "World", home: str, old: str, new: str) -> None:
    """Site-to-site subnets follow their VLAN."""
    vpn = world.get(f"{home}/vpn/siteToSiteVpn") or {}
    for row in vpn.get("subnets", []):
        if row["localSubnet"] == old:
            row["localSubnet"] = new


def _drop_vpn_subnet(world: "World", home: str, gone: str) -> None:
    vpn = world.get(f"{home}/vpn/siteToSiteVpn")
    if vpn:
        vpn["subnets"] = [row for row in vpn["subnets"] if row["localSubnet"] != gone]


# The gate


@behaviour("getNetworkApplianceVlansSettings")
def get_vlans_settings(world: "World", call: Call) -> Json:
    """Whether VLANs are on."""
    return _gate(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceVlansSettings")
def update_vlans_settings(world: "World", call: Call) -> Json:
    """The gate as it is now. On: the LAN becomes VLAN 1. Off: the VLANs are destroyed, the lowest becomes the LAN."""
    home = appliance_home(world, call)
    wanted = (call.body or {}).get("vlansEnabled")
    old = dict(_gate(world, home))
    if wanted is None or wanted == old["vlansEnabled"]:
        return old
    (_switch_on if wanted else _switch_off)(world, home)
    return store(world, call, f"{home}/vlans/settings", {"vlansEnabled": wanted}, "VLANs")


def _switch_on(world: "World", home: str) -> None:
    lan = single_lan(world, home)
    first = _new_vlan(owner_of(home), 1, "Default", lan["subnet"], lan["applianceIp"])
    first |= {"mandatoryDhcp": lan["mandatoryDhcp"], "ipv6": lan["ipv6"], "interfaceId": world.new_id("interface")}
    items = vlans(world, home)
    items.clear()
    items["1"] = first
    world.resources.pop(f"{home}/singleLan", None)


def _switch_off(world: "World", home: str) -> None:
    furnish(world, home)
    items = vlans(world, home)
    lowest = items[min(items, key=int)]
    for route in (world.get(f"{home}/staticRoutes") or {}).values():
        if not addresses.is_inside(route["gatewayIp"], lowest["subnet"]):
            raise refuse(f"Static route '{route['name']}' has a next hop IP that is not in any configured subnet")
    for vlan in list(items.values()):
        if vlan is not lowest:
            _drop_vpn_subnet(world, home, vlan["subnet"])
    world.put(f"{home}/singleLan", {name: lowest[name] for name in ("subnet", "applianceIp", "mandatoryDhcp", "ipv6")})
    items.clear()
    for port in world.collection(f"{home}/ports").values():
        port.pop("accessPolicy", None)
        port.update(ALL_VLANS)


# The single LAN


@behaviour("getNetworkApplianceSingleLan")
def get_single_lan(world: "World", call: Call) -> Json:
    """The one LAN; 400 while VLANs are on."""
    lan = single_lan(world, _without_vlans(world, call))
    return lan | {"ipv6": _without_disabled(lan["ipv6"])}


@behaviour("updateNetworkApplianceSingleLan")
def update_single_lan(world: "World", call: Call) -> Json:
    """The one LAN as it is now; each prefix assignment must say ``disabled`` (facts: section 1.3)."""
    home = _without_vlans(world, call)
    lan = merged(single_lan(world, home), chosen(call.body, ("subnet", "applianceIp", "ipv6", "mandatoryDhcp", "vrf")))
    if addresses.subnet(lan["subnet"]) is None:
        raise refuse(f"Subnet {lan['subnet']} is not a valid subnet in CIDR form (e.g. '192.168.1.0/24')")
    if not addresses.is_host_of(lan["applianceIp"], lan["subnet"]):
        raise refuse(f"MX IP {lan['applianceIp']} must be a host address in the subnet {lan['subnet']}")
    _check_prefix_assignments(lan.get("ipv6"))
    old = single_lan(world, home)["subnet"]
    _check_routes_keep_gateway(world, home, old, lan["subnet"])
    _rename_vpn_subnet(world, home, old, lan["subnet"])
    stored = store(world, call, f"{home}/singleLan", lan, "Single LAN")
    return stored | {"ipv6": _without_disabled(stored["ipv6"])}


def _without_vlans(world: "World", call: Call) -> str:
    home = appliance_home(world, call)
    if are_enabled(world, home):
        raise refuse("Single LAN is not available while VLANs are enabled for this network")
    return home
