"""Leases over more networks than one list of the store holds: a template may be bound to thousands."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.changes.execution.run import Run, fences_of
from mcp_server.changes.holding import busy, refuse_held
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Put, TakeLeases
from mcp_server.domain.record import Lease
from mcp_server.errors import RecordConflict
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support.fake_clock import START, FakeClock
from tests.support.memory_store import MemoryStore
from tests.support.records import a_change
from tests.unit.changes.execution.runs import a_run

KEYS: Final = tuple(f"network:N_{number:04}" for number in range(1_200))
UNTIL: Final = START + timedelta(seconds=900)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store on disk."""
    opened = SqliteStore.open(tmp_path, Seal(b"k" * 32), FakeClock())
    yield opened
    opened.close()


def run_on(store: SqliteStore) -> Run:
    """A run that takes all of them."""
    run, _ = a_run()
    run.world, run.lease_keys = replace(run.world, store=store), KEYS
    return run


async def test_every_fence_is_known_however_many_leases_a_change_takes(store: SqliteStore) -> None:
    """None is missing, and none is of another's lease."""
    run = run_on(store)
    await store.commit(TakeLeases(KEYS, run.change.key, "ana", START, UNTIL))
    assert await fences_of(run, UNTIL) == (1,) * len(KEYS)
    await store.commit(TakeLeases(KEYS[-1:], run.change.key, "ana", START, UNTIL + timedelta(seconds=1), again=True))
    with pytest.raises(RecordConflict):
        await fences_of(run, UNTIL)


@pytest.mark.parametrize("number", [0, 600, len(KEYS) - 1])
async def test_the_server_that_stands_still_is_found_among_all_who_hold_leases(store: SqliteStore, number: int) -> None:
    """Its lease on one of them ran out, and it lives."""
    run = run_on(store)
    run.world.clock.advance(2.0)  # type: ignore[attr-defined]  # a stand-in
    still = replace(a_change("CHG-9"), state=ChangeState.APPLYING, server=run.means.servers.enter(), ended_at=None)
    others = tuple(key for key in KEYS if key != KEYS[number])
    await store.commit(
        Put(still),
        TakeLeases((KEYS[number],), still.key, "ana", START, START),
        TakeLeases(others, "CHG-8", "ana", START, START + timedelta(seconds=1)),
    )
    with pytest.raises(RecordConflict, match="lives"):
        await refuse_held(KEYS, run.change.key, run.world, run.means)


@pytest.mark.parametrize(
    ("change_id", "until_s", "is_refused"),
    [("CHG-9", -1, True), ("CHG-9", 0, True), ("CHG-9", 1, False), ("", -1, False)],
)
async def test_only_a_lease_of_another_that_ran_out_is_judged_here(
    change_id: str, until_s: float, *, is_refused: bool
) -> None:
    """One that holds is refused where it is taken; its own is no hindrance."""
    run, _ = a_run()
    holder = replace(run.change, key=change_id or run.change.key, server=run.means.servers.enter(), ended_at=None)
    lease = Lease(run.lease_keys[0], holder.key, "ana", START + timedelta(seconds=until_s), 1)
    run.world = replace(run.world, store=MemoryStore(holder, lease))
    if is_refused:
        with pytest.raises(RecordConflict, match="lives"):
            await refuse_held(run.lease_keys, run.change.key, run.world, run.means)
    else:
        await refuse_held(run.lease_keys, run.change.key, run.world, run.means)


@pytest.mark.parametrize(
    "more", [{"ended_at": START}, {"server": ""}, {"server": "gone"}, {"state": ChangeState.PENDING_KEEP}]
)
async def test_a_lease_that_ran_out_and_that_nobody_uses_is_free(more: Any) -> None:
    """Its change has ended, waits, or lost its server."""
    run, _ = a_run()
    held = {"key": "CHG-9", "server": run.means.servers.enter(), "ended_at": None, **more}
    lease = Lease(run.lease_keys[0], "CHG-9", "ana", START, 1)
    for records in ((replace(run.change, **held), lease), (lease,)):
        run.world = replace(run.world, store=MemoryStore(*records))
        await refuse_held(run.lease_keys, run.change.key, run.world, run.means)


def test_whoever_waits_is_told_until_when_or_since_when_there_is_no_lease() -> None:
    """And in each case what to wait for."""
    lease = Lease("network:N_1", "CHG-9", "ana", START, 1)
    held, stood = busy(lease, START - timedelta(seconds=1)), busy(lease, START)
    assert (f"until {START.isoformat()}" in held.message, "history" in held.remedy) == (True, True)
    assert held.details == {"holder": "ana", "change_id": "CHG-9", "until": START.isoformat()}
    assert ("ran out at" in stood.message, "as soon as that server has ended" in stood.remedy) == (True, True)
    assert stood.details == {"holder": "ana", "change_id": "CHG-9", "ran_out_at": START.isoformat()}
