"""Post-task step 4 keeps what a caller changed, for as long as the session lasts."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mcp_server.domain.actor import Actor
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Session
from mcp_server.errors import RecordConflict
from mcp_server.hooks.post.update_session import update_session
from mcp_server.hooks.session import MODIFIED_KEPT
from tests.support.fake_clock import FakeClock
from tests.support.memory_store import MemoryStore
from tests.unit.hooks.post.cases import ANA, a_world, an_attempt, changed, many_targets, planned


async def sessions(store: MemoryStore) -> list[Session]:
    """All sessions, the last written first."""
    return list(await store.list(Session))


async def test_a_change_is_counted_with_what_it_modified() -> None:
    """Number, operations, resources, and its changelog."""
    store = MemoryStore()
    await update_session(an_attempt(), changed(data={"changelog": "## one"}), a_world(store))
    (session,) = await sessions(store)
    assert (session.changes_count, session.operations) == (1, {"updateNetworkWirelessSsid": 1})
    assert session.changelog == ("## one",)
    assert session.changes == ("CHG-1",)
    assert session.owner == ANA.key
    assert [(entry["network_id"], entry["resource"], entry["change_id"]) for entry in session.modified] == [
        ("N_1", "ssid", "CHG-1")
    ]


async def test_from_the_fifth_change_on_a_summary_is_offered() -> None:
    """Not at the fourth; in the user's language."""
    store, said = MemoryStore(), []
    for number in range(1, 7):
        outcome = await update_session(an_attempt(), changed(key=f"CHG-{number}"), a_world(store, "pt-BR"))
        said.append([warned.message for warned in outcome.warnings])
    assert said[:4] == [[]] * 4
    assert said[4] == ["📊 Já foram 5 mudanças nesta sessão. Quer um resumo antes de continuar?"]
    assert "6" in said[5][0]


async def test_the_same_change_asked_for_again_is_counted_once() -> None:
    """A stored record that is answered a second time is no second change."""
    store = MemoryStore()
    for _ in range(3):
        await update_session(an_attempt(), changed(), a_world(store))
    assert (await sessions(store))[0].changes_count == 1


@pytest.mark.parametrize(
    "state", [ChangeState.FAILED, ChangeState.UNCHANGED, ChangeState.STALE, ChangeState.APPLYING, ChangeState.CANCELLED]
)
async def test_what_changed_nothing_or_is_under_way_is_not_counted(state: ChangeState) -> None:
    """The session tells what was done, not what was tried."""
    store = MemoryStore()
    await update_session(an_attempt(), changed(state), a_world(store))
    assert await sessions(store) == []


async def test_a_change_that_was_undone_counts_and_leaves_nothing_modified() -> None:
    """The network is as it was."""
    store = MemoryStore()
    await update_session(an_attempt(), changed(ChangeState.ROLLED_BACK), a_world(store))
    (session,) = await sessions(store)
    assert (session.changes_count, session.modified) == (1, ())


async def test_half_an_hour_of_silence_ends_a_session() -> None:
    """Thirty minutes are still the same, a second more is another."""
    store, clock = MemoryStore(), FakeClock()
    world = a_world(store, clock=clock)
    await update_session(an_attempt(), changed(), world)
    clock.advance(timedelta(minutes=30).total_seconds())
    await update_session(an_attempt(), changed(key="CHG-2"), world)
    assert [session.changes_count for session in await sessions(store)] == [2]
    clock.advance(timedelta(minutes=30, seconds=1).total_seconds())
    await update_session(an_attempt(), changed(key="CHG-3"), world)
    assert sorted(session.changes_count for session in await sessions(store)) == [1, 2]


async def test_another_client_or_owner_is_another_session() -> None:
    """A session is actor and client name; the case of the owner makes no difference."""
    store = MemoryStore()
    actors = (
        ANA,
        replace(ANA, owner="ANA@example.com"),
        replace(ANA, client="ide"),
        Actor("ben", "stdio", "assistant"),
    )
    world = a_world(store)
    for number, actor in enumerate(actors):
        await update_session(an_attempt(actor=actor), changed(key=f"CHG-{number}"), world)
    assert sorted(session.changes_count for session in await sessions(store)) == [1, 1, 2]


async def test_a_later_plan_that_touches_what_was_modified_says_so() -> None:
    """With the change that did it; another resource is not meant, nor the rollback of that very change."""
    store = MemoryStore()
    world = a_world(store)
    await update_session(an_attempt(), changed(), world)
    (warned,) = (await update_session(an_attempt("meraki_plan"), planned(), world)).warnings
    assert warned.rule == "session_overlap"
    assert "CHG-1" in warned.message
    other = planned(plan=many_targets(1))
    assert (await update_session(an_attempt("meraki_plan"), other, world)).warnings == ()
    outcome = planned()
    assert outcome.plan is not None
    undo = replace(outcome.plan, plan=replace(outcome.plan.plan, rolls_back=("CHG-1",)))
    assert (await update_session(an_attempt("rollback"), planned(plan=undo), world)).warnings == ()


async def test_a_plan_keeps_the_session_alive_and_makes_none() -> None:
    """Planning is no silence, and a caller who only plans needs no session."""
    store, clock = MemoryStore(), FakeClock()
    world = a_world(store, clock=clock)
    await update_session(an_attempt("meraki_plan"), planned(), world)
    assert await sessions(store) == []
    await update_session(an_attempt(), changed(), world)
    for _ in range(3):
        clock.advance(1700)
        await update_session(an_attempt("meraki_plan"), planned(), world)
    await update_session(an_attempt(), changed(key="CHG-2"), world)
    assert [session.changes_count for session in await sessions(store)] == [2]


async def test_two_calls_at_the_same_time_are_both_counted() -> None:
    """Who comes second reads again; who never gets through says so."""
    store = MemoryStore()
    store.conflicts = 3
    await update_session(an_attempt(), changed(), a_world(store))
    assert (await sessions(store))[0].changes_count == 1
    store.conflicts = 99
    with pytest.raises(RecordConflict):
        await update_session(an_attempt(), changed(key="CHG-2"), a_world(store))


async def test_what_a_session_remembers_is_bounded() -> None:
    """The newest stay."""
    store = MemoryStore()
    await update_session(an_attempt(), changed(plan=many_targets(MODIFIED_KEPT + 5)), a_world(store))
    (session,) = await sessions(store)
    assert len(session.modified) == MODIFIED_KEPT
    assert session.modified[-1]["path"].endswith(f"/{MODIFIED_KEPT + 5}")
