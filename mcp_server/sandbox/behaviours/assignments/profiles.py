"""Profiles that devices, SSIDs and stacks have: cellular data, SSID, VLAN and wired-port profiles."""

from typing import TYPE_CHECKING

from mcp_server.sandbox.behaviour import Call, CloudError, Json, behaviour
from mcp_server.sandbox.behaviours.assignments.rows import assign, unassign
from mcp_server.sandbox.checks.settings import home
from mcp_server.sandbox.checks.tables import (
    device_of_network,
    device_of_organization,
    item,
    items,
    matching,
    named,
    network_of_organization,
    some,
)
from mcp_server.sandbox.generic import Rows, answer, items_at

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_CELLULAR = "/organizations/{organizationId}/devices/cellular/data/profiles"
_SSIDS = "/organizations/{organizationId}/wireless/ssids/profiles"
_VLANS = "/networks/{networkId}/vlanProfiles"
_PORTS = "/networks/{networkId}/wireless/ethernet/ports/profiles"
SSID_NUMBERS = range(15)


# Cellular data


def _cellular(call: Call) -> str:
    return f"/organizations/{call.params['organizationId']}/devices/cellular/data/profiles/assignments"


@behaviour(
    "batchOrganizationDevicesCellularDataProfilesAssignmentsCreate",
    "bulkOrganizationDevicesCellularDataProfilesAssignmentsDelete",
)
def put_cellular(world: "World", call: Call) -> Json:
    """The devices have the profile, or no longer; a device has one at most."""
    rows = []
    for one in some(call.body["items"], "items"):
        named(world, call, _CELLULAR, one["profile"]["id"], "Profile")
        device = device_of_organization(world, call.params["organizationId"], one["device"]["serial"])
        rows.append({"profile": {"id": one["profile"]["id"]}, "device": {"serial": device["serial"]}})
    if call.operation.endswith("Create"):
        return {"items": assign(world, _cellular(call), rows, ("device",))}
    unassign(world, _cellular(call), rows)
    return {"items": rows}


@behaviour("getOrganizationDevicesCellularDataProfilesAssignments")
def list_cellular(world: "World", call: Call) -> Json:
    """Which device has which profile."""
    return list(world.collection(_cellular(call)).values())


@behaviour("deleteOrganizationDevicesCellularDataProfile")
def delete_cellular(world: "World", call: Call) -> None:
    """Only a profile that no device has can be deleted."""
    id_ = call.params["profileId"]
    item(world, call, _CELLULAR, id_)
    if matching(world.collection(_cellular(call)), {"profile": {"id": id_}}) is not None:
        raise CloudError(400, "Profile is in use by a device")
    del items(world, call, _CELLULAR)[id_]


# SSID profiles


def _by_ssid(call: Call) -> str:
    return f"/organizations/{call.params['organizationId']}/wireless/ssids/profiles/assignments"


def _ssid(world: "World", call: Call) -> dict[str, Json]:
    """The SSID that a body names: by number and network, or by an id that holds both."""
    ssid, network_id = call.body["ssid"] or {}, (call.body.get("network") or {}).get("id")
    number = ssid.get("number")
    if ssid.get("id"):
        network_id, _, text = str(ssid["id"]).rpartition("/")
        number = int(text) if text.isdigit() else None
    network = network_of_organization(world, call.params["organizationId"], network_id)
    if number not in SSID_NUMBERS or "wireless" not in network["productTypes"]:
        raise CloudError(400, "SSID not found")
    return {"number": number, "networkId": network["id"]}


@behaviour("createOrganizationWirelessSsidsProfilesAssignment")
def assign_ssid(world: "World", call: Call) -> Json:
    """The SSID has the profile; one that has a profile is a 400."""
    ssid, id_ = _ssid(world, call), (call.body["profile"] or {}).get("id")
    named(world, call, _SSIDS, id_, "Profile")
    assign(world, _by_ssid(call), [ssid | {"profileId": id_}], ("number", "networkId"))
    return _shown_ssid(world, call, ssid | {"profileId": id_})


def _shown_ssid(world: "World", call: Call, row: Json) -> Json:
    network, profile = world.networks.get(row["networkId"], {}), items(world, call, _SSIDS).get(row["profileId"], {})
    stored = world.get(f"{home(world, row['networkId'])}/wireless/ssids") or {}
    name = (stored.get(str(row["number"])) or {}).get("name")
    return {
        "ssid": {"id": f"{row['networkId']}/{row['number']}", "name": name, "number": row["number"]},
        "profile": {"id": row["profileId"], "name": profile.get("name")},
        "network": {"id": row["networkId"], "encryptedId": row["networkId"][-8:], "name": network.get("name")},
    }


@behaviour("getOrganizationWirelessSsidsProfilesAssignments")
def list_ssids(world: "World", call: Call) -> Json:
    """Which SSID has which profile."""
    return [_shown_ssid(world, call, row) for row in world.collection(_by_ssid(call)).values()]


@behaviour("getOrganizationWirelessSsidsProfilesAssignmentsByNetwork")
def list_ssids_by_network(world: "World", call: Call) -> Json:
    """The same, network by network."""
    rows = list_ssids(world, call)
    found = []
    for network in world.networks_of(call.params["organizationId"]):
        own = [{n: row[n] for n in ("profile", "ssid")} for row in rows if row["network"]["id"] == network["id"]]
        group = {"id": None, "name": None}
        shown = {"id": network["id"], "name": network["name"], "clientsUrl": network["url"], "group": group}
        found.append(shown | {"assignments": own})
    return found


