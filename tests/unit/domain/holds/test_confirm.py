"""Until when a change must be kept: by which clock that is measured, and what may be kept."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.holds.confirm import JUMP_S, anchored, left, needs_sample, opened, why_not_kept
from mcp_server.domain.holds.moment import Moment
from mcp_server.domain.record import Deadline
from tests.support.fake_clock import START
from tests.support.records import a_change_step

BEGUN = Moment(START, 1000.0, "boot-1")


def after(seconds: float, *, jumped_s: float = 0.0, boot: str = "boot-1") -> Moment:
    """So much later; the wall clock was set besides."""
    return Moment(START + timedelta(seconds=seconds + jumped_s), 1000.0 + seconds, boot)


def ten_minutes() -> Deadline:
    """A deadline that was opened at the beginning."""
    return opened("CHG-1", 10, BEGUN, {})


def test_the_window_begins_when_it_is_opened_and_ends_so_many_minutes_later() -> None:
    """Open, by both clocks, health looked at just now."""
    deadline = ten_minutes()
    assert (deadline.state, deadline.due_at, deadline.sampled_at) == ("open", START + timedelta(minutes=10), START)
    assert left(deadline, after(599)).seconds == 1
    assert left(deadline, after(600)).seconds == 0
    assert not left(deadline, after(599)).needs_anchor


@pytest.mark.parametrize("jump_s", [4 * 3600.0, -3600.0, JUMP_S + 1, -JUMP_S - 1])
def test_a_wall_clock_that_was_set_moves_the_deadline_and_not_what_is_left(jump_s: float) -> None:
    """Anchored anew, it is due so much later by the wall clock, and no jump is seen again."""
    found = left(ten_minutes(), after(120, jumped_s=jump_s))
    assert (found.seconds, found.jumped_s, found.needs_anchor) == (480, jump_s, True)
    moved = anchored(ten_minutes(), after(120, jumped_s=jump_s))
    assert moved.due_at == START + timedelta(seconds=600 + jump_s)
    assert left(moved, after(130, jumped_s=jump_s)) == left(ten_minutes(), after(130))


def test_a_clock_that_is_put_right_by_less_than_a_minute_is_no_jump() -> None:
    """Uptime measures all the same."""
    found = left(ten_minutes(), after(120, jumped_s=JUMP_S))
    assert (found.seconds, found.needs_anchor) == (480, False)


@pytest.mark.parametrize(("wall_s", "expected_s"), [(120, 480), (3600, -3000), (-7200, 600)])
def test_after_a_start_of_the_machine_the_wall_clock_counts(wall_s: float, expected_s: float) -> None:
    """One that stands before the anchor tells nothing: the whole window is given again."""
    booted = Moment(START + timedelta(seconds=wall_s), 30.0, "boot-2")
    found = left(ten_minutes(), booted)
    assert (found.seconds, found.is_new_boot, found.needs_anchor) == (expected_s, True, True)
    assert anchored(ten_minutes(), booted).boot == "boot-2"


def test_uptime_that_went_back_is_another_boot_even_when_no_name_tells_it() -> None:
    """Where the system has no boot id."""
    nameless = replace(ten_minutes(), boot="")
    assert left(nameless, Moment(START + timedelta(seconds=60), 5.0, "")).is_new_boot


def test_health_is_looked_at_again_after_the_given_time_whichever_way_the_clock_went() -> None:
    """A clock that was set back does not stop the looks."""
    deadline = ten_minutes()
    assert not needs_sample(deadline, after(59), 60)
    assert needs_sample(deadline, after(60), 60)
    assert needs_sample(deadline, after(0, jumped_s=-3600), 60)
    assert needs_sample(replace(deadline, sampled_at=None), after(0), 60)


PENDING = ChangeState.PENDING_KEEP


@pytest.mark.parametrize(
    ("deadline", "state", "steps", "code"),
    [
        (ten_minutes(), PENDING, [{}], ""),
        (replace(ten_minutes(), state="stopped"), PENDING, [{}], ""),
        (None, ChangeState.APPLIED, [{}], "not_waiting"),
        (replace(ten_minutes(), state="undone"), PENDING, [{}], "not_waiting"),
        (ten_minutes(), ChangeState.ROLLING_BACK, [{}], "not_waiting"),
        (ten_minutes(), PENDING, [{"state": "unknown"}], "not_verified"),
        (ten_minutes(), PENDING, [{}, {"verified": {"matches": False}}], "not_verified"),
        (ten_minutes(), PENDING, [{"phase": "undo", "state": "unknown"}], ""),
    ],
)
def test_what_waits_in_time_and_is_proven_may_be_kept(
    deadline: Deadline | None, state: ChangeState, steps: list[dict[str, Any]], code: str
) -> None:
    """Everything else may not, and says why."""
    found, why = why_not_kept(deadline, state, [a_change_step(**parts) for parts in steps], after(60))
    assert (found, bool(why)) == (code, bool(code))


def test_once_its_time_has_passed_only_a_person_that_was_asked_may_keep_it() -> None:
    """A deadline stopped because of somebody else's edit waits for that person however long it takes."""
    assert why_not_kept(ten_minutes(), PENDING, [], after(600))[0] == "deadline_passed"
    assert why_not_kept(replace(ten_minutes(), state="stopped"), PENDING, [], after(6000)) == ("", "")
