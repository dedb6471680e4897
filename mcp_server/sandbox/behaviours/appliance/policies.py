"""Group policies: ids of the server, deleted only while nothing refers to them.

``name`` is readable though the schema leaves it out (facts: section 1.3).
"""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.appliance.traffic import settled_rules
from mcp_server.sandbox.checks.addresses import is_address_or_cidr, is_any, is_domain_name, is_port_list
from mcp_server.sandbox.checks.applications import filter_categories, settled_l7
from mcp_server.sandbox.checks.references import (
    NETWORK_DEFAULT,
    group_policies,
    group_policy_users,
    is_known_reference,
    is_reference,
    new_group_policy,
    new_group_policy_id,
)
from mcp_server.sandbox.checks.settings import chosen, furnish, home, log, merged, refuse

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_WRITABLE = (
    "name", "scheduling", "bandwidth", "firewallAndTrafficShaping", "contentFiltering", "splashAuthSettings",
    "vlanTagging", "bonjourForwarding",
)  # fmt: skip
_SETTINGS = (NETWORK_DEFAULT, "custom", "ignore")
_LISTS = ("allowedUrlPatterns", "blockedUrlPatterns", "blockedUrlCategories")


def _home(world: "World", call: Call) -> str:
    return home(world, call.params["networkId"])


def _find(world: "World", call: Call) -> tuple[str, Json]:
    """A network's home and the policy. Missing is a 404; the cloud sometimes says 400 (Terraform provider PR #57)."""
    base = _home(world, call)
    policy = group_policies(world, base).get(call.params["groupPolicyId"])
    if policy is None:
        raise CloudError(404)
    return base, policy


@behaviour("getNetworkGroupPolicies")
def list_policies(world: "World", call: Call) -> Json:
    """The group policies of a network."""
    return list(group_policies(world, _home(world, call)).values())


@behaviour("getNetworkGroupPolicy")
def get_policy(world: "World", call: Call) -> Json:
    """One group policy; 404 for an unknown id."""
    return _find(world, call)[1]


@behaviour("createNetworkGroupPolicy")
def create_policy(world: "World", call: Call) -> Json:
    """The new policy, with an id that was never used before (facts: section 1.6)."""
    base = _home(world, call)
    policy = _settled(merged(new_group_policy(""), chosen(call.body, _WRITABLE)))
    _check(world, call, base, policy)
    policy["groupPolicyId"] = new_group_policy_id(world)
    group_policies(world, base)[policy["groupPolicyId"]] = policy
    log(world, call, f"Group policy {policy['name']}", None, policy)
    return policy


@behaviour("updateNetworkGroupPolicy")
def update_policy(world: "World", call: Call) -> Json:
    """The policy as it is now."""
    base, old = _find(world, call)
    policy = _settled(merged(old, chosen(call.body, _WRITABLE)))
    _check(world, call, base, policy)
    group_policies(world, base)[old["groupPolicyId"]] = policy
    log(world, call, f"Group policy {policy['name']}", old, policy)
    return policy


@behaviour("deleteNetworkGroupPolicy")
def delete_policy(world: "World", call: Call) -> Json:
    """Nothing; 400 while a VLAN, an SSID or a client has it.

    ``force`` takes it from clients, not from settings (parameter text of the official SDK, 4.7.0: default false).
    """
    base, policy = _find(world, call)
    furnish(world, f"{base}/appliance")
    key = policy["groupPolicyId"]
    users = group_policy_users(world, base, key)
    clients = [path for path in users if "/clients" in path]
    forced = str(call.query.get("force", "")).lower() == "true"
    kept = [path for path in users if path not in clients] if forced else users
    if kept:
        raise refuse(f"Group policy '{policy['name']}' is in use by {kept[0].removeprefix(base + '/')}")
    for path in clients:
        world.forget(path)
    del group_policies(world, base)[key]
    log(world, call, f"Group policy {policy['name']}", policy, None)
    return None


