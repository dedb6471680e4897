"""An undo that the cloud does not let through just now is tried again by itself, so many times, and never doubled."""

from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from mcp_server.changes.execution import take_back
from mcp_server.domain.record import AuditEntry
from tests.support.canonical import assert_same, canonical
from tests.support.longest import LONGEST_S
from tests.support.places import NET
from tests.support.stage import Stage, accepting, staged
from tests.support.story import Payload, confirmed, planned, step

SSID: Final = f"/networks/{NET}/wireless/ssids/"
GIVEN: Final = {"recover_every_s": 0.1, "settle_s": 0.1, "retry_server_tries": 1}


async def _half_done(stage: Stage, *numbers: str) -> Payload:
    """The first answer for a change whose last step the cloud refuses; by default the second of two."""
    each = numbers or ("1", "2")
    steps = [step("updateNetworkWirelessSsid", {"name": f"Rede {n}"}, networkId=NET, number=n) for n in each]
    plan = await planned(stage, *steps)
    refusal = {"kind": "status", "status": 400, "errors": ["No more names"]}
    stage.sandbox.add_fault({**refusal, "method": "PUT", "path": f"{SSID}{each[-1]}"})
    return await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])


async def _ended(stage: Stage, change_id: str) -> Payload:
    """The record of the change once it has come to an end."""
    with anyio.fail_after(LONGEST_S):
        while True:
            change: Payload = (await stage.call("history", change_id=change_id))["change"]
            if change["ended_at"] and change.get("recorded_in") == change["state"]:
                return change
            await anyio.sleep(0.02)


def _writes(stage: Stage) -> list[tuple[str, str]]:
    """Which SSID the cloud was asked to give which name, in its order."""
    return [(write["path"][-1], write["body"]["name"]) for write in stage.writes()]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "count": 1},
        {"kind": "status", "status": 500, "count": 2},
        {"kind": "drop", "count": 1},
        {"kind": "status", "status": 429, "retry_after": "0", "count": 12},
    ],
    ids=["503 once", "500 twice", "dropped before it arrived", "429 for a while"],
)
async def test_an_undo_that_did_not_get_through_is_tried_again(tmp_path: Path, fault: dict[str, Any]) -> None:
    """The caller is told that it goes on, the record that it was undone and why; others cannot begin meanwhile."""
    async with staged(tmp_path / "home", answer=accepting, given=GIVEN) as stage:
        before = canonical(stage.sandbox.world)
        stage.sandbox.add_fault({**fault, "method": "PUT", "path": f"{SSID}1", "skip": 1})
        done = await _half_done(stage)
        assert (done["status"], done.get("error")) == ("applying", None), done
        assert "tried again" in done["summary"]
        change = await _ended(stage, done["change_id"])
        assert (change["status"], change["failure"]["cloud_says"]) == ("rolled_back", ["No more names"]), change
        assert_same(before, canonical(stage.sandbox.world))
        assert stage.server is not None
        rows = await stage.server.store.list(AuditEntry, {"event": "outcome", "status": "applied"})
        assert [row.detail["phase"] for row in rows] == ["undo", "apply"]  # newest first; each took effect once


async def test_no_step_is_taken_back_before_a_later_one_whose_undo_is_put_off(tmp_path: Path) -> None:
    """Last step first, also over a pause: a later step may need what an earlier one made."""
    async with staged(tmp_path / "home", answer=accepting, given=GIVEN) as stage:
        before = canonical(stage.sandbox.world)
        once = {"kind": "status", "status": 503, "count": 1}
        stage.sandbox.add_fault({**once, "method": "PUT", "path": f"{SSID}2", "skip": 1})
        done = await _half_done(stage, "1", "2", "3")
        assert (await _ended(stage, done["change_id"]))["status"] == "rolled_back"
        assert_same(before, canonical(stage.sandbox.world))
        assert [number for number, _ in _writes(stage)] == ["1", "2", "3", "2", "2", "1"]


async def test_an_undo_that_never_gets_through_is_given_up_after_so_many_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is what it was without: failed, the residue named, and a person has the command."""
    monkeypatch.setattr(take_back, "_TRIES", 2)
    async with staged(tmp_path / "home", answer=accepting, given=GIVEN) as stage:
        stage.sandbox.add_fault(
            {"kind": "status", "status": 503, "method": "PUT", "path": f"{SSID}1", "skip": 1, "count": 99}
        )
        done = await _half_done(stage)
        change = await _ended(stage, done["change_id"])
        assert change["status"] == "rollback_failed"
        assert change["next_command"].endswith(f"rollback {done['change_id']}")
        assert any('name is "Rede 1", was "Visitantes"' in str(left) for left in change["residue"])
        assert _writes(stage) == [("1", "Rede 1"), ("2", "Rede 2"), *[("1", "Visitantes")] * 3]
        assert stage.server is not None
        rows = await stage.server.store.list(AuditEntry, {"event": "recovery", "status": "put_off"})
        assert [row.detail["tries"] for row in rows] == [2, 1]
