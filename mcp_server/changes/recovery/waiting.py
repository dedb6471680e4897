"""The changes that wait for a person: what is known of each, and the exact command."""

from collections.abc import Mapping, Sequence
from typing import Final

from mcp_server.changes.execution.ending import WAITING
from mcp_server.changes.execution.report import status_of
from mcp_server.domain.call import Json
from mcp_server.domain.ports import Store
from mcp_server.domain.record import Change
from mcp_server.domain.redaction import clean

_MOST: Final = 1000


async def waiting(store: Store) -> Sequence[Change]:
    """Those that ended in doubt, in part, or with an undo that failed, and were not rolled back since; newest first."""
    found = await store.list(Change, {"state": [state.value for state in WAITING]}, limit=_MOST)
    return [change for change in found if change.ended_at is not None and change.rolled_back_by is None]


def waiting_view(change: Change) -> dict[str, Json]:
    """One of them in short."""
    failure = change.result.get("failure")
    why = failure.get("message", "") if isinstance(failure, Mapping) else ""
    residue = change.result.get("residue")
    view: dict[str, Json] = {
        "change_id": change.key,
        "plan_id": change.plan_id,
        "status": status_of(change),
        "since": change.ended_at.isoformat(timespec="seconds") if change.ended_at else None,
        "why": clean(str(why), 300),
        "next_command": str(change.result.get("next_command", "")),
    }
    return view | ({"residue": list(residue)[:20]} if isinstance(residue, list) and residue else {})
