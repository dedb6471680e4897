"""How a change ends that the store, the cloud or the server left without a safe next step."""

from dataclasses import replace

import pytest

from mcp_server.changes.execution.ending import end, stranded
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Append, Put
from mcp_server.domain.record import Change, ChangeStep
from tests.unit.changes.execution.runs import a_run

S = ChangeState


@pytest.mark.parametrize(
    ("kept", "end"), [("intent", S.IN_DOUBT), ("applied", S.ROLLBACK_FAILED), ("failed", S.ROLLBACK_FAILED)]
)
async def test_an_undo_that_was_cut_short_is_in_doubt_when_a_write_has_no_outcome_on_record(
    kept: str, end: ChangeState
) -> None:
    """Whatever the run itself believes of that write: its commit failed, and only what is kept counts."""
    run, _ = a_run()
    run.change = replace(run.change, state=S.ROLLING_BACK, ended_at=None)
    run.is_sent = True
    step = ChangeStep(f"{run.change.key}/undo/10000", run.change.key, "undo", 10000, kept, {})
    await run.world.store.commit(Put(run.change), Put(step))
    run.keep_step(replace(step, state="applied"))
    await stranded(run, {"code": "internal"})
    found = await run.world.store.get(Change, run.change.key)
    assert found is not None
    assert (found.state, found.ended_at is not None) == (end, True)


@pytest.mark.parametrize("state", [S.PARTIAL, S.ROLLING_BACK])
async def test_an_undo_that_the_store_cut_short_is_left_for_the_recovery(state: ChangeState) -> None:
    """Nothing is called an end: what is on record says what is open, and another server or this one goes on with it."""
    run, _ = a_run()
    run.change = replace(run.change, state=state, ended_at=None)
    run.is_sent = True
    await run.world.store.commit(Put(run.change))
    told = await stranded(run, {"code": "store_unavailable"})
    found = await run.world.store.get(Change, run.change.key)
    assert (found, told.error) == (run.change, None)


async def test_an_end_that_the_state_does_not_allow_is_doubt() -> None:
    """Nothing that was being verified can have failed without an effect: a person is asked, and the end is kept."""
    run, _ = a_run()
    run.change = replace(run.change, state=S.VERIFYING, ended_at=None)
    await run.world.store.commit(Put(run.change))
    await stranded(run, {"code": "internal"})
    found = await run.world.store.get(Change, run.change.key)
    assert found is not None
    assert (found.state, found.ended_at is not None) == (S.IN_DOUBT, True)


@pytest.mark.parametrize(("state", "alerts"), [(S.IN_DOUBT, 1), (S.PARTIAL, 1), (S.FAILED, 0)])
async def test_an_end_for_which_a_person_is_waited_has_a_row_of_its_own_with_the_command(
    state: ChangeState, alerts: int
) -> None:
    """In the same commit as the end, so that whoever watches the record need not know every state."""
    run, _ = a_run()
    run.change = replace(run.change, state=S.APPLYING, ended_at=None)
    await run.world.store.commit(Put(run.change))
    await end(run, state)
    last = run.world.store.commits[-1]  # type: ignore[attr-defined]  # a stand-in
    told = [one.entry for one in last if isinstance(one, Append) and one.entry.event == "alert"]
    assert [row.detail["command"] for row in told] == [run.next_command] * alerts
    assert bool(run.next_command) is bool(alerts)
