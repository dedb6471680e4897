"""An order of steps that the cloud refuses is refused before, with the order that works."""

from typing import Any, Final

import httpx
import pytest

from tests.support.places import NET
from tests.support.stage import KEY, Stage
from tests.support.story import Payload, applied, step, taken_back

Write = tuple[str, str, str, Any, dict[str, str]]
MX: Final = f"/networks/{NET}/appliance"
LAN: Final = {"id": "30", "name": "IoT", "subnet": "10.30.0.0/24", "applianceIp": "10.30.0.1"}
MADE: Write = ("createNetworkApplianceVlan", "POST", f"{MX}/vlans", LAN, {})
PORT: Write = ("updateNetworkAppliancePort", "PUT", f"{MX}/ports/6", {"type": "access", "vlan": 30}, {"portId": "6"})
ROUTE: Write = (
    "createNetworkApplianceStaticRoute", "POST", f"{MX}/staticRoutes",
    {"name": "Lab", "subnet": "172.30.0.0/24", "gatewayIp": "10.30.0.9"}, {},
)  # fmt: skip
FREED: Write = (
    "updateNetworkApplianceVlan", "PUT", f"{MX}/vlans/20", {"groupPolicyId": None}, {"vlanId": "20"},
)  # fmt: skip
GONE: Write = (
    "deleteNetworkGroupPolicy", "DELETE", f"/networks/{NET}/groupPolicies/100", None, {"groupPolicyId": "100"},
)  # fmt: skip
OFF: Write = (
    "updateNetworkApplianceVlansSettings", "PUT", f"{MX}/vlans/settings", {"vlansEnabled": False}, {},
)  # fmt: skip
SHUT: Write = ("updateNetworkAppliancePort", "PUT", f"{MX}/ports/5", {"enabled": False}, {"portId": "5"})
HOLD: Final = (f"{MX}/vlans/20", {"groupPolicyId": "100"})


def _step(write: Write) -> Payload:
    operation, _, _, body, params = write
    return step(operation, body, networkId=NET, **params)


def _seed(stage: Stage) -> None:
    """VLAN 20 has group policy 100, and the ports are there."""
    assert stage.sandbox.world.perform is not None
    stage.sandbox.world.perform("PUT", *HOLD)
    stage.sandbox.world.perform("GET", f"{MX}/ports", None)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        pytest.param((PORT, MADE), "VLAN 30 must be there", id="port before its VLAN"),
        pytest.param((ROUTE, MADE), "VLAN 30 must be there", id="route before its VLAN"),
        pytest.param((GONE, FREED), "once nothing names it", id="group policy while a VLAN has it"),
        pytest.param((OFF, SHUT), "switched off by then", id="port after VLANs are off"),
    ],
)
async def test_the_wrong_order_is_refused_by_plan_and_cloud_and_the_right_one_is_offered(
    stage: Stage, wrong: tuple[Write, Write], why: str
) -> None:
    """The cloud, asked directly, refuses the step that stands wrong."""
    _seed(stage)
    answer = await stage.call("meraki_plan", operations=[_step(one) for one in wrong], intent="wrong way round")
    assert (answer["status"], answer["error"]["code"]) == ("refused", "step_order")
    assert why in answer["error"]["message"]
    assert "in the order 2, 1" in answer["error"]["remedy"]
    async with httpx.AsyncClient(base_url=stage.settings.base_url, headers={"Authorization": f"Bearer {KEY}"}) as web:
        codes = [(await web.request(one[1], one[2], json=one[3])).status_code for one in wrong]
    assert 400 in codes


async def test_the_offered_order_works_and_is_taken_back(stage: Stage) -> None:
    """VLAN first, then the port and the route that use it; the undo lets go of it first."""
    _seed(stage)
    done = await applied(stage, _step(MADE), _step(PORT), _step(ROUTE))
    await taken_back(stage, change_id=done["change_id"])
    assert stage.sandbox.world.perform is not None
    assert [one["id"] for one in stage.sandbox.world.perform("GET", f"{MX}/vlans", None)] == [1, 10, 20]


async def test_two_changes_taken_back_at_once_keep_to_the_order_that_works(stage: Stage) -> None:
    """The later change's port is let go of before the earlier one's VLAN is deleted."""
    _seed(stage)
    await applied(stage, _step(MADE))
    await applied(stage, _step(PORT))
    await taken_back(stage, last=2)
