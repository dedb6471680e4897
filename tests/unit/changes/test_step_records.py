"""All records of a change's steps, however many there are."""

from dataclasses import replace
from pathlib import Path

from mcp_server.changes.step_records import steps_of
from mcp_server.domain.ports import Put
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support.fake_clock import FakeClock
from tests.support.records import a_change_step


async def test_no_step_of_a_long_change_is_forgotten(tmp_path: Path) -> None:
    """What is not read is taken for not done: a rollback of twenty changes may have thousands of steps."""
    bare = a_change_step()
    steps = [
        replace(bare, key=f"{bare.change_id}/{phase}/{number}", phase=phase, number=number)
        for phase in ("apply", "undo")
        for number in range(1, 1_251)
    ]
    other = replace(bare, key="CHG-OTHER/apply/1", change_id="CHG-OTHER")
    store = SqliteStore.open(tmp_path, Seal(b"k" * 32), FakeClock())
    try:
        await store.commit(*map(Put, [*steps, other]))
        found = await steps_of(store, bare.change_id)
        assert {one.key for one in found} == {one.key for one in steps}
    finally:
        store.close()
