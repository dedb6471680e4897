"""Devices, inventory, licences and firmware."""

import copy
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.lan.reachability import fetch
from mcp_server.sandbox.behaviours.organizations import take_out
from mcp_server.sandbox.checks.settings import log
from mcp_server.sandbox.generic import Rows, items_at
from mcp_server.sandbox.samples import about, digest
from mcp_server.sandbox.seed import Unit, stocked_device

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_FIELDS = ("name", "tags", "lat", "lng", "address", "notes", "floorPlanId")
#: facts: section 2, point 9
NOT_TEMPLATED = (
    "Device's network must be bound to a configuration template (that supports switches) "
    "to allow for switch template binding"
)
REBOOT_S = 90.0
UPGRADE_S = 900.0


def of_organization(world: "World", organization_id: str) -> Iterator[Json]:
    """The devices that an organization has in networks."""
    for device in world.devices.values():
        if device["networkId"] and world.organization_of(device["networkId"]) == organization_id:
            yield device


# Devices


@behaviour("getOrganizationDevices")
def list_devices(world: "World", call: Call) -> Json:
    """Devices in networks; those only in the inventory are not listed."""
    found = {one["serial"]: one for one in of_organization(world, call.params["organizationId"])}
    after = call.query.get("configurationUpdatedAfter")
    if after:
        found = {serial: one for serial, one in found.items() if _updated_at(world, serial) > after}
    return Rows(list(found), lambda serial: found[serial] | {"configurationUpdatedAt": _updated_at(world, serial)})


def _updated_at(world: "World", serial: str) -> str:
    """When the device last fetched its configuration; one that is back since then does it now."""
    fetch(world, serial)
    return str(world.hidden[f"/devices/{serial}"]["configurationUpdatedAt"])


@behaviour("getNetworkDevices")
def list_network_devices(world: "World", call: Call) -> Json:
    """The devices of one network."""
    return world.devices_in(call.params["networkId"])


@behaviour("getDevice")
def get_device(world: "World", call: Call) -> Json:
    """One device."""
    return world.devices[call.params["serial"]]


@behaviour("updateDevice")
def update_device(world: "World", call: Call) -> Json:
    """Name, tags, place, floor plan and notes; binding to a switch profile needs a template-bound network."""
    device = world.devices[call.params["serial"]]
    old, body = copy.deepcopy(device), call.body or {}
    if body.get("switchProfileId"):
        if device["productType"] != "switch" or not world.is_bound(device["networkId"]):
            raise CloudError(400, NOT_TEMPLATED)
        world.hidden[f"/devices/{device['serial']}"]["switchProfileId"] = body["switchProfileId"]
    if body.get("floorPlanId") and body["floorPlanId"] not in _floor_plans(world, device["networkId"]):
        raise CloudError(400, f"Floor plan {body['floorPlanId']} not found")
    changed = {name: copy.deepcopy(body[name]) for name in _FIELDS if name in body}
    if "tags" in changed:
        changed["tags"] = changed["tags"] or []
    device |= changed
    world.record_change(device["networkId"], "via API", f"Device {device['serial']}", old, device)
    return device


def _floor_plans(world: "World", network_id: str) -> dict[str, Json]:
    template = "/networks/{networkId}/floorPlans"
    return items_at(world, template, f"/networks/{network_id}/floorPlans", {"networkId": network_id})


@behaviour("rebootDevice")
def reboot_device(world: "World", call: Call) -> Json:
    """The device, and what hangs on it, is away for a while."""
    world.hidden[f"/devices/{call.params['serial']}"]["rebootUntil"] = (
        world.now() + timedelta(seconds=REBOOT_S)
    ).isoformat()
    return {"success": True}


