"""Devices that Systems Manager manages: their tags, fields, apps and network; wiped or unenrolled they are gone.

A request names devices by id, serial or Wi-Fi address, or by a scope of tags; one that names none is a 400.
"""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.tables import some
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.samples import about, digest, mac_of

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_NAMES = (("Tablet Recepção", "iPadOS 18"), ("Notebook Vendas", "Windows 11"), ("Celular Diretoria", "iOS 18"))
APPS = {"1": "Navegador", "2": "Correio", "3": "Planilhas"}  #: those that a network of this cloud offers
_SELECTORS = (("ids", "id"), ("serials", "serial"), ("wifiMacs", "wifiMac"))


def devices_of(world: "World", network_id: str) -> dict[str, Json]:
    """The managed devices of a network by id; three at first where the network is of Systems Manager."""
    return world.collection(f"/networks/{network_id}/sm/devices", lambda: _first(world, network_id))


def _first(world: "World", network_id: str) -> dict[str, Json]:
    home = world.networks.get(network_id) or {}
    if "systemsManager" not in home.get("productTypes", ()):
        return {}
    made: dict[str, Json] = {}
    for number, (name, system) in enumerate(_NAMES):
        mark = digest(about(world, f"/networks/{network_id}/sm/devices", {}), name)
        id_ = str(575_897_802_360_000_000 + mark % 10_000_000)
        made[id_] = {
            "id": id_, "name": name, "tags": ["frota"] if number else [], "ssid": "Corp", "wifiMac": mac_of(mark),
            "osName": system, "systemModel": name.split(" ")[0], "uuid": f"{mark:012x}", "notes": "",
            "serialNumber": f"SM{mark % 100_000:05d}", "serial": f"SM{mark % 100_000:05d}", "ip": "10.10.9.9",
        }  # fmt: skip
    return made


@behaviour("getNetworkSmDevices")
def list_devices(world: "World", call: Call) -> Json:
    """The managed devices, by id, serial or Wi-Fi address when asked so."""
    found = devices_of(world, call.params["networkId"])
    for query, field in _SELECTORS:
        wanted = call.query.get(query)
        if wanted:
            found = {key: one for key, one in found.items() if one[field] in wanted}
    return Rows(list(found), found.__getitem__)


def _chosen(world: "World", call: Call) -> list[Json]:
    """The devices that a body names; CloudError 400 when it names none, or one that is not there."""
    held, body = devices_of(world, call.params["networkId"]), call.body or {}
    found: dict[str, Json] = {}
    for name, field in _SELECTORS:
        for value in body.get(name) or ([body[field]] if body.get(field) else []):
            device = next((one for one in held.values() if one[field] == value), None)
            if device is None:
                raise CloudError(400, f"Device {value} not found")
            found[device["id"]] = device
    scope = body.get("scope") or []
    if scope:
        found |= {key: one for key, one in held.items() if _is_in_scope(one, scope)}
    if not found:
        raise CloudError(400, "No device matches: one of ids, serials, wifiMacs or scope is needed")
    return list(found.values())


def _is_in_scope(device: Json, scope: list[str]) -> bool:
    """``all``, ``withAny``, ``withAll``, ``withoutAny`` or ``withoutAll``, then the tags."""
    has, tags = set(device["tags"]), set(scope[1:])
    rules = {
        "all": True,
        "withAny": bool(has & tags),
        "withAll": tags <= has,
        "withoutAny": not has & tags,
        "withoutAll": not tags <= has,
    }
    return rules.get(scope[0], False)


def one_device(world: "World", call: Call) -> Json:
    """The device in the path; CloudError 404 when the network manages none of that id."""
    found = devices_of(world, call.params["networkId"]).get(call.params["deviceId"])
    if found is None:
        raise CloudError(404)
    return found


# Fields and tags


@behaviour("updateNetworkSmDevicesFields")
def put_fields(world: "World", call: Call) -> Json:
    """Name and notes of one device."""
    (device,) = _chosen(world, call)[:1]
    fields = call.body["deviceFields"] or {}
    device |= {name: fields[name] for name in ("name", "notes") if name in fields}
    return [{name: device[name] for name in ("id", "name", "wifiMac", "serial", "notes")}]


@behaviour("modifyNetworkSmDevicesTags")
def put_tags(world: "World", call: Call) -> Json:
    """The tags are added, deleted or put in place of those that were there."""
    devices, body = _chosen(world, call), call.body
    action, tags = body["updateAction"], list(dict.fromkeys(body["tags"]))
    if action not in ("add", "delete", "update"):
        raise CloudError(400, "'updateAction' must be one of: 'add', 'delete', 'update'")
    for one in devices:
        if action == "add":
            one["tags"] = [*one["tags"], *[tag for tag in tags if tag not in one["tags"]]]
        elif action == "delete":
            one["tags"] = [tag for tag in one["tags"] if tag not in tags]
        else:
            one["tags"] = list(tags)
    return [{name: one[name] for name in ("id", "tags", "wifiMac", "serial")} for one in devices]


