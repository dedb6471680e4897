"""LAN ports of a security appliance: there only while VLANs are on, with fields that depend on the port's type.

An access port shows its policy and no VLAN list, a trunk the other way round. VLANs that a port names must exist.
"""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.vlans import ALL_VLANS, NOT_ENABLED, are_enabled, vlans
from mcp_server.sandbox.checks.settings import (
    appliance_home,
    appliances,
    chosen,
    log,
    merged,
    owner_of,
    refuse,
    stocked,
)

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_LAN_PORTS = {  # first and last LAN port by the beginning of the model name
    "MX64": (1, 4), "MX65": (3, 12), "MX67": (2, 5), "MX68": (3, 12), "MX75": (5, 14), "MX84": (3, 12),
    "MX85": (5, 14), "MX95": (5, 10), "MX100": (3, 11), "MX105": (5, 10), "MX250": (5, 28), "MX450": (5, 28),
    "Z3": (2, 5), "Z4": (2, 5),
}  # fmt: skip
_AUTHENTICATES = ("MX64", "MX65", "MX67", "MX68", "Z3", "Z4")
_POLICIES = ("open", "8021x-radius", "mac-radius", "hybrid-radius", "access-manager")
_WRITABLE = ("enabled", "dropUntaggedTraffic", "type", "vlan", "allowedVlans", "accessPolicy", "sgt")


@stocked
def ports(world: "World", home: str) -> dict[str, Json]:
    """The LAN ports of a network's appliance by number, as stored; none without an appliance."""

    def first() -> dict[str, Json]:
        model = _model(world, home)
        if not model:
            return {}
        low, high = next((span for name, span in _LAN_PORTS.items() if model.startswith(name)), (3, 12))
        made = {str(n): {"number": n, "enabled": n != high} | ALL_VLANS for n in range(low, high + 1)}
        if "10" in vlans(world, home):
            made[str(low + 1)] = {
                "number": low + 1, "enabled": True, "type": "access", "dropUntaggedTraffic": False, "vlan": 10,
                "accessPolicy": "open",
            }  # fmt: skip
        return made

    return world.collection(f"{home}/ports", first)


def _model(world: "World", home: str) -> str:
    found = appliances(world, owner_of(home))
    if found:
        return str(found[0].get("model", ""))
    return "MX68" if owner_of(home) in world.templates else ""


def _gated(world: "World", call: Call) -> str:
    home = appliance_home(world, call)
    if not are_enabled(world, home):
        raise refuse(NOT_ENABLED)
    return home


def _find(world: "World", call: Call) -> tuple[str, Json]:
    home = _gated(world, call)
    port = ports(world, home).get(call.params["portId"])
    if port is None:
        raise CloudError(404)
    return home, port


@behaviour("getNetworkAppliancePorts")
def list_ports(world: "World", call: Call) -> Json:
    """The LAN ports by number; 400 while VLANs are off."""
    return list(ports(world, _gated(world, call)).values())


@behaviour("getNetworkAppliancePort")
def get_port(world: "World", call: Call) -> Json:
    """One LAN port; 404 when the model has none of that number."""
    return _find(world, call)[1]


@behaviour("updateNetworkAppliancePort")
def update_port(world: "World", call: Call) -> Json:
    """The port as it is now. Access ports cannot drop untagged traffic; a trunk that does has no native VLAN.

    Source: parameter texts of updateNetworkAppliancePort in the official SDK, 4.7.0.
    """
    home, old = _find(world, call)
    new = merged(old, chosen(call.body, _WRITABLE))
    if new["type"] not in ("access", "trunk"):
        raise refuse("'type' must be one of: 'access' or 'trunk'")
    known = vlans(world, home)
    _settle_access(new, known, _model(world, home)) if new["type"] == "access" else _settle_trunk(new, known)
    new = {name: value for name, value in new.items() if value is not None}
    before = copy.deepcopy(old)
    ports(world, home)[call.params["portId"]] = new
    log(world, call, f"Port {new['number']}", before, new)
    return new


def _settle_access(port: Json, known: dict[str, Json], model: str) -> None:
    if port.get("dropUntaggedTraffic"):
        raise refuse("Access ports cannot have dropUntaggedTraffic set to true")
    if str(port.get("vlan")) not in known:
        raise refuse(f"VLAN {port.get('vlan')} is not configured on this network")
    policy = port.get("accessPolicy") or "open"
    if policy not in _POLICIES or (policy != "open" and not model.startswith(_AUTHENTICATES)):
        raise refuse(f"Access policy '{policy}' is not supported on this appliance")
    port.pop("allowedVlans", None)
    port["accessPolicy"] = policy


def _settle_trunk(port: Json, known: dict[str, Json]) -> None:
    port.pop("accessPolicy", None)
    if port.get("dropUntaggedTraffic"):
        port.pop("vlan", None)
    elif str(port.get("vlan")) not in known:
        raise refuse(f"VLAN {port.get('vlan')} is not configured on this network")
    listed = port.get("allowedVlans") or "all"
    if listed != "all":
        wanted = [part.strip() for part in str(listed).split(",")]
        missing = [part for part in wanted if part not in known]
        if missing:
            raise refuse(f"VLAN {missing[0]} is not configured on this network")
        listed = ",".join(wanted)
    port["allowedVlans"] = listed
