"""Cellular: the bands that a modem may use, where it is allowed to say where it is, and eSIMs."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import of_organization
from mcp_server.sandbox.checks.tables import items, some, without_twins
from mcp_server.sandbox.generic import Rows

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

BANDS = {"5GNSA": ["n2", "n5", "n66"], "5GSA": ["n41", "n71"], "LTE": ["B2", "B4", "B12"]}
_SLOTS = ("sim1", "sim2")
_ESIMS = "/organizations/{organizationId}/cellularGateway/esims/inventory"
_ACCOUNTS = "/organizations/{organizationId}/cellularGateway/esims/serviceProviders/accounts"


# Bands


def _masks(world: "World", serial: str) -> dict[str, Json]:
    return world.collection(f"/devices/{serial}/cellular/uplinks/bands/masks")


@behaviour("createDeviceCellularUplinksBandsMasksUpdate")
def mask_bands(world: "World", call: Call) -> Json:
    """The bands of a SIM slot and signal type that the modem does not use; an empty list lets it use all."""
    body, serial = call.body, call.params["serial"]
    if world.devices[serial]["productType"] not in ("cellularGateway", "appliance"):
        raise CloudError(400, "This endpoint only supports cellular devices")
    without_twins(body["masked"], "masked")
    if body["slot"] not in _SLOTS or not set(body["masked"]) <= set(BANDS[body["type"]]):
        raise CloudError(400, "The modem has no such slot or band")
    if set(body["masked"]) == set(BANDS[body["type"]]):
        raise CloudError(400, "At least one band must stay enabled")
    held, key = _masks(world, serial), f"{body['slot']} {body['type']}"
    held.pop(key, None)
    if body["masked"]:
        held[key] = {"masked": list(body["masked"])}
    return {"serial": serial, "slot": body["slot"], "type": body["type"], "masked": list(body["masked"])}


@behaviour("getOrganizationDevicesCellularUplinksBandsByDevice")
def list_bands(world: "World", call: Call) -> Json:
    """The bands of each cellular device, masked or not."""
    found = {
        one["serial"]: one
        for one in of_organization(world, call.params["organizationId"])
        if one["productType"] == "cellularGateway"
        or f"/devices/{one['serial']}/cellular/uplinks/bands/masks" in world.resources
    }
    return Rows(list(found), lambda serial: {"serial": serial, "bySlot": _by_slot(_masks(world, serial))})


def _by_slot(held: dict[str, Json]) -> list[Json]:
    return [
        {"slot": slot, "bySignalType": [_signal(held, slot, kind, bands) for kind, bands in BANDS.items()]}
        for slot in _SLOTS
    ]


def _signal(held: dict[str, Json], slot: str, kind: str, bands: list[str]) -> Json:
    masked = held.get(f"{slot} {kind}", {"masked": []})["masked"]
    left = [band for band in bands if band not in masked]
    return {"type": kind, "masked": list(masked), "enabled": left, "supported": list(bands)}


# Where they are


@behaviour("updateDeviceCellularGeolocations")
def put_geolocation(world: "World", call: Call) -> Json:
    """Whether a cellular device says where it is."""
    serial = call.params["serial"]
    if world.devices[serial]["productType"] != "cellularGateway":
        raise CloudError(400, "This endpoint only supports cellular devices")
    found = world.singleton(f"/devices/{serial}/cellular/geolocations", {"enabled": False})
    found["enabled"] = call.body["enabled"]
    return {"serial": serial, "geolocation": dict(found)}


@behaviour("getOrganizationDevicesCellularGeolocations")
def list_geolocations(world: "World", call: Call) -> Json:
    """Each cellular device, and its place where it says so."""
    wanted = call.query.get("serials")
    rows = []
    for one in of_organization(world, call.params["organizationId"]):
        if one["productType"] != "cellularGateway" or (wanted and one["serial"] not in wanted):
            continue
        stored = world.singleton(f"/devices/{one['serial']}/cellular/geolocations", {"enabled": False})
        place = {"latitude": one["lat"], "longitude": one["lng"]} if stored["enabled"] else {}
        rows.append({"serial": one["serial"], "geolocation": stored | place})
    return rows


# eSIMs


@behaviour("createOrganizationCellularGatewayEsimsSwap")
def swap_esims(world: "World", call: Call) -> Json:
    """Each eSIM gets a profile of another account; the profile that it had is deleted from it."""
    esims, accounts = items(world, call, _ESIMS), items(world, call, _ACCOUNTS)
    swaps = some(call.body["swaps"], "swaps")
    for one in swaps:
        if one["eid"] not in esims:
            raise CloudError(400, f"eSIM {one['eid']} not found")
        if (one.get("target") or {}).get("accountId") not in accounts:
            raise CloudError(400, "The target account is not one of the organization")
    for one in swaps:
        _swap(world, esims[one["eid"]], accounts[one["target"]["accountId"]], one["target"])
    id_ = world.new_id()
    done = {"id": id_, "status": "completed", "swaps": [dict(one) for one in swaps]}
    world.collection(f"/organizations/{call.params['organizationId']}/cellularGateway/esims/swap")[id_] = done
    return done


def _swap(world: "World", esim: Json, account: Json, target: Json) -> None:
    plans = [
        {"name": target["communicationPlan"], "type": "communication"},
        {"name": target["ratePlan"], "type": "rate"},
    ]
    provider = {"name": (account.get("serviceProvider") or {}).get("name"), "plans": plans}
    esim["profiles"] = [
        {"customApns": [], "iccid": world.new_id(), "status": "Activated", "serviceProvider": provider},
    ]
    esim["lastUpdatedAt"] = world.stamp()


@behaviour("updateOrganizationCellularGatewayEsimsSwap")
def swap_again(world: "World", call: Call) -> Json:
    """The profile of the newest swap of an eSIM is active, those before are gone; 404 for an eSIM without one."""
    held = world.collection(f"/organizations/{call.params['organizationId']}/cellularGateway/esims/swap")
    found = held.get(call.params["id"])
    if found is None:
        raise CloudError(404)
    found["lastUpdatedAt"] = world.stamp()
    return found
