"""Whether somebody else may have made the one new element of a list: by our own records, and by the change log.

Rules: what cannot be read clears nobody; a row of the log counts when it is of the same request, or of no request at
all (an edit in the dashboard) in the same network; a log that is late contradicts nothing. Cisco documentation,
getOrganizationConfigurationChanges: a request's row has page "via API" and label "POST /api/v1/...";
getAdministeredIdentitiesMe: whose key this is.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from mcp_server.changes.execution.residue import READER, SKEW, at_of, label_of, request_of
from mcp_server.changes.execution.run import Run
from mcp_server.domain.call import Json
from mcp_server.domain.record import ChangeStep
from mcp_server.errors import AccessError, MerakiError

_ME: Final = "getAdministeredIdentitiesMe"
_STEPS_READ: Final = 500  #: the newest applied writes of every change on this store
_METHODS: Final = ("POST ", "PUT ", "DELETE ")
_CARRIES: Final = "/actionBatches"  #: a request that makes things under other paths


async def maybe_of_others(run: Run, record: ChangeStep, element: Json) -> str:
    """Why the element may be somebody else's, in words; an empty text when nothing says so."""
    listed = record.asked.listed if record.asked else None
    if listed is None or not isinstance(element, Mapping):
        return "nothing tells it from others"
    own_id = str(element.get(listed.id_field))
    applied = await run.world.store.list(ChangeStep, {"state": "applied"}, limit=_STEPS_READ)
    others = [step for step in applied if step.key != record.key]
    for step in others:
        if str(step.created.get(listed.id_field)) == own_id:
            return f"change {step.change_id} made it"
    return await _by_the_log(run, record, others)


async def _by_the_log(run: Run, record: ChangeStep, others: Sequence[ChangeStep]) -> str:
    since, request = (record.sent_at or run.change.started_at) - SKEW, request_of(record)
    sent = 1 + sum(request_of(one) == request and one.sent_at is not None and one.sent_at >= since for one in others)
    asked = {"organizationId": run.plan.organization.id, "t0": since.isoformat(timespec="milliseconds")}
    try:
        me = (await run.world.reads.read(_ME, {})).data
        rows = (await run.world.reads.read(READER, asked, fresh=True)).data
    except (MerakiError, AccessError) as error:
        return f"the change log could not be read ({type(error).code})"
    email = str(me.get("email") or "").casefold() if isinstance(me, Mapping) else ""
    if not email or not isinstance(rows, list):
        return "the change log does not tell whose key this is"
    network_id = next((step.network_id for step in run.plan.steps if step.number == record.number), None)
    near = [row for row in rows if isinstance(row, Mapping) and at_of(row) >= since and _is_there(row, network_id)]
    return judged(near, request, email, sent)


def _is_there(row: Mapping[str, Json], network_id: str | None) -> bool:
    return network_id is None or row.get("networkId") in (None, "", network_id)


def judged(rows: Sequence[Mapping[str, Json]], request: str, email: str, sent: int) -> str:
    """Why these rows of the log leave it open who made the element; empty when they do not.

    ``sent`` is how many such requests this server made since then, with the key of whoever has that address.
    """
    own = 0
    for row in rows:
        label = label_of(row)
        is_other = str(row.get("adminEmail") or "").casefold() != email
        if label == request and not is_other:
            own += 1
        elif is_other and (label == request or _CARRIES in label or not label.startswith(_METHODS)):
            return "the change log shows that somebody else wrote there meanwhile"
    return "" if own <= sent else f"the change log shows {own} such requests with this key, and {sent} were sent"
