"""The request budget's decision: a token bucket of 10 requests/s with a burst of 10 more (facts: Cisco, API limits).

Pure: the state goes in and comes out; whoever keeps it decides where.
"""

from dataclasses import dataclass

RATE_PER_S = 10.0  #: requests per second and organization
CAPACITY = 20.0  #: 10 of the running second and 10 of burst


@dataclass(frozen=True, slots=True)
class Bucket:
    """``tokens`` at ``at`` (seconds since the epoch), negative when reserved ahead; nothing before ``not_before``."""

    tokens: float = CAPACITY
    at: float = 0.0
    not_before: float = 0.0


def reserve(bucket: Bucket, now: float, calls: int, *, rate: float = RATE_PER_S) -> tuple[Bucket, float]:
    """The bucket after taking ``calls`` tokens, and the seconds to wait before sending."""
    elapsed = max(0.0, now - bucket.at)
    tokens = min(CAPACITY, bucket.tokens + elapsed * rate) - calls
    wait_s = max(0.0, -tokens / rate, bucket.not_before - now)
    return Bucket(tokens, now, bucket.not_before), wait_s


def penalized(bucket: Bucket, now: float, seconds: float) -> Bucket:
    """The bucket after a 429: empty, and closed for ``seconds``."""
    return Bucket(min(bucket.tokens, 0.0), max(now, bucket.at), max(bucket.not_before, now + seconds))
