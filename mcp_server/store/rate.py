"""The request budget of each organization, shared by the processes of one data directory.

Rules: ``domain/rate.py`` decides, this keeps its state; in a burst a few tokens are taken ahead, and those not used at
once are lost, never given back (the bucket may have been full since), so all processes together never exceed the
budget; the state is in a file of its own without disk syncs, for losing it is harmless, and when it cannot be kept
this process goes on with its own count and says so in ``problem``.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from mcp_server.domain.ports import Clock
from mcp_server.domain.rate import CAPACITY, RATE_PER_S, Bucket, penalized, reserve
from mcp_server.errors import StoreUnavailable
from mcp_server.store.connection import FileLock, unavailable
from mcp_server.store.queries import sql

A = TypeVar("A")

FILE = "rate.db"
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


@dataclass(slots=True)
class _Kept:
    """The bucket inside a transaction; whatever stands here at its end is written."""

    bucket: Bucket


Decision = Callable[[Bucket, float], tuple[Bucket, A]]


class StoreBudget:
    """Implements the ports' ``RateBudget`` with state in ``rate.db``; ``problem`` says why it is not shared, or ""."""

    def __init__(self, directory: Path, clock: Clock, rate_per_s: float = RATE_PER_S) -> None:
        """``rate_per_s`` is how fast the bucket refills; at most Meraki's own 10."""
        self._rate = rate_per_s
        self._path = directory / FILE
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rate-budget")
        self._connection: sqlite3.Connection | None = None
        self._blocks: dict[str, _Block] = {}
        self._own: dict[str, Bucket] = {}
        self.problem = ""

    def close(self) -> None:
        """Give nothing back and close the file; blocks until done."""
        self._thread.shutdown(wait=True)
        self._close()

    async def reserve(self, organization_id: str, calls: int = 1) -> float:
        """Take so many requests from the budget; the seconds to wait before sending them."""
        asked_at = self._now()
        block = self._blocks.get(organization_id, _Block())
        is_burst = abs(asked_at - block.asked_at) < BURST_GAP_S
        if block.tokens >= calls and block.until - BLOCK_LIFE_S <= asked_at < block.until:
            self._blocks[organization_id] = replace(block, tokens=block.tokens - calls, asked_at=asked_at)
            return 0.0
        self._blocks[organization_id] = _Block(asked_at=asked_at)
        wait_s, ahead = await self._decided(
            organization_id, lambda bucket, now: _taken(bucket, now, calls, BLOCK if is_burst else 0, self._rate)
        )
        self._blocks[organization_id] = replace(ahead, asked_at=asked_at)
        return wait_s

    async def penalize(self, organization_id: str, seconds: float) -> None:
        """Note a 429: nothing is sent for so many seconds."""
        self._blocks.pop(organization_id, None)
        await self._decided(organization_id, lambda bucket, now: (penalized(bucket, now, seconds), None))

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
        asked = self._thread.submit(self._shared, organization_id, decide)
        return await asyncio.wrap_future(asked)

    def _shared(self, organization_id: str, decide: Decision[A]) -> A:
        """Decide on the shared bucket, or on our own when there is no file; in the thread."""
        try:
            connection = self._connection = self._connection or _opened(self._path)
            with _bucket(connection, organization_id) as kept:
                kept.bucket, answer = self._now_decided(decide, kept.bucket)
        except (sqlite3.Error, OSError, StoreUnavailable) as fault:
            self._close()
            self.problem = str(unavailable("the request budget is not shared", fault))
            self._own[organization_id], answer = self._now_decided(decide, self._own.get(organization_id, Bucket()))
            return answer
        self.problem = ""
        return answer

    def _now_decided(self, decide: Decision[A], bucket: Bucket) -> tuple[Bucket, A]:
        """The decision at this moment; the time is taken inside the transaction, so that it does not go back."""
        now = self._now()
        ahead_s = bucket.at - now
        if ahead_s > _CLOCK_JUMP_S:
            bucket = replace(bucket, at=now, not_before=bucket.not_before - ahead_s)
        return decide(bucket, max(now, bucket.at))

    def _close(self) -> None:
        """Close the file; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _taken(bucket: Bucket, now: float, calls: int, more: int, rate: float) -> tuple[Bucket, tuple[float, _Block]]:
    """The bucket after taking ``calls`` and, when it has plenty, ``more`` ahead; the wait and the block."""
    left, wait_s = reserve(bucket, now, calls, rate=rate)
    left = replace(left, tokens=min(left.tokens, CAPACITY - _HEADROOM - calls))
    ahead = more if wait_s == 0.0 and left.tokens >= more else 0
    return replace(left, tokens=left.tokens - ahead), (wait_s, _Block(ahead, now + BLOCK_LIFE_S))


@contextmanager
def _bucket(connection: sqlite3.Connection, organization_id: str) -> Iterator[_Kept]:
    """The bucket of an organization in one transaction: read before the block, written after it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        row = connection.execute(sql("read_bucket"), {"organization_id": organization_id}).fetchone()
        kept = _Kept(Bucket(*row) if row else Bucket())
        yield kept
        left = kept.bucket
        values = {"tokens": left.tokens, "at": left.at, "not_before": left.not_before}
        connection.execute(sql("write_bucket"), {"organization_id": organization_id, **values})
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _opened(path: Path) -> sqlite3.Connection:
    """The file, made anew when it is damaged, as a power cut may do without syncs; nothing in it is worth keeping."""
    lock = FileLock(path.with_suffix(".lock"))
    try:
        with lock.held():
            return _made_anew(path) if _is_damaged(path) else _connected(path)
    finally:
        lock.close()


def _is_damaged(path: Path) -> bool:
    """Whether the file cannot be used as a database of budgets."""
    try:
        _connected(path).close()
    except sqlite3.DatabaseError as fault:
        return fault.sqlite_errorname in ("SQLITE_CORRUPT", "SQLITE_NOTADB")
    return False


def _made_anew(path: Path) -> sqlite3.Connection:
    """A connection to a new file in place of the damaged one."""
    path.unlink()
    return _connected(path)


def _connected(path: Path) -> sqlite3.Connection:
    """A connection without syncs; a rollback journal, for several processes write."""
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = PERSIST")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(sql("make_rate"))
    except sqlite3.Error:
        connection.close()
        raise
    return connection
