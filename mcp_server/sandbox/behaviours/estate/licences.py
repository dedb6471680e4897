"""Licences: co-term keys with counts by model, or one licence a device; seats of Systems Manager; moves and renewals.

A per-device organization has a licence for each device that it owned when its licences were first looked at, and two
of Systems Manager seats. An organization of one model cannot take what the other has.
"""

import copy
from collections import Counter
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import inventory
from mcp_server.sandbox.checks.tables import network_of_organization, some

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

SEATS = 25  #: of each Systems Manager licence at first


def _is_coterm(world: "World", organization_id: str) -> bool:
    return bool(world.organizations[organization_id]["licensing"]["model"] == "co-term")


def _model_group(model: str) -> str:
    return "wireless" if model.startswith(("MR", "CW")) else model


@behaviour("getOrganizationLicensesOverview")
def licence_overview(world: "World", call: Call) -> Json:
    """One date and counts by model (co-term), or counts of states (per device)."""
    organization_id = call.params["organizationId"]
    counts = Counter(_model_group(device["model"]) for device in inventory(world, organization_id).values())
    if _is_coterm(world, organization_id):
        return {
            "status": "OK",
            "expirationDate": "Mar 2, 2029 UTC",
            "licensedDeviceCounts": dict(sorted(counts.items())),
        }
    warning = {"thresholdInDays": 90, "expiringCount": 0}
    return {
        "licenseCount": sum(counts.values()),
        "states": {
            "active": {"count": sum(counts.values())},
            "expired": {"count": 0},
            "expiring": {"count": 0, "critical": warning | {"thresholdInDays": 30}, "warning": warning},
            "recentlyQueued": {"count": 0},
            "unused": {"count": 0},
            "unusedActive": {"count": 0},
        },
        "licenseTypes": [{"licenseType": "ENT", "counts": {"unassigned": 0}}],
        "systemsManager": {
            "counts": {"totalSeats": 0, "activeSeats": 0, "unassignedSeats": 0, "orgwideEnrolledDevices": 0}
        },
    }


@behaviour("getOrganizationLicensingCotermLicenses")
def list_coterm(world: "World", call: Call) -> Json:
    """The licence keys of a co-term organization; 400 for another."""
    return list(coterm_keys(world, call.params["organizationId"]).values())


def coterm_keys(world: "World", organization_id: str) -> dict[str, Json]:
    """The keys of a co-term organization; one at first, for all devices that it owned then. CloudError 400 else."""
    if not _is_coterm(world, organization_id):
        raise CloudError(400, "This organization does not use co-termination licensing")
    return world.collection(
        f"/organizations/{organization_id}/licensing/coterm/licenses", lambda: _first_key(world, organization_id)
    )


def _first_key(world: "World", organization_id: str) -> dict[str, Json]:
    counts = Counter(_model_group(device["model"]) for device in inventory(world, organization_id).values())
    if not counts:
        return {}
    key: Json = {
        "key": "Z2AA-BBBB-CCCC",
        "organizationId": organization_id,
        "duration": 1095,
        "mode": "addDevices",
        "startedAt": "2026-03-02T13:00:00Z",
        "claimedAt": "2026-03-02T13:00:00Z",
        "invalidated": False,
        "invalidatedAt": None,
        "expired": False,
        "editions": [
            {"edition": "Advanced Security", "productType": "appliance"},
            {"edition": "Advanced", "productType": "switch"},
            {"edition": "Enterprise", "productType": "wireless"},
        ],
        "counts": [{"model": model, "count": count} for model, count in sorted(counts.items())],
    }
    return {str(key["key"]): key}


def licences_of(world: "World", organization_id: str) -> dict[str, Json]:
    """The licences of a per-device organization by id; CloudError 400 for another."""
    if _is_coterm(world, organization_id):
        raise CloudError(400, f"Organization with ID {organization_id} does not support per-device licensing")
    return world.collection(f"/organizations/{organization_id}/licenses", lambda: _first(world, organization_id))


