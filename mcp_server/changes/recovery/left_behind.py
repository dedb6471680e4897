"""Changes that nobody carries out any more, and how one is taken over.

Rules: while the server that carries a change out lives, nobody else goes on with it; who takes it over takes its
leases under new fences, in the same transaction, so that the other one, should it come back, writes nothing.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from mcp_server.changes.execution.run import Run, fences_of
from mcp_server.changes.holding import OPEN, is_left, refuse_held
from mcp_server.changes.means import Means
from mcp_server.changes.step_records import steps_of
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Attempt, Effect, ToolCall
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Put, TakeLeases
from mcp_server.domain.record import Change, ChangeStep, Lease, Session, StoredPlan
from mcp_server.domain.recovery.arrival import may_arrive
from mcp_server.domain.recovery.safe_end import is_in_doubt
from mcp_server.errors import RecordConflict, StoreUnavailable
from mcp_server.failpoints import failpoint
from mcp_server.world import World

S = ChangeState
log = logging.getLogger(__name__)
_MOST: Final = 1000


async def left_behind(world: World, means: Means, running: Collection[str]) -> list[Change]:
    """The changes to go on with, oldest first; ``running`` are those that this server carries out now."""
    found = await world.store.list(Change, {"state": [state.value for state in OPEN]}, limit=_MOST)
    if not found:
        return []
    own = means.servers.enter()
    return [
        change for change in reversed(found) if change.key not in running and await _is_left(change, own, world, means)
    ]


async def _is_left(change: Change, own: str, world: World, means: Means) -> bool:
    """Whether nobody works on it: its server is gone, or it ended in doubt and more can be known than was then."""
    if change.ended_at is not None:
        return change.state is S.IN_DOUBT and _can_end_better(change, await steps_of(world.store, change.key))
    if not change.server:
        leases = await world.store.list(Lease, {"change_id": change.key}, limit=1)
        return not leases or leases[0].until <= world.clock.now()
    return change.server == own or is_left(change, means)


def _can_end_better(change: Change, records: Sequence[ChangeStep]) -> bool:
    """Whether a write in doubt can be read now, or no write is in doubt and only the end could not be recorded."""
    is_unrecorded = change.result.get("failure", {}).get("code") == StoreUnavailable.code
    return any(map(can_be_settled, records)) or (is_unrecorded and not is_in_doubt(records))


def can_be_settled(record: ChangeStep) -> bool:
    """Whether something reads what the write was to do, and nothing was read yet, or read too early; or not even its
    outcome was kept.
    """
    reads = record.asked is not None and record.asked.place is not None
    is_open = record.verified.get("matches") is None or may_arrive(record)
    return record.state in ("intent", "unknown", "applied") and reads and is_open


async def take_over(change: Change, world: World, means: Means) -> Run | None:
    """The run of a change that was left behind, with its leases; None when somebody else was first."""
    stored = await world.store.get(StoredPlan, change.plan_id)
    if stored is None:
        log.error("the plan of change %s is not on record; a person must look at it", change.key)
        return None
    taken = replace(change, server=means.servers.enter(), ended_at=None)
    run = Run(stored, taken, await _attempt(change, world), world, means, is_started=True, is_detached=True)
    run.steps = list(await steps_of(world.store, change.key))
    run.is_sent = any(record.sent_at for record in run.steps)
    run.created = {one.number: one.created for one in run.steps if one.state == "applied"}
    run.progress = sum(one.phase == "apply" and one.state in ("applied", "unchanged") for one in run.steps)
    now = world.clock.now()
    until = now + timedelta(seconds=means.times.lease_s)
    expected = {"state": change.state, "server": change.server, "ended_at": change.ended_at}
    told = {"from": change.server, "by": taken.server, "state": change.state.value}
    try:
        await refuse_held(run.lease_keys, change.key, world, means)
        await world.store.commit(
            Put(taken, expected),
            TakeLeases(run.lease_keys, change.key, change.owner, now, until, again=True),
            run.entry("recovery", "taken_over", told),
        )
        failpoint("R1")
        run.fences = await fences_of(run, until)
    except RecordConflict as lost:
        log.warning("change %s was left behind and cannot be taken over now: %s", change.key, lost)
        return None
    return run


async def _attempt(change: Change, world: World) -> Attempt:
    """The call that began the change, as far as it is on record: whose it was, and in which session."""
    session = await world.store.get(Session, change.session_id)
    actor = Actor(change.owner, "server", client=session.client if session else "")
    return Attempt(ToolCall(change.call_id, "recovery", {}, actor, change.correlation_id), Effect.CHANGE, {})
