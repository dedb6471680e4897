"""SASE: the integration, its connectors and the sites that are attached, with the site's own route to it."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import of_organization
from mcp_server.sandbox.checks.tables import matching, network_of_organization, some, updated
from mcp_server.sandbox.generic import Rows

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

REGIONS = (("us-east", "US East"), ("sa-east", "São Paulo"))


def _path(call: Call, tail: str) -> str:
    return f"/organizations/{call.params['organizationId']}/sase/{tail}"


# The integration


@behaviour("createOrganizationSaseIntegration")
def integrate(world: "World", call: Call) -> Json:
    """The organization is integrated; a second integration is a 400."""
    held, api = world.collection(_path(call, "integrations")), call.body["api"] or {}
    if held:
        raise CloudError(400, "The organization is already integrated")
    if not api.get("key") or not api.get("secret"):
        raise CloudError(400, "'api' must have a key and a secret")
    id_ = world.new_id()
    held[id_] = {
        "integrationId": id_,
        "integrated": {"by": {"admin": {"name": world.admin["name"]}}, "at": world.stamp()},
        "lastUsedAt": world.stamp(),
        "external": {"organization": {"id": id_[-7:]}},
        "status": "active",
        "api": dict(api),
    }
    return {name: value for name, value in held[id_].items() if name != "api"}


@behaviour("getOrganizationSaseIntegration", "deleteOrganizationSaseIntegration")
def one_integration(world: "World", call: Call) -> Json:
    """The integration; it can be ended when no site is attached."""
    held = world.collection(_path(call, "integrations"))
    found = held.get(call.params["integrationId"])
    if found is None:
        raise CloudError(404)
    if call.method == "DELETE":
        if world.collection(_path(call, "sites")):
            raise CloudError(400, "Sites are still attached")
        del held[found["integrationId"]]
    return found


# Connectors and regions


def _connectors(world: "World", call: Call) -> dict[str, Json]:
    made = {str(number): _connector(str(number), *region) for number, region in enumerate(REGIONS, 1)}
    return world.collection(_path(call, "connectors"), lambda: made)


def _connector(id_: str, slug: str, name: str) -> Json:
    return {"id": id_, "name": f"Connector {name}", "region": {"name": name, "slug": slug}, "state": "active"}


@behaviour("getOrganizationSaseConnectors")
def list_connectors(world: "World", call: Call) -> Json:
    """The connectors and how many sites use each."""
    sites = list(world.collection(_path(call, "sites")).values())
    held = _connectors(world, call)

    def row(key: str) -> Json:
        count = sum(site["region"]["slug"] == held[key]["region"]["slug"] for site in sites)
        return held[key] | {"counts": {"sitesConnected": {"total": count}}}

    return Rows(list(held), row)


@behaviour("batchOrganizationSaseConnectorsDelete")
def delete_connectors(world: "World", call: Call) -> Json:
    """The connectors are gone; one that sites use refuses all."""
    held = _connectors(world, call)
    ids = [one["connectorId"] for one in some((call.body or {}).get("items"), "items")]
    for id_ in ids:
        if id_ not in held:
            raise CloudError(400, f"Connector {id_} not found")
        slug = held[id_]["region"]["slug"]
        if matching(world.collection(_path(call, "sites")), {"region": {"slug": slug}}) is not None:
            raise CloudError(400, f"Connector {id_} is in use by a site")
    for id_ in ids:
        held.pop(id_, None)
    return {"items": [{"connectorId": id_} for id_ in ids]}


# Sites


def _sites(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(_path(call, "sites"))


@behaviour("attachOrganizationSaseSites")
def attach(world: "World", call: Call) -> Json:
    """The networks are sites of a region that has a connector; one that is attached refuses all."""
    rows = some(call.body["items"], "items")
    slugs = {one["region"]["slug"] for one in _connectors(world, call).values()}
    networks = [network_of_organization(world, call.params["organizationId"], row["network"]["id"]) for row in rows]
    for row, network in zip(rows, networks, strict=True):
        if row["region"]["slug"] not in slugs:
            raise CloudError(400, f"Region {row['region']['slug']} not found")
        if "appliance" not in network["productTypes"]:
            raise CloudError(400, f"Network {network['id']} has no appliance")
        if matching(_sites(world, call), {"network": {"id": network["id"]}}) is not None:
            raise CloudError(400, f"Network {network['id']} is already attached")
    made = []
    for row, network in zip(rows, networks, strict=True):
        id_ = world.new_id()
        site: Json = {"siteId": id_, "network": {"id": network["id"]}, "region": {"slug": row["region"]["slug"]}}
        _sites(world, call)[id_] = site | {"type": "meraki", "routing": {"defaultRoute": {"enabled": True}}}
        made.append(_shown(world, _sites(world, call)[id_]))
    return {"items": made}


def _shown(world: "World", site: Json) -> Json:
    network = world.networks.get(site["network"]["id"], {})
    boxes = [one for one in world.devices_in(site["network"]["id"]) if one["productType"] == "appliance"]
    primary = {"name": boxes[0]["name"], "model": boxes[0]["model"]} if boxes else None
    return site | {
        "name": network.get("name"),
        "model": boxes[0]["model"] if boxes else None,
        "address": {"street": boxes[0]["address"] if boxes else ""},
        "vpn": {"type": "spoke"},
        "devices": {"primary": primary, "spare": None},
        "subnets": [],
        "url": network.get("url"),
    }


@behaviour("getOrganizationSaseSites")
def list_sites(world: "World", call: Call) -> Json:
    """The attached sites."""
    held = _sites(world, call)
    return Rows(list(held), lambda key: _shown(world, held[key]))


@behaviour("updateOrganizationSaseSite")
def put_site(world: "World", call: Call) -> Json:
    """Whether the site's default route leads there."""
    found = _sites(world, call).get(call.params["siteId"])
    if found is None:
        raise CloudError(404)
    found["routing"] = updated(call, found)["routing"]
    return _shown(world, found)


@behaviour("detachOrganizationSaseSites")
def detach(world: "World", call: Call) -> Json:
    """The sites are gone; one that is not there refuses all. Attached again, a site has a new id."""
    ids = [one["siteId"] for one in some((call.body or {}).get("items"), "items")]
    for id_ in ids:
        if id_ not in _sites(world, call):
            raise CloudError(400, f"Site {id_} not found")
    for id_ in ids:
        _sites(world, call).pop(id_, None)
    return {"items": [{"siteId": id_} for id_ in ids]}


@behaviour("removeOrganizationSpacesIntegration")
def leave_spaces(world: "World", call: Call) -> Json:
    """The organization is no longer integrated with Spaces; connecting again is done there, not here."""
    path = f"/organizations/{call.params['organizationId']}/spaces/integration"
    if not world.singleton(path, {"status": True})["status"]:
        raise CloudError(400, "The organization is not integrated with Spaces")
    world.put(path, {"status": False})
    return {"status": False}


@behaviour("getOrganizationSpacesIntegrateStatus")
def spaces_status(world: "World", call: Call) -> Json:
    """Whether the organization is integrated with Spaces; it is at first."""
    path = f"/organizations/{call.params['organizationId']}/spaces/integration"
    is_on = bool(world.singleton(path, {"status": True})["status"])
    who = next(of_organization(world, call.params["organizationId"]), None)
    states = ["connected"] if is_on and who else []
    account = {"email": world.admin["email"], "accountName": "Aurora", "accountType": "see"}
    return {"status": is_on, "states": states} | (account if is_on else dict.fromkeys(account))
