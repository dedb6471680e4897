"""The engine when something of its own breaks: the server lives on, the change has an end, and no lease stays."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mcp_server.assembly import Server, running
from mcp_server.call_path import Parts, handle
from mcp_server.changes.carry_out import Report
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Answer, Json, ToolCall
from mcp_server.domain.ports import Append, Put, Reply, Request, StoreWrite
from mcp_server.domain.record import AuditEntry, Change, ChangeStep, Lease, Session
from mcp_server.errors import OutcomeUnknown, RecordConflict, Rejected, StoreUnavailable
from mcp_server.settings import load
from mcp_server.world import World
from tests.support.longest import LONGEST_S
from tests.support.places import NET
from tests.support.stage import QUICK, FreeBudget
from tests.support.story import step

SSID = step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1")
SECOND = step("updateNetworkWirelessSsid", {"name": "Y"}, networkId=NET, number="2")


@dataclass
class Api:
    """The port MerakiApi in front of another; each write goes through ``on_write``."""

    behind: Any
    on_write: Callable[[Any, Request], Awaitable[Reply]]

    async def write(self, request: Request) -> Reply:
        """As ``on_write`` says."""
        return await self.on_write(self.behind, request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


@dataclass
class Watched:
    """The port Store in front of another; ``before_commit`` sees what is about to be written, and may raise."""

    behind: Any
    before_commit: Callable[[list[str]], Awaitable[None]]

    async def commit(self, *writes: StoreWrite) -> Any:
        """As the one behind, once ``before_commit`` let it."""
        entries = [write.entry for write in writes if isinstance(write, Append)]
        await self.before_commit([f"{entry.event} {entry.status}" for entry in entries])
        return await self.behind.commit(*writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)


def failing(told: str, error: Exception, times: int = 99) -> Callable[[Any], Watched]:
    """A store whose commits that tell such an event fail."""
    left = [error] * times

    async def before_commit(events: list[str]) -> None:
        if any(event.startswith(told) for event in events) and left:
            raise left.pop()

    return lambda real: Watched(real, before_commit)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server in front of the simulated cloud."""
    settings = load({}, overrides={**QUICK, "home": tmp_path / "home"})
    async with running(settings, sandbox=True, budget=FreeBudget()) as one:
        yield one


def _with(server: Server, **ports: Callable[[Any], Any]) -> Parts:
    """The server's parts in a world in which those ports are replaced."""

    def world() -> World:
        real = server.world()
        others: dict[str, Any] = {name: make(getattr(real, name)) for name, make in ports.items()}
        return replace(real, **others)

    return replace(server.parts, world=world)


async def _call(
    server: Server, parts: Parts, tool: str, report: Report | None = None, **arguments: Json
) -> Mapping[str, Json]:
    """The answer of a call; a question is answered with yes."""
    call_id = server.ids.new("call")
    call = ToolCall(call_id, tool, arguments, Actor("ana", "stdio"), call_id, can_ask=True)
    call = replace(call, report=report)
    result = await handle(parts, call)
    if result.asking is not None:
        code = result.asking.text.split(" plan ", 1)[1].split(" ", 1)[0]
        yes = Answer("accept", {"approve": True, "code": code})
        result = await handle(parts, replace(call, state=result.asking.state, answer=yes))
    return result.payload


async def _plan_id(server: Server, *operations: Json) -> str:
    plan = await _call(server, server.parts, "meraki_plan", operations=list(operations), intent="tried")
    assert plan["status"] == "ok", plan
    return str(plan["plan_id"])


async def _settled(server: Server, state: str) -> None:
    """The one change on record is in that state, and holds no lease."""
    assert [change.state.value for change in await server.store.list(Change)] == [state]
    assert await server.store.list(Lease) == []


async def test_a_fault_of_our_own_while_writing_leaves_the_server_alive_and_the_change_in_doubt(server: Server) -> None:
    """Whether the write left is not known, so that is what is said; the network is free for the next change."""

    async def breaks(_behind: Any, _request: Request) -> Reply:
        raise KeyError("bug")

    plan_id = await _plan_id(server, SSID)
    done = await _call(server, _with(server, api=lambda real: Api(real, breaks)), "meraki_apply", plan_id=plan_id)
    assert (done["status"], done["error"]["code"]) == ("unknown", "internal_error")
    await _settled(server, "in_doubt")
    again = await _plan_id(server, SECOND)
    assert (await _call(server, server.parts, "meraki_apply", plan_id=again))["status"] == "applied"


