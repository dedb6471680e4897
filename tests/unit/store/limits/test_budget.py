"""The shared request budget: never more than the organization has, whoever asks, and harmless to lose."""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from mcp_server.domain.limits.rate import CAPACITY, RATE_PER_S
from mcp_server.store.connection import FileLock
from mcp_server.store.limits.budget import BLOCK, StoreBudget
from mcp_server.store.limits.rate_file import RateFile
from tests.support.fake_clock import START, FakeClock
from tests.unit.store.test_faults import finished, work


@pytest.fixture
def clock() -> FakeClock:
    """The time that all budgets of a test share."""
    return FakeClock()


@pytest.fixture
def budgets(tmp_path: Path, clock: FakeClock) -> Iterator[list[StoreBudget]]:
    """Three servers on one data directory."""
    files = [RateFile(tmp_path, clock) for _ in range(3)]
    yield [StoreBudget(file, clock) for file in files]
    for file in files:
        file.close()


def _kept(home: Path) -> list[Path]:
    return list(home.iterdir())


def worst_excess(sent: Sequence[float]) -> float:
    """By how much the fullest stretch of time passes the budget of a burst and the rate."""
    times = sorted(sent)
    return max(
        (last - first + 1) - (CAPACITY + RATE_PER_S * (times[last] - times[first]))
        for first in range(len(times))
        for last in range(first, len(times))
    )


def test_three_processes_share_one_burst(tmp_path: Path) -> None:
    """At one moment, three servers together send at most the burst at once, and nearly all of it."""
    processes = [work("reserve", tmp_path, 15) for _ in range(3)]
    at_once = [int(line.split()[0]) for process in processes for line in finished(process)]
    assert CAPACITY - 2 * BLOCK <= sum(at_once) <= CAPACITY


@pytest.mark.parametrize("seed", range(6))
async def test_no_stretch_of_time_ever_holds_more_than_the_budget(
    budgets: list[StoreBudget], clock: FakeClock, seed: int
) -> None:
    """Whatever the order of three servers' requests and pauses, the sending times stay within rate and burst."""
    chance = random.Random(seed)
    sent: list[float] = []
    for _ in range(300):
        clock.advance(chance.choice([0.0, 0.0, 0.0, 0.01, 0.09, 0.11, 0.5, 3.0]))
        calls = chance.choice([1, 1, 1, 2, 7])
        wait_s = await chance.choice(budgets).reserve("O_1", calls)
        sent += [clock.monotonic() + wait_s] * calls
    assert worst_excess(sent) <= 1e-6
    assert all(budget._file.problem == "" for budget in budgets)


async def test_a_single_slow_reader_never_waits(budgets: list[StoreBudget], clock: FakeClock) -> None:
    """Five requests a second for a long time: no tokens are lost to blocks taken ahead."""
    for _ in range(200):
        assert await budgets[0].reserve("O_1") == 0.0
        clock.advance(0.2)


async def test_organizations_have_budgets_of_their_own(budgets: list[StoreBudget]) -> None:
    """One organization's storm does not slow another."""
    for _ in range(40):
        await budgets[0].reserve("O_1")
    assert await budgets[1].reserve("O_1") > 1.0
    assert await budgets[1].reserve("O_2") == 0.0


async def test_a_429_closes_the_budget_for_every_server(budgets: list[StoreBudget], clock: FakeClock) -> None:
    """What one server was told by the cloud holds for all, for as long as it said."""
    await budgets[0].reserve("O_1")
    await budgets[0].penalize("O_1", 30.0)
    assert await budgets[1].reserve("O_1") == pytest.approx(30.0)
    assert await budgets[0].estimate_s("O_1", 1) == pytest.approx(30.0, abs=0.2)
    clock.advance(31.0)
    assert await budgets[2].reserve("O_1") == 0.0


