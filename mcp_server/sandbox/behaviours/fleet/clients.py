"""Clients that were provisioned: their names and policies; and cameras that were given credentials."""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import of_organization
from mcp_server.sandbox.behaviours.signals.clients import clients_of, get_client
from mcp_server.sandbox.checks.addresses import is_mac
from mcp_server.sandbox.checks.references import group_policies
from mcp_server.sandbox.checks.settings import home
from mcp_server.sandbox.checks.tables import device_of_organization, network_of_organization, some

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_POLICY = ("devicePolicy", "groupPolicyId", "policiesBySecurityAppliance", "policiesBySsid")


def _check_group_policies(world: "World", network_id: str, wanted: list[Json]) -> None:
    policies = group_policies(world, home(world, network_id))
    for one in wanted:
        if one.get("devicePolicy") == "Group policy" and str(one.get("groupPolicyId")) not in policies:
            raise CloudError(400, "Group policy not found")


@behaviour("provisionNetworkClients")
def provision(world: "World", call: Call) -> Json:
    """The clients have that name and policy, whether they were ever seen or not; what they had is not kept."""
    body, network_id = call.body, call.params["networkId"]
    clients = some(body["clients"], "clients")
    _check_group_policies(world, network_id, [body, *(body.get("policiesBySsid") or {}).values()])
    for one in clients:
        if not is_mac(one["mac"]):
            raise CloudError(400, f"{one['mac']} is not a MAC address")
    policy = copy.deepcopy({name: body[name] for name in _POLICY if name in body})
    rows = []
    for one in clients:
        mac = one["mac"].lower()
        kept = {"mac": mac, "name": one.get("name")}
        world.collection(f"/networks/{network_id}/clients/provisioned")[mac] = kept | policy
        world.collection(f"/networks/{network_id}/clients/policies")[mac] = copy.deepcopy(policy)
        rows.append({"mac": mac, "clientId": f"k{mac.replace(':', '')[-7:]}", "name": one.get("name"), "message": "OK"})
    return policy | {"clients": rows}


@behaviour("getNetworkClientPolicy", "updateNetworkClientPolicy")
def client_policy(world: "World", call: Call) -> Json:
    """The policy of a client, whether it is named by its id or its address; Normal when nobody set one."""
    network_id = call.params["networkId"]
    mac = get_client(world, call)["mac"]
    held = world.collection(f"/networks/{network_id}/clients/policies")
    if call.method == "PUT":
        body = call.body
        _check_group_policies(world, network_id, [body])
        fields = {name: body[name] for name in ("devicePolicy", "groupPolicyId") if body.get(name) is not None}
        held.pop(mac, None)
        if fields != {"devicePolicy": "Normal"}:
            held[mac] = fields
    return {"mac": mac, "devicePolicy": "Normal", "policiesBySsid": []} | _shown_policy(held.get(mac, {}))


def _shown_policy(stored: Json) -> Json:
    by_ssid = stored.get("policiesBySsid") or {}
    shown = {name: stored[name] for name in ("devicePolicy", "groupPolicyId") if name in stored}
    return shown | ({"policiesBySsid": [{"ssidNumber": int(n)} | one for n, one in by_ssid.items()]} if by_ssid else {})


@behaviour("getNetworkPoliciesByClient")
def list_client_policies(world: "World", call: Call) -> Json:
    """The clients that have a group policy, each with the policy."""
    network_id = call.params["networkId"]
    held = world.collection(f"/networks/{network_id}/clients/policies")
    policies = group_policies(world, home(world, network_id))
    rows: list[Json] = []
    for client in clients_of(world, network_id):
        id_ = str(held.get(client["mac"], {}).get("groupPolicyId") or "")
        if id_ in policies:
            one = {"groupPolicyId": id_, "name": policies[id_]["name"], "type": "client", "ssid": []}
            rows.append({"clientId": client["id"], "name": client["description"], "assigned": [one]})
    return rows


# Sentry policies


@behaviour("getOrganizationSmSentryPoliciesAssignmentsByNetwork")
def list_sentry(world: "World", call: Call) -> Json:
    """The sentry policies of each network, none for most."""
    organization_id = call.params["organizationId"]
    held = world.collection(f"/organizations/{organization_id}/sm/sentry/policies/assignments")
    return [{"networkId": n["id"], "policies": held.get(n["id"], [])} for n in world.networks_of(organization_id)]


@behaviour("updateOrganizationSmSentryPoliciesAssignments")
def put_sentry(world: "World", call: Call) -> Json:
    """The policies of the networks that are named, others stay; an empty list leaves a network none."""
    organization_id, rows = call.params["organizationId"], some(call.body["items"], "items")
    for row in rows:
        network_of_organization(world, organization_id, row["networkId"])
        for one in row.get("policies") or []:
            network_of_organization(world, organization_id, one["smNetworkId"])
            if str(one["groupPolicyId"]) not in group_policies(world, home(world, row["networkId"])):
                raise CloudError(400, f"Group policy {one['groupPolicyId']} not found")
    held = world.collection(f"/organizations/{organization_id}/sm/sentry/policies/assignments")
    for row in rows:
        before = held.pop(row["networkId"], [])
        if row.get("policies"):
            held[row["networkId"]] = [_sentry(world, before, row["networkId"], one) for one in row["policies"]]
    return {"items": list_sentry(world, call)}


def _sentry(world: "World", before: list[Json], network_id: str, given: Json) -> Json:
    id_ = given.get("policyId")
    old = next((one for one in before if one["policyId"] == id_), None)
    if id_ and old is None:
        raise CloudError(400, f"Sentry policy {id_} not found")
    made = {"policyId": id_ or world.new_id(), "networkId": network_id, "createdAt": world.stamp()}
    return (old or made) | copy.deepcopy(given) | {"policyId": made["policyId"], "lastUpdatedAt": world.stamp()}


# Cameras


def _notes(world: "World", call: Call) -> dict[str, Json]:
    return world.collection(f"/organizations/{call.params['organizationId']}/camera/onboarding/statuses")


@behaviour("getOrganizationCameraOnboardingStatuses")
def list_onboarding(world: "World", call: Call) -> Json:
    """How far each camera is."""
    wanted, held = call.query.get("serials"), _notes(world, call)
    return [
        {
            "networkId": one["networkId"],
            "serial": one["serial"],
            "status": "complete",
            "updatedAt": held.get(one["serial"], {}).get("updatedAt"),
        }
        for one in of_organization(world, call.params["organizationId"])
        if one["productType"] == "camera" and (not wanted or one["serial"] in wanted)
    ]


@behaviour("updateOrganizationCameraOnboardingStatuses")
def note_credentials(world: "World", call: Call) -> Json:
    """It is noted that the camera was given its credentials."""
    body = call.body or {}
    device = device_of_organization(world, call.params["organizationId"], body.get("serial"))
    if device["productType"] != "camera":
        raise CloudError(400, f"Device with serial {device['serial']} is not a camera")
    row = {"wirelessCredentialsSent": bool(body.get("wirelessCredentialsSent")), "updatedAt": world.stamp()}
    _notes(world, call)[device["serial"]] = row
    return {"success": True}