async def test_a_store_that_fails_at_the_intent_means_that_nothing_was_sent(server: Server) -> None:
    """No record, no write; the change ends as failed."""
    sent: list[str] = []

    async def noted(behind: Any, request: Request) -> Reply:
        sent.append(request.path)
        reply: Reply = await behind.write(request)
        return reply

    parts = _with(server, api=lambda real: Api(real, noted), store=failing("intent", StoreUnavailable("by the test")))
    done = await _call(server, parts, "meraki_apply", plan_id=await _plan_id(server, SSID))
    assert (done["status"], done["error"]["code"], sent) == ("failed", "store_unavailable", [])
    await _settled(server, "failed")


async def test_a_lost_lease_stops_the_change_before_the_write(server: Server) -> None:
    """Another holder took the network over: the fence is checked with the intent, and nothing is sent."""
    parts = _with(server, store=failing("intent", RecordConflict("lease")))
    done = await _call(server, parts, "meraki_apply", plan_id=await _plan_id(server, SSID))
    assert (done["status"], done["error"]["code"]) == ("failed", "record_conflict")
    await _settled(server, "failed")


async def test_leases_that_are_being_taken_are_not_kept_yet(server: Server) -> None:
    """The duty that keeps leases comes in the moment in which a change takes its own: it hurts neither of them."""
    looked: list[int] = []

    async def kept(events: list[str]) -> None:
        if "state applying" in events:
            looked.append(len(server.parts.changes.under_way()))
            await server.recovery.keep_leases()

    parts = _with(server, store=lambda real: Watched(real, kept))
    done = await _call(server, parts, "meraki_apply", plan_id=await _plan_id(server, SSID))
    assert (done["status"], looked) == ("applied", [1])


async def test_a_change_that_begins_while_the_recovery_looks_is_not_taken_for_one_left_behind(server: Server) -> None:
    """It was not under way when the look began, and stands open in the store when the look ends."""
    written, released = anyio.Event(), anyio.Event()
    answers: list[Mapping[str, Json]] = []

    async def held(behind: Any, request: Request) -> Reply:
        written.set()
        await released.wait()
        reply: Reply = await behind.write(request)
        return reply

    parts = _with(server, api=lambda real: Api(real, held))
    plan_id = await _plan_id(server, SSID)
    async with anyio.create_task_group() as tasks:

        @dataclass
        class Slow:
            """The port Store, whose first list waits until the change is under way."""

            behind: Any

            async def list(self, *asked: Any, **how: Any) -> Any:
                if not written.is_set():
                    tasks.start_soon(_call_into, answers, server, parts, plan_id)
                    await written.wait()
                return await self.behind.list(*asked, **how)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.behind, name)

        with anyio.fail_after(LONGEST_S):
            await replace(server.recovery, world=_with(server, store=Slow).world).go_on()
        released.set()
    assert [answer["status"] for answer in answers] == ["applied"]


async def test_a_change_that_is_refused_while_the_server_ends_is_not_waited_for(server: Server) -> None:
    """Another one was first, at the very end: the call is answered, and the server comes to its end."""
    at_the_door, open_door = anyio.Event(), anyio.Event()

    async def before_commit(events: list[str]) -> None:
        if "state applying" in events:
            at_the_door.set()
            await open_door.wait()
            raise RecordConflict("lease")

    parts = _with(server, store=lambda real: Watched(real, before_commit))
    plan_id = await _plan_id(server, SSID)
    answers: list[Mapping[str, Json]] = []
    with anyio.fail_after(LONGEST_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_call_into, answers, server, parts, plan_id)
            await at_the_door.wait()
            tasks.start_soon(server.changes.finish)
            await anyio.lowlevel.checkpoint()
            open_door.set()
    assert [answer["error"]["code"] for answer in answers] == ["plan_moved"]


async def test_the_leases_of_a_change_that_has_ended_are_not_moved_on(tmp_path: Path) -> None:
    """In doubt, it keeps its networks until its write can no longer arrive: the duty that keeps leases ends later."""

    async def lost(_behind: Any, _request: Request) -> Reply:
        raise OutcomeUnknown("no answer", sent=True)

    settings = load({}, overrides={**QUICK, "home": tmp_path / "home", "late_s": 120.0})
    async with running(settings, sandbox=True, budget=FreeBudget()) as server:

        class Ended:
            """The port Store; right behind the end of the change comes the duty that keeps leases."""

            def __init__(self, behind: Any) -> None:
                self.behind = behind

            async def commit(self, *writes: StoreWrite) -> Any:
                receipts = await self.behind.commit(*writes)
                if any(isinstance(one, Append) and one.entry.status == "in_doubt" for one in writes):
                    await server.recovery.keep_leases()
                return receipts

            def __getattr__(self, name: str) -> Any:
                return getattr(self.behind, name)

        parts = _with(server, api=lambda real: Api(real, lost), store=Ended)
        done = await _call(server, parts, "meraki_apply", plan_id=await _plan_id(server, SSID))
        assert done["status"] == "unknown"
        [change] = await server.store.list(Change)
        [lease] = await server.store.list(Lease)
        assert change.ended_at is not None
        assert lease.until - change.ended_at <= timedelta(seconds=120)


