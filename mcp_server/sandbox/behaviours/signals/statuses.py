"""What is up: devices, uplinks, switch ports, loss and latency, and how it came so."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.lan.reachability import is_online, offline_since, transitions
from mcp_server.sandbox.behaviours.lan.switch_ports import below, own_uplink_port, ports_of, switches_of
from mcp_server.sandbox.behaviours.signals.clients import clients_at
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.samples import about, digest

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World


def _devices(world: "World", call: Call, *products: str) -> dict[str, Json]:
    """The devices of the organization that the query asks for."""
    wanted = {name: set(call.query.get(name, ())) for name in ("networkIds", "serials", "productTypes")}
    found = {}
    for serial, device in world.devices.items():
        home = device["networkId"]
        if not home or world.organization_of(home) != call.params["organizationId"]:
            continue
        if products and device["productType"] not in products:
            continue
        sides = (("networkIds", home), ("serials", serial), ("productTypes", device["productType"]))
        if all(not wanted[name] or value in wanted[name] for name, value in sides):
            found[serial] = device
    return found


def _status(world: "World", serial: str) -> str:
    return "online" if is_online(world, serial) else "offline"


def _rows(world: "World", call: Call, make: Callable[[Json], Json]) -> Rows:
    devices = _devices(world, call)
    statuses = set(call.query.get("statuses", ()))
    keys = [serial for serial in devices if not statuses or _status(world, serial) in statuses]
    return Rows(keys, lambda serial: make(devices[serial]))


@behaviour("getOrganizationDevicesAvailabilities")
def availabilities(world: "World", call: Call) -> Json:
    """Each device and whether the cloud sees it."""

    def row(device: Json) -> Json:
        return device | {"network": {"id": device["networkId"]}, "status": _status(world, device["serial"])}

    return _rows(world, call, row)


@behaviour("getOrganizationDevicesStatuses")
def statuses(world: "World", call: Call) -> Json:
    """The older form of the same."""

    def row(device: Json) -> Json:
        number = digest(about(world, f"/statuses/{device['serial']}", {}), "ip")
        since = offline_since(world, device["serial"])
        return device | {
            "publicIp": f"198.51.100.{number % 250 + 1}",
            "status": _status(world, device["serial"]),
            "lastReportedAt": since[0] if since else world.stamp(30),
            "gateway": "192.168.128.1",
            "ipType": "dhcp",
            "primaryDns": "192.168.128.1",
            "secondaryDns": None,
            "components": {"powerSupplies": []},
        }

    return _rows(world, call, row)


@behaviour("getOrganizationDevicesStatusesOverview")
def statuses_overview(world: "World", call: Call) -> Json:
    """How many devices are in which state."""
    counts = Counter(_status(world, serial) for serial in _devices(world, call))
    return {"counts": {"byStatus": {name: counts[name] for name in ("online", "alerting", "offline", "dormant")}}}


def _window(world: "World", call: Call, usual_s: float, most_s: float) -> tuple[datetime, datetime]:
    """The time asked for by t0, t1, timespan; CloudError 400 when it is longer than allowed."""
    try:
        end = datetime.fromisoformat(call.query["t1"]) if call.query.get("t1") else world.now()
        if call.query.get("t0"):
            start = datetime.fromisoformat(call.query["t0"])
        else:
            start = end - timedelta(seconds=float(call.query.get("timespan", usual_s)))
    except ValueError:
        raise CloudError(400, "t0, t1 and timespan must be ISO 8601 times and seconds") from None
    if (end - start).total_seconds() > most_s + 60:
        raise CloudError(400, f"The time span must be at most {int(most_s)} seconds")
    return start, end


@behaviour("getOrganizationDevicesAvailabilitiesChangeHistory")
def change_history(world: "World", call: Call) -> Json:
    """Who went offline and came back, newest first."""
    start, end = _window(world, call, 86_400, 31 * 86_400)
    devices = _devices(world, call)
    rows = []
    for change in reversed(transitions(world)):
        device = devices.get(change["serial"])
        if device is None or not start <= datetime.fromisoformat(change["at"]) <= end:
            continue
        details = {side: [{"name": "status", "value": change[side]}] for side in ("old", "new")}
        network = world.networks[device["networkId"]]
        rows.append({"ts": change["at"], "device": device, "details": details, "network": network})
    return rows


# Uplinks


def _uplinks(world: "World", device: Json) -> Json:
    is_up = is_online(world, device["serial"])
    settings = (world.get(f"/devices/{device['serial']}/appliance/uplinks/settings") or {}).get("interfaces") or {}
    number = digest(about(world, f"/statuses/{device['serial']}", {}), "ip")

    def one(name: str, state: str) -> Json:
        if (settings.get(name) or {}).get("enabled") is False:
            state = "not connected"
        return {
            "interface": name,
            "status": state if is_up or state == "not connected" else "failed",
            "ip": "198.51.100.10" if name == "wan1" else None,
            "gateway": "198.51.100.1" if name == "wan1" else None,
            "publicIp": f"198.51.100.{number % 250 + 1}",
            "primaryDns": "8.8.8.8",
            "secondaryDns": "8.8.4.4",
            "ipAssignedBy": "dhcp",
        }

    links = [one("wan1", "active")]
    return [*links, one("wan2", "ready")] if device["productType"] == "appliance" else links


@behaviour("getOrganizationUplinksStatuses", "getOrganizationApplianceUplinkStatuses")
def uplink_statuses(world: "World", call: Call) -> Json:
    """The uplinks of appliances (and, organization-wide, of cellular gateways)."""
    products = ("appliance",) if "Appliance" in call.operation else ("appliance", "cellularGateway")
    devices = _devices(world, call, *products)

    def row(serial: str) -> Json:
        return devices[serial] | {
            "lastReportedAt": world.stamp(30),
            "highAvailability": {"enabled": False, "role": "primary"},
            "uplinks": _uplinks(world, devices[serial]),
        }

    return Rows(list(devices), row)


def _probes(world: "World", serial: str, start: datetime, end: datetime) -> Iterator[Json]:
    at = start.replace(second=0, microsecond=0)
    number = digest(about(world, f"/probes/{serial}", {}), "latency")
    while at <= end:
        here = is_online(world, serial)
        yield {
            "ts": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lossPercent": (number % 5) / 10 if here else 100.0,
            "latencyMs": 12.0 + number % 20 if here else None,
        }
        at += timedelta(minutes=1)


@behaviour("getOrganizationDevicesUplinksLossAndLatency")
def loss_and_latency(world: "World", call: Call) -> Json:
    """Loss and latency of each appliance, minute by minute; at most five minutes, ending two minutes ago."""
    start, end = _window(world, call, 300, 300)
    end = min(end, world.now() - timedelta(minutes=2))
    rows = []
    for serial, device in _devices(world, call, "appliance").items():
        series = list(_probes(world, serial, start, end))
        rows.append(
            {
                "networkId": device["networkId"],
                "serial": serial,
                "uplink": "wan1",
                "ip": "8.8.8.8",
                "timeSeries": series,
            }
        )
    return rows


@behaviour("getDeviceLossAndLatencyHistory")
def loss_history(world: "World", call: Call) -> Json:
    """The same for one device, over the last hours."""
    start, end = _window(world, call, 7200, 31 * 86_400)
    end = min(end, start + timedelta(hours=2))
    return [
        {"startTime": row["ts"], "endTime": row["ts"], "goodput": 90_000, "jitter": 0.5, **row}
        for row in _probes(world, call.params["serial"], start, end)
    ]


# Switch ports


def port_states(world: "World", serial: str) -> Iterator[Json]:
    """The state of each port of a switch: connected when something on it is up and both ends are on."""
    is_up = is_online(world, serial)
    own, children = own_uplink_port(world, serial), below(world, serial)
    device = world.devices[serial]
    counts = Counter(one["switchport"] for one in clients_at(world, device) if one["status"] == "Online")
    machines = {one["switchport"] for one in clients_at(world, device)}
    for key, port in ports_of(world, serial).items():
        plugged = key == own or key in children or key in machines
        linked = is_up and plugged and port["enabled"] and _far_end_is_on(world, serial, key, children)
        state = _port_state(port, is_linked=linked, is_uplink=key == own, clients=counts[key])
        far = _far_end(world, serial, key, children) if linked else None
        yield state | (_announced(world.devices[far[0]], far[1]) if far else {})


def _far_end(world: "World", serial: str, key: str, children: dict[str, str]) -> tuple[str, str] | None:
    """Serial and port of the device at the other end of a cable."""
    uplink = world.hidden[f"/devices/{serial}"]["uplink"]
    if uplink and uplink["own_port"] == key:
        return uplink["serial"], uplink["port"]
    return (children[key], own_uplink_port(world, children[key])) if key in children else None


def _announced(device: Json, port: str) -> Json:
    """What a Meraki device says of itself by LLDP and CDP, as the cloud shows it (Cisco documentation, August 2026)."""
    mac, model = device["mac"], device["model"]
    packed = mac.replace(":", "")
    return {
        "cdp": {
            "systemName": "", "platform": model, "deviceId": f"{packed[:10]}:{packed[10:]}", "portId": f"Port {port}",
            "address": device["lanIp"], "managementAddress": device["lanIp"], "version": "1",
        },
        "lldp": {
            "systemName": f"{model} - {device['name']}", "systemDescription": f"{model} Cloud Managed", "portId": port,
            "chassisId": mac, "managementAddress": device["lanIp"], "portDescription": f"Port {port}",
        },
    }  # fmt: skip


def _far_end_is_on(world: "World", serial: str, key: str, children: dict[str, str]) -> bool:
    child = children.get(key)
    if child:
        own = own_uplink_port(world, child)
        far = (world.get(f"/devices/{child}/switch/ports") or {}).get(own)
        return far is None or bool(far["enabled"])
    uplink = world.hidden[f"/devices/{serial}"]["uplink"]
    if uplink and uplink["own_port"] == key:
        far = (world.get(f"/devices/{uplink['serial']}/switch/ports") or {}).get(uplink["port"])
        return far is None or bool(far["enabled"])
    return True


def _port_state(port: Json, *, is_linked: bool, is_uplink: bool, clients: int) -> Json:
    errors = [] if is_linked else ["Port disabled" if not port["enabled"] else "Port disconnected"]
    usage = {"total": clients * 4000, "sent": clients * 1000, "recv": clients * 3000}
    return {
        "portId": port["portId"],
        "enabled": port["enabled"],
        "status": "Connected" if is_linked else "Disconnected",
        "isUplink": is_uplink,
        "errors": errors,
        "warnings": [],
        "speed": "1 Gbps" if is_linked else "",
        "duplex": "full" if is_linked else "",
        "spanningTree": {"statuses": ["Forwarding"] if is_linked else []},
        "poe": {"isAllocated": is_linked and port["poeEnabled"] and not is_uplink},
        "usageInKb": usage,
        "clientCount": clients,
        "powerUsageInWh": 0.0,
        "trafficInKbps": {"total": clients * 1.5, "sent": clients * 0.5, "recv": clients * 1.0},
        "securePort": {"enabled": False, "active": False, "authenticationStatus": "Disabled"},
    }


@behaviour("getDeviceSwitchPortsStatuses")
def port_statuses(world: "World", call: Call) -> Json:
    """The state of the ports of one switch."""
    return list(port_states(world, call.params["serial"]))


@behaviour("getOrganizationSwitchPortsStatusesBySwitch")
def statuses_by_switch(world: "World", call: Call) -> Json:
    """The state of the ports of all switches, one row a switch."""
    switches = {device["serial"]: device for device in switches_of(world, call.params["organizationId"])}

    def row(serial: str) -> Json:
        network = world.networks[switches[serial]["networkId"]]
        return switches[serial] | {"network": network, "ports": list(port_states(world, serial))}

    return Rows(list(switches), row)


@behaviour("getOrganizationSwitchPortsOverview")
def ports_overview(world: "World", call: Call) -> Json:
    """How many ports are in use."""
    states = [
        one
        for device in switches_of(world, call.params["organizationId"])
        for one in port_states(world, device["serial"])
    ]
    active = sum(one["status"] == "Connected" for one in states)
    speeds = {"total": active, "10": 0, "100": 0, "1000": active, "2500": 0, "5000": 0, "10000": 0}
    idle = len(states) - active
    return {
        "counts": {
            "total": len(states),
            "byStatus": {
                "active": {"total": active, "byMediaAndLinkSpeed": {"rj45": speeds, "sfp": {"total": 0}}},
                "inactive": {"total": idle, "byMedia": {"rj45": {"total": idle}, "sfp": {"total": 0}}},
            },
        }
    }
