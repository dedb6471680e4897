"""Step 6: no whole backup, no change; and what becomes of blocked targets."""

from typing import Any

import pytest

from mcp_server.domain.call import Allow, Attempt, Blocked, Refuse, Verdict
from mcp_server.errors import BadAnswer, NotAuthenticated, OutcomeUnknown, RateLimited, Rejected, Unreachable
from mcp_server.hooks.pre.backup_current_state import backup_current_state
from tests.support.fake_clock import START
from tests.support.hook_world import ACME, AP, BOUND, SITE, attempt, read, resolved, world
from tests.support.shipped import write

SSID_PATH = f"/networks/{SITE}/wireless/ssids/1"
SSID = write("updateNetworkWirelessSsid", {"name": "x"}, networkId=SITE, number="1")
NAME = write("updateDevice", {"name": "x"}, serial=AP)
VLAN = write("createNetworkApplianceVlan", {"id": "50", "name": "v"}, networkId=SITE)
SETTINGS = f"/networks/{SITE}/appliance/vlans/settings"
VLANS = f"/networks/{SITE}/appliance/vlans"
GOOD = {SSID_PATH: {"number": 1, "name": "old"}, SETTINGS: {"vlansEnabled": True}, VLANS: [{"id": 1, "name": "d"}]}


def blocked(touch: int, code: str = "sgt_locked") -> Blocked:
    """A blocked target."""
    return Blocked(touch, f"port {touch}", code, "it is locked", "unlock it")


async def verdict_of(answers: dict[str, Any], tried: Attempt) -> Verdict:
    """The verdict after step 2, over good answers and these."""
    seen, _ = world({**GOOD, **answers})
    facts = tried.facts
    placed = await resolved(tried, seen)
    return await backup_current_state(placed.with_facts(blocked=(*facts.blocked,)), seen)


async def test_a_call_that_changes_nothing_needs_no_backup() -> None:
    """Nothing is read."""
    seen, api = world()
    assert await backup_current_state(attempt(read("getNetwork", networkId=SITE)), seen) == Allow()
    assert api.requests == []


async def test_every_resource_that_will_change_is_read_once() -> None:
    """At a time that becomes the backup's; two writes to one resource share the read."""
    seen, api = world(GOOD)
    tried = await resolved(attempt(SSID, SSID, NAME), seen)
    before = len(api.requests)
    verdict = await backup_current_state(tried, seen)
    assert isinstance(verdict, Allow)
    assert verdict.facts["backup_at"] == START
    assert sorted(api.paths[before:]) == sorted([SSID_PATH, f"/devices/{AP}"])


async def test_the_backup_is_shared_with_what_plans_from_it() -> None:
    """Reading it again within the call costs nothing."""
    seen, api = world(GOOD)
    await backup_current_state(await resolved(attempt(SSID), seen), seen)
    before = len(api.requests)
    await seen.reads.read("getNetworkWirelessSsid", {"networkId": SITE, "number": "1"})
    assert len(api.requests) == before


@pytest.mark.parametrize(
    "answer",
    [
        Unreachable("x", sent=False),
        OutcomeUnknown("x", sent=True),
        RateLimited("x", sent=False),
        BadAnswer("html", sent=True),
        Rejected("x", sent=True, status=403),
        Rejected("x", sent=True, status=500),
        None,
        {"errors": ["something"]},
        {"number": 1, "psk": "********"},
        {"number": 1, "radiusServers": [{"secret": "••••••"}]},
        {"number": 1, "name": "<redacted>"},
    ],
)
async def test_a_backup_that_is_not_whole_is_no_backup(answer: Any) -> None:
    """A failed read, an empty answer, a masked value: the change is refused, naming the read."""
    verdict = await verdict_of({SSID_PATH: answer}, attempt(NAME, SSID))
    assert isinstance(verdict, Refuse)
    assert verdict.code == "no_backup"
    assert "getNetworkWirelessSsid" in verdict.reason


async def test_a_bad_key_is_no_missing_backup() -> None:
    """It is raised as what it is."""
    with pytest.raises(NotAuthenticated):
        await verdict_of({SSID_PATH: NotAuthenticated("401")}, attempt(SSID))


async def test_a_secret_in_a_refused_backup_is_not_told() -> None:
    """Only the name of the masked field is."""
    verdict = await verdict_of({SSID_PATH: {"psk": "********", "name": "n"}}, attempt(SSID))
    assert isinstance(verdict, Refuse)
    assert "psk" in verdict.reason


async def test_a_resource_that_does_not_exist_yet_is_a_whole_answer() -> None:
    """A create has nothing to back up; its list was read and has no such element."""
    verdict = await verdict_of({}, attempt(VLAN))
    assert isinstance(verdict, Allow)
    assert verdict.facts["backup_at"] == START


async def test_a_resource_that_is_gone_is_a_whole_answer_too() -> None:
    """404 says that it does not exist; whether that stops the change is for the plan to say."""
    verdict = await verdict_of({SSID_PATH: Rejected("x", sent=True, status=404)}, attempt(SSID))
    assert isinstance(verdict, Allow)


async def test_a_write_that_belongs_to_no_organization_has_nothing_to_read() -> None:
    """It creates one."""
    seen, api = world()
    assert isinstance(await backup_current_state(attempt(write("createOrganization", {"name": "n"})), seen), Allow)
    assert api.paths == ["/organizations"]