@behaviour("bulkUpdateOrganizationDevicesDetails")
def put_details(world: "World", call: Call) -> Json:
    """The devices have these details; one of a name that is there takes its place, an empty value removes it."""
    serials, details = call.body["serials"], call.body["details"]
    known = {device["serial"] for device in of_organization(world, call.params["organizationId"])}
    for serial in serials:
        if serial not in known:
            raise CloudError(400, f"Device with serial {serial} not found in this organization")
    if not serials or not details:
        raise CloudError(400, "At least one of 'serials' and one of 'details' is required")
    for serial in serials:
        held = {one["name"]: one["value"] for one in world.devices[serial]["details"]}
        held |= {one["name"]: one.get("value") or "" for one in details}
        world.devices[serial]["details"] = [{"name": name, "value": value} for name, value in held.items() if value]
    return {"serials": serials}


@behaviour("getOrganizationDevicesOverviewByModel")
def count_models(world: "World", call: Call) -> Json:
    """How many devices of each model are in networks."""
    counts = Counter(device["model"] for device in of_organization(world, call.params["organizationId"]))
    return {"counts": [{"model": model, "total": total} for model, total in sorted(counts.items())]}


@behaviour("claimNetworkDevices")
def claim_devices(world: "World", call: Call) -> Json:
    """Devices of the inventory come into the network; one that may not refuses all."""
    network_id = call.params["networkId"]
    network = world.networks.get(network_id)
    if network is None:
        raise CloudError(400, "Devices cannot be claimed into a configuration template")
    serials = [serial.upper() for serial in call.body["serials"]]
    _check_claims(world, network, serials)
    for serial in serials:
        device = world.devices[serial]
        device |= {"networkId": network_id, "lanIp": _address(world, serial)}
        world.hidden[f"/devices/{serial}"]["configurationUpdatedAt"] = world.stamp()
        device["url"] = f"https://n1.meraki.com/{network_id}/manage/nodes/{serial}"
    world.rehouse()
    log(world, call, "Devices claimed", "", serials)
    return {"serials": serials, "errors": []}


def _check_claims(world: "World", network: Json, serials: list[str]) -> None:
    for serial in serials:
        device, facts = world.devices.get(serial), world.hidden.get(f"/devices/{serial}", {})
        if device is None or facts.get("organizationId") not in (network["organizationId"], None):
            raise CloudError(400, f"Device with serial {serial} not found")
        if device["networkId"]:
            raise CloudError(400, f"Device with serial {serial} is already claimed")
        if device["productType"] not in network["productTypes"]:
            raise CloudError(400, f"Device with serial {serial} is not supported by this network")
    for serial in serials:
        world.hidden[f"/devices/{serial}"]["organizationId"] = network["organizationId"]


def _address(world: "World", serial: str) -> str:
    number = digest(about(world, f"/devices/{serial}", {}), "lanIp")
    return f"10.{number % 200}.{number // 200 % 250}.{number // 50_000 % 240 + 5}"


@behaviour("vmxNetworkDevicesClaim")
def claim_vmx(world: "World", call: Call) -> Json:
    """A virtual appliance of that size, new in the network; a network has one appliance, or none."""
    network_id = call.params["networkId"]
    network = world.networks.get(network_id)
    if network is None or "appliance" not in network["productTypes"]:
        raise CloudError(400, "vMX devices can only be claimed into a network that supports appliances")
    if any(one["productType"] == "appliance" for one in world.devices_in(network_id)):
        raise CloudError(400, "This network already has an appliance")
    size = call.body["size"]
    serial = stocked_device(world, network["organizationId"], Unit(f"VMX-{size.upper()[:2]}", "appliance", ""))
    url = f"https://n1.meraki.com/{network_id}/manage/nodes/{serial}"
    world.devices[serial] |= {"networkId": network_id, "lanIp": _address(world, serial), "url": url}
    world.rehouse()
    log(world, call, "Devices claimed", "", [serial])
    return world.devices[serial]


