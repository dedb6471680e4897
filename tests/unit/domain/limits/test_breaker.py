"""When the cloud is left alone, and how it comes back."""

from mcp_server.domain.limits.breaker import (
    FAILURES_TO_OPEN,
    OPEN_S,
    Admission,
    Admitted,
    Breaker,
    admit,
    open_until,
    settled,
)

GO = Admitted(Admission.GO)


def opened(at: float = 0.0) -> Breaker:
    """A breaker that five failures in a row have opened."""
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker = settled(breaker, at, GO, good=False)
    return breaker


def test_four_failures_leave_it_closed_and_the_fifth_opens_it() -> None:
    """Five in a row."""
    breaker = Breaker()
    for _ in range(4):
        breaker = settled(breaker, 0.0, GO, good=False)
    assert admit(breaker, 0.0, is_write=True)[1].admission is Admission.GO
    breaker = settled(breaker, 0.0, GO, good=False)
    assert admit(breaker, 0.0, is_write=True)[1].admission is Admission.STOP


def test_a_success_in_between_starts_the_count_anew() -> None:
    """Only failures in a row count."""
    breaker = Breaker(failures=4)
    breaker = settled(breaker, 0.0, GO, good=True)
    assert settled(breaker, 0.0, GO, good=False).opened_at is None


def test_a_429_neither_counts_nor_clears() -> None:
    """A rate limit says nothing of the cloud's health."""
    assert settled(Breaker(failures=4), 0.0, GO, good=None) == Breaker(failures=4)


def test_only_an_end_that_may_change_the_breaker_tells_something() -> None:
    """A good one while failures are counted, a bad one always, and any end of a probe, which is given back."""
    clean = admit(Breaker(), 0.0, is_write=False)[1]
    failing = admit(Breaker(failures=1), 0.0, is_write=False)[1]
    probe = admit(opened(), OPEN_S, is_write=False)[1]
    told = [[one.tells(good=good) for good in (True, False, None)] for one in (clean, failing, probe)]
    assert told == [[False, True, False], [True, True, False], [True, True, True]]


def test_open_it_stops_reads_and_writes_and_says_for_how_long() -> None:
    """Nothing goes for 60 seconds."""
    for is_write in (True, False):
        _, told = admit(opened(), 20.0, is_write=is_write)
        assert (told.admission, told.wait_s) == (Admission.STOP, OPEN_S - 20.0)


def test_after_a_minute_one_read_probes_and_writes_still_stop() -> None:
    """Half open: one read at a time, no write."""
    assert admit(opened(), OPEN_S, is_write=True)[1].admission is Admission.STOP
    probing, told = admit(opened(), OPEN_S, is_write=False)
    assert told.admission is Admission.PROBE
    assert admit(probing, OPEN_S, is_write=False)[1].admission is Admission.STOP


def test_two_good_probes_close_it() -> None:
    """One is not enough."""
    breaker, told = admit(opened(), OPEN_S, is_write=False)
    breaker = settled(breaker, OPEN_S, told, good=True)
    assert admit(breaker, OPEN_S, is_write=True)[1].admission is Admission.STOP
    breaker, told = admit(breaker, OPEN_S, is_write=False)
    assert told.admission is Admission.PROBE
    assert settled(breaker, OPEN_S, told, good=True) == Breaker()


def test_a_bad_probe_opens_it_anew() -> None:
    """The minute begins again, and the good probe before it is forgotten."""
    breaker, told = admit(opened(), OPEN_S, is_write=False)
    breaker = settled(breaker, OPEN_S, told, good=True)
    breaker, told = admit(breaker, OPEN_S + 1, is_write=False)
    breaker = settled(breaker, OPEN_S + 1, told, good=False)
    assert breaker == Breaker(opened_at=OPEN_S + 1)


def test_a_probe_that_says_nothing_is_given_back() -> None:
    """A cancelled probe does not block the next one."""
    breaker, told = admit(opened(), OPEN_S, is_write=False)
    breaker = settled(breaker, OPEN_S, told, good=None)
    assert admit(breaker, OPEN_S, is_write=False)[1].admission is Admission.PROBE


def test_a_probe_that_never_ended_is_given_up_after_a_minute() -> None:
    """A process that died with the probe does not keep the breaker open."""
    breaker, _ = admit(opened(), OPEN_S, is_write=False)
    assert admit(breaker, 2 * OPEN_S - 1, is_write=False)[1].admission is Admission.STOP
    assert admit(breaker, 2 * OPEN_S, is_write=False)[1].admission is Admission.PROBE


def test_a_call_from_before_it_opened_changes_nothing() -> None:
    """Only probes say how the cloud is now."""
    for good in (True, False, None):
        assert settled(opened(), 5.0, GO, good=good) == opened()


def test_a_probe_that_was_given_up_says_nothing_when_it_ends_late() -> None:
    """Only the probe that counts now closes or opens it."""
    breaker, late = admit(opened(), OPEN_S, is_write=False)
    breaker, newer = admit(breaker, 2 * OPEN_S, is_write=False)
    for good in (True, False):
        assert settled(breaker, 2 * OPEN_S, late, good=good) == breaker
    assert settled(breaker, 2 * OPEN_S, newer, good=True).successes == 1


def test_a_clock_set_back_starts_the_minute_anew_and_never_makes_it_longer() -> None:
    """An hour back: a minute from now, not an hour and a minute."""
    breaker = opened(at=3600.0)
    assert open_until(breaker, 0.0) == OPEN_S
    breaker, told = admit(breaker, 0.0, is_write=False)
    assert told.wait_s == OPEN_S
    assert admit(breaker, OPEN_S, is_write=False)[1].admission is Admission.PROBE


def test_a_closed_breaker_is_open_until_no_time() -> None:
    """There is nothing to tell."""
    assert open_until(Breaker(failures=4), 0.0) is None
    assert open_until(opened(at=5.0), 6.0) == 5.0 + OPEN_S
