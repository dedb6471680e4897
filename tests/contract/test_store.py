"""How a store behaves, whichever it is: records by compare-and-set, leases, evidence, all or nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Append, HoldLeases, NotFrozen, Put, ReleaseLeases, Store, StoreWrite, TakeLeases
from mcp_server.domain.record import (
    Approval,
    AuditEntry,
    Change,
    ChangeStep,
    Lease,
    Question,
    Session,
    StoredPlan,
    Usage,
)
from mcp_server.errors import RecordConflict
from tests.support import records
from tests.support.fake_clock import START

UNTIL = START + timedelta(minutes=10)
KEYS = ("network:N_1", "network:N_2")


@pytest.mark.parametrize("record", records.one_of_each(), ids=lambda record: record.kind)
async def test_a_record_comes_back_exactly_as_it_was_put(store: Store, record: Any) -> None:
    """Every field, nested and typed, is equal after the store has had it."""
    await store.commit(Put(record))
    assert await store.get(type(record), record.key) == record
    assert list(await store.list(type(record))) == [record]


@pytest.mark.parametrize("record", records.one_of_each(), ids=lambda record: record.kind)
async def test_a_new_record_is_refused_when_its_key_is_taken(store: Store, record: Any) -> None:
    """``expect=None`` means new; the conflict shows what stood there, and nothing changed."""
    await store.commit(Put(record))
    with pytest.raises(RecordConflict) as conflict:
        await store.commit(Put(record))
    assert conflict.value.found == record


async def test_a_record_that_is_not_there_is_none(store: Store) -> None:
    """An unknown key gives None, an unknown filter value an empty list."""
    assert await store.get(StoredPlan, "nobody") is None
    assert await store.get(AuditEntry, "1") is None
    assert await store.get(Lease, "network:N_1") is None
    assert list(await store.list(StoredPlan, {"owner": "nobody"})) == []


async def test_an_empty_expectation_writes_over_anything_or_nothing(store: Store) -> None:
    """``expect={}`` inserts and then replaces."""
    await store.commit(Put(records.a_session(), expect={}))
    later = records.a_session(changes_count=2)
    await store.commit(Put(later, expect={}))
    assert await store.get(type(later), later.key) == later


async def test_an_update_is_written_only_when_the_stored_fields_are_as_expected(store: Store) -> None:
    """Compare-and-set on any attribute, enums by value or by member."""
    plan = records.a_plan()
    await store.commit(Put(plan))
    approved = replace(plan, state=ChangeState.APPROVED)
    await store.commit(Put(approved, expect={"state": "planned", "change_id": None}))
    with pytest.raises(RecordConflict) as conflict:
        await store.commit(Put(plan, expect={"state": ChangeState.PLANNED}))
    assert conflict.value.found == approved
    assert await store.get(StoredPlan, plan.key) == approved


async def test_an_update_of_a_record_that_is_not_there_is_a_conflict(store: Store) -> None:
    """A field can only be expected of a record that exists."""
    with pytest.raises(RecordConflict) as conflict:
        await store.commit(Put(records.a_plan(), expect={"state": "planned"}))
    assert conflict.value.found is None


async def test_nothing_of_a_commit_is_written_when_one_write_of_it_conflicts(store: Store) -> None:
    """All or none, evidence included; the chain goes on without a gap."""
    await store.commit(Put(records.a_plan()))
    with pytest.raises(RecordConflict):
        await store.commit(
            Append(records.an_entry()),
            Put(records.a_change()),
            TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL),
            Put(records.a_plan()),
        )
    assert await store.get(Change, records.a_change().key) is None
    assert await store.get(Lease, KEYS[0]) is None
    (receipt,) = await store.commit(Append(records.an_entry()))
    assert receipt.seq == 1


@pytest.mark.parametrize("first", [Put(records.a_change()), TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL)])
async def test_the_first_of_two_writes_is_undone_when_the_second_conflicts(store: Store, first: StoreWrite) -> None:
    """Two are as many as many."""
    await store.commit(Put(records.a_plan()))
    with pytest.raises(RecordConflict):
        await store.commit(first, Put(records.a_plan()))
    assert await store.get(Change, records.a_change().key) is None
    assert await store.get(Lease, KEYS[0]) is None


async def test_one_conflict_does_not_hurt_commits_that_wait_beside_it(store: Store) -> None:
    """Of commits made at once, exactly the conflicting ones fail."""
    commits = [store.commit(Put(records.a_usage(f"call-{number % 7}/1"))) for number in range(21)]
    results = await asyncio.gather(*commits, return_exceptions=True)
    assert sum(isinstance(result, RecordConflict) for result in results) == 14
    assert len(await store.list(Usage)) == 7


async def test_an_approval_is_consumed_once_by_fifty_parallel_commits(store: Store) -> None:
    """Exactly one of fifty applies gets the approval; the others learn which change has it."""
    approval = records.an_approval()
    await store.commit(Put(approval))
    takers = [
        store.commit(Put(replace(approval, used_by=f"CHG-{number}"), expect={"used_by": None})) for number in range(50)
    ]
    results = await asyncio.gather(*takers, return_exceptions=True)
    winners = [number for number, result in enumerate(results) if result == ()]
    assert len(winners) == 1
    stored = await store.get(Approval, approval.key)
    assert stored is not None
    assert stored.used_by == f"CHG-{winners[0]}"


async def test_every_append_gets_a_receipt_in_the_order_of_the_writes(store: Store) -> None:
    """Receipts count from 1 and name the hash that the entry has."""
    receipts = await store.commit(
        Append(records.an_entry()), Put(records.a_usage()), Append(records.an_entry(status="failed"))
    )
    assert [receipt.seq for receipt in receipts] == [1, 2]
    entry = await store.get(AuditEntry, "2")
    assert entry is not None
    assert (entry.hash, entry.previous_hash, entry.status) == (receipts[1].hash, receipts[0].hash, "failed")


async def test_evidence_comes_back_with_its_place_in_the_chain(store: Store) -> None:
    """An entry is what was appended, plus seq and hashes; integers beyond 2^53 are text."""
    entry = records.an_entry(detail={"big": 2**60, "small": 1, "list": [None, 1.5, "é"]})
    (receipt,) = await store.commit(Append(entry))
    stored = await store.get(AuditEntry, "1")
    assert stored is not None
    detail = {"big": str(2**60), "small": 1, "list": [None, 1.5, "é"]}
    assert stored == replace(entry, detail=detail, seq=1, previous_hash="0" * 64, hash=receipt.hash)


async def test_records_are_listed_newest_first_page_by_page(store: Store) -> None:
    """``before`` goes on where the last page ended; an update does not move a record."""
    for number in range(5):
        await store.commit(Put(records.a_usage(f"call-{number}/1")), Append(records.an_entry(call_id=f"call-{number}")))
    await store.commit(Put(records.a_usage("call-1/1", outcome="failed"), expect={}))
    first = await store.list(Usage, limit=3)
    rest = await store.list(Usage, limit=3, before=first[-1].key)
    assert [usage.key[5] for usage in (*first, *rest)] == ["4", "3", "2", "1", "0"]
    entries = await store.list(AuditEntry, limit=2, before="4")
    assert [entry.seq for entry in entries] == [3, 2]


async def test_lists_hold_only_what_the_filters_name(store: Store) -> None:
    """Equality, one of several, owners without regard to case, membership of a network, time from and to."""
    later = START + timedelta(hours=1)
    one = records.a_change("CHG-1")
    two = records.a_change("CHG-2", state=ChangeState.APPLIED, started_at=later, network_ids=("N_3",), owner="bea")
    await store.commit(Put(one), Put(two))

    async def found(**where: Any) -> list[str]:
        return [change.key for change in await store.list(Change, where)]

    assert await found(state="applied") == ["CHG-2"]
    assert await found(state=["applied", ChangeState.APPLYING]) == ["CHG-2", "CHG-1"]
    assert await found(owner="ANA@EXAMPLE.COM") == ["CHG-1"]
    assert await found(network_id="N_2") == ["CHG-1"]
    assert await found(since=later) == ["CHG-2"]
    assert await found(until=later) == ["CHG-1"]
    assert await found(rolled_back_by=None, plan_id="plan-1", key="CHG-1") == ["CHG-1"]
    with pytest.raises(ValueError, match="cannot search by colour"):
        await found(colour="red")


async def test_evidence_is_found_by_its_fields(store: Store) -> None:
    """The audit is searched by owner, event, network and time."""
    later = START + timedelta(hours=1)
    await store.commit(Append(records.an_entry()), Append(records.an_entry(later, event="intent", network_ids=())))

    async def found(**where: Any) -> list[int]:
        return [entry.seq for entry in await store.list(AuditEntry, where)]

    assert await found(owner="ana@example.com") == [2, 1]
    assert await found(event=["intent", "outcome"]) == [2]
    assert await found(network_id="N_1") == [1]
    assert await found(since=later) == [2]
    assert await found(until=later, call_id="call-1") == [1]


async def test_leases_are_taken_all_or_none(store: Store) -> None:
    """A second change is refused with the lease that stands in its way, and gets none of its keys."""
    await store.commit(TakeLeases(KEYS[1:], "CHG-1", "ana", START, UNTIL))
    with pytest.raises(RecordConflict) as conflict:
        await store.commit(TakeLeases(KEYS, "CHG-2", "bea", START, UNTIL))
    assert conflict.value.found == Lease(KEYS[1], "CHG-1", "ana", UNTIL, 1)
    assert await store.get(Lease, KEYS[0]) is None


async def test_a_lease_is_not_taken_twice_by_the_same_change(store: Store) -> None:
    """Two runs of one change cannot both believe that they hold the network."""
    await store.commit(TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL))
    with pytest.raises(RecordConflict):
        await store.commit(TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL))


async def test_a_lease_that_ran_out_may_be_taken_and_its_fence_grows(store: Store) -> None:
    """At the very end of its time a lease is free; fence numbers only grow, release included."""
    await store.commit(TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL))
    await store.commit(TakeLeases(KEYS, "CHG-2", "bea", UNTIL, UNTIL + timedelta(minutes=10)))
    await store.commit(ReleaseLeases("CHG-2"))
    assert await store.get(Lease, KEYS[0]) is None
    assert list(await store.list(Lease)) == []
    with pytest.raises(RecordConflict):  # given up, though nobody has taken them since and the fence is the same
        await store.commit(HoldLeases(KEYS, "CHG-2", UNTIL, (2, 2)))
    await store.commit(TakeLeases(KEYS, "CHG-3", "ana", START, UNTIL))
    lease = await store.get(Lease, KEYS[0])
    assert lease is not None
    assert lease.fence == 3
    assert {lease.key for lease in await store.list(Lease, {"change_id": "CHG-3"})} == set(KEYS)


async def test_leases_are_held_only_by_the_change_that_has_them_all(store: Store) -> None:
    """Holding moves the end on; a change that lost one key holds none."""
    await store.commit(TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL))
    later = UNTIL + timedelta(minutes=5)
    await store.commit(HoldLeases(KEYS, "CHG-1", later, (1, 1)))
    lease = await store.get(Lease, KEYS[0])
    assert lease is not None
    assert lease.until == later
    await store.commit(TakeLeases(KEYS[1:], "CHG-2", "bea", later, later + timedelta(minutes=5)))
    with pytest.raises(RecordConflict):
        await store.commit(HoldLeases(KEYS, "CHG-1", later + timedelta(hours=1), (1, 1)))
    kept = await store.get(Lease, KEYS[0])
    assert kept is not None
    assert kept.until == later


async def test_who_goes_on_with_a_change_takes_its_leases_anew_and_shuts_out_who_had_them(store: Store) -> None:
    """The same change under the next fence: whoever comes back late with the older one writes nothing."""
    await store.commit(TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL))
    await store.commit(TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL, again=True))
    with pytest.raises(RecordConflict, match="fence 1"):
        await store.commit(HoldLeases(KEYS, "CHG-1", UNTIL, (1, 1)))
    await store.commit(HoldLeases(KEYS, "CHG-1", UNTIL, (2, 2)))
    with pytest.raises(RecordConflict):
        await store.commit(TakeLeases(KEYS, "CHG-2", "bea", START, UNTIL, again=True))


async def test_releasing_leaves_the_leases_of_others_alone(store: Store) -> None:
    """A change that lost its lease gives up nothing that another one holds."""
    await store.commit(TakeLeases(KEYS, "CHG-1", "ana", START, UNTIL))
    await store.commit(TakeLeases(KEYS[:1], "CHG-2", "bea", UNTIL, UNTIL + timedelta(minutes=5)))
    await store.commit(ReleaseLeases("CHG-1"))
    assert [lease.change_id for lease in await store.list(Lease)] == ["CHG-2"]
    await store.commit(ReleaseLeases(""))
    assert [lease.change_id for lease in await store.list(Lease)] == ["CHG-2"]


async def test_a_plan_of_many_steps_keeps_each_before_state_through_updates(store: Store) -> None:
    """The state moves on, the before-states stay; a plan written with others has the others."""
    plan = records.a_plan(steps=30)
    await store.commit(Put(plan))
    approved = replace(plan, state=ChangeState.APPROVED)
    await store.commit(Put(approved, expect={"state": "planned"}))
    assert await store.get(StoredPlan, plan.key) == approved
    other = replace(plan, plan=replace(plan.plan, steps=(records.a_step(1, before={"psk": "other"}),)))
    await store.commit(Put(other, expect={}))
    assert await store.get(StoredPlan, plan.key) == other


async def test_steps_and_questions_are_found_by_what_they_belong_to(store: Store) -> None:
    """The engine finds the open intents of a change, the gate the questions of a plan."""
    await store.commit(
        Put(records.a_change_step("CHG-1/apply/1")),
        Put(records.a_change_step("CHG-1/apply/2", number=2, state="intent")),
        Put(records.a_question()),
    )
    steps = await store.list(ChangeStep, {"change_id": "CHG-1", "state": "intent"})
    assert [step.number for step in steps] == [2]
    assert len(await store.list(Question, {"plan_id": "plan-1", "answered": ""})) == 1


async def test_nothing_of_a_commit_is_written_while_one_of_its_kill_switches_is_on(store: Store) -> None:
    """The conflict shows the switch; one of another key, or a lifted one, holds nothing back."""
    await store.commit(Put(records.a_freeze("organization:2")))
    await store.commit(Put(records.a_freeze("organization:3", lifted_at=START, lifted_by="Bea")))
    wanted = NotFrozen(("everything", "organization:1", "organization:3"))
    await store.commit(wanted, Put(records.a_session("one")))
    on = records.a_freeze()
    await store.commit(Put(on))
    with pytest.raises(RecordConflict) as conflict:
        await store.commit(wanted, Put(records.a_session("two")))
    assert conflict.value.found == on
    assert [one.key for one in await store.list(Session)] == ["one"]