@behaviour("removeNetworkDevices")
def remove_device(world: "World", call: Call) -> Json:
    """The device goes back to the inventory."""
    device = world.devices.get(call.body["serial"])
    if device is None or device["networkId"] != call.params["networkId"]:
        raise CloudError(404, "Not found")
    take_out(world, device)
    log(world, call, "Device removed", device["serial"], "")
    return {}


# Inventory


def inventory(world: "World", organization_id: str) -> dict[str, Json]:
    """The devices that an organization owns, by serial, in networks or not."""
    facts = world.hidden
    return {
        serial: device
        for serial, device in world.devices.items()
        if facts[f"/devices/{serial}"]["organizationId"] == organization_id
    }


def _stocked(world: "World", device: Json) -> Json:
    facts = world.hidden[f"/devices/{device['serial']}"]
    return device | {
        "claimedAt": facts["claimedAt"],
        "orderNumber": facts["orderNumber"],
        "sku": f"{device['model']}-HW",
        "countryCode": "BR",
        "licenseExpirationDate": "2029-03-02T13:00:00Z",
        "eox": {"status": None, "endOfSaleAt": None, "endOfSupportAt": None},
    }


@behaviour("getOrganizationInventoryDevices")
def list_inventory(world: "World", call: Call) -> Json:
    """All devices that the organization owns, in networks or not."""
    found = inventory(world, call.params["organizationId"])
    used = call.query.get("usedState")
    if used:
        found = {serial: one for serial, one in found.items() if bool(one["networkId"]) == (used == "used")}
    text = str(call.query.get("search", "")).casefold()
    if text:
        found = {
            s: one for s, one in found.items() if text in f"{s} {one['mac']} {one['model']} {one['name']}".casefold()
        }
    return Rows(list(found), lambda serial: _stocked(world, found[serial]))


@behaviour("getOrganizationInventoryDevice")
def get_inventory(world: "World", call: Call) -> Json:
    """One device that the organization owns."""
    found = inventory(world, call.params["organizationId"]).get(call.params["serial"])
    if found is None:
        raise CloudError(404, "Not found")
    return _stocked(world, found)


@behaviour("claimIntoOrganizationInventory", "claimIntoOrganization")
def claim_inventory(world: "World", call: Call) -> Json:
    """Devices that nobody owns become the organization's."""
    body = call.body or {}
    serials = [serial.upper() for serial in body.get("serials") or []]
    if not serials and not body.get("orders") and not body.get("licenses"):
        raise CloudError(400, "At least one of 'orders', 'serials' or 'licenses' is required")
    if body.get("orders"):
        raise CloudError(400, f"Order {body['orders'][0]} not found")
    for serial in serials:
        if serial not in world.devices:
            raise CloudError(400, f"Device with serial {serial} not found")
        if world.hidden[f"/devices/{serial}"]["organizationId"]:
            raise CloudError(400, f"Device with serial {serial} is already claimed")
    for serial in serials:
        world.hidden[f"/devices/{serial}"] |= {
            "organizationId": call.params["organizationId"],
            "claimedAt": world.stamp(),
        }
    return {"orders": [], "serials": serials, "licenses": body.get("licenses") or []}


@behaviour("releaseFromOrganizationInventory")
def release_inventory(world: "World", call: Call) -> Json:
    """The organization no longer owns the devices; one that stands in a network refuses all."""
    serials = (call.body or {}).get("serials") or []
    owned = inventory(world, call.params["organizationId"])
    for serial in serials:
        if serial not in owned:
            raise CloudError(404, "Not found")
        if owned[serial]["networkId"]:
            raise CloudError(400, f"Device with serial {serial} must be removed from its network first")
    for serial in serials:
        world.hidden[f"/devices/{serial}"]["organizationId"] = None
    return {"serials": serials}


# Firmware

