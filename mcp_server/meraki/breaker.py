"""The circuit breaker's decision: when the cloud fails again and again, it is left alone for a while.

Closed: everything goes. Open: nothing goes. When it has been open long enough: no writes, one read at a time to
probe; two good ones close it, a bad one opens it anew. A 429 or a 4xx is no failure: the cloud answers.
Pure: the state goes in and comes out, a frozen value, so that it may be kept anywhere. ``now`` is in seconds.
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


def admit(breaker: Breaker, now: float, *, is_write: bool) -> tuple[Breaker, Admission, float]:
    """The breaker after asking, what the call may do, and the seconds after which a stopped one may ask again."""
    if breaker.opened_at is None:
        return breaker, Admission.GO, 0.0
    closed_for_s = breaker.opened_at + OPEN_S - now
    if closed_for_s > 0:
        return breaker, Admission.STOP, closed_for_s
    is_probing = breaker.probe_at is not None and now < breaker.probe_at + OPEN_S
    if is_write or is_probing:
        return breaker, Admission.STOP, 1.0
    return replace(breaker, probe_at=now), Admission.PROBE, 0.0


def settled(breaker: Breaker, now: float, admission: Admission, *, good: bool | None) -> Breaker:
    """The breaker after an admitted call has ended.

    ``good``: True when the cloud answered, False when it did not answer usably, None when the call says nothing of the
    cloud's health (429, cancelled, never made). A call from before it opened says nothing of now.
    """
    if breaker.opened_at is None:
        return _settled_closed(breaker, now, good)
    if admission is not Admission.PROBE:
        return breaker
    if good is None:
        return replace(breaker, probe_at=None)
    if not good:
        return Breaker(opened_at=now)
    successes = breaker.successes + 1
    return Breaker() if successes >= SUCCESSES_TO_CLOSE else replace(breaker, successes=successes, probe_at=None)


def _settled_closed(breaker: Breaker, now: float, good: bool | None) -> Breaker:
    if good is None:
        return breaker
    if good:
        return Breaker()
    failures = breaker.failures + 1
    return Breaker(opened_at=now) if failures >= FAILURES_TO_OPEN else replace(breaker, failures=failures)
