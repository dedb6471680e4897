"""Organizations, networks and configuration templates."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.settings import PAGE, furnish, log
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.seed import network_record, organization_record
from mcp_server.sandbox.shapes import merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

PRODUCTS = frozenset({
    "appliance", "camera", "campusGateway", "cellularGateway", "secureConnect", "sensor", "switch", "systemsManager",
    "wireless", "wirelessController",
})  # fmt: skip
#: what a template decides for the networks bound to it
TEMPLATE_OWNS = (
    "appliance",
    "switch",
    "wireless",
    "groupPolicies",
    "snmp",
    "syslogServers",
    "alerts",
    "trafficShaping",
)
TAKEN = "Name has already been taken"


def _found(table: dict[str, Json], id_: str) -> Json:
    if id_ not in table:
        raise CloudError(404, "Not found")
    return table[id_]


# Organizations


@behaviour("getOrganizations")
def list_organizations(world: "World", _call: Call) -> Json:
    """All organizations of the key."""
    return list(world.organizations.values())


@behaviour("getOrganization")
def get_organization(world: "World", call: Call) -> Json:
    """One organization."""
    return world.organizations[call.params["organizationId"]]


@behaviour("updateOrganization")
def update_organization(world: "World", call: Call) -> Json:
    """Name and API access; a missing name leaves it."""
    record = world.organizations[call.params["organizationId"]]
    old = copy.deepcopy(record)
    body = call.body or {}
    record |= merged(record, {name: body[name] for name in ("name", "api", "management") if name in body}, {"api": {}})
    log(world, call, "Organization", old, record)
    return record


@behaviour("createOrganization")
def create_organization(world: "World", call: Call) -> Json:
    """A new, empty organization."""
    id_ = world.new_id("organization")
    world.organizations[id_] = organization_record(id_, call.body["name"], "São Paulo")
    world.record_change(None, PAGE, "Organization created", "", call.body, organization_id=id_)
    return world.organizations[id_]


@behaviour("deleteOrganization")
def delete_organization(world: "World", call: Call) -> Json:
    """Only an organization without networks, templates and devices can be deleted."""
    id_ = call.params["organizationId"]
    owned = [facts for facts in world.hidden.values() if facts.get("organizationId") == id_]
    if world.networks_of(id_) or owned or any(one["organizationId"] == id_ for one in world.templates.values()):
        raise CloudError(400, "The organization must be empty (no networks, devices, templates) to be deleted")
    del world.organizations[id_]
    world.forget(f"/organizations/{id_}")


# Networks


@behaviour("getOrganizationNetworks")
def list_networks(world: "World", call: Call) -> Json:
    """The networks, of a template or bound at all when asked so."""
    found = {one["id"]: one for one in world.networks_of(call.params["organizationId"])}
    template = call.query.get("configTemplateId")
    if template:
        found = {id_: one for id_, one in found.items() if one.get("configTemplateId") == template}
    bound = call.query.get("isBoundToConfigTemplate")
    if bound is not None:
        found = {
            id_: one for id_, one in found.items() if one["isBoundToConfigTemplate"] == (str(bound).lower() == "true")
        }
    return Rows(list(found), found.__getitem__)


@behaviour("getNetwork")
def get_network(world: "World", call: Call) -> Json:
    """One network; a template is none."""
    return _found(world.networks, call.params["networkId"])


@behaviour("createOrganizationNetwork")
def create_network(world: "World", call: Call) -> Json:
    """A new network, with a copy of another one's settings when asked."""
    organization_id, body = call.params["organizationId"], call.body
    wrong = [name for name in body["productTypes"] if name not in PRODUCTS]
    if wrong or not body["productTypes"]:
        raise CloudError(400, f"'productTypes' must contain only: {', '.join(sorted(PRODUCTS))}")
    _check_name(world, organization_id, body["name"], None)
    source = body.get("copyFromNetworkId")
    if source and world.organization_of(source) != organization_id:
        raise CloudError(400, "Invalid copyFromNetworkId")
    id_ = world.new_id("network" if len(body["productTypes"]) == 1 else "combined_network")
    world.networks[id_] = network_record(organization_id, id_, body)
    if source:
        copy_settings(world, f"/networks/{source}", f"/networks/{id_}")
    world.record_change(id_, PAGE, "Network created", "", body)
    return world.networks[id_]


def _check_name(world: "World", organization_id: str, name: Json, own_id: str | None) -> None:
    if not name:
        raise CloudError(400, "Name can't be blank")
    for one in world.networks_of(organization_id):
        if one["name"] == name and one["id"] != own_id:
            raise CloudError(400, TAKEN)


@behaviour("updateNetwork")
def update_network(world: "World", call: Call) -> Json:
    """Name, time zone, tags, notes; tags replace, null clears the notes."""
    record = _found(world.networks, call.params["networkId"])
    old, body = copy.deepcopy(record), call.body or {}
    if "name" in body:
        _check_name(world, record["organizationId"], body["name"], record["id"])
    fields = ("name", "timeZone", "tags", "enrollmentString", "notes")
    changed = {name: copy.deepcopy(body[name]) for name in fields if name in body}
    if "tags" in changed:
        changed["tags"] = changed["tags"] or []
    record |= changed
    log(world, call, "Network", old, record)
    return record


@behaviour("deleteNetwork")
def delete_network(world: "World", call: Call) -> Json:
    """The network and its settings are gone; its devices go back to the inventory."""
    id_ = call.params["networkId"]
    record = _found(world.networks, id_)
    for device in world.devices_in(id_):
        take_out(world, device)
    world.record_change(id_, PAGE, "Network deleted", record, "", organization_id=record["organizationId"])
    del world.networks[id_]
    world.forget(f"/networks/{id_}")


