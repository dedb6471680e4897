"""Which access point has which RF profile, as one list for the organization."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, Json, behaviour
from mcp_server.sandbox.generic import Rows

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World


@behaviour("getOrganizationWirelessRfProfilesAssignmentsByDevice")
def list_assignments(world: "World", call: Call) -> Json:
    """One row for each access point of the organization that is in a network; its profile by id and name."""
    serials, networks = set(call.query.get("serials", ())), set(call.query.get("networkIds", ()))
    found = {}
    for network in world.networks_of(call.params["organizationId"]):
        for device in world.devices_in(network["id"]):
            is_asked = (not serials or device["serial"] in serials) and (not networks or network["id"] in networks)
            if device["productType"] == "wireless" and is_asked:
                found[device["serial"]] = device
    return Rows(list(found), lambda serial: _row(world, found[serial]))


def _row(world: "World", device: Json) -> Json:
    settings = world.get(f"/devices/{device['serial']}/wireless/radio/settings") or {}
    id_ = settings.get("rfProfileId")
    profile = world.get(f"/networks/{device['networkId']}/wireless/rfProfiles/{id_}") or {}
    return {
        "network": {"id": device["networkId"]}, "name": device["name"], "serial": device["serial"],
        "model": device["model"],
        "rfProfile": {
            "id": id_, "name": profile.get("name"), "isIndoorDefault": id_ is None, "isOutdoorDefault": False,
        },
    }  # fmt: skip