VERSIONS = {
    "appliance": ("2128", "MX 18.211", "2140", "MX 19.1"),
    "switch": ("2301", "MS 17.2.1", "2317", "MS 17.3"),
    "wireless": ("2205", "MR 31.1.6", "2229", "MR 31.1.7"),
    "camera": ("2401", "MV 6.2", "2409", "MV 7.0"),
    "sensor": ("2501", "MT 1.4", "2502", "MT 1.5"),
    "cellularGateway": ("2601", "MG 4.1", "2605", "MG 4.2"),
    "campusGateway": ("2701", "CG 1.2", "2702", "CG 1.3"),
}


def _version(id_: str, name: str) -> Json:
    day = "2026-06-01T00:00:00Z"
    return {
        "id": id_,
        "firmware": name.lower().replace(" ", "-"),
        "shortName": name,
        "releaseType": "stable",
        "releaseDate": day,
    }


def _firmware(world: "World", network_id: str) -> Json:
    return world.singleton(
        f"/networks/{network_id}/firmwareUpgrades",
        {"upgradeWindow": {"dayOfWeek": "sun", "hourOfDay": "2:00"}, "timezone": "America/Sao_Paulo", "products": {}},
    )


def _product(stored: Json, product: str) -> Json:
    id_, name, next_id, next_name = VERSIONS[product]
    planned = stored["products"].get(product, {})
    offered = _version(next_id, next_name)
    upgrade = planned.get("nextUpgrade") or {}
    chosen = (upgrade.get("toVersion") or {}).get("id")
    return {
        "currentVersion": _version(id_, name),
        "lastUpgrade": {"time": None, "fromVersion": None, "toVersion": None},
        "nextUpgrade": {"time": upgrade.get("time") or "", "toVersion": offered if chosen else None},
        "isUpgradeAvailable": True,
        "availableVersions": [_version(id_, name), offered],
        "participateInNextBetaRelease": bool(planned.get("participateInNextBetaRelease")),
    }


@behaviour("getNetworkFirmwareUpgrades")
def get_firmware(world: "World", call: Call) -> Json:
    """Versions that run, that are planned and that are offered, by product."""
    network_id = call.params["networkId"]
    stored = _firmware(world, network_id)
    home = world.networks.get(network_id) or world.templates[network_id]
    products = {one: _product(stored, one) for one in home["productTypes"] if one in VERSIONS}
    return stored | {"products": products}


@behaviour("updateNetworkFirmwareUpgrades")
def plan_firmware(world: "World", call: Call) -> Json:
    """Plan an upgrade: only to an offered version, not into the past."""
    body = call.body or {}
    stored = _firmware(world, call.params["networkId"])
    for product, wanted in (body.get("products") or {}).items():
        _check_upgrade(world, call.params["networkId"], product, wanted or {})
    for name in ("upgradeWindow", "timezone"):
        if name in body:
            stored[name] = copy.deepcopy(body[name])
    for product, wanted in (body.get("products") or {}).items():
        stored["products"][product] = stored["products"].get(product, {}) | copy.deepcopy(wanted or {})
    stored["products"] = {product: plan for product, plan in stored["products"].items() if _is_planned(plan)}
    return get_firmware(world, call)


def _is_planned(plan: Json) -> bool:
    """Whether a product has anything but what it has without a plan."""
    upgrade = plan.get("nextUpgrade") or {}
    return bool(upgrade.get("time") or upgrade.get("toVersion") or plan.get("participateInNextBetaRelease"))


def _check_upgrade(world: "World", network_id: str, product: str, wanted: Json) -> None:
    if product not in VERSIONS or product not in world.networks.get(network_id, {}).get("productTypes", ()):
        raise CloudError(400, f"Network does not support the product '{product}'")
    upgrade = wanted.get("nextUpgrade") or {}
    chosen = (upgrade.get("toVersion") or {}).get("id")
    if chosen and chosen not in (VERSIONS[product][0], VERSIONS[product][2]):
        raise CloudError(400, "Invalid firmware version")
    time = upgrade.get("time")
    if time and datetime.fromisoformat(time) < world.now():
        raise CloudError(400, "Upgrade time must be in the future")


