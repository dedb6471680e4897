"""A port that leads to a device of the organization's own: the plan says so before anybody agrees."""

from typing import Any

import pytest

from mcp_server.sandbox.behaviours.lan.switch_ports import below, own_uplink_port
from tests.support.places import CORE, LAB, ORG
from tests.support.stage import Stage
from tests.support.story import Payload, planned, step

RULE = "t2_port_to_own_device"


def port(stage: Stage, **fields: Any) -> Payload:
    """A plan's step that changes the core's port to the switch below it."""
    number = next(key for key, serial in below(stage.sandbox.world, CORE).items() if serial == LAB)
    return step("updateDeviceSwitchPort", fields, serial=CORE, portId=number)


def told(plan: Payload) -> list[str]:
    """The messages of the rule."""
    return [one["message"] for one in plan["warnings"] if one["rule"] == RULE]


@pytest.mark.parametrize("fields", [{"allowedVlans": "1,10"}, {"vlan": 99}, {"enabled": False}, {"type": "access"}])
async def test_what_hangs_on_the_port_is_named_in_the_plan(stage: Stage, fields: dict[str, Any]) -> None:
    """By name and serial, with what it means; one request more tells whose it is."""
    plan = await planned(stage, port(stage, **fields))
    (message,) = told(plan)
    assert f"leads to {stage.sandbox.world.devices[LAB]['name']} ({LAB})" in message
    asked = [row for row in stage.sandbox.world.journal if row["path"] == f"/organizations/{ORG}/devices"]
    assert len(asked) == 1


async def test_a_name_or_a_port_without_such_a_neighbour_is_no_reason(stage: Stage) -> None:
    """Nor is the own uplink, which has a rule of its own, nor a port on which nothing says who it is."""
    world = stage.sandbox.world
    free = next(str(number) for number in range(1, 48) if str(number) not in below(world, CORE))
    up = own_uplink_port(world, LAB)
    assert told(await planned(stage, port(stage, name="To the lab"))) == []
    assert told(await planned(stage, step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, portId=free))) == []
    own = await planned(stage, step("updateDeviceSwitchPort", {"allowedVlans": "1"}, serial=LAB, portId=up))
    assert told(own) == []
    assert "t2_trunk_on_uplink" in {one["rule"] for one in own["warnings"]}


async def test_a_neighbour_of_somebody_else_is_no_reason(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says who it is, and is not among the organization's devices."""
    other = {"lldp": {"chassisId": "00:00:5e:00:53:01", "systemName": "Switch of the provider"}}
    monkeypatch.setattr("mcp_server.sandbox.behaviours.signals.statuses._announced", lambda *_: other)
    assert told(await planned(stage, port(stage, vlan=99))) == []
