"""The request budget's decision: what waits is sent at the rate, also after a 429 and when the pace rises again."""

from itertools import pairwise

import pytest

from mcp_server.domain.limits.rate import (
    CAPACITY,
    LOWERED,
    RATE_PER_S,
    Bucket,
    closed_s,
    penalized,
    raised,
    reserve,
)

NOW = 1000.0


def waits(bucket: Bucket, now: float, requests: int) -> list[float]:
    """The times of so many requests, one reserved after the other at one moment."""
    found = []
    for _ in range(requests):
        bucket, wait_s = reserve(bucket, now, 1)
        found.append(now + wait_s)
    return found


def test_what_waits_for_the_end_of_a_429_goes_one_after_the_other() -> None:
    """Not all at the moment when the organization may be asked again."""
    closed = penalized(Bucket(at=NOW), NOW, 5.0)
    assert closed_s(closed, NOW + 2.0) == 3.0
    times = waits(closed, NOW + 2.0, 30)
    assert times[0] == NOW + 5.0
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == [pytest.approx(1 / (RATE_PER_S * LOWERED))] * 29


def test_a_closed_budget_does_not_fill() -> None:
    """Those who come when it opens find one token, not a burst."""
    closed = penalized(Bucket(at=NOW), NOW, 60.0)
    times = waits(closed, NOW + 60.0, 3)
    assert times[0] == NOW + 60.0
    assert times[1] > times[0]


def test_what_was_reserved_at_a_slower_pace_is_not_overtaken_when_the_pace_rises() -> None:
    """Old and new together stay within the rate: what is owed keeps its time."""
    slow = Bucket(tokens=0.0, at=NOW, pace=0.1)
    early = waits(slow, NOW, 5)
    for _ in range(5):
        slow, _ = reserve(slow, NOW, 1)
    later = waits(raised(slow, 45), NOW, 10)
    assert later[0] >= early[-1]
    assert later[-1] - later[0] == pytest.approx(0.9)


def test_a_request_that_gives_up_leaves_the_bucket_as_it_was() -> None:
    """Nothing is taken for a wait that nobody waits."""
    empty = Bucket(tokens=-20.0, at=NOW)
    left, wait_s = reserve(empty, NOW, 1, longest_s=1.0)
    assert left == empty
    assert wait_s == pytest.approx(2.1)
    assert reserve(Bucket(at=NOW), NOW, int(CAPACITY), longest_s=0.0)[1] == 0.0
