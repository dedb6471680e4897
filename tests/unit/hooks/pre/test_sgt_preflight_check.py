"""Step 5: locked ports are found by reading, and never written to."""

from typing import Any

import pytest

from mcp_server.domain.call import Allow, Attempt, Blocked, Refuse, Touch, Verdict
from mcp_server.errors import BadAnswer, NotAuthenticated, Rejected, Unreachable
from mcp_server.hooks.pre.detect_catalyst_mode import detect_catalyst_mode
from mcp_server.hooks.pre.sgt_preflight_check import sgt_preflight_check
from mcp_server.world import World
from tests.support.fake_api import FakeApi
from tests.support.hook_world import (
    AP,
    BOUND_MS,
    CORE,
    MANAGED,
    MONITORED,
    MS,
    SITE,
    attempt,
    port,
    port_write,
    read,
    resolved,
    world,
)
from tests.support.shipped import write

_PORT_1 = {"serial": MS, "portId": "1"}
PORTS = f"/devices/{MS}/switch/ports"


async def prepared(answers: dict[str, Any], *touches: Touch, **more: Any) -> tuple[Attempt, World, FakeApi]:
    """The attempt after steps 2 and 3."""
    seen, api = world(answers)
    tried = await resolved(attempt(*touches, **more), seen)
    verdict = await detect_catalyst_mode(tried, seen)
    assert isinstance(verdict, Allow)
    return tried.with_facts(**verdict.facts), seen, api


async def verdict_of(answers: dict[str, Any], *touches: Touch, **more: Any) -> Verdict:
    """The verdict on those touches."""
    tried, seen, api = await prepared(answers, *touches, **more)
    verdict = await sgt_preflight_check(tried, seen)
    assert api.writes == []
    return verdict


async def test_a_call_without_switch_ports_is_left_alone() -> None:
    """An access point, a native switch's name, and reading ports."""
    touches = (
        write("updateDevice", {"name": "n"}, serial=AP),
        write("updateDevice", {"name": "n"}, serial=MS),
        read("getDeviceSwitchPorts", serial=MS),
    )
    for touch in touches:
        assert await verdict_of({}, touch) == Allow()


async def test_a_switch_is_checked_with_one_get_for_all_its_ports() -> None:
    """Three ports, one request, no write; the backup's read of the list would be shared."""
    tried, seen, api = await prepared({}, *(port_write(MS, one) for one in ("1", "2", "3")))
    before = len(api.requests)
    verdict = await sgt_preflight_check(tried, seen)
    assert isinstance(verdict, Allow)
    assert verdict.facts["blocked"] == ()
    assert api.paths[before:] == [PORTS]


@pytest.mark.parametrize(
    "lock",
    [{"peerSgtCapable": True}, {"adaptivePolicyGroupId": "12"}, {"adaptivePolicyGroup": {"id": "12", "name": "g"}}],
)
async def test_a_port_with_trustsec_is_locked_and_named(lock: dict[str, Any]) -> None:
    """The free ports stay free; the report says it all in the protocol's words."""
    answers = {PORTS: [port("1"), port("2", **lock), port("3")]}
    verdict = await verdict_of(answers, port_write(MS, "1"), port_write(MS, "2"))
    assert isinstance(verdict, Allow)
    (blocked,) = verdict.facts["blocked"]
    assert (blocked.touch, blocked.code) == (1, "sgt_locked")
    assert blocked.target == f"port 2 of SW 1 ({MS})"
    assert "ISE" in blocked.remedy
    assert verdict.facts["sgt"][MS] == {
        "serial": MS,
        "total_ports": 3,
        "writable_ports": ["1", "3"],
        "writable_count": 2,
        "read_only_ports": [{"portId": "2", "name": "port 2", "reason": "SGT/TrustSec peering"}],
        "read_only_count": 1,
        "has_sgt_restriction": True,
        "fully_locked": False,
        "ratio_writable": "67%",
    }


async def test_when_all_target_ports_are_locked_skip_blocked_does_not_help() -> None:
    """The report comes along."""
    answers = {PORTS: [port("1", peerSgtCapable=True), port("2", peerSgtCapable=True)]}
    verdict = await verdict_of(answers, port_write(MS, "1"), port_write(MS, "2"), skip_blocked=True)
    assert isinstance(verdict, Refuse)
    assert verdict.code == "sgt_locked"
    assert verdict.details["sgt"][0]["fully_locked"] is True
    assert f"port 1 of SW 1 ({MS}); port 2 of SW 1 ({MS})" in verdict.reason
    assert "0 of 2 writable" in verdict.reason


