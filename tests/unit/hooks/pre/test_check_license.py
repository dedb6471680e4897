"""Step 4: licence levels, and what needs Advanced."""

from typing import Any

import pytest

from mcp_server.domain.call import Allow, Refuse, Touch, Verdict
from mcp_server.errors import NotAuthenticated, Rejected, Unreachable
from mcp_server.hooks.pre.check_license import check_license, needs_advanced
from tests.support.hook_world import ACME, AP, BOUND_MS, CORE, MS, SITE, attempt, port_write, read, resolved, world
from tests.support.shipped import write

LICENSES = f"/organizations/{ACME}/licenses"
COTERM = f"/organizations/{ACME}/licensing/coterm/licenses"
GROUP = write("createOrganizationAdaptivePolicyGroup", {"name": "g", "sgt": 5}, organizationId=ACME)


def sgt(serial: str) -> Touch:
    """A port write that puts the port into an adaptive policy group."""
    return port_write(serial, "1", adaptivePolicyGroupId="12")


def vlan_profile(group: Any) -> Touch:
    """A VLAN profile whose VLAN is in an adaptive policy group."""
    return write("createNetworkVlanProfile", {"vlanNames": [{"adaptivePolicyGroup": group}]}, networkId=SITE)


def licensed(serial: str, kind: str) -> dict[str, Any]:
    """A licence of one device."""
    return {"deviceSerial": serial, "licenseType": kind}


def coterm(edition: str, product: str = "switch", **more: Any) -> dict[str, Any]:
    """A co-termination licence."""
    return {"expired": False, "invalidated": False, "editions": [{"edition": edition, "productType": product}]} | more


async def verdict_of(answers: dict[str, Any], *touches: Touch) -> Verdict:
    """The verdict on those touches."""
    seen, _ = world(answers)
    return await check_license(await resolved(attempt(*touches), seen), seen)


async def test_a_call_without_switches_and_features_reads_no_licences() -> None:
    """Neither an access point's name nor a read of a switch."""
    seen, api = world()
    for touch in (write("updateDevice", {"name": "n"}, serial=AP), read("getDeviceSwitchPorts", serial=MS)):
        assert await check_license(await resolved(attempt(touch), seen), seen) == Allow()
    assert LICENSES not in api.paths


async def test_each_switch_has_the_level_of_its_own_licence() -> None:
    """By device, in one read."""
    answers = {LICENSES: [licensed(MS, "MS225-24 Advanced"), licensed(CORE, "ENT")]}
    verdict = await verdict_of(answers, port_write(MS, "1"), port_write(CORE, "1"))
    assert isinstance(verdict, Allow)
    assert verdict.facts["license_levels"] == {MS: "advanced", CORE: "enterprise"}
    assert (verdict.facts["blocked"], verdict.facts["warnings"]) == ((), ())


async def test_the_licences_of_one_network_are_asked_for_when_that_is_enough() -> None:
    """Not for switches of two networks, nor for a feature of the whole organization."""
    for touches, query in (
        ((port_write(MS, "1"), port_write(CORE, "1")), {"networkId": SITE}),
        ((port_write(MS, "1"), port_write(BOUND_MS, "1")), {}),
        ((port_write(MS, "1"), GROUP), {}),
    ):
        seen, api = world({LICENSES: [licensed(MS, "Advanced")]})
        await check_license(await resolved(attempt(*touches), seen), seen)
        assert [request.query for request in api.requests if request.path == LICENSES] == [query]


async def test_without_an_organization_there_are_no_licences_to_read() -> None:
    """A call that step 2 gave none is left alone."""
    seen, api = world()
    assert await check_license(attempt(GROUP), seen) == Allow()
    assert api.requests == []


async def test_adaptive_policy_without_advanced_is_blocked_with_both_ways_out() -> None:
    """Only the switch that lacks the licence."""
    answers = {LICENSES: [licensed(MS, "Advanced"), licensed(CORE, "ENT")]}
    verdict = await verdict_of(answers, sgt(MS), sgt(CORE))
    assert isinstance(verdict, Allow)
    (blocked,) = verdict.facts["blocked"]
    assert (blocked.touch, blocked.code, blocked.target) == (1, "license", f"SW core ({CORE})")
    assert "Advanced" in blocked.remedy
    assert "classic ACL" in blocked.remedy


