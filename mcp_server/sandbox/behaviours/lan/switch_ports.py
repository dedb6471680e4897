"""Switch ports: their settings, locks and profiles.

- A port with TrustSec is answered with ``Peer SGT capable is read-only`` whatever is written (facts: section 2, 10).
- A port that follows a profile takes name, switch, speed and schedule only; the refusal is the cloud's own text
  (Terraform provider #164, merakiBackupAndRestore #8).
- A trunk has no voice VLAN and no access policy, an access port no allowed VLANs: the cloud drops what does not apply.
"""

import copy
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.settings import home
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.routes import routes
from mcp_server.sandbox.seed import PORT_COUNTS
from mcp_server.sandbox.shapes import known, merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

SGT_LOCKED = "Peer SGT capable is read-only"
_PROFILED = (
    "tags, type, accessPolicyType, accessPolicyNumber, allowedVlans, voiceVlan, isolationEnabled, rstpEnabled, "
    "stpGuard, poeEnabled, udld, macAllowList, stickyMacAllowList, stickyMacAllowListLimit, stormControlEnabled, "
    "daiTrusted, adaptivePolicyGroupId, peerSgtCapable"
)
PROFILE_BOUND = (
    "This port is configured to use a port profile. "
    f"To modify {_PROFILED} and vlan, please remove the profile binding.\n"
)
_FREE_OF_PROFILE = frozenset({"name", "enabled", "linkNegotiation", "portScheduleId", "profile"})
_CATALYST_TYPES = frozenset({"dad", "routed", "stack", "svl"})
_SPEEDS = ("Auto negotiate", "10 Megabit (auto)", "100 Megabit (auto)", "1 Gigabit full duplex (auto)")
_VLANS = re.compile(r"^(all|\d{1,4}(-\d{1,4})?(,\s*\d{1,4}(-\d{1,4})?)*)$", re.IGNORECASE)
CLIENT_VLAN = 10


def ports_of(world: "World", serial: str) -> dict[str, Json]:
    """The ports of a switch by number, as stored."""
    return world.collection(f"/devices/{serial}/switch/ports", lambda: _first_ports(world, serial))


def port_count(model: str) -> int:
    """How many ports a switch of that model has."""
    return PORT_COUNTS.get(model, 28)


def below(world: "World", serial: str) -> dict[str, str]:
    """The devices that hang on a switch, by its port."""
    found = {}
    network_id = world.network_of(serial)
    for device in world.devices_in(network_id or ""):
        uplink = world.hidden[f"/devices/{device['serial']}"]["uplink"]
        if uplink and uplink["serial"] == serial:
            found[uplink["port"]] = device["serial"]
    return found


def own_uplink_port(world: "World", serial: str) -> str:
    """The port by which a switch reaches what is above it, or an empty text."""
    uplink = world.hidden[f"/devices/{serial}"]["uplink"]
    return str(uplink["own_port"]) if uplink else ""


def _first_ports(world: "World", serial: str) -> dict[str, Json]:
    facts = world.hidden[f"/devices/{serial}"]
    count = port_count(world.devices[serial]["model"])
    trunks = {own_uplink_port(world, serial), *below(world, serial)}
    made = {}
    for number in range(1, count + 1):
        key = str(number)
        port = _first_port(key, has_poe=number <= count - 4 or count <= 10)
        if key in trunks:
            port |= {"type": "trunk", "vlan": 1, "allowedVlans": "all", "name": "Uplink"}
        if key in facts.get("sgtPorts", ()):
            port |= {"type": "trunk", "vlan": 1, "allowedVlans": "all", "peerSgtCapable": True, "name": f"ISE {key}"}
        profile = facts.get("profilePorts", {}).get(key)
        if profile:
            port["profile"] = {"enabled": True} | profile
        made[key] = port
    return made


def _first_port(key: str, *, has_poe: bool) -> dict[str, Json]:
    return {
        "portId": key,
        "name": None,
        "tags": [],
        "enabled": True,
        "poeEnabled": has_poe,
        "perpetualPoe": {"enabled": False},
        "fastPoe": {"enabled": False},
        "type": "access",
        "vlan": CLIENT_VLAN,
        "voiceVlan": None,
        "allowedVlans": "all",
        "isolationEnabled": False,
        "rstpEnabled": True,
        "stpGuard": "disabled",
        "stpPortFastTrunk": False,
        "linkNegotiation": "Auto negotiate",
        "linkNegotiationCapabilities": list(_SPEEDS),
        "portScheduleId": None,
        "schedule": None,
        "udld": "Alert only",
        "accessPolicyType": "Open",
        "stormControlEnabled": False,
        "adaptivePolicyGroupId": None,
        "peerSgtCapable": False,
        "flexibleStackingEnabled": False,
        "daiTrusted": False,
        "profile": {"enabled": False, "id": "", "iname": ""},
        "module": {"model": None},
        "mirror": {"mode": "Not mirroring traffic"},
        "dot3az": {"enabled": False},
    }


def _find(world: "World", call: Call) -> Json:
    port = ports_of(world, call.params["serial"]).get(call.params["portId"])
    if port is None:
        raise CloudError(404, "Not found")
    return port


@behaviour("getDeviceSwitchPorts")
def list_ports(world: "World", call: Call) -> Json:
    """The ports of a switch, in order."""
    return list(ports_of(world, call.params["serial"]).values())


@behaviour("getDeviceSwitchPort")
def get_port(world: "World", call: Call) -> Json:
    """One port."""
    return _find(world, call)


