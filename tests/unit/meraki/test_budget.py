"""Whose budget a request uses, and the budget in memory."""

import pytest

from mcp_server.domain.ports import Request
from mcp_server.errors import StoreUnavailable
from mcp_server.meraki.budget import UNKNOWN, LocalBudget, Owners, SteadyBudget
from tests.support.fake_clock import FakeClock


class BrokenBudget:
    """A shared budget whose store is gone."""

    async def reserve(self, organization_id: str, calls: int = 1, *, longest_s: float = 0.0) -> float:
        raise StoreUnavailable("gone")

    async def closed_s(self, organization_id: str) -> float:
        raise StoreUnavailable("gone")

    async def penalize(self, organization_id: str, seconds: float) -> None:
        raise StoreUnavailable("gone")

    async def estimate_s(self, organization_id: str, calls: int) -> float:
        raise StoreUnavailable("gone")

    def answered(self, organization_id: str) -> None:
        """Nothing kept."""


async def test_fifteen_requests_go_at_once_and_the_next_waits() -> None:
    """10 in the second and half of the burst of 10; the other half is for what is delayed on its way."""
    budget = LocalBudget(FakeClock())
    assert [await budget.reserve("1") for _ in range(15)] == [0.0] * 15
    assert await budget.reserve("1") == pytest.approx(0.1)
    assert await budget.estimate_s("1", 9) == pytest.approx(1.0)
    assert await budget.reserve("2") == 0.0


async def test_time_gives_requests_back() -> None:
    """Ten a second, up to the burst."""
    clock = FakeClock()
    budget = LocalBudget(clock)
    await budget.reserve("1", 15)
    clock.advance(1.0)
    assert await budget.estimate_s("1", 10) == 0.0
    assert await budget.estimate_s("1", 11) > 0.0


async def test_a_smaller_rate_leaves_room_for_others() -> None:
    """The rate is a setting."""
    budget = LocalBudget(FakeClock(), rate_per_s=2.0)
    await budget.reserve("1", 15)
    assert await budget.reserve("1") == pytest.approx(0.5)


async def test_after_a_penalty_nothing_goes_until_it_is_over() -> None:
    """A 429 holds for everybody."""
    clock = FakeClock()
    budget = LocalBudget(clock)
    await budget.penalize("1", 5.0)
    assert await budget.estimate_s("1", 1) == pytest.approx(5.0)
    clock.advance(5.0)
    assert await budget.reserve("1") == 0.0


async def test_without_the_shared_budget_the_own_one_goes_on() -> None:
    """Reads are served while the store is gone, still bounded."""
    clock = FakeClock()
    budget = SteadyBudget(BrokenBudget(), LocalBudget(clock))
    assert await budget.reserve("1", 15) == 0.0
    assert await budget.reserve("1") > 0.0
    await budget.penalize("1", 9.0)
    assert await budget.estimate_s("1", 1) == pytest.approx(9.0, abs=0.2)


async def test_a_penalty_is_known_to_both_budgets() -> None:
    """The shared one is told too."""
    clock = FakeClock()
    shared = LocalBudget(clock)
    await SteadyBudget(shared, LocalBudget(clock)).penalize("1", 9.0)
    assert await shared.estimate_s("1", 1) == pytest.approx(9.0)


def organization_of(owners: Owners, path: str, organization_id: str = "") -> str:
    """The organization of a GET of that path."""
    return owners.organization_of(Request("GET", path, organization_id=organization_id))


def test_the_organization_is_the_one_named_or_the_one_in_the_path() -> None:
    """What the caller says counts first."""
    owners = Owners()
    assert organization_of(owners, "/organizations/77/networks") == "77"
    assert organization_of(owners, "/organizations/77/networks", "88") == "88"
    assert organization_of(owners, "/organizations") == UNKNOWN
    assert organization_of(owners, "/networks/N_1") == UNKNOWN


def test_networks_and_devices_are_learned_from_what_is_read() -> None:
    """From lists of the organization and from single answers."""
    owners = Owners()
    owners.learn("/organizations/77/networks", [{"id": "N_1", "organizationId": "77"}])
    owners.learn("/organizations/77/devices", [{"serial": "Q2-A", "networkId": "N_2"}, "odd", {"serial": 3}])
    owners.learn("/networks/N_3", {"id": "N_3", "organizationId": "88"})
    paths = {"/networks/N_1/clients": "77", "/devices/Q2-A": "77", "/networks/N_2": "77", "/networks/N_3": "88"}
    assert {path: organization_of(owners, path) for path in paths} == paths


def test_an_id_that_is_no_network_is_not_learned() -> None:
    """Lists of other things have ids too."""
    owners = Owners()
    owners.learn("/organizations/77/admins", [{"id": "5", "name": "x"}])
    owners.learn("/organizations/77/x", None)
    owners.learn("/networks/N_1/clients", [{"id": "k1", "serial": "Q2-B"}])
    assert organization_of(owners, "/networks/5") == UNKNOWN
    assert organization_of(owners, "/devices/Q2-B") == UNKNOWN
