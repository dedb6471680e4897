"""Site-to-site VPN of an appliance network and what becomes of its tunnels.

The list of subnets follows the VLANs, routes or the one LAN; a subnet that was not named in a PUT is out of the VPN.
A network with an appliance starts as hub when it is the first such network of its organization, else as its spoke.
"""

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.routes import static_routes
from mcp_server.sandbox.behaviours.appliance.vlans import local_subnets, vlans
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.settings import (
    appliance_home,
    appliances_by_network,
    chosen,
    home,
    is_furnished,
    merged,
    owner_of,
    refuse,
    stocked,
    store,
)

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World


@stocked
def site_to_site(world: "World", base: str) -> Json:
    """The VPN settings of a network as stored, ``base`` being its appliance path."""

    def first() -> Json:
        network_id = owner_of(base)
        off = {"mode": "none", "hubs": [], "subnets": []}
        if not is_furnished(world, network_id) or network_id in world.templates:
            return off
        siblings = world.networks_of(world.organization_of(network_id) or "")
        hub = next(one["id"] for one in siblings if is_furnished(world, one["id"]))
        corp = vlans(world, base).get("10")
        used = [{"localSubnet": corp["subnet"] if corp else local_subnets(world, base)[0], "useVpn": True}]
        if network_id == hub:
            return {"mode": "hub", "hubs": [], "subnets": used}
        return {"mode": "spoke", "hubs": [{"hubId": hub, "useDefaultRoute": False}], "subnets": used}

    return world.singleton(f"{base}/vpn/siteToSiteVpn", first)


def _subnets(world: "World", base: str) -> list[str]:
    return [*local_subnets(world, base), *(one["subnet"] for one in static_routes(world, base).values())]


def _shown(world: "World", base: str) -> Json:
    """The settings with one row for each subnet that the network has now."""
    stored = site_to_site(world, base)
    known = {row["localSubnet"]: row for row in stored["subnets"]}
    rows = [known.get(one, {"localSubnet": one, "useVpn": False}) for one in _subnets(world, base)]
    return stored | {"subnets": rows}


@behaviour("getNetworkApplianceVpnSiteToSiteVpn")
def get_site_to_site(world: "World", call: Call) -> Json:
    """Mode, hubs and subnets."""
    return _shown(world, appliance_home(world, call))


@behaviour("updateNetworkApplianceVpnSiteToSiteVpn")
def put_site_to_site(world: "World", call: Call) -> Json:
    """The VPN settings as they are now.

    A spoke needs a hub (official SDK, 4.7.0); a hub must be one ("Invalid hub": ansible-meraki #197); a subnet must
    be the network's own and must not be another member's (Terraform provider #147).
    """
    base = appliance_home(world, call)
    sent = chosen(call.body, ("mode", "hubs", "subnets", "sgt", "subnet", "hostTranslations"))
    new = merged(site_to_site(world, base), {name: value for name, value in sent.items() if value is not None})
    if new["mode"] == "none":
        new["hubs"] = []
    new["hubs"] = [_hub(world, call.params["networkId"], row) for row in new["hubs"]]
    if new["mode"] == "spoke" and not new["hubs"]:
        raise refuse("Hubs can't be blank: at least one hub is required in spoke mode")
    new["subnets"] = _checked_subnets(world, base, call.params["networkId"], new)
    store(world, call, f"{base}/vpn/siteToSiteVpn", new, "Site-to-site VPN")
    return _shown(world, base)


def _hub(world: "World", network_id: str, row: Json) -> Json:
    hub_id = row["hubId"]
    known = world.networks.get(hub_id)
    same = known is not None and known["organizationId"] == world.organization_of(network_id) and hub_id != network_id
    if not same or site_to_site(world, f"{home(world, hub_id)}/appliance")["mode"] != "hub":
        raise refuse(f"Invalid hub: {known['name'] if known and same else hub_id}")
    return {"hubId": hub_id, "useDefaultRoute": bool(row.get("useDefaultRoute") or False)}


