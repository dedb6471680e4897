"""Networks put together, taken apart, and moved to another organization.

Combining and splitting give new ids: what named the old ones names nothing any more (facts: section 1.6). What
belongs to one product goes with it; of the settings that all products share, the first network's are kept.
"""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.organizations import TAKEN
from mcp_server.sandbox.checks.settings import PAGE, furnish, is_furnished, mark_furnished
from mcp_server.sandbox.checks.tables import network_of_organization, without_twins
from mcp_server.sandbox.seed import network_record

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_WORD_OF = {"systemsManager": "sm"}
_WORDS = frozenset({
    "appliance", "camera", "campusGateway", "cellularGateway", "sensor", "sm", "switch", "wireless",
    "wirelessController",
})  # fmt: skip


@behaviour("combineOrganizationNetworks")
def combine_networks(world: "World", call: Call) -> Json:
    """One network with the devices and settings of all; the networks it was made of are gone."""
    organization_id, body = call.params["organizationId"], call.body
    without_twins(body["networkIds"], "networkIds")
    parts = [network_of_organization(world, organization_id, id_) for id_ in body["networkIds"]]
    _check_parts(world, organization_id, parts, body["name"])
    made = _made(world, parts[0], body["name"], [product for one in parts for product in one["productTypes"]])
    made["enrollmentString"] = body.get("enrollmentString")
    for number, part in enumerate(parts):
        for product in part["productTypes"]:
            _bring(world, part, made, product)
        if number == 0:
            _copy_shared(world, part, made)
    for part in parts:
        _drop(world, part)
    world.record_change(made["id"], PAGE, "Networks combined", [one["id"] for one in parts], made)
    return {"resultingNetwork": made}


def _check_parts(world: "World", organization_id: str, parts: list[Json], name: str) -> None:
    if len(parts) < 2:
        raise CloudError(400, "At least two networks are needed")
    if any(one["isBoundToConfigTemplate"] for one in parts):
        raise CloudError(400, "Networks bound to a configuration template cannot be combined")
    products = [product for one in parts for product in one["productTypes"]]
    if len(set(products)) != len(products):
        raise CloudError(400, "Networks of the same product type cannot be combined")
    own = {one["id"] for one in parts}
    if not name or any(one["name"] == name and one["id"] not in own for one in world.networks_of(organization_id)):
        raise CloudError(400, TAKEN if name else "Name can't be blank")


@behaviour("splitNetwork")
def split_network(world: "World", call: Call) -> Json:
    """A network for each product, named after it; the combined one is gone."""
    whole = world.networks.get(call.params["networkId"])
    if whole is None:
        raise CloudError(404)
    if len(whole["productTypes"]) < 2:
        raise CloudError(400, "Only a combined network can be split")
    if whole["isBoundToConfigTemplate"]:
        raise CloudError(400, "A network bound to a configuration template cannot be split")
    made = [_made(world, whole, f"{whole['name']} - {product}", [product]) for product in whole["productTypes"]]
    for one in made:
        _bring(world, whole, one, one["productTypes"][0])
        _copy_shared(world, whole, one)
    world.record_change(whole["id"], PAGE, "Network split", whole, [one["id"] for one in made])
    _drop(world, whole)
    return {"resultingNetworks": made}


def _made(world: "World", like: Json, name: str, products: list[str]) -> Json:
    id_ = world.new_id("network" if len(products) == 1 else "combined_network")
    body = {"name": name, "productTypes": products} | {n: like.get(n) for n in ("timeZone", "tags", "notes")}
    world.networks[id_] = network_record(like["organizationId"], id_, copy.deepcopy(body))
    return world.networks[id_]


def _bring(world: "World", source: Json, target: Json, product: str) -> None:
    """The devices and settings of one product come to another network."""
    if product == "appliance":
        furnish(world, f"/networks/{source['id']}/appliance")
        if is_furnished(world, source["id"]):
            mark_furnished(world, target["id"])
    _copy_below(world, source["id"], target["id"], {_WORD_OF.get(product, product)})
    for device in world.devices_in(source["id"]):
        if device["productType"] == product:
            device |= {
                "networkId": target["id"],
                "url": f"https://n1.meraki.com/{target['id']}/manage/nodes/{device['serial']}",
                "floorPlanId": None,
            }
    world.rehouse()


def _copy_shared(world: "World", source: Json, target: Json) -> None:
    stored = {path.split("/")[3] for path in world.below(f"/networks/{source['id']}")}
    _copy_below(world, source["id"], target["id"], stored - _WORDS)


def _copy_below(world: "World", source: str, target: str, words: set[str]) -> None:
    tables: tuple[dict[str, Json], ...] = (world.resources, world.hidden, world.pristine)
    for table in tables:
        for path in list(table):
            parts = path.split("/")
            if parts[1:3] == ["networks", source] and len(parts) > 3 and parts[3] in words:
                table["/".join(["", "networks", target, *parts[3:]])] = copy.deepcopy(table[path])


def _drop(world: "World", network: Json) -> None:
    del world.networks[network["id"]]
    world.forget(f"/networks/{network['id']}")


@behaviour("createNetworkMove")
def move_network(world: "World", call: Call) -> Json:
    """The network, its devices and settings belong to the other organization; ``simulate`` only says whether it can."""
    body, source = call.body, call.params["organizationId"]
    network = network_of_organization(world, source, (body["network"] or {}).get("id"))
    target = body["organizations"]["target"]["id"]
    if target not in world.organizations or target == source:
        raise CloudError(400, "The target organization must be another one that you administer")
    fault = _move_fault(world, network, target)
    if fault and not body.get("simulate"):
        raise CloudError(400, fault)
    row: Json = {
        "moveId": world.new_id(),
        "initiator": {"admin": {"id": world.admin["id"]}},
        "organizations": {"source": {"id": source}, "target": {"id": target}},
        "network": {"id": network["id"]},
        "createdAt": world.stamp(),
        "lastUpdatedAt": world.stamp(),
        "result": {"status": "failed" if fault else "complete", "reason": fault},
    }
    if body.get("simulate"):
        return row
    world.collection(f"/organizations/{source}/networks/moves")[row["moveId"]] = row
    network["organizationId"] = target
    for device in world.devices_in(network["id"]):
        world.hidden[f"/devices/{device['serial']}"]["organizationId"] = target
    return row


def _move_fault(world: "World", network: Json, target: str) -> str:
    if network["isBoundToConfigTemplate"]:
        return "A network bound to a configuration template cannot be moved"
    if any(one["name"] == network["name"] for one in world.networks_of(target)):
        return TAKEN
    return ""


@behaviour("getNetworkMoves")
def list_moves(world: "World", call: Call) -> Json:
    """The moves out of the organization."""
    return list(world.collection(f"/organizations/{call.params['organizationId']}/networks/moves").values())
