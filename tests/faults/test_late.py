"""A request that the network holds back past its time: nothing is called not applied while it may still arrive."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
import pytest

from mcp_server.domain.record import AuditEntry
from mcp_server.sandbox.app import create_app
from mcp_server.sandbox.server import serving
from tests.faults.machine.people import resolve
from tests.faults.proxy import Fault, Proxy, proxied
from tests.support.fake_clock import ShiftedClock
from tests.support.longest import LONGEST_S
from tests.support.loop_time import let_pass
from tests.support.places import NET
from tests.support.stage import KEY, Stage, accepting, staged
from tests.support.story import confirmed, planned, step
from tests.support.witnesses import Witnesses

SSID: Final = f"/networks/{NET}/wireless/ssids"
RENAME: Final = step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1")
LATE_S: Final = 120.0
READ_S: Final = 30.0  #: in which an answer that is not held comes, however busy the machine is
TIMES: Final[Mapping[str, Any]] = {
    "http_read_s": READ_S, "http_total_s": 2 * READ_S, "settle_s": 0.1, "settle_poll_s": 0.05,
    "late_s": LATE_S, "recover_every_s": 0.05,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """A server behind a line that holds a request, the time, and the witnesses."""

    stage: Stage
    proxy: Proxy
    witnesses: Witnesses
    clock: ShiftedClock

    async def lost(self, *operations: Any, path: str = "") -> Any:
        """The answer to an apply of which one request is held."""
        plan = await planned(self.stage, *operations)
        self.proxy.add(Fault("hold", "toward", path=path))
        return await self._in_vain(plan)

    async def undo_lost(self) -> Any:
        """The answer to an apply of which the second step is refused, and the undo of the first is held."""
        self.stage.sandbox.faults.add({"kind": "status", "status": 400, "method": "PUT", "path": f"{SSID}/2"})
        second = step("updateNetworkWirelessSsid", {"name": "Z"}, networkId=NET, number="2")
        plan = await planned(self.stage, RENAME, second)
        self.proxy.add(Fault("hold", "toward", path="ssids/1", skip=1))
        return await self._in_vain(plan)

    async def _in_vain(self, plan: Any) -> Any:
        """The answer to an apply of which the server waits for what is held until its time is over."""

        async def run_out_of_time() -> None:
            await self.proxy.holding()
            await anyio.wait_all_tasks_blocked()
            let_pass(READ_S)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_out_of_time)
            done = await confirmed(self.stage, "meraki_apply", plan_id=plan["plan_id"])
        return self.witnesses.note("meraki_apply", done)

    async def edited_once_held(self, name: str) -> None:
        """Somebody else's name for the SSID, as soon as a request is held."""
        await self.proxy.holding()
        self.stage.sandbox.edit(f"{SSID}/1", {"name": name})

    async def seen(self, change_id: str, *states: str) -> Any:
        """The change once the server has brought it to one of these ends by itself."""
        with anyio.fail_after(LONGEST_S):
            while True:
                found = await self.stage.call("history", change_id=change_id)
                if found["change"]["status"] in states:
                    return self.witnesses.note("history", found)
                await anyio.sleep(0.02)

    async def said(self, change_id: str, what: str) -> str:
        """What the command answers a person who says that of a change in doubt: its status then, or why not."""
        assert self.stage.server is not None
        return await resolve(self.stage.server, self.clock, change_id, what, "")

    async def evidence(self, event: str) -> AuditEntry:
        """The newest such row of the audit, once there is one."""
        async with self.stage.store() as store:
            with anyio.fail_after(LONGEST_S):
                while True:
                    for row in await store.list(AuditEntry, {"event": event}, limit=1):
                        return row
                    await anyio.sleep(0.02)

    @property
    def name(self) -> str:
        """Of the SSID, in the cloud."""
        return str(self.stage.sandbox.world.get(f"{SSID}/1")["name"])


@asynccontextmanager
async def scene(home: Path) -> AsyncIterator[Scene]:
    """Its clock, and the cloud's, goes as this machine's, and on when a test says so."""
    clock = ShiftedClock()
    cloud = create_app(api_key=KEY, rate_limit=False, clock=clock.now)
    async with serving(cloud) as base, proxied(base) as proxy:
        given = {**TIMES, "base_url": proxy.url}
        async with staged(home, sandbox=cloud, answer=accepting, given=given, clock=clock) as stage:
            yield Scene(stage, proxy, Witnesses(cloud, home), clock)


async def test_a_write_that_arrives_after_it_was_read_back_was_never_called_not_applied(tmp_path: Path) -> None:
    """First nobody knows, and the network is held; once it has arrived it is found, looked at, and applied."""
    async with scene(tmp_path / "home") as it:
        done = await it.lost(RENAME)
        assert (done["status"], it.name) == ("unknown", "Visitantes"), done
        await it.proxy.release()
        assert it.name == "X"
        await it.seen(done["change_id"], "applied")
        verdict = await it.witnesses.verdict()
    assert verdict.broken == []


