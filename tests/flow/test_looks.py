"""Who looks at a change that waits to be kept holds its networks no longer than they live, and waits for who does."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_server.assembly import Server
from mcp_server.changes.keeping.tend import Tender
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Put, TakeLeases
from mcp_server.domain.record import Change, Deadline, StoredPlan
from mcp_server.errors import Unreachable
from tests.flow.test_commit_confirm import Held, later, rows, waiting
from tests.support.fake_clock import ShiftedClock
from tests.support.stage import Stage


def _served(stage: Stage) -> Server:
    """The server of the stage, which does nothing by itself any more."""
    assert stage.server is not None
    stage.server.upkeep.stop()
    return stage.server


@asynccontextmanager
async def _two_servers(home: Path) -> AsyncIterator[Sequence[tuple[Stage, ShiftedClock]]]:
    """Two on one data directory, in front of one sandbox."""
    async with later(home, None) as one, later(home, one[0].sandbox) as two:  # type: ignore[arg-type]  # makes its own
        yield one, two


def _tender(server: Server, clock: ShiftedClock) -> Tender:
    return Tender(server.store, clock, server.world, server.means, server.changes)


async def _status(stage: Stage, change_id: str) -> str:
    return str((await stage.call("history", change_id=change_id))["change"]["status"])


@pytest.mark.parametrize("is_gone", [True, False])
async def test_the_lease_of_a_look_holds_no_longer_than_the_server_that_looks(tmp_path: Path, *, is_gone: bool) -> None:
    """Whatever the clock says: set back after a crash, it would not reach the lease's end for as long."""
    async with _two_servers(tmp_path / "home") as ((one, first), (two, second)):
        done = await waiting(one)
        looker, other = _served(one), _served(two)
        first.advance(700)
        second.advance(700)
        stands = Held(looker.client, "GET", fails=True)

        async def looks() -> None:
            with pytest.raises(Unreachable):
                await stands.tender(looker, first).tend()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(looks)
            await stands.came.wait()
            if is_gone:
                looker.presence.close()
            await _tender(other, second).tend()
            status = await _status(two, done["change_id"])
            stands.goes_on.set()
        assert status == ("rolled_back" if is_gone else "pending_keep")
        assert len(await rows(two, "deadline", "undone")) == is_gone


@pytest.mark.parametrize("is_gone", [True, False])
async def test_no_undo_begins_while_a_server_stands_still_in_the_middle_of_a_change_there(
    tmp_path: Path, *, is_gone: bool
) -> None:
    """The lease of that change ran out, but a write of it may be on its way for as long as its server lives."""
    async with _two_servers(tmp_path / "home") as ((one, first), (two, second)):
        done = await waiting(one)
        stands, other = _served(one), _served(two)
        change = await other.store.get(Change, done["change_id"])
        stored = await other.store.get(StoredPlan, done["plan_id"])
        assert change is not None
        assert stored is not None
        still = replace(change, key="CHG-20260101-000000-0001", state=ChangeState.APPLYING)
        now = first.now()
        held = TakeLeases(stored.plan.lease_keys, still.key, "ana", now, now + timedelta(seconds=1))
        await stands.store.commit(Put(replace(still, server=stands.means.servers.enter())), held)
        second.advance(700)
        if is_gone:
            stands.presence.close()
        await _tender(other, second).tend()
        assert await _status(two, done["change_id"]) == ("rolled_back" if is_gone else "pending_keep")


@pytest.mark.parametrize("is_late", [True, False])
async def test_a_change_whose_time_passes_while_its_health_is_read_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_late: bool
) -> None:
    """The clock is looked at once more when all else is known: from then on the undo has it."""
    async with later(tmp_path / "home", None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        done = await waiting(stage)
        server, asked, cloud = _served(stage), len(stage.asked), stage.sandbox._ask

        def slow(*given: Any) -> Any:
            if len(stage.asked) > asked:
                clock.advance(400 if is_late else 1)
            return cloud(*given)

        clock.advance(300)
        monkeypatch.setattr(stage.sandbox, "_ask", slow)
        answer = await stage.call("meraki_apply", plan_id=done["plan_id"], keep=True)
        deadline = await server.store.get(Deadline, done["change_id"])
        assert deadline is not None
        if is_late:
            assert (answer["status"], answer["error"]["code"]) == ("refused", "deadline_passed")
            assert deadline.state == "open"
        else:
            assert (answer["status"], deadline.state) == ("applied", "kept")
