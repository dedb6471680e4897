"""The shared circuit breaker: one server's failures stop all, one probe goes at a time, a restart changes nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from mcp_server.domain.limits.breaker import FAILURES_TO_OPEN, OPEN_S, Admission, Admitted
from mcp_server.store.limits.breakers import CLEAN_LIFE_S, StoreBreakers
from mcp_server.store.limits.rate_file import RateFile
from tests.support.fake_clock import START, FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """The time that both servers share."""
    return FakeClock()


@pytest.fixture
def servers(tmp_path: Path, clock: FakeClock) -> Iterator[list[StoreBreakers]]:
    """Two servers on one data directory."""
    files = [RateFile(tmp_path, clock) for _ in range(2)]
    yield [StoreBreakers(file, clock) for file in files]
    for file in files:
        file.close()


async def fail(server: StoreBreakers, times: int, organization_id: str = "1") -> None:
    """So many calls that end badly."""
    for _ in range(times):
        admitted = await server.admit(organization_id, is_write=True)
        assert admitted.admission is Admission.GO
        await server.settle(organization_id, admitted, good=False)


async def told(server: StoreBreakers, *, is_write: bool = False) -> Admitted:
    """What a call of organization 1 may do."""
    return await server.admit("1", is_write=is_write)


async def test_failures_that_two_servers_see_are_counted_together(servers: list[StoreBreakers]) -> None:
    """Three here and two there open it for both; another organization is not affected."""
    await fail(servers[0], 3)
    assert await servers[0].list_open() == {}
    await fail(servers[1], FAILURES_TO_OPEN - 3)
    for server in servers:
        for is_write in (True, False):
            assert (await told(server, is_write=is_write)).admission is Admission.STOP
        assert await server.list_open() == {"1": START + timedelta(seconds=OPEN_S)}
        assert (await server.admit("2", is_write=True)).admission is Admission.GO


async def test_a_good_end_on_one_server_starts_the_count_anew_for_both(servers: list[StoreBreakers]) -> None:
    """Only failures in a row open it."""
    await fail(servers[0], FAILURES_TO_OPEN - 1)
    await servers[1].settle("1", await told(servers[1]), good=True)
    await fail(servers[0], FAILURES_TO_OPEN - 1)
    assert (await told(servers[1])).admission is Admission.GO


async def test_a_restart_keeps_it_open(tmp_path: Path, clock: FakeClock) -> None:
    """The state is in the file, not in the process."""
    for is_after in (False, True):
        file = RateFile(tmp_path, clock)
        server = StoreBreakers(file, clock)
        if not is_after:
            await fail(server, FAILURES_TO_OPEN)
        assert (await told(server, is_write=True)).admission is Admission.STOP
        file.close()


async def test_of_two_servers_one_probes_at_a_time_and_two_good_ones_close_it(
    servers: list[StoreBreakers], clock: FakeClock
) -> None:
    """No server writes before that."""
    await fail(servers[0], FAILURES_TO_OPEN)
    clock.advance(OPEN_S)
    for prober, other in (servers, reversed(servers)):
        probe = await told(prober)
        assert probe.admission is Admission.PROBE
        assert (await told(other)).admission is Admission.STOP
        assert (await told(other, is_write=True)).admission is Admission.STOP
        await prober.settle("1", probe, good=True)
    assert (await told(servers[0], is_write=True)).admission is Admission.GO
    assert await servers[1].list_open() == {}


async def test_without_its_file_a_server_decides_for_itself(tmp_path: Path, clock: FakeClock) -> None:
    """The breaker still opens; that it is not shared is said."""
    (tmp_path / "home").write_text("in the way")
    file = RateFile(tmp_path / "home", clock)
    server = StoreBreakers(file, clock)
    await fail(server, FAILURES_TO_OPEN)
    assert (await told(server)).admission is Admission.STOP
    assert list(await server.list_open()) == ["1"]
    assert "not shared" in file.problem
    file.close()


async def test_a_read_asks_the_file_again_after_a_moment_and_a_write_each_time(
    servers: list[StoreBreakers], clock: FakeClock
) -> None:
    """Reads in quick succession cost one look; what another server saw counts for them a fifth of a second later."""
    assert (await told(servers[0])).is_clean
    await fail(servers[1], FAILURES_TO_OPEN)
    assert (await told(servers[0])).admission is Admission.GO
    assert (await told(servers[0], is_write=True)).admission is Admission.STOP
    assert (await told(servers[0])).admission is Admission.STOP


async def test_a_read_believes_what_it_was_told_for_a_fifth_of_a_second(
    servers: list[StoreBreakers], clock: FakeClock
) -> None:
    """No longer."""
    assert (await told(servers[0])).is_clean
    await fail(servers[1], FAILURES_TO_OPEN)
    clock.advance(CLEAN_LIFE_S * 1.01)
    assert (await told(servers[0])).admission is Admission.STOP


async def test_of_two_servers_that_ask_at_one_moment_one_probes(
    servers: list[StoreBreakers], clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other wrote between the look and the decision counts."""
    await fail(servers[0], FAILURES_TO_OPEN)
    clock.advance(OPEN_S)
    transaction = RateFile.transaction

    @contextmanager
    def overtaken(file: RateFile, connection: sqlite3.Connection) -> Iterator[None]:
        other = sqlite3.connect(tmp_path / "rate.db", isolation_level=None)
        other.execute("UPDATE breakers SET probe_at = ?", [clock.now().timestamp()])
        other.close()
        with transaction(file, connection):
            yield

    monkeypatch.setattr(RateFile, "transaction", overtaken)
    assert (await told(servers[0])).admission is Admission.STOP
