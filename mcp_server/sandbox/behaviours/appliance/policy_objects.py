"""Policy objects and their groups of an organization: unique names, ids of the server, kept while rules name them."""

import re
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.firewall import l3_rules
from mcp_server.sandbox.checks import addresses
from mcp_server.sandbox.checks.references import policy_groups, policy_objects, references_made
from mcp_server.sandbox.checks.settings import chosen, home, is_furnished, log, merged, owner_of, refuse

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_NAME = re.compile(r"^[A-Za-z0-9 _-]+$")  #: parameter text of createOrganizationPolicyObject, official SDK 4.7.0
_KINDS = {"cidr": "network", "fqdn": "network", "adaptivePolicyIpv4Cidr": "adaptivePolicy"}
_GROUP_CATEGORIES = ("NetworkObjectGroup", "GeoLocationGroup", "PortObjectGroup", "ApplicationGroup")
_MOST_IN_GROUP = 150


def _users(world: "World", organization_id: str) -> dict[str, list[str]]:
    """Who names what, the rules that every network starts with among them."""
    for network in world.networks_of(organization_id):
        if is_furnished(world, network["id"]):
            l3_rules(world, f"{home(world, network['id'])}/appliance")
    return references_made(world, organization_id)


def _stamp(world: "World") -> str:
    return world.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def _networks(world: "World", organization_id: str, paths: list[str]) -> list[str]:
    """The networks whose own or whose template's rules stand at the paths."""
    homes = {f"/networks/{owner_of(path)}" for path in paths}
    return [one["id"] for one in world.networks_of(organization_id) if home(world, one["id"]) in homes]


def _object_shown(world: "World", organization_id: str, one: Json, users: dict[str, list[str]]) -> Json:
    groups = [key for key, group in policy_groups(world, organization_id).items() if one["id"] in group["objectIds"]]
    names = [f"OBJ({one['id']})", *(f"GRP({key})" for key in groups)]
    paths = [path for name in names for path in users.get(name, ())]
    return one | {"groupIds": groups, "networkIds": _networks(world, organization_id, paths)}


def _group_shown(world: "World", organization_id: str, group: Json, users: dict[str, list[str]]) -> Json:
    return group | {"networkIds": _networks(world, organization_id, users.get(f"GRP({group['id']})", []))}


# Objects


@behaviour("getOrganizationPolicyObjects")
def list_objects(world: "World", call: Call) -> Json:
    """The policy objects, with the groups and networks that use them."""
    key = call.params["organizationId"]
    users = _users(world, key)
    return [_object_shown(world, key, one, users) for one in policy_objects(world, key).values()]


def _find_object(world: "World", call: Call) -> Json:
    found = policy_objects(world, call.params["organizationId"]).get(call.params["policyObjectId"])
    if found is None:
        raise CloudError(404)
    return found


@behaviour("getOrganizationPolicyObject")
def get_object(world: "World", call: Call) -> Json:
    """One policy object; 404 for an unknown id."""
    key, one = call.params["organizationId"], _find_object(world, call)
    return _object_shown(world, key, one, _users(world, key))


@behaviour("createOrganizationPolicyObject")
def create_object(world: "World", call: Call) -> Json:
    """The new object with an id of the server."""
    key, body = call.params["organizationId"], call.body
    stamp = _stamp(world)
    one = {name: body[name] for name in ("name", "category", "type")}
    one |= {"createdAt": stamp, "updatedAt": stamp, "groupIds": []}
    if one["type"] not in _KINDS or _KINDS[one["type"]] != one["category"]:
        raise refuse(f"Type '{one['type']}' does not fit the category '{one['category']}'")
    one[_field(one)] = body.get(_field(one))
    _check_object(world, key, one)
    groups = _known_groups(world, key, body.get("groupIds") or [])
    one["id"] = world.new_id("policy_object")
    policy_objects(world, key)[one["id"]] = one
    _set_groups(world, key, one["id"], groups)
    log(world, call, f"Policy object {one['name']}", None, one)
    return _object_shown(world, key, one, _users(world, key))


@behaviour("updateOrganizationPolicyObject")
def update_object(world: "World", call: Call) -> Json:
    """The object as it is now; category and type never change."""
    key, old = call.params["organizationId"], _find_object(world, call)
    new = merged(old, chosen(call.body, ("name", _field(old))))
    _check_object(world, key, new)
    groups = None
    if "groupIds" in (call.body or {}):
        groups = _known_groups(world, key, call.body["groupIds"] or [])
    new["updatedAt"] = _stamp(world) if new != old else old["updatedAt"]
    policy_objects(world, key)[old["id"]] = new
    if groups is not None:
        _set_groups(world, key, old["id"], groups)
    log(world, call, f"Policy object {new['name']}", old, new)
    return _object_shown(world, key, new, _users(world, key))


@behaviour("deleteOrganizationPolicyObject")
def delete_object(world: "World", call: Call) -> Json:
    """Nothing; 400 while a rule names it or a group holds it (facts: section 1.6, referrers go first)."""
    key, one = call.params["organizationId"], _find_object(world, call)
    users = _users(world, key).get(f"OBJ({one['id']})")
    if users:
        raise refuse(f"Policy object '{one['name']}' is in use by {users[0].removeprefix('/')}")
    holding = [group["name"] for group in policy_groups(world, key).values() if one["id"] in group["objectIds"]]
    if holding:
        raise refuse(f"Policy object '{one['name']}' is in use by group '{holding[0]}'")
    del policy_objects(world, key)[one["id"]]
    log(world, call, f"Policy object {one['name']}", one, None)
    return None