async def test_a_caller_that_leaves_when_the_change_has_ended_does_not_take_its_record_along(server: Server) -> None:
    """The connection breaks while the hooks behind the change are at work: all of them come to their end."""
    plan_id = await _plan_id(server, SSID)
    scope = anyio.CancelScope()

    class Leaves:
        """The port Store; when the change's record is to be written, its caller goes away."""

        def __init__(self, behind: Any) -> None:
            self.behind = behind

        async def commit(self, *writes: StoreWrite) -> Any:
            records = [one.record for one in writes if isinstance(one, Put) and isinstance(one.record, Change)]
            if any("recorded_in" in record.result for record in records):
                assert not server.changes.under_way()
                scope.cancel()
            return await self.behind.commit(*writes)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.behind, name)

    with scope:
        await _call(server, _with(server, store=Leaves), "meraki_apply", plan_id=plan_id)
    [change] = await server.store.list(Change)
    assert (change.state.value, change.result.get("change_id")) == ("applied", change.key)
    [session] = await server.store.list(Session)
    assert (session.changes_count, len(session.changelog)) == (1, 1)


async def test_a_caller_that_leaves_while_its_change_is_kept_leaves_the_whole_record(server: Server) -> None:
    """The yes is on its way to the disk: it counts, and what comes behind a change comes behind it too."""
    plan_id = await _plan_id(server, SSID)
    waits = await _call(server, server.parts, "meraki_apply", plan_id=plan_id, confirm_within_minutes=5)
    assert waits["status"] == "pending_keep"
    scope = anyio.CancelScope()

    async def leaves(events: list[str]) -> None:
        if "deadline kept" in events:
            scope.cancel()
            await anyio.lowlevel.checkpoint()

    parts = _with(server, store=lambda real: Watched(real, leaves))
    with scope:
        await _call(server, parts, "meraki_apply", plan_id=plan_id, keep=True)
    [change] = await server.store.list(Change)
    assert (change.state.value, change.result["recorded_in"]) == ("applied", "applied")


async def test_a_caller_that_cannot_be_told_of_the_last_step_loses_nothing_either(server: Server) -> None:
    """The connection breaks while it is told, and the change has ended meanwhile."""

    async def broken(_done: float, _total: float | None, _message: str) -> None:
        for run in server.changes.under_way():
            await run.done.wait()
        raise OSError("connection lost")

    plan_id = await _plan_id(server, SSID)
    answer = await _call(server, server.parts, "meraki_apply", broken, plan_id=plan_id)
    assert answer["error"]["code"] == "internal_error"
    [change] = await server.store.list(Change)
    assert (change.state.value, change.result.get("change_id")) == ("applied", change.key)


@pytest.mark.parametrize("told", ["outcome applied", "state verifying", "state applied"])
async def test_a_store_that_fails_after_the_write_leaves_the_change_in_doubt(server: Server, told: str) -> None:
    """Written and not on record: unknown, never applied; the lease is given back as soon as the store works."""
    parts = _with(server, store=failing(told, StoreUnavailable("by the test"), times=1))
    done = await _call(server, parts, "meraki_apply", plan_id=await _plan_id(server, SSID))
    assert (done["status"], done["error"]["code"]) == ("unknown", "store_unavailable")
    await _settled(server, "in_doubt")


@pytest.mark.parametrize("told", ["state partial", "state rolling_back", "intent intent", "state rolled_back"])
async def test_a_store_that_fails_while_undoing_is_told_as_it_stands(server: Server, told: str) -> None:
    """Step 2 fails and the undo of step 1 cannot be put on record: no undo is claimed, and the recovery ends it."""

    async def second_fails(behind: Any, request: Request) -> Reply:
        if request.path.endswith("ssids/2"):
            parts_store.append("failing")
            raise Rejected("no", sent=True, status=400)
        reply: Reply = await behind.write(request)
        return reply

    parts_store: list[str] = []
    error = [StoreUnavailable("by the test")]

    async def before_commit(events: list[str]) -> None:
        if parts_store and error and told in events:
            raise error.pop()

    parts = _with(server, api=lambda real: Api(real, second_fails), store=lambda real: Watched(real, before_commit))
    done = await _call(server, parts, "meraki_apply", plan_id=await _plan_id(server, SSID, SECOND))
    assert not error
    first = {"state partial": "unknown", "state rolling_back": "partial_success"}
    assert done["status"] == first.get(told, "applying"), done
    await server.recovery.go_on()
    for run in server.changes.under_way():
        await run.done.wait()
    await _settled(server, "rolled_back")
    [undone] = [one for one in await server.store.list(ChangeStep, {}) if one.phase == "undo"]
    intents = [one for one in await server.store.list(AuditEntry, {"event": "intent"}) if one.detail["phase"] == "undo"]
    assert (undone.state, len(intents)) == ("applied", 1)


