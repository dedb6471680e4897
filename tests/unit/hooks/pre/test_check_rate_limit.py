"""Step 7: is there room in the organization's budget?"""

from mcp_server.domain.call import Allow, Blocked, Named, Refuse
from mcp_server.hooks.pre.check_rate_limit import check_rate_limit, estimated_calls
from tests.support.fake_clock import FakeClock
from tests.support.hook_world import ACME, SITE, attempt, read, world
from tests.support.shipped import write

ORGANIZATION = Named(ACME, "Acme")
LOOK = read("getNetwork", networkId=SITE)
CHANGE = write("updateNetwork", {"name": "x"}, networkId=SITE)


async def test_with_room_the_call_goes_on_at_once() -> None:
    """It is said to be safe."""
    seen, api = world()
    verdict = await check_rate_limit(attempt(*[LOOK] * 15, organization=ORGANIZATION), seen)
    assert verdict == Allow({"rate_wait_s": 0.0, "rate_safe": True, "warnings": ()})
    assert api.estimates == [(ACME, 15)]
    assert isinstance(seen.clock, FakeClock)
    assert seen.clock.slept == []


async def test_a_short_wait_is_waited_and_a_longer_one_in_part() -> None:
    """At most five seconds here; the budget paces the rest."""
    for wait_s, slept in ((2.0, 2.0), (40.0, 5.0), (60.0, 5.0)):
        seen, api = world()
        api.wait_s = wait_s
        verdict = await check_rate_limit(attempt(LOOK, organization=ORGANIZATION), seen)
        assert isinstance(verdict, Allow)
        assert (verdict.facts["rate_wait_s"], verdict.facts["rate_safe"]) == (wait_s, False)
        assert isinstance(seen.clock, FakeClock)
        assert seen.clock.slept == [slept]


async def test_a_budget_that_is_used_up_for_over_a_minute_refuses_and_says_how_long() -> None:
    """Nothing is waited for."""
    seen, api = world()
    api.wait_s = 61.0
    verdict = await check_rate_limit(attempt(LOOK, organization=ORGANIZATION), seen)
    assert isinstance(verdict, Refuse)
    assert (verdict.code, verdict.retry_after_s) == ("rate_limit", 61.0)
    assert isinstance(seen.clock, FakeClock)
    assert seen.clock.slept == []


async def test_a_big_call_is_not_refused_for_its_size_and_says_how_long_it_takes() -> None:
    """A thousand steps take minutes; the budget is free all the same."""
    seen, api = world()
    api.wait_s = lambda calls: max(0.0, (calls - 15) / 10)
    verdict = await check_rate_limit(attempt(*[CHANGE] * 1000, organization=ORGANIZATION, is_apply=True), seen)
    assert isinstance(verdict, Allow)
    assert verdict.facts["rate_safe"] is True
    assert verdict.facts["rate_wait_s"] == 298.5
    assert [one.rule for one in verdict.facts["warnings"]] == ["rate_limit"]


async def test_without_an_organization_or_anything_to_send_there_is_nothing_to_check() -> None:
    """Local calls and those before any organization."""
    seen, api = world()
    assert await check_rate_limit(attempt(LOOK), seen) == Allow()
    assert await check_rate_limit(attempt(organization=ORGANIZATION), seen) == Allow()
    assert api.estimates == []


def test_calls_are_estimated_by_what_is_sent() -> None:
    """One for a read and for the backup of a step; three when a step is carried out; none for a blocked one."""
    blocked = (Blocked(1, "t", "c", "r", "r"),)
    assert estimated_calls(attempt(LOOK, LOOK)) == 2
    assert estimated_calls(attempt(CHANGE, CHANGE)) == 2
    assert estimated_calls(attempt(CHANGE, CHANGE, is_apply=True)) == 6
    assert estimated_calls(attempt(CHANGE, CHANGE, is_apply=True, blocked=blocked)) == 3
