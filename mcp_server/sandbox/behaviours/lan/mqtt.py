"""Wireless MQTT settings: all networks are read at once, one is written at a time (facts: section 1.3)."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.generic import Rows
from mcp_server.sandbox.routes import routes
from mcp_server.sandbox.shapes import known, merged

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_FIRST: Json = {"mqtt": {"enabled": False}, "ble": {"enabled": False}, "wifi": {"enabled": False}}


def _path(network_id: str) -> str:
    return f"/networks/{network_id}/wireless/mqtt/settings"


@behaviour("getOrganizationWirelessMqttSettings")
def list_settings(world: "World", call: Call) -> Json:
    """One row for each wireless network."""
    networks = {
        one["id"]: one for one in world.networks_of(call.params["organizationId"]) if "wireless" in one["productTypes"]
    }

    def row(id_: str) -> Json:
        return {"network": networks[id_]} | world.singleton(_path(id_), _FIRST)

    return Rows(list(networks), row)


@behaviour("updateOrganizationWirelessMqttSettings")
def update_settings(world: "World", call: Call) -> Json:
    """The settings of the network that the body names."""
    network_id = (call.body["network"] or {}).get("id")
    if world.organization_of(network_id) != call.params["organizationId"] or network_id not in world.networks:
        raise CloudError(404)
    tree = routes().by_operation[call.operation].body
    body = {name: value for name, value in known(call.body, tree).items() if name != "network"}
    stored = world.singleton(_path(network_id), _FIRST)
    stored |= merged(stored, body, tree)
    return {"network": world.networks[network_id]} | stored
