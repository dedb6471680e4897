"""Policies of the whole organization: the groups, VLANs, networks and rulesets that they are assigned to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.vlans import vlans
from mcp_server.sandbox.behaviours.assignments.rows import assign, forget_assigned, unassign
from mcp_server.sandbox.checks.tables import item, items, named, network_of_organization, some
from mcp_server.sandbox.generic import Rows, answer

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_HOME = "/organizations/{organizationId}/policies/global"
_POLICIES = f"{_HOME}/group/policies"
_GROUPS = "/organizations/{organizationId}/adaptivePolicy/groups"
_RULESETS = f"{_HOME}/firewall/rulesets"
FIREWALLS = ("appliance", "wireless", "switch")  #: kinds of firewall that a policy may count in


def _path(call: Call, tail: str) -> str:
    return f"/organizations/{call.params['organizationId']}/policies/global/group/policies/{tail}"


def _policy(world: "World", call: Call) -> str:
    id_ = (call.body["policy"] or {}).get("id")
    named(world, call, _POLICIES, id_, "Policy")
    return str(id_)


# Adaptive policy groups


@behaviour(
    "assignOrganizationPoliciesGlobalGroupPoliciesAdaptivePolicyGroups",
    "removeOrganizationPoliciesGlobalGroupPoliciesAdaptivePolicyGroups",
)
def put_groups(world: "World", call: Call) -> Json:
    """The groups have the policy, or no longer; a group has one policy at most."""
    policy, ids = _policy(world, call), [one["id"] for one in some(call.body["adaptivePolicyGroups"], "groups")]
    for id_ in ids:
        named(world, call, _GROUPS, id_, "Adaptive policy group")
    rows = [{"policyId": policy, "adaptivePolicyGroupId": id_} for id_ in ids]
    path = _path(call, "adaptivePolicyGroups/assignments")
    if call.operation.startswith("assign"):
        return {"items": assign(world, path, rows, ("adaptivePolicyGroupId",))}
    unassign(world, path, rows)
    return {"items": rows}


@behaviour("getOrganizationPoliciesGlobalGroupPoliciesAdaptivePolicyGroupsAssignments")
def list_groups(world: "World", call: Call) -> Json:
    """Which group has which policy."""
    return list(world.collection(_path(call, "adaptivePolicyGroups/assignments")).values())


# VLANs


def _vlans(world: "World", organization_id: str) -> Iterator[tuple[Json, Json]]:
    for network in world.networks_of(organization_id):
        if "appliance" in network["productTypes"]:
            for vlan in vlans(world, f"/networks/{network['id']}/appliance").values():
                yield network, vlan


@behaviour(
    "assignOrganizationPoliciesGlobalGroupPoliciesApplianceVlans",
    "removeOrganizationPoliciesGlobalGroupPoliciesApplianceVlans",
)
def put_vlans(world: "World", call: Call) -> Json:
    """The VLANs have the policy, or no longer; a VLAN has one policy at most."""
    policy = _policy(world, call)
    ids = [one["interfaceId"] for one in some(call.body["vlans"], "vlans")]
    there = {str(vlan.get("interfaceId")) for _network, vlan in _vlans(world, call.params["organizationId"])}
    for id_ in ids:
        if id_ not in there:
            raise CloudError(400, f"VLAN with interface {id_} not found")
    rows = [{"policyId": policy, "interfaceId": id_} for id_ in ids]
    path = _path(call, "appliance/vlans/assignments")
    if call.operation.startswith("assign"):
        return {"items": assign(world, path, rows, ("interfaceId",))}
    unassign(world, path, rows)
    return {"items": rows}


@behaviour("getOrganizationPoliciesGlobalGroupPoliciesApplianceVlansAssignments")
def list_vlans(world: "World", call: Call) -> Json:
    """Which VLAN has which policy."""
    return list(world.collection(_path(call, "appliance/vlans/assignments")).values())


@behaviour("getOrganizationPoliciesGlobalGroupPoliciesApplianceVlansAssignmentsByVlan")
def list_by_vlan(world: "World", call: Call) -> Json:
    """Each VLAN of the organization and its policy, null without one."""
    held = {row["interfaceId"]: row["policyId"] for row in list_vlans(world, call)}
    policies = items(world, call, _POLICIES)
    rows = []
    for network, vlan in _vlans(world, call.params["organizationId"]):
        policy = policies.get(held.get(str(vlan.get("interfaceId")), ""))
        rows.append(
            {
                "network": {"id": network["id"], "name": network["name"]},
                "name": vlan["name"],
                "subnet": vlan.get("subnet"),
                "interfaceId": vlan.get("interfaceId"),
                "vlanId": str(vlan["id"]),
                "policy": {"id": policy["policyId"], "name": policy["name"], "group": policy["group"]}
                if policy
                else None,
            }
        )
    return rows


# Networks


@behaviour(
    "bulkOrganizationPoliciesGlobalGroupPoliciesNetworksAssignmentsAssign",
    "bulkOrganizationPoliciesGlobalGroupPoliciesNetworksAssignmentsDelete",
)
def put_networks(world: "World", call: Call) -> Json:
    """The policy counts in that firewall of the networks, or no longer."""
    policy, rows = _policy(world, call), []
    for one in some(call.body["targets"], "targets"):
        network = network_of_organization(world, call.params["organizationId"], one["network"]["id"])
        if one["firewall"]["type"] not in FIREWALLS:
            raise CloudError(400, f"'firewall[type]' must be one of: {', '.join(repr(kind) for kind in FIREWALLS)}")
        rows.append(
            {
                "policy": {"id": policy},
                "network": {"id": network["id"]},
                "firewall": {"type": one["firewall"]["type"], "direction": "outbound"},
            }
        )
    path = _path(call, "networks/assignments")
    if call.operation.endswith("Assign"):
        return {"items": assign(world, path, rows, ("policy", "network", "firewall"))}
    unassign(world, path, rows)
    return {"items": rows}


@behaviour(
    "getOrganizationPoliciesGlobalGroupPoliciesNetworksAssignments",
    "getOrganizationPoliciesGlobalGroupPoliciesNetworks",
)
def list_networks(world: "World", call: Call) -> Json:
    """Which policy counts in which networks."""
    held = world.collection(_path(call, "networks/assignments"))
    policies = items(world, call, _POLICIES)

    def row(key: str) -> Json:
        one = held[key]
        network, policy = world.networks.get(one["network"]["id"], {}), policies.get(one["policy"]["id"], {})
        named_network = one["network"] | {"name": network.get("name")}
        return one | {"network": named_network, "policy": one["policy"] | {"name": policy.get("name")}}

    return Rows(list(held), row)


# Rulesets


@behaviour("createOrganizationPoliciesGlobalGroupPoliciesFirewallRulesetsAssignment")
def assign_ruleset(world: "World", call: Call) -> Json:
    """The policy has the ruleset: at once, or when what is staged is committed."""
    body = call.body
    named(world, call, _POLICIES, body["policyId"], "Policy")
    named(world, call, _RULESETS, body["rulesetId"], "Ruleset")
    held = items(world, call, f"{_POLICIES}/firewall/rulesets/assignments")
    if any((one["rulesetId"], one["policyId"]) == (body["rulesetId"], body["policyId"]) for one in held.values()):
        raise CloudError(400, "Ruleset has already been assigned to this policy")
    id_ = world.new_id()
    held[id_] = {
        "assignmentId": id_,
        "rulesetId": body["rulesetId"],
        "policyId": body["policyId"],
        "priority": body.get("priority") or len(held) + 1,
        "staged": bool(body.get("staged")),
        "createdAt": world.stamp(),
        "lastUpdatedAt": world.stamp(),
    }
    return held[id_]


@behaviour("commitOrganizationPoliciesGlobalGroupPoliciesFirewallRulesetsAssignments")
def commit_rulesets(world: "World", call: Call) -> Json:
    """What is staged of a policy is in force; without anything staged it is a 400."""
    policy = _policy(world, call)
    held = items(world, call, f"{_POLICIES}/firewall/rulesets/assignments")
    staged = [one for one in held.values() if one["policyId"] == policy and one.get("staged")]
    if not staged:
        raise CloudError(400, "There is nothing staged for this policy")
    for one in staged:
        one["staged"] = False
    return {"items": [one | {} for one in held.values() if one["policyId"] == policy]}


@behaviour("createOrganizationPoliciesGlobalFirewallRulesetsRule")
def create_rule(world: "World", call: Call) -> Json:
    """A rule in a ruleset that exists."""
    named(world, call, _RULESETS, call.body["rulesetId"], "Ruleset")
    return answer(world, call)


@behaviour("deleteOrganizationPoliciesGlobalGroupPolicy")
def delete_policy(world: "World", call: Call) -> None:
    """The policy goes, and all that it was assigned to no longer has it."""
    id_ = call.params["policyId"]
    item(world, call, _POLICIES, id_)
    for tail in ("adaptivePolicyGroups/assignments", "appliance/vlans/assignments"):
        forget_assigned(world, _path(call, tail), "policyId", id_)
    forget_assigned(world, _path(call, "networks/assignments"), "policy", {"id": id_})
    _drop(items(world, call, f"{_POLICIES}/firewall/rulesets/assignments"), "policyId", id_)
    del items(world, call, _POLICIES)[id_]


@behaviour("deleteOrganizationPoliciesGlobalFirewallRuleset")
def delete_ruleset(world: "World", call: Call) -> None:
    """The ruleset goes with its rules and assignments."""
    id_ = call.params["rulesetId"]
    item(world, call, _RULESETS, id_)
    for template in (f"{_RULESETS}/rules", f"{_POLICIES}/firewall/rulesets/assignments"):
        _drop(items(world, call, template), "rulesetId", id_)
    del items(world, call, _RULESETS)[id_]


def _drop(rows: dict[str, Json], field: str, value: Json) -> None:
    for key in [key for key, row in rows.items() if row.get(field) == value]:
        del rows[key]
