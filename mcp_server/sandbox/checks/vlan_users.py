"""Who uses a VLAN, so that the cloud refuses to delete it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Json
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.references import group_policies
from mcp_server.sandbox.checks.settings import furnish, owner_of
from mcp_server.sandbox.world import canonical

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_PREFERENCES = ("wanTrafficUplinkPreferences", "vpnTrafficUplinkPreferences")


def vlan_users(world: "World", home: str, vlan: Json) -> Iterator[str]:
    """One text for each thing that keeps the VLAN; none when it may go. ``home`` is the network's appliance path."""
    furnish(world, home)
    yield from _ports(world, home, vlan["id"])
    yield from _routes(world, home, vlan)
    yield from _policies(world, home, vlan["id"])
    yield from _ssids(world, home, vlan["id"])
    yield from _traffic_filters(world, home, vlan)
    yield from _rules(world, home, vlan["id"])
    yield from _devices(world, home, vlan["id"])


def _ports(world: "World", home: str, vlan_id: int) -> Iterator[str]:
    for port in (world.get(f"{home}/ports") or {}).values():
        listed = str(port.get("allowedVlans", "all")).split(",")
        if port.get("vlan") == vlan_id or str(vlan_id) in listed:
            yield f"VLAN {vlan_id} is in use by port {port['number']}"


def _routes(world: "World", home: str, vlan: Json) -> Iterator[str]:
    for route in (world.get(f"{home}/staticRoutes") or {}).values():
        if route.get("gatewayVlanId") == vlan["id"] or addresses.is_inside(route["gatewayIp"], vlan["subnet"]):
            yield f"VLAN {vlan['id']} is in use by static route '{route['name']}'"


def _policies(world: "World", home: str, vlan_id: int) -> Iterator[str]:
    for policy in group_policies(world, home.removesuffix("/appliance")).values():
        tagging = policy.get("vlanTagging") or {}
        if tagging.get("settings") == "custom" and str(tagging.get("vlanId")) == str(vlan_id):
            yield f"VLAN {vlan_id} is in use by group policy '{policy['name']}'"


def _ssids(world: "World", home: str, vlan_id: int) -> Iterator[str]:
    """Enabled SSIDs of the appliance only (Terraform provider, cisco-open, #166)."""
    for ssid in (world.get(f"{home}/ssids") or {}).values():
        if isinstance(ssid, dict) and ssid.get("enabled") and ssid.get("defaultVlanId") == vlan_id:
            yield f"VLAN {vlan_id} is in use by SSID '{ssid.get('name')}'"


def _traffic_filters(world: "World", home: str, vlan: Json) -> Iterator[str]:
    """The text is the cloud's own: Terraform provider #83."""
    selection = world.get(f"{home}/trafficShaping/uplinkSelection") or {}
    for preference in [row for name in _PREFERENCES for row in selection.get(name) or []]:
        for one in preference.get("trafficFilters") or []:
            source = (one.get("value") or {}).get("source") or {}
            if source.get("vlan") == vlan["id"] or addresses.first_overlap(vlan["subnet"], [str(source.get("cidr"))]):
                cidr = source.get("cidr") or vlan["subnet"]
                filtered = f"The IP address range for traffic filter with src: {cidr}"
                yield f"{filtered} does not apply to any configured subnets."


def _rules(world: "World", home: str, vlan_id: int) -> Iterator[str]:
    for path in world.below(f"{home}/firewall"):
        if f"VLAN({vlan_id})." in canonical(world.resources[path]):
            yield f"VLAN {vlan_id} is in use by {path.rpartition('/')[2]}"


def _devices(world: "World", home: str, vlan_id: int) -> Iterator[str]:
    for device in world.devices_in(owner_of(home)):
        management = world.get(f"/devices/{device['serial']}/managementInterface") or {}
        used = [wan for wan in ("wan1", "wan2") if (management.get(wan) or {}).get("vlan") == vlan_id]
        if used and device.get("productType") != "appliance":
            yield f"VLAN {vlan_id} is in use by the management interface of {device['serial']}"
