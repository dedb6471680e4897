"""The request budget of each organization, shared by the servers of one data directory.

Rules: the pure rule decides, this keeps its state; in a burst a few tokens are taken ahead, and those not used at
once are lost, never given back (the bucket may have been full since), so all servers together never exceed the budget;
answers are counted here and told with the next reservation, so that a good one costs nothing.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from mcp_server.domain.limits.rate import CAPACITY, RATE_PER_S, Bucket, penalized, raised, reserve
from mcp_server.domain.ports import Clock
from mcp_server.store.limits.rate_file import RateFile, transaction
from mcp_server.store.queries import sql

A = TypeVar("A")

BLOCK = 5  #: tokens taken ahead
BLOCK_LIFE_S = 0.1  #: how long they may be used
BURST_GAP_S = 0.02  #: requests closer than this are a burst
#: What a block may add to a burst: the refill of its life. The bucket is kept that much smaller.
_HEADROOM = BLOCK_LIFE_S * RATE_PER_S
_CLOCK_JUMP_S = 5.0  #: a bucket further ahead than this was written before the clock was set back


@dataclass(frozen=True, slots=True)
class _Block:
    """Tokens taken ahead, usable until a time; ``asked_at`` is the last request (seconds since the epoch)."""

    tokens: int = 0
    until: float = 0.0
    asked_at: float = 0.0


Decision = Callable[[Bucket, float], tuple[Bucket, A]]


class StoreBudget:
    """The ports' ``RateBudget`` on the shared file; when it cannot be used, this server counts for itself."""

    def __init__(self, file: RateFile, clock: Clock, rate_per_s: float = RATE_PER_S) -> None:
        """``rate_per_s`` is how fast the bucket refills; at most Meraki's own 10."""
        self._rate = rate_per_s
        self._file = file
        self._clock = clock
        self._blocks: dict[str, _Block] = {}
        self._answers: Counter[str] = Counter()
        self._own: dict[str, Bucket] = {}

    async def reserve(self, organization_id: str, calls: int = 1) -> float:
        """Take so many requests from the budget; the seconds to wait before sending them."""
        asked_at = self._now()
        block = self._blocks.get(organization_id, _Block())
        is_burst = abs(asked_at - block.asked_at) < BURST_GAP_S
        if block.tokens >= calls and block.until - BLOCK_LIFE_S <= asked_at < block.until:
            self._blocks[organization_id] = replace(block, tokens=block.tokens - calls, asked_at=asked_at)
            return 0.0
        self._blocks[organization_id] = _Block(asked_at=asked_at)
        more, answers = (BLOCK if is_burst else 0), self._answers.pop(organization_id, 0)
        wait_s, ahead = await self._decided(
            organization_id, lambda bucket, now: _taken(raised(bucket, answers), now, calls, more, self._rate)
        )
        self._blocks[organization_id] = replace(ahead, asked_at=asked_at)
        return wait_s

    async def penalize(self, organization_id: str, seconds: float) -> None:
        """Note a 429: nothing is sent for so many seconds, and less after that."""
        self._blocks.pop(organization_id, None)
        self._answers.pop(organization_id, None)
        await self._decided(organization_id, lambda bucket, now: (penalized(bucket, now, seconds), None))

    def answered(self, organization_id: str) -> None:
        """Note an answer that was no 429."""
        self._answers[organization_id] += 1

    async def estimate_s(self, organization_id: str, calls: int) -> float:
        """The seconds that ``reserve`` would say, without taking anything."""
        return await self._decided(
            organization_id, lambda bucket, now: (bucket, reserve(bucket, now, calls, rate=self._rate)[1])
        )

    def _now(self) -> float:
        """Seconds since the epoch, the same for all processes of a machine."""
        return self._clock.now().timestamp()

    async def _decided(self, organization_id: str, decide: Decision[A]) -> A:
        """What the decision says; the bucket it leaves is kept."""

        def shared(connection: sqlite3.Connection) -> A:
            with transaction(connection):
                row = connection.execute(sql("read_bucket"), {"organization_id": organization_id}).fetchone()
                left, answer = self._now_decided(decide, Bucket(*row) if row else Bucket())
                values = {"tokens": left.tokens, "at": left.at, "not_before": left.not_before, "pace": left.pace}
                connection.execute(sql("write_bucket"), {"organization_id": organization_id, **values})
            return answer

        def alone() -> A:
            own = self._own.get(organization_id, Bucket())
            self._own[organization_id], answer = self._now_decided(decide, own)
            return answer

        return await self._file.run(shared, alone)

    def _now_decided(self, decide: Decision[A], bucket: Bucket) -> tuple[Bucket, A]:
        """The decision at this moment; the time is taken inside the transaction, so that it does not go back."""
        now = self._now()
        ahead_s = bucket.at - now
        if ahead_s > _CLOCK_JUMP_S:
            bucket = replace(bucket, at=now, not_before=bucket.not_before - ahead_s)
        return decide(bucket, max(now, bucket.at))


def _taken(bucket: Bucket, now: float, calls: int, more: int, rate: float) -> tuple[Bucket, tuple[float, _Block]]:
    """The bucket after taking ``calls`` and, when it has plenty, ``more`` ahead; the wait and the block."""
    left, wait_s = reserve(bucket, now, calls, rate=rate)
    left = replace(left, tokens=min(left.tokens, CAPACITY - _HEADROOM - calls))
    ahead = more if wait_s == 0.0 and left.tokens >= more else 0
    return replace(left, tokens=left.tokens - ahead), (wait_s, _Block(ahead, now + BLOCK_LIFE_S))
