"""Networks counted into groups, and networks that report to XDR."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.tables import item, items, network_of_organization, some

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_GROUPS = "/organizations/{organizationId}/networks/groups"
_XDR_PRODUCTS = ("appliance",)


def _members(world: "World", call: Call, group_id: str) -> dict[str, Json]:
    return world.collection(f"/organizations/{call.params['organizationId']}/networks/groups/{group_id}/networks")


@behaviour("bulkOrganizationNetworksGroupAssign")
def assign_networks(world: "World", call: Call) -> Json:
    """The networks are in the group; one may be in several."""
    group = item(world, call, _GROUPS, call.params["groupId"])
    ids = some(call.body["networkIds"], "networkIds")
    for id_ in ids:
        network_of_organization(world, call.params["organizationId"], id_)
    _members(world, call, group["groupId"]).update({id_: {"networkId": id_} for id_ in ids})
    return {"groupId": group["groupId"], "networkIds": ids}


@behaviour("bulkOrganizationNetworksGroupUnassign")
def unassign_networks(world: "World", call: Call) -> Json:
    """The networks are no longer in the group; one that was not in it refuses all."""
    group = item(world, call, _GROUPS, call.params["groupId"])
    ids, members = some(call.body["networkIds"], "networkIds"), _members(world, call, group["groupId"])
    for id_ in ids:
        if id_ not in members:
            raise CloudError(400, f"Network {id_} is not in this group")
    for id_ in ids:
        members.pop(id_, None)
    return {"groupId": group["groupId"], "networkIds": ids}


@behaviour("getOrganizationNetworksGroupsOverviewByGroup")
def groups_overview(world: "World", call: Call) -> Json:
    """Each group with the products of its networks."""
    return [_overview(world, call, group) for group in items(world, call, _GROUPS).values()]


def _overview(world: "World", call: Call, group: Json) -> Json:
    networks = [world.networks[id_] for id_ in _members(world, call, group["groupId"]) if id_ in world.networks]
    usage = {"upstream": 0.0, "downstream": 0.0}
    return {
        "groupId": group["groupId"],
        "name": group["name"],
        "clients": {"counts": {"total": 0}, "usage": usage},
        "statuses": {"overall": "online" if networks else "dormant", "byProductType": []},
        "productTypes": sorted({product for one in networks for product in one["productTypes"]}),
    }


# XDR


def _reporting(world: "World", organization_id: str) -> dict[str, Json]:
    return world.collection(f"/organizations/{organization_id}/integrations/xdr/networks")


@behaviour("getOrganizationIntegrationsXdrNetworks")
def list_xdr(world: "World", call: Call) -> Json:
    """Every network, what of it can report, and whether it does."""
    organization_id = call.params["organizationId"]
    return [_reported(world, organization_id, one) for one in world.networks_of(organization_id)]


def _reported(world: "World", organization_id: str, network: Json) -> Json:
    able = [product for product in _XDR_PRODUCTS if product in network["productTypes"]]
    stored = _reporting(world, organization_id).get(network["id"])
    return {
        "networkId": network["id"],
        "name": network["name"],
        "isEligible": bool(able),
        "enabled": stored is not None,
        "productTypes": stored["productTypes"] if stored else able,
    }


@behaviour("enableOrganizationIntegrationsXdrNetworks", "disableOrganizationIntegrationsXdrNetworks")
def switch_xdr(world: "World", call: Call) -> Json:
    """The networks report, or no longer, those products; one that cannot refuses all."""
    organization_id = call.params["organizationId"]
    rows = some(call.body["networks"], "networks")
    networks = [network_of_organization(world, organization_id, row["networkId"]) for row in rows]
    for row, network in zip(rows, networks, strict=True):
        if not set(some(row["productTypes"], "productTypes")) <= {*_XDR_PRODUCTS} & {*network["productTypes"]}:
            raise CloudError(400, f"Network {network['id']} is not eligible for these product types")
    stored = _reporting(world, organization_id)
    for row in rows:
        if call.operation.startswith("enable"):
            stored[row["networkId"]] = {"productTypes": sorted(row["productTypes"])}
        else:
            stored.pop(row["networkId"], None)
    return {"networks": [_reported(world, organization_id, one) for one in networks]}
