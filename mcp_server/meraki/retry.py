"""When a failed request is sent again, and after how long.

Two rules: a write goes again only when it is known not to have arrived; tries are counted for each kind of failure,
so a 5xx after two 429 has all its own tries. The table is the protocol's: 429 five tries by Retry-After, 5xx three
(30 s, 60 s after a gateway time-out), time-out two (10 s), a broken or unopened connection three (backoff), other 4xx
and unreadable answers none.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar

from tenacity import AsyncRetrying, RetryCallState, stop_never

from mcp_server.domain.ports import Clock
from mcp_server.meraki.errors import Failure, Kind

LONGEST_RETRY_AFTER_S = 86_400.0  #: an answer that names more is taken to mean a day
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryWaits:
    """Tries (the first one counts) and waits in seconds."""

    rate_tries: int = 5
    server_tries: int = 3
    server_wait_s: float = 30.0
    gateway_wait_s: float = 60.0  #: after a 504
    timeout_tries: int = 2
    timeout_wait_s: float = 10.0
    connection_tries: int = 3
    base_s: float = 1.0  #: first backoff; doubles
    longest_s: float = 60.0  #: upper bound of one wait; a longer Retry-After is reported instead of waited for
    jitter: float = 0.25  #: at most so much is added to a backoff, as a fraction of it
    total_s: float = 300.0  #: no wait is begun that would end later than this after the first try

    def tries(self, kind: Kind) -> int:
        """How often a request with failures of that kind is sent at most."""
        return {
            Kind.RATE: self.rate_tries,
            Kind.SERVER: self.server_tries,
            Kind.TIMEOUT: self.timeout_tries,
            Kind.CONNECTION: self.connection_tries,
        }.get(kind, 1)


def backoff_s(waits: RetryWaits, failures: int, chance: float) -> float:
    """The wait after so many failures (from 1); ``chance`` is between 0 and 1. At most ``longest_s``."""
    plain = waits.base_s * 2.0 ** min(failures - 1, 30)
    return min(waits.longest_s, plain * (1 + waits.jitter * chance))


def wait_before_next_s(
    failure: Failure, failures: int, waits: RetryWaits, *, is_write: bool, chance: float
) -> float | None:
    """Seconds until the next try, after so many failures of that kind; None when there is to be none."""
    if is_write and failure.sent:
        return None
    if failures >= waits.tries(failure.kind):
        return None
    if failure.retry_after_s is not None and failure.kind in (Kind.RATE, Kind.SERVER):
        return failure.retry_after_s if failure.retry_after_s <= waits.longest_s else None
    if failure.kind is Kind.SERVER:
        return waits.gateway_wait_s if failure.status == 504 else waits.server_wait_s
    if failure.kind is Kind.TIMEOUT:
        return waits.timeout_wait_s
    return backoff_s(waits, failures, chance)


def parse_retry_after_s(text: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: whole seconds or an HTTP date; None when it is missing or broken."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), LONGEST_RETRY_AFTER_S)


@dataclass(slots=True)
class Tries(Generic[T]):
    """The tries of one request: counts its failures and decides about the next one."""

    waits: RetryWaits
    clock: Clock
    chance: Callable[[RetryCallState], float]  #: between 0 and 1
    is_write: bool
    is_single: bool = False  #: a probe: no second try
    waited_s: float = 0.0
    _counts: dict[Kind, int] = field(default_factory=dict)
    _began: float = 0.0
    _next_s: float = 0.0

    async def run(self, attempt: Callable[[], Awaitable[T | Failure]]) -> T | Failure:
        """The first success, or the failure that ended the tries. What ``attempt`` raises is raised at once."""
        self._began = self.clock.monotonic()
        first = await attempt()
        if not isinstance(first, Failure):  # nearly always: without the bookkeeping of tries, a tenth of a millisecond
            return first
        results = [first]
        retrying = AsyncRetrying(
            sleep=self._sleep, retry=self._goes_on, wait=lambda _state: self._next_s, stop=stop_never
        )

        async def once() -> T | Failure:  # tenacity awaits only what is declared async
            return results.pop() if results else await attempt()

        return await retrying(once)

    async def _sleep(self, seconds: float) -> None:
        self.waited_s += seconds
        await self.clock.sleep(seconds)

    def _goes_on(self, state: RetryCallState) -> bool:
        outcome = state.outcome
        if outcome is None or outcome.failed:
            return False
        failure = outcome.result()
        if not isinstance(failure, Failure) or self.is_single:
            return False
        failures = self._counts[failure.kind] = self._counts.get(failure.kind, 0) + 1
        wait_s = wait_before_next_s(failure, failures, self.waits, is_write=self.is_write, chance=self.chance(state))
        if wait_s is None or self.clock.monotonic() - self._began + wait_s > self.waits.total_s:
            return False
        self._next_s = wait_s
        return True
