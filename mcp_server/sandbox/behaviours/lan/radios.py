"""Access points: rules against foreign networks, deployments, migrations, certificates of RadSec authorities."""

import copy
from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.devices import inventory
from mcp_server.sandbox.behaviours.lan.ssids import ssids_of
from mcp_server.sandbox.checks.settings import home
from mcp_server.sandbox.checks.tables import device_of_organization, some, updated, without_twins

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

MATCHES = ("bssid", "contains", "exact", "wildcard")
_DEPLOYMENTS = ("deploy", "replace")


# Air Marshal


def _rules(world: "World", network_id: str) -> dict[str, Json]:
    return world.collection(f"{home(world, network_id)}/wireless/airMarshal/rules")


@behaviour("getOrganizationWirelessAirMarshalRules")
def list_rules(world: "World", call: Call) -> Json:
    """The rules of all networks."""
    wanted = call.query.get("networkIds")
    return [
        rule | {"network": {"id": network["id"], "name": network["name"]}}
        for network in world.networks_of(call.params["organizationId"])
        if "wireless" in network["productTypes"] and (not wanted or network["id"] in wanted)
        for rule in _rules(world, network["id"]).values()
    ]


@behaviour("createNetworkWirelessAirMarshalRule")
def create_rule(world: "World", call: Call) -> Json:
    """A rule of the network; one that matches the same is a 400."""
    held, now = _rules(world, call.params["networkId"]), world.stamp()
    made = updated(call, {"ruleId": world.new_id(), "createdAt": now, "updatedAt": now})
    _check_rule(held, made)
    held[made["ruleId"]] = made
    return made


@behaviour("updateNetworkWirelessAirMarshalRule")
def put_rule(world: "World", call: Call) -> Json:
    """The rule as it is now."""
    held, id_ = _rules(world, call.params["networkId"]), call.params["ruleId"]
    if id_ not in held:
        raise CloudError(404)
    new = updated(call, held[id_]) | {"updatedAt": world.stamp()}
    _check_rule({key: one for key, one in held.items() if key != id_}, new)
    held[id_] = new
    return new


def _check_rule(others: dict[str, Json], new: Json) -> None:
    match = new.get("match") or {}
    if match.get("type") not in MATCHES or not match.get("string"):
        raise CloudError(400, f"'match' must have a string and one of the types: {', '.join(MATCHES)}")
    if any(one["match"] == match for one in others.values()):
        raise CloudError(400, "Match has already been taken")


@behaviour("deleteNetworkWirelessAirMarshalRule")
def delete_rule(world: "World", call: Call) -> None:
    """The rule is gone."""
    if _rules(world, call.params["networkId"]).pop(call.params["ruleId"], None) is None:
        raise CloudError(404)


# OpenRoaming


def _roaming(world: "World", network_id: str, number: str) -> Json:
    path = f"{home(world, network_id)}/wireless/ssids/{number}/openRoaming"
    return world.singleton(path, {"enabled": False, "tenantId": ""})


@behaviour("updateNetworkWirelessSsidOpenRoaming")
def put_roaming(world: "World", call: Call) -> Json:
    """Whether an SSID lets guests of other operators in; switched on it needs a tenant."""
    number = call.params["number"]
    new = updated(call, _roaming(world, call.params["networkId"], number))
    if new["enabled"] and not new["tenantId"]:
        raise CloudError(400, "'tenantId' is required when OpenRoaming is enabled")
    found = _roaming(world, call.params["networkId"], number)
    found |= new
    return found


@behaviour("getOrganizationWirelessSsidsOpenRoamingByNetwork")
def list_roaming(world: "World", call: Call) -> Json:
    """Every SSID of every network with access points."""
    wanted = call.query.get("networkIds")
    rows = []
    for network in world.networks_of(call.params["organizationId"]):
        if "wireless" in network["productTypes"] and (not wanted or network["id"] in wanted):
            ssids = ssids_of(world, home(world, network["id"]))
            shown = [
                {"name": ssid["name"], "number": int(number), "enabled": ssid["enabled"]}
                | {"openRoaming": dict(_roaming(world, network["id"], number))}
                for number, ssid in ssids.items()
            ]
            rows.append({"networkId": network["id"], "networkName": network["name"], "ssid": shown})
    return rows


# Deployments


def _deployments(world: "World", call: Call) -> dict[str, Json]:
    path = f"/organizations/{call.params['organizationId']}/wireless/devices/provisioning/deployments"
    return world.collection(path)


@behaviour("getOrganizationWirelessDevicesProvisioningDeployments")
def list_deployments(world: "World", call: Call) -> Json:
    """The planned deployments, in the one row that the schema has for all of them."""
    return [_all_deployments(world, call)]


