"""Commit-confirm: a change that nobody keeps in time is undone, whatever becomes of the server that applied it."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from mcp_server.assembly import Server, running
from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.changes.keeping.tend import Tender
from mcp_server.cli.local import opened
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Reply, Request
from mcp_server.domain.record import AuditEntry, Change, Deadline, Lease
from mcp_server.errors import Unreachable
from mcp_server.sandbox.app import SandboxApp
from mcp_server.sandbox.server import serving
from mcp_server.world import World
from tests.support.approving import approve
from tests.support.canonical import assert_same, canonical
from tests.support.commands import filled, port_moved, told
from tests.support.fake_clock import ShiftedClock
from tests.support.longest import LONGEST_S
from tests.support.places import CORE, NET
from tests.support.stage import FreeBudget, Stage, accepting, also, declining, staged
from tests.support.story import Payload, confirmed, planned, step
from tests.support.waiting import wait_until

SSID: Final = f"/networks/{NET}/wireless/ssids/1"
RENAMED: Final = step("updateNetworkWirelessSsid", {"name": "Recepção"}, networkId=NET, number="1")


def now() -> datetime:
    """This machine's time."""
    return datetime.now(UTC)


@asynccontextmanager
async def later(home: Path, sandbox: SandboxApp, **more: Any) -> AsyncIterator[tuple[Stage, ShiftedClock]]:
    """One more server on the data directory, whose clock the test moves; it begins at this machine's time."""
    clock = ShiftedClock()
    async with staged(home, sandbox=sandbox, clock=clock, answer=accepting, **more) as stage:
        yield stage, clock


async def until(stage: Stage, change_id: str, *statuses: str) -> Payload:
    """The whole record of a change once it has one of those statuses."""
    with anyio.fail_after(LONGEST_S):
        while True:
            change: Payload = (await stage.call("history", change_id=change_id))["change"]
            if change["status"] in statuses and change.get("recorded_in") == change["state"]:
                return change  # the hooks after it have run too
            await anyio.sleep(0.02)


async def waiting(stage: Stage, *operations: Mapping[str, Any], minutes: int = 10) -> Payload:
    """The answer of an apply that waits to be kept."""
    plan = await planned(stage, *(dict(one) for one in operations or (RENAMED,)))
    done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"], confirm_within_minutes=minutes)
    assert done["status"] == "pending_keep", done
    return done


async def rows(stage: Stage, event: str, status: str = "") -> list[AuditEntry]:
    """The lines of evidence of that event."""
    assert stage.server is not None
    where = {"event": event, **({"status": status} if status else {})}
    return list(await stage.server.store.list(AuditEntry, where))


async def deadline_of(stage: Stage, change_id: str) -> Deadline:
    """The stored deadline."""
    assert stage.server is not None
    found = await stage.server.store.get(Deadline, change_id)
    assert found is not None
    return found


async def recorded(stage: Stage, event: str, status: str) -> list[AuditEntry]:
    """The lines of evidence of that event, once there are any."""
    with anyio.fail_after(LONGEST_S):
        while not (found := await rows(stage, event, status)):  # noqa: ASYNC110  the store sends no event
            await anyio.sleep(0.02)
    return found


async def looks(stage: Stage, clock: ShiftedClock) -> None:
    """Two rounds of every duty of that server, by its own clock."""
    for _ in range(2):
        await clock.sleep(stage.settings.keep_look_s)


async def test_a_change_that_waits_says_until_when_and_the_exact_call_that_keeps_it(tmp_path: Path) -> None:
    """Verified and live; the handoff's call asks a person and makes it final, once."""
    async with staged(tmp_path / "home", answer=accepting) as stage:
        begun = now()
        done = await waiting(stage)
        assert stage.sandbox.world.get(SSID)["name"] == "Recepção"
        due = datetime.fromisoformat(done["confirm"]["due_at"])
        assert begun < due - timedelta(minutes=10) < now()
        [handoff] = [one for one in done["handoffs"] if one["reason"] == "keep-pending"]
        assert handoff["call"] == done["confirm"]["keep_with"]
        [listed] = (await stage.call("health_check"))["server"]["waiting_to_be_kept"]
        assert listed["change_id"] == done["change_id"]

        sent, asked = len(stage.writes()), len(stage.asked)
        kept = await stage.call(handoff["call"]["tool"], **handoff["call"]["arguments"])
        assert (kept["status"], kept["confirm"]["state"]) == ("applied", "kept")
        assert [text.startswith("Keep what plan") for text in stage.asked[asked:]] == [True]
        assert (await stage.call("meraki_apply", plan_id=done["plan_id"], keep=True))["status"] == "applied"
        assert len(stage.writes()) == sent
        assert len(stage.asked) == asked + 1
        [row] = await rows(stage, "deadline")
        assert (row.status, row.detail["channel"]) == ("kept", "elicitation")
        assert (await stage.call("health_check"))["server"]["waiting_to_be_kept"] == []


