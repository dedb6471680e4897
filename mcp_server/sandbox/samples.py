"""Values for a response tree: what a resource looks like that nobody has configured yet.

Deterministic: a value depends on the seed, the path and the field's place only. Names, serials, networks and ids of
the world are used where a field asks for them. Switches are off and rule lists empty, as on a new network.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp_server.sandbox.world import START, World

Json = Any
_STAMP = START.strftime("%Y-%m-%dT%H:%M:%SZ")
#: usual values of fields by name, where the API's own enum does not say
_STRINGS: Mapping[str, str] = {
    "address": "10.0.0.10", "ip": "10.0.0.11", "lanIp": "10.0.0.12", "gateway": "10.0.0.1", "host": "10.0.0.20",
    "subnet": "10.0.0.0/24", "cidr": "10.0.0.0/24", "subnetMask": "255.255.255.0", "email": "noc@example.com",
    "url": "https://n1.meraki.com/", "publicIp": "198.51.100.10", "timeZone": "America/Sao_Paulo",
    "startTime": "09:00", "endTime": "17:00", "from": "00:00", "to": "24:00", "start": "08:00", "end": "18:00",
    "unit": "Mbps", "interface": "wan1", "uplink": "wan1", "protocol": "any", "version": "1.0", "vlanIds": "all",
    "description": "", "notes": "", "comment": "", "message": "", "reason": "",
}  # fmt: skip
_NUMBERS: Mapping[str, int] = {
    "port": 443, "vlan": 1, "vlanId": 1, "number": 1, "lat": 0, "lng": 0, "total": 1, "count": 1, "channel": 36,
    "defaultVlanId": 1, "limitUp": 0, "limitDown": 0, "signalStrength": -60, "rssi": -60,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a value is wanted: the world, the path, and the network or device it is about."""

    world: World
    path: str
    network: Json = None
    device: Json = None
    is_configuration: bool = False  #: lists are empty, switches off
    enums: Json = None  #: body tree of the PUT at the same path, for its enums


def about(world: World, path: str, params: Mapping[str, str]) -> Setting:
    """The setting of a path: its device and network looked up."""
    device = world.devices.get(params.get("serial", ""))
    network_id = params.get("networkId") or (device or {}).get("networkId")
    network = world.networks.get(network_id or "") or world.templates.get(network_id or "")
    return Setting(world, path, network, device)


def sample(setting: Setting, tree: Json, name: str = "", enums: Json = None) -> Json:
    """A value of that shape; ``name`` is the field's, ``enums`` the body tree beside it."""
    if isinstance(tree, dict):
        return _object(setting, tree, name, enums)
    if isinstance(tree, list):
        return _list(setting, tree, name, enums)
    if tree in {"object", "any"}:
        return {}
    if tree == "b":
        if name == "enabled" and setting.path.endswith("/interfaces/wan1"):
            return True  # an appliance that is online has its first uplink on
        return name in ("visible", "eligible", "success", "active") and not setting.is_configuration
    if tree in ("i", "n"):
        return _number(setting, name, tree)
    return _string(setting, name, tree if "|" in tree else enums)


def digest(setting: Setting, name: str) -> int:
    """A number that is the same for the same seed, path and name, and else as good as random."""
    text = f"{setting.world.seed}|{setting.path}|{name}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())


def _object(setting: Setting, tree: Mapping[str, Json], name: str, enums: Json) -> Json:
    known = {
        "network": setting.network,
        "device": setting.device,
        "organization": setting.world.organizations.get((setting.network or {}).get("organizationId", "")),
    }
    nodes = {key.removesuffix("!"): node for key, node in enums.items()} if isinstance(enums, dict) else {}
    inner = replace(setting, path=f"{setting.path}/{name}") if name else setting
    fields = {key.removesuffix("!"): node for key, node in tree.items()}
    found = known.get(name)
    return {
        key: found[key]
        if isinstance(found, dict) and key in found and _fits(found[key], node)
        else sample(inner, node, key, nodes.get(key))
        for key, node in fields.items()
    }


def _list(setting: Setting, tree: list[Json], name: str, enums: Json) -> list[Json]:
    device, network = setting.device or {}, setting.network or {}
    for holder in (device, network):
        if name in holder and isinstance(holder[name], list) and tree == ["s"]:
            return list(holder[name])
    if setting.is_configuration or not tree:
        return []
    return [sample(replace(setting, path=f"{setting.path}/{name}.0"), tree[0], name, enums[0] if enums else None)]


def _number(setting: Setting, name: str, tree: str) -> Json:
    if name in _NUMBERS:
        return _NUMBERS[name]
    if setting.is_configuration:
        return 0
    number = digest(setting, name) % 100
    return number if tree == "i" else number + 0.5


def _string(setting: Setting, name: str, enum: Json) -> Json:
    from_world = _from_world(setting, name)
    if from_world is not None:
        return from_world
    if isinstance(enum, str) and "|" in enum:
        options = enum.split("|")
        quiet = ("disabled", "none", "None", "off", "open", "network default", "automatic", "auto")
        return next((option for option in quiet if option in options), options[0])
    if name in _STRINGS:
        return _STRINGS[name]
    folded = name.lower()
    if folded == "id" or name.endswith(("Id", "ID")):
        return str(575_897_802_350_000_000 + digest(setting, name) % 10_000_000)
    if "mac" in folded:
        return mac_of(digest(setting, name))
    if name.endswith(("At", "Ts", "Date")) or folded in ("ts", "time", "timestamp"):
        return _STAMP
    if folded.endswith("url"):
        return _STRINGS["url"]
    if name == "name":
        return " ".join(setting.path.split("/")[-2:])
    return "" if setting.is_configuration else name


def _from_world(setting: Setting, name: str) -> Json:
    device, network = setting.device or {}, setting.network or {}
    if name == "networkId":
        return network.get("id")
    if name == "networkName":
        return network.get("name")
    if name == "organizationId":
        return network.get("organizationId")
    if name in ("serial", "mac", "model", "lanIp", "firmware", "productType", "address", "name", "url", "notes"):
        value = device.get(name)
        return value if value is not None else (network.get(name) if name in ("url", "notes") else None)
    return None


def _fits(value: Json, tree: Json) -> bool:
    kinds: dict[str, tuple[type, ...]] = {"i": (int,), "b": (bool,), "n": (int, float)}
    if isinstance(tree, str):
        return isinstance(value, kinds.get(tree, (str,)))
    return isinstance(value, list) and tree == ["s"]


def mac_of(number: int) -> str:
    """A MAC address of the vendor's range."""
    text = f"{number % 0x1000000:06x}"
    return f"e0:cb:bc:{text[0:2]}:{text[2:4]}:{text[4:6]}"
