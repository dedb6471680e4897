"""The request budget of each organization, shared by the servers of one data directory.

Rules: the pure rule decides, this keeps its state; in a burst a few tokens are taken ahead, and those not used at
once are lost, never given back (the bucket may have been full since), so all servers together never exceed the budget;
answers are counted here and told with the next reservation, so that a good one costs nothing.
"""

import math
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from mcp_server.domain.limits.rate import CAPACITY, RATE_PER_S, Bucket, closed_s, penalized, raised, reserve
from mcp_server.domain.ports import Clock
from mcp_server.store.limits.rate_file import RateFile
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

    def holds(self, calls: int, now: float) -> bool:
        """Whether so many requests need nothing else now; what was taken before the clock was set back does not."""
        return self.tokens >= calls and self.until - BLOCK_LIFE_S <= now < self.until


@dataclass(frozen=True, slots=True)
class _Asked:
    """A reservation: ``more`` tokens ahead if there are plenty, nothing at all after a wait over ``longest_s``."""

    calls: int
    more: int
    rate: float
    longest_s: float


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
        self._own: dict[str, Bucket] = {}  #: as last seen; goes on from there while the file cannot be used
        self._alone: set[str] = set()  #: the organizations for which it went on, which the file does not know yet

    async def reserve(self, organization_id: str, calls: int = 1, *, longest_s: float = math.inf) -> float:
        """Take so many requests from the budget; the seconds to wait. Longer than ``longest_s``: nothing is taken."""
        asked_at = self._now()
        block = self._blocks.get(organization_id, _Block())
        is_burst = abs(asked_at - block.asked_at) < BURST_GAP_S
        if block.holds(calls, asked_at):
            self._blocks[organization_id] = replace(block, tokens=block.tokens - calls, asked_at=asked_at)
            return 0.0
        self._blocks[organization_id] = _Block(asked_at=asked_at)
        more, answers = (BLOCK if is_burst else 0), self._answers.pop(organization_id, 0)
        asked = _Asked(calls, more, self._rate, longest_s)
        wait_s, ahead = await self._decided(
            organization_id, lambda bucket, now: _taken(raised(bucket, answers), now, asked)
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

    async def closed_s(self, organization_id: str) -> float:
        """The seconds for which a 429 has closed the budget, also for what was reserved before it came."""
        return await self._decided(organization_id, lambda bucket, now: (bucket, closed_s(bucket, now)))

    async def estimate_s(self, organization_id: str, calls: int) -> float:
        """The seconds that ``reserve`` would say, without taking anything."""
        if self._blocks.get(organization_id, _Block()).holds(calls, self._now()):
            return 0.0
        return await self._decided(
            organization_id, lambda bucket, now: (bucket, reserve(bucket, now, calls, rate=self._rate)[1])
        )

    def _now(self) -> float:
        """Seconds since the epoch, the same for all processes of a machine."""
        return self._clock.now().timestamp()

    async def _decided(self, organization_id: str, decide: Decision[A]) -> A:
        """What the decision says; the bucket it leaves is kept."""

        def shared(connection: sqlite3.Connection) -> A:
            with self._file.transaction(connection):
                row = connection.execute(sql("read_bucket"), {"organization_id": organization_id}).fetchone()
                kept = Bucket(*row) if row else Bucket()
                left, answer = self._now_decided(decide, self._scanter(organization_id, kept))
                if left != kept:
                    values = {"tokens": left.tokens, "at": left.at, "not_before": left.not_before, "pace": left.pace}
                    connection.execute(sql("write_bucket"), {"organization_id": organization_id, **values})
            self._own[organization_id] = left
            self._alone.discard(organization_id)
            return answer

        def alone() -> A:
            own = self._own.get(organization_id, Bucket())
            self._own[organization_id], answer = self._now_decided(decide, own)
            self._alone.add(organization_id)
            return answer

        return await self._file.run(shared, alone)

    def _scanter(self, organization_id: str, kept: Bucket) -> Bucket:
        """The bucket of the file, or with the tokens of the own one when it went on alone and has fewer."""
        if organization_id not in self._alone:
            return kept
        own = self._own[organization_id]
        at = max(kept.at, own.at)
        shared, mine = (reserve(one, at, 0, rate=self._rate)[0] for one in (kept, own))
        not_before = max(kept.not_before, own.not_before)
        return replace(shared, tokens=min(shared.tokens, mine.tokens), not_before=not_before)

    def _now_decided(self, decide: Decision[A], bucket: Bucket) -> tuple[Bucket, A]:
        """The decision at this moment; the time is taken inside the transaction, so that it does not go back."""
        now = self._now()
        ahead_s = bucket.at - now
        if ahead_s > _CLOCK_JUMP_S:
            bucket = replace(bucket, at=now, not_before=bucket.not_before - ahead_s)
        return decide(bucket, max(now, bucket.at))


def _taken(bucket: Bucket, now: float, asked: _Asked) -> tuple[Bucket, tuple[float, _Block]]:
    """The bucket after the reservation; the wait and the block."""
    left, wait_s = reserve(bucket, now, asked.calls, rate=asked.rate, longest_s=asked.longest_s)
    if wait_s > asked.longest_s:
        return left, (wait_s, _Block())
    left = replace(left, tokens=min(left.tokens, CAPACITY - _HEADROOM - asked.calls))
    ahead = asked.more if wait_s == 0.0 and left.tokens >= asked.more else 0
    return replace(left, tokens=left.tokens - ahead), (wait_s, _Block(ahead, now + BLOCK_LIFE_S))
