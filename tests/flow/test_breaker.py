"""The cloud fails again and again: it is left alone, everybody is told until when, and no change is made meanwhile."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from mcp_server.assembly import running
from mcp_server.domain.limits.breaker import FAILURES_TO_OPEN, OPEN_S
from mcp_server.sandbox.app import create_app
from tests.support.fake_clock import ShiftedClock
from tests.support.places import NET, ORG
from tests.support.stage import KEY, Stage, accepting, also, staged
from tests.support.story import Payload, confirmed, planned, step
from tests.support.witnesses import Witnesses

SSID: Final = f"/networks/{NET}/wireless/ssids/1"


async def read(stage: Stage) -> Payload:
    """One read of the organization."""
    return await stage.call("meraki_read", operation="getNetworkWirelessSsid", params={"networkId": NET, "number": "1"})


async def test_after_five_failures_nothing_is_sent_and_every_answer_says_until_when(tmp_path: Path) -> None:
    """Reads and changes; health_check names the organization; a second server on the data knows; two reads close it."""
    clock = ShiftedClock()
    cloud, home = create_app(api_key=KEY, rate_limit=False, clock=clock.now), tmp_path / "home"
    given = {"retry_server_tries": 1}
    async with staged(home, answer=accepting, clock=clock, sandbox=cloud, given=given) as stage:
        witnesses = Witnesses(cloud, home)
        plan = await planned(stage, step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"))
        stage.sandbox.add_fault({"kind": "status", "status": 500, "path": SSID, "count": 99})
        begun = clock.now()
        for _ in range(FAILURES_TO_OPEN):
            assert (await read(stage))["error"]["code"] == "outcome_unknown"
        opened = clock.now()
        told = await read(stage)
        until = told["error"]["until"]
        assert begun.replace(microsecond=0) <= datetime.fromisoformat(until) - timedelta(seconds=OPEN_S) <= opened
        stage.sandbox.faults.clear()
        sent = len(stage.sandbox.world.journal)
        for answer in (await read(stage), await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])):
            error = answer["error"]
            assert (error["code"], error["class"]) == ("breaker_open", "server_error")
            assert error["until"] == until
            assert until in error["remedy"]
        server = (await stage.call("health_check"))["server"]
        assert server["breakers_open"] == {ORG: until}
        assert "changes refused" in server["status"]
        async with running(also(stage.settings), channel="cli", clock=clock) as second:
            assert list(await second.breakers.list_open()) == [ORG]
        assert len(stage.sandbox.world.journal) == sent
        clock.advance(OPEN_S)
        assert [(await read(stage))["status"] for _ in range(2)] == ["ok", "ok"]
        assert (await stage.call("health_check"))["server"]["breakers_open"] == {}
        done = witnesses.note("meraki_apply", await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))
        assert done["status"] == "applied"
        verdict = await witnesses.verdict(tries=1)
    assert verdict.broken == []
    assert verdict.exercised["I10"] >= 4  # two reads that probed, each in its time
