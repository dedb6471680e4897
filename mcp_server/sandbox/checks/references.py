"""Things that other settings refer to by id: group policies, policy objects and their groups; and who refers to them.

A rule names an object as ``OBJ(id)`` and a group as ``GRP(id)`` (facts: section 1.6).
"""

import re
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Json
from mcp_server.sandbox.checks.settings import is_furnished, ordinal, owner_of
from mcp_server.sandbox.world import START, canonical

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_REFERENCE = re.compile(r"^(OBJ|GRP)\((\d+)\)$")
_NAMED = re.compile(r"(?:OBJ|GRP)\(\d+\)")
_RULES = re.compile(r"/firewall/|/groupPolicies|/vpnFirewallRules")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FIRST_POLICY, SECOND_POLICY = "100", "101"  #: ids of the two group policies that a network starts with
NETWORK_DEFAULT = "network default"
_MADE = START.strftime("%Y-%m-%dT%H:%M:%SZ")


# Group policies


def new_group_policy(name: str) -> dict[str, Json]:
    """A group policy that changes nothing yet, as the Dashboard makes it."""
    pattern = {"settings": NETWORK_DEFAULT, "patterns": []}
    return {
        "name": name,
        "scheduling": {"enabled": False} | {day: {"active": True, "from": "00:00", "to": "24:00"} for day in _DAYS},
        "bandwidth": {"settings": NETWORK_DEFAULT, "bandwidthLimits": {"limitUp": None, "limitDown": None}},
        "firewallAndTrafficShaping": {
            "settings": NETWORK_DEFAULT, "trafficShapingRules": [], "l3FirewallRules": [], "l7FirewallRules": [],
        },
        "contentFiltering": {
            "allowedUrlPatterns": dict(pattern), "blockedUrlPatterns": dict(pattern),
            "blockedUrlCategories": {"settings": NETWORK_DEFAULT, "categories": []},
        },
        "splashAuthSettings": NETWORK_DEFAULT,
        "vlanTagging": {"settings": NETWORK_DEFAULT},
        "bonjourForwarding": {"settings": NETWORK_DEFAULT, "rules": []},
    }  # fmt: skip


def group_policies(world: "World", network_home: str) -> dict[str, Json]:
    """The group policies of a network by id; a network with an appliance starts with two."""

    def first() -> dict[str, Json]:
        if not is_furnished(world, owner_of(network_home)):
            return {}
        guests = new_group_policy("Guests") | {"groupPolicyId": FIRST_POLICY}
        guests["bandwidth"] = {"settings": "custom", "bandwidthLimits": {"limitUp": 5000, "limitDown": 10000}}
        staff = new_group_policy("Executives") | {"groupPolicyId": SECOND_POLICY}
        staff["firewallAndTrafficShaping"] |= {
            "settings": "custom",
            "l3FirewallRules": [
                {"comment": "No telnet", "policy": "deny", "protocol": "tcp", "destPort": "23", "destCidr": "Any"}
            ],
        }
        return {FIRST_POLICY: guests, SECOND_POLICY: staff}

    return world.collection(f"{network_home}/groupPolicies", first)


def new_group_policy_id(world: "World") -> str:
    """An id that no group policy of any network had before, the ones of the start included."""
    world.counters["group_policy"] = max(world.counters.get("group_policy", 0), int(SECOND_POLICY))
    return world.new_id("group_policy")


def group_policy_users(world: "World", network_home: str, policy_id: str) -> list[str]:
    """The stored settings below a network that name a group policy, the policies themselves left out."""
    needles = (f'"groupPolicyId":"{policy_id}"', f'"groupPolicyId":{policy_id}}}', f'"groupPolicyId":{policy_id},')
    own = f"{network_home}/groupPolicies"
    paths = [path for path in world.below(network_home) if path != own and not path.startswith(own + "/")]
    return [path for path in paths if any(needle in canonical(world.resources[path]) for needle in needles)]


# Policy objects


def policy_objects(world: "World", organization_id: str) -> dict[str, Json]:
    """The policy objects of an organization by id; it starts with four."""

    def first() -> dict[str, Json]:
        start = ordinal(organization_id) * 10_000
        rows = (
            ("DNS-primary", "cidr", "9.9.9.9/32"), ("DNS-secondary", "cidr", "149.112.112.112/32"),
            ("Payroll-server", "cidr", "10.200.10.25/32"), ("Updates", "fqdn", "updates.example.com"),
        )  # fmt: skip
        made: list[dict[str, Json]] = [
            {"id": str(start + n), "name": name, "category": "network", "type": kind, kind: value, "groupIds": []}
            | {"createdAt": _MADE, "updatedAt": _MADE}
            for n, (name, kind, value) in enumerate(rows, 1)
        ]
        return {one["id"]: one for one in made}

    return world.collection(f"/organizations/{organization_id}/policyObjects", first)


def policy_groups(world: "World", organization_id: str) -> dict[str, Json]:
    """The policy object groups of an organization by id; it starts with one, of its two DNS servers."""

    def first() -> dict[str, Json]:
        start = ordinal(organization_id) * 10_000
        group: dict[str, Json] = {
            "id": str(start + 9001), "name": "DNS-servers", "category": "NetworkObjectGroup",
            "createdAt": _MADE, "updatedAt": _MADE, "objectIds": [str(start + 1), str(start + 2)],
        }  # fmt: skip
        return {group["id"]: group}

    return world.collection(f"/organizations/{organization_id}/policyObjects/groups", first)


def is_reference(text: str) -> bool:
    """Whether a part of an address list names a policy object or group."""
    return bool(_REFERENCE.match(text))


def is_known_reference(world: "World", organization_id: str, text: str) -> bool:
    """Whether the object or group that a text names exists in the organization."""
    found = _REFERENCE.match(text)
    if not found:
        return False
    known = policy_objects if found[1] == "OBJ" else policy_groups
    return found[2] in known(world, organization_id)


def references_made(world: "World", organization_id: str) -> dict[str, list[str]]:
    """The stored rules of an organization, its networks and templates by what they name: ``OBJ(id)``, ``GRP(id)``."""
    owners = {organization_id, *(one["id"] for one in world.networks_of(organization_id))}
    owners |= {key for key, one in world.templates.items() if one["organizationId"] == organization_id}
    made: dict[str, list[str]] = {}
    for path, value in world.resources.items():
        if owner_of(path) in owners and _RULES.search(path):
            for name in set(_NAMED.findall(canonical(value))):
                made.setdefault(name, []).append(path)
    return made
