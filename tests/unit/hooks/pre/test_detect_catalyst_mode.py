"""Step 3: which switches the API may write to."""

import pytest

from mcp_server.domain.call import Allow
from mcp_server.hooks.pre.detect_catalyst_mode import detect_catalyst_mode, mode_of
from tests.support.hook_world import AP, MANAGED, MONITORED, MS, SITE, attempt, port_write, read, resolved, world
from tests.support.shipped import write


@pytest.mark.parametrize(
    ("model", "firmware", "mode"),
    [
        ("C9300-24T", "CS17.2", "managed"),
        ("C9300L-48", "cs17", "managed"),
        ("C9300-24T", "17.9.1", "monitored"),
        ("C9300-24T", "", "monitored"),
        ("C9350-24T", "CS17", "managed"),
        ("C9400", "CS1", "managed"),
        ("C9404R", "IOS-XE", "monitored"),
        ("C9200L-24P", "CS17", "monitored"),
        ("C9500-16X", "CS17", "monitored"),
        ("C9610", "CS17", "monitored"),
        ("MS390-48", "CS16", "native_meraki"),
        ("MS225-24", "", "native_meraki"),
        ("XY1000", "", "native_meraki"),
    ],
)
def test_the_mode_follows_from_model_and_firmware(model: str, firmware: str, mode: str) -> None:
    """Row by row as the specialist protocol says."""
    assert mode_of(model, firmware) == mode


async def test_a_call_without_switches_is_left_alone() -> None:
    """An access point has no Catalyst mode."""
    seen, _ = world()
    tried = await resolved(attempt(write("updateDevice", {"name": "n"}, serial=AP)), seen)
    assert await detect_catalyst_mode(tried, seen) == Allow()


async def test_a_write_to_a_monitored_catalyst_is_blocked_with_three_ways_out() -> None:
    """The others stay free."""
    seen, _ = world()
    tried = await resolved(attempt(port_write(MS, "1"), port_write(MONITORED, "1"), port_write(MANAGED, "1")), seen)
    verdict = await detect_catalyst_mode(tried, seen)
    assert isinstance(verdict, Allow)
    assert verdict.facts["catalyst_modes"] == {MS: "native_meraki", MONITORED: "monitored", MANAGED: "managed"}
    (blocked,) = verdict.facts["blocked"]
    assert (blocked.touch, blocked.code) == (1, "monitored_catalyst")
    assert "17.9.1" in blocked.reason
    assert verdict.facts["warnings"] == ()
    for way in ("command line", "managed mode", "another device"):
        assert way in blocked.remedy


async def test_any_write_to_a_monitored_catalyst_is_blocked() -> None:
    """Its name and its membership in a stack too."""
    seen, _ = world()
    rename = write("updateDevice", {"name": "n"}, serial=MONITORED)
    stack = write("createNetworkSwitchStack", {"name": "s", "serials": [MS, MONITORED]}, networkId=SITE)
    tried = await resolved(attempt(rename, stack), seen)
    verdict = await detect_catalyst_mode(tried, seen)
    assert isinstance(verdict, Allow)
    assert [one.touch for one in verdict.facts["blocked"]] == [0, 1]


async def test_reading_a_monitored_catalyst_is_allowed() -> None:
    """Its mode is known all the same."""
    seen, _ = world()
    tried = await resolved(attempt(read("getDeviceSwitchPorts", serial=MONITORED)), seen)
    verdict = await detect_catalyst_mode(tried, seen)
    assert isinstance(verdict, Allow)
    assert verdict.facts["blocked"] == ()
    assert verdict.facts["catalyst_modes"] == {MONITORED: "monitored"}


async def test_a_model_that_is_not_known_is_warned_of() -> None:
    """It counts as a native switch, and that is said."""
    row = {"serial": "Q2ZZ", "name": "odd", "model": "XY1000", "networkId": SITE, "productType": "switch"}
    seen, _ = world({"/devices/Q2ZZ": row})
    tried = await resolved(attempt(port_write("Q2ZZ", "1")), seen)
    verdict = await detect_catalyst_mode(tried, seen)
    assert isinstance(verdict, Allow)
    assert verdict.facts["catalyst_modes"] == {"Q2ZZ": "native_meraki"}
    (warning,) = verdict.facts["warnings"]
    assert (warning.rule, warning.severity) == ("catalyst_mode", "warning")
    assert "XY1000" in warning.message
    look = await detect_catalyst_mode(await resolved(attempt(read("getDevice", serial="Q2ZZ")), seen), seen)
    assert isinstance(look, Allow)
    assert look.facts["warnings"] == ()
