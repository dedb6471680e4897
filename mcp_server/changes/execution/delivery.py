"""Which devices have picked the change up. The cloud answers a write at once; a device follows within minutes.

Cisco documentation (getOrganizationDevices): ``configurationUpdatedAfter`` lists the devices that fetched a
configuration after that time. A device that is not listed is pending, an offline one too; none is reported as changed
without being listed.
"""

from collections.abc import Mapping
from typing import Final

from mcp_server.changes.execution.run import Run
from mcp_server.domain.call import Json
from mcp_server.errors import AccessError, MerakiError

_MOST: Final = 100  #: serials asked for in one request


async def read_delivery(run: Run) -> Mapping[str, Json]:
    """``confirmed`` is how many devices have it, ``pending`` the serials that do not; ``unknown`` when not readable."""
    serials = list(run.plan.impact.device_serials[:_MOST])
    if not serials:
        return {"confirmed": 0, "pending": []}
    asked = {
        "organizationId": run.plan.organization.id,
        "configurationUpdatedAfter": run.change.started_at.isoformat(timespec="milliseconds"),
        "serials": serials,
    }
    try:
        reply = await run.world.reads.read("getOrganizationDevices", asked, fresh=True)
    except (MerakiError, AccessError) as error:
        return {"confirmed": 0, "pending": serials, "unknown": type(error).sentence}
    listed = {str(row.get("serial")) for row in reply.data} if isinstance(reply.data, list) else set()
    view: dict[str, Json] = {
        "confirmed": len(listed & set(serials)),
        "pending": [serial for serial in serials if serial not in listed],
    }
    if run.plan.impact.devices > _MOST:
        view["not_asked"] = run.plan.impact.devices - _MOST
    return view
