"""One clock for every process of a run: time is the machine's and what the run adds to it; nobody waits for long."""

import asyncio
import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from mcp_server.clock import SystemClock

_FORM: Final = struct.Struct("dd")  #: seconds that were added; seconds by which the wall clock was set
#: A longer sleep lasts until the run lets that time pass; a shorter one lets it pass itself, for everybody.
SHORT_S: Final = 2.5


class SharedClock(SystemClock):
    """Made before the first fork; every child then reads and moves the same time."""

    def __init__(self) -> None:
        """Nothing was added yet."""
        self._page = mmap.mmap(-1, mmap.PAGESIZE)
        self._began = datetime.now(UTC)
        self._began_s = time.monotonic()
        self._waiting: list[float] = []
        self._moved = asyncio.Event()
        self.reset()

    def reset(self) -> None:
        """Nothing was added, and nobody has set the wall clock."""
        self._page[: _FORM.size] = _FORM.pack(0.0, 0.0)

    def _added(self) -> tuple[float, float]:
        added_s, set_s = _FORM.unpack(self._page[: _FORM.size])
        return added_s, set_s

    def true(self) -> datetime:
        """Aware UTC as a clock tells it that nobody sets: the cloud's."""
        return self._began + timedelta(seconds=time.monotonic() - self._began_s + self._added()[0])

    @property
    def set_s(self) -> float:
        """By how many seconds the wall clock was set, in all."""
        return self._added()[1]

    def now(self) -> datetime:
        """Aware UTC, as the wall clock of this machine tells it."""
        return self.true() + timedelta(seconds=self.set_s)

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        return time.monotonic() + self._added()[0]

    def uptime(self) -> tuple[str, float]:
        """The same seconds; the machine is never started anew."""
        return "boot-1", self.monotonic()

    def advance(self, seconds: float) -> None:
        """Lets so much time pass at once; whoever waits is woken by ``wake``."""
        added_s, set_s = self._added()
        self._page[: _FORM.size] = _FORM.pack(added_s + seconds, set_s)

    def jump(self, seconds: float) -> None:
        """Sets the wall clock, forwards or back; no time passes."""
        added_s, set_s = self._added()
        self._page[: _FORM.size] = _FORM.pack(added_s, set_s + seconds)

    async def sleep(self, seconds: float) -> None:
        """A short wait passes at once; a long one when the run has let that much time pass."""
        if seconds <= SHORT_S:
            self.advance(max(0.0, seconds))
            await asyncio.sleep(0)
            return
        until = self.monotonic() + seconds
        self._waiting.append(until)
        try:
            while self.monotonic() < until:
                await self._moved.wait()
        finally:
            self._waiting.remove(until)

    def wake(self) -> None:
        """Let whoever waits in this process look at the time."""
        passed, self._moved = self._moved, asyncio.Event()
        passed.set()

    def waiting(self) -> int:
        """How many in this process wait for a time that has not come."""
        now = self.monotonic()
        return sum(until > now for until in self._waiting)
