"""Where a switch port leads: up to the rest of the network, or to a device of the organization's own."""

import re
from collections.abc import Mapping
from typing import Final

from mcp_server.changes.planning.draft import Draft
from mcp_server.domain.call import Device, Json
from mcp_server.domain.redaction import clean
from mcp_server.domain.rules.facts import part
from mcp_server.world import World

_MAC: Final = re.compile(r"[0-9a-f]{12}")


async def links(draft: Draft, device: Device, world: World) -> tuple[frozenset[str], str]:
    """The switch's uplink ports, and what of the organization's own is on the port; asked when a port is written.

    What is there says itself by LLDP or CDP, with its MAC address; whose it is the organization's devices tell, which
    are asked for only when there is such an address.
    """
    if draft.row.resource != "port" or draft.operation.family != "switch":
        return frozenset(), ""
    reply = await world.reads.read("getDeviceSwitchPortsStatuses", {"serial": device.serial})
    uplinks = frozenset(str(port.get("portId")) for port in reply.data if port.get("isUplink"))
    addresses = {str(port.get("portId")): addresses_of(port) for port in reply.data}
    here = addresses.get(str(draft.touch.params.get("portId")), frozenset())
    if not here:
        return uplinks, ""
    asked = {"organizationId": device.organization_id, "macs": sorted(frozenset[str]().union(*addresses.values()))}
    known = (await world.reads.read("getOrganizationDevices", asked)).data
    found = next((one for one in known if str(one.get("mac")).lower() in here), None)
    return uplinks, f"{clean(found.get('name') or found.get('model'), 60)} ({found['serial']})" if found else ""


def addresses_of(port: Mapping[str, Json]) -> frozenset[str]:
    """The MAC addresses by which a switch port's neighbour names itself, as ``aa:bb:cc:dd:ee:ff``.

    A Meraki device gives its own as LLDP chassis id and, with the colons elsewhere, as CDP device id (Cisco
    documentation, getDeviceSwitchPortsStatuses, August 2026: ``0c:8d:db:dd:ee:ff`` and ``0c8ddbddee:ff``); others may
    give a name there.
    """
    named = (part(port, "lldp", "chassisId"), part(port, "cdp", "deviceId"))
    digits = [text.replace(":", "").lower() for text in named if isinstance(text, str)]
    return frozenset(":".join(one[at : at + 2] for at in range(0, 12, 2)) for one in digits if _MAC.fullmatch(one))
