"""A server that is killed in the middle of a change: the next one settles by reading and brings it to a safe end."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_server.assembly import running
from mcp_server.cli.local import opened
from mcp_server.domain.actor import Actor
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Put
from mcp_server.domain.record import AuditEntry, Change, ChangeStep, Lease
from tests.support.approving import approve
from tests.support.crashing import Crash, about_to_crash, ended, resume
from tests.support.fake_clock import ShiftedClock
from tests.support.longest import LONGEST_S
from tests.support.places import CORE, NET, ORG
from tests.support.stage import FreeBudget, also
from tests.support.story import step

S = ChangeState
ONE = step("updateNetworkWirelessSsid", {"name": "Um"}, networkId=NET, number="1")
TWO = step("updateNetworkWirelessSsid", {"name": "Dois"}, networkId=NET, number="2")

OTHER = step("updateNetworkWirelessSsid", {"name": "Outro"}, networkId=NET, number="3")


@pytest.fixture
async def crash(tmp_path: Path) -> AsyncIterator[Crash]:
    """A plan of two steps, approved."""
    async with about_to_crash(tmp_path, ONE, TWO) as made:
        yield made


def sent(crash: Crash) -> list[str]:
    """What the cloud was asked to write, in its order."""
    return [entry["body"]["name"] for entry in crash.stage.writes()]


@pytest.mark.parametrize(
    ("point", "end", "writes"),
    [
        ("K4", S.FAILED, []),
        ("K6", S.FAILED, []),
        ("K7", S.ROLLED_BACK, ["Um", "Visitantes"]),
        ("K6@2", S.ROLLED_BACK, ["Um", "Visitantes"]),
        ("K7@2", S.APPLIED, ["Um", "Dois"]),
    ],
)
async def test_a_killed_change_comes_to_a_safe_end(
    crash: Crash, point: str, end: ChangeState, writes: list[str]
) -> None:
    """Nothing took effect, or what was done is undone, or it was whole; and no write is sent twice."""
    await crash.killed(point)
    change, steps = await crash.recovered()
    assert (change.state, sent(crash)) == (end, writes)
    assert crash.is_as_before() == (end is not S.APPLIED)
    assert not [one for one in steps if one.state in ("intent", "unknown")]


async def test_a_server_that_has_just_begun_counts_what_it_reads_for_the_organization_of_the_change(
    tmp_path: Path,
) -> None:
    """Whose a device is it has not learned yet; what it reads must not go beside the shared budget."""

    class Noting(FreeBudget):
        async def reserve(self, organization_id: str, calls: int = 1, *, longest_s: float = 0.0) -> float:
            asked.add(organization_id)
            return await super().reserve(organization_id, calls, longest_s=longest_s)

    asked: set[str] = set()
    port = step("updateDeviceSwitchPort", {"name": "Um"}, serial=CORE, portId="3")
    async with about_to_crash(tmp_path, port, ONE) as crash:
        await crash.killed("K7")
        async with running(crash.settings, channel="http", budget=Noting()) as server:
            await ended(server)
        assert crash.is_as_before()
    assert asked == {ORG}


async def test_a_change_is_finished_where_the_operator_wants_that(tmp_path: Path) -> None:
    """What is left is carried out like the rest; what is done is not done again."""
    async with about_to_crash(tmp_path, ONE, TWO, recovery="finish") as crash:
        await crash.killed("K7")
        change, _ = await crash.recovered()
        assert (change.state, sent(crash)) == (S.APPLIED, ["Um", "Dois"])


async def test_nothing_is_written_any_more_when_the_last_step_is_too_long_ago(tmp_path: Path) -> None:
    """People may have put things right: a person is told what stands, and the command that takes it back."""
    async with about_to_crash(tmp_path, ONE, TWO, recover_minutes=0.0) as crash:
        await crash.killed("K6@2")
        change, steps = await crash.recovered()
        assert (change.state, sent(crash)) == (S.PARTIAL, ["Um"])
        assert change.ended_at is not None
        assert change.result["next_command"].endswith(f"rollback {change.key}")
        assert {one.number: one.state for one in steps} == {1: "applied", 2: "not_applied"}


async def test_nothing_is_written_when_the_clock_was_set_back_behind_the_last_step(crash: Crash) -> None:
    """Nobody can tell how long ago it was: a person decides."""
    await crash.killed("K6@2")
    clock = ShiftedClock()
    clock.jump(-3600)
    async with running(crash.settings, channel="http", budget=FreeBudget(), clock=clock) as server:
        await ended(server)
        [change] = await server.store.list(Change, {})
    assert (change.state, sent(crash)) == (S.PARTIAL, ["Um"])


@pytest.mark.parametrize(("comes", "end"), [(False, S.FAILED), (True, S.ROLLED_BACK)])
async def test_a_write_that_may_be_on_its_way_when_its_server_is_killed_is_not_called_not_applied(
    crash: Crash, *, comes: bool, end: ChangeState
) -> None:
    """Nobody knows whether it left: in doubt, its network held, until it has come or can no longer."""
    await crash.killed("K6")
    begun = datetime.now(UTC)
    async with crash.server(late_s=120.0) as server:
        [change] = await server.store.list(Change, {})
        [step_] = await server.store.list(ChangeStep, {})
        [lease] = await server.store.list(Lease, {"change_id": change.key})
        assert (change.state, step_.state) == (S.IN_DOUBT, "unknown")
        assert begun < lease.until - timedelta(seconds=120) < server.clock.now()
    if comes:
        crash.sandbox.edit(f"/networks/{NET}/wireless/ssids/1", {"name": "Um"})
    async with crash.server(late_s=120.0 if comes else 0.0, recover_every_s=0.05) as server:
        with anyio.fail_after(LONGEST_S):
            while change.state is not end:
                await anyio.sleep(0.02)
                [change] = await server.store.list(Change, {})
        assert list(await server.store.list(Lease)) == []
    assert crash.is_as_before()


@pytest.mark.parametrize("point", ["R1", "R2", "R3", "K6", "K7", "K10"])
async def test_a_recovery_that_is_killed_itself_is_gone_on_with(crash: Crash, point: str) -> None:
    """The undo is written once, whichever of the two did it."""
    await crash.killed("K7")
    await crash.killed(point, recovering=True)
    change, _ = await crash.recovered()
    assert (change.state, sent(crash)) == (S.ROLLED_BACK, ["Um", "Visitantes"])
    assert crash.is_as_before()


async def test_a_change_that_somebody_else_touched_meanwhile_is_left_to_a_person(crash: Crash) -> None:
    """Neither as before nor as planned: nothing is overwritten, and the person is named the command."""
    await crash.killed("K7")
    crash.sandbox.edit(f"/networks/{NET}/wireless/ssids/1", {"name": "Lounge"})
    async with crash.server() as server:
        [change] = await server.store.list(Change, {})
        assert (change.state, sent(crash)) == (S.IN_DOUBT, ["Um"])
        assert f"resolve {change.key} --as" in change.result["next_command"]
        [alert] = await server.store.list(AuditEntry, {"event": "alert"})
        assert (alert.status, alert.change_id) == ("in_doubt", change.key)
        assert list(await server.store.list(Lease)) == []


@pytest.mark.parametrize(
    ("point", "code", "end"),
    [
        ("K7@2", "store_unavailable", S.APPLIED),
        ("K11", "store_unavailable", S.APPLIED),
        ("K11", "internal", S.IN_DOUBT),
    ],
)
async def test_a_change_that_ended_in_doubt_because_the_store_failed_once_is_gone_on_with(
    crash: Crash, point: str, code: str, end: ChangeState
) -> None:
    """A write whose outcome was not kept is read back; one whose end alone was not kept is looked at; else a person."""
    await crash.killed(point)
    async with opened({"home": crash.settings.home, "profile": "solo"}) as local:
        [change] = await local.store.list(Change, {})
        doubted = replace(change, state=S.IN_DOUBT, ended_at=local.clock.now(), result={"failure": {"code": code}})
        await local.store.commit(Put(doubted, {"state": change.state}))
    async with running(crash.settings, channel="http", budget=FreeBudget()) as server:
        await server.recovery.go_on()
        with anyio.fail_after(LONGEST_S):
            while server.changes.under_way():  # noqa: ASYNC110  the engine sets no event
                await anyio.sleep(0.02)
        [change] = await server.store.list(Change, {})
    assert (change.state, sent(crash)) == (end, ["Um", "Dois"])


async def test_a_change_that_cannot_be_gone_on_with_is_named_with_why(crash: Crash) -> None:
    """health_check tells the duty that fails and the change that is left; once the cloud answers, both are gone."""
    await crash.killed("K7")
    crash.sandbox.faults.add({"kind": "status", "status": 503, "path": f"/organizations/{ORG}", "count": 99})
    quick = {"retry_server_tries": 1, "recover_every_s": 0.1}
    async with running(also(crash.settings, **quick), channel="http", budget=FreeBudget()) as server:
        asked = partial(server.host.new_call, "health_check", {}, Actor("anonymous", "http"))
        with anyio.fail_after(LONGEST_S):
            while "left_behind" not in (seen := (await server.host.handle(asked())).payload["server"]):  # noqa: ASYNC110  told when asked
                await anyio.sleep(0.02)
        [change] = await server.store.list(Change, {})
        why = "The Meraki cloud gave no usable answer; what happened is not known."
        assert seen["left_behind"] == [{"change_id": change.key, "why": why}]
        assert [(one["duty"], one["state"], one["why"]) for one in seen["duties"]] == [("recovery", "failing", why)]
        crash.sandbox.faults.clear()
        await ended(server)
        with anyio.fail_after(LONGEST_S):
            while server.upkeep.troubles():  # noqa: ASYNC110  as above
                await anyio.sleep(0.02)
        after = (await server.host.handle(asked())).payload["server"]
        assert not {"duties", "left_behind"} & set(after)


async def test_no_server_goes_on_with_a_change_whose_owner_lives(crash: Crash) -> None:
    """However long it stands still; once it moves again it ends its change itself."""
    async with crash.started("K7:stop", crash.plan_id) as process:
        with anyio.fail_after(LONGEST_S):
            while "K7" not in crash.reached():  # noqa: ASYNC110  another process writes the file
                await anyio.sleep(0.02)
        async with running(crash.settings, channel="http", budget=FreeBudget()) as server:
            await server.recovery.go_on()
            [change] = await server.store.list(Change, {})
            assert (change.state, sent(crash)) == (S.APPLYING, ["Um"])
        resume(process)
        with anyio.fail_after(LONGEST_S):
            assert await process.wait() == 0
    assert sent(crash) == ["Um", "Dois"]


async def test_no_change_is_begun_where_the_owner_of_another_lives_though_its_lease_ran_out(crash: Crash) -> None:
    """A server that stood still may have a write on its way; the second plan waits, and finds what the first left."""
    clock = ShiftedClock()
    async with running(crash.settings, channel="http", budget=FreeBudget(), clock=clock) as server:

        async def call(tool: str, **arguments: Any) -> Any:
            asked = server.host.new_call(tool, arguments, Actor("anonymous", "http"))
            return (await server.host.handle(asked)).payload

        plan = await call("meraki_plan", operations=[OTHER], intent="at the same time")
        await approve(crash.settings.home, plan["plan_id"])
        async with crash.started("K6:stop", crash.plan_id) as process:
            with anyio.fail_after(LONGEST_S):
                while "K6" not in crash.reached():  # noqa: ASYNC110  another process writes the file
                    await anyio.sleep(0.02)
            clock.advance(10 * crash.settings.lease_s)
            busy = await call("meraki_apply", plan_id=plan["plan_id"])
            assert (busy["status"], sent(crash)) == ("busy", [])
            assert "ran out at" in busy["error"]["message"]
            assert "taken over as soon as" in busy["error"]["remedy"]
            assert busy["error"]["details"]["ran_out_at"] < clock.now().isoformat()
            assert "until" not in busy["error"]["details"]
            resume(process)
            with anyio.fail_after(LONGEST_S):
                assert await process.wait() == 0
        assert (await call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"
    assert sent(crash) == ["Um", "Dois", "Outro"]


async def evidence(crash: Crash, **where: Any) -> list[str]:
    """Event and status of the rows of evidence, oldest first."""
    async with crash.server() as server:
        rows = await server.store.list(AuditEntry, where)
    return [f"{row.event} {row.status}" for row in reversed(rows)]


async def test_every_move_of_a_recovery_is_on_record(crash: Crash) -> None:
    """Taken over, in doubt, reconciled, undone: each a row, each intent with one outcome."""
    await crash.killed("K7")
    change, _ = await crash.recovered()
    rows = [row for row in await evidence(crash, change_id=change.key) if not row.startswith("call")]
    assert rows == [
        "state applying", "intent intent", "recovery taken_over", "state in_doubt", "outcome applied", "state partial",
        "state rolling_back", "intent intent", "outcome applied", "state rolled_back",
    ]  # fmt: skip
