"""Stand-ins for the ports Clock and Ids: time moves only when told to, names count up."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from mcp_server.clock import SystemClock

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakeClock:
    """A clock that stands still; ``sleep`` moves it at once and lets other tasks run; ``slept`` lists the waits."""

    def __init__(self, now: datetime = START) -> None:
        if now.tzinfo is None:
            raise ValueError("now must be aware")
        self._start = now
        self._elapsed_s = 0.0
        self._jumped_s = 0.0
        self.boot = "boot-1"
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Aware UTC."""
        return self._start + timedelta(seconds=self._elapsed_s + self._jumped_s)

    def monotonic(self) -> float:
        """Seconds since this clock was made, plus 1000 so that nobody takes 0 for "never"."""
        return 1000.0 + self._elapsed_s

    def uptime(self) -> tuple[str, float]:
        """The run of the machine, and the same seconds."""
        return self.boot, self.monotonic()

    def jump(self, seconds: float) -> None:
        """Sets the wall clock, forwards or back; no time passes."""
        self._jumped_s += seconds

    async def sleep(self, seconds: float) -> None:
        """Moves the time on at once; other tasks get one turn."""
        self.slept.append(seconds)
        self.advance(max(0.0, seconds))
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Moves the time on; never back."""
        if seconds < 0:
            raise ValueError("time never goes back; set a new clock instead")
        self._elapsed_s += seconds


class FakeIds:
    """Names that count up, one count per prefix: ``plan-000001``, ``CHG-20261121-120000-0001``, ``C001``."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def _next(self, prefix: str) -> int:
        self._counts[prefix] += 1
        return self._counts[prefix]

    def new(self, prefix: str) -> str:
        """``prefix-`` and six digits."""
        return f"{prefix}-{self._next(prefix):06d}"

    def stamped(self, prefix: str, at: datetime) -> str:
        """``PREFIX-YYYYMMDD-HHMMSS-`` and four digits."""
        return f"{prefix}-{at:%Y%m%d-%H%M%S}-{self._next(prefix):04d}"

    def code(self) -> str:
        """Four characters."""
        return f"C{self._next('code'):03d}"


class SteppedClock(FakeClock):
    """A clock whose ``sleep`` lasts until a test has moved the time on far enough: for what runs in the background."""

    def __init__(self, now: datetime = START) -> None:
        super().__init__(now)
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait until ``advance`` has moved the time on by that much."""
        self.slept.append(seconds)
        until = self.monotonic() + seconds
        while self.monotonic() < until:
            await self._moved.wait()

    def advance(self, seconds: float) -> None:
        """Moves the time on and wakes who waited for it."""
        super().advance(seconds)
        passed, self._moved = self._moved, asyncio.Event()
        passed.set()


class ShiftedClock:
    """This machine's clocks and what a test adds to them; a wait ends once enough time has passed or was added."""

    def __init__(self) -> None:
        self._machine = SystemClock()
        self._added_s = 0.0
        self._jumped_s = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """Aware UTC."""
        return self._machine.now() + timedelta(seconds=self._added_s + self._jumped_s)

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        return self._machine.monotonic() + self._added_s

    def uptime(self) -> tuple[str, float]:
        """The run of this machine, and its seconds with what was added."""
        boot, seconds = self._machine.uptime()
        return boot, seconds + self._added_s

    async def sleep(self, seconds: float) -> None:
        """Wait that long by this clock."""
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), left)

    def advance(self, seconds: float) -> None:
        """Lets so much time pass at once."""
        self._added_s += seconds
        passed, self._moved = self._moved, asyncio.Event()
        passed.set()

    def jump(self, seconds: float) -> None:
        """Sets the wall clock, forwards or back; no time passes."""
        self._jumped_s += seconds
