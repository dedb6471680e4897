"""Where the settings of a network live, and how a write to them is merged, stored and logged.

Rules: a network that is bound to a template reads the template's settings (facts: point 9 of protocol behaviour; its
writes are refused before a behaviour runs); nested objects merge, lists and keyed maps replace, null is kept as null.
"""

import copy
import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

PAGE = "via API"  #: facts: protocol behaviour, point 5: what the change log shows for API writes
_STOCK: list[Callable[["World", str], object]] = []
_FURNISHED = "/furnished"  #: of the hidden state
KEYED = ("fixedIpAssignments",)  #: maps that replace as a whole (facts: section 1.3)


def home(world: "World", network_id: str) -> str:
    """The path under which a network's settings are kept: its template's when it is bound to one."""
    network = world.networks.get(network_id, {})
    template = network.get("configTemplateId") if world.is_bound(network_id) else None
    return f"/networks/{template or network_id}"


def appliance_home(world: "World", call: Call) -> str:
    """The path of the network's appliance settings; CloudError 400 when it has no appliance."""
    network_id = call.params["networkId"]
    found = world.networks.get(network_id) or world.templates.get(network_id)
    if found is None:
        raise CloudError(404)
    if "appliance" not in found.get("productTypes", ()):
        raise CloudError(400, "This endpoint only supports MX networks")
    return f"{home(world, network_id)}/appliance"


def owner_of(path: str) -> str:
    """The id of the network, template, organization or device that a path begins with."""
    return path.split("/")[2]


def appliances(world: "World", network_id: str) -> list[Json]:
    """The security appliances of a network, by serial."""
    return [one for one in world.devices_in(network_id) if one.get("productType") == "appliance"]


def stocked(make: Callable[["World", str], Json]) -> Callable[["World", str], Json]:
    """Register what makes a part of a network's first appliance settings, for ``furnish``."""
    _STOCK.append(make)
    return make


def furnish(world: "World", path: str) -> None:
    """Make all that a network starts with, so that a check of who uses what sees it; ``path``: its appliance path."""
    for make in _STOCK:
        make(world, path)


def is_furnished(world: "World", network_id: str) -> bool:
    """Whether a network starts with settings of its own making: a template, or a network with an appliance in it.

    Decided once for all networks, when one is first looked at: a network that is created later starts as the cloud
    makes it, with one LAN and no rules, whatever is claimed into it.
    """
    made = world.hidden.get(_FURNISHED)
    if made is None:
        made = world.hidden[_FURNISHED] = dict.fromkeys(appliances_by_network(world), True)
    return network_id in world.templates or network_id in made


def mark_furnished(world: "World", network_id: str) -> None:
    """From now on a network has settings of its own making, e.g. those of the network that it came from."""
    is_furnished(world, network_id)
    world.hidden[_FURNISHED][network_id] = True


def appliances_by_network(world: "World") -> dict[str, list[Json]]:
    """The security appliances by network, in one pass over the devices."""
    found: dict[str, list[Json]] = {}
    for one in world.devices.values():
        if one.get("productType") == "appliance" and one.get("networkId"):
            found.setdefault(one["networkId"], []).append(one)
    return found


def ordinal(network_id: str) -> int:
    """A number for a network that is the same in each run, 0 to 49,999, and differs between neighbours."""
    digits = "".join(sign for sign in network_id if sign.isdigit())
    return int(digits or 0) % 50_000


def uuid_of(text: str) -> str:
    """An id of the form the cloud uses for static routes and rules, the same for equal texts."""
    hexed = hashlib.sha256(text.encode()).hexdigest()
    return "-".join((hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:32]))


def merged(old: Json, patch: Mapping[str, Json]) -> Json:
    """``old`` with ``patch`` laid over it: objects merge, lists and keyed maps replace, null stays null."""
    new = copy.deepcopy(old)
    for name, value in patch.items():
        before = new.get(name)
        if isinstance(value, dict) and isinstance(before, dict) and name not in KEYED:
            new[name] = merged(before, value)
        else:
            new[name] = copy.deepcopy(value)
    return new


def chosen(body: Json, names: tuple[str, ...]) -> dict[str, Json]:
    """The fields of a body that may be written; others are ignored, as the cloud does (facts: section 1.1)."""
    return {name: body[name] for name in names if name in (body or {})}


def store(world: "World", call: Call, path: str, new: Json, label: str) -> Json:
    """Put a singleton or item and log the change when there is one; the stored value."""
    old = copy.deepcopy(world.get(path))
    world.put(path, new)
    log(world, call, label, old, new)
    return new


def log(world: "World", call: Call, label: str, old: Json, new: Json) -> None:
    """Write the configuration-change row of a write."""
    organization_id = call.params.get("organizationId")
    world.record_change(call.params.get("networkId"), PAGE, label, old, new, organization_id=organization_id)


def refuse(*texts: str) -> CloudError:
    """A 400 with those texts, to be raised."""
    return CloudError(400, *texts)