# Where they are


@behaviour("moveNetworkSmDevices")
def move_devices(world: "World", call: Call) -> Json:
    """The devices are managed by another network of Systems Manager."""
    devices, target = _chosen(world, call), call.body["newNetwork"]
    home = world.networks.get(target) or {}
    if target == call.params["networkId"] or "systemsManager" not in home.get("productTypes", ()):
        raise CloudError(400, "The new network must be another one of Systems Manager")
    for one in devices:
        devices_of(world, target)[one["id"]] = one
        _drop(world, call.params["networkId"], one["id"])
    return {"ids": [one["id"] for one in devices], "newNetwork": target}


def _drop(world: "World", network_id: str, id_: str) -> None:
    devices_of(world, network_id).pop(id_)
    world.forget(f"/networks/{network_id}/sm/devices/{id_}")


@behaviour("wipeNetworkSmDevices")
def wipe(world: "World", call: Call) -> Json:
    """What is on the device is gone, and so is its enrolment."""
    (device,) = _chosen(world, call)[:1]
    _drop(world, call.params["networkId"], device["id"])
    return {"id": device["id"]}


@behaviour("unenrollNetworkSmDevice")
def unenroll(world: "World", call: Call) -> Json:
    """The device is no longer managed; enrolling it again is done on the device."""
    _drop(world, call.params["networkId"], one_device(world, call)["id"])
    return {"success": True}


# Apps


def _apps(world: "World", network_id: str, device_id: str) -> dict[str, Json]:
    path = f"/networks/{network_id}/sm/devices/{device_id}/softwares"
    return world.collection(path, lambda: {"1": {"appId": "1"}})


@behaviour("getNetworkSmDeviceSoftwares")
def list_apps(world: "World", call: Call) -> Json:
    """The apps of a device."""
    device = one_device(world, call)
    rows = _apps(world, call.params["networkId"], device["id"])
    return [
        {"appId": key, "id": f"{device['id']}{key}", "deviceId": device["id"], "name": APPS[key], "isManaged": True}
        | {"status": "Installed", "toInstall": None, "toUninstall": False, "version": "1.0"}
        for key in rows
    ]


@behaviour("installNetworkSmDeviceApps", "uninstallNetworkSmDeviceApps")
def put_apps(world: "World", call: Call) -> Json:
    """The device has the apps, or no longer; an app that is there is installed anew only with ``force``."""
    held = _apps(world, call.params["networkId"], one_device(world, call)["id"])
    ids = some(call.body["appIds"], "appIds")
    for id_ in ids:
        if id_ not in APPS:
            raise CloudError(400, f"App {id_} not found")
        if call.operation.startswith("uninstall") and id_ not in held:
            raise CloudError(400, f"App {id_} is not installed")
    for id_ in ids:
        held.pop(id_, None)
        if call.operation.startswith("install"):
            held[id_] = {"appId": id_}
    return {"appIds": ids}


# What reaches the device and changes nothing that is kept here


@behaviour("checkinNetworkSmDevices", "lockNetworkSmDevices", "rebootNetworkSmDevices", "shutdownNetworkSmDevices")
def command(world: "World", call: Call) -> Json:
    """The devices are told to check in, lock, restart or shut down."""
    return {"ids": [one["id"] for one in _chosen(world, call)]}


@behaviour("refreshNetworkSmDeviceDetails")
def refresh(world: "World", call: Call) -> Json:
    """The device is asked for its details."""
    one_device(world, call)
    return {}


@behaviour("createNetworkSmBypassActivationLockAttempt")
def bypass_lock(world: "World", call: Call) -> Json:
    """An attempt for each device; whether it went well is read from it."""
    ids = some(call.body["ids"], "ids")
    held = devices_of(world, call.params["networkId"])
    for id_ in ids:
        if id_ not in held:
            raise CloudError(400, f"Device {id_} not found")
    number = world.new_id()
    data = {id_: {"success": True} for id_ in ids}
    made = {"id": number, "status": "complete", "data": data}
    world.collection(f"/networks/{call.params['networkId']}/sm/bypassActivationLockAttempts")[number] = made
    return made


@behaviour("getNetworkSmBypassActivationLockAttempt")
def get_attempt(world: "World", call: Call) -> Json:
    """One attempt."""
    held = world.collection(f"/networks/{call.params['networkId']}/sm/bypassActivationLockAttempts")
    found = held.get(call.params["attemptId"])
    if found is None:
        raise CloudError(404)
    return found