@behaviour("updateDeviceSwitchPort")
def update_port(world: "World", call: Call) -> Json:
    """The port with what was asked for; a locked one refuses."""
    serial = call.params["serial"]
    port = _find(world, call)
    tree = routes().by_operation[call.operation].body
    body = known(call.body or {}, tree)
    _check_locks(world, serial, port, body)
    new = merged(port, body, tree)
    new["profile"] = new["profile"] or {"enabled": False, "id": "", "iname": ""}  # null clears it
    fault = next(_faults(world, serial, port, new, body), None)
    if fault:
        raise CloudError(400, fault)
    old = copy.deepcopy(port)
    fitted = _fitted(world, serial, new)
    port.clear()
    port.update(fitted)
    world.record_change(world.network_of(serial), "via API", f"Switch port {serial} / {port['portId']}", old, port)
    return port


def _check_locks(world: "World", serial: str, port: Json, body: Json) -> None:
    if port["portId"] in world.hidden[f"/devices/{serial}"].get("sgtPorts", ()):
        raise CloudError(400, SGT_LOCKED)
    stays_bound = port["profile"]["enabled"] and (body.get("profile") or {}).get("enabled") is not False
    if stays_bound and set(body) - _FREE_OF_PROFILE:
        raise CloudError(400, PROFILE_BOUND)


def _faults(world: "World", serial: str, old: Json, new: Json, body: Json) -> Iterator[str]:
    model = world.devices[serial]["model"]
    for name in ("vlan", "voiceVlan"):
        if new.get(name) is not None and not 1 <= new[name] <= 4094:
            yield f"'{name}' must be between 1 and 4094"
    if new["type"] == "access" and new.get("vlan") is None:
        yield "Access ports must have a VLAN"
    if not _VLANS.match(str(new.get("allowedVlans") or "all")):
        yield "Allowed VLANs is invalid"
    if new["type"] in _CATALYST_TYPES and not model.startswith("C9"):
        yield f"Port type '{new['type']}' is not supported by this switch"
    if (
        body.get("poeEnabled")
        and not old["poeEnabled"]
        and int(old["portId"]) > port_count(model) - 4
        and port_count(model) > 10
    ):
        yield "PoE is not supported on this port"
    if body.get("peerSgtCapable") and new["type"] != "trunk":
        yield "Peer SGT capable can only be enabled on trunk ports"
    if new["profile"].get("enabled") and (body.get("peerSgtCapable") or body.get("adaptivePolicyGroupId")):
        yield "Adaptive policy cannot be set on a port that uses a port profile"
    if new.get("linkNegotiation") not in new["linkNegotiationCapabilities"]:
        yield f"Link negotiation '{new.get('linkNegotiation')}' is not supported by this port"
    yield from _reference_faults(world, serial, new, body)


def _reference_faults(world: "World", serial: str, new: Json, body: Json) -> Iterator[str]:
    switch = f"{home(world, world.network_of(serial) or '')}/switch"
    if new["accessPolicyType"] == "Custom access policy" and new["type"] == "access":
        policies = world.get(f"{switch}/accessPolicies") or {}
        if str(new.get("accessPolicyNumber")) not in policies:
            yield "Access policy number is invalid"
    elif body.get("accessPolicyType") not in (None, "Open") and new["type"] != "access":
        yield "Access policies can only be set on access ports"
    schedule = new.get("portScheduleId")
    if schedule and schedule not in (world.get(f"{switch}/portSchedules") or {}):
        yield "Port schedule is invalid"


def _fitted(world: "World", serial: str, port: Json) -> Json:
    """The port without what its type does not have, and with the name of its schedule."""
    if port["type"] == "trunk":
        port |= {"voiceVlan": None, "accessPolicyType": "Open"}
    if port["type"] == "access":
        port["allowedVlans"] = "all"
        port["peerSgtCapable"] = False
    if port["accessPolicyType"] != "Custom access policy":
        port.pop("accessPolicyNumber", None)
    if port["accessPolicyType"] != "MAC allow list":
        port.pop("macAllowList", None)
        port.pop("macWhitelistLimit", None)
    if port["accessPolicyType"] != "Sticky MAC allow list":
        port.pop("stickyMacAllowList", None)
        port.pop("stickyMacAllowListLimit", None)
    schedules = world.get(f"{home(world, world.network_of(serial) or '')}/switch/portSchedules") or {}
    chosen = schedules.get(port.get("portScheduleId") or "")
    port["schedule"] = {"id": chosen["id"], "name": chosen["name"]} if chosen else None
    return port


@behaviour("cycleDeviceSwitchPorts")
def cycle_ports(world: "World", call: Call) -> Json:
    """The ports that were switched off and on; a Catalyst is refused (facts: section 2, point 11)."""
    serial = call.params["serial"]
    if world.devices[serial]["model"].startswith("C9"):
        raise CloudError(400, "Port cycling is not supported for this device")
    unknown = [port for port in call.body["ports"] if port not in ports_of(world, serial)]
    if unknown:
        raise CloudError(400, f"Invalid port: {unknown[0]}")
    return {"ports": call.body["ports"]}


@behaviour("getOrganizationSwitchPortsBySwitch")
def ports_by_switch(world: "World", call: Call) -> Json:
    """The ports of all switches, one row a switch."""
    switches = {device["serial"]: device for device in switches_of(world, call.params["organizationId"])}

    def row(serial: str) -> Json:
        network = world.networks[switches[serial]["networkId"]]
        return switches[serial] | {"network": network, "ports": list(ports_of(world, serial).values())}

    return Rows(list(switches), row)


def switches_of(world: "World", organization_id: str) -> Iterator[Json]:
    """The switches that an organization has in networks."""
    for device in world.devices.values():
        at_home = device["networkId"] and world.organization_of(device["networkId"]) == organization_id
        if at_home and device["productType"] == "switch":
            yield device