async def test_until_it_can_no_longer_arrive_nobody_else_writes_there_and_then_it_is_not_applied(
    tmp_path: Path,
) -> None:
    """A request that is swallowed looks the same: it is called failed once its time has passed, and not before."""
    async with scene(tmp_path / "home") as it:
        done = await it.lost(RENAME)
        assert "may still arrive until" in done["error"]["message"]
        other = await planned(it.stage, step("updateNetworkWirelessSsid", {"name": "Y"}, networkId=NET, number="2"))
        busy = await confirmed(it.stage, "meraki_apply", plan_id=other["plan_id"])
        assert (busy["status"], it.stage.writes()) == ("busy", [])
        it.clock.advance(LATE_S)
        told = await it.seen(done["change_id"], "failed")
        assert "can no longer arrive" in str(told["change"])
        applied = await confirmed(it.stage, "meraki_apply", plan_id=other["plan_id"])
        assert applied["status"] == "applied", applied
        rows = await anyio.to_thread.run_sync(it.witnesses.audit)
        taken_over = [row for row in rows if row.get("event") == "recovery"]
        assert len(taken_over) == 1  # it was looked at meanwhile, and left alone
        verdict = await it.witnesses.verdict()
    assert verdict.broken == []


@pytest.mark.parametrize("comes", [True, False])
async def test_what_went_before_it_is_taken_back_when_it_has_arrived_or_can_no_longer(
    tmp_path: Path, *, comes: bool
) -> None:
    """The third of five steps: nothing is undone beside a write on its way; then all that took effect is."""
    renames = [
        step("updateNetworkWirelessSsid", {"name": f"Rede {number}"}, networkId=NET, number=str(number))
        for number in range(5)
    ]
    async with scene(tmp_path / "home") as it:
        done = await it.lost(*renames, path="ssids/2")
        assert [entry["body"]["name"] for entry in it.stage.writes()] == ["Rede 0", "Rede 1"]
        if comes:
            await it.proxy.release()
        else:
            it.clock.advance(LATE_S)
        told = await it.seen(done["change_id"], "rolled_back")
        assert "was lost" in str(told["change"])
        verdict = await it.witnesses.verdict()
    assert verdict.broken == []
    assert verdict.exercised["I5"]


@pytest.mark.parametrize("comes", [True, False])
async def test_an_undo_that_may_still_arrive_is_not_called_failed_and_is_sent_again_only_when_it_cannot(
    tmp_path: Path, *, comes: bool
) -> None:
    """The second step is refused, the undo of the first is lost."""
    async with scene(tmp_path / "home") as it:
        done = await it.undo_lost()
        assert (done["status"], it.name) == ("unknown", "X"), done
        if comes:
            await it.proxy.release()
        else:
            it.clock.advance(LATE_S)
        await it.seen(done["change_id"], "rolled_back")
        assert it.name == "Visitantes"
        assert [entry["path"] for entry in it.stage.writes()].count(f"{SSID}/1") == 2
        verdict = await it.witnesses.verdict()
    assert verdict.broken == []


async def test_while_a_lost_undo_may_still_arrive_nobody_else_writes_there_though_it_is_called_failed(
    tmp_path: Path,
) -> None:
    """Somebody else writes there before it is read back: neither before nor after, and the undo may come on top."""
    async with scene(tmp_path / "home") as it:
        async with anyio.create_task_group() as beside:
            beside.start_soon(it.edited_once_held, "Lounge")
            done = await it.undo_lost()
        assert (done["status"], it.name) == ("rollback_failed", "Lounge"), done
        other = await planned(it.stage, step("updateNetworkWirelessSsid", {"name": "Y"}, networkId=NET, number="3"))
        for set_s in (0.0, LATE_S * 30):
            it.clock.jump(set_s)
            assert (await confirmed(it.stage, "meraki_apply", plan_id=other["plan_id"]))["status"] == "busy"
        it.clock.advance(LATE_S)
        assert (await confirmed(it.stage, "meraki_apply", plan_id=other["plan_id"]))["status"] == "applied"


async def test_a_wall_clock_that_is_set_neither_ends_the_wait_nor_lets_another_change_in(tmp_path: Path) -> None:
    """So much time has not passed: nothing is settled, the networks are kept; then it arrives, and is applied."""
    async with scene(tmp_path / "home") as it:
        done = await it.lost(RENAME)
        it.clock.jump(LATE_S * 30)
        assert it.stage.server is not None
        await it.stage.server.recovery.go_on()
        other = await planned(it.stage, step("updateNetworkWirelessSsid", {"name": "Y"}, networkId=NET, number="2"))
        busy = await confirmed(it.stage, "meraki_apply", plan_id=other["plan_id"])
        assert (busy["status"], it.stage.writes()) == ("busy", [])
        assert (await it.stage.call("history", change_id=done["change_id"]))["change"]["status"] == "unknown"
        await it.proxy.release()
        await it.seen(done["change_id"], "applied")
        assert (await confirmed(it.stage, "meraki_apply", plan_id=other["plan_id"]))["status"] == "applied"


async def test_nobody_can_say_that_it_was_not_applied_while_it_may_still_arrive(tmp_path: Path) -> None:
    """Somebody else wrote there since, so a person is asked: too early, whatever the wall clock says; then it counts.

    Until then nobody else writes there either, for what is on its way would overwrite it.
    """
    async with scene(tmp_path / "home") as it:
        done = await it.lost(RENAME)
        it.stage.sandbox.edit(f"{SSID}/1", {"name": "Lounge"})
        assert (await it.evidence("reconciled")).status == "unknown"
        other = await planned(it.stage, step("updateNetworkWirelessSsid", {"name": "Y"}, networkId=NET, number="2"))
        for set_s in (0.0, LATE_S * 30):
            it.clock.jump(set_s)
            assert await it.said(done["change_id"], "not-applied") == "too_early"
            assert (await confirmed(it.stage, "meraki_apply", plan_id=other["plan_id"]))["status"] == "busy"
        it.clock.advance(LATE_S)
        assert await it.said(done["change_id"], "not-applied") == "failed"
        assert (await confirmed(it.stage, "meraki_apply", plan_id=other["plan_id"]))["status"] == "applied"
