"""Attempts, outcomes and a world for the tests of the post-task hooks."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Attempt, Effect, ToolCall
from mcp_server.domain.change_state import STATUS, ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.record import StoredPlan
from mcp_server.inventory import Inventory
from mcp_server.world import Limits, World
from tests.support.fake_clock import START, FakeClock, FakeIds
from tests.support.memory_store import MemoryStore
from tests.support.records import a_change, a_change_step, a_plan, a_step

ANA = Actor("Ana@example.com", "stdio", "assistant")


def a_world(store: MemoryStore | None = None, locale: str = "en", clock: FakeClock | None = None) -> World:
    """A world with a store, a clock and names; post-task hooks need no more."""
    nothing, clock = cast("Any", None), clock or FakeClock()
    return World(
        reads=nothing,
        catalogue=nothing,
        overlay=nothing,
        inventory=Inventory(nothing, nothing, clock),
        store=store or MemoryStore(),
        api=nothing,
        clock=clock,
        ids=FakeIds(),
        limits=Limits(locale=locale),
    )


def an_attempt(tool: str = "meraki_apply", actor: Actor = ANA) -> Attempt:
    """A call of that tool."""
    call = ToolCall("call-1", tool, {}, actor, "corr-1")
    return Attempt(call, Effect.CHANGE, {})


def planned(state: ChangeState = ChangeState.PLANNED, status: str = "ok", **parts: Any) -> Outcome:
    """An outcome with a plan that is not applied yet."""
    return replace(Outcome(status, "planned", plan=a_plan(state=state)), **parts)


def changed(state: ChangeState = ChangeState.APPLIED, key: str = "CHG-1", steps: int = 1, **parts: Any) -> Outcome:
    """An outcome of a change in that state."""
    stored = a_plan(steps=steps, state=state)
    change = a_change(key, state=state, ended_at=START + timedelta(seconds=3), session_id="")
    done = tuple(
        a_change_step(f"{key}/apply/{number}", change_id=key, number=number, verified={"matches": True})
        for number in range(1, steps + 1)
    )
    return replace(Outcome(STATUS[state], "done", plan=stored, change=change, steps=done), **parts)


def many_targets(count: int) -> StoredPlan:
    """A plan of one operation over so many SSIDs."""
    stored = a_plan()
    steps = tuple(a_step(number, path=f"/networks/N_1/wireless/ssids/{number}") for number in range(1, count + 1))
    return replace(stored, plan=replace(stored.plan, steps=steps))
