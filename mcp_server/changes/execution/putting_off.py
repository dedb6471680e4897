"""An undo that is not over: put off while the cloud or the store cannot be used, and gone on with by the recovery.

Rules: the change stays as it is, its leases with its server, so that nobody else begins one there; why it is undone is
on record with it, for whoever goes on; what was announced is settled by reading before anything is written again.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from mcp_server.changes.execution.report import change_outcome
from mcp_server.changes.execution.run import Run
from mcp_server.domain.call import Json
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Put
from mcp_server.domain.record import Change

_UNDO: Final = "undo"


def begun(change: Change, failure: Mapping[str, Json]) -> Change:
    """The change with why it is undone, unless that is on record."""
    if _of(change):
        return change
    return _with(change, {"failure": dict(failure), "tries": 0})


def why_undone(change: Change) -> Mapping[str, Json]:
    """The failure for which the change is undone; empty when it is not on record."""
    failure = _of(change).get("failure")
    return failure if isinstance(failure, Mapping) else {}


def undo_tries(change: Change) -> int:
    """How often its undo was put off."""
    tries = _of(change).get("tries", 0)
    return tries if isinstance(tries, int) else 0


async def put_off(run: Run) -> Outcome:
    """What the caller is told of an undo that goes on later."""
    tries = undo_tries(run.change) + 1
    waiting = _with(run.change, {**_of(run.change), "tries": tries})
    row = run.entry("recovery", "put_off", {"why": run.put_off, "tries": tries})
    await run.commit(Put(waiting, {"state": run.change.state}), row)
    run.change = waiting
    return change_outcome(run)


def _of(change: Change) -> Mapping[str, Json]:
    kept = change.result.get(_UNDO)
    return kept if isinstance(kept, Mapping) and change.ended_at is None else {}


def _with(change: Change, kept: Mapping[str, Json]) -> Change:
    return replace(change, result={**change.result, _UNDO: kept})
