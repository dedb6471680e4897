"""Keys of persons and things on an SSID (identity PSKs): each has a group policy that is there."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, Json, behaviour
from mcp_server.sandbox.checks.references import group_policies
from mcp_server.sandbox.checks.settings import home, refuse
from mcp_server.sandbox.generic import answer

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World


@behaviour("createNetworkWirelessSsidIdentityPsk", "updateNetworkWirelessSsidIdentityPsk")
def put_key(world: "World", call: Call) -> Json:
    """The key as any item of a collection; 400 for a group policy that the network has not, as a VLAN's."""
    policy_id = (call.body or {}).get("groupPolicyId")
    if policy_id is not None and str(policy_id) not in group_policies(world, home(world, call.params["networkId"])):
        raise refuse("Group policy ID is invalid")
    return answer(world, call)
