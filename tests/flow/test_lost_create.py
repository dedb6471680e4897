"""A create that no natural key tells from the others, whose answer is lost: settled by the list taken before it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Change, ChangeStep
from mcp_server.sandbox.app import SandboxApp
from tests.support.canonical import assert_same, canonical
from tests.support.crashing import Crash, about_to_crash
from tests.support.places import NET
from tests.support.stage import Stage
from tests.support.story import Payload, confirmed, planned, step, taken_back

S = ChangeState
RULES: Final = f"/networks/{NET}/switch/qosRules"
BODY: Final = {"vlan": 100, "protocol": "TCP", "dstPort": 2000, "dscp": 46}
RULE: Final = step("createNetworkSwitchQosRule", BODY, networkId=NET)
OTHER: Final = {"id": "7", "name": "Ana", "email": "ana@example.com"}


@pytest.fixture
async def crash(tmp_path: Path) -> AsyncIterator[Crash]:
    """An approved plan that adds a QoS rule."""
    async with about_to_crash(tmp_path, RULE) as made:
        yield made


def rules(sandbox: SandboxApp) -> dict[str, Any]:
    """The network's QoS rules by id."""
    found: dict[str, Any] = sandbox.world.collection(RULES)
    return found


def by_somebody(sandbox: SandboxApp) -> None:
    """Somebody else adds a rule in the dashboard."""
    made = sandbox.world.new_id()
    rules(sandbox)[made] = {"id": made, **BODY}
    sandbox.world.record_change(NET, "Switch settings", "QoS", "", {}, admin=OTHER)


async def lost(stage: Stage, when: str) -> Payload:
    """The end of the change whose answer is lost, before or after the cloud made the rule."""
    plan = await planned(stage, RULE)
    stage.sandbox.add_fault({"kind": "drop", "when": when, "method": "POST", "path": RULES})
    return await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])


async def test_a_lost_answer_is_settled_as_applied_with_the_id_and_can_be_taken_back(stage: Stage) -> None:
    """Sent once; the new element's id is on record, so that the undo deletes just that one."""
    rules(stage.sandbox)["1"] = {"id": "1", **BODY}  # the very same, from long ago: it is in the list that was taken
    before = canonical(stage.sandbox.world)
    done = await lost(stage, "after")
    [made] = set(rules(stage.sandbox)) - {"1"}
    [told] = done["steps"]
    assert (done["status"], told["state"], told["created"]) == ("applied", "applied", {"id": made})
    assert [entry["method"] for entry in stage.writes()] == ["POST"]
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))


async def test_what_never_arrived_is_told_as_not_applied(stage: Stage) -> None:
    """Nothing new in the list after the settle time."""
    before = canonical(stage.sandbox.world)
    done = await lost(stage, "before")
    assert (done["status"], done["steps"][0]["state"]) == ("failed", "not_applied")
    assert_same(before, canonical(stage.sandbox.world))


async def test_a_log_that_cannot_be_read_leaves_it_to_a_person(stage: Stage) -> None:
    """It might be somebody else's."""
    stage.sandbox.add_fault(
        {"kind": "status", "status": 403, "operation": "getOrganizationConfigurationChanges", "count": 99}
    )
    done = await lost(stage, "after")
    assert (done["status"], done["steps"][0]["state"]) == ("unknown", "unknown")


async def test_no_list_no_create(stage: Stage) -> None:
    """What could not be settled later is not sent."""
    plan = await planned(stage, RULE)
    stage.sandbox.add_fault({"kind": "status", "status": 403, "operation": "getNetworkSwitchQosRules", "count": 99})
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
    assert (done["status"], stage.writes()) == ("failed", [])


@pytest.mark.parametrize(("point", "end", "count"), [("K6", S.FAILED, 0), ("K7", S.APPLIED, 1)])
async def test_a_server_killed_around_the_create_leaves_what_can_be_settled(
    crash: Crash, point: str, end: ChangeState, count: int
) -> None:
    """The next one knows the list before from the disk alone; the one new element is what was made, once."""
    await crash.killed(point)
    change, steps = await crash.recovered()
    assert (change.state, len(rules(crash.sandbox)), len(crash.stage.writes())) == (end, count, count)
    if count:
        assert list(rules(crash.sandbox)) == [steps[0].created["id"]]


async def test_an_undo_after_the_crash_deletes_the_rule_by_its_id(tmp_path: Path) -> None:
    """Killed after the first of two steps: the rule is found in the list, and taken back."""
    second = step("updateNetworkWirelessSsid", {"name": "Um"}, networkId=NET, number="1")
    async with about_to_crash(tmp_path, RULE, second) as crash:
        await crash.killed("K7")
        change, _ = await crash.recovered()
        assert (change.state, crash.is_as_before()) == (S.ROLLED_BACK, True)
        assert [entry["method"] for entry in crash.stage.writes()] == ["POST", "DELETE"]


@pytest.mark.parametrize("point", ["K6", "K7"])
async def test_what_somebody_else_may_have_made_is_left_to_a_person(crash: Crash, point: str) -> None:
    """Never sent, and somebody made the very same; or two that are alike: nothing is deleted, nothing is claimed."""
    await crash.killed(point)
    by_somebody(crash.sandbox)
    sent = len(crash.stage.writes())
    async with crash.server() as server:
        [change] = await server.store.list(Change, {})
        assert change.state is S.IN_DOUBT
        assert f"resolve {change.key} --as" in change.result["next_command"]
        [record] = await server.store.list(ChangeStep, {"change_id": change.key})
        assert (record.state, bool(record.verified["why"])) == ("unknown", True)
    assert len(crash.stage.writes()) == sent
