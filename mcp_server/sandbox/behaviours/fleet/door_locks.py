"""Zigbee: gateways, the door locks enrolled at them, and the two jobs that enrol and disenrol."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import of_organization
from mcp_server.sandbox.checks.tables import some, updated
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.samples import about, digest

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World


def _locks(world: "World", organization_id: str) -> dict[str, Json]:
    """The door locks by id; one at first, at the first access point."""

    def first() -> dict[str, Json]:
        device = _first_gateway(world, organization_id)
        made = [_lock(world, device, str(575_897_802_341_000_000 + int(organization_id)))] if device else []
        return {one["doorLockId"]: one for one in made}

    return world.collection(f"/organizations/{organization_id}/wireless/zigbee/doorLocks", first)


def _first_gateway(world: "World", organization_id: str) -> Json:
    """The access point that is a gateway without anybody's doing, or None."""
    radios = (one for one in of_organization(world, organization_id) if one["productType"] == "wireless")
    return next(radios, None)


def _lock(world: "World", device: Json, id_: str) -> Json:
    mark = digest(about(world, f"/doorLocks/{id_}", {}), "eui64")
    network = world.networks[device["networkId"]]
    return {
        "doorLockId": id_, "name": f"Porta {mark % 1000}", "shortId": f"{mark % 0x10000:04x}", "lqi": "200",
        "rssi": "-50", "status": "online", "eui64": f"{mark:016x}", "enrolledAt": world.stamp(),
        "lastSeenAt": world.stamp(), "network": {"id": network["id"], "name": network["name"]},
        "gateway": {"name": device["name"], "serial": device["serial"]},
    }  # fmt: skip


@behaviour("getOrganizationWirelessZigbeeDoorLocks")
def list_locks(world: "World", call: Call) -> Json:
    """The enrolled door locks."""
    held = _locks(world, call.params["organizationId"])
    return Rows(list(held), held.__getitem__)


@behaviour("updateOrganizationWirelessZigbeeDoorLock")
def put_lock(world: "World", call: Call) -> Json:
    """The name of a door lock."""
    found = _locks(world, call.params["organizationId"]).get(call.params["doorLockId"])
    if found is None:
        raise CloudError(404)
    found |= updated(call, found)
    return found


@behaviour("createDeviceWirelessZigbeeEnrollment")
def enroll(world: "World", call: Call) -> Json:
    """The gateway listens, and the door lock that waits beside it is enrolled; 400 while the gateway is not."""
    serial = call.params["serial"]
    organization_id = str(world.organization_of(world.network_of(serial)))
    if not _gateways(world, organization_id)[serial]["enrolled"]:
        raise CloudError(400, "The gateway must be enrolled first")
    lock, id_ = world.new_id(), world.new_id()
    _locks(world, organization_id)[lock] = _lock(world, world.devices[serial], lock)
    job: Json = {"enrollmentId": id_, "url": f"{call.path}/{id_}", "request": {"serial": serial}, "status": "complete"}
    job |= {"enrollmentStartedAt": world.stamp(), "doorLocks": [lock]}
    world.collection(f"/devices/{serial}/wireless/zigbee/enrollments")[id_] = job
    return job | {"doorLocks": [_locks(world, organization_id)[lock]]}


@behaviour("getDeviceWirelessZigbeeEnrollment")
def get_enrollment(world: "World", call: Call) -> Json:
    """One such job and the door locks that it found, as they are now."""
    serial = call.params["serial"]
    found = world.collection(f"/devices/{serial}/wireless/zigbee/enrollments").get(call.params["enrollmentId"])
    if found is None:
        raise CloudError(404)
    held = _locks(world, str(world.organization_of(world.network_of(serial))))
    return found | {"doorLocks": [held[id_] for id_ in found["doorLocks"] if id_ in held]}


def _jobs(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(f"/organizations/{call.params['organizationId']}/wireless/zigbee/disenrollments")


@behaviour("createOrganizationWirelessZigbeeDisenrollment")
def disenroll(world: "World", call: Call) -> Json:
    """The door locks are gone; enrolling them again is done at the door, and gives other ids."""
    ids = some((call.body or {}).get("doorLockIds"), "doorLockIds")
    held = _locks(world, call.params["organizationId"])
    for id_ in ids:
        if id_ not in held:
            raise CloudError(400, f"Door lock {id_} not found")
    for id_ in ids:
        held.pop(id_, None)
    number = world.new_id()
    rows = [{"doorLockId": id_, "status": "complete"} for id_ in ids]
    made = {"disenrollmentId": number, "url": f"{call.path}/{number}", "request": {"doorLockIds": ids}}
    _jobs(world, call)[number] = made | {"status": "complete", "doorLocks": rows}
    return _jobs(world, call)[number]


@behaviour("getOrganizationWirelessZigbeeDisenrollment")
def get_disenrollment(world: "World", call: Call) -> Json:
    """One such job."""
    found = _jobs(world, call).get(call.params["disenrollmentId"])
    if found is None:
        raise CloudError(404)
    return found


# Gateways


def _own(world: "World", organization_id: str, serial: str) -> Json:
    """What is set for an access point: whether it is a gateway, and its channel."""
    first = _first_gateway(world, organization_id)
    stored = world.collection(f"/organizations/{organization_id}/wireless/zigbee/devices")
    return stored.get(serial) or {"enrolled": bool(first and first["serial"] == serial), "channel": "11"}


def _gateways(world: "World", organization_id: str) -> dict[str, Json]:
    return {
        device["serial"]: _gateway(world, device, _own(world, organization_id, device["serial"]))
        for device in of_organization(world, organization_id)
        if device["productType"] == "wireless"
    }


def _gateway(world: "World", device: Json, own: Json) -> Json:
    network = world.networks[device["networkId"]]
    by_status = {"online": 0, "offline": 0, "dormant": 0}
    return own | {
        "network": {"id": network["id"], "name": network["name"]},
        "panId": "0x1a62",
        "transmitPowerLevel": 8,
        "status": "online" if own["enrolled"] else "offline",
        "gateway": {name: device[name] for name in ("name", "mac", "serial", "tags")},
        "counts": {"doorLocks": {"byStatus": by_status}},
    }


@behaviour("getOrganizationWirelessZigbeeDevices")
def list_gateways(world: "World", call: Call) -> Json:
    """The access points that can be gateways, and which are."""
    return list(_gateways(world, call.params["organizationId"]).values())


@behaviour("updateOrganizationWirelessZigbeeDevice")
def put_gateway(world: "World", call: Call) -> Json:
    """Whether an access point, named by its serial, is a gateway, and on which channel."""
    organization_id, id_, body = call.params["organizationId"], call.params["id"], call.body
    if id_ not in _gateways(world, organization_id):
        raise CloudError(404)
    stored = world.collection(f"/organizations/{organization_id}/wireless/zigbee/devices")
    old = _own(world, organization_id, id_)
    stored.pop(id_, None)
    new = {"enrolled": body["enrolled"], "channel": body.get("channel") or old["channel"]}
    if new != _own(world, organization_id, id_):
        stored[id_] = new
    return _gateways(world, organization_id)[id_]