def take_out(world: "World", device: Json) -> None:
    """Put a device back into the inventory: out of its network, unnamed, unconfigured, uncabled for others too."""
    serial = device["serial"]
    device |= {
        "networkId": None,
        "name": "",
        "notes": "",
        "tags": [],
        "address": "",
        "lanIp": None,
        "floorPlanId": None,
        "url": None,
    }
    world.rehouse()
    facts = world.hidden[f"/devices/{serial}"]
    facts.pop("switchProfileId", None)
    world.forget(f"/devices/{serial}")
    world.hidden[f"/devices/{serial}"] = facts


# Templates


@behaviour("bindNetwork")
def bind_network(world: "World", call: Call) -> Json:
    """From now on the template decides; the network's own settings are lost (facts: section 1.6)."""
    record = _found(world.networks, call.params["networkId"])
    template = world.templates.get(call.body["configTemplateId"])
    if template is None or template["organizationId"] != record["organizationId"]:
        raise CloudError(400, "Invalid config template")
    if record["isBoundToConfigTemplate"]:
        raise CloudError(400, "Network is already bound to a configuration template")
    if not set(record["productTypes"]) <= set(template["productTypes"]):
        raise CloudError(400, "Network and configuration template must have the same product types")
    _each_owned(record["id"], world.forget)
    old = copy.deepcopy(record)
    record |= {"isBoundToConfigTemplate": True, "configTemplateId": template["id"]}
    log(world, call, "Configuration template", old, record)
    return record


@behaviour("unbindNetwork")
def unbind_network(world: "World", call: Call) -> Json:
    """Free again: with the template's settings when they are retained, else with the defaults."""
    record = _found(world.networks, call.params["networkId"])
    if not record["isBoundToConfigTemplate"]:
        raise CloudError(400, "Network is not bound to a configuration template")
    old = copy.deepcopy(record)
    template_id = record.pop("configTemplateId")
    record["isBoundToConfigTemplate"] = False
    _each_owned(record["id"], world.forget)
    if (call.body or {}).get("retainConfigs"):
        furnish(world, f"/networks/{template_id}/appliance")
        copy_settings(world, f"/networks/{template_id}", f"/networks/{record['id']}")
    for device in world.devices_in(record["id"]):
        world.hidden[f"/devices/{device['serial']}"].pop("switchProfileId", None)
    log(world, call, "Configuration template", old, record)
    return record


def _each_owned(network_id: str, act: Callable[[str], None]) -> None:
    for word in TEMPLATE_OWNS:
        act(f"/networks/{network_id}/{word}")


def copy_settings(world: "World", source: str, target: str) -> None:
    """Give one network what another has; ids inside stay as they are, as in the cloud's own copy."""
    for path in list(world.below(source)):
        if path.removeprefix(source + "/").split("/")[0] in TEMPLATE_OWNS:
            world.resources[target + path.removeprefix(source)] = copy.deepcopy(world.resources[path])


@behaviour("getOrganizationConfigTemplates")
def list_templates(world: "World", call: Call) -> Json:
    """The templates of the organization."""
    return [_shown(one) for one in world.templates.values() if one["organizationId"] == call.params["organizationId"]]


def _shown(template: Json) -> Json:
    return template | {"url": f"https://n1.meraki.com/{template['id']}/manage/configure/template"}


@behaviour("getOrganizationConfigTemplate")
def get_template(world: "World", call: Call) -> Json:
    """One template."""
    return _shown(_found(world.templates, call.params["configTemplateId"]))


@behaviour("createOrganizationConfigTemplate")
def create_template(world: "World", call: Call) -> Json:
    """A new template, with a network's settings when asked."""
    organization_id, body = call.params["organizationId"], call.body
    _check_template_name(world, organization_id, body["name"], None)
    source = body.get("copyFromNetworkId")
    if source and world.organization_of(source) != organization_id:
        raise CloudError(400, "Invalid copyFromNetworkId")
    id_ = world.new_id("template")
    products = (
        world.networks[source]["productTypes"] if source in world.networks else ["appliance", "switch", "wireless"]
    )
    world.templates[id_] = {
        "id": id_,
        "organizationId": organization_id,
        "name": body["name"],
        "productTypes": list(products),
        "timeZone": body.get("timeZone") or "America/Los_Angeles",
    }
    if source:
        copy_settings(world, f"/networks/{source}", f"/networks/{id_}")
    return _shown(world.templates[id_])


def _check_template_name(world: "World", organization_id: str, name: Json, own_id: str | None) -> None:
    if not name:
        raise CloudError(400, "Name can't be blank")
    for one in world.templates.values():
        if one["organizationId"] == organization_id and one["name"] == name and one["id"] != own_id:
            raise CloudError(400, TAKEN)


@behaviour("updateOrganizationConfigTemplate")
def update_template(world: "World", call: Call) -> Json:
    """Name and time zone."""
    template = _found(world.templates, call.params["configTemplateId"])
    body = call.body or {}
    if "name" in body:
        _check_template_name(world, template["organizationId"], body["name"], template["id"])
    template |= {name: body[name] for name in ("name", "timeZone") if name in body}
    return _shown(template)


@behaviour("deleteOrganizationConfigTemplate")
def delete_template(world: "World", call: Call) -> Json:
    """Only a template that no network is bound to can be deleted."""
    template = _found(world.templates, call.params["configTemplateId"])
    if any(one.get("configTemplateId") == template["id"] for one in world.networks.values()):
        raise CloudError(400, "Networks are still bound to this configuration template")
    del world.templates[template["id"]]
    world.forget(f"/networks/{template['id']}")