async def test_when_nothing_can_be_recorded_any_more_the_answer_still_says_what_is_so(server: Server) -> None:
    """The store is gone after the write for good: unknown is told, and the server takes the next call."""
    gone: list[bool] = []

    async def then_gone(behind: Any, request: Request) -> Reply:
        gone.append(True)
        reply: Reply = await behind.write(request)
        return reply

    async def before_commit(_events: list[str]) -> None:
        if gone:
            raise StoreUnavailable("by the test")

    parts = _with(server, api=lambda real: Api(real, then_gone), store=lambda real: Watched(real, before_commit))
    done = await _call(server, parts, "meraki_apply", plan_id=await _plan_id(server, SSID))
    assert (done["status"], done["error"]["code"]) == ("unknown", "store_unavailable")
    assert (await _call(server, server.parts, "history"))["status"] == "ok"


async def test_one_of_two_callers_that_goes_away_does_not_cancel_the_change_of_the_other(server: Server) -> None:
    """The same apply asked twice: the first leaves before the write, the second still gets its change."""
    at_the_door, open_door = anyio.Event(), anyio.Event()

    async def before_commit(events: list[str]) -> None:
        if "intent intent" in events:
            at_the_door.set()
            await open_door.wait()

    parts = _with(server, store=lambda real: Watched(real, before_commit))
    plan_id = await _plan_id(server, SSID)
    answers: list[Mapping[str, Json]] = []

    async def ask(scope: anyio.CancelScope) -> None:
        with scope:
            answers.append(await _call(server, parts, "meraki_apply", plan_id=plan_id))

    first, second = anyio.CancelScope(), anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, first)
        await at_the_door.wait()
        (run,) = server.changes.under_way()
        tasks.start_soon(ask, second)
        while run.followers < 2:
            await anyio.lowlevel.checkpoint()
        first.cancel()
        while run.followers > 1:
            await anyio.lowlevel.checkpoint()
        open_door.set()
    assert [one["status"] for one in answers] == ["applied"]


async def test_a_caller_that_looks_and_leaves_does_not_cancel_what_goes_on_without_it(server: Server) -> None:
    """The first was told that the change goes on; whoever looks again may go away at any time."""
    at_the_door, open_door = anyio.Event(), anyio.Event()

    async def before_commit(events: list[str]) -> None:
        if "intent intent" in events:
            at_the_door.set()
            await open_door.wait()

    parts = _with(server, store=lambda real: Watched(real, before_commit))
    plan_id = await _plan_id(server, SSID)
    second = anyio.CancelScope()

    async def look() -> None:
        with second:
            await _call(server, parts, "meraki_apply", plan_id=plan_id)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_call_into, [], server, parts, plan_id)
        await at_the_door.wait()
        (run,) = server.changes.under_way()
        run.is_detached = True  # as after 45 s
        tasks.start_soon(look)
        while run.followers < 2:
            await anyio.lowlevel.checkpoint()
        second.cancel()
        while run.followers > 1:
            await anyio.lowlevel.checkpoint()
        open_door.set()
    await _settled(server, "applied")


async def test_a_caller_that_cannot_be_told_of_progress_does_not_stop_its_change(server: Server) -> None:
    """The connection broke: that call fails, the change goes on to its end, and its record is written."""

    async def broken(_done: float, _total: float | None, _message: str) -> None:
        raise OSError("connection lost")

    plan_id = await _plan_id(server, SSID)
    answer = await _call(server, server.parts, "meraki_apply", broken, plan_id=plan_id)
    assert answer["error"]["code"] == "internal_error"
    for run in server.changes.under_way():
        await run.done.wait()
    (change,) = await server.store.list(Change)
    assert (change.state.value, change.result["change_id"]) == ("applied", change.key)


async def _call_into(answers: list[Mapping[str, Json]], server: Server, parts: Parts, plan_id: str) -> None:
    answers.append(await _call(server, parts, "meraki_apply", plan_id=plan_id))
