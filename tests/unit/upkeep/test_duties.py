"""What a server does by itself: when, what a failing duty leaves behind, and how it ends."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest

from mcp_server.domain.ports import Append
from mcp_server.errors import Unreachable
from mcp_server.upkeep import Duty, Upkeep
from tests.support.fake_clock import SteppedClock
from tests.support.memory_store import MemoryStore


@asynccontextmanager
async def kept(duties: Sequence[Duty], store: MemoryStore, clock: SteppedClock) -> AsyncIterator[Upkeep]:
    """Those duties under way until the block ends."""
    upkeep = Upkeep(duties, store, clock)
    async with anyio.create_task_group() as tasks:
        upkeep.start(tasks)
        await anyio.wait_all_tasks_blocked()
        try:
            yield upkeep
        finally:
            upkeep.stop()


async def moved(clock: SteppedClock, seconds: float) -> None:
    """The time moved on, and everything done that was due."""
    clock.advance(seconds)
    await anyio.wait_all_tasks_blocked()


def told(store: MemoryStore) -> list[tuple[str, str, object]]:
    """Event, status and duty of each row of evidence."""
    entries = [write.entry for writes in store.commits for write in writes if isinstance(write, Append)]
    return [(entry.event, entry.status, entry.detail["duty"]) for entry in entries]


async def test_a_duty_runs_at_once_and_then_each_time_its_time_has_passed() -> None:
    """Not earlier, and each at its own pace."""
    clock, runs = SteppedClock(), list[str]()

    async def often() -> None:
        runs.append("often")

    async def seldom() -> None:
        runs.append("seldom")

    async with kept([Duty("often", 10, often), Duty("seldom", 25, seldom)], MemoryStore(), clock):
        assert sorted(runs) == ["often", "seldom"]
        await moved(clock, 9)
        assert len(runs) == 2
        await moved(clock, 1)
        assert runs.count("often") == 2
        await moved(clock, 15)
        assert (runs.count("often"), runs.count("seldom")) == (3, 2)


async def test_a_duty_that_fails_is_logged_and_recorded_once_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two failures in a row are one row of evidence; the row that it is well again follows."""
    clock, store, runs = SteppedClock(), MemoryStore(), list[int]()

    async def breaking() -> None:
        runs.append(0)
        if len(runs) < 3:
            raise OSError("broken")

    other = list[int]()

    async def well() -> None:
        other.append(0)

    with caplog.at_level(logging.ERROR):
        async with kept([Duty("breaking", 5, breaking), Duty("well", 5, well)], store, clock) as upkeep:
            assert upkeep.problems == {"breaking": "OSError"}
            await moved(clock, 5)
            assert [row[1:] for row in told(store)] == [("failed", "breaking")]
            await moved(clock, 5)
            assert told(store)[1] == ("duty", "ok", "breaking")
            assert upkeep.problems == {}
    assert len(other) == 3
    assert caplog.text.count("duty breaking failed") == 2


async def test_a_failing_duty_is_told_with_why_and_since_when_until_it_is_well_again() -> None:
    """In a sentence of ours, never the cloud's; the time is that of its first failure."""
    clock, store, runs = SteppedClock(), MemoryStore(), list[int]()

    async def unreachable() -> None:
        runs.append(0)
        if len(runs) < 3:
            raise Unreachable("no route to <b>10.0.0.1</b>", sent=False)

    async with kept([Duty("unreachable", 5, unreachable)], store, clock) as upkeep:
        began = clock.now().isoformat(timespec="seconds")
        await moved(clock, 5)
        assert upkeep.troubles() == [
            {"duty": "unreachable", "state": "failing", "since": began, "why": Unreachable.sentence}
        ]
        await moved(clock, 5)
        assert upkeep.troubles() == []


async def test_a_duty_whose_run_does_not_end_is_behind() -> None:
    """Once it is later than its own time by a minute; one that keeps its time is not named."""
    clock = SteppedClock()

    async def quick() -> None:
        return

    async with kept([Duty("stuck", 5, anyio.sleep_forever), Duty("quick", 5, quick)], MemoryStore(), clock) as upkeep:
        await moved(clock, 60)
        assert upkeep.troubles() == []
        await moved(clock, 7)
        [behind] = upkeep.troubles()
        assert (behind["duty"], behind["state"], behind["late_s"]) == ("stuck", "behind", 7)


async def test_what_goes_wrong_outside_for_a_long_time_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """One warning when it begins, however often the duty runs meanwhile."""
    clock, runs = SteppedClock(), list[int]()

    async def unreachable() -> None:
        runs.append(0)
        raise Unreachable("no route", sent=False)

    with caplog.at_level(logging.WARNING):
        async with kept([Duty("unreachable", 5, unreachable)], MemoryStore(), clock):
            for _ in range(3):
                await moved(clock, 5)
    assert len(runs) == 4
    assert caplog.text.count("duty unreachable failed") == 1


async def test_a_failure_that_cannot_be_recorded_ends_nothing() -> None:
    """The store is down: the duty runs again all the same."""
    clock, store, runs = SteppedClock(), MemoryStore(), list[int]()
    store.failing = True

    async def breaking() -> None:
        runs.append(0)
        raise OSError

    async with kept([Duty("breaking", 5, breaking)], store, clock):
        await moved(clock, 5)
    assert len(runs) == 2


async def test_a_slow_duty_delays_no_other_and_ends_with_the_server() -> None:
    """One that hangs is left behind when the server goes."""
    clock, runs = SteppedClock(), list[int]()

    async def quick() -> None:
        runs.append(0)

    async with kept([Duty("slow", 5, anyio.sleep_forever), Duty("quick", 5, quick)], MemoryStore(), clock):
        await moved(clock, 5)
        assert len(runs) == 2
