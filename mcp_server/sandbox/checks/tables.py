"""Items that other writes name: found, or refused as the cloud refuses what it does not know (400 with a text)."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json
from mcp_server.sandbox.generic import NOT_FOUND, items_at
from mcp_server.sandbox.routes import filled, routes
from mcp_server.sandbox.shapes import known, merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World


def items(world: "World", call: Call, template: str) -> dict[str, Json]:
    """The live items of the collection at a path template, filled with the call's parameters."""
    return items_at(world, template, filled(template, call.params), call.params)


def item(world: "World", call: Call, template: str, key: str) -> Json:
    """The item in the path of a call; CloudError 404 when there is none."""
    found = items(world, call, template).get(key)
    if found is None:
        raise CloudError(404, NOT_FOUND)
    return found


def named(world: "World", call: Call, template: str, key: Json, what: str) -> Json:
    """The item that a body names; CloudError 400 when there is none."""
    found = items(world, call, template).get(str(key))
    if found is None:
        raise CloudError(400, f"{what} {key} not found")
    return found


def network_of_organization(world: "World", organization_id: str, network_id: Json) -> Json:
    """The network that a body names; CloudError 400 when the organization has none of that id."""
    found = world.networks.get(str(network_id))
    if found is None or found["organizationId"] != organization_id:
        raise CloudError(400, f"Network {network_id} not found in this organization")
    return found


def device_of_organization(world: "World", organization_id: str, serial: Json) -> Json:
    """The device that a body names, in a network of the organization; CloudError 400 when it has none."""
    found = world.devices.get(str(serial))
    if found is None or world.organization_of(found["networkId"]) != organization_id:
        raise CloudError(400, f"Device with serial {serial} not found in this organization")
    return found


def device_of_network(world: "World", network_id: str, serial: Json, product: str = "") -> Json:
    """The device that a body names, in that network and of that product; CloudError 400 when it is not there."""
    found = world.devices.get(str(serial))
    if found is None or found["networkId"] != network_id:
        raise CloudError(400, f"Device with serial {serial} not found in this network")
    if product and found["productType"] != product:
        raise CloudError(400, f"Device with serial {serial} is not a {product} device")
    return found


def some(values: Json, name: str) -> list[Json]:
    """The values of a list that must not be empty; CloudError 400 when it is."""
    if not values:
        raise CloudError(400, f"'{name}' must not be empty")
    return list(values)


def updated(call: Call, old: Json) -> Json:
    """What the body of a call makes of a stored value: unknown fields ignored, objects merged, lists replaced."""
    tree = routes().by_operation[call.operation].body
    return merged(old, known(call.body or {}, tree), tree)


def matching(rows: Mapping[str, Json], wanted: Mapping[str, Json]) -> str | None:
    """The key of the first row with those fields, or None."""
    return next((key for key, row in rows.items() if all(row.get(n) == v for n, v in wanted.items())), None)


def without_twins(values: Iterable[str], name: str) -> None:
    """CloudError 400 when a value comes twice."""
    seen = list(values)
    if len(set(seen)) != len(seen):
        raise CloudError(400, f"'{name}' must not contain duplicates")