async def test_taking_a_port_out_of_its_policy_group_is_allowed() -> None:
    """It is the way back; TrustSec peering itself stays locked."""
    leave = {"adaptivePolicyGroupId": None}
    in_group = {PORTS: [port("1", adaptivePolicyGroupId="12")]}
    verdict = await verdict_of(in_group, port_write(MS, "1", **leave))
    assert isinstance(verdict, Allow)
    assert verdict.facts["blocked"] == ()
    assert isinstance(await verdict_of(in_group, port_write(MS, "1", adaptivePolicyGroupId="13")), Refuse)
    assert isinstance(await verdict_of(in_group, Touch("updateDeviceSwitchPort", _PORT_1, None, is_write=True)), Refuse)
    peering = {PORTS: [port("1", peerSgtCapable=True, adaptivePolicyGroupId="12")]}
    assert isinstance(await verdict_of(peering, port_write(MS, "1", **leave)), Refuse)


async def test_a_port_that_is_locked_and_bound_is_told_once() -> None:
    """The lock counts: no profile change would free it."""
    answers = {PORTS: [port("1", peerSgtCapable=True, profile={"enabled": True}), port("2")]}
    verdict = await verdict_of(answers, port_write(MS, "1", vlan=3), port_write(MS, "2"))
    assert isinstance(verdict, Allow)
    assert [one.code for one in verdict.facts["blocked"]] == ["sgt_locked"]


async def test_a_target_that_is_blocked_for_another_reason_is_checked_all_the_same() -> None:
    """Only a monitored switch is given up before."""
    tried, seen, _ = await prepared({PORTS: [port("1", peerSgtCapable=True)]}, port_write(MS, "1"))
    tried = tried.with_facts(blocked=(Blocked(0, "t", "license", "r", "r"),))
    assert isinstance(await sgt_preflight_check(tried, seen), Refuse)


@pytest.mark.parametrize(
    ("body", "is_blocked"),
    [
        ({"vlan": 20}, True),
        ({"tags": ["x"]}, True),
        ({"name": "n", "vlan": 20}, True),
        ({"name": "n", "enabled": False, "linkNegotiation": "Auto negotiate", "portScheduleId": "1"}, False),
        ({"profile": {"enabled": False}, "vlan": 20}, False),
        ({"profile": {"enabled": True, "id": "2"}, "vlan": 20}, True),
    ],
)
async def test_a_port_bound_to_a_profile_takes_only_what_the_profile_leaves_free(
    body: dict[str, Any], is_blocked: bool
) -> None:
    """Removing the binding frees the rest."""
    answers = {PORTS: [port("1", profile={"enabled": True, "id": "1"}), port("2")]}
    verdict = await verdict_of(answers, port_write(MS, "1", **body), port_write(MS, "2"))
    assert isinstance(verdict, Allow)
    assert [one.code for one in verdict.facts["blocked"]] == (["profile_bound"] if is_blocked else [])


async def test_a_template_bound_switch_with_a_switch_profile_takes_no_port_settings() -> None:
    """Without a profile of its own it does."""
    device = {"serial": BOUND_MS, "networkId": "L_2", "model": "MS120-8", "name": "SW shop"}
    with_profile = {f"/devices/{BOUND_MS}": device | {"switchProfileId": "7"}}
    verdict = await verdict_of(with_profile, port_write(BOUND_MS, "1"))
    assert isinstance(verdict, Allow)
    assert [one.code for one in verdict.facts["blocked"]] == ["profile_bound"]
    free = await verdict_of({f"/devices/{BOUND_MS}": device}, port_write(BOUND_MS, "1"))
    assert isinstance(free, Allow)
    assert free.facts["blocked"] == ()


@pytest.mark.parametrize(
    "answer",
    [
        Unreachable("x", sent=False),
        Rejected("x", sent=True, status=500),
        BadAnswer("html", sent=True),
        [],
        {"errors": ["x"]},
        [{"name": "no id"}],
        ["no object"],
        {"1": port("1")},
    ],
)
async def test_a_check_that_cannot_be_made_refuses_the_change(answer: Any) -> None:
    """It never passes as: no restriction found."""
    verdict = await verdict_of({PORTS: answer}, port_write(MS, "1"))
    assert isinstance(verdict, Refuse)
    assert verdict.code == "check_failed"


