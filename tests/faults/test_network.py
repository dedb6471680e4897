"""A bad line between the server and the cloud: no write happens twice, and nothing is told better than it is."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from mcp_server.sandbox.app import create_app
from mcp_server.sandbox.server import serving
from tests.faults.proxy import Fault, Proxy, proxied
from tests.support.longest import LONGEST_S
from tests.support.places import NET
from tests.support.stage import KEY, Stage, accepting, staged
from tests.support.story import confirmed, planned, step
from tests.support.waiting import wait_until
from tests.support.witnesses import Witnesses

SSID: Final = f"/networks/{NET}/wireless/ssids/1"
#: Short enough that a test need not wait, long enough that a good line never runs out of them.
TIMES: Final[Mapping[str, Any]] = {
    "http_connect_s": 2.0, "http_read_s": 0.4, "http_total_s": 1.0, "settle_s": 0.6, "settle_poll_s": 0.05,
}  # fmt: skip


@asynccontextmanager
async def behind_a_line(home: Path, **more: Any) -> AsyncIterator[tuple[Stage, Proxy, Witnesses]]:
    """A server whose only way to the cloud is the proxy, and the witnesses of what follows."""
    cloud = create_app(api_key=KEY, rate_limit=False, clock=lambda: datetime.now(UTC))
    async with serving(cloud) as base, proxied(base) as proxy:
        given = {**TIMES, **more, "base_url": proxy.url}
        async with staged(home, sandbox=cloud, answer=accepting, given=given) as stage:
            yield stage, proxy, Witnesses(cloud, home)


#: What a line does to the write, and what is then true: the cloud holds it, or it does not.
LINES: Final[Mapping[str, tuple[Fault, bool]]] = {
    "reset before a byte arrives": (Fault("reset", "toward"), False),
    "reset in the middle of the request": (Fault("reset", "toward", after_bytes=100), False),
    "closed in the middle of the request": (Fault("truncate", "toward", after_bytes=100), False),
    "request swallowed": (Fault("black_hole", "toward"), False),
    "request half swallowed": (Fault("black_hole", "toward", after_bytes=100), False),
    "request one byte at a time": (Fault("throttle", "toward", seconds=0.05), False),
    "reset before the answer": (Fault("reset", "back"), True),
    "reset in the middle of the answer": (Fault("reset", "back", after_bytes=200), True),
    "closed before the answer": (Fault("truncate", "back"), True),
    "closed in the middle of the answer": (Fault("truncate", "back", after_bytes=200), True),
    "answer swallowed": (Fault("black_hole", "back"), True),
    "answer half swallowed": (Fault("black_hole", "back", after_bytes=200), True),
    "answer one byte at a time": (Fault("throttle", "back", seconds=0.02), True),
    "answer later than anybody waits": (Fault("latency", "back", seconds=30.0), True),
    "answer late, but in time": (Fault("latency", "back", seconds=0.1), True),
}


@pytest.mark.parametrize("name", LINES)
async def test_a_write_over_a_bad_line_happens_at_most_once_and_is_told_as_it_is(tmp_path: Path, name: str) -> None:
    """Applied when the cloud holds it, failed when it does not; the oracle finds nothing broken."""
    fault, holds = LINES[name]
    async with behind_a_line(tmp_path / "home") as (stage, proxy, witnesses):
        plan = await planned(stage, step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"))
        proxy.add(fault)
        done = witnesses.note("meraki_apply", await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))
        assert proxy.used == [f"PUT /api/v1{SSID}"]
        assert stage.sandbox.world.get(SSID)["name"] == ("X" if holds else "Visitantes")
        assert done["status"] == ("applied" if holds else "failed"), done
        verdict = await witnesses.verdict()
    assert verdict.broken == []
    assert verdict.exercised["I3"]


async def test_a_write_that_arrives_after_its_time_is_over_is_found_while_it_is_read_back(tmp_path: Path) -> None:
    """Nobody waits for its answer any more; it is applied, and was sent once."""
    async with behind_a_line(tmp_path / "home", settle_s=LONGEST_S) as (stage, proxy, witnesses):
        plan = await planned(stage, step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"))
        proxy.add(Fault("hold", "toward"))

        async def release_once_read_back() -> None:
            await proxy.holding()
            since = len(stage.sandbox.world.journal)
            await wait_until(lambda: any(one["path"] == SSID for one in stage.sandbox.world.journal[since:]))
            await proxy.release()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(release_once_read_back)
            done = witnesses.note("meraki_apply", await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))
        assert (done["status"], stage.sandbox.world.get(SSID)["name"]) == ("applied", "X"), done
        assert [entry["path"] for entry in stage.writes()] == [SSID]
        verdict = await witnesses.verdict()
    assert verdict.broken == []
    assert verdict.exercised["I3"]


@pytest.mark.parametrize("name", ["reset before the answer", "closed in the middle of the answer", "answer swallowed"])
async def test_a_create_over_a_bad_line_is_found_again_and_never_made_twice(tmp_path: Path, name: str) -> None:
    """A lost answer to a POST is settled by what is there, not by sending it once more."""
    fault = Fault(LINES[name][0].kind, "back", LINES[name][0].after_bytes, method="POST")
    vlan = {"id": "77", "name": "Cameras", "subnet": "10.77.0.0/24", "applianceIp": "10.77.0.1"}
    async with behind_a_line(tmp_path / "home") as (stage, proxy, witnesses):
        plan = await planned(stage, step("createNetworkApplianceVlan", vlan, networkId=NET))
        proxy.add(fault)
        done = witnesses.note("meraki_apply", await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))
        assert [entry["method"] for entry in stage.writes()] == ["POST"]
        assert done["status"] in ("applied", "unknown"), done
        verdict = await witnesses.verdict()
    assert verdict.broken == []


@pytest.mark.parametrize("kind", ["reset", "truncate", "black_hole"])
async def test_a_read_over_a_bad_line_is_asked_again_and_whole_or_not_at_all(tmp_path: Path, kind: Any) -> None:
    """Twice it fails; the third try is answered, or the failure says so; nothing is written."""
    async with behind_a_line(tmp_path / "home") as (stage, proxy, witnesses):
        proxy.add(Fault(kind, "back", after_bytes=200, method="GET", path=SSID))
        asked = {"operation": "getNetworkWirelessSsid", "params": {"networkId": NET, "number": "1"}}
        answer = await stage.call("meraki_read", **asked)
        assert answer["status"] == "ok"
        assert answer["data"]["name"] == "Visitantes"
        assert proxy.used == [f"GET /api/v1{SSID}"]
        assert (await witnesses.verdict()).broken == []


async def test_a_line_that_breaks_in_the_third_of_five_steps_leaves_all_or_nothing(tmp_path: Path) -> None:
    """The step is known not to have arrived: what went before it is taken back, and is as before."""
    async with behind_a_line(tmp_path / "home") as (stage, proxy, witnesses):
        renames = [
            step("updateNetworkWirelessSsid", {"name": f"Rede {number}"}, networkId=NET, number=str(number))
            for number in range(5)
        ]
        plan = await planned(stage, *renames)
        proxy.add(Fault("reset", "toward", path="ssids/2"))
        done = witnesses.note("meraki_apply", await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))
        assert done["status"] == "rolled_back", done
        verdict = await witnesses.verdict()
    assert verdict.broken == []
    assert verdict.exercised["I5"]
