"""The session of a caller: actor and client name, ended by 30 minutes of silence (the protocol has no session).

Pure decisions first; the two functions at the end read and write the store.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Plan, Step
from mcp_server.domain.ports import Put, Store
from mcp_server.domain.record import Change, Session
from mcp_server.domain.redaction import clean
from mcp_server.errors import RecordConflict
from mcp_server.world import World

SILENCE = timedelta(minutes=30)
SUMMARY_FROM = 5  #: changes in a session
MODIFIED_KEPT = 500  #: newest entries of what a session modified
CHANGELOG_KEPT = 50  #: newest entries
TRIES = 8  #: when other calls of the session write at the same time

_HAPPENED = frozenset({
    ChangeState.APPLIED, ChangeState.PENDING_KEEP, ChangeState.PARTIAL, ChangeState.IN_DOUBT,
    ChangeState.ROLLED_BACK, ChangeState.ROLLBACK_FAILED,
})  # fmt: skip


def happened(change: Change) -> bool:
    """Whether something was sent to the network, so that the session counts the change."""
    return change.state in _HAPPENED


def client_name(actor: Actor) -> str:
    """The client's name as it stands in a session."""
    return clean(actor.client, 80)


def is_live(session: Session, now: datetime) -> bool:
    """Whether the session was heard of in the last 30 minutes."""
    return now - session.last_seen_at <= SILENCE


def counted(session: Session, plan: Plan, change: Change, markdown: str, now: datetime) -> Session:
    """The session after that change; the same when it has counted it before."""
    if change.key in session.changes:
        return replace(session, last_seen_at=now)
    operations = dict(session.operations)
    for operation in {step.write.operation for step in plan.steps}:
        operations[operation] = operations.get(operation, 0) + 1
    return replace(
        session,
        last_seen_at=now,
        changes_count=session.changes_count + 1,
        changes=(*session.changes, change.key)[-MODIFIED_KEPT:],
        modified=_modified(session, plan, change, now),
        operations=operations,
        changelog=(*session.changelog, *([markdown] if markdown else []))[-CHANGELOG_KEPT:],
    )


def _modified(session: Session, plan: Plan, change: Change, now: datetime) -> tuple[Mapping[str, Json], ...]:
    if change.state == ChangeState.ROLLED_BACK:
        return session.modified
    entries = {_place(entry): entry for entry in session.modified}
    for step in plan.steps:
        entry = {
            "serial": step.serial,
            "network_id": step.network_id,
            "resource": step.resource,
            "path": step.path,
            "at": now.isoformat(),
            "change_id": change.key,
        }
        entries.pop(_place(entry), None)
        entries[_place(entry)] = entry
    return tuple(entries.values())[-MODIFIED_KEPT:]


def _place(entry: Mapping[str, Json]) -> tuple[Json, ...]:
    return (entry.get("serial"), entry.get("network_id"), entry.get("path"))


def overlaps(session: Session, steps: Iterable[Step]) -> tuple[tuple[Step, str], ...]:
    """The steps that touch what the session has modified, each with the id of the change that did."""
    changed = {_place(entry): str(entry.get("change_id", "")) for entry in session.modified}
    found = ((step, changed.get((step.serial, step.network_id, step.path), "")) for step in steps)
    return tuple((step, change_id) for step, change_id in found if change_id)


async def find_session(store: Store, actor: Actor, now: datetime) -> Session | None:
    """The actor's live session with this client, or None."""
    newest = await store.list(Session, {"owner": actor.key, "client": client_name(actor)}, limit=1)
    return newest[0] if newest and is_live(newest[0], now) else None


async def open_session(world: World, actor: Actor) -> Session:
    """The actor's live session; a new one, stored, when there is none."""
    found = await find_session(world.store, actor, world.clock.now())
    return found or await update(world, actor, lambda session: session)


async def update(world: World, actor: Actor, change: Callable[[Session], Session]) -> Session:
    """The actor's session, new if need be, after ``change``; RecordConflict when others kept writing it."""
    for _ in range(TRIES):
        now = world.clock.now()
        found = await find_session(world.store, actor, now)
        start = found or Session(world.ids.new("SES"), actor.key, client_name(actor), started_at=now, last_seen_at=now)
        after = change(start)
        expected = None if found is None else {"changes_count": found.changes_count}
        try:
            await world.store.commit(Put(after, expect=expected))
        except RecordConflict:
            continue  # another call of the session wrote first: read it again
        return after
    raise RecordConflict("session")