def _first(world: "World", organization_id: str) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for number, (serial, device) in enumerate(inventory(world, organization_id).items(), 1):
        kind = "ENT" if device["productType"] != "switch" else "MS-ENT"
        made[str(757_000_000_000_000 + number)] = _licence(number, kind) | {"deviceSerial": serial}
    for number in (len(made) + 1, len(made) + 2):
        made[str(757_000_000_000_000 + number)] = _licence(number, "SME") | {"seatCount": SEATS, "state": "unused"}
    return made


def _licence(number: int, kind: str) -> dict[str, Json]:
    return {
        "id": str(757_000_000_000_000 + number),
        "licenseType": kind,
        "licenseKey": f"Z2BB-{number:04d}-DDDD",
        "orderNumber": "4C100000",
        "deviceSerial": None,
        "networkId": None,
        "state": "active",
        "seatCount": None,
        "totalDurationInDays": 1095,
        "durationInDays": 1095,
        "permanentlyQueuedLicenses": [],
        "claimDate": "2026-03-02T13:00:00Z",
        "activationDate": "2026-03-02T13:00:00Z",
        "expirationDate": "2029-03-02T13:00:00Z",
        "headLicenseId": None,
    }


def _shown(world: "World", licence: Json) -> Json:
    if licence["seatCount"] is not None:
        return licence
    serial = licence["deviceSerial"]
    return licence | {"networkId": world.network_of(serial or ""), "state": "active" if serial else "unused"}


@behaviour("getOrganizationLicenses")
def list_licences(world: "World", call: Call) -> Json:
    """The licences of a per-device organization; 400 for another."""
    found = [_shown(world, one) for one in licences_of(world, call.params["organizationId"]).values()]
    for query, field in (("deviceSerial", "deviceSerial"), ("networkId", "networkId"), ("state", "state")):
        if call.query.get(query):
            found = [one for one in found if one[field] == call.query[query]]
    return found


@behaviour("getOrganizationLicense", "updateOrganizationLicense")
def one_licence(world: "World", call: Call) -> Json:
    """One licence; a PUT assigns it to a device, null takes it away."""
    organization_id = call.params["organizationId"]
    found = licences_of(world, organization_id).get(call.params["licenseId"])
    if found is None:
        raise CloudError(404, "Not found")
    if call.method == "PUT" and "deviceSerial" in (call.body or {}):
        serial = call.body["deviceSerial"]
        if found["seatCount"] is not None:
            raise CloudError(400, "A license of seats cannot be assigned to a device")
        if serial is not None and serial not in inventory(world, organization_id):
            raise CloudError(400, f"Device with serial {serial} not found")
        found["deviceSerial"] = serial
    return _shown(world, found)


def _one_of(world: "World", organization_id: str, id_: Json, *, seats: bool | None = None) -> Json:
    found = licences_of(world, organization_id).get(str(id_))
    if found is None or (seats is not None and (found["seatCount"] is not None) != seats):
        raise CloudError(400, f"License {id_} not found")
    return found


# Seats


@behaviour("assignOrganizationLicensesSeats")
def assign_seats(world: "World", call: Call) -> Json:
    """So many seats go to a Systems Manager network, as a licence of their own."""
    organization_id, body = call.params["organizationId"], call.body
    licence = _one_of(world, organization_id, body["licenseId"], seats=True)
    network = network_of_organization(world, organization_id, body["networkId"])
    if "systemsManager" not in network["productTypes"]:
        raise CloudError(400, "Seats can only be assigned to a Systems Manager network")
    taken = _taken_seats(world, licence, body["seatCount"])
    taken |= {"networkId": network["id"], "state": "active"}
    licences_of(world, organization_id)[taken["id"]] = taken
    return {"resultingLicenses": [copy.deepcopy(licence), taken]}


def _taken_seats(world: "World", licence: Json, count: int) -> Json:
    """A new licence with seats of another one, which has so many fewer."""
    if count < 1 or count > licence["seatCount"] or licence["networkId"]:
        raise CloudError(400, "Not enough unassigned seats")
    licence["seatCount"] -= count
    return copy.deepcopy(licence) | {"id": world.new_id(), "seatCount": count}


