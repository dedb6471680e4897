"""What the organization's configuration-change log holds of the time of a change, and what of it the change explains.

Three rules: a row is explained only when its label is a request that this change sent (Cisco documentation,
getOrganizationConfigurationChanges: label "PUT /api/v1/organizations/2930418", page "via API"); a row that is not is
told, never dropped; a log that does not show the change's own writes proves nothing, and is ``unknown``.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote

from mcp_server.changes.execution.run import Run
from mcp_server.domain.call import Json
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.redaction import clean
from mcp_server.errors import AccessError, MerakiError

READER: Final = "getOrganizationConfigurationChanges"
SKEW: Final = timedelta(seconds=30)  #: our clock and the cloud's may differ by so much
_PREFIX: Final = "/api/v1"
_SHOWN: Final = 50
_FIELDS: Final = 12
_TOOK: Final = ("applied", "unknown")
#: what the log is not known to tell: it changes no configuration
_NOT_LOGGED: Final = ("/liveTools", "/reboot", "/blinkLeds", "/alerts/")


@dataclass(frozen=True, slots=True)
class LogView:
    """The log beside the change. ``state`` is read, incomplete (not all own writes are in it yet) or unknown."""

    state: str
    why: str = ""
    own: int = 0  #: rows that the change explains
    residue: tuple[Mapping[str, Json], ...] = field(default=())

    def to_json(self) -> dict[str, Json]:
        """As told beside the residue."""
        view: dict[str, Json] = {"state": self.state, "own_rows": self.own, "unexplained": len(self.residue)}
        return view | ({"why": self.why} if self.why else {})


async def read_log(run: Run) -> LogView:
    """The log since the change began; ``unknown`` with the reason when it cannot be read."""
    began = run.change.started_at
    asked = {
        "organizationId": run.plan.organization.id,
        "t0": (began - SKEW).isoformat(timespec="milliseconds"),
    }
    try:
        reply = await run.world.reads.read(READER, asked, fresh=True)
    except (MerakiError, AccessError) as error:
        return LogView("unknown", f"the log could not be read ({type(error).code})")
    rows = [row for row in reply.data if isinstance(row, Mapping)] if isinstance(reply.data, list) else None
    if rows is None:
        return LogView("unknown", "the log's answer is no list")
    return explained(rows, run.steps, began)


def explained(rows: Sequence[Mapping[str, Json]], steps: Sequence[ChangeStep], began: datetime) -> LogView:
    """The rows beside the writes that were sent: what they explain, and the rest by who made it."""
    sent = Counter(request_of(step) for step in steps if step.state in _TOOK and step.request.get("path"))
    ours = _own_admin(rows, sent)
    own = [row for row in rows if label_of(row) in sent and str(row.get("adminId")) == ours]
    seen = {label_of(row) for row in own}
    missing = [one for one in sent if one not in seen and not any(word in one for word in _NOT_LOGGED)]
    rest = [row for row in rows if not any(row is one for one in own) and at_of(row) >= began]
    residue = tuple(_told(row, ours) for row in rest[:_SHOWN])
    if missing and not own:
        why = "the log shows none of this change's own writes yet; it may be delayed"
        return LogView("unknown", why, residue=residue)
    if missing or len(rest) > _SHOWN:
        parts = [f"the log does not show {clean(missing[0], 160)} yet"] if missing else []
        parts += [f"{len(rest) - _SHOWN} more rows are not listed"] if len(rest) > _SHOWN else []
        return LogView("incomplete", "; ".join(parts), len(own), residue)
    return LogView("read", "", len(own), residue)


def _own_admin(rows: Sequence[Mapping[str, Json]], sent: Mapping[str, int]) -> str | None:
    """The administrator whose key this server has: who made most of the requests that were sent."""
    counted = Counter(str(row.get("adminId")) for row in rows if label_of(row) in sent)
    best = counted.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        return None
    return best[0][0]


def request_of(step: ChangeStep) -> str:
    """A step's request as the log labels it."""
    return unquote(f"{step.request.get('method')} {_PREFIX}{step.request.get('path')}")


def label_of(row: Mapping[str, Json]) -> str:
    """What a row of the log is about."""
    return unquote(str(row.get("label")))


def at_of(row: Mapping[str, Json]) -> datetime:
    """When a row of the log was written."""
    try:
        at = datetime.fromisoformat(str(row.get("ts")))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)  # a row without a time is told rather than dropped
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _told(row: Mapping[str, Json], ours: str | None) -> Mapping[str, Json]:
    """One row for people: when, who, where, what; field names, never values, which may be secrets."""
    by = "this server's key" if str(row.get("adminId")) == ours else "somebody else" if ours else "unknown"
    view: dict[str, Json] = {
        "at": clean(str(row.get("ts", "")), 40),
        "by": by,
        "who": clean(str(row.get("adminEmail") or row.get("adminName") or ""), 120),
        "network_id": clean(str(row.get("networkId") or ""), 60),
        "page": clean(str(row.get("page") or ""), 80),
        "what": clean(str(row.get("label") or ""), 200),
        "fields": [clean(name, 60) for name in _fields(row)[:_FIELDS]],
    }
    return {name: value for name, value in view.items() if value not in ("", [])}


def _fields(row: Mapping[str, Json]) -> list[str]:
    """Names of the top fields that the row says have changed; none when its values are no objects."""
    try:
        old, new = (json.loads(str(row.get(name) or "null")) for name in ("oldValue", "newValue"))
    except ValueError:
        return []
    if not isinstance(new, dict):
        return []
    before = old if isinstance(old, dict) else {}
    return [str(name) for name in new if new[name] != before.get(name)]