async def test_a_profile_that_cannot_be_read_refuses_the_change() -> None:
    """The switch's own record is part of the check."""
    tried, seen, api = await prepared({}, port_write(BOUND_MS, "1"))
    api.answers[f"/devices/{BOUND_MS}"] = Unreachable("x", sent=False)
    verdict = await sgt_preflight_check(tried, seen)
    assert isinstance(verdict, Refuse)
    assert verdict.code == "check_failed"
    misshapen, seen, api = await prepared({}, port_write(BOUND_MS, "1"))
    api.answers[f"/devices/{BOUND_MS}"] = ["no object"]
    verdict = await sgt_preflight_check(misshapen, seen)
    assert isinstance(verdict, Refuse)
    assert verdict.code == "check_failed"


async def test_a_bad_key_is_no_failed_check() -> None:
    """It is raised as what it is."""
    with pytest.raises(NotAuthenticated):
        await verdict_of({PORTS: NotAuthenticated("401")}, port_write(MS, "1"))


async def test_a_port_that_does_not_exist_is_refused_with_those_that_do() -> None:
    """Before anything is planned."""
    verdict = await verdict_of({}, port_write(MS, "99"))
    assert isinstance(verdict, Refuse)
    assert verdict.code == "target_not_found"
    assert verdict.details["ports"] == ["1", "2", "3"]


async def test_members_of_a_link_aggregation_are_checked_too() -> None:
    """One locked member blocks it."""
    members = [{"serial": MS, "portId": "1"}, {"serial": CORE, "portId": "2"}]
    touch = write("createNetworkSwitchLinkAggregation", {"switchPorts": members}, networkId=SITE)
    answers = {f"/devices/{CORE}/switch/ports": [port("1"), port("2", peerSgtCapable=True)]}
    verdict = await verdict_of(answers, touch)
    assert isinstance(verdict, Allow)
    assert [(one.touch, one.code) for one in verdict.facts["blocked"]] == [(0, "sgt_locked")]


async def test_a_member_that_is_bound_to_a_profile_blocks_the_aggregation() -> None:
    """Whatever its body says: an aggregation sets what the profile holds."""
    touch = write(
        "updateNetworkSwitchLinkAggregation", {"switchPorts": [_PORT_1]}, networkId=SITE, linkAggregationId="1"
    )
    verdict = await verdict_of({PORTS: [port("1", profile={"enabled": True})]}, touch)
    assert isinstance(verdict, Allow)
    assert [one.code for one in verdict.facts["blocked"]] == ["profile_bound"]


async def test_reading_a_managed_catalyst_asks_for_no_ports() -> None:
    """The check is for changes."""
    assert await verdict_of({}, read("getDeviceSwitchRoutingInterfaces", serial=MANAGED)) == Allow()


async def test_two_switches_that_cannot_be_read_are_one_refusal() -> None:
    """However many reads failed at once."""
    answers = {PORTS: Unreachable("x", sent=False), f"/devices/{CORE}/switch/ports": Unreachable("y", sent=False)}
    verdict = await verdict_of(answers, port_write(MS, "1"), port_write(CORE, "1"))
    assert isinstance(verdict, Refuse)
    assert verdict.code == "check_failed"


async def test_a_managed_catalyst_is_reported_on_for_any_write_to_it() -> None:
    """Its name is not a port, so nothing is blocked; the context knows its locks."""
    answers = {f"/devices/{MANAGED}/switch/ports": [port("1", peerSgtCapable=True), port("2")]}
    verdict = await verdict_of(answers, write("updateDevice", {"name": "n"}, serial=MANAGED))
    assert isinstance(verdict, Allow)
    assert verdict.facts["blocked"] == ()
    assert verdict.facts["sgt"][MANAGED]["has_sgt_restriction"] is True


async def test_a_monitored_catalyst_is_not_asked_for_its_ports() -> None:
    """It is blocked as a whole already."""
    tried, seen, api = await prepared({}, port_write(MONITORED, "1"))
    assert await sgt_preflight_check(tried, seen) == Allow()
    assert f"/devices/{MONITORED}/switch/ports" not in api.paths
