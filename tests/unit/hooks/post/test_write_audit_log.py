"""Post-task step 1 stores the change-log record with its change."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Change, Session
from mcp_server.errors import RecordConflict, StoreUnavailable
from mcp_server.hooks.post.write_audit_log import write_audit_log
from mcp_server.hooks.session import open_session
from tests.support.memory_store import MemoryStore
from tests.support.records import CANARY
from tests.unit.hooks.post.cases import ANA, a_world, an_attempt, changed, planned


async def test_the_record_of_an_ended_change_is_stored_with_it_and_answered() -> None:
    """What the engine had put into the result (why it failed, health) stays beside it."""
    outcome = changed()
    assert outcome.change is not None
    engine = replace(outcome.change, result={"health": {"verdict": "fine"}, "failure": {}})
    store = MemoryStore(engine)
    after = await write_audit_log(an_attempt(), replace(outcome, change=engine), a_world(store))
    stored = await store.get(Change, "CHG-1")
    assert stored is not None
    assert stored.result["change_id"] == "CHG-1"
    assert stored.result["result"]["status"] == "success"
    assert stored.result["health"] == {"verdict": "fine"}
    assert stored.session_id.startswith("SES-")
    assert stored.result["context"]["session_id"] == stored.session_id
    assert after.change == stored
    assert after.data["operation"]["type"] == "update"
    assert CANARY not in str(stored.result)


async def test_the_session_of_a_change_is_the_one_that_counts_it() -> None:
    """The same caller within half an hour keeps its session."""
    first, second = changed(key="CHG-1"), changed(key="CHG-2")
    store = MemoryStore(first.change, second.change)
    world = a_world(store)
    one = await write_audit_log(an_attempt(), first, world)
    two = await write_audit_log(an_attempt(), second, world)
    assert one.change is not None
    assert two.change is not None
    assert one.change.session_id == two.change.session_id
    assert len(await store.list(Session)) == 1


@pytest.mark.parametrize("state", [ChangeState.APPLYING, ChangeState.VERIFYING, ChangeState.ROLLING_BACK])
async def test_a_change_under_way_has_no_record_yet(state: ChangeState) -> None:
    """It is written when the change has ended."""
    store = MemoryStore(changed(state).change)
    outcome = changed(state)
    assert await write_audit_log(an_attempt(), outcome, a_world(store)) is outcome
    assert store.commits == []


async def test_calls_without_a_change_write_nothing_here() -> None:
    """Their row is written when the call closes."""
    store = MemoryStore()
    outcome = planned()
    assert await write_audit_log(an_attempt(), outcome, a_world(store)) is outcome
    assert store.commits == []


async def test_failed_and_undone_changes_are_recorded_as_well() -> None:
    """The protocol: also on failure."""
    for state in (ChangeState.FAILED, ChangeState.ROLLED_BACK, ChangeState.IN_DOUBT, ChangeState.ROLLBACK_FAILED):
        outcome = changed(state)
        store = MemoryStore(outcome.change)
        await write_audit_log(an_attempt(), outcome, a_world(store))
        stored = await store.get(Change, "CHG-1")
        assert stored is not None
        assert stored.result["result"]["status"] != "success"


async def test_a_record_is_written_once_and_anew_only_when_the_state_moved() -> None:
    """Asking for a finished change again changes nothing in the store."""
    outcome = changed()
    store = MemoryStore(outcome.change)
    world = a_world(store)
    after = await write_audit_log(an_attempt(), outcome, world)
    before = len(store.commits)
    await write_audit_log(an_attempt(), after, world)
    assert len(store.commits) == before
    pending = changed(ChangeState.PENDING_KEEP, key="CHG-2")
    store.records[Change, "CHG-2"] = pending.change
    await write_audit_log(an_attempt(), pending, world)
    kept = changed(key="CHG-2")
    stored = await store.get(Change, "CHG-2")
    assert stored is not None
    store.records[Change, "CHG-2"] = replace(stored, state=ChangeState.APPLIED)
    await write_audit_log(an_attempt(), kept, world)
    again = await store.get(Change, "CHG-2")
    assert again is not None
    assert again.result["recorded_in"] == "applied"


async def test_a_rollback_that_marks_the_change_meanwhile_is_kept() -> None:
    """Compare-and-set: read again, never overwritten."""
    outcome = changed()
    assert outcome.change is not None
    store = MemoryStore(replace(outcome.change, rolled_back_by="CHG-9"))
    world = a_world(store)
    await write_audit_log(an_attempt(), outcome, world)
    stored = await store.get(Change, "CHG-1")
    assert stored is not None
    assert stored.rolled_back_by == "CHG-9"
    assert stored.result["rollback"]["rollback_change_id"] == "CHG-9"


async def test_a_server_that_takes_the_change_over_meanwhile_keeps_it() -> None:
    """In doubt, it goes on elsewhere between the look and the commit: who carries it out is not overwritten."""
    outcome = changed(ChangeState.IN_DOUBT)

    class TakenOver(MemoryStore):
        async def commit(self, *writes: Any) -> Any:
            record = self.records[Change, "CHG-1"]
            self.records[Change, "CHG-1"] = replace(record, server="another", ended_at=None)
            return await super().commit(*writes)

    store = TakenOver(outcome.change)
    await write_audit_log(an_attempt(), outcome, a_world(store))
    stored = await store.get(Change, "CHG-1")
    assert stored is not None
    assert (stored.server, stored.ended_at) == ("another", None)


async def test_a_record_that_cannot_be_written_is_said_so() -> None:
    """The pipeline makes a warning of it; it never passes unseen."""
    outcome = changed()
    store = MemoryStore(outcome.change)
    store.failing = True
    with pytest.raises(StoreUnavailable):
        await write_audit_log(an_attempt(), outcome, a_world(store))
    store.failing = False
    world = a_world(store)
    await open_session(world, ANA)
    store.conflicts = 99
    with pytest.raises(RecordConflict):
        await write_audit_log(an_attempt(), outcome, world)
