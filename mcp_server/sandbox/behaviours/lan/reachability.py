"""Who still reaches the cloud: cables, and the settings that cut them.

A device is cut off when a port on its way to the cloud is shut, has no power for it, or does not carry its
management VLAN untagged; when its own addresses or the appliance's uplinks are switched off; when the device above is
cut off or restarts. The cloud notices ``settle_s`` seconds after the change, and again after the way is whole.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import AFTER_WRITE, Call, Json
from mcp_server.sandbox.checks.settings import home

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_TOUCHING = (
    "/switch/ports", "/managementInterface", "/appliance/ports", "/appliance/vlans", "/appliance/uplinks/settings",
    "/switch/settings", "/bind", "/unbind", "/devices/claim", "/devices/remove",
)  # fmt: skip
_PLACE = "/reachability"
_POWERED = ("wireless", "camera")


# What cuts a device off, of itself


def cut_reason(world: "World", serial: str) -> str:
    """Why a device itself has no way up, in words, or an empty text; what is above it is not looked at."""
    facts = world.hidden[f"/devices/{serial}"]
    vlan = facts["managementVlan"]
    return next(_own_reasons(world, serial, vlan), "") or next(_cable_reasons(world, serial, facts["uplink"], vlan), "")


def _own_reasons(world: "World", serial: str, vlan: int) -> Iterator[str]:
    device = world.devices[serial]
    address = world.get(f"/devices/{serial}/managementInterface") or {}
    wan1, wan2 = address.get("wan1") or {}, address.get("wan2") or {}
    if wan1.get("wanEnabled") == "disabled" and wan2.get("wanEnabled") != "enabled":
        yield "its WAN interfaces are disabled"
    if device["productType"] != "appliance" and wan1.get("vlan") not in (None, 0, vlan):
        yield f"its management address is in VLAN {wan1['vlan']}"
    if device["productType"] == "appliance":
        links = (world.get(f"/devices/{serial}/appliance/uplinks/settings") or {}).get("interfaces") or {}
        states = [(one or {}).get("enabled") for one in links.values()]
        if states and False in states and True not in states:
            yield "its uplinks are disabled"
    if device["productType"] == "switch":
        base = home(world, device["networkId"])
        chosen = (world.get(f"{base}/switch/settings") or {}).get("vlan")
        vlans = world.get(f"{base}/appliance/vlans")
        if chosen not in (None, 0, vlan) and isinstance(vlans, dict) and str(chosen) not in vlans:
            yield f"the management VLAN {chosen} of the switches does not exist"


def _cable_reasons(world: "World", serial: str, uplink: Json, vlan: int) -> Iterator[str]:
    if not uplink or world.network_of(uplink["serial"]) != world.network_of(serial):
        return
    above = world.devices[uplink["serial"]]
    if above["productType"] == "switch":
        port = (world.get(f"/devices/{above['serial']}/switch/ports") or {}).get(uplink["port"])
        yield from _port_reasons(port, vlan, f"port {uplink['port']} of {above['serial']}")
        if port and world.devices[serial]["productType"] in _POWERED and not port["poeEnabled"]:
            yield f"port {uplink['port']} of {above['serial']} gives no power"
    if above["productType"] == "appliance":
        yield from _appliance_reasons(world, above, uplink["port"], vlan)
    if uplink["own_port"]:
        own = (world.get(f"/devices/{serial}/switch/ports") or {}).get(uplink["own_port"])
        yield from _port_reasons(own, vlan, f"its uplink port {uplink['own_port']}")


def _port_reasons(port: Json, vlan: int, where: str) -> Iterator[str]:
    if port is None:
        return
    if not port["enabled"]:
        yield f"{where} is disabled"
    if port["type"] not in ("access", "trunk") or port.get("vlan") != vlan:
        yield f"{where} does not carry VLAN {vlan} untagged"
    if port["type"] == "trunk" and not _carries(port.get("allowedVlans"), vlan):
        yield f"{where} does not allow VLAN {vlan}"


def _carries(allowed: Json, vlan: int) -> bool:
    if allowed in (None, "", "all"):
        return True
    for part in str(allowed).split(","):
        low, _dash, high = part.strip().partition("-")
        if low.isdigit() and int(low) <= vlan <= int(high or low):
            return True
    return False


def _appliance_reasons(world: "World", appliance: Json, port_id: str, vlan: int) -> Iterator[str]:
    base = f"{home(world, appliance['networkId'])}/appliance"
    if (world.get(f"{base}/vlans/settings") or {}).get("vlansEnabled") is False:
        return
    port = (world.get(f"{base}/ports") or {}).get(port_id)
    where = f"port {port_id} of {appliance['serial']}"
    if port is not None:
        if not port["enabled"]:
            yield f"{where} is disabled"
        if port.get("vlan") != vlan or (port["type"] == "trunk" and port.get("dropUntaggedTraffic")):
            yield f"{where} does not carry VLAN {vlan} untagged"
    vlans = world.get(f"{base}/vlans")
    if isinstance(vlans, dict) and str(vlan) not in vlans:
        yield f"VLAN {vlan} does not exist"


# What the cloud sees


def is_online(world: "World", serial: str) -> bool:
    """Whether the cloud sees a device now."""
    return not _restarting(world, serial) and _seen(world, serial, world.now()) == "online"


def fetch(world: "World", serial: str) -> None:
    """Let a device that the cloud sees fetch the configuration that waits for it; one that is cut off waits on."""
    facts = world.hidden[f"/devices/{serial}"]
    if facts.get("configurationAwaited") and is_online(world, serial):
        del facts["configurationAwaited"]
        facts["configurationUpdatedAt"] = world.stamp()


def _restarting(world: "World", serial: str) -> bool:
    """Whether the device or one above it restarts."""
    for one in _way_up(world, serial):
        until = world.hidden[f"/devices/{one}"].get("rebootUntil")
        if until and datetime.fromisoformat(until) > world.now():
            return True
    return False


def _way_up(world: "World", serial: str) -> Iterator[str]:
    seen: set[str] = set()
    here: str | None = serial
    while here and here not in seen:
        seen.add(here)
        yield here
        uplink = world.hidden[f"/devices/{here}"]["uplink"]
        here = uplink["serial"] if uplink and world.network_of(uplink["serial"]) == world.network_of(serial) else None


def _entry(world: "World", serial: str) -> Json:
    return world.hidden.get(_PLACE, {}).get(serial)


def _seen(world: "World", serial: str, now: datetime) -> str:
    entry = _entry(world, serial)
    if entry is None:
        return "online"
    heads_to = "offline" if entry["reason"] else "online"
    return heads_to if datetime.fromisoformat(entry["seenAt"]) <= now else str(entry["was"])


def offline_since(world: "World", serial: str) -> tuple[str, str] | None:
    """Since when a device is offline and why, or None when it is not."""
    entry = _entry(world, serial)
    if entry is None or _seen(world, serial, world.now()) == "online":
        return None
    return entry["seenAt"], entry["reason"] or "it is on its way back"


def offline_serials(world: "World", organization_id: str) -> frozenset[str]:
    """The devices of an organization that the cloud does not see."""
    restarting = any(facts.get("rebootUntil") for facts in world.hidden.values())
    suspects = world.devices if restarting else world.hidden.get(_PLACE, {})
    return frozenset(
        serial
        for serial in suspects
        if serial in world.devices
        and world.organization_of(world.network_of(serial)) == organization_id
        and not is_online(world, serial)
    )


def transitions(world: "World") -> list[Json]:
    """What became of devices: rows of ``serial``, ``at``, ``old``, ``new``, ``reason``, oldest first, up to now."""
    now = world.now()
    rows = world.hidden.get("/transitions", {}).get("rows", [])
    return [row for row in rows if datetime.fromisoformat(row["at"]) <= now]


def notice(world: "World", network_id: str) -> None:
    """Look at the cables of a network again and keep what changed."""
    reasons = {device["serial"]: cut_reason(world, device["serial"]) for device in world.devices_in(network_id)}
    table = world.hidden.setdefault(_PLACE, {})
    for serial in reasons:
        reason = next((reasons[one] for one in _way_up(world, serial) if reasons.get(one)), "")
        entry = table.get(serial)
        if reason and (entry is None or not entry["reason"]):
            _turn(world, table, serial, reason)
        elif entry is not None and entry["reason"] and not reason:
            _turn(world, table, serial, "")


def _turn(world: "World", table: dict[str, Json], serial: str, reason: str) -> None:
    was = _seen(world, serial, world.now())
    at = (world.now() + timedelta(seconds=world.settle_s)).isoformat()
    table[serial] = {"reason": reason, "seenAt": at, "was": was}
    rows = world.hidden.setdefault("/transitions", {"rows": []})["rows"]
    rows[:] = [row for row in rows if row["serial"] != serial or datetime.fromisoformat(row["at"]) <= world.now()]
    becomes = "offline" if reason else "online"
    if was != becomes:
        rows.append({"serial": serial, "at": at, "old": was, "new": becomes, "reason": reason})


def _after_write(world: "World", call: Call) -> None:
    if not any(word in call.path for word in _TOUCHING):
        return
    owner = call.params.get("networkId") or world.network_of(call.params.get("serial", ""))
    if owner in world.templates:
        for network in world.networks.values():
            if network.get("configTemplateId") == owner:
                notice(world, network["id"])
    elif owner:
        notice(world, owner)


AFTER_WRITE.append(_after_write)
