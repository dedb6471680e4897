"""The world as it stands at first: who owns what, how it is cabled, and what is special about some of it.

Two organizations whose networks have the same names. In the first: a campus with every product (a managed Catalyst
with TrustSec ports and a port profile, a monitored one), a branch without VLANs, a shop bound to a template.
Everything else of a network is made when it is first looked at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mcp_server.sandbox.samples import mac_of
from mcp_server.sandbox.world import Json, World

CAMPUS, BRANCH, SHOP = "Matriz São Paulo", "Filial Curitiba", "Loja Brasília"
_ALL = ["appliance", "camera", "campusGateway", "cellularGateway", "sensor", "switch", "systemsManager", "wireless"]
_SITE = ["appliance", "switch", "wireless"]
_FIRMWARE = {
    "appliance": "wired-18-2-11",
    "switch": "switch-17-2-1",
    "wireless": "wireless-31-1-6",
    "camera": "camera-6-2",
    "sensor": "sensor-1-4",
    "cellularGateway": "cellular-gateway-4-1",
    "campusGateway": "campus-gateway-1-2",
}
PORT_COUNTS = {"MS120-8LP": 10, "MS225-24P": 28, "MS250-48": 52, "C9300-48UXM": 52, "C9300-24P": 28}
_CLAIMED_AT = "2026-03-02T13:00:00.000000Z"


@dataclass(frozen=True, slots=True)
class Unit:
    """One device to place: ``above`` is how far back in the list of the site its upstream device stands."""

    model: str
    product: str
    name: str
    above: int = -1  #: index in the site's list; -1: it is the root (or hangs on nothing)
    port: str = ""  #: of the device above
    catalyst: str = ""


_CAMPUS_UNITS = (
    Unit("MX85", "appliance", "MX Matriz"),
    Unit("MS250-48", "switch", "Núcleo São Paulo", 0, "5"),
    Unit("C9300-48UXM", "switch", "Catalyst Andar 2", 1, "49", "managed"),
    Unit("C9300-24P", "switch", "Catalyst Andar 3", 1, "50", "monitored"),
    Unit("MS120-8LP", "switch", "Switch Recepção", 1, "51"),
    Unit("MS225-24P", "switch", "Switch Laboratório", 1, "47"),
    Unit("MR46", "wireless", "AP Recepção", 4, "1"),
    Unit("MR46", "wireless", "AP Diretoria", 5, "1"),
    Unit("MR46", "wireless", "AP Refeitório", 5, "2"),
    Unit("MR57", "wireless", "AP Auditório", 1, "1"),
    Unit("MV12W", "camera", "Câmera Portaria", 4, "2"),
    Unit("MT10", "sensor", "Sensor CPD"),
    Unit("MG21", "cellularGateway", "Celular Reserva"),
    Unit("CW9800H1", "campusGateway", "Gateway Campus", 1, "48"),
)
_BRANCH_UNITS = (
    Unit("MX68", "appliance", "MX Curitiba"),
    Unit("MS225-24P", "switch", "Switch Curitiba 1", 0, "3"),
    Unit("MS120-8LP", "switch", "Switch Curitiba 2", 1, "25"),
    Unit("MR46", "wireless", "AP Curitiba 1", 1, "1"),
    Unit("MR46", "wireless", "AP Curitiba 2", 2, "1"),
)
_SHOP_UNITS = (
    Unit("MX68", "appliance", "MX Loja"),
    Unit("MS120-8LP", "switch", "Switch Loja", 0, "3"),
    Unit("MR46", "wireless", "AP Loja", 1, "1"),
)


def seeded(seed: int = 1, networks: int = 6, devices: int = 40, clock: Callable[[], datetime] | None = None) -> World:
    """A new world with so many networks (at least 6) and devices (at least 40)."""
    world = World(seed, clock)
    first = _organization(world, "Aurora Indústria", "São Paulo")
    second = _organization(world, "Aurora Europa", "Lisboa")
    world.organizations[second]["licensing"]["model"] = "per-device"
    template = _template(world, first)
    made = [
        _network(world, organization_id, name, _products(organization_id == first, name))
        for organization_id in (first, second)
        for name in (CAMPUS, BRANCH, SHOP)
    ]
    _bind(world, made[2], template)
    world.resources[f"/networks/{made[1]}/appliance/vlans/settings"] = {"vlansEnabled": False}
    made += [_network(world, first, f"Loja {number:04d}", _SITE) for number in range(6, networks)]
    _place_all(world, made, max(40, devices))
    for organization_id in (first, second):
        _spare(world, organization_id)
    _special_ports(world)
    world.rehouse()
    return world


def _organization(world: World, name: str, region: str) -> str:
    id_ = world.new_id("organization")
    world.organizations[id_] = organization_record(id_, name, region)
    return id_


def organization_record(id_: str, name: str, region: str) -> Json:
    """An organization as the cloud shows it."""
    return {
        "id": id_,
        "name": name,
        "url": f"https://n1.meraki.com/o/{id_}/manage/organization/overview",
        "api": {"enabled": True},
        "licensing": {"model": "co-term"},
        "cloud": {"region": {"name": region, "host": {"name": "South America"}}},
        "management": {"details": []},
    }


def _products(is_first: bool, name: str) -> list[str]:
    return _ALL if is_first and name == CAMPUS else _SITE


def _network(world: World, organization_id: str, name: str, products: list[str]) -> str:
    id_ = world.new_id("combined_network")
    world.networks[id_] = network_record(organization_id, id_, {"name": name, "productTypes": products})
    if name == CAMPUS:
        world.networks[id_]["tags"] = ["matriz", "produção"]
    return id_


def network_record(organization_id: str, id_: str, body: Json) -> Json:
    """A network as the cloud shows it, of a creation's body."""
    return {
        "id": id_,
        "organizationId": organization_id,
        "name": body["name"],
        "productTypes": sorted(body["productTypes"]),
        "timeZone": body.get("timeZone") or "America/Los_Angeles",
        "tags": list(body.get("tags") or []),
        "enrollmentString": None,
        "url": f"https://n1.meraki.com/{id_}/manage/usage/list",
        "notes": body.get("notes"),
        "isBoundToConfigTemplate": False,
    }