async def test_an_estimate_takes_nothing(budgets: list[StoreBudget]) -> None:
    """Asking how long does not use the budget up."""
    for _ in range(50):
        assert await budgets[0].estimate_s("O_1", 10) == 0.0
    assert await budgets[0].estimate_s("O_1", int(CAPACITY) + 10) == pytest.approx(1.0)


async def test_an_estimate_writes_nothing(budgets: list[StoreBudget]) -> None:
    """It is asked for before each call."""
    await budgets[0].reserve("O_1")
    connection = budgets[0]._file._connection
    assert connection is not None
    written = connection.total_changes
    await budgets[0].estimate_s("O_1", int(CAPACITY))
    assert connection.total_changes == written
    await budgets[0].reserve("O_1", int(CAPACITY))
    assert connection.total_changes == written + 1


async def test_what_was_taken_ahead_needs_no_look_at_the_file(tmp_path: Path, clock: FakeClock) -> None:
    """Neither to be estimated nor to be used; more than that does."""
    file, holder = RateFile(tmp_path, clock, wait_s=0.02), FileLock(tmp_path / "rate.lock")
    budget = StoreBudget(file, clock)
    await budget.reserve("O_1")
    await budget.reserve("O_1")  # a burst: five more are taken
    with holder.held():
        assert [await budget.estimate_s("O_1", 5), await budget.reserve("O_1", 5)] == [0.0, 0.0]
        assert file.problem == ""
        await budget.estimate_s("O_1", 1)
        assert "not shared" in file.problem
    file.close()
    holder.close()


async def test_a_clock_set_back_does_not_stop_the_budget(tmp_path: Path) -> None:
    """An hour back: the budget starts from there instead of waiting an hour."""
    file = RateFile(tmp_path, FakeClock())
    ahead = StoreBudget(file, FakeClock(START + timedelta(hours=1)))
    await ahead.reserve("O_1", 10)
    await ahead.penalize("O_1", 5.0)
    behind = StoreBudget(file, FakeClock(START))
    assert await behind.reserve("O_1") == pytest.approx(5.0)
    file.close()


async def test_tokens_taken_ahead_are_not_used_at_another_time(tmp_path: Path) -> None:
    """A clock that was set back does not make their tenth of a second longer: the others have spent the budget."""
    ahead, back = FakeClock(), FakeClock(START - timedelta(hours=1))
    files = [RateFile(tmp_path, ahead) for _ in range(2)]
    one, other = StoreBudget(files[0], ahead), StoreBudget(files[1], ahead)
    assert [await one.reserve("O_1") for _ in range(2)] == [0.0, 0.0]  # the second is a burst: some more are taken
    await other.reserve("O_1", 30)
    assert await one.reserve("O_1") == 0.0
    one._clock = back
    assert await one.reserve("O_1") > 0
    for file in files:
        file.close()


async def test_the_files_are_for_this_account_only(budgets: list[StoreBudget], tmp_path: Path) -> None:
    """What a server may still send is nobody's to set; journal and locks too."""
    await budgets[0].reserve("O_1")
    files = _kept(tmp_path)
    assert "rate.db" in {path.name for path in files}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


async def test_a_damaged_file_is_made_anew(tmp_path: Path, clock: FakeClock) -> None:
    """Nothing in it is worth keeping, so a power cut does not end the sharing."""
    (tmp_path / "rate.db").write_bytes(b"torn page" * 999)
    file = RateFile(tmp_path, clock)
    assert await StoreBudget(file, clock).reserve("O_1") == 0.0
    assert file.problem == ""
    file.close()


async def test_a_budget_that_cannot_be_shared_is_still_kept_and_says_so(tmp_path: Path, clock: FakeClock) -> None:
    """Without its file a server counts for itself, so reads go on within the budget."""
    (tmp_path / "home").write_text("in the way")
    file = RateFile(tmp_path / "home", clock)
    budget = StoreBudget(file, clock)
    waits = [await budget.reserve("O_1") for _ in range(30)]
    assert sum(wait == 0.0 for wait in waits) <= CAPACITY
    assert waits[-1] > 0.5
    assert "not shared" in file.problem
    (tmp_path / "home").unlink()
    await budget.reserve("O_1")
    assert file.problem == ""
    file.close()
    file.close()


