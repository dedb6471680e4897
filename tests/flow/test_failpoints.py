"""A change passes every point of the write protocol in its order: what a kill at a point proves rests on that."""

from pathlib import Path

from tests.support.places import NET
from tests.support.stage import accepting, staged
from tests.support.story import planned, step

ONE = ["K5", "K6", "K7H", "K7", "K8", "K9", "K10"]


async def test_a_change_of_two_steps_passes_the_points_in_their_order(tmp_path: Path) -> None:
    """From the saved plan to the reply; each step the same way; the question's answer is the approval."""
    trace = tmp_path / "trace"
    async with staged(tmp_path / "home", answer=accepting, given={"failpoint_trace": trace}) as stage:
        plan = await planned(
            stage,
            step("updateNetworkWirelessSsid", {"name": "Um"}, networkId=NET, number="1"),
            step("updateNetworkWirelessSsid", {"name": "Dois"}, networkId=NET, number="2"),
        )
        done = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert done["status"] == "applied"
    reached = [line.split()[0] for line in trace.read_text().splitlines()]
    assert reached == ["K0", "K13", "K13", "K3", "K4", *ONE, *ONE, "K11", "K12", "K14", "K13"]
