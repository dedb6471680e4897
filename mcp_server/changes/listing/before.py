"""The list that a create adds to, as it stands right before the intent: it goes on disk with it (K5 to K6)."""

from collections.abc import Mapping

from mcp_server.catalogue.readers import list_reader
from mcp_server.changes.execution.run import Run
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.record import Listed
from mcp_server.domain.recovery.listed import ids_in


async def list_before(run: Run, touch: Touch) -> Listed | None:
    """The list with the ids in it; None when nothing lists what is made, or it has no ids. Raises what the read raises.

    What this change has made itself counts as known, whether a read shows it already or not.
    """
    world = run.world
    reader = list_reader(world.catalogue, world.overlay, touch, organization_id=run.plan.organization.id)
    id_field = world.overlay.row_for(touch).id_field
    if reader is None or not id_field:
        return None
    ids = ids_in(await world.reads.resource(reader, fresh=True), id_field)
    if ids is None:
        return None
    own = (str(one[id_field]) for one in run.created.values() if _has(one, id_field))
    return Listed(reader, id_field, tuple(sorted({*ids, *own})))


def _has(created: Mapping[str, Json], id_field: str) -> bool:
    return created.get(id_field) not in (None, "")