async def test_a_lower_rate_refills_more_slowly(tmp_path: Path, clock: FakeClock) -> None:
    """After the burst, a budget of 2 requests a second makes ten requests wait five times as long as one of 10."""
    files = [RateFile(tmp_path / "a", clock), RateFile(tmp_path / "b", clock)]
    slow, fast = StoreBudget(files[0], clock, 2.0), StoreBudget(files[1], clock)
    try:
        for budget in (slow, fast):
            await budget.reserve("O_1", int(CAPACITY))
        assert await slow.estimate_s("O_1", 10) == pytest.approx(5 * await fast.estimate_s("O_1", 10))
        assert await slow.reserve("O_1", 10) == pytest.approx(5 * await fast.reserve("O_1", 10))
    finally:
        for file in files:
            file.close()


async def test_after_a_429_every_server_is_slower_and_answers_make_it_fast_again(
    budgets: list[StoreBudget], clock: FakeClock
) -> None:
    """One server's 429 slows another; the answers that any of them gets raise the pace for all."""
    await budgets[0].penalize("O_1", 1.0)
    clock.advance(60.0)
    await budgets[1].reserve("O_1", int(CAPACITY))
    slow_s = await budgets[2].estimate_s("O_1", 10)
    assert slow_s > 10 / RATE_PER_S
    for budget in budgets:
        for _ in range(10):
            budget.answered("O_1")
        await budget.reserve("O_1", 0)
    clock.advance(60.0)
    await budgets[1].reserve("O_1", int(CAPACITY))
    assert await budgets[2].estimate_s("O_1", 10) < slow_s


async def test_a_request_that_would_wait_too_long_takes_nothing_from_those_that_wait(
    budgets: list[StoreBudget],
) -> None:
    """However often it is asked for, the next one waits no longer for it."""
    await budgets[0].reserve("O_1", int(CAPACITY) + 20)
    before_s = await budgets[2].estimate_s("O_1", 1)
    for _ in range(50):
        assert await budgets[1].reserve("O_1", longest_s=1.0) > 1.0
    assert await budgets[2].reserve("O_1") == pytest.approx(before_s)


async def test_a_429_closes_the_budget_also_for_what_was_reserved_before(
    budgets: list[StoreBudget], clock: FakeClock
) -> None:
    """A request that waits for its turn can see that it must wait on."""
    await budgets[0].reserve("O_1", int(CAPACITY) + 10)
    assert await budgets[0].closed_s("O_1") == 0.0
    await budgets[1].penalize("O_1", 4.0)
    clock.advance(1.0)
    assert await budgets[0].closed_s("O_1") == pytest.approx(3.0)
    clock.advance(3.0)
    assert await budgets[0].closed_s("O_1") == 0.0


async def test_while_another_process_holds_the_file_no_new_burst_is_had_and_what_went_is_counted_afterwards(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The own count goes on from what was last seen; the file has fewer tokens left for everybody later."""
    mine, others = RateFile(tmp_path, clock, wait_s=0.02), RateFile(tmp_path, clock)
    budget, other = StoreBudget(mine, clock), StoreBudget(others, clock)
    await other.reserve("O_1", 10)
    await budget.reserve("O_1")
    holder = FileLock(tmp_path / "rate.lock")
    with holder.held():
        waits = [await budget.reserve("O_1") for _ in range(10)]
        assert "not shared" in mine.problem
    holder.close()
    assert sum(wait == 0.0 for wait in waits) <= CAPACITY - 11
    await budget.reserve("O_1")
    assert mine.problem == ""
    assert await other.reserve("O_1") > 0.5
    mine.close()
    others.close()
