"""The Umbrella account of a network: connected, its policies, protection and the domains that are left out.

Nothing of this can be read (facts: section 1.5, no reader found). What a disconnected account had is lost.
"""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.checks.settings import appliance_home

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_NONE: Json = {"connected": False, "policies": [], "enabled": False, "domains": []}


def _umbrella(world: "World", call: Call) -> Json:
    return world.singleton(f"{appliance_home(world, call)}/umbrella", _NONE)


def _connected(world: "World", call: Call) -> Json:
    found = _umbrella(world, call)
    if not found["connected"]:
        raise CloudError(400, "This network is not connected to an Umbrella account")
    return found


@behaviour("connectNetworkApplianceUmbrellaAccount")
def connect(world: "World", call: Call) -> Json:
    """The network has an account; one that has is a 400, and so is a key or a secret that is empty."""
    found, api = _umbrella(world, call), call.body["api"] or {}
    if found["connected"]:
        raise CloudError(400, "This network is already connected to an Umbrella account")
    if not api.get("key") or not api.get("secret"):
        raise CloudError(400, "'api' must have a key and a secret")
    found |= {"connected": True, "key": api["key"], "secret": api["secret"]}
    return {"connected": True}


@behaviour("disconnectNetworkApplianceUmbrellaAccount")
def disconnect(world: "World", call: Call) -> Json:
    """The network has no account, no policies and no exclusions any more."""
    found = _connected(world, call)
    found.clear()
    found |= {name: list(value) if isinstance(value, list) else value for name, value in _NONE.items()}
    return {"connected": False}


@behaviour("addNetworkApplianceUmbrellaPolicies")
def add_policy(world: "World", call: Call) -> Json:
    """The network has the policy; one that it has is a 400."""
    found, id_ = _connected(world, call), (call.body["policy"] or {}).get("id")
    if not id_ or id_ in found["policies"]:
        raise CloudError(400, "Policy has already been added" if id_ else "'policy[id]' is required")
    found["policies"].append(id_)
    return {"policies": [{"id": one} for one in found["policies"]]}


@behaviour("removeNetworkApplianceUmbrellaPolicies")
def remove_policy(world: "World", call: Call) -> Json:
    """The network no longer has the policy."""
    found, id_ = _connected(world, call), (call.body["policy"] or {}).get("id")
    if id_ not in found["policies"]:
        raise CloudError(400, "Policy is not one of this network")
    found["policies"].remove(id_)
    return {"policies": [{"id": one} for one in found["policies"]]}


@behaviour("protectionNetworkApplianceUmbrella")
def protect(world: "World", call: Call) -> Json:
    """Whether the network is protected."""
    found = _connected(world, call)
    found["enabled"] = call.body["enabled"]
    return {"enabled": found["enabled"]}


@behaviour("exclusionsNetworkApplianceUmbrellaDomains")
def exclude(world: "World", call: Call) -> Json:
    """The domains that are not sent to Umbrella; the list replaces."""
    found = _connected(world, call)
    found["domains"] = list(call.body["domains"])
    return {"domains": found["domains"]}