def _settled(policy: Json) -> Json:
    """The policy with nothing null where the Dashboard has a default, and a VLAN tag only where it tags."""
    start = new_group_policy(str(policy.get("name") or ""))
    new: Json = {name: start[name] if value is None and name in start else value for name, value in policy.items()}
    if (new["vlanTagging"] or {}).get("settings") != "custom":
        new["vlanTagging"] = {"settings": (new["vlanTagging"] or {}).get("settings") or NETWORK_DEFAULT}
    shaping = new["firewallAndTrafficShaping"]
    for name in ("trafficShapingRules", "l3FirewallRules", "l7FirewallRules"):
        shaping[name] = shaping.get(name) or []
    for rule in shaping["l3FirewallRules"]:
        rule["destPort"] = "Any" if is_any(rule.get("destPort") or "any") else rule["destPort"]
        rule["destCidr"] = "Any" if is_any(rule["destCidr"]) else rule["destCidr"]
    return new


def _check(world: "World", call: Call, base: str, policy: Json) -> None:
    if not str(policy["name"]).strip():
        raise refuse("Name can't be blank")
    for other in group_policies(world, base).values():
        if other["groupPolicyId"] != policy.get("groupPolicyId") and other["name"] == policy["name"]:
            raise refuse("Name has already been taken")
    for part in ("bandwidth", "firewallAndTrafficShaping", "bonjourForwarding"):
        if policy[part]["settings"] not in _SETTINGS:
            raise refuse(f"'{part}[settings]' must be one of: 'network default', 'ignore', 'custom'")
    if policy["vlanTagging"]["settings"] not in _SETTINGS:
        raise refuse("'vlanTagging[settings]' must be one of: 'network default', 'ignore', 'custom'")
    if policy["vlanTagging"]["settings"] == "custom":
        tag = str(policy["vlanTagging"].get("vlanId", ""))
        if not tag.isdecimal() or not 1 <= int(tag) <= 4094:
            raise refuse("'vlanTagging[vlanId]' must be between 1 and 4094")
    _check_filtering(policy["contentFiltering"])
    _check_rules(world, call, policy["firewallAndTrafficShaping"])


def _check_filtering(filtering: Json) -> None:
    for name in _LISTS:
        if filtering[name]["settings"] not in (NETWORK_DEFAULT, "append", "override"):
            raise refuse(f"'contentFiltering[{name}][settings]' must be 'network default', 'append' or 'override'")
    known = {one["id"] for one in filter_categories()}
    unknown = [one for one in filtering["blockedUrlCategories"].get("categories") or [] if one not in known]
    if unknown:
        raise refuse(f"Invalid blocked URL category: {unknown[0]}")


def _check_rules(world: "World", call: Call, shaping: Json) -> None:
    organization_id = world.organization_of(call.params["networkId"]) or ""
    settled_rules(shaping["trafficShapingRules"])
    pairs = [settled_l7(rule, index) for index, rule in enumerate(shaping["l7FirewallRules"])]
    texts = [fault for _rule, fault in pairs if fault]
    if texts:
        raise CloudError(400, *texts)
    shaping["l7FirewallRules"] = [rule for rule, _fault in pairs]
    for index, rule in enumerate(shaping["l3FirewallRules"]):
        where = f"l3FirewallRules[{index}]"
        if rule["policy"] not in ("allow", "deny"):
            raise refuse(f"'{where}[policy]' must be one of: 'allow', 'deny'")
        if rule["protocol"] not in ("tcp", "udp", "icmp", "icmp6", "any"):
            raise refuse(f"Invalid protocol: '{where}[protocol]' must be one of: 'tcp', 'udp', 'icmp', 'icmp6', 'any'")
        if not is_port_list(rule["destPort"]):
            raise refuse(f"'{where}[destPort]' must be a port or 'any'")
        target = rule["destCidr"]
        known = is_reference(target) and is_known_reference(world, organization_id, target)
        if not (known or is_any(target) or is_address_or_cidr(target) or is_domain_name(target)):
            raise refuse(f"Invalid CIDR: '{where}[destCidr]'")
