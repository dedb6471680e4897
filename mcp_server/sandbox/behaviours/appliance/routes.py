"""Static routes of a security appliance: ids of the server, next hops inside the network's own subnets."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.vlans import are_enabled, local_subnets, vlans
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.settings import (
    appliance_home,
    chosen,
    is_furnished,
    log,
    merged,
    ordinal,
    owner_of,
    refuse,
    stocked,
    uuid_of,
)

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_WRITABLE = ("name", "subnet", "gatewayIp", "gatewayVlanId", "enabled", "fixedIpAssignments", "reservedIpRanges", "vrf")


@stocked
def static_routes(world: "World", home: str) -> dict[str, Json]:
    """The static routes of a network by id; a network with an appliance starts with one, through its lowest VLAN."""

    def first() -> dict[str, Json]:
        network_id = owner_of(home)
        if not is_furnished(world, network_id):
            return {}
        number = ordinal(network_id)
        hop = local_subnets(world, home)[0].rpartition(".")[0] + ".254"
        route = _new_route(network_id, "Warehouse", f"10.{210 + number // 2500 % 40}.{number % 250}.0/24", hop)
        route["id"] = uuid_of(f"static route of {network_id}")
        return {route["id"]: route}

    return world.collection(f"{home}/staticRoutes", first)


def _new_route(network_id: str, name: str, subnet: str, hop: str) -> dict[str, Json]:
    return {
        "ipVersion": 4, "networkId": network_id, "enabled": True, "name": name, "subnet": subnet, "gatewayIp": hop,
        "fixedIpAssignments": {}, "reservedIpRanges": [],
    }  # fmt: skip


@behaviour("getNetworkApplianceStaticRoutes")
def list_routes(world: "World", call: Call) -> Json:
    """The static routes."""
    return list(static_routes(world, appliance_home(world, call)).values())


def _find(world: "World", call: Call) -> tuple[str, Json]:
    home = appliance_home(world, call)
    route = static_routes(world, home).get(call.params["staticRouteId"])
    if route is None:
        raise CloudError(404)
    return home, route


@behaviour("getNetworkApplianceStaticRoute")
def get_route(world: "World", call: Call) -> Json:
    """One static route; 404 for an unknown id."""
    return _find(world, call)[1]


@behaviour("createNetworkApplianceStaticRoute")
def create_route(world: "World", call: Call) -> Json:
    """The new route with an id of the server, another one each time (facts: section 1.6)."""
    home = appliance_home(world, call)
    body = chosen(call.body, ("name", "subnet", "gatewayIp", "gatewayVlanId", "enabled", "vrf"))
    route = merged(_new_route(owner_of(home), "", "", ""), body)
    _check(world, home, route)
    route["id"] = uuid_of(f"static route {world.new_id('static_route')}")
    static_routes(world, home)[route["id"]] = _settled(route)
    log(world, call, f"Static route {route['name']}", None, route)
    return _settled(route)


@behaviour("updateNetworkApplianceStaticRoute")
def update_route(world: "World", call: Call) -> Json:
    """The route as it is now."""
    home, old = _find(world, call)
    route = merged(old, chosen(call.body, _WRITABLE))
    _check(world, home, route)
    static_routes(world, home)[route["id"]] = _settled(route)
    log(world, call, f"Static route {route['name']}", old, _settled(route))
    return _settled(route)


@behaviour("deleteNetworkApplianceStaticRoute")
def delete_route(world: "World", call: Call) -> Json:
    """Nothing; the route's subnet leaves the site-to-site VPN with it."""
    home, route = _find(world, call)
    del static_routes(world, home)[route["id"]]
    vpn = world.get(f"{home}/vpn/siteToSiteVpn")
    if vpn:
        vpn["subnets"] = [row for row in vpn["subnets"] if row["localSubnet"] != route["subnet"]]
    log(world, call, f"Static route {route['name']}", route, None)
    return None


def _settled(route: Json) -> Json:
    """The route with cleared fields gone and its maps and lists never null."""
    kept = {name: value for name, value in route.items() if value is not None}
    return {"fixedIpAssignments": {}, "reservedIpRanges": []} | kept


def _check(world: "World", home: str, route: Json) -> None:
    if not str(route.get("name") or "").strip():
        raise refuse("Name can't be blank")
    if addresses.subnet(route.get("subnet")) is None:
        raise refuse(f"Subnet {route.get('subnet')} is not a valid subnet in CIDR form (e.g. '192.168.1.0/24')")
    locals_ = local_subnets(world, home)
    if not any(addresses.is_inside(route.get("gatewayIp"), one) for one in locals_):
        raise refuse(f"Gateway IP {route.get('gatewayIp')} must be in one of the network's subnets")
    overlap = addresses.first_overlap(route["subnet"], locals_)
    if overlap:
        raise refuse(f"Subnet {route['subnet']} overlaps with the local subnet {overlap}")
    for other in static_routes(world, home).values():
        if other["id"] != route.get("id") and other["subnet"] == route["subnet"]:
            raise refuse("Subnet has already been taken")
    vlan_id = route.get("gatewayVlanId")
    if vlan_id is None:
        return
    vlan = vlans(world, home).get(str(vlan_id)) if are_enabled(world, home) else None
    if vlan is None:
        raise refuse(f"VLAN {vlan_id} is not configured on this network")
    if not addresses.is_inside(route["gatewayIp"], vlan["subnet"]):
        raise refuse(f"Gateway IP {route['gatewayIp']} must be in the subnet of VLAN {vlan_id}")
