"""The circuit breaker of each organization, shared by the servers of one data directory and kept over a restart.

Rules: the pure rule decides, inside a transaction, so that one probe goes at a time, and this keeps its state; while
the cloud is well, asking is one read and a good end is not even told.
"""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from mcp_server.domain.limits.breaker import CLOSED, Admitted, Breaker, admit, open_until, settled
from mcp_server.domain.ports import Clock
from mcp_server.store.limits.rate_file import RateFile
from mcp_server.store.queries import sql

A = TypeVar("A")
Decision = Callable[[Breaker, float], tuple[Breaker, A]]
CLEAN_LIFE_S = 0.2  #: how long a read believes what it was told; writes always ask


class StoreBreakers:
    """Implements the ports' ``Breakers`` on the shared file; when it cannot be used, this server decides for itself."""

    def __init__(self, file: RateFile, clock: Clock) -> None:
        """``clock`` is the wall clock's: seconds since the epoch are the same for all processes of a machine."""
        self._file = file
        self._clock = clock
        self._own: dict[str, Breaker] = {}
        self._clean: dict[str, Admitted] = {}

    async def admit(self, organization_id: str, *, is_write: bool) -> Admitted:
        """What a call to the organization may do now; reads in quick succession ask the file once."""
        told = self._clean.get(organization_id)
        if told is not None and not is_write and 0 <= self._now() - told.at < CLEAN_LIFE_S:
            return told
        told = await self._decided(organization_id, lambda breaker, now: admit(breaker, now, is_write=is_write))
        if told.is_clean:
            self._clean[organization_id] = told
        else:
            self._clean.pop(organization_id, None)
        return told

    async def settle(self, organization_id: str, admitted: Admitted, *, good: bool | None) -> None:
        """Note how an admitted call ended that tells: well, badly, or (None) in a way that says nothing."""
        self._clean.pop(organization_id, None)
        await self._decided(organization_id, lambda breaker, now: (settled(breaker, now, admitted, good=good), None))

    async def list_open(self) -> dict[str, datetime]:
        """Each organization whose breaker is open, and until when; a time that has passed: reads probe, writes stop."""
        now = self._clock.now().timestamp()

        def shared(connection: sqlite3.Connection) -> dict[str, Breaker]:
            rows = connection.execute(sql("list_breakers")).fetchall()
            return {name: Breaker(*row) for name, *row in rows}

        kept = await self._file.run(shared, lambda: dict(self._own))
        times = {name: open_until(breaker, now) for name, breaker in kept.items()}
        return {name: datetime.fromtimestamp(at, UTC) for name, at in sorted(times.items()) if at is not None}

    async def _decided(self, organization_id: str, decide: Decision[A]) -> A:
        """What the decision says; the breaker it leaves is kept."""

        def shared(connection: sqlite3.Connection) -> A:
            with self._file.transaction(connection):
                before = _read(connection, organization_id)
                after, answer = decide(before, self._now())
                if after != before:
                    _write(connection, organization_id, after)
            self._own[organization_id] = after
            return answer

        def alone() -> A:
            own = self._own.get(organization_id, CLOSED)
            self._own[organization_id], answer = decide(own, self._now())
            return answer

        return await self._file.run(shared, alone)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _read(connection: sqlite3.Connection, organization_id: str) -> Breaker:
    row = connection.execute(sql("read_breaker"), {"organization_id": organization_id}).fetchone()
    return Breaker(*row) if row else CLOSED


def _write(connection: sqlite3.Connection, organization_id: str, breaker: Breaker) -> None:
    values = {
        "failures": breaker.failures,
        "opened_at": breaker.opened_at,
        "successes": breaker.successes,
        "probe_at": breaker.probe_at,
    }
    connection.execute(sql("write_breaker"), {"organization_id": organization_id, **values})