@behaviour("deleteOrganizationWirelessSsidsProfilesAssignments")
def unassign_ssid(world: "World", call: Call) -> None:
    """The SSID of the body has no profile any more; without one it is a 404."""
    ssid = _ssid(world, call)
    if matching(world.collection(_by_ssid(call)), ssid) is None:
        raise CloudError(404)
    unassign(world, _by_ssid(call), [ssid])


@behaviour("deleteOrganizationWirelessSsidsProfile")
def delete_ssid_profile(world: "World", call: Call) -> None:
    """Only a profile that no SSID has can be deleted."""
    id_ = call.params["id"]
    item(world, call, _SSIDS, id_)
    if matching(world.collection(_by_ssid(call)), {"profileId": id_}) is not None:
        raise CloudError(400, "Profile is in use by an SSID")
    del items(world, call, _SSIDS)[id_]


# VLAN profiles


def _vlan_profiles(call: Call) -> str:
    return f"/networks/{call.params['networkId']}/vlanProfiles/assignments"


@behaviour("reassignNetworkVlanProfilesAssignments")
def reassign(world: "World", call: Call) -> Json:
    """The devices and stacks have the profile; without a name in the body they have the default one."""
    body, network_id = call.body, call.params["networkId"]
    iname = (body.get("vlanProfile") or {}).get("iname")
    is_default = iname is None or named(world, call, _VLANS, iname, "VLAN profile").get("isDefault")
    if not body["serials"] and not body["stackIds"]:
        raise CloudError(400, "At least one of 'serials' or 'stackIds' is required")
    stacks = items_at(
        world, "/networks/{networkId}/switch/stacks", f"/networks/{network_id}/switch/stacks", call.params
    )
    for id_ in body["stackIds"]:
        if id_ not in stacks:
            raise CloudError(400, f"Switch stack {id_} not found")
    serials = [device_of_network(world, network_id, serial)["serial"] for serial in body["serials"]]
    held = world.collection(_vlan_profiles(call))
    for key in (*serials, *body["stackIds"]):
        held.pop(key, None)
        if not is_default:
            held[key] = {"iname": iname}
    return {"vlanProfile": {"iname": iname}, "serials": serials, "stackIds": body["stackIds"]}


@behaviour("getNetworkVlanProfilesAssignmentsByDevice")
def by_device(world: "World", call: Call) -> Json:
    """The VLAN profile of each switch and access point."""
    network_id, held = call.params["networkId"], world.collection(_vlan_profiles(call))
    profiles = items_at(world, _VLANS, f"/networks/{network_id}/vlanProfiles", call.params)
    default: Json = next((one for one in profiles.values() if one.get("isDefault")), {})
    devices = {
        one["serial"]: one for one in world.devices_in(network_id) if one["productType"] in ("switch", "wireless")
    }

    def row(serial: str) -> Json:
        profile = profiles.get(held.get(serial, {}).get("iname", "")) or default
        fields = {name: devices[serial][name] for name in ("name", "serial", "mac", "productType")}
        shown = {"iname": profile.get("iname"), "name": profile.get("name"), "isDefault": profile.get("isDefault")}
        return fields | {"configurationSource": "cloud", "vlanProfile": shown, "stack": {"id": None}}

    return Rows(list(devices), row)


@behaviour("deleteNetworkVlanProfile")
def delete_vlan_profile(world: "World", call: Call) -> None:
    """Only a profile that is not the default, and that no device has, can be deleted."""
    found = item(world, call, _VLANS, call.params["iname"])
    if found.get("isDefault"):
        raise CloudError(400, "The default VLAN profile cannot be deleted")
    if matching(world.collection(_vlan_profiles(call)), {"iname": call.params["iname"]}) is not None:
        raise CloudError(400, "VLAN profile is in use")
    del items(world, call, _VLANS)[call.params["iname"]]


# Wired ports of access points


@behaviour("assignNetworkWirelessEthernetPortsProfiles")
def assign_ports(world: "World", call: Call) -> Json:
    """The access points have the profile."""
    body, network_id = call.body, call.params["networkId"]
    named(world, call, _PORTS, body["profileId"], "Profile")
    serials = some(body["serials"], "serials")
    for serial in serials:
        device_of_network(world, network_id, serial, "wireless")
    held = world.collection(f"/networks/{network_id}/wireless/ethernet/ports/profiles/assignments")
    held.update({serial: {"profileId": body["profileId"]} for serial in serials})
    return {"serials": serials, "profileId": body["profileId"]}


@behaviour("setNetworkWirelessEthernetPortsProfilesDefault")
def set_default_ports(world: "World", call: Call) -> Json:
    """The profile is the one that an access point has without another; the one that was it no longer is."""
    chosen = named(world, call, _PORTS, call.body["profileId"], "Profile")
    for one in items(world, call, _PORTS).values():
        one["isDefault"] = one is chosen
    return {"profileId": chosen["profileId"]}


@behaviour("deleteNetworkWirelessEthernetPortsProfile")
def delete_ports(world: "World", call: Call) -> Json:
    """Only a profile that is not the default, and that no access point has, can be deleted."""
    id_ = call.params["profileId"]
    found = item(world, call, _PORTS, id_)
    held = world.collection(f"/networks/{call.params['networkId']}/wireless/ethernet/ports/profiles/assignments")
    if found.get("isDefault") or matching(held, {"profileId": id_}) is not None:
        raise CloudError(400, "Profile is in use")
    return answer(world, call)
