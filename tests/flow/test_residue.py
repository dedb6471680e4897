"""After a change the organization's own change log is read, and what the change does not explain is told."""

from typing import Any

import pytest

from mcp_server.sandbox.behaviour import AFTER_WRITE
from tests.support.places import NET, ORG
from tests.support.stage import Stage
from tests.support.story import applied, confirmed, planned, step, taken_back

RENAME = step("updateNetworkWirelessSsid", {"name": "Saguão"}, networkId=NET, number="1")
LOG = f"/organizations/{ORG}/configurationChanges"


def _meanwhile(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Something that happens in the cloud right after the first write."""
    done: list[bool] = []

    def once(world: Any, call: Any) -> None:
        if not done:
            done.append(True)
            act(world, call)

    monkeypatch.setattr("mcp_server.sandbox.cloud.AFTER_WRITE", [*AFTER_WRITE, once])


async def test_a_change_that_is_alone_leaves_nothing_and_reads_the_log_once(stage: Stage) -> None:
    """One GET, at the end; the rollback reads it again for its own time."""
    done = await applied(stage, RENAME)
    assert (done["residue"], done["change_log"]) == ([], {"state": "read", "own_rows": 1, "unexplained": 0})
    back = await taken_back(stage, change_id=done["change_id"])
    assert (back["residue"], back["change_log"]["state"]) == ([], "read")
    assert [one["path"] for one in stage.sandbox.world.journal].count(LOG) == 2


async def test_what_somebody_else_did_meanwhile_is_named_in_result_and_record(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who, where and which fields, as far as the log tells."""
    _meanwhile(
        monkeypatch,
        lambda _world, _call: stage.sandbox.edit(f"/networks/{NET}/snmp", {"access": "none"}, label="SNMP"),
    )
    done = await applied(stage, RENAME)
    (left,) = done["residue"]
    assert (left["by"], left["who"], left["what"]) == ("somebody else", "somebody@example.com", "SNMP")
    assert any("not explained" in one["message"] for one in done["warnings"])
    record = await stage.call("history", change_id=done["change_id"])
    assert left in record["change"]["residue"]


async def test_a_side_effect_of_the_write_itself_is_named_as_ours(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same key, another place."""
    _meanwhile(
        monkeypatch,
        lambda world, _call: world.record_change(NET, "Addressing & VLANs", "VLAN 20 deleted", "", ""),
    )
    (left,) = (await applied(stage, RENAME))["residue"]
    assert (left["by"], left["page"]) == ("this server's key", "Addressing & VLANs")


async def test_a_log_that_cannot_be_read_is_a_warning_and_no_failure(stage: Stage) -> None:
    """Applied all the same; that nothing is known of others is said."""
    stage.sandbox.add_fault({"kind": "status", "status": 403, "path": LOG, "errors": ["No access"]})
    done = await applied(stage, RENAME)
    assert (done["status"], done["change_log"]["state"]) == ("applied", "unknown")
    assert any(one["rule"] == "change_log" for one in done["warnings"])


async def test_a_log_that_lags_behind_is_unknown(stage: Stage) -> None:
    """It shows the state from before the write."""
    plan = await planned(stage, RENAME)
    stage.sandbox.add_fault({"kind": "stale", "path": LOG})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], done["change_log"]["state"]) == ("applied", "unknown")
    assert "delayed" in done["change_log"]["why"]
