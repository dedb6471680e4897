"""Packet captures: taken, stopped and deleted, alone or many; and the order of their schedules."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.tables import device_of_organization, item, items, named, some
from mcp_server.sandbox.generic import answer

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_CAPTURES = "/organizations/{organizationId}/devices/packetCapture/captures"
_SCHEDULES = "/organizations/{organizationId}/devices/packetCapture/schedules"


def _taken(world: "World", call: Call, serial: str) -> Json:
    device = device_of_organization(world, call.params["organizationId"], serial)
    network, body = world.networks[device["networkId"]], call.body
    id_ = world.new_id()
    made = {
        "captureId": id_,
        "network": {"id": network["id"], "name": network["name"]},
        "devices": [],
        "device": {"name": device["name"], "serial": serial},
        "admin": {"id": world.admin["id"], "name": world.admin["name"]},
        "client": None,
        "details": [],
        "name": body["name"],
        "startTs": world.stamp(),
        "ports": body.get("ports") or "",
        "status": "capturing",
        "errorMessage": None,
        "destination": body.get("destination") or "upload_to_cloud",
        "process": "none",
        "file": {"size": 0},
        "duration": body.get("duration") or 60,
        "filterExpression": body.get("filterExpression") or "",
        "counts": {"packets": {"total": 0}},
        "interface": body.get("interface") or "",
    }
    items(world, call, _CAPTURES)[id_] = made
    return made


@behaviour("createOrganizationDevicesPacketCaptureCapture")
def take(world: "World", call: Call) -> Json:
    """A capture on the first device; the others of the list are devices of the same one."""
    serials = some(call.body["serials"], "serials")
    for serial in serials:
        device_of_organization(world, call.params["organizationId"], serial)
    made = _taken(world, call, serials[0])
    made["devices"] = [{"serial": serial} for serial in serials]
    return made


@behaviour("bulkOrganizationDevicesPacketCaptureCapturesCreate")
def take_many(world: "World", call: Call) -> Json:
    """A capture on each device."""
    serials = [one.get("serial") for one in some(call.body["devices"], "devices")]
    for serial in serials:
        device_of_organization(world, call.params["organizationId"], serial)
    return {"items": [_taken(world, call, serial) for serial in serials]}


@behaviour("bulkOrganizationDevicesPacketCaptureCapturesDelete")
def delete_many(world: "World", call: Call) -> Json:
    """The captures and their files are gone; one that is not there refuses all."""
    ids = some(call.body["captureIds"], "captureIds")
    for id_ in ids:
        named(world, call, _CAPTURES, id_, "Capture")
    for id_ in ids:
        items(world, call, _CAPTURES).pop(id_, None)
    return {"captureIds": ids}


@behaviour("stopOrganizationDevicesPacketCaptureCapture")
def stop(world: "World", call: Call) -> Json:
    """The capture is complete; one that is not running is a 400."""
    found = item(world, call, _CAPTURES, call.params["captureId"])
    if found["status"] != "capturing":
        raise CloudError(400, "The capture is not running")
    if (found["device"] or {}).get("serial") not in call.body["serials"]:
        raise CloudError(400, "The capture is not on these devices")
    found["status"] = "complete"
    return found


@behaviour("generateOrganizationDevicesPacketCaptureCaptureDownloadUrl")
def download_url(world: "World", call: Call) -> Json:
    """An address for the file, which ends by itself."""
    found = item(world, call, _CAPTURES, call.params["captureId"])
    return {"url": f"https://n1.meraki.com/captures/{found['captureId']}", "expiresAt": world.stamp(-3600)}


@behaviour("createOrganizationDevicesPacketCaptureSchedule")
def create_schedule(world: "World", call: Call) -> Json:
    """A schedule for devices of the organization, after those that are there."""
    for one in some(call.body["devices"], "devices"):
        device_of_organization(world, call.params["organizationId"], one.get("serial"))
    before = len(items(world, call, _SCHEDULES))
    made = answer(world, call)
    made |= {
        "priority": before + 1,
        "devices": [{"device": dict(one)} for one in call.body["devices"]],
        "admin": {"id": world.admin["id"], "name": world.admin["name"]},
    }
    return made


@behaviour("updateOrganizationDevicesPacketCaptureSchedule")
def put_schedule(world: "World", call: Call) -> Json:
    """The schedule as it is now."""
    devices = (call.body or {}).get("devices")
    for one in devices or []:
        device_of_organization(world, call.params["organizationId"], one.get("serial"))
    changed = answer(world, call)
    if devices is not None:
        changed["devices"] = [{"device": dict(one)} for one in devices]
    return changed


@behaviour("reorderOrganizationDevicesPacketCaptureSchedules")
def reorder(world: "World", call: Call) -> Json:
    """The schedules have these priorities; no two the same."""
    held, rows = items(world, call, _SCHEDULES), some(call.body["order"], "order")
    for row in rows:
        named(world, call, _SCHEDULES, row.get("scheduleId"), "Schedule")
    new = {key: one.get("priority") for key, one in held.items()}
    new |= {str(row["scheduleId"]): row.get("priority") for row in rows}
    if any(not isinstance(value, int) or value < 1 for value in new.values() if value != 0):
        raise CloudError(400, "'priority' must be a positive integer")
    wanted = [row.get("priority") for row in rows]
    if len(set(wanted)) != len(wanted):
        raise CloudError(400, "Priority has already been taken")
    for key, value in new.items():
        held[key]["priority"] = value
    return {"order": [{"scheduleId": key, "priority": value} for key, value in new.items()]}