def _field(one: Json) -> str:
    return "fqdn" if one["type"] == "fqdn" else "cidr"


def _check_object(world: "World", organization_id: str, one: Json) -> None:
    _check_name(one, policy_objects(world, organization_id))
    value = one.get(_field(one))
    if one["type"] == "fqdn" and not addresses.is_domain_name(value):
        raise refuse(f"'{value}' is not a valid FQDN")
    if one["type"] != "fqdn" and not addresses.is_address_or_cidr(value):
        raise refuse(f"Invalid CIDR: '{value}'")


def _check_name(one: Json, others: dict[str, Json]) -> None:
    if not _NAME.match(str(one["name"] or "")):
        raise refuse("Name may only hold alphanumeric characters, spaces, dashes and underscores")
    if any(other["id"] != one.get("id") and other["name"] == one["name"] for other in others.values()):
        raise refuse("Name has already been taken")


def _known_groups(world: "World", organization_id: str, wanted: list[str]) -> list[str]:
    missing = [key for key in wanted if key not in policy_groups(world, organization_id)]
    if missing:
        raise refuse(f"Policy object group {missing[0]} does not exist")
    return wanted


def _set_groups(world: "World", organization_id: str, object_id: str, wanted: list[str]) -> None:
    for key, group in policy_groups(world, organization_id).items():
        held = object_id in group["objectIds"]
        if key in wanted and not held:
            group["objectIds"].append(object_id)
        elif key not in wanted and held:
            group["objectIds"].remove(object_id)


# Groups


@behaviour("getOrganizationPolicyObjectsGroups")
def list_groups(world: "World", call: Call) -> Json:
    """The policy object groups, with the networks that use them."""
    key = call.params["organizationId"]
    users = _users(world, key)
    return [_group_shown(world, key, one, users) for one in policy_groups(world, key).values()]


def _find_group(world: "World", call: Call) -> Json:
    found = policy_groups(world, call.params["organizationId"]).get(call.params["policyObjectGroupId"])
    if found is None:
        raise CloudError(404)
    return found


@behaviour("getOrganizationPolicyObjectsGroup")
def get_group(world: "World", call: Call) -> Json:
    """One policy object group; 404 for an unknown id."""
    key, group = call.params["organizationId"], _find_group(world, call)
    return _group_shown(world, key, group, _users(world, key))


@behaviour("createOrganizationPolicyObjectsGroup")
def create_group(world: "World", call: Call) -> Json:
    """The new group with an id of the server."""
    key, stamp = call.params["organizationId"], _stamp(world)
    group = {
        "name": call.body["name"], "category": call.body.get("category", _GROUP_CATEGORIES[0]),
        "createdAt": stamp, "updatedAt": stamp, "objectIds": list(call.body.get("objectIds") or []),
    }  # fmt: skip
    _check_group(world, key, group)
    group["id"] = world.new_id("policy_object_group")
    policy_groups(world, key)[group["id"]] = group
    log(world, call, f"Policy object group {group['name']}", None, group)
    return _group_shown(world, key, group, _users(world, key))


@behaviour("updateOrganizationPolicyObjectsGroup")
def update_group(world: "World", call: Call) -> Json:
    """The group as it is now; ``objectIds`` replaces."""
    key, old = call.params["organizationId"], _find_group(world, call)
    new = merged(old, chosen(call.body, ("name", "objectIds")))
    new["objectIds"] = new["objectIds"] or []
    _check_group(world, key, new)
    new["updatedAt"] = _stamp(world) if new != old else old["updatedAt"]
    policy_groups(world, key)[old["id"]] = new
    log(world, call, f"Policy object group {new['name']}", old, new)
    return _group_shown(world, key, new, _users(world, key))


@behaviour("deleteOrganizationPolicyObjectsGroup")
def delete_group(world: "World", call: Call) -> Json:
    """Nothing; 400 while a rule names it. Its objects stay."""
    key, group = call.params["organizationId"], _find_group(world, call)
    users = _users(world, key).get(f"GRP({group['id']})")
    if users:
        raise refuse(f"Policy object group '{group['name']}' is in use by {users[0].removeprefix('/')}")
    del policy_groups(world, key)[group["id"]]
    log(world, call, f"Policy object group {group['name']}", group, None)
    return None


def _check_group(world: "World", organization_id: str, group: Json) -> None:
    _check_name(group, policy_groups(world, organization_id))
    if group["category"] not in _GROUP_CATEGORIES:
        raise refuse(f"'category' must be one of: {', '.join(_GROUP_CATEGORIES)}")
    if len(group["objectIds"]) > _MOST_IN_GROUP:
        raise refuse(f"A group can hold at most {_MOST_IN_GROUP} policy objects")
    known = policy_objects(world, organization_id)
    missing = [key for key in group["objectIds"] if key not in known]
    if missing:
        raise refuse(f"Policy object {missing[0]} does not exist")
