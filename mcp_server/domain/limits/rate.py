"""The request budget's decision: a token bucket of 10 requests/s with a burst (facts: Cisco, API limits, 10 + 10).

Two rules: half of the cloud's burst of 10 more is left to what delays requests on their way, since late ones arrive
together with the next; and the pace is adaptive: a 429 says that others share the organization, so it drops to 0.7 of
what it was, and each answer after that raises it again by 0.02 of the whole (the official SDK's own steps at 10/s).
Pure: the state goes in and comes out; whoever keeps it decides where.
"""

import math
from dataclasses import dataclass, replace

RATE_PER_S = 10.0  #: requests per second and organization
CAPACITY = 15.0  #: 10 of the running second and half of the burst
LOWERED = 0.7  #: the pace after a 429, as a fraction of the one before
RAISED = 0.02  #: what one answer gives back, as a fraction of the whole rate
SLOWEST = 0.1  #: lower bound of the pace


@dataclass(frozen=True, slots=True)
class Bucket:
    """``tokens`` at ``at`` (seconds since the epoch), negative when reserved ahead; nothing before ``not_before``.

    ``pace`` is the part of the rate at which it refills, 1.0 until a 429 came.
    """

    tokens: float = CAPACITY
    at: float = 0.0
    not_before: float = 0.0
    pace: float = 1.0


def reserve(
    bucket: Bucket, now: float, calls: int, *, rate: float = RATE_PER_S, longest_s: float = math.inf
) -> tuple[Bucket, float]:
    """The bucket after taking ``calls`` tokens, and the seconds to wait before sending.

    Nothing is taken when that is longer than ``longest_s``: who does not send must not make the others wait.
    """
    elapsed, paced = max(0.0, now - max(bucket.at, bucket.not_before)), rate * bucket.pace
    tokens = min(CAPACITY, bucket.tokens + elapsed * paced) - calls
    wait_s = closed_s(bucket, now) + max(0.0, -tokens / paced)
    return (bucket if wait_s > longest_s else replace(bucket, tokens=tokens, at=now)), wait_s


def closed_s(bucket: Bucket, now: float) -> float:
    """The seconds for which a 429 has closed it; 0.0 when it is open."""
    return max(0.0, bucket.not_before - now)


def penalized(bucket: Bucket, now: float, seconds: float) -> Bucket:
    """The bucket after a 429: closed for ``seconds``, and slower; one that comes while it is closed is the same.

    The one that was refused gives its token back, for its next try; closed, it does not fill, so that what waits for
    the end of that time does not go all at once.
    Requests that were under way together are answered 429 together: they say one thing, not one thing each.
    """
    pace = bucket.pace if now < bucket.not_before else max(SLOWEST, bucket.pace * LOWERED)
    return Bucket(min(bucket.tokens + 1.0, 1.0), max(now, bucket.at), max(bucket.not_before, now + seconds), pace)


def raised(bucket: Bucket, answers: int) -> Bucket:
    """The bucket after so many answers that were no 429.

    What was reserved at the slower pace keeps its time, so the tokens that it owes grow with the pace.
    """
    if bucket.pace >= 1.0:
        return bucket
    pace = min(1.0, bucket.pace + answers * RAISED)
    tokens = bucket.tokens if bucket.tokens >= 0 else bucket.tokens * pace / bucket.pace
    return replace(bucket, tokens=tokens, pace=pace)