async def test_keeping_needs_a_yes_of_its_own(tmp_path: Path) -> None:
    """Declined, it still waits; of high risk, a second approval by a key, and the first one does not count."""
    home = tmp_path / "home"
    async with staged(home, answer=declining) as stage:
        plan = await planned(stage, RENAMED)
        await approve(home, plan["plan_id"])
        done = await stage.call("meraki_apply", plan_id=plan["plan_id"], confirm_within_minutes=5)
        refused = await stage.call("meraki_apply", plan_id=plan["plan_id"], keep=True)
        assert (done["status"], refused["status"]) == ("pending_keep", "declined")

        high = await waiting(stage, port_moved())
        asked = await stage.call("meraki_apply", plan_id=high["plan_id"], keep=True)
        assert asked["status"] == "needs_approval"
        assert "unless it is kept" in asked["error"]["message"]
        open_plans = {one["plan_id"]: one for one in (await told(stage, "plans"))["plans"]}
        assert [open_plans[one["plan_id"]]["waits_for"] for one in (done, high)] == ["keep", "keep"]
        assert open_plans[high["plan_id"]]["run"] == asked["approve_with"]
        await approve(home, high["plan_id"])
        kept = await stage.call("meraki_apply", plan_id=high["plan_id"], keep=True)
        assert kept["status"] == "applied"
        assert (await stage.call("history", change_id=done["change_id"]))["change"]["status"] == "pending_keep"