def _all_deployments(world: "World", call: Call) -> Json:
    rows = list(_deployments(world, call).values())
    return {"items": rows, "meta": {"counts": {"items": {"total": len(rows), "remaining": 0}}}}


@behaviour("createOrganizationWirelessDevicesProvisioningDeployment")
def create_deployments(world: "World", call: Call) -> Json:
    """Devices that are to be deployed, alone or in the place of others, when they first come online."""
    rows = some(call.body["items"], "items")
    made = {}
    for row in rows:
        _check_deployment(world, call, row)
        id_ = world.new_id()
        stamps: Json = {"createdAt": world.stamp(), "lastUpdatedAt": world.stamp(), "completedAt": None, "errors": []}
        made[id_] = copy.deepcopy(row) | {"deploymentId": id_, "status": "scheduled"} | stamps
    _deployments(world, call).update(made)
    return {"items": list(made.values()), "meta": {"counts": {"items": {"total": len(made), "remaining": 0}}}}


def _check_deployment(world: "World", call: Call, row: Json) -> None:
    serial = (row["devices"].get("new") or {}).get("serial")
    if serial not in inventory(world, call.params["organizationId"]):
        raise CloudError(400, f"Device with serial {serial} not found in the inventory")
    if row["type"] not in _DEPLOYMENTS:
        raise CloudError(400, f"'type' must be one of: {', '.join(repr(one) for one in _DEPLOYMENTS)}")


@behaviour("updateOrganizationWirelessDevicesProvisioningDeployments")
def put_deployments(world: "World", call: Call) -> Json:
    """The named deployments as they are now; one that is not there refuses all."""
    held, rows = _deployments(world, call), some(call.body["items"], "items")
    for row in rows:
        if row.get("deploymentId") not in held:
            raise CloudError(400, f"Deployment {row.get('deploymentId')} not found")
        _check_deployment(world, call, row)
    for row in rows:
        held[row["deploymentId"]] |= copy.deepcopy(row) | {"lastUpdatedAt": world.stamp()}
    return _all_deployments(world, call)


@behaviour("deleteOrganizationWirelessDevicesProvisioningDeployment")
def delete_deployment(world: "World", call: Call) -> None:
    """The device is not deployed by itself any more."""
    if _deployments(world, call).pop(call.params["deploymentId"], None) is None:
        raise CloudError(404)


@behaviour("createOrganizationDevicesControllerMigration")
def migrate(world: "World", call: Call) -> Json:
    """The access points are to move to a controller; there is no way back."""
    organization_id = call.params["organizationId"]
    held = world.collection(f"/organizations/{organization_id}/devices/controller/migrations")
    serials = some(call.body["serials"], "serials")
    without_twins(serials, "serials")
    for serial in serials:
        device = device_of_organization(world, organization_id, serial)
        if device["productType"] != "wireless" or serial in held:
            raise CloudError(400, f"Device with serial {serial} cannot be migrated")
    row: Json = {"target": call.body["target"], "createdAt": world.stamp(), "migratedAt": None}
    held.update({serial: row | {"serial": serial} for serial in serials})
    return {"items": [held[serial] for serial in serials]}


@behaviour("getOrganizationDevicesControllerMigrations")
def list_migrations(world: "World", call: Call) -> Json:
    """The migrations that were asked for."""
    path = f"/organizations/{call.params['organizationId']}/devices/controller/migrations"
    return list(world.collection(path).values())


# RadSec


def _authorities(world: "World", call: Call) -> dict[str, Json]:
    path = f"/organizations/{call.params['organizationId']}/wireless/devices/radsec/certificates/authorities"
    return world.collection(path)


@behaviour("getOrganizationWirelessDevicesRadsecCertificatesAuthorities")
def list_authorities(world: "World", call: Call) -> Json:
    """The authorities that sign the certificates of access points."""
    wanted = call.query.get("certificateAuthorityIds")
    return [one for key, one in _authorities(world, call).items() if not wanted or key in wanted]


@behaviour("createOrganizationWirelessDevicesRadsecCertificatesAuthority")
def create_authority(world: "World", call: Call) -> Json:
    """An authority that is not trusted yet."""
    id_ = world.new_id()
    made: Json = {"certificateAuthorityId": id_, "status": "generated", "contents": f"certificate {id_}"}
    _authorities(world, call)[id_] = made
    return made


@behaviour("updateOrganizationWirelessDevicesRadsecCertificatesAuthorities")
def trust_authority(world: "World", call: Call) -> Json:
    """The authority is trusted, which cannot be taken back."""
    body = call.body or {}
    found = _authorities(world, call).get(str(body.get("certificateAuthorityId")))
    if found is None:
        raise CloudError(400, f"Certificate authority {body.get('certificateAuthorityId')} not found")
    if body.get("status") != "trusted":
        raise CloudError(400, "'status' must be one of: 'trusted'")
    found["status"] = "trusted"
    return found
