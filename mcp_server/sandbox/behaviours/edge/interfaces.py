"""Ports and layer 3 interfaces of appliances, and the pair that two of them form.

The ports of a device are one state: its list by device, the PUT by number and the POST by interface show and write it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.settings import home
from mcp_server.sandbox.checks.tables import device_of_network, updated
from mcp_server.sandbox.generic import Rows

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

PORTS = 8  #: of an appliance in this cloud; the first two are uplinks
_PORT_FIELDS = ("enabled", "personality", "uplink", "downlink", "profile")
_PERSONALITIES = ("uplink", "downlink")


def _ports(world: "World", serial: str) -> dict[str, Json]:
    return world.collection(f"/devices/{serial}/appliance/interfaces/ports", lambda: dict(_first_ports()))


def _first_ports() -> Iterator[tuple[str, Json]]:
    for number in range(1, PORTS + 1):
        is_uplink = number <= 2
        yield (
            str(number),
            {
                "number": str(number),
                "interface": {"name": f"GigabitEthernet0/0/{number}", "slot": 0, "subslot": 0, "number": number},
                "enabled": True,
                "name": f"Port {number}",
                "personality": {
                    "mode": "uplink" if is_uplink else "downlink",
                    "isFlexible": number == 2,
                    "layer": {"mode": 3 if is_uplink else 2, "isFlexible": False},
                },
                "uplink": {"type": "wan", "primary": number == 1} if is_uplink else None,
                "downlink": None
                if is_uplink
                else {"mode": "trunk", "trunk": {"nativeVlan": "1", "allowedVlans": ["all"]}},
                "profile": {"id": None},
            },
        )


@behaviour("getOrganizationApplianceDevicesInterfacesPortsByDevice")
def list_ports(world: "World", call: Call) -> Json:
    """The ports of each appliance of the organization."""
    serials = [
        one["serial"]
        for one in world.devices.values()
        if one["productType"] == "appliance"
        and world.organization_of(one["networkId"]) == call.params["organizationId"]
        and (not call.query.get("serials") or one["serial"] in call.query["serials"])
    ]
    numbers = {str(one) for one in call.query.get("numbers") or ()}

    def row(serial: str) -> Json:
        ports = _ports(world, serial)
        return {"serial": serial, "ports": [port for key, port in ports.items() if not numbers or key in numbers]}

    return Rows(serials, row)


@behaviour("updateDeviceApplianceInterfacesPort", "createDeviceApplianceInterfacesPortsUpdate")
def put_port(world: "World", call: Call) -> Json:
    """The port as it is now: named by its number in the path, or by its interface in the body."""
    held, body = _ports(world, call.params["serial"]), call.body or {}
    key = call.params.get("number") or _by_interface(held, body.get("interface") or {})
    if key not in held:
        raise CloudError(404)
    mode = (body.get("personality") or {}).get("mode")
    if mode is not None and mode not in _PERSONALITIES:
        raise CloudError(400, f"'personality[mode]' must be one of: {', '.join(repr(one) for one in _PERSONALITIES)}")
    if mode is not None and mode != held[key]["personality"]["mode"] and not held[key]["personality"]["isFlexible"]:
        raise CloudError(400, f"Port {key} cannot change its personality")
    new = updated(call, held[key])
    held[key] = held[key] | {name: new[name] for name in _PORT_FIELDS}
    return held[key]


def _by_interface(held: dict[str, Json], wanted: Json) -> str:
    names = ("slot", "subslot", "number")
    for key, port in held.items():
        if all(port["interface"][name] == wanted.get(name) for name in names):
            return key
    raise CloudError(400, "There is no such interface")


# Layer 3 interfaces


def _l3(world: "World", network_id: str) -> dict[str, Json]:
    return world.collection(f"{home(world, network_id)}/appliance/interfaces/l3")


@behaviour("getOrganizationApplianceDevicesInterfacesL3")
def list_l3(world: "World", call: Call) -> Json:
    """The layer 3 interfaces of all networks."""
    return [
        one | {"network": {"id": network["id"]}}
        for network in world.networks_of(call.params["organizationId"])
        for one in _l3(world, network["id"]).values()
    ]


@behaviour("createNetworkApplianceInterfacesL3")
def create_l3(world: "World", call: Call) -> Json:
    """An interface on a port; a port has one at most, and its subnet is nobody else's in the network."""
    held = _l3(world, call.params["networkId"])
    made = updated(call, {"interfaceId": world.new_id(), "port": {}, "ipv4": {}})
    _check_l3(held, made)
    held[made["interfaceId"]] = made
    return made


@behaviour("updateNetworkApplianceInterfacesL3")
def put_l3(world: "World", call: Call) -> Json:
    """The interface as it is now."""
    held = _l3(world, call.params["networkId"])
    old = held.get(call.params["interfaceId"])
    if old is None:
        raise CloudError(404)
    new = updated(call, old)
    _check_l3({key: one for key, one in held.items() if one is not old}, new)
    held[new["interfaceId"]] = new
    return new


def _check_l3(others: dict[str, Json], new: Json) -> None:
    if addresses.subnet(new["ipv4"].get("subnet")) is None:
        raise CloudError(400, "Subnet must be an IPv4 subnet")
    for one in others.values():
        if one["ipv4"].get("subnet") == new["ipv4"]["subnet"]:
            raise CloudError(400, "Subnet has already been taken")
        if one["port"] and _place(one) == _place(new):
            raise CloudError(400, "Port already has an interface")


def _place(one: Json) -> tuple[Json, ...]:
    interface = (one["port"] or {}).get("interface") or {}
    return tuple(interface.get(name) for name in ("slot", "subslot", "number"))


@behaviour("deleteNetworkApplianceInterfacesL3")
def delete_l3(world: "World", call: Call) -> None:
    """The interface is gone."""
    if _l3(world, call.params["networkId"]).pop(call.params["interfaceId"], None) is None:
        raise CloudError(404)


# Redundancy


def _pair(world: "World", network_id: str) -> Json:
    first = {"enabled": False, "mode": "disabled", "designations": [], "uplink": None}
    return world.singleton(f"{home(world, network_id)}/appliance/devices/redundancy", first)


@behaviour("getOrganizationApplianceDevicesRedundancyByNetwork")
def list_pairs(world: "World", call: Call) -> Json:
    """Whether the appliances of each network stand in for each other."""
    return [
        _pair(world, one["id"]) | {"networkId": one["id"], "name": one["name"]}
        for one in world.networks_of(call.params["organizationId"])
        if "appliance" in one["productTypes"]
    ]


@behaviour("updateNetworkApplianceDevicesRedundancy")
def put_pair(world: "World", call: Call) -> Json:
    """The pair as it is now; it needs two appliances of the network."""
    network_id, body = call.params["networkId"], call.body
    old = _pair(world, network_id)
    new = updated(call, old)
    if new["enabled"]:
        serials = [str(one.get("serial")) for one in new["designations"] or []]
        if len(set(serials)) != 2:
            raise CloudError(400, "Two different appliances must be designated")
        for serial in serials:
            device_of_network(world, network_id, serial, "appliance")
    elif "mode" not in body:
        new["mode"] = "disabled"
    old |= new
    return old


@behaviour("createNetworkApplianceDevicesRedundancySwap")
def swap_pair(world: "World", call: Call) -> Json:
    """The two appliances change their priorities; 400 while there is no pair."""
    pair = _pair(world, call.params["networkId"])
    if not pair["enabled"]:
        raise CloudError(400, "Redundancy is not enabled for this network")
    first, second = pair["designations"]
    first["priority"], second["priority"] = second.get("priority"), first.get("priority")
    return pair
