"""The state table has no illegal path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.change_state import FINAL, MOVES, STATUS, ChangeState, IllegalMove, move

states = st.sampled_from(list(ChangeState))


@given(states, states)
def test_a_move_outside_the_table_raises_and_one_inside_gives_its_target(
    current: ChangeState, target: ChangeState
) -> None:
    """Exactly the table's moves are allowed."""
    if target in MOVES[current]:
        assert move(current, target) is target
    else:
        with pytest.raises(IllegalMove):
            move(current, target)


@given(states)
def test_a_final_state_has_no_way_out_and_every_other_leads_to_one(state: ChangeState) -> None:
    """No change can be stuck in a circle for ever: each state that is not final reaches a final one."""
    reached, frontier = {state}, [state]
    while frontier:
        for following in MOVES[frontier.pop()]:
            if following not in reached:
                reached.add(following)
                frontier.append(following)
    assert reached & FINAL
    assert (reached == {state}) == (state in FINAL)


def test_nothing_is_applied_without_passing_approval_and_applying() -> None:
    """From PLANNED every path to a state in which something was sent goes through APPROVED and APPLYING."""
    without = {
        state: {one for one in following if one not in (ChangeState.APPROVED, ChangeState.APPLYING)}
        for state, following in MOVES.items()
    }
    reached, frontier = {ChangeState.PLANNED}, [ChangeState.PLANNED]
    while frontier:
        for following in without[frontier.pop()]:
            if following not in reached:
                reached.add(following)
                frontier.append(following)
    sent = {
        ChangeState.VERIFYING,
        ChangeState.APPLIED,
        ChangeState.PARTIAL,
        ChangeState.ROLLING_BACK,
        ChangeState.IN_DOUBT,
    }
    assert not reached & sent


def test_every_state_of_a_change_has_a_status() -> None:
    """Whatever state a change can be in from APPLYING on, the caller is told a status of the contract."""
    contract = {
        "applying", "applied", "unchanged", "pending_keep", "rolled_back", "rollback_failed", "partial_success",
        "failed", "unknown", "refused", "needs_approval", "needs_audit", "stale", "declined", "busy", "expired",
    }  # fmt: skip
    reached, frontier = {ChangeState.APPLYING}, [ChangeState.APPLYING]
    while frontier:
        for following in MOVES[frontier.pop()]:
            if following not in reached:
                reached.add(following)
                frontier.append(following)
    assert {STATUS[state] for state in reached} <= contract