@pytest.mark.parametrize(
    ("rows", "level"),
    [
        ([coterm("Advanced")], "advanced"),
        ([coterm("MS Advantage", "Switch")], "advanced"),
        ([coterm("Enterprise")], "enterprise"),
        ([coterm("Enterprise", editions=None)], "enterprise"),
        ([coterm("Advanced", "wireless")], "enterprise"),
        ([coterm("Advanced", expired=True)], "enterprise"),
        ([coterm("Advanced", invalidated=True)], "enterprise"),
    ],
)
async def test_an_organization_without_licences_per_device_has_one_level(rows: list[Any], level: str) -> None:
    """Valid switch editions of the co-termination licences count."""
    answers = {LICENSES: Rejected("no", sent=True, status=400), COTERM: rows}
    verdict = await verdict_of(answers, port_write(MS, "1"))
    assert isinstance(verdict, Allow)
    assert verdict.facts["license_levels"] == {MS: level}


@pytest.mark.parametrize(
    "answers",
    [
        {LICENSES: Unreachable("x", sent=False)},
        {LICENSES: Rejected("x", sent=True, status=403)},
        {LICENSES: Rejected("x", sent=True, status=403), COTERM: [coterm("Advanced")]},
        {LICENSES: {}},
        {LICENSES: ["no object"]},
        {LICENSES: Rejected("x", sent=True, status=400), COTERM: Unreachable("x", sent=False)},
    ],
)
async def test_licences_that_cannot_be_read_refuse_only_what_needs_them(answers: dict[str, Any]) -> None:
    """Adaptive policy is refused; a name is not, and the level is said to be unknown."""
    refused = await verdict_of(answers, sgt(MS))
    assert isinstance(refused, Refuse)
    assert refused.code == "check_failed"
    allowed = await verdict_of(answers, port_write(MS, "1"))
    assert isinstance(allowed, Allow)
    assert allowed.facts["license_levels"] == {MS: "unknown"}
    assert [one.rule for one in allowed.facts["warnings"]] == ["license_level"]


async def test_a_bad_key_is_no_unknown_licence() -> None:
    """It is raised as what it is."""
    with pytest.raises(NotAuthenticated):
        await verdict_of({LICENSES: NotAuthenticated("401")}, port_write(MS, "1"))


async def test_adaptive_policy_of_the_organization_needs_one_advanced_licence() -> None:
    """Whichever device has it."""
    allowed = await verdict_of({LICENSES: [licensed(CORE, "Advanced")]}, GROUP)
    assert isinstance(allowed, Allow)
    assert allowed.facts["blocked"] == ()
    blocked = await verdict_of({LICENSES: [licensed(CORE, "ENT")]}, GROUP)
    assert isinstance(blocked, Allow)
    (found,) = blocked.facts["blocked"]
    assert (found.code, found.target) == ("license", f"organization {ACME}")


@pytest.mark.parametrize(
    ("touch", "needed"),
    [
        (GROUP, True),
        (sgt(MS), True),
        (port_write(MS, "1", peerSgtCapable=True), True),
        (
            write("createNetworkVlanProfile", {"vlanNames": [{"adaptivePolicyGroup": {"id": "1"}}]}, networkId=SITE),
            True,
        ),
        (write("createNetworkVlanProfile", {"vlanNames": [{"adaptivePolicyGroup": None}]}, networkId=SITE), False),
        (write("updateNetworkWirelessSsid", {"adaptivePolicyGroupId": "1"}, networkId=SITE, number="1"), True),
        (port_write(MS, "1", peerSgtCapable=False, adaptivePolicyGroupId=None), False),
        (port_write(MS, "1", name="x"), False),
        (write("deleteOrganizationAdaptivePolicyGroup", None, organizationId=ACME, id="1"), False),
    ],
)
def test_setting_up_adaptive_policy_needs_advanced_and_taking_it_away_does_not(touch: Touch, needed: bool) -> None:
    """By operation and by field, anywhere in the body."""
    assert needs_advanced(touch) is needed
