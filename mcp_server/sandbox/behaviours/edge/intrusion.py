"""Intrusion policies of an organization, what they override of rules and rule groups, and inspection certificates."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.settings import appliances, chosen, home
from mcp_server.sandbox.checks.tables import device_of_organization, matching, some
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.shapes import merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_BASES = (("1", "Connectivity"), ("2", "Balanced"), ("3", "Security"))
RULES = ("1:10001", "1:10002", "1:10003")
GROUPS = ("101", "102", "103")
ACTIONS = ("alert", "block", "disabled")
LEVELS = range(1, 5)


def _home(call: Call) -> str:
    return f"/organizations/{call.params['organizationId']}/appliance/security/intrusion"


# Policies


def _policies(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(f"{_home(call)}/policies", lambda: {id_: _base(id_, name) for id_, name in _BASES})


def _base(id_: str, name: str) -> Json:
    return {"policyId": id_, "name": name, "description": "", "basePolicy": {"id": id_}, "isBasePolicy": True}


@behaviour("getOrganizationApplianceSecurityIntrusionPolicies")
def list_policies(world: "World", call: Call) -> Json:
    """The three that are always there, and the organization's own."""
    held = _policies(world, call)
    return Rows(list(held), held.__getitem__)


@behaviour("createOrganizationApplianceSecurityIntrusionPolicy")
def create_policy(world: "World", call: Call) -> Json:
    """A policy of its own, made from one of the three."""
    body = (call.body or {}).get("policy") or {}
    held, id_ = _policies(world, call), world.new_id()
    _check_policy(held, body, None)
    base = {"policyId": id_, "name": "", "description": "", "isBasePolicy": False, "basePolicy": {"id": None}}
    held[id_] = merged(base, chosen(body, ("name", "description", "basePolicy")), {"basePolicy": {}})
    return held[id_]


@behaviour("updateOrganizationApplianceSecurityIntrusionPolicy")
def put_policy(world: "World", call: Call) -> Json:
    """Name, description and base; not of the three."""
    held, id_ = _policies(world, call), call.params["policyId"]
    _own_policy(held, id_)
    body = chosen(call.body["policy"], ("name", "description", "basePolicy"))
    _check_policy(held, held[id_] | body, id_)
    held[id_] = merged(held[id_], body, {"basePolicy": {}})
    return held[id_]


@behaviour("deleteOrganizationApplianceSecurityIntrusionPolicy")
def delete_policy(world: "World", call: Call) -> None:
    """The policy goes with its overrides; one that a network has stays."""
    held, id_ = _policies(world, call), call.params["policyId"]
    _own_policy(held, id_)
    for network in world.networks_of(call.params["organizationId"]):
        stored = world.get(f"{home(world, network['id'])}/appliance/security/intrusion") or {}
        if (stored.get("policy") or {}).get("id") == id_:
            raise CloudError(400, "Policy is in use by a network")
    for kind in ("rules", "ruleGroups"):
        rows = world.collection(f"{_home(call)}/{kind}/overrides")
        for key in [key for key, row in rows.items() if row["policy"]["id"] == id_]:
            del rows[key]
    del held[id_]


def _own_policy(held: dict[str, Json], id_: str) -> None:
    if id_ not in held:
        raise CloudError(404)
    if held[id_]["isBasePolicy"]:
        raise CloudError(400, "A base policy cannot be changed")


def _check_policy(held: dict[str, Json], new: Json, own: str | None) -> None:
    if not new.get("name"):
        raise CloudError(400, "Name can't be blank")
    if any(one["name"] == new["name"] and key != own for key, one in held.items()):
        raise CloudError(400, "Name has already been taken")
    if (new.get("basePolicy") or {}).get("id") not in {id_ for id_, _name in _BASES}:
        raise CloudError(400, "Base policy not found")


# Overrides


def _kind(call: Call) -> tuple[str, str, str]:
    """The word in the path, the field and the path parameter of rules or of rule groups."""
    is_group = "ruleGroup" in call.path
    return ("ruleGroups", "group", "ruleGroupId") if is_group else ("rules", "rule", "ruleId")


