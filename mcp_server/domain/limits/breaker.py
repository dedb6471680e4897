"""The circuit breaker's decision: when the cloud fails again and again, it is left alone for a while.

Closed: everything goes. Open: nothing goes. When it has been open long enough: no writes, one read at a time to
probe; two good ones close it, a bad one opens it anew. A 429 or a 4xx is no failure: the cloud answers.
Pure: the state goes in and comes out, a frozen value, kept where every server on a data directory sees it. ``now`` is
in seconds since the epoch, which is the same for all processes of a machine; a clock that is set back starts the wait
anew, never makes it longer.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES_TO_OPEN = 5
OPEN_S = 60.0
SUCCESSES_TO_CLOSE = 2


class Admission(StrEnum):
    """What a call may do now."""

    GO = "go"
    PROBE = "probe"  #: one try, no retries: the others wait for what it finds
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Breaker:
    """``opened_at`` None: closed. ``probe_at``: when the probe that is under way began."""

    failures: int = 0  #: in a row, while closed
    opened_at: float | None = None
    successes: int = 0  #: good probes in a row
    probe_at: float | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a call was told: ``wait_s`` is when a stopped one may ask again, ``at`` when it was asked."""

    admission: Admission
    wait_s: float = 0.0
    at: float = 0.0
    is_clean: bool = False  #: closed, and no failure counted

    def tells(self, *, good: bool | None) -> bool:
        """Whether that end of the call is to be settled: it may change the breaker, or gives a probe back."""
        if good is None:
            return self.admission is Admission.PROBE
        return not (good and self.is_clean)


CLOSED = Breaker()


def admit(breaker: Breaker, now: float, *, is_write: bool) -> tuple[Breaker, Admitted]:
    """The breaker after asking, and what the call may do."""
    if breaker.opened_at is None:
        return breaker, Admitted(Admission.GO, at=now, is_clean=breaker == CLOSED)
    breaker = _anchored(breaker, now)
    closed_for_s = (breaker.opened_at or 0.0) + OPEN_S - now
    if closed_for_s > 0:
        return breaker, Admitted(Admission.STOP, closed_for_s, now)
    is_probing = breaker.probe_at is not None and now < breaker.probe_at + OPEN_S
    if is_write or is_probing:
        return breaker, Admitted(Admission.STOP, 1.0, now)
    return replace(breaker, probe_at=now), Admitted(Admission.PROBE, at=now)


def settled(breaker: Breaker, now: float, admitted: Admitted, *, good: bool | None) -> Breaker:
    """The breaker after an admitted call has ended.

    ``good``: True when the cloud answered, False when it did not answer usably, None when the call says nothing of the
    cloud's health (429, cancelled, never made). A call from before it opened, and a probe that was given up meanwhile,
    say nothing of now.
    """
    if breaker.opened_at is None:
        return _settled_closed(breaker, now, admitted, good)
    if admitted.admission is not Admission.PROBE or breaker.probe_at != admitted.at:
        return breaker
    if good is None:
        return replace(breaker, probe_at=None)
    if not good:
        return Breaker(opened_at=now)
    successes = breaker.successes + 1
    return CLOSED if successes >= SUCCESSES_TO_CLOSE else replace(breaker, successes=successes, probe_at=None)


def open_until(breaker: Breaker, now: float) -> float | None:
    """Until when nothing is sent, None when it is closed; a time that has passed while it waits for good probes."""
    return None if breaker.opened_at is None else (_anchored(breaker, now).opened_at or 0.0) + OPEN_S


def _settled_closed(breaker: Breaker, now: float, admitted: Admitted, good: bool | None) -> Breaker:
    if good is None or admitted.admission is not Admission.GO:
        return breaker
    if good:
        return CLOSED
    failures = breaker.failures + 1
    return Breaker(opened_at=now) if failures >= FAILURES_TO_OPEN else replace(breaker, failures=failures)


def _anchored(breaker: Breaker, now: float) -> Breaker:
    """The open breaker with no time in the future."""
    opened_at, probe_at = breaker.opened_at or 0.0, breaker.probe_at
    if opened_at <= now and (probe_at or 0.0) <= now:
        return breaker
    return replace(breaker, opened_at=min(opened_at, now), probe_at=None if (probe_at or 0.0) > now else probe_at)
