"""Every row of the main job: planned, confirmed, applied, verified in the cloud's own state, and taken back."""

from typing import Any

import pytest

from tests.flow.rows import ROWS, Row
from tests.support.canonical import assert_same, canonical
from tests.support.stage import Stage
from tests.support.story import confirmed, keep, planned, taken_back, undo_secret

pytestmark = pytest.mark.usefixtures("way")


@pytest.mark.parametrize("name", ROWS)
async def test_a_change_reaches_the_cloud_and_its_rollback_restores_it_byte_for_byte(stage: Stage, name: str) -> None:
    """Nothing is sent before the yes; what was announced as a new id is the only id that may differ."""
    row = ROWS[name]
    for method, path, body in row.prepared:
        assert stage.sandbox.world.perform is not None
        stage.sandbox.world.perform(method, path, dict(body))
    before = canonical(stage.sandbox.world)
    done = await _applied(stage, row)
    assert row.holds(stage.sandbox.world)
    if row.secret:
        keep(stage, undo_secret(done["change_id"]), row.secret)
    back = await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world, _announced(done, back)))


async def _applied(stage: Stage, row: Row) -> dict[str, Any]:
    plan = await planned(stage, *row.operations)
    assert not stage.writes()
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert bool(stage.asked) == (row.confirmed == "asked"), plan["risk"]
    assert done["status"] == "applied", (done["status"], done.get("error"), done.get("steps"))
    assert [one["verified"] for one in done["steps"]] == [True] * len(done["steps"])
    return done


def _announced(done: dict[str, Any], back: dict[str, Any]) -> dict[str, str]:
    """New id to old id, from what the rollback says it created and what the change says stood there before."""
    old = [entry["state"] for entry in done["backup_state"]["data"] or [] if entry.get("state")]
    new = [one["created"] for one in back["steps"] if one.get("created")]
    return {
        str(ids[name]): str(state[name])
        for ids in new
        for state in old
        for name in ids
        if name in state and ids[name] != state[name]
    }
