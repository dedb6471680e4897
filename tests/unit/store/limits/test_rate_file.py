"""Where the shared file is used: on the event loop while that is quick, else in a thread."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from anyio.lowlevel import checkpoint

from mcp_server.store.connection import QUICK_S, FileLock
from mcp_server.store.limits.rate_file import RateFile
from tests.support.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """The time of the file."""
    return FakeClock()


@pytest.fixture
def file(tmp_path: Path, clock: FakeClock) -> Iterator[RateFile]:
    """A server's file, with a short wait for another process."""
    file = RateFile(tmp_path, clock, wait_s=0.02)
    yield file
    file.close()


async def used(file: RateFile, meanwhile: Callable[[], None] = lambda: None) -> str:
    """Where a use ran: loop or thread, or alone when the file could not be used."""

    def place(_connection: sqlite3.Connection) -> str:
        meanwhile()
        return "loop" if threading.current_thread() is threading.main_thread() else "thread"

    return await file.run(place, lambda: "alone")


async def test_the_file_is_opened_in_a_thread_and_used_on_the_event_loop(file: RateFile) -> None:
    """Opening may take long; a use does not."""
    assert [await used(file) for _ in range(3)] == ["thread", "loop", "loop"]


async def test_after_a_slow_use_the_next_one_is_the_threads(file: RateFile, clock: FakeClock) -> None:
    """Until one was quick again: a disk in trouble stops the event loop once."""
    await used(file)
    places = [await used(file, partial(clock.advance, took_s)) for took_s in (2 * QUICK_S, 2 * QUICK_S, 0.0, 0.0)]
    assert places == ["loop", "thread", "thread", "loop"]


async def test_what_another_process_holds_is_waited_for_in_the_thread(file: RateFile, tmp_path: Path) -> None:
    """And given up there; the first use after that is the thread's too."""
    await used(file)
    holder = FileLock(tmp_path / "rate.lock")
    with holder.held():
        assert await used(file) == "alone"
    holder.close()
    assert [await used(file) for _ in range(2)] == ["thread", "loop"]


async def test_while_the_thread_has_a_use_before_it_no_other_is_begun_on_the_event_loop(file: RateFile) -> None:
    """Also when whoever asked for the one in line has left: one connection is never used by two."""
    under_way, go_on = threading.Event(), threading.Event()

    def held() -> None:
        under_way.set()
        go_on.wait(1.0)  # for whoever would wait for it on the event loop

    first = asyncio.create_task(used(file, held))
    await asyncio.to_thread(under_way.wait)
    file._is_quick = True
    left, third = asyncio.create_task(used(file)), asyncio.create_task(used(file))
    await checkpoint()
    left.cancel()
    await checkpoint()
    fourth = asyncio.create_task(used(file))
    await checkpoint()
    go_on.set()
    assert [await first, await third, await fourth] == ["thread", "thread", "thread"]
    assert left.cancelled()
