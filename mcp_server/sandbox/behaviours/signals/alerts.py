"""Assurance alerts and what a network says about its health: one alert for each device that the cloud has lost."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.lan.reachability import transitions

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_KIND = "unreachable"


def _alerts(world: "World", organization_id: str) -> Iterator[Json]:
    """All alerts, oldest first: opened when a device went offline, resolved when it came back."""
    opened: dict[str, Json] = {}
    rows: list[Json] = []
    for change in transitions(world):
        serial = change["serial"]
        if change["new"] == "offline":
            opened[serial] = _alert(world, change)
            rows.append(opened[serial])
        elif serial in opened:
            opened.pop(serial)["resolvedAt"] = change["at"]
    dismissed = _dismissed(world, organization_id)
    for alert in rows:
        if alert["organizationId"] == organization_id:
            yield alert | {"dismissedAt": dismissed.get(alert["id"], {}).get("dismissedAt")}


def _dismissed(world: "World", organization_id: str) -> dict[str, Json]:
    return world.collection(f"/organizations/{organization_id}/assurance/alerts/dismissed")


def _alert(world: "World", change: Json) -> dict[str, Json]:
    device = world.devices.get(change["serial"], {})
    network = world.networks.get(device.get("networkId") or "", {})
    number = sum(change["serial"].encode()) * 1000 + int(change["at"][14:16]) * 60 + int(change["at"][17:19])
    order = f"{change['at'][:10].replace('-', '')}{number:09d}"
    scoped = {name: device.get(name) for name in ("url", "name", "productType", "serial", "mac")}
    return {
        "id": order,
        "organizationId": network.get("organizationId"),
        "categoryType": "connectivity",
        "network": {name: network.get(name) for name in ("id", "name", "url")},
        "startedAt": change["at"],
        "resolvedAt": None,
        "deviceType": device.get("productType"),
        "type": _KIND,
        "title": "Device unreachable",
        "description": f"The cloud has lost {device.get('name')}: {change['reason']}",
        "severity": "critical" if device.get("productType") in ("appliance", "switch") else "warning",
        "scope": {
            "devices": [scoped | {"order": 1, "lldp": {"port": None}}],
            "applications": [],
            "peers": [],
            "others": [],
        },
    }


def _wanted(world: "World", call: Call) -> list[Json]:
    """The alerts that a request asks for: active ones, and resolved or dismissed ones when asked."""
    query = call.query
    active, dismissed, resolved = (_flag(query.get(name), usual) for name, usual in _FLAGS)
    found = []
    for alert in _alerts(world, call.params["organizationId"]):
        state = "resolved" if alert["resolvedAt"] else "dismissed" if alert["dismissedAt"] else "active"
        if not {"active": active, "dismissed": dismissed, "resolved": resolved}[state]:
            continue
        if query.get("networkId") not in (None, alert["network"]["id"]):
            continue
        if query.get("severity") not in (None, alert["severity"]):
            continue
        if query.get("serials") and alert["scope"]["devices"][0]["serial"] not in query["serials"]:
            continue
        if query.get("types") and alert["type"] not in query["types"]:
            continue
        if query.get("tsStart") and alert["startedAt"] < query["tsStart"]:
            continue
        found.append(alert)
    return found


_FLAGS = (("active", True), ("dismissed", False), ("resolved", False))


def _flag(text: Json, usual: bool) -> bool:
    return usual if text is None else str(text).lower() == "true"


@behaviour("getOrganizationAssuranceAlerts")
def list_alerts(world: "World", call: Call) -> Json:
    """The alerts, newest first unless asked otherwise."""
    found = _wanted(world, call)
    return found if call.query.get("sortOrder") == "ascending" else found[::-1]


@behaviour("getOrganizationAssuranceAlert")
def get_alert(world: "World", call: Call) -> Json:
    """One alert, in whatever state."""
    for alert in _alerts(world, call.params["organizationId"]):
        if alert["id"] == call.params["id"]:
            return alert
    raise CloudError(404, "Not found")


@behaviour("getOrganizationAssuranceAlertsOverview")
def alerts_overview(world: "World", call: Call) -> Json:
    """How many alerts of each severity."""
    found = _wanted(world, call)
    return {"counts": {"total": len(found), "bySeverity": _severities(found)}}


@behaviour("getOrganizationAssuranceAlertsOverviewByType")
def alerts_by_type(world: "World", call: Call) -> Json:
    """How many alerts of each type."""
    found = _wanted(world, call)
    if not found:
        return []
    last = found[-1]  # there is one type only
    networks = {alert["network"]["id"]: alert["network"] for alert in found}
    row = {name: last[name] for name in ("type", "categoryType", "severity")}
    return [
        row
        | {
            "count": len(found),
            "lastAlertedAt": last["startedAt"],
            "lastResolvedAt": max((alert["resolvedAt"] for alert in found if alert["resolvedAt"]), default=None),
            "networkCount": len(networks),
            "deviceTypes": sorted({alert["deviceType"] for alert in found}),
            "deviceTags": [],
            "networks": list(networks.values()),
        }
    ]


@behaviour("getOrganizationAssuranceAlertsOverviewByNetwork")
def alerts_by_network(world: "World", call: Call) -> Json:
    """How many alerts each network has."""
    by_network: dict[str, list[Json]] = {}
    for alert in _wanted(world, call):
        by_network.setdefault(alert["network"]["id"], []).append(alert)
    return [
        {
            "networkId": id_,
            "networkName": alerts[0]["network"]["name"],
            "alertCount": len(alerts),
            "lastAlertedAt": alerts[-1]["startedAt"],
            "severityCounts": _severities(alerts),
        }
        for id_, alerts in by_network.items()
    ]


def _severities(alerts: list[Json]) -> list[Json]:
    counts = Counter(alert["severity"] for alert in alerts)
    return [{"type": name, "count": count} for name, count in sorted(counts.items())]


@behaviour("dismissOrganizationAssuranceAlerts", "restoreOrganizationAssuranceAlerts")
def dismiss_alerts(world: "World", call: Call) -> Json:
    """Dismissed alerts are not active any more; restored ones are again."""
    known = {alert["id"] for alert in _alerts(world, call.params["organizationId"])}
    unknown = [id_ for id_ in call.body["alertIds"] if id_ not in known]
    if unknown:
        raise CloudError(404, "Not found")
    table = _dismissed(world, call.params["organizationId"])
    for id_ in call.body["alertIds"]:
        table.pop(id_, None)
        if call.operation.startswith("dismiss"):
            table[id_] = {"dismissedAt": world.stamp()}
    return {}


@behaviour("getNetworkHealthAlerts")
def health_alerts(world: "World", call: Call) -> Json:
    """The active alerts of one network."""
    network_id = call.params["networkId"]
    rows = []
    for alert in _alerts(world, world.organization_of(network_id) or ""):
        if alert["network"]["id"] == network_id and not alert["resolvedAt"] and not alert["dismissedAt"]:
            scope = {"devices": alert["scope"]["devices"], "applications": [], "peers": []}
            kept = {name: alert[name] for name in ("id", "type", "severity")}
            rows.append(kept | {"category": alert["categoryType"], "scope": scope})
    return rows