def _overrides(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(f"{_home(call)}/{_kind(call)[0]}/overrides")


def _set(call: Call, given: Json) -> dict[str, Json]:
    """What an override sets: the level of a group or the action of a rule; CloudError 400 when it is no such."""
    if _kind(call)[1] == "group":
        level = (given.get("security") or {}).get("level")
        if level not in LEVELS:
            raise CloudError(400, "'security[level]' must be an integer from 1 to 4")
        return {"security": {"level": level}}
    if given.get("action") not in ACTIONS:
        raise CloudError(400, f"'action' must be one of: {', '.join(repr(one) for one in ACTIONS)}")
    return {"action": given["action"]}


def _named(world: "World", call: Call, id_: str) -> dict[str, Json]:
    """The fields that tell an override from the others."""
    policy = call.params["policyId"]
    _own_policy(_policies(world, call), policy)
    word, field, _param = _kind(call)
    if id_ not in (GROUPS if field == "group" else RULES):
        raise CloudError(404, f"{word[:-1]} {id_} not found")
    return {"policy": {"id": policy}, field: {"id": id_}}


@behaviour(
    "createOrganizationApplianceSecurityIntrusionPolicyRuleOverride",
    "createOrganizationApplianceSecurityIntrusionPolicyRuleGroupOverride",
)
def create_override(world: "World", call: Call) -> Json:
    """The policy treats the rule or group in its own way; one that it treats so already is a 400."""
    names = _named(world, call, call.params[_kind(call)[2]])
    held = _overrides(world, call)
    if matching(held, names) is not None:
        raise CloudError(400, "Override has already been taken")
    id_ = world.new_id()
    held[id_] = {"overrideId": id_} | names | _set(call, call.body["override"])
    return held[id_]


@behaviour(
    "updateOrganizationApplianceSecurityIntrusionPolicyRuleOverride",
    "updateOrganizationApplianceSecurityIntrusionPolicyRuleGroupOverride",
)
def put_override(world: "World", call: Call) -> Json:
    """What the override sets; 404 without one."""
    key = matching(_overrides(world, call), _named(world, call, call.params[_kind(call)[2]]))
    if key is None:
        raise CloudError(404)
    row = _overrides(world, call)[key]
    row |= _set(call, call.body["override"])
    return row


@behaviour(
    "declareOrganizationApplianceSecurityIntrusionPolicyRulesOverrides",
    "declareOrganizationApplianceSecurityIntrusionPolicyRuleGroupsOverrides",
)
def declare_overrides(world: "World", call: Call) -> Json:
    """The overrides of the policy: these and, unless the mode is ``partial``, no others."""
    field, held, body = _kind(call)[1], _overrides(world, call), call.body
    wanted = [(_named(world, call, one[field]["id"]), _set(call, one)) for one in body["items"]]
    policy = {"id": call.params["policyId"]}
    _own_policy(_policies(world, call), policy["id"])
    kept = [matching(held, names) for names, _value in wanted]
    if body.get("mode") != "partial":
        for key in [key for key, row in held.items() if row["policy"] == policy and key not in kept]:
            del held[key]
    for old, (names, value) in zip(kept, wanted, strict=True):
        id_ = old or world.new_id()
        held[id_] = {"overrideId": id_} | names | value
    return {"items": [row for row in held.values() if row["policy"] == policy]}


@behaviour(
    "getOrganizationApplianceSecurityIntrusionRulesOverrides",
    "getOrganizationApplianceSecurityIntrusionRuleGroupsOverrides",
)
def list_overrides(world: "World", call: Call) -> Json:
    """All overrides of all policies."""
    return list(_overrides(world, call).values())


@behaviour(
    "deleteOrganizationApplianceSecurityIntrusionRulesOverride",
    "deleteOrganizationApplianceSecurityIntrusionRuleGroupsOverride",
)
def delete_override(world: "World", call: Call) -> None:
    """The policy treats the rule or group as its base does."""
    if _overrides(world, call).pop(call.params["overrideId"], None) is None:
        raise CloudError(404)


@behaviour("getOrganizationApplianceSecurityIntrusionRules")
def list_rules(world: "World", call: Call) -> Json:
    """Each rule in each of the organization's own policies."""
    held = list(world.collection(f"{_home(call)}/rules/overrides").values())
    return [_rule(held, policy, id_) for policy in _policies(world, call) for id_ in RULES]


def _rule(held: list[Json], policy: str, id_: str) -> Json:
    own = next((one for one in held if one["policy"]["id"] == policy and one["rule"]["id"] == id_), None)
    gid, _, sid = id_.partition(":")
    return {
        "ruleId": id_, "gid": int(gid), "sid": int(sid), "name": f"Rule {sid}", "description": "",
        "base": {"enabled": True, "action": "alert"}, "policy": {"id": policy},
        "override": {"id": own["overrideId"], "action": own["action"]} if own else None,
    }  # fmt: skip


@behaviour("getOrganizationApplianceSecurityIntrusionRuleGroups")
def list_groups(world: "World", call: Call) -> Json:
    """Each rule group in each of the organization's own policies."""
    held = list(world.collection(f"{_home(call)}/ruleGroups/overrides").values())
    return [_group(held, policy, id_) for policy in _policies(world, call) for id_ in GROUPS]


def _group(held: list[Json], policy: str, id_: str) -> Json:
    own = next((one for one in held if one["policy"]["id"] == policy and one["group"]["id"] == id_), None)
    return {
        "groupId": id_, "parent": None, "name": f"Group {id_}", "description": "", "policy": {"id": policy},
        "base": {"security": {"level": 2}},
        "override": {"id": own["overrideId"], "security": own["security"]} if own else None,
    }  # fmt: skip


# Certificates of inspection


@behaviour("certificatesOrganizationApplianceSecurityHttpsi")
def install_certificate(world: "World", call: Call) -> Json:
    """The appliances have the certificate; the one before is not kept."""
    organization_id, body = call.params["organizationId"], call.body
    if not body["contents"]:
        raise CloudError(400, "'contents' must be a certificate")
    serials = some(body["serials"], "serials")
    for serial in serials:
        if device_of_organization(world, organization_id, serial)["productType"] != "appliance":
            raise CloudError(400, f"Device with serial {serial} is not an appliance")
    held = world.collection(f"/organizations/{organization_id}/appliance/security/httpsi/certificates")
    held.update({serial: {"contents": body["contents"]} for serial in serials})
    return {"serials": serials}


@behaviour("httpsiOrganizationApplianceSecurity")
def list_certificates(world: "World", call: Call) -> Json:
    """Which appliance has a certificate."""
    organization_id = call.params["organizationId"]
    held = world.collection(f"/organizations/{organization_id}/appliance/security/httpsi/certificates")
    return [
        {n: one[n] for n in ("name", "mac", "serial")}
        | {"certificateInstalled": one["serial"] in held, "httpsiSupported": True}
        for network in world.networks_of(organization_id)
        for one in appliances(world, network["id"])
    ]
