"""Step 1: the key and what it sees."""

import pytest

from mcp_server.domain.call import Allow, Refuse
from mcp_server.errors import NotAllowed, NotAuthenticated
from mcp_server.hooks.pre.validate_credentials import validate_credentials
from tests.support.hook_world import ACME, SITE, attempt, read, world

LOOK = attempt(read("getNetwork", networkId=SITE))


async def test_a_call_that_touches_nothing_does_not_ask_meraki() -> None:
    """Local answers need no key."""
    seen, api = world()
    assert await validate_credentials(attempt(), seen) == Allow()
    assert api.requests == []


async def test_the_key_is_checked_once_in_five_minutes() -> None:
    """By reading the organizations."""
    seen, api = world()
    assert await validate_credentials(LOOK, seen) == Allow()
    assert await validate_credentials(LOOK, seen) == Allow()
    assert api.paths == ["/organizations"]
    seen.clock.advance(301)  # type: ignore[attr-defined]  # a FakeClock
    await validate_credentials(LOOK, seen)
    assert api.paths == ["/organizations"] * 2


@pytest.mark.parametrize("error", [NotAuthenticated("401"), NotAllowed("403")])
async def test_a_key_that_meraki_does_not_accept_stops_the_call(error: Exception) -> None:
    """As what it is, so that it is told with the remedy of its class."""
    seen, _ = world({"/organizations": error})
    with pytest.raises(type(error)):
        await validate_credentials(LOOK, seen)


async def test_a_key_that_was_refused_later_is_checked_again() -> None:
    """A 401 of any lookup drops the good answer of before."""
    seen, api = world()
    await validate_credentials(LOOK, seen)
    api.answers[f"/networks/{SITE}"] = NotAuthenticated("401")
    with pytest.raises(NotAuthenticated):
        await seen.inventory.network(SITE)
    await validate_credentials(LOOK, seen)
    assert api.paths.count("/organizations") == 2


async def test_a_key_that_sees_no_organization_is_refused() -> None:
    """It is valid and of no use."""
    seen, _ = world({"/organizations": []})
    verdict = await validate_credentials(LOOK, seen)
    assert isinstance(verdict, Refuse)
    assert verdict.code == "no_organizations"


async def test_a_key_of_which_nothing_is_allowed_is_refused_naming_the_setting() -> None:
    """The organizations that it does see are told."""
    seen, _ = world(organizations=frozenset({"1"}))
    verdict = await validate_credentials(LOOK, seen)
    assert isinstance(verdict, Refuse)
    assert verdict.code == "organization_not_allowed"
    assert "MERAKI_SPECIALIST_ORGANIZATIONS" in verdict.remedy
    assert ACME in verdict.details["visible"]