def plan_rollback(world: "World", call: Call, product: Json, time: Json) -> Json:
    """Put a product back on the version before; without a product the network must have one alone. 400 otherwise."""
    network_id = call.params["networkId"]
    able = [one for one in world.networks.get(network_id, {}).get("productTypes", ()) if one in VERSIONS]
    product = product or (able[0] if len(able) == 1 else None)
    if product not in able:
        raise CloudError(400, f"Network does not support the product '{product}'")
    if time and datetime.fromisoformat(time) < world.now():
        raise CloudError(400, "Rollback time must be in the future")
    upgrade = {"time": time or "", "toVersion": {"id": VERSIONS[product][0]}}
    stored = _firmware(world, network_id)
    stored["products"][product] = stored["products"].get(product, {}) | {"nextUpgrade": upgrade}
    id_, name, _next, _name = VERSIONS[product]
    shown = {"product": product, "status": "pending", "upgradeBatchId": world.new_id(), "time": upgrade["time"]}
    return shown | {"toVersion": _version(id_, name), "reasons": call.body["reasons"]}


def planned_upgrades(world: "World", organization_id: str) -> Iterator[Json]:
    """The upgrades of an organization that are planned, run now, or are done: by the clock."""
    for network in world.networks_of(organization_id):
        stored = world.get(f"/networks/{network['id']}/firmwareUpgrades") or {"products": {}}
        for product, planned in stored["products"].items():
            upgrade = planned.get("nextUpgrade") or {}
            if upgrade.get("time"):
                yield _upgrade_row(world, network, product, upgrade)


def _upgrade_row(world: "World", network: Json, product: str, upgrade: Json) -> Json:
    at = datetime.fromisoformat(upgrade["time"])
    late = (world.now() - at).total_seconds()
    status = "Scheduled" if late < 0 else "Started" if late < UPGRADE_S else "Completed"
    id_, name, next_id, next_name = VERSIONS[product]
    return {
        "upgradeId": f"{network['id']}-{product}",
        "upgradeBatchId": network["id"].split("_")[-1],
        "network": {"id": network["id"], "name": network["name"]},
        "status": status,
        "time": upgrade["time"],
        "completedAt": (at + timedelta(seconds=UPGRADE_S)).isoformat() if status == "Completed" else None,
        "productTypes": product,
        "toVersion": _version(next_id, next_name),
        "fromVersion": _version(id_, name),
    }


@behaviour("getOrganizationFirmwareUpgrades")
def list_upgrades(world: "World", call: Call) -> Json:
    """Planned, running and finished upgrades."""
    rows = list(planned_upgrades(world, call.params["organizationId"]))
    wanted = {one.casefold() for one in call.query.get("status", ())}
    return [row for row in rows if not wanted or row["status"].casefold() in wanted]


@behaviour("getOrganizationFirmwareUpgradesByDevice")
def list_device_upgrades(world: "World", call: Call) -> Json:
    """The upgrades, device by device."""
    rows = []
    for upgrade in planned_upgrades(world, call.params["organizationId"]):
        for device in world.devices_in(upgrade["network"]["id"]):
            if device["productType"] == upgrade["productTypes"]:
                state = {"serial": device["serial"], "name": device["name"], "deviceStatus": upgrade["status"]}
                rows.append(state | {"upgrade": upgrade | {"id": upgrade["upgradeId"]}})
    return rows


@behaviour("getAdministeredIdentitiesMe")
def who_am_i(world: "World", _call: Call) -> Json:
    """The administrator whose key it is."""
    return {
        "name": world.admin["name"],
        "email": world.admin["email"],
        "lastUsedDashboardAt": world.stamp(3600),
        "authentication": {
            "mode": "email",
            "api": {"key": {"created": True}},
            "twoFactor": {"enabled": True},
            "saml": {"enabled": False},
        },
    }
