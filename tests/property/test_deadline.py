"""Deadlines under clocks that are set at any moment: never early, never late by more than what nobody could know."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.holds.confirm import JUMP_S, anchored, left, opened
from mcp_server.domain.holds.moment import Moment
from tests.support.fake_clock import START

#: Seconds that pass, and by how much the wall clock is set after them.
TURNS = st.lists(
    st.tuples(st.floats(0, 300, allow_nan=False), st.floats(-20_000, 20_000, allow_nan=False)), max_size=20
)


@given(st.integers(1, 60), TURNS)
def test_whatever_the_wall_clock_does_what_is_left_is_the_window_less_the_time_that_passed(
    minutes: int, turns: list[tuple[float, float]]
) -> None:
    """While the machine runs on; servers that anchor it anew at each look change nothing of that."""
    passed_s, set_s = 0.0, 0.0
    deadline = opened("CHG-1", minutes, Moment(START, 500.0, "boot-1"), {})
    for seconds, jump_s in turns:
        passed_s, set_s = passed_s + seconds, set_s + jump_s
        now = Moment(START + timedelta(seconds=passed_s + set_s), 500.0 + passed_s, "boot-1")
        found = left(deadline, now)
        assert abs(found.seconds - (minutes * 60 - passed_s)) < 0.01
        if found.needs_anchor:
            deadline = anchored(deadline, now)
            assert not left(deadline, now).needs_anchor
        assert abs((deadline.due_at - now.at).total_seconds() - found.seconds) <= JUMP_S + 0.01


@given(st.integers(1, 60), st.floats(0, 10_000), st.floats(-10_000, 10_000), st.floats(0, 1_000))
def test_a_start_of_the_machine_never_gives_more_than_the_window(
    minutes: int, before_s: float, wall_s: float, uptime_s: float
) -> None:
    """And never less than the wall clock says."""
    deadline = opened("CHG-1", minutes, Moment(START, before_s, "boot-1"), {})
    now = Moment(START + timedelta(seconds=wall_s), uptime_s, "boot-2")
    found = left(deadline, now)
    assert found.needs_anchor
    assert found.seconds <= minutes * 60
    assert found.seconds >= minutes * 60 - max(0.0, wall_s) - 0.01
