"""Clients: who is connected where, and who is lost when a port or an SSID no longer is what they need.

Each access port of a few on a switch has a machine that lives in VLAN 10; each access point has phones that know the
SSIDs as they were at first. A machine in another VLAN, or a phone whose network has another name, key or mode, is gone.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.lan.reachability import is_online
from mcp_server.sandbox.behaviours.lan.ssids import first_ssids, ssids_of
from mcp_server.sandbox.behaviours.lan.switch_ports import CLIENT_VLAN, ports_of
from mcp_server.sandbox.checks.settings import home, is_furnished
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.samples import about, digest, mac_of

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_PHONES = ((0, "Android de Ana"), (0, "iPhone de José"), (1, "Visitante"))
_SSID_FIELDS = ("name", "authMode", "psk", "enabled", "useVlanTagging", "defaultVlanId", "ipAssignmentMode")


def clients_of(world: "World", network_id: str) -> Iterator[Json]:
    """All clients that a network has ever seen, ``status`` Online or Offline."""
    for device in world.devices_in(network_id):
        yield from clients_at(world, device)


def clients_at(world: "World", device: Json) -> Iterator[Json]:
    """The clients of one device."""
    if device["productType"] == "switch":
        yield from _wired(world, device)
    if device["productType"] == "wireless":
        yield from _wireless(world, device)


def _wired(world: "World", device: Json) -> Iterator[Json]:
    is_up = is_online(world, device["serial"])
    ports = ports_of(world, device["serial"])
    homes = [key for key in list(ports)[4:9] if _is_home(world, device, key)]
    for key in homes:
        port = ports[key]
        fits = port["enabled"] and port["type"] == "access" and port["vlan"] == CLIENT_VLAN
        fits = fits and port["accessPolicyType"] == "Open"
        client = _client(world, device, f"port {key}", f"Estação {key}", is_up and fits)
        yield client | {"vlan": str(CLIENT_VLAN), "switchport": key, "ssid": None, "recentDeviceConnection": "Wired"}


def _is_home(world: "World", device: Json, key: str) -> bool:
    """Whether a machine lives at a port: neither an uplink nor a special one at first."""
    facts = world.hidden[f"/devices/{device['serial']}"]
    taken = {str((facts["uplink"] or {}).get("own_port"))} | set(facts.get("sgtPorts", ()))
    for other in world.devices_in(device["networkId"]):
        uplink = world.hidden[f"/devices/{other['serial']}"]["uplink"]
        if uplink and uplink["serial"] == device["serial"]:
            taken.add(uplink["port"])
    return key not in taken


def _wireless(world: "World", device: Json) -> Iterator[Json]:
    is_up = is_online(world, device["serial"])
    base = home(world, device["networkId"])
    ssids = ssids_of(world, base)
    known = _known_marks(world, base)
    for place, (number, name) in enumerate(_PHONES):
        ssid = ssids[str(number)]
        fits = bool(ssid["enabled"]) and _marks(ssid) == known[str(number)]
        client = _client(world, device, f"phone {place}", name, is_up and fits)
        vlan = str(CLIENT_VLAN) if number == 0 else ""
        more = {"vlan": vlan, "switchport": None, "ssid": ssid["name"], "recentDeviceConnection": "Wireless"}
        yield client | more


def _known_marks(world: "World", base: str) -> Json:
    """What phones know: the SSIDs as they were at first, which networks of one kind share."""
    kind = f"furnished {is_furnished(world, base.split('/')[2])}"
    if kind not in _KNOWN:
        _KNOWN[kind] = {number: _marks(ssid) for number, ssid in first_ssids(world, base).items()}
    return _KNOWN[kind]


_KNOWN: dict[str, Json] = {}


def _marks(ssid: Json) -> Json:
    return {name: ssid.get(name) for name in _SSID_FIELDS}


def _client(world: "World", device: Json, place: str, name: str, is_here: bool) -> dict[str, Json]:
    number = digest(about(world, f"/clients/{device['serial']}", {}), place)
    return {
        "id": f"k{number % 0xFFFFFFF:07x}",
        "mac": mac_of(number),
        "ip": f"10.10.{number % 200}.{number // 200 % 200 + 20}" if is_here else None,
        "ip6": None,
        "description": name,
        "firstSeen": "2026-09-01T12:00:00Z",
        "lastSeen": world.stamp(0 if is_here else 600),
        "manufacturer": "Acme",
        "os": None,
        "user": None,
        "smInstalled": False,
        "recentDeviceMac": device["mac"],
        "recentDeviceSerial": device["serial"],
        "recentDeviceName": device["name"],
        "status": "Online" if is_here else "Offline",
        "usage": {"sent": number % 900, "recv": number % 7000},
        "notes": None,
    }


@behaviour("getNetworkClients")
def list_clients(world: "World", call: Call) -> Json:
    """The clients of a network."""
    found = {client["id"]: client for client in clients_of(world, call.params["networkId"])}
    for query in ("mac", "ip", "description", "vlan"):
        wanted = call.query.get(query)
        if wanted:
            found = {id_: one for id_, one in found.items() if str(wanted).casefold() in str(one[query]).casefold()}
    return Rows(list(found), found.__getitem__)


@behaviour("getNetworkClient")
def get_client(world: "World", call: Call) -> Json:
    """One client, by id or MAC address."""
    wanted = call.params["clientId"]
    for client in clients_of(world, call.params["networkId"]):
        if wanted in (client["id"], client["mac"]):
            return client | {"clientVpnConnections": [], "lldp": None, "cdp": None}
    provisioned = world.collection(f"/networks/{call.params['networkId']}/clients/provisioned").get(wanted)
    if provisioned is None:
        raise CloudError(404, "Not found")
    return {
        "id": f"k{wanted.replace(':', '')[-7:]}",
        "mac": wanted,
        "description": provisioned["name"],
        "status": "Offline",
    }


@behaviour("getDeviceClients")
def list_device_clients(world: "World", call: Call) -> Json:
    """The clients that are connected to a device now."""
    device = world.devices[call.params["serial"]]
    return [client for client in clients_at(world, device) if client["status"] == "Online"]


def online_count(world: "World", network_id: str) -> int:
    """How many clients of a network are connected now."""
    return sum(client["status"] == "Online" for client in clients_of(world, network_id))


@behaviour("getNetworkClientsOverview")
def clients_overview(world: "World", call: Call) -> Json:
    """How many clients the network has now."""
    total = online_count(world, call.params["networkId"])
    return {"counts": {"total": total, "withHeavyUsage": 0}, "usages": {"average": 1200, "withHeavyUsageAverage": 0}}


@behaviour("getOrganizationClientsOverview")
def organization_clients(world: "World", call: Call) -> Json:
    """How many clients all networks have now."""
    total = sum(online_count(world, one["id"]) for one in world.networks_of(call.params["organizationId"]))
    usage = {"total": total * 1.5, "downstream": total * 1.2, "upstream": total * 0.3}
    return {"usage": {"overall": usage, "average": 1.5 if total else 0.0}, "counts": {"total": total}}


@behaviour("getOrganizationWirelessClientsOverviewByDevice")
def clients_by_device(world: "World", call: Call) -> Json:
    """How many clients each access point has now."""
    aps = {
        device["serial"]: device
        for device in world.devices.values()
        if device["productType"] == "wireless"
        and device["networkId"]
        and world.organization_of(device["networkId"]) == call.params["organizationId"]
    }

    def row(serial: str) -> Json:
        count = sum(client["status"] == "Online" for client in clients_at(world, aps[serial]))
        return {
            "network": {"id": aps[serial]["networkId"]},
            "serial": serial,
            "counts": {"byStatus": {"online": count}},
        }

    return Rows(list(aps), row)


@behaviour("getNetworkWirelessConnectionStats")
def connection_stats(world: "World", call: Call) -> Json:
    """Attempts and successes of the phones: those that are lost fail to associate."""
    phones = [one for one in clients_of(world, call.params["networkId"]) if one["recentDeviceConnection"] == "Wireless"]
    lost = sum(one["status"] != "Online" for one in phones)
    return {"assoc": lost * 10, "auth": 0, "dhcp": 0, "dns": 0, "success": (len(phones) - lost) * 10}
