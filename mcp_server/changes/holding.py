"""Who may take the networks of a plan: nobody while a server lives that is in the middle of a change there.

A lease that ran out is no proof that its holder has stopped writing: a process that stood still may have a request on
its way, which no fence holds back. So the end of its process decides, which the operating system tells, never a clock.
Nor is it one that a write of which nobody has the answer has arrived: whoever sets the wall clock ends no wait for it.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Final

from mcp_server.changes.means import Means
from mcp_server.changes.step_records import steps_of
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import moment
from mcp_server.domain.record import Change, Lease
from mcp_server.domain.recovery.arrival import last_arrival
from mcp_server.errors import Busy, RecordConflict
from mcp_server.world import World

S = ChangeState
OPEN: Final = (S.APPLYING, S.VERIFYING, S.PARTIAL, S.ROLLING_BACK, S.IN_DOUBT)


async def refuse_held(keys: Collection[str], change_id: str, world: World, means: Means) -> None:
    """Nothing, or RecordConflict with a lease that ran out while the change that has it is still carried out, or while
    a write of it may still arrive.

    Leases that have not run out are refused where they are taken.
    """
    for lease in await world.store.list(Lease, {"key": list(keys)}, limit=len(keys)):
        if lease.change_id == change_id or lease.until > world.clock.now():
            continue
        holder = await world.store.get(Change, lease.change_id)
        if holder is None:
            continue
        if _is_carried_out(holder, means):
            raise RecordConflict(f"lease {lease.key}: ran out, but the server that has it lives", lease)
        until = await _awaited_until(holder, world, means)
        if until is not None and until > world.clock.now():
            waiting = replace(lease, until=until)
            raise RecordConflict(f"lease {lease.key}: ran out, but a write under it may still arrive", waiting)


async def _awaited_until(change: Change, world: World, means: Means) -> datetime | None:
    """When the last write of a change that ended has arrived; None when none is awaited."""
    if change.ended_at is None:
        return None
    records = await steps_of(world.store, change.key)
    return last_arrival(records, moment(world.clock), means.times.late_s)


def busy(lease: Lease, now: datetime) -> Busy:
    """What the next one is told of the lease that is in its way: until when it holds, or since when it has not."""
    at = lease.until.isoformat(timespec="seconds")
    about: dict[str, Json] = {"holder": lease.holder, "change_id": lease.change_id}
    if lease.until > now:
        return Busy(
            f"Change {lease.change_id} of {lease.holder} holds {lease.key} until {at}.",
            "Wait for it (history shows its state), then call again.",
            code="busy",
            details={**about, "until": lease.until.isoformat()},
        )
    return Busy(
        f"The lease of change {lease.change_id} of {lease.holder} on {lease.key} ran out at {at}, but its server "
        "has not ended: it stands still, and a write of it may be on its way.",
        "It is taken over as soon as that server has ended, or goes on by itself (history shows its state); then call "
        "again.",
        code="busy",
        details={**about, "ran_out_at": lease.until.isoformat()},
    )


def _is_carried_out(change: Change, means: Means) -> bool:
    is_open = change.state in OPEN and change.ended_at is None
    return is_open and bool(change.server) and not is_left(change, means)


def is_left(change: Change, means: Means) -> bool:
    """Whether the server that worked on it last is surely gone: no clock says so, but the end of its process."""
    return bool(change.server) and not means.servers.is_alive(change.server)