async def test_what_nobody_keeps_is_undone_once_its_time_has_passed(tmp_path: Path) -> None:
    """Not before; keeping it afterwards is refused, and the record says why it was undone."""
    async with later(tmp_path / "home", None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        before = canonical(stage.sandbox.world)
        done = await waiting(stage)
        clock.advance(300)
        await looks(stage, clock)
        assert (await stage.call("history", change_id=done["change_id"]))["change"]["status"] == "pending_keep"
        clock.advance(300)
        record = await until(stage, done["change_id"], "rolled_back", "rollback_failed")
        assert record["status"] == "rolled_back"
        assert_same(before, canonical(stage.sandbox.world))
        assert len(stage.writes()) == 2
        late = await stage.call("meraki_apply", plan_id=done["plan_id"], keep=True)
        assert late["error"]["code"] == "not_waiting"
        again = await stage.call("meraki_apply", plan_id=done["plan_id"])
        assert (again["status"], again["error"]["code"]) == ("rolled_back", "not_kept")
        [row] = await rows(stage, "deadline")
        assert (row.status, row.detail["why"]) == ("undone", "not_kept")


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_nobody_has_to_call_for_the_undo_to_come(tmp_path: Path, *, is_restarted: bool) -> None:
    """The server's own duty does it, also of a server that was started after the deadline and never spoken to."""
    home = tmp_path / "home"
    async with later(home, None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        before = canonical(stage.sandbox.world)
        done = await waiting(stage)
        if not is_restarted:
            clock.advance(700)
            assert stage.server is not None
            await undone(stage.server, done["change_id"])
    async with serving(stage.sandbox) as base:  # the same cloud at another port
        settings = also(stage.settings, base_url=base)
        async with running(settings, channel="http", budget=FreeBudget(), clock=clock) as server:
            if is_restarted:
                assert stage.sandbox.world.get(SSID)["name"] == "Recepção"
                clock.advance(700)
            await undone(server, done["change_id"])
            calls = await server.store.list(AuditEntry, {"event": "call"})
            [row] = await server.store.list(AuditEntry, {"event": "deadline"})
    assert (calls[0].tool, row.status) == ("meraki_apply", "undone")
    assert_same(before, canonical(stage.sandbox.world))
    assert len(stage.writes()) == 2


async def test_a_server_that_stops_while_it_looks_what_stands_holds_the_networks_no_longer(tmp_path: Path) -> None:
    """Nothing is begun: the next server need not wait until the leases of that look run out."""
    async with later(tmp_path / "home", None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        done = await waiting(stage)
    async with serving(stage.sandbox) as base:
        settings = also(stage.settings, base_url=base)
        held = stage.sandbox.add_fault({"kind": "held", "method": "GET", "path": SSID, "count": 9})
        async with running(settings, channel="http", budget=FreeBudget(), clock=clock) as server:
            clock.advance(700)
            await wait_until(lambda: bool(held.used))
            assert len(await server.store.list(Lease, {"change_id": done["change_id"]})) == 1
        async with opened({"home": settings.home}) as local:
            assert list(await local.store.list(Lease)) == []
    assert len(stage.writes()) == 1


async def undone(server: Server, change_id: str) -> None:
    """The change is rolled back, as the store says: nobody calls a tool."""
    with anyio.fail_after(LONGEST_S):
        while True:
            change = await server.store.get(Change, change_id)
            if change is not None and change.state is ChangeState.ROLLED_BACK:
                return
            await anyio.sleep(0.02)


async def test_killed_between_apply_and_deadline_another_server_undoes_it_exactly_once(tmp_path: Path) -> None:
    """SIGKILL; the next server on the data directory begins after the deadline and nobody calls it."""
    home = tmp_path / "home"
    async with filled(home) as first:
        before = canonical(first.sandbox.world)
        done = await waiting(first, minutes=1)
        [server] = _servers(home)
        os.kill(server, signal.SIGKILL)
        assert len(first.writes()) == 1

        async with later(home, first.sandbox) as (second, clock):
            clock.advance(70)
            record = await until(second, done["change_id"], "rolled_back", "rollback_failed")
            assert (record["status"], record["residue"]) == ("rolled_back", [])
        async with later(home, first.sandbox) as (third, clock):
            clock.advance(300)
            await looks(third, clock)
            await until(third, done["change_id"], "rolled_back")
        assert [entry["method"] for entry in first.writes()] == ["PUT", "PUT"]
        assert_same(before, canonical(first.sandbox.world))


def _servers(home: Path) -> list[int]:
    """The processes that serve the data directory."""
    return [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit() and _serves(one, home)]


def _serves(place: Path, home: Path) -> bool:
    try:
        given = (place / "environ").read_bytes().split(b"\0")
        command = (place / "cmdline").read_bytes()
    except OSError:
        return False
    return f"MERAKI_SPECIALIST_HOME={home}".encode() in given and b"serve" in command


async def test_of_two_servers_at_one_deadline_exactly_one_undoes_it(tmp_path: Path) -> None:
    """Both see it pass at the same moment; the cloud sees one undo, the record one row."""
    home = tmp_path / "home"
    async with (
        later(home, None) as (one, first),  # type: ignore[arg-type]  # a sandbox of its own
        later(home, one.sandbox) as (two, second),
    ):
        before = canonical(one.sandbox.world)
        done = await waiting(one)
        held = one.sandbox.add_fault({"kind": "held", "operation": "getNetworkWirelessSsid"})
        for clock in (first, second):
            clock.advance(700)
        await wait_until(lambda: bool(held.used))
        for stage, clock in ((one, first), (two, second)):
            await looks(stage, clock)
        held.let_go()
        for stage in (one, two):
            assert (await until(stage, done["change_id"], "rolled_back"))["residue"] == []
        for stage, clock in ((one, first), (two, second)):
            clock.advance(120)
            await looks(stage, clock)
        assert len(one.writes()) == 2
        assert_same(before, canonical(one.sandbox.world))
        assert [row.status for row in await rows(one, "deadline")] == ["undone"]


async def test_a_cloud_that_cannot_be_read_at_the_deadline_delays_the_undo_and_no_more(tmp_path: Path) -> None:
    """Its leases are given up meanwhile, it can still be undone, and it is once the cloud answers again."""
    async with later(tmp_path / "home", None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        before = canonical(stage.sandbox.world)
        done = await waiting(stage)
        stage.sandbox.add_fault({"kind": "status", "status": 400, "operation": "getNetworkWirelessSsid", "count": 3})
        clock.advance(700)
        await recorded(stage, "duty", "failed")
        record = await until(stage, done["change_id"], "rolled_back", "rollback_failed")
        assert (record["status"], record["residue"]) == ("rolled_back", [])
        assert len(stage.writes()) == 2
        assert_same(before, canonical(stage.sandbox.world))
        await recorded(stage, "duty", "ok")


@dataclass
class Held:
    """The port MerakiApi in front of another; the first request of that method waits, and may then fail."""

    behind: Any
    method: str
    fails: bool = False
    came: anyio.Event = field(default_factory=anyio.Event)
    goes_on: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)

    async def read(self, request: Request, **how: Any) -> Reply:
        return await self._held("GET", self.behind.read(request, **how))

    async def write(self, request: Request) -> Reply:
        return await self._held("PUT", self.behind.write(request))

    async def wait_estimate_s(self, _organization_id: str, _calls: int) -> float:
        return 0.0

    async def _held(self, method: str, answer: Awaitable[Reply]) -> Reply:
        if method == self.method and not self.came.is_set():
            self.came.set()
            await self.goes_on.wait()
        reply = await answer
        if method == self.method and self.fails:
            raise Unreachable("by the test", sent=False)
        return reply

    def tender(self, server: Server, clock: ShiftedClock) -> Tender:
        """The duty of that server, in front of this."""

        def world() -> World:
            real = server.world()
            return replace(real, api=self, reads=SharedReads(self, real.catalogue, clock))

        return Tender(server.store, clock, world, server.means, server.changes)


async def test_who_looked_too_long_does_not_give_up_the_leases_of_who_undoes_it(tmp_path: Path) -> None:
    """Its reads outlast its lease, another server begins the undo, and then they fail: the network stays held."""
    home = tmp_path / "home"
    async with (
        later(home, None) as (one, first),  # type: ignore[arg-type]  # a sandbox of its own
        later(home, one.sandbox) as (two, second),
    ):
        done = await waiting(one)
        assert one.server is not None
        assert two.server is not None
        looks_long, undoes = Held(one.server.client, "GET", fails=True), Held(two.server.client, "PUT")

        async def looked_too_long(tender: Tender) -> None:
            with pytest.raises(Unreachable):
                await tender.tend()
            looks_long.ended.set()

        for stage, clock in ((one, first), (two, second)):
            assert stage.server is not None
            stage.server.upkeep.stop()
            clock.advance(700)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(looked_too_long, looks_long.tender(one.server, first))
            await looks_long.came.wait()
            second.advance(130)
            tasks.start_soon(undoes.tender(two.server, second).tend)
            await undoes.came.wait()
            looks_long.goes_on.set()
            await looks_long.ended.wait()
            undoes.goes_on.set()
        record = await until(two, done["change_id"], "rolled_back", "rollback_failed", "unknown")
        assert (record["status"], record["residue"]) == ("rolled_back", [])


@pytest.mark.parametrize("keeps_first", [True, False])
async def test_keeping_it_and_its_deadline_race_and_one_wins(tmp_path: Path, *, keeps_first: bool) -> None:
    """State, cloud and evidence agree on which."""
    home = tmp_path / "home"
    async with later(home, None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        done = await waiting(stage)
        clock.advance(590)
        answers: list[Payload] = []

        async def keeps() -> None:
            answers.append(await stage.call("meraki_apply", plan_id=done["plan_id"], keep=True))

        async with anyio.create_task_group() as tasks:
            if keeps_first:
                tasks.start_soon(keeps)
                await anyio.lowlevel.checkpoint()
            clock.advance(20)
            if not keeps_first:
                tasks.start_soon(keeps)
        record = await until(stage, done["change_id"], "applied", "rolled_back")
        [row] = await rows(stage, "deadline")
        name = stage.sandbox.world.get(SSID)["name"]
        if record["status"] == "applied":
            assert (row.status, name, answers[0]["status"], len(stage.writes())) == ("kept", "Recepção", "applied", 1)
        else:
            assert (row.status, answers[0]["status"], len(stage.writes())) == ("undone", "refused", 2)
            assert name != "Recepção"


@pytest.mark.parametrize("jump_s", [4 * 3600, -3600])
async def test_a_wall_clock_that_is_set_moves_the_deadline_along_and_is_on_record(
    tmp_path: Path, jump_s: float
) -> None:
    """Four hours forward undo nothing early, one hour back keeps nothing longer than the ten minutes."""
    async with later(tmp_path / "home", None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        done = await waiting(stage)
        due = (await deadline_of(stage, done["change_id"])).due_at
        clock.jump(jump_s)
        clock.advance(300)
        jumps = await recorded(stage, "clock", "anchored")
        assert [round(row.detail["jumped_s"]) for row in jumps] == [jump_s]
        moved = (await deadline_of(stage, done["change_id"])).due_at - due
        assert abs(moved.total_seconds() - jump_s) < 1
        assert (await stage.call("history", change_id=done["change_id"]))["change"]["status"] == "pending_keep"
        clock.advance(310)
        await until(stage, done["change_id"], "rolled_back")


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten_and_a_person_decides(tmp_path: Path) -> None:
    """Past the deadline nothing is written; history and health_check name the field; the person keeps it."""
    async with later(tmp_path / "home", None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        done = await waiting(stage)
        stage.sandbox.edit(SSID, {"minBitrate": 24})
        sent = len(stage.writes())
        clock.advance(700)
        await recorded(stage, "deadline", "stopped")
        clock.advance(700)
        await looks(stage, clock)
        change = (await stage.call("history", change_id=done["change_id"]))["change"]
        assert (change["status"], change["confirm"]["state"]) == ("pending_keep", "stopped")
        assert any("minBitrate" in one for one in change["confirm"]["changed_by_others"])
        [listed] = (await stage.call("health_check"))["server"]["waiting_to_be_kept"]
        assert listed["person_decides"]
        assert len(stage.writes()) == sent
        kept = await stage.call("meraki_apply", plan_id=done["plan_id"], keep=True)
        assert kept["status"] == "applied"
        assert stage.sandbox.world.get(SSID)["name"] == "Recepção"


async def test_a_network_that_gets_worse_while_it_waits_is_put_back_at_once(tmp_path: Path) -> None:
    """Somebody shuts the port behind which the reception lies: it is not kept, and undone long before the deadline."""
    async with later(tmp_path / "home", None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        done = await waiting(stage)
        stage.sandbox.world.settle_s = 0.0
        assert stage.sandbox.world.perform is not None
        stage.sandbox.world.perform("PUT", f"/devices/{CORE}/switch/ports/51", {"enabled": False})
        kept = await stage.call("meraki_apply", plan_id=done["plan_id"], keep=True)
        assert (kept["status"], kept.get("error", {}).get("code")) == ("refused", "health_gate")
        clock.advance(120)
        record = await until(stage, done["change_id"], "rolled_back")
        assert record["failure"]["code"] == "health_gate"


async def test_a_change_that_waits_can_be_taken_back_by_hand(tmp_path: Path) -> None:
    """As a whole, not in part; the deadline does not make again what came back under a new id."""
    async with later(tmp_path / "home", None) as (stage, clock):  # type: ignore[arg-type]  # a sandbox of its own
        done = await waiting(stage, step("deleteNetworkGroupPolicy", networkId=NET, groupPolicyId="101"))
        part = await stage.call("rollback", change_id=done["change_id"], steps=[1])
        assert part["error"]["code"] == "waits_to_be_kept"
        back = await confirmed(stage, "rollback", change_id=done["change_id"])
        assert back["status"] == "rolled_back", back
        sent = len(stage.writes())
        clock.advance(700)
        await looks(stage, clock)
        assert (await deadline_of(stage, done["change_id"])).state == "undone"
        assert len(stage.writes()) == sent
        change = (await stage.call("history", change_id=done["change_id"]))["change"]
        assert (change["status"], change["rolled_back_by"]) == ("applied", back["change_id"])


async def test_what_cannot_be_undone_cannot_wait_and_the_two_arguments_exclude_each_other(stage: Stage) -> None:
    """Refused before anybody is asked."""
    reboot = {**step("rebootDevice", serial=CORE), "irreversible": True}
    plan = await planned(stage, reboot)
    lost = await stage.call("meraki_apply", plan_id=plan["plan_id"], confirm_within_minutes=10)
    other = await planned(stage, RENAMED)
    both = await stage.call("meraki_apply", plan_id=other["plan_id"], confirm_within_minutes=10, keep=True)
    nothing = await stage.call("meraki_apply", plan_id=other["plan_id"], keep=True)
    codes = [one["error"]["code"] for one in (lost, both, nothing)]
    assert codes == ["not_undoable", "contradicting_arguments", "not_waiting"]
    assert (stage.asked, stage.writes()) == ([], [])
