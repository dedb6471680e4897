"""A write that is not there may still arrive, until it cannot."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mcp_server.domain.plan import Reader
from mcp_server.domain.record import Asked, ChangeStep, Listed
from mcp_server.domain.recovery.arrival import arrived_by, is_unanswered, last_arrival, may_arrive, shown
from mcp_server.domain.recovery.settle import Settled
from tests.support.fake_clock import START

LOST = ChangeStep(
    "CHG-1/apply/1", "CHG-1", "apply", 1, "unknown", {}, ended_at=START, verified={"settled": "not_applied"}
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
    """Counted from when each was given up."""
    later = replace(LOST, ended_at=START + timedelta(seconds=7))
    assert last_arrival([later, LOST, replace(later, state="applied")], 120.0) == START + timedelta(seconds=127)
    assert last_arrival([replace(LOST, state="applied")], 120.0) is None
    with pytest.raises(ValueError, match="has no end"):
        arrived_by(replace(LOST, ended_at=None), 120.0)


def test_a_create_without_a_natural_key_is_looked_for_in_its_list() -> None:
    """One new element that is as it was sent; any other write by its own state."""
    read = Reader("getThings", {})
    asked = Asked("createThing", None, None, {"vlan": 7}, listed=Listed(read, "id", ("1",)))
    assert shown(asked, [{"id": "1"}]) is Settled.NOT_APPLIED
    assert shown(asked, [{"id": "1"}, {"id": "2", "vlan": 7}]) is Settled.APPLIED
    assert shown(Asked("updateThing", read, {"name": "a"}, {"name": "b"}), {"name": "b"}) is Settled.APPLIED
