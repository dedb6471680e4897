"""Budget and breaker, whatever comes in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.limits.breaker import CLOSED, FAILURES_TO_OPEN, OPEN_S, Admission, Admitted, admit, settled
from mcp_server.domain.limits.rate import CAPACITY, RATE_PER_S, SLOWEST, Bucket, penalized, raised, reserve

_STEPS = st.lists(
    st.tuples(
        st.floats(0.0, 3.0, allow_nan=False) | st.floats(0.0, 90.0, allow_nan=False),
        st.sampled_from(["reserve", "reserve", "reserve", "429", "answer"]),
        st.integers(1, 30),
    ),
    max_size=60,
)


@given(_STEPS)
def test_no_stretch_of_time_holds_more_than_rate_and_burst_and_the_pace_stays_in_bounds(
    steps: list[tuple[float, str, int]],
) -> None:
    """Whatever 429s and answers do to the pace, it never passes the rate and never stops for good."""
    bucket, now, sent = Bucket(), 1000.0, list[float]()
    for wait_s, what, calls in steps:
        now += wait_s
        if what == "reserve":
            for _ in range(calls):
                bucket, delay_s = reserve(bucket, now, 1)
                sent += [now + delay_s]
        else:
            bucket = penalized(bucket, now, float(calls)) if what == "429" else raised(bucket, calls)
        assert SLOWEST <= bucket.pace <= 1.0
    times = sorted(sent)
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= CAPACITY + RATE_PER_S * (times[last] - times[first]) + 1e-6


@given(st.integers(1, 40))
def test_a_429_lowers_the_pace_once_and_answers_bring_it_back(together: int) -> None:
    """Requests that were under way together are one 429; enough answers end in the full rate."""
    bucket = Bucket(at=1000.0)
    for _ in range(together):
        bucket = penalized(bucket, 1000.0, 2.0)
    assert bucket.pace == penalized(Bucket(at=1000.0), 1000.0, 2.0).pace < 1.0
    later = penalized(bucket, 1003.0, 2.0)
    assert later.pace < bucket.pace
    assert raised(later, 100).pace == 1.0
    assert raised(Bucket(), 5) == Bucket()


@given(st.lists(st.tuples(st.floats(-5.0, 70.0), st.booleans(), st.sampled_from([True, False, None])), max_size=80))
def test_an_open_breaker_never_lets_a_write_through_and_one_read_at_a_time(
    calls: list[tuple[float, bool, bool | None]],
) -> None:
    """Whatever the calls, their ends and jumps of the clock; closed again only by two good probes in a row."""
    breaker, now, failures, good_probes = CLOSED, 1000.0, 0, 0
    for wait_s, is_write, good in calls:
        now += wait_s
        was_open = breaker.opened_at is not None
        breaker, told = admit(breaker, now, is_write=is_write)
        if was_open:
            assert told.admission is Admission.STOP or (told.admission is Admission.PROBE and not is_write)
            assert told.wait_s <= OPEN_S
        if told.admission is Admission.PROBE:
            assert admit(breaker, now, is_write=False)[1].admission is Admission.STOP
            good_probes = good_probes + 1 if good else 0 if good is False else good_probes
        breaker = settled(breaker, now, told, good=good)
        if not was_open:
            failures = 0 if good else failures + (good is False)
            assert (breaker.opened_at is not None) == (failures >= FAILURES_TO_OPEN)
            good_probes = 0
        elif breaker.opened_at is None:
            assert good_probes == 2
            failures = 0


@given(st.booleans())
def test_what_was_stopped_tells_nothing(good: bool) -> None:
    """A call that was never made neither opens nor closes."""
    assert settled(CLOSED, 0.0, Admitted(Admission.STOP), good=good) == CLOSED