@behaviour("moveOrganizationLicensesSeats")
def move_seats(world: "World", call: Call) -> Json:
    """So many seats belong to another per-device organization."""
    organization_id, body = call.params["organizationId"], call.body
    licence = _one_of(world, organization_id, body["licenseId"], seats=True)
    target = _target(world, organization_id, body["destOrganizationId"])
    taken = _taken_seats(world, licence, body["seatCount"])
    target[taken["id"]] = taken
    return {
        "destOrganizationId": body["destOrganizationId"],
        "licenseId": licence["id"],
        "seatCount": taken["seatCount"],
    }


def _target(world: "World", source: str, organization_id: Json) -> dict[str, Json]:
    if organization_id not in world.organizations or organization_id == source:
        raise CloudError(400, "The destination must be another organization that you administer")
    return licences_of(world, organization_id)


@behaviour("renewOrganizationLicensesSeats")
def renew_seats(world: "World", call: Call) -> Json:
    """The seats last as much longer as an unused licence would; that one is used up."""
    organization_id, body = call.params["organizationId"], call.body
    renewed = _one_of(world, organization_id, body["licenseIdToRenew"], seats=True)
    unused = _one_of(world, organization_id, body["unusedLicenseId"], seats=True)
    if unused is renewed or unused["networkId"] or unused["seatCount"] < renewed["seatCount"]:
        raise CloudError(400, "The unused license must be another, unassigned one with enough seats")
    renewed["totalDurationInDays"] += unused["durationInDays"]
    renewed["permanentlyQueuedLicenses"] = [
        {name: unused[name] for name in ("id", "licenseType", "licenseKey", "orderNumber", "durationInDays")}
    ]
    del licences_of(world, organization_id)[unused["id"]]
    return {"resultingLicenses": [renewed]}


# Moves


@behaviour("moveOrganizationLicenses")
def move_licences(world: "World", call: Call) -> Json:
    """The licences belong to another per-device organization; they leave the devices that had them."""
    organization_id, body = call.params["organizationId"], call.body
    ids = some(body["licenseIds"], "licenseIds")
    found = [_one_of(world, organization_id, id_) for id_ in ids]
    target = _target(world, organization_id, body["destOrganizationId"])
    for one in found:
        key = world.new_id() if one["id"] in target else one["id"]
        target[key] = one | {"id": key, "deviceSerial": None, "networkId": None}
        del licences_of(world, organization_id)[one["id"]]
    return {"destOrganizationId": body["destOrganizationId"], "licenseIds": ids}


@behaviour("moveOrganizationLicensingCotermLicenses")
def move_coterm(world: "World", call: Call) -> Json:
    """Counts of a key belong to another co-term organization, which may keep its date or take the key's."""
    organization_id, body = call.params["organizationId"], call.body
    target = (body["destination"] or {}).get("organizationId")
    if target not in world.organizations or target == organization_id:
        raise CloudError(400, "The destination must be another organization that you administer")
    own, others = coterm_keys(world, organization_id), coterm_keys(world, target)
    moved = [_moved_counts(own, wanted) for wanted in some(body["licenses"], "licenses")]
    for key, counts in moved:
        left = {one["model"]: one["count"] for one in own[key]["counts"]}
        for one in counts:
            left[one["model"]] -= one["count"]
        own[key]["counts"] = [{"model": model, "count": count} for model, count in sorted(left.items()) if count]
        new = world.new_id()
        others[new] = copy.deepcopy(own[key]) | {"key": f"{key}-{new[-4:]}", "organizationId": target, "counts": counts}
    return {"remainderLicenses": [own[key] for key, _counts in moved], "movedLicenses": list(others.values())}


def _moved_counts(own: dict[str, Json], wanted: Json) -> tuple[str, list[Json]]:
    found = own.get(wanted["key"])
    if found is None:
        raise CloudError(400, f"License key {wanted['key']} not found")
    has = {one["model"]: one["count"] for one in found["counts"]}
    for one in some(wanted["counts"], "counts"):
        if one["count"] < 1 or has.get(one["model"], 0) < one["count"]:
            raise CloudError(400, f"License key {wanted['key']} has too few licenses for {one['model']}")
    return wanted["key"], [{"model": one["model"], "count": one["count"]} for one in wanted["counts"]]
