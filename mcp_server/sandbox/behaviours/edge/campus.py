"""Campus gateway clusters: made in a network, listed for the organization, and the tunnels of networks to them."""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.tables import device_of_network, network_of_organization, some, updated

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_EMPTY: Json = {
    "name": "", "uplinks": [], "tunnels": [], "nameservers": {"addresses": []}, "portChannels": [], "devices": [],
    "notes": "",
}  # fmt: skip


def _clusters(world: "World", network_id: str) -> dict[str, Json]:
    return world.collection(f"/networks/{network_id}/campusGateway/clusters")


def _everywhere(world: "World", organization_id: str) -> dict[str, Json]:
    return {
        id_: cluster
        for network in world.networks_of(organization_id)
        for id_, cluster in _clusters(world, network["id"]).items()
    }


@behaviour("getOrganizationCampusGatewayClusters")
def list_clusters(world: "World", call: Call) -> Json:
    """The clusters of all networks."""
    return [
        cluster | {"network": {"id": network["id"]}}
        for network in world.networks_of(call.params["organizationId"])
        for cluster in _clusters(world, network["id"]).values()
    ]


@behaviour("createNetworkCampusGatewayCluster")
def create_cluster(world: "World", call: Call) -> Json:
    """A cluster of gateways of this network."""
    network_id = call.params["networkId"]
    made = updated(call, {"clusterId": world.new_id()} | copy.deepcopy(_EMPTY))
    _check(world, network_id, made)
    _clusters(world, network_id)[made["clusterId"]] = made
    return made


@behaviour("updateNetworkCampusGatewayCluster")
def put_cluster(world: "World", call: Call) -> Json:
    """The cluster as it is now."""
    network_id, id_ = call.params["networkId"], call.params["clusterId"]
    if id_ not in _clusters(world, network_id):
        raise CloudError(404)
    new = updated(call, _clusters(world, network_id)[id_])
    _check(world, network_id, new)
    _clusters(world, network_id)[id_] = new
    return new


def _check(world: "World", network_id: str, new: Json) -> None:
    if not new["name"]:
        raise CloudError(400, "Name can't be blank")
    if any(one["name"] == new["name"] and id_ != new["clusterId"] for id_, one in _clusters(world, network_id).items()):
        raise CloudError(400, "Name has already been taken")
    for one in new["devices"] or []:
        device_of_network(world, network_id, one["serial"], "campusGateway")


@behaviour("deleteNetworkCampusGatewayCluster")
def delete_cluster(world: "World", call: Call) -> None:
    """The cluster is gone, and the tunnels to it."""
    network_id, id_ = call.params["networkId"], call.params["clusterId"]
    if _clusters(world, network_id).pop(id_, None) is None:
        raise CloudError(404)
    tunnels = _tunnels(world, str(world.organization_of(network_id)))
    for key in [key for key in tunnels if key.split(" ")[0] == id_]:
        del tunnels[key]


@behaviour("provisionOrganizationCampusGatewayClusters")
def provision(world: "World", call: Call) -> Json:
    """A cluster that exists gets this configuration, failover included, in the network that is named."""
    organization_id, body = call.params["organizationId"], call.body
    network = network_of_organization(world, organization_id, (body["network"] or {}).get("id"))
    held = _clusters(world, network["id"])
    if body["clusterId"] not in held:
        raise CloudError(400, f"Cluster {body['clusterId']} not found")
    known = _everywhere(world, organization_id)
    for target in (body.get("failover") or {}).get("targets") or []:
        if target["clusterId"] not in known or target["clusterId"] == body["clusterId"]:
            raise CloudError(400, f"Failover target {target['clusterId']} not found")
    new = {name: value for name, value in updated(call, held[body["clusterId"]]).items() if name != "network"}
    _check(world, network["id"], new)
    held[body["clusterId"]] = new
    return new | {"network": {"id": network["id"]}}


# Tunnels


def _tunnels(world: "World", organization_id: str) -> dict[str, Json]:
    return world.collection(f"/organizations/{organization_id}/campusGateway/clusters/tunneling")


@behaviour("batchOrganizationCampusGatewayClustersTunnelingUpdate")
def put_tunnels(world: "World", call: Call) -> Json:
    """Whether what networks send to a cluster is encrypted."""
    organization_id, rows = call.params["organizationId"], some(call.body["items"], "items")
    for row in rows:
        network_of_organization(world, organization_id, row["network"]["id"])
        if row["cluster"]["id"] not in _everywhere(world, organization_id):
            raise CloudError(400, f"Cluster {row['cluster']['id']} not found")
    for row in rows:
        key = f"{row['cluster']['id']} {row['network']['id']}"
        _tunnels(world, organization_id).pop(key, None)
        if row["data"]["encryption"]["enabled"]:
            _tunnels(world, organization_id)[key] = {"encryption": {"enabled": True}}
    return {"items": [_tunnel(world, organization_id, row["cluster"]["id"], row["network"]["id"]) for row in rows]}


@behaviour("getOrganizationCampusGatewayClustersTunnelingByClusterByNetwork")
def list_tunnels(world: "World", call: Call) -> Json:
    """Each cluster with each network that has access points."""
    organization_id = call.params["organizationId"]
    return [
        _tunnel(world, organization_id, id_, network["id"])
        for id_ in _everywhere(world, organization_id)
        for network in world.networks_of(organization_id)
        if "wireless" in network["productTypes"]
    ]


def _tunnel(world: "World", organization_id: str, cluster_id: str, network_id: str) -> Json:
    cluster = _everywhere(world, organization_id)[cluster_id]
    stored = _tunnels(world, organization_id).get(f"{cluster_id} {network_id}")
    return {
        "cluster": {"id": cluster_id, "name": cluster["name"]},
        "network": {"id": network_id, "name": world.networks[network_id]["name"]},
        "data": stored or {"encryption": {"enabled": False}},
    }
