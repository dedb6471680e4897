"""When a failed request is sent again, and after how long."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.errors import OutcomeUnknown, Unreachable
from mcp_server.meraki.errors import Failure, Kind
from mcp_server.meraki.retry import RetryWaits, Tries, backoff_s, parse_retry_after_s, wait_before_next_s
from tests.support.fake_clock import FakeClock

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WAITS = RetryWaits()


def failure(kind: Kind, *, sent: bool = True, status: int | None = None, after_s: float | None = None) -> Failure:
    """A failure of that kind."""
    error = OutcomeUnknown("x", sent=True) if sent else Unreachable("x", sent=False)
    return Failure(error, kind, sent, status, after_s)


def waits_of(one: Failure, *, is_write: bool = False) -> list[float]:
    """The waits before each further try, when every try fails like that."""
    found: list[float] = []
    while (wait_s := wait_before_next_s(one, len(found) + 1, WAITS, is_write=is_write, chance=0.0)) is not None:
        found.append(wait_s)
    return found


@pytest.mark.parametrize(
    ("one", "waits"),
    [
        (failure(Kind.RATE, sent=False, after_s=7), [7, 7, 7, 7]),
        (failure(Kind.RATE, sent=False), [1, 2, 4, 8]),
        (failure(Kind.RATE, sent=False, after_s=0), [0, 0, 0, 0]),
        (failure(Kind.RATE, sent=False, after_s=3600), []),
        (failure(Kind.SERVER, status=500), [30, 30]),
        (failure(Kind.SERVER, status=504), [60, 60]),
        (failure(Kind.SERVER, status=503, after_s=5), [5, 5]),
        (failure(Kind.TIMEOUT), [10]),
        (failure(Kind.TIMEOUT, sent=False), [10]),
        (failure(Kind.CONNECTION), [1, 2]),
        (failure(Kind.ANSWER), []),
        (failure(Kind.REFUSED, status=400), []),
        (failure(Kind.OURS, sent=False), []),
    ],
)
def test_a_read_is_retried_by_the_table(one: Failure, waits: list[float]) -> None:
    """429 five tries, 5xx three, time-out two, 4xx one."""
    assert waits_of(one) == waits


@pytest.mark.parametrize("kind", list(Kind))
def test_a_write_that_may_have_arrived_is_never_sent_again(kind: Kind) -> None:
    """Whatever went wrong."""
    assert waits_of(failure(kind, sent=True, status=503, after_s=1), is_write=True) == []


@pytest.mark.parametrize(("kind", "tries"), [(Kind.RATE, 5), (Kind.CONNECTION, 3), (Kind.TIMEOUT, 2)])
def test_a_write_that_never_arrived_is_sent_again(kind: Kind, tries: int) -> None:
    """A 429, or a connection that was never opened."""
    assert len(waits_of(failure(kind, sent=False), is_write=True)) == tries - 1


@given(st.integers(1, 500), st.floats(0, 1))
def test_a_backoff_doubles_never_passes_its_bound_and_its_jitter_is_at_most_a_quarter(
    failures: int, chance: float
) -> None:
    """Base 1 s, at most 60 s, up to 25 % more."""
    plain = min(60.0, 2.0 ** min(failures - 1, 30))
    assert plain <= backoff_s(WAITS, failures, chance) <= min(60.0, plain * 1.25)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0), (" 12 ", 12.0), ("0", 0.0), ("99999999999999999999", 86_400.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0), ("Sat, 21 Nov 2026 12:00:30 -0000", 30.0), ("", None), ("abc", None),
        ("-5", None), ("1.5", None), ("\u0663", None), ("Sat, 99 Nov 2026 12:00:30 GMT", None), ("NaN", None),
        ("Sun, 31 Dec 9999 23:59:59 GMT", 86_400.0),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """What is neither counts as missing."""
    assert parse_retry_after_s(text, NOW) == seconds


@given(st.text(max_size=40))
def test_no_retry_after_breaks_the_reader(text: str) -> None:
    """Seconds in bounds, or None."""
    found = parse_retry_after_s(text, NOW)
    assert found is None or 0 <= found <= 86_400


async def run(
    results: list[str | Failure], *, is_write: bool = False, waits: RetryWaits = WAITS
) -> tuple[object, FakeClock, int]:
    """What the tries end with, the clock, and how many there were."""
    clock, left = FakeClock(), list(results)
    tries: Tries[str] = Tries(waits, clock, lambda _state: 1.0, is_write)

    async def attempt() -> str | Failure:
        return left.pop(0)

    return await tries.run(attempt), clock, len(results) - len(left)


async def test_each_kind_of_failure_has_its_own_tries() -> None:
    """A 5xx after two 429 still has all of its tries."""
    limited, broken = failure(Kind.RATE, sent=False, after_s=1), failure(Kind.SERVER, status=500)
    result, clock, count = await run([limited, broken, limited, broken, "done"])
    assert (result, count) == ("done", 5)
    assert clock.slept == [1, 30, 1, 30]


async def test_the_last_failure_comes_back_when_the_tries_are_used_up() -> None:
    """As a value, to be raised by the caller."""
    last = failure(Kind.TIMEOUT)
    result, clock, count = await run([failure(Kind.TIMEOUT), last, "never"])
    assert result is last
    assert (clock.slept, count) == ([10], 2)


async def test_jitter_is_added_to_a_backoff() -> None:
    """A quarter at full chance."""
    _, clock, _ = await run([failure(Kind.CONNECTION), failure(Kind.CONNECTION), "done"])
    assert clock.slept == [1.25, 2.5]


async def test_no_wait_is_begun_that_would_end_after_the_total() -> None:
    """The caller is not kept longer than the total."""
    waits = RetryWaits(total_s=45.0)
    result, clock, _ = await run([failure(Kind.SERVER, status=500)] * 3, waits=waits)
    assert isinstance(result, Failure)
    assert clock.slept == [30]


async def test_what_an_attempt_raises_is_raised_at_once() -> None:
    """A fault of ours is not retried, nor wrapped."""
    tries: Tries[str] = Tries(WAITS, FakeClock(), lambda _state: 0.0, is_write=False)

    async def attempt() -> str | Failure:
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError, match="ours"):
        await tries.run(attempt)


async def test_a_probe_is_tried_once() -> None:
    """The others wait for what it finds."""
    tries: Tries[str] = Tries(WAITS, FakeClock(), lambda _state: 0.0, is_write=False, is_single=True)
    one = failure(Kind.SERVER, status=500)

    async def attempt() -> str | Failure:
        return one

    assert await tries.run(attempt) is one
    assert tries.waited_s == 0.0
