"""Which devices have picked a change up."""

from dataclasses import replace
from typing import Any

from mcp_server.changes.execution.delivery import read_delivery
from mcp_server.domain.plan import Plan
from mcp_server.errors import OutcomeUnknown
from tests.support.fake_clock import START
from tests.support.plans import plan
from tests.unit.changes.execution.runs import a_run

DEVICES = "/organizations/1/devices"


def _reaching(count: int) -> Plan:
    base = plan()
    serials = tuple(f"Q2-{number}" for number in range(count))
    return replace(base, impact=replace(base.impact, devices=count, device_serials=serials))


async def _told(count: int, answer: Any) -> tuple[Any, Any]:
    run, api = a_run(_reaching(count), {DEVICES: answer})
    return await read_delivery(run), api


async def test_a_device_that_the_cloud_does_not_list_is_pending() -> None:
    """Never counted as changed; one that the plan does not reach is not counted at all."""
    told, api = await _told(3, [{"serial": "Q2-1"}, {"serial": "Q2-99"}])
    assert told == {"confirmed": 1, "pending": ["Q2-0", "Q2-2"]}
    (asked,) = api.requests
    assert asked.query["configurationUpdatedAfter"] == START.isoformat(timespec="milliseconds")
    assert asked.query["serials[]"] == ["Q2-0", "Q2-1", "Q2-2"]


async def test_a_change_that_reaches_no_device_asks_nobody() -> None:
    """There is nothing to deliver."""
    told, api = await _told(0, [])
    assert (told, api.requests) == ({"confirmed": 0, "pending": []}, [])


async def test_what_cannot_be_read_is_told_as_unknown_and_everything_as_pending() -> None:
    """In the fixed words of the error's class."""
    told, _ = await _told(2, OutcomeUnknown("cut by /secret/proxy", sent=True))
    assert told == {"confirmed": 0, "pending": ["Q2-0", "Q2-1"], "unknown": OutcomeUnknown.sentence}


async def test_of_more_than_a_hundred_devices_the_first_hundred_are_asked_about() -> None:
    """How many were not is told."""
    told, api = await _told(103, [{"serial": f"Q2-{number}"} for number in range(103)])
    assert told == {"confirmed": 100, "pending": [], "not_asked": 3}
    assert len(api.requests[0].query["serials[]"]) == 100