def _template(world: World, organization_id: str) -> str:
    id_ = world.new_id("template")
    world.templates[id_] = {
        "id": id_,
        "organizationId": organization_id,
        "name": "Modelo Loja",
        "productTypes": list(_SITE),
        "timeZone": "America/Sao_Paulo",
    }
    return id_


def _bind(world: World, network_id: str, template_id: str) -> None:
    world.networks[network_id] |= {"isBoundToConfigTemplate": True, "configTemplateId": template_id}


# Devices


def _place_all(world: World, networks: list[str], devices: int) -> None:
    plans = [_CAMPUS_UNITS, _BRANCH_UNITS, _SHOP_UNITS, _BRANCH_UNITS, _BRANCH_UNITS, _SHOP_UNITS]
    left = devices - 4  # four stay in the inventories
    placed: dict[str, list[str]] = {}
    for number, network in enumerate(networks):
        units = plans[number] if number < len(plans) else _SHOP_UNITS
        placed[network] = place(world, network, units[: max(0, left)])
        left -= len(placed[network])
    for network, unit in _more(networks, left):
        above = next((s for s in placed[network] if world.devices[s]["productType"] == "switch"), None)
        taken = len(placed[network])
        serial = _device(world, network, unit, f"{unit.name} {taken}")
        if above and taken < 20:
            _cable(world, serial, above, str(taken + 1))
        placed[network].append(serial)


def _more(networks: list[str], count: int) -> Iterator[tuple[str, Unit]]:
    for number in range(max(0, count)):
        yield networks[number % len(networks)], Unit("MR46", "wireless", "AP extra")


def place(world: World, network_id: str, units: tuple[Unit, ...]) -> list[str]:
    """The serials of the units that now stand, cabled, in a network."""
    serials: list[str] = []
    for unit in units:
        serial = _device(world, network_id, unit, unit.name)
        if 0 <= unit.above < len(serials):
            _cable(world, serial, serials[unit.above], unit.port)
        serials.append(serial)
    return serials


def _serial(number: int) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    text = "".join(letters[number // 24**power % 24] for power in range(3, -1, -1))
    return f"Q2{letters[number % 23]}{letters[number * 7 % 24]}-{text}-{1000 + number * 37 % 9000}"


def _device(world: World, network_id: str | None, unit: Unit, name: str) -> str:
    number = len(world.devices) + 1 + world.seed * 100_000
    serial = _serial(number)
    order = len(world.devices) + 1
    details = []
    firmware = _FIRMWARE[unit.product]
    if unit.catalyst:
        details = [{"name": "Catalyst serial", "value": f"FJC27{order:02d}1ABC"}]
        firmware = "CS-17-2-1" if unit.catalyst == "managed" else "ios-xe-17-12-4"
    world.devices[serial] = {
        "name": name if network_id else "",
        "lat": -23.55,
        "lng": -46.63,
        "address": "Av. Paulista 1000, São Paulo" if network_id else "",
        "notes": "",
        "tags": ["recém-instalado"] if order % 5 == 0 else [],
        "networkId": network_id,
        "serial": serial,
        "model": unit.model,
        "mac": mac_of(number),
        "lanIp": f"10.{order // 250 % 250}.{order % 250}.5" if network_id else None,
        "firmware": firmware if network_id else "Not running configured version",
        "productType": unit.product,
        "details": details,
        "url": f"https://n1.meraki.com/{network_id}/manage/nodes/{serial}" if network_id else None,
        "floorPlanId": None,
    }
    world.hidden[f"/devices/{serial}"] = {
        "organizationId": world.organization_of(network_id),
        "claimedAt": _CLAIMED_AT,
        "orderNumber": f"4C{order:06d}",
        "catalyst": unit.catalyst,
        "configurationUpdatedAt": _CLAIMED_AT,
        "uplink": None,
        "managementVlan": 1,
    }
    return serial


def _cable(world: World, serial: str, above: str, port: str) -> None:
    model = world.devices[serial]["model"]
    own = str(PORT_COUNTS[model]) if model in PORT_COUNTS else ""
    world.hidden[f"/devices/{serial}"]["uplink"] = {"serial": above, "port": port, "own_port": own}


def _spare(world: World, organization_id: str) -> None:
    for unit in (Unit("MS120-8LP", "switch", ""), Unit("MR46", "wireless", "")):
        stocked_device(world, organization_id, unit)


def stocked_device(world: World, organization_id: str, unit: Unit) -> str:
    """The serial of a new device that an organization owns and that stands in no network."""
    serial = _device(world, None, unit, "")
    world.hidden[f"/devices/{serial}"]["organizationId"] = organization_id
    return serial


def _special_ports(world: World) -> None:
    """TrustSec locks and one port profile on the managed Catalyst of the campus."""
    for path, facts in world.hidden.items():
        if facts.get("catalyst") == "managed":
            facts["sgtPorts"] = ["1", "2", "3", "4"]
            facts["profilePorts"] = {"10": {"id": "1284392014819", "iname": "escritorio"}}
            world.devices[path.removeprefix("/devices/")]["tags"] = ["trustsec"]
