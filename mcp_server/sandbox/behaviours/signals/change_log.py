"""The configuration-change log, and the events of a network."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.lan.reachability import transitions
from mcp_server.sandbox.generic import Rows

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_YEAR_S = 365 * 86_400.0


@behaviour("getOrganizationConfigurationChanges")
def list_changes(world: "World", call: Call) -> Json:
    """Who changed what, newest first; at most 365 days (facts: section 2, point 5)."""
    start, end = _window(world, call.query)
    rows = {}
    for number, row in reversed(list(enumerate(world.changes))):
        if row["organizationId"] != call.params["organizationId"]:
            continue
        if not start <= datetime.fromisoformat(row["ts"]) <= end:
            continue
        if any(call.query.get(name) not in (None, row[name]) for name in ("networkId", "adminId")):
            continue
        rows[str(number)] = row
    return Rows(list(rows), rows.__getitem__)


def _window(world: "World", query: Json) -> tuple[datetime, datetime]:
    try:
        end = datetime.fromisoformat(query["t1"]) if query.get("t1") else world.now()
        span = timedelta(seconds=float(query.get("timespan", _YEAR_S)))
        start = datetime.fromisoformat(query["t0"]) if query.get("t0") else end - span
    except ValueError:
        raise CloudError(400, "t0, t1 and timespan must be ISO 8601 times and seconds") from None
    if start.tzinfo is None or end.tzinfo is None or (end - start).total_seconds() > _YEAR_S + 86_400:
        raise CloudError(400, "t0 must be within 365 days of t1, both with a time zone")
    return start, end


@behaviour("getNetworkEvents")
def list_events(world: "World", call: Call) -> Json:
    """What happened in the network, newest first: devices that went and came back."""
    network_id = call.params["networkId"]
    events = []
    for change in reversed(transitions(world)):
        device = world.devices.get(change["serial"])
        if device is None or device["networkId"] != network_id:
            continue
        kind = "offline" if change["new"] == "offline" else "online"
        events.append({
            "occurredAt": change["at"],
            "networkId": network_id,
            "type": f"device_{kind}",
            "description": f"Device went {kind}",
            "category": "connectivity",
            "clientId": None,
            "clientDescription": None,
            "clientMac": None,
            "deviceSerial": device["serial"],
            "deviceName": device["name"],
            "ssidNumber": None,
            "eventData": {},
        })  # fmt: skip
    size = int(call.query.get("perPage", 10))
    return {"message": None, "pageStartAt": world.stamp(3600), "pageEndAt": world.stamp(), "events": events[:size]}
