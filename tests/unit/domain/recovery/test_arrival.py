"""A write that is not there may still arrive, until it cannot."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mcp_server.domain.holds.moment import Moment
from mcp_server.domain.plan import Reader
from mcp_server.domain.record import Asked, ChangeStep, Listed
from mcp_server.domain.recovery.arrival import given_up, is_unanswered, last_arrival, may_arrive, on_its_way_s, shown
from mcp_server.domain.recovery.settle import Settled
from tests.support.fake_clock import START


def later(seconds: float, *, set_s: float = 0.0) -> Moment:
    """So many seconds after the write was given up; the wall clock was set besides."""
    return Moment(START + timedelta(seconds=seconds + set_s), 1000.0 + seconds, "boot-1")


LOST = given_up(
    ChangeStep("CHG-1/apply/1", "CHG-1", "apply", 1, "unknown", {}, verified={"settled": "not_applied"}), later(0)
)


@pytest.mark.parametrize(("status", "may"), [(None, True), (504, True), (500, False), (502, False), (307, False)])
def test_what_the_cloud_answered_is_not_on_its_way_unless_a_gateway_gave_up(status: int | None, *, may: bool) -> None:
    """No answer, or 504: it may be."""
    assert is_unanswered(status) is may


def test_only_a_lost_write_that_was_looked_for_and_is_not_there_may_still_arrive() -> None:
    """Not what is settled, not what is there in part, not what nobody has looked for or seen the end of."""
    assert may_arrive(LOST)
    others = [
        replace(LOST, state="not_applied"),
        replace(LOST, verified={"settled": "drifted"}),
        replace(LOST, verified={}),
        replace(LOST, ended_at=None),
    ]
    assert not any(map(may_arrive, others))


def test_the_last_of_several_decides_and_none_is_waited_for_when_none_may_come() -> None:
    """Counted from when each was given up; what was read of it does not matter, what the cloud answered does."""
    now = later(30)
    second = given_up(replace(LOST, verified={"settled": "drifted"}), later(7))
    assert last_arrival([second, LOST, replace(second, state="applied")], now, 120.0) == START + timedelta(seconds=127)
    assert last_arrival([LOST, second], now, 120.0) == last_arrival([second, LOST], now, 120.0)
    assert last_arrival([replace(LOST, state="intent")], now, 120.0) == START + timedelta(seconds=120)
    assert last_arrival([LOST], later(500), 120.0) == START + timedelta(seconds=500)
    for other in (replace(LOST, state="applied"), replace(LOST, ended_at=None), replace(LOST, http_status=500)):
        assert last_arrival([other], now, 120.0) is None
    with pytest.raises(ValueError, match="has no end"):
        on_its_way_s(replace(LOST, ended_at=None), now, 120.0)


@pytest.mark.parametrize("set_s", [-86_400.0, -1.0, 0.0, 1.0, 86_400.0])
def test_setting_the_wall_clock_neither_ends_the_wait_nor_makes_it_longer(set_s: float) -> None:
    """It is measured by uptime."""
    assert on_its_way_s(LOST, later(119, set_s=set_s), 120.0) == 1.0
    assert on_its_way_s(LOST, later(120, set_s=set_s), 120.0) == 0.0


@pytest.mark.parametrize(
    ("uptime_s", "wall_s", "left_s"),
    [(30.0, 500.0, 90.0), (500.0, 20.0, 100.0), (130.0, 500.0, -10.0), (130.0, -5.0, -10.0), (30.0, -5.0, 90.0)],
)
def test_after_a_start_of_the_machine_what_has_passed_for_certain_counts(
    uptime_s: float, wall_s: float, left_s: float
) -> None:
    """As long as this run of it, or as the wall clock says when that is less: it may be another machine."""
    assert on_its_way_s(LOST, Moment(START + timedelta(seconds=wall_s), uptime_s, "boot-2"), 120.0) == left_s


def test_a_create_without_a_natural_key_is_looked_for_in_its_list() -> None:
    """One new element that is as it was sent; any other write by its own state."""
    read = Reader("getThings", {})
    asked = Asked("createThing", None, None, {"vlan": 7}, listed=Listed(read, "id", ("1",)))
    assert shown(asked, [{"id": "1"}]) is Settled.NOT_APPLIED
    assert shown(asked, [{"id": "1"}, {"id": "2", "vlan": 7}]) is Settled.APPLIED
    assert shown(Asked("updateThing", read, {"name": "a"}, {"name": "b"}), {"name": "b"}) is Settled.APPLIED