async def test_what_nothing_reads_needs_no_read() -> None:
    """A reboot has no state before."""
    seen, api = world(GOOD)
    tried = await resolved(attempt(write("rebootDevice", None, serial=AP)), seen)
    before = len(api.requests)
    assert isinstance(await backup_current_state(tried, seen), Allow)
    assert len(api.requests) == before


async def test_a_resource_that_only_the_organization_lists_is_read_there() -> None:
    """The reader needs to know whose the network is."""
    path = f"/organizations/{ACME}/wireless/airMarshal/settings/byNetwork"
    touch = write("updateNetworkWirelessAirMarshalSettings", {"defaultPolicy": "allow"}, networkId=SITE)
    seen, api = world({path: {"items": [{"networkId": SITE, "defaultPolicy": "block"}]}})
    assert isinstance(await backup_current_state(await resolved(attempt(touch), seen), seen), Allow)
    assert path in api.paths


async def test_reads_beside_the_writes_are_neither_blocked_nor_counted_as_left() -> None:
    """Reading VLANs where there are none is no change."""
    look = read("getNetworkApplianceVlans", networkId=SITE)
    verdict = await verdict_of({SETTINGS: {"vlansEnabled": False}}, attempt(VLAN, look))
    assert isinstance(verdict, Refuse)
    assert [one["operation"] for one in verdict.details["blocked"]] == [1]
    assert verdict.details["left"] == 0


async def test_a_write_to_vlans_of_a_network_without_them_is_blocked_with_the_way_out() -> None:
    """Switching them on is not."""
    off = {SETTINGS: {"vlansEnabled": False}}
    verdict = await verdict_of(off, attempt(VLAN, NAME))
    assert isinstance(verdict, Refuse)
    assert verdict.code == "blocked"
    assert [one["code"] for one in verdict.details["blocked"]] == ["vlans_disabled"]
    assert "updateNetworkApplianceVlansSettings" in verdict.remedy
    switch_on = write("updateNetworkApplianceVlansSettings", {"vlansEnabled": True}, networkId=SITE)
    assert isinstance(await verdict_of(off, attempt(switch_on)), Allow)


@pytest.mark.parametrize("answer", [Unreachable("x", sent=False), {}, {"vlansEnabled": None}, []])
async def test_vlans_that_cannot_be_told_on_or_off_refuse_the_change(answer: Any) -> None:
    """The check failed; it does not pass."""
    verdict = await verdict_of({SETTINGS: answer}, attempt(VLAN))
    assert isinstance(verdict, Refuse)
    assert verdict.code == "check_failed"


async def test_a_blocked_target_refuses_the_plan_and_is_named() -> None:
    """With its reason, its way out, and that it may be left out."""
    verdict = await verdict_of({}, attempt(SSID, NAME, blocked=(blocked(1),)))
    assert isinstance(verdict, Refuse)
    assert verdict.code == "blocked"
    assert verdict.reason.startswith("1 of 2 targets may not be changed: port 1: it is locked")
    assert "unlock it" in verdict.remedy
    assert "skip_blocked" in verdict.remedy
    (told,) = verdict.details["blocked"]
    assert told == {
        "operation": 2,
        "target": "port 1",
        "code": "sgt_locked",
        "reason": "it is locked",
        "remedy": "unlock it",
    }


async def test_of_many_blocked_targets_three_are_told_whole_and_the_rest_counted() -> None:
    """The list of all comes along."""
    verdict = await verdict_of({}, attempt(*[SSID] * 5, NAME, blocked=tuple(blocked(n) for n in range(5))))
    assert isinstance(verdict, Refuse)
    assert verdict.reason.endswith("port 2: it is locked and 2 more.")
    assert (verdict.details["blocked_count"], verdict.details["left"]) == (5, 1)


async def test_with_skip_blocked_the_rest_is_planned_and_the_blocked_is_not_read() -> None:
    """The blocked ones stay known."""
    seen, api = world(GOOD)
    tried = await resolved(attempt(SSID, NAME, skip_blocked=True), seen)
    before = len(api.requests)
    verdict = await backup_current_state(tried.with_facts(blocked=(blocked(1),)), seen)
    assert isinstance(verdict, Allow)
    assert verdict.facts["blocked"] == (blocked(1),)
    assert api.paths[before:] == [SSID_PATH]


async def test_when_everything_is_blocked_skip_blocked_does_not_help() -> None:
    """There would be nothing left to do."""
    verdict = await verdict_of({}, attempt(SSID, blocked=(blocked(0),), skip_blocked=True))
    assert isinstance(verdict, Refuse)
    assert verdict.code == "blocked"
    assert "skip_blocked" not in verdict.remedy


async def test_a_plan_that_is_applied_leaves_nothing_out() -> None:
    """What was approved is done whole, or not at all."""
    tried = attempt(SSID, NAME, blocked=(blocked(1),), skip_blocked=True, is_apply=True)
    verdict = await verdict_of({}, tried)
    assert isinstance(verdict, Refuse)
    assert verdict.code == "blocked"
    assert "skip_blocked" not in verdict.remedy


async def test_a_network_bound_to_a_template_is_refused_in_the_end() -> None:
    """What step 2 found is acted on here."""
    seen, _ = world(GOOD)
    touch = write("updateNetworkWirelessSsid", {"name": "x"}, networkId=BOUND, number="1")
    verdict = await backup_current_state(await resolved(attempt(touch), seen), seen)
    assert isinstance(verdict, Refuse)
    assert [one["code"] for one in verdict.details["blocked"]] == ["template_bound"]