def _checked_subnets(world: "World", base: str, network_id: str, new: Json) -> list[Json]:
    own = _subnets(world, base)
    unknown = [row["localSubnet"] for row in new["subnets"] if row["localSubnet"] not in own]
    if unknown:
        raise refuse(f"Invalid subnet: {unknown[0]} is not a local subnet of this network")
    rows = [_subnet_row(row) for row in new["subnets"] if row.get("useVpn") or row.get("nat")]
    exported = [row["localSubnet"] for row in rows if row["useVpn"]]
    if new["mode"] != "none":
        _refuse_conflicts(world, network_id, exported)
    return rows


def _subnet_row(row: Json) -> Json:
    made: Json = {"localSubnet": row["localSubnet"], "useVpn": bool(row.get("useVpn") or False)}
    nat = row.get("nat")
    if nat:
        if nat.get("enabled") and addresses.subnet(nat.get("remoteSubnet")) is None:
            raise refuse(f"Invalid subnet: {nat.get('remoteSubnet')}")
        made["nat"] = copy.deepcopy(nat)
    return made


def _refuse_conflicts(world: "World", network_id: str, exported: list[str]) -> None:
    for other in appliances_by_network(world):
        if other == network_id or world.organization_of(other) != world.organization_of(network_id):
            continue
        theirs = list(exported_subnets(world, other))
        for one in exported:
            clash = addresses.first_overlap(one, theirs)
            if clash:
                name = world.networks[other]["name"]
                raise refuse(f"Subnet {one} conflicts with the subnet {clash} that network '{name}' has in the VPN")


def exported_subnets(world: "World", network_id: str) -> Iterator[str]:
    """The subnets that a network has in the VPN; none when it takes no part."""
    base = f"{home(world, network_id)}/appliance"
    if site_to_site(world, base)["mode"] != "none":
        yield from (row["localSubnet"] for row in _shown(world, base)["subnets"] if row["useVpn"])


# BGP


def _bgp(world: "World", base: str) -> Json:
    first = {"enabled": False, "asNumber": 64512, "ibgpHoldTimer": 240, "neighbors": []}
    return world.singleton(f"{base}/vpn/bgp", first)


@behaviour("getNetworkApplianceVpnBgp")
def get_bgp(world: "World", call: Call) -> Json:
    """BGP of a hub."""
    return _bgp(world, appliance_home(world, call))


_BGP_FIELDS = (
    "enabled", "asNumber", "ibgpHoldTimer", "ipv6", "tunnelDownTermination", "localAsNumber", "priorityRoute",
    "routerId", "neighbors",
)  # fmt: skip


@behaviour("updateNetworkApplianceVpnBgp")
def put_bgp(world: "World", call: Call) -> Json:
    """BGP as it is now; hubs only; ranges from the parameter texts of the official SDK, 4.7.0."""
    base = appliance_home(world, call)
    sent = {
        name: value
        for name, value in chosen(call.body, _BGP_FIELDS).items()
        if value is not None or name in ("localAsNumber", "routerId")  # null clears them
    }
    new = merged(_bgp(world, base), sent)
    if new["enabled"] and site_to_site(world, base)["mode"] != "hub":
        raise refuse("BGP can only be enabled on a network in VPN hub mode")
    if not 1 <= new["asNumber"] <= 4_294_967_295:
        raise refuse("'asNumber' must be between 1 and 4294967295")
    if not 12 <= new["ibgpHoldTimer"] <= 240:
        raise refuse("'ibgpHoldTimer' must be between 12 and 240")
    for row in new["neighbors"]:
        given = row.get("ip") or (row.get("ipv6") or {}).get("address")
        if not addresses.is_address_or_cidr(given):
            raise refuse(f"'{given}' is not a valid neighbor IP")
        if not 1 <= row["remoteAsNumber"] <= 4_294_967_295:
            raise refuse("'remoteAsNumber' must be between 1 and 4294967295")
    return store(world, call, f"{base}/vpn/bgp", new, "BGP")
