"""Local and split DNS profiles that networks have; a network has one of each kind at most."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.assignments.rows import assign, unassign
from mcp_server.sandbox.checks.tables import item, items, named, network_of_organization, some
from mcp_server.sandbox.generic import answer

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_HOME = "/organizations/{organizationId}/appliance/dns"


def _kind(call: Call) -> str:
    return "split" if "/dns/split/" in call.path else "local"


def _assignments(call: Call) -> str:
    return f"/organizations/{call.params['organizationId']}/appliance/dns/{_kind(call)}/profiles/assignments"


@behaviour("getOrganizationApplianceDnsLocalProfilesAssignments", "getOrganizationApplianceDnsSplitProfilesAssignments")
def list_assignments(world: "World", call: Call) -> Json:
    """Which network has which profile."""
    return list(world.collection(_assignments(call)).values())


@behaviour(
    "bulkOrganizationApplianceDnsLocalProfilesAssignmentsCreate",
    "createOrganizationApplianceDnsSplitProfilesAssignmentsBulkCreate",
)
def assign_profiles(world: "World", call: Call) -> Json:
    """The networks have the profiles; one that has a profile of the kind refuses all."""
    rows = []
    for one in some(call.body["items"], "items"):
        network, profile = (one.get("network") or {}).get("id"), (one.get("profile") or {}).get("id")
        network_of_organization(world, call.params["organizationId"], network)
        named(world, call, f"{_HOME}/{_kind(call)}/profiles", profile, "Profile")
        rows.append({"network": {"id": network}, "profile": {"id": profile}})
    return {"items": assign(world, _assignments(call), rows, ("network",))}


@behaviour(
    "createOrganizationApplianceDnsLocalProfilesAssignmentsBulkDelete",
    "createOrganizationApplianceDnsSplitProfilesAssignmentsBulkDelete",
)
def unassign_profiles(world: "World", call: Call) -> Json:
    """The assignments are gone; one that is not there refuses all."""
    rows = [{"assignmentId": one.get("assignmentId")} for one in some(call.body["items"], "items")]
    unassign(world, _assignments(call), rows)
    return {"items": rows}


@behaviour("deleteOrganizationApplianceDnsLocalProfile", "deleteOrganizationApplianceDnsSplitProfile")
def delete_profile(world: "World", call: Call) -> None:
    """Only a profile that no network has, and for which no record is kept, can be deleted."""
    id_ = call.params["profileId"]
    template = f"{_HOME}/{_kind(call)}/profiles"
    item(world, call, template, id_)
    if any(row["profile"]["id"] == id_ for row in world.collection(_assignments(call)).values()):
        raise CloudError(400, "Profile is in use by a network")
    if _kind(call) == "local" and any(
        (one.get("profile") or {}).get("id") == id_ for one in items(world, call, f"{_HOME}/local/records").values()
    ):
        raise CloudError(400, "Profile is in use by a record")
    del items(world, call, template)[id_]


@behaviour("createOrganizationApplianceDnsLocalRecord", "updateOrganizationApplianceDnsLocalRecord")
def put_record(world: "World", call: Call) -> Json:
    """A name and its address in a profile that exists."""
    body = call.body or {}
    if "profile" in body:
        named(world, call, f"{_HOME}/local/profiles", (body["profile"] or {}).get("id"), "Profile")
    return answer(world, call)
