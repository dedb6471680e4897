"""What the watch after a change takes for worse, for fine, and for not known."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_server.changes.execution.health_gate import meant_to_go_down, sample, watch
from mcp_server.changes.execution.run import Run
from mcp_server.changes.means import Times
from mcp_server.domain.plan import Write
from mcp_server.errors import NotAllowed
from tests.support.fake_api import FakeApi
from tests.support.plans import plan, step
from tests.unit.changes.execution.runs import a_run

ORG = "/organizations/1"
TIMES = Times(health_settle_s=10.0, health_poll_s=2.5)


def _cloud(*statuses: str) -> dict[str, Any]:
    """A network with one device that has these statuses one after the other; the last one stays."""
    left = list(statuses)

    def availabilities(_request: Any) -> Any:
        status = left.pop(0) if len(left) > 1 else left[0]
        return [{"serial": "Q2-1", "status": status, "network": {"id": "N_1"}, "productType": "switch"}]

    return {
        f"{ORG}/devices/availabilities": availabilities,
        f"{ORG}/uplinks/statuses": [],
        f"{ORG}/appliance/vpn/statuses": [],
        f"{ORG}/switch/ports/statuses/bySwitch": {"items": []},
    }


async def _watched(*statuses: str, **more: Any) -> tuple[Any, Run, FakeApi]:
    """What the watch says; the first status is the one before the change."""
    run, api = a_run(answers={**_cloud(*statuses), **more}, times=TIMES)
    return await watch(run, await sample(run)), run, api


async def test_a_device_that_stays_lost_is_worse_after_two_samples_in_a_row() -> None:
    """The watch does not wait for its end."""
    seen, run, _ = await _watched("online", "offline")
    assert (seen["verdict"], seen["samples"]) == ("worse", 2)
    assert [(one["kind"], one["target"]) for one in seen["findings"]] == [("device_lost", "Q2-1")]
    assert run.world.clock.slept == [2.5]  # type: ignore[attr-defined]  # a FakeClock


async def test_a_device_that_is_lost_for_one_sample_only_is_fine() -> None:
    """It came back within the settle time."""
    seen, run, _ = await _watched("online", "offline", "online")
    assert (seen["verdict"], seen["findings"], seen["samples"]) == ("fine", [], 5)
    assert run.world.clock.slept == [2.5] * 4  # type: ignore[attr-defined]  # a FakeClock


async def test_a_device_lost_at_the_very_end_is_looked_at_once_more() -> None:
    """One sample is not enough for either answer."""
    seen, _, _ = await _watched(*["online"] * 5, "offline", "offline")
    assert (seen["verdict"], seen["samples"]) == ("worse", 6)


async def test_a_look_slower_than_the_settle_time_is_not_the_last_one() -> None:
    """It began too early to count: what is lost meanwhile is seen by the next."""
    run, api = a_run(answers=_cloud("online", "online", "offline"), times=TIMES)
    before, quick = await sample(run), api.read

    async def slow(*request: Any, **more: Any) -> Any:
        run.world.clock.advance(8.0)  # type: ignore[attr-defined]  # a FakeClock
        return await quick(*request, **more)

    api.read = slow  # type: ignore[method-assign]  # the cloud is slow
    assert (await watch(run, before))["verdict"] == "worse"


async def test_a_device_that_comes_and_goes_is_settled_by_one_sample_more() -> None:
    """The watch ends soon after its time, whatever the network does."""
    seen, run, _ = await _watched("online", *["online", "offline"] * 20)
    assert seen["samples"] <= 6
    assert sum(run.world.clock.slept) <= 12.5  # type: ignore[attr-defined]  # a FakeClock


@pytest.mark.parametrize("missing", ["networks", "devices"])
async def test_networks_alone_and_devices_alone_are_watched_by_the_hard_signals_only(missing: str) -> None:
    """A change need not know both."""
    base = plan()
    alone = replace(base, networks=()) if missing == "networks" else replace(
        base, impact=replace(base.impact, device_serials=())
    )  # fmt: skip
    run, _ = a_run(alone, _cloud("online", "offline"), TIMES)
    before = await sample(run)
    assert before
    assert (before.scope, before.devices) == ("gate", {"Q2-1": "online"})
    assert (await watch(run, before))["verdict"] == "worse"


async def test_what_was_lost_before_the_change_is_not_its_fault() -> None:
    """Nothing got worse."""
    assert (await _watched("offline", "offline"))[0]["verdict"] == "fine"


async def test_what_cannot_be_read_is_unknown_and_never_fine() -> None:
    """A part that the key may not read was not watched."""
    seen, _, _ = await _watched("online", **{f"{ORG}/uplinks/statuses": NotAllowed("403")})
    assert (seen["verdict"], seen["findings"]) == ("unknown", [])


async def test_a_change_without_networks_and_devices_has_nothing_to_watch() -> None:
    """Nothing is asked, and nothing is claimed."""
    base = plan()
    run, api = a_run(replace(base, networks=(), impact=replace(base.impact, device_serials=())), times=TIMES)
    assert await watch(run, await sample(run)) == {"verdict": "unknown", "findings": [], "samples": 0}
    assert api.requests == []


def test_only_ports_that_the_plan_itself_shuts_are_meant_to_go_down() -> None:
    """Serial and port, as the signals name them."""
    shut = {"enabled": False}
    port = replace(step(1, expected=shut), serial="Q2-1", write=Write("updateDeviceSwitchPort", {"portId": "7"}, shut))
    opened = replace(port, expected={"enabled": True}, write=Write("updateDeviceSwitchPort", {"portId": "8"}))
    ssid = replace(step(3, expected=shut))
    gone = replace(port, expected=None)
    assert meant_to_go_down(plan(port, opened, ssid, gone)) == {"Q2-1/7"}
