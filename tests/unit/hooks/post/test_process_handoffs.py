"""Post-task step 3 names the next tool call; it does nothing itself."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Handoff, Outcome
from mcp_server.domain.plan import Inverse
from mcp_server.domain.record import Session
from mcp_server.hooks.post.process_handoffs import process_handoffs
from mcp_server.registry import Registry
from tests.support.fake_clock import START
from tests.support.memory_store import MemoryStore
from tests.support.records import a_step
from tests.unit.hooks.post.cases import ANA, a_world, an_attempt, changed, many_targets, planned

APPLY = "updateNetworkWirelessSsid"


async def handoffs(outcome: Outcome, *records: Any, locale: str = "en") -> dict[str, Handoff]:
    """The suggestions by reason."""
    after = await process_handoffs(an_attempt(), outcome, a_world(MemoryStore(*records), locale))
    assert after.status == outcome.status
    return {one.reason: one for one in after.handoffs}


def session(count: int) -> Session:
    """A live session in which the SSID was changed so often."""
    return Session("SES-1", ANA.key, "assistant", START, START, count, operations={APPLY: count})


async def test_an_applied_change_suggests_a_health_check_and_offers_its_rollback() -> None:
    """Each names the exact next tool call."""
    found = await handoffs(changed())
    assert set(found) == {"post-change-validation", "rollback-available"}
    assert found["post-change-validation"].to == "network-analyst"
    assert found["post-change-validation"].call == {"tool": "health_check", "arguments": {"change_id": "CHG-1"}}
    assert found["rollback-available"].call == {"tool": "rollback", "arguments": {"change_id": "CHG-1"}}
    assert found["post-change-validation"].message.startswith("💡 Suggestion: Change applied.")


async def test_suggestions_speak_portuguese_when_the_user_does() -> None:
    """The protocol's words."""
    found = await handoffs(changed(), locale="pt-BR")
    expected = "💡 Sugestão: Mudança aplicada. Quer que o Network Analyst faça um health-check para confirmar?"
    assert found["post-change-validation"].message == expected


async def test_no_health_check_is_suggested_when_the_delta_is_already_known() -> None:
    """The gate's own look (a verdict without a delta) is not one."""
    known = changed(data={"health": {"delta": {"score": 0}}})
    assert "post-change-validation" not in await handoffs(known)
    assert "post-change-validation" in await handoffs(changed(data={"health": {"verdict": "fine"}}))


@pytest.mark.parametrize("state", [ChangeState.PARTIAL, ChangeState.IN_DOUBT, ChangeState.ROLLBACK_FAILED])
async def test_a_change_that_ended_in_pieces_suggests_an_investigation(state: ChangeState) -> None:
    """With the steps in history."""
    found = await handoffs(changed(state))
    assert found["partial-failure-investigation"].call == {"tool": "history", "arguments": {"change_id": "CHG-1"}}
    assert "post-change-validation" not in found


@pytest.mark.parametrize(
    "state", [ChangeState.FAILED, ChangeState.UNCHANGED, ChangeState.ROLLED_BACK, ChangeState.STALE]
)
async def test_a_change_that_left_nothing_behind_suggests_nothing_to_check_or_undo(state: ChangeState) -> None:
    """There is nothing to validate."""
    assert await handoffs(changed(state)) == {}


async def test_the_third_change_of_a_kind_in_a_session_can_be_automated() -> None:
    """Not the second; and it is counted once, before or after the session knows it."""
    assert "automation-opportunity" in await handoffs(changed(), session(2))
    assert "automation-opportunity" not in await handoffs(changed(), session(1))
    counted = replace(session(2), changes=("CHG-1",))
    assert "automation-opportunity" not in await handoffs(changed(), counted)
    found = await handoffs(changed(), session(2))
    assert found["automation-opportunity"].to == "workflow-creator"
    assert found["automation-opportunity"].call == {"tool": "meraki_search", "arguments": {"operation": APPLY}}


async def test_one_change_over_more_than_five_targets_can_be_automated() -> None:
    """Five are not enough."""
    assert "automation-opportunity" in await handoffs(changed(plan=many_targets(6)))
    assert "automation-opportunity" not in await handoffs(changed(plan=many_targets(5)))


async def test_a_session_that_fell_silent_does_not_count() -> None:
    """Thirty minutes ago is another session."""
    old = replace(session(9), last_seen_at=START.replace(hour=11, minute=29))
    assert "automation-opportunity" not in await handoffs(changed(), old)


@pytest.mark.parametrize("step", [a_step(inverse=Inverse("none", "none")), a_step(irreversible=True)])
async def test_no_rollback_is_offered_for_what_cannot_be_undone(step: Any) -> None:
    """An offer that cannot be kept would be worse than none."""
    outcome = changed()
    assert outcome.plan is not None
    stored = replace(outcome.plan, plan=replace(outcome.plan.plan, steps=(step,)))
    assert "rollback-available" not in await handoffs(replace(outcome, plan=stored))


async def test_a_plan_waits_for_its_approval_or_its_audit() -> None:
    """The next call is to apply it, or to ask how the audit stands."""
    assert (await handoffs(planned()))["approval-pending"].call == {
        "tool": "meraki_apply", "arguments": {"plan_id": "plan-1"},
    }  # fmt: skip
    for outcome in (
        planned(ChangeState.AUDIT_REQUESTED),
        planned(status="needs_audit"),
        planned(ChangeState.AUDIT_ACKED),
    ):
        found = await handoffs(outcome)
        assert set(found) == {"audit-pending"}
        assert found["audit-pending"].call == {"tool": "request_audit", "arguments": {"plan_id": "plan-1"}}
    assert "approval-pending" in await handoffs(planned(status="declined"))
    assert await handoffs(planned(question="Apply?")) == {}
    assert await handoffs(planned(ChangeState.EXPIRED, "expired")) == {}


async def test_a_read_suggests_nothing_and_earlier_suggestions_are_kept() -> None:
    """The list grows, it is never replaced."""
    outcome = Outcome("ok", "read")
    assert await process_handoffs(an_attempt(), outcome, a_world()) is outcome
    mine = Handoff("x", "own", "text", {"tool": "history", "arguments": {}})
    assert (await process_handoffs(an_attempt(), changed(handoffs=(mine,)), a_world())).handoffs[0] == mine


async def test_every_suggested_call_fits_the_tool_that_it_names() -> None:
    """The tool exists and takes just these arguments."""
    registry = Registry.load()
    outcomes = (changed(), changed(ChangeState.PARTIAL), changed(plan=many_targets(6)), planned())
    for outcome in (*outcomes, planned(ChangeState.AUDIT_REQUESTED)):
        for one in (await handoffs(outcome)).values():
            registry.check(registry.find(one.call["tool"], ANA), one.call["arguments"])
