"""Copies: an organization, the settings of a switch, and a device put in another one's place."""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import inventory
from mcp_server.sandbox.behaviours.organizations import take_out
from mcp_server.sandbox.checks.settings import PAGE
from mcp_server.sandbox.checks.tables import device_of_organization, some, without_twins
from mcp_server.sandbox.seed import organization_record

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

AFTERWARDS = ("remove from network", "release from organization inventory")  #: official SDK 4.7.0, afterAction
_NOT_CLONED = ("actionBatches", "licenses", "licensing", "networks", "inventory")
_PLACE = ("name", "tags", "notes", "address", "lat", "lng", "floorPlanId", "networkId")


@behaviour("cloneOrganization")
def clone_organization(world: "World", call: Call) -> Json:
    """A new organization with the settings and templates of this one, without its networks, devices and licences."""
    source, name = call.params["organizationId"], call.body["name"]
    if not name:
        raise CloudError(400, "Name can't be blank")
    id_ = world.new_id("organization")
    like = world.organizations[source]
    made = organization_record(id_, name, like["cloud"]["region"]["name"])
    world.organizations[id_] = made | {"licensing": copy.deepcopy(like["licensing"])}
    for template in [one for one in world.templates.values() if one["organizationId"] == source]:
        _clone_template(world, template, id_)
    _copy(world, f"/organizations/{source}", f"/organizations/{id_}")
    world.record_change(None, PAGE, "Organization cloned", source, id_, organization_id=id_)
    return world.organizations[id_]


def _clone_template(world: "World", template: Json, organization_id: str) -> None:
    id_ = world.new_id("template")
    world.templates[id_] = copy.deepcopy(template) | {"id": id_, "organizationId": organization_id}
    _copy(world, f"/networks/{template['id']}", f"/networks/{id_}")


def _copy(world: "World", source: str, target: str) -> None:
    tables: tuple[dict[str, Json], ...] = (world.resources, world.pristine)
    for table in tables:
        for path in [path for path in table if path.startswith(source + "/")]:
            tail = path.removeprefix(source)
            if tail.split("/")[1] not in _NOT_CLONED:
                table[target + tail] = copy.deepcopy(table[path])


@behaviour("cloneOrganizationSwitchDevices")
def clone_switch(world: "World", call: Call) -> Json:
    """The target switches get the ports and settings of the source; they must be of its model."""
    organization_id, body = call.params["organizationId"], call.body
    serials = some(body["targetSerials"], "targetSerials")
    without_twins(serials, "targetSerials")
    source, *targets = [device_of_organization(world, organization_id, s) for s in (body["sourceSerial"], *serials)]
    for one in (source, *targets):
        if one["productType"] != "switch" or one["model"] != source["model"] or source["serial"] in serials:
            raise CloudError(400, "Source and target devices must be different switches of the same model")
        if world.hidden[f"/devices/{one['serial']}"].get("catalyst") == "monitored":
            raise CloudError(400, f"Device with serial {one['serial']} is read-only in the dashboard")
    if world.perform is None:
        raise CloudError(500, "This world has no cloud around it")
    world.perform("GET", f"/devices/{source['serial']}/switch/ports", None)
    for one in targets:
        _copy_switch(world, source["serial"], one["serial"])
    return {"sourceSerial": source["serial"], "targetSerials": serials}


def _copy_switch(world: "World", source: str, target: str) -> None:
    world.forget(f"/devices/{target}/switch")
    _copy(world, f"/devices/{source}/switch", f"/devices/{target}/switch")


@behaviour("createOrganizationInventoryDevicesSwapsBulk")
def swap_devices(world: "World", call: Call) -> Json:
    """Each new device stands where the old one stood, with its settings; the old one goes as ``afterAction`` says."""
    organization_id = call.params["organizationId"]
    swaps = some(call.body["swaps"], "swaps")
    owned = inventory(world, organization_id)
    for swap in swaps:
        _check_swap(owned, swap)
    job = world.new_id()
    rows = [_swapped(world, owned, swap) for swap in swaps]
    done = {"jobId": job, "swaps": rows}
    world.collection(f"/organizations/{organization_id}/inventory/devices/swaps/bulk")[job] = done
    return done


def _check_swap(owned: dict[str, Json], swap: Json) -> None:
    old, new = owned.get(swap["devices"]["old"]), owned.get(swap["devices"]["new"])
    if old is None or not old["networkId"]:
        raise CloudError(400, f"Device with serial {swap['devices']['old']} is in no network of this organization")
    if new is None or new["networkId"]:
        raise CloudError(400, f"Device with serial {swap['devices']['new']} must be in the inventory and in no network")
    if new["productType"] != old["productType"]:
        raise CloudError(400, "Old and new device must be of the same product type")
    if swap["afterAction"] not in AFTERWARDS:
        raise CloudError(400, f"'afterAction' must be one of: {', '.join(repr(one) for one in AFTERWARDS)}")


def _swapped(world: "World", owned: dict[str, Json], swap: Json) -> Json:
    old, new = owned[swap["devices"]["old"]], owned[swap["devices"]["new"]]
    new |= {name: copy.deepcopy(old[name]) for name in _PLACE}
    _copy(world, f"/devices/{old['serial']}", f"/devices/{new['serial']}")
    facts, others = world.hidden[f"/devices/{old['serial']}"], world.hidden[f"/devices/{new['serial']}"]
    others["uplink"], facts["uplink"] = facts["uplink"], None
    take_out(world, old)
    if swap["afterAction"] == AFTERWARDS[1]:
        world.hidden[f"/devices/{old['serial']}"]["organizationId"] = None
    fields = ("mac", "serial", "model", "name")
    return {
        "id": world.new_id(),
        "devices": {"old": {n: old[n] for n in fields}, "new": {n: new[n] for n in fields}},
        "status": "completed",
        "afterAction": swap["afterAction"],
        "createdAt": world.stamp(),
        "completedAt": world.stamp(),
        "errors": [],
    }


@behaviour("getOrganizationInventoryDevicesSwapsBulk")
def get_swaps(world: "World", call: Call) -> Json:
    """One job of swaps."""
    found = world.collection(f"/organizations/{call.params['organizationId']}/inventory/devices/swaps/bulk")
    if call.params["id"] not in found:
        raise CloudError(404, "Not found")
    return found[call.params["id"]]
