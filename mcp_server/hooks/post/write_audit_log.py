"""Post-task step 1: the change-log record of a change that has ended goes into the store, with its change.

The call row itself is written when the call closes, and the outcome of each step was committed by the engine.
"""

import json
from dataclasses import replace

from mcp_server.domain.call import Attempt, Json
from mcp_server.domain.change_log import answered_record, change_log_record
from mcp_server.domain.change_state import FINAL, ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Put
from mcp_server.domain.record import Change, unmoved
from mcp_server.errors import RecordConflict
from mcp_server.hooks.session import open_session
from mcp_server.world import World

TRIES = 4  #: when a rollback marks the same change at the same time


def has_ended(change: Change | None) -> bool:
    """Whether the change came to an end that has a record (waiting to be kept counts)."""
    return change is not None and (change.state in FINAL or change.state == ChangeState.IN_DOUBT)


async def write_audit_log(attempt: Attempt, outcome: Outcome, world: World) -> Outcome:
    """The outcome with the change-log record in it, once the record is in the store; StoreError when it cannot be."""
    change = outcome.change
    if change is None or outcome.plan is None or not (has_ended(change) or change.state == ChangeState.PENDING_KEEP):
        return outcome
    session = await open_session(world, attempt.actor)
    for _ in range(TRIES):
        stored = await world.store.get(Change, change.key) or change
        if is_recorded(stored):
            break
        record = _record(attempt, replace(outcome, change=stored), session.key)
        as_read = unmoved(stored)
        stored = replace(stored, session_id=session.key, result={**stored.result, **record})
        try:
            await world.store.commit(Put(stored, as_read))
        except RecordConflict:
            continue  # a rollback marked it in between, or a server took it over: read it again
        break
    else:
        raise RecordConflict(f"change {change.key}")
    return replace(outcome, change=stored, data={**outcome.data, **_answer(stored)})


def is_recorded(change: Change) -> bool:
    """Whether the stored change holds its record, in the state in which it is now."""
    return change.result.get("change_id") == change.key and change.result.get("recorded_in") == change.state.value


def _record(attempt: Attempt, outcome: Outcome, session_id: str) -> dict[str, Json]:
    """The record of the outcome's change."""
    change, plan = outcome.change, outcome.plan
    if change is None or plan is None:
        return {}
    to_analyst = change.state in (ChangeState.APPLIED, ChangeState.PENDING_KEEP, ChangeState.PARTIAL)
    record = change_log_record(
        plan.plan,
        change,
        outcome.steps,
        devices=attempt.facts.devices,
        session_id=session_id,
        handoff_to="network-analyst" if to_analyst else None,
    )
    return {**record, "recorded_in": change.state.value}


def _answer(change: Change) -> dict[str, Json]:
    record = {name: value for name, value in change.result.items() if name not in ("recorded_in", "failure")}
    return answered_record(record, len(json.dumps(record, default=str)))
