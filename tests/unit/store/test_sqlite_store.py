"""The SQLite store on a hostile disk: edited rows, lost files, other keys, searchable secrets."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Append, Put, TakeLeases
from mcp_server.domain.record import Approval, AuditEntry, ChangeStep, Lease, StoredPlan, Usage
from mcp_server.errors import RecordAltered, StoreUnavailable
from mcp_server.store.chain import Problem
from mcp_server.store.sqlite_store import SqliteStore
from tests.support import records
from tests.support.fake_clock import START
from tests.unit.store.conftest import open_store

Tamper = Callable[..., None]


def _files(directory: Path) -> list[Path]:
    """The files of a store while it is open: database, WAL, shared memory, lock."""
    found = sorted(directory.iterdir())
    assert [path.suffix for path in found] == [".db", ".db-shm", ".db-wal", ".lock", ".turn"]
    return found


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE {table} SET doc = replace(doc, '{{', '{{ ')",
        "UPDATE {table} SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB)",
        "UPDATE {table} SET sealed = x''",
        "UPDATE {table} SET key = key || 'x'",
        "UPDATE {table} SET {column} = {column} || 'x'",
    ],
)
@pytest.mark.parametrize(
    ("record", "table", "column"),
    [
        (records.a_plan(), "plans", "state"),
        (records.a_change(), "changes", "owner"),
        (records.a_change_step(), "steps", "state"),
        (records.an_approval(), "approvals", "plan_hash"),
        (records.an_audit_request(), "audit_requests", "verdict"),
        (records.a_question(), "questions", "answered"),
        (records.a_session(), "sessions", "owner"),
        (records.a_usage(), "usage", "tool"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
async def test_a_row_that_was_edited_outside_is_never_used(
    store: SqliteStore, tamper: Tamper, edit: str, record: Any, table: str, column: str
) -> None:
    """Whatever part of a row is edited, reading it says so and writing over it is refused."""
    await store.commit(Put(record))
    tamper("PRAGMA foreign_keys = OFF", edit.format(table=table, column=column))
    key = record.key + ("x" if "SET key" in edit else "")
    with pytest.raises(RecordAltered):
        await store.get(type(record), key)
    with pytest.raises(RecordAltered):
        await store.list(type(record))
    with pytest.raises(RecordAltered):
        await store.commit(Put(replace(record, key=key), expect={}))


async def test_an_approval_row_forged_with_plain_sql_is_refused(store: SqliteStore, tamper: Tamper) -> None:
    """A copied row under another plan does not open: what is sealed is bound to its own key and text."""
    await store.commit(Put(records.an_approval()))
    columns = "plan_hash, approver, channel, key_id, used_by, approved_at, expires_at, doc, sealed"
    copy = "INSERT INTO approvals (key, plan_id, {0}) SELECT 'approval-2', 'plan-2', {0} FROM approvals"
    tamper(copy.format(columns))
    with pytest.raises(RecordAltered):
        await store.get(Approval, "approval-2")


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM snapshots WHERE number = 2",
        "UPDATE snapshots SET sealed = (SELECT sealed FROM snapshots WHERE number = 1) WHERE number = 2",
        "UPDATE snapshots SET number = 9 WHERE number = 2",
        "INSERT INTO snapshots SELECT plan_id, 4, sealed FROM snapshots WHERE number = 3",
    ],
)
async def test_a_plan_whose_before_state_was_edited_is_never_used(
    store: SqliteStore, tamper: Tamper, edit: str
) -> None:
    """Before-states are what an undo writes: a missing, moved, exchanged or added one is found."""
    await store.commit(Put(records.a_plan(steps=3)))
    tamper(edit)
    with pytest.raises(RecordAltered):
        await store.get(StoredPlan, "plan-1")


async def test_a_before_state_of_an_older_version_of_the_plan_is_found(store: SqliteStore, tamper: Tamper) -> None:
    """Putting back a sealed before-state that once was genuine does not pass."""
    old = records.a_plan()
    await store.commit(Put(old))
    tamper("CREATE TABLE kept AS SELECT * FROM snapshots")
    new = replace(old, plan=replace(old.plan, steps=(records.a_step(before={"psk": "new"}),)))
    await store.commit(Put(new, expect={}))
    tamper("UPDATE snapshots SET sealed = (SELECT sealed FROM kept)")
    with pytest.raises(RecordAltered):
        await store.get(StoredPlan, "plan-1")


async def test_a_lease_whose_end_was_edited_cannot_be_taken(store: SqliteStore, tamper: Tamper) -> None:
    """A lease is not freed by editing its row."""
    await store.commit(TakeLeases(("network:N_1",), "CHG-1", "ana", START, START.replace(year=2030)))
    tamper("UPDATE leases SET until = '2020-01-01T00:00:00.000000+00:00'")
    with pytest.raises(RecordAltered):
        await store.commit(TakeLeases(("network:N_1",), "CHG-2", "bea", START, START.replace(year=2030)))
    with pytest.raises(RecordAltered):
        await store.get(Lease, "network:N_1")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET doc = doc",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit (seq, doc, hash) VALUES (1, '{}', 'x')",
        "INSERT INTO audit (seq, doc, hash) VALUES (9, '{}', 'x')",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seq = 0",
        "DELETE FROM leases",
        "UPDATE leases SET fence = 0",
        "UPDATE statements SET doc = doc",
        "DELETE FROM statements",
    ],
)
async def test_the_database_itself_refuses_to_change_evidence(
    store: SqliteStore, tmp_path: Path, statement: str
) -> None:
    """Audit rows are append-only and fences grow, also for whoever opens the file with another program."""
    await store.commit(Append(records.an_entry()), TakeLeases(("network:N_1",), "CHG-1", "ana", START, START))
    connection = sqlite3.connect(tmp_path / "store.db")
    try:
        connection.execute("INSERT INTO statements (seq, kind, doc) VALUES (1, 'checkpoint', '{}')")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
    finally:
        connection.close()


async def test_a_store_without_its_triggers_is_not_opened(store: SqliteStore, tmp_path: Path) -> None:
    """A database whose append-only triggers were dropped is refused at the next start."""
    await store.commit(Append(records.an_entry()))
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("DROP TRIGGER audit_no_delete")
    connection.close()
    second = open_store(tmp_path)
    with pytest.raises(StoreUnavailable, match="triggers"):
        await second.commit(Append(records.an_entry()))
    second.close()


@pytest.mark.parametrize(
    ("edit", "seq"),
    [
        ("UPDATE audit SET doc = replace(doc, 'call-1', 'call-2') WHERE seq = 2", 2),
        ("UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET seq = 99 WHERE seq = 3", 3),
        ("UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)", 0),
        ("DELETE FROM audit_head", 0),
    ],
)
async def test_a_cut_or_edited_chain_is_found(store: SqliteStore, tamper: Tamper, edit: str, seq: int) -> None:
    """Verifying names the first line that is not as written; cutting the tail shows, for the head is keyed."""
    for _ in range(3):
        await store.commit(Append(records.an_entry()))
    assert await store.verify_chain() is None
    tamper(edit)
    problem = await store.verify_chain()
    assert isinstance(problem, Problem)
    assert problem.seq == seq


async def test_a_chain_rewritten_with_valid_hashes_is_found(store: SqliteStore, tmp_path: Path) -> None:
    """Whoever recomputes all hashes still lacks the key of the head."""
    await store.commit(*[Append(records.an_entry()) for _ in range(3)])
    other_home = tmp_path / "other"
    other = open_store(other_home, b"x" * 32)
    await other.commit(*[Append(records.an_entry(owner="mallory")) for _ in range(3)])
    other.close()
    store.close()
    (other_home / "store.db").replace(tmp_path / "store.db")
    again = open_store(tmp_path)
    with pytest.raises(StoreUnavailable, match="another key"):
        await again.verify_chain()
    again.close()


async def test_a_receipt_kept_elsewhere_exposes_a_store_put_back_from_a_backup(store: SqliteStore) -> None:
    """A rolled-back store verifies on its own, but not against a later receipt."""
    (first,) = await store.commit(Append(records.an_entry()))
    assert await store.verify_chain([first]) is None
    assert await store.verify_chain([replace(first, hash="0" * 64)]) == Problem(
        1, "a receipt names another hash for it"
    )
    assert await store.verify_chain([replace(first, seq=2)]) == Problem(
        2, "row 2 was witnessed, and the chain ends at 1"
    )


async def test_no_evidence_is_added_behind_a_head_that_was_edited(store: SqliteStore, tamper: Tamper) -> None:
    """An edited head closes the store for writing: changes stop instead of going on unproven."""
    await store.commit(Append(records.an_entry()))
    tamper("UPDATE audit_head SET hash = 'x'")
    with pytest.raises(RecordAltered):
        await store.commit(Append(records.an_entry()))
    with pytest.raises(RecordAltered):
        await store.commit(Put(records.a_change()))
    assert (await store.status())["writable"] is False


async def test_an_edited_line_of_evidence_is_not_shown(store: SqliteStore, tamper: Tamper) -> None:
    """Reading the audit checks each line's own hash."""
    await store.commit(Append(records.an_entry()))
    tamper("UPDATE audit SET doc = replace(doc, 'call-1', 'call-2')")
    with pytest.raises(RecordAltered):
        await store.get(AuditEntry, "1")
    with pytest.raises(RecordAltered):
        await store.list(AuditEntry)


async def test_no_readable_secret_lies_in_any_file_of_the_store(store: SqliteStore, tmp_path: Path) -> None:
    """Plans, steps, changes and sessions are encrypted: the canary is in no file, WAL included."""
    canary = records.CANARY
    await store.commit(
        Put(records.a_plan()),
        Put(records.a_change_step()),
        Put(records.a_change(result={"before": canary})),
        Put(records.a_session(changelog=(canary,))),
    )
    found = [path.name for path in _files(tmp_path) if canary.encode() in path.read_bytes()]
    assert found == []
    assert await store.get(ChangeStep, "CHG-1/apply/1") == records.a_change_step()


async def test_the_files_are_for_this_account_only(store: SqliteStore, tmp_path: Path) -> None:
    """Database, WAL and shared memory have mode 0600."""
    await store.commit(Put(records.a_plan()))
    assert {path.stat().st_mode & 0o777 for path in _files(tmp_path)} == {0o600}


async def test_a_store_of_another_key_is_refused_with_that_reason(store: SqliteStore, tmp_path: Path) -> None:
    """A lost key file is not mistaken for an edit: the answer says which remedy there is."""
    await store.commit(Put(records.a_plan()), Append(records.an_entry()))
    other = open_store(tmp_path, b"o" * 32)
    with pytest.raises(StoreUnavailable, match="another key"):
        await other.get(StoredPlan, "plan-1")
    with pytest.raises(StoreUnavailable, match="another key"):
        await other.commit(Append(records.an_entry()))
    other.close()


async def test_records_outlive_the_process(tmp_path: Path) -> None:
    """What was committed is there after close and open, and the chain goes on."""
    first = open_store(tmp_path)
    await first.commit(Put(records.a_plan()), Append(records.an_entry()))
    first.close()
    second = open_store(tmp_path)
    assert await second.get(StoredPlan, "plan-1") == records.a_plan()
    (receipt,) = await second.commit(Append(records.an_entry()))
    assert receipt.seq == 2
    assert await second.verify_chain() is None
    second.close()


async def test_a_closed_store_says_so(store: SqliteStore) -> None:
    """Neither reads nor writes hang after close, and close may be called twice."""
    await store.commit(Put(records.a_usage()))
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.commit(Put(records.a_usage("call-2/1")))
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.get(Usage, "call-1/1")
    store.close()


async def test_a_cancelled_commit_leaves_the_others_whole(store: SqliteStore) -> None:
    """Whoever gives up waiting does not break the group that it was in."""
    tasks = [asyncio.ensure_future(store.commit(Append(records.an_entry()))) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, tuple) for result in results[1::2])
    assert await store.verify_chain() is None


@pytest.mark.parametrize(
    "record",
    [
        records.a_plan(plan=replace(records.a_plan().plan, steps=(records.a_step(before=float("nan")),))),
        records.a_plan(plan=replace(records.a_plan().plan, steps=(records.a_step(before={1, 2}),))),
        records.a_session(client="\ud800"),
        records.a_change(result={"x": float("inf")}),
        records.a_change(result={"x": {1, 2}}),
    ],
    ids=["not a number", "a set", "half a character", "infinite", "a set elsewhere"],
)
async def test_what_would_not_come_back_as_it_went_in_is_not_kept(store: SqliteStore, record: Any) -> None:
    """No backup, no change: a before-state that JSON cannot hold is refused, and nothing is written."""
    with pytest.raises(StoreUnavailable, match="cannot be kept"):
        await store.commit(Append(records.an_entry()), Put(record))
    assert await store.list(AuditEntry) == []


@pytest.mark.parametrize("detail", [{"x": float("inf")}, {"x": "\ud800"}, {"x": object()}])
async def test_evidence_that_json_cannot_carry_is_refused(store: SqliteStore, detail: Any) -> None:
    """An entry is hashed as it is written, or not written."""
    with pytest.raises(StoreUnavailable):
        await store.commit(Append(records.an_entry(detail=detail)))


async def test_a_time_without_zone_is_refused(store: SqliteStore) -> None:
    """Naive times stop at the door."""
    naive = START.replace(tzinfo=None)
    with pytest.raises(ValueError, match="zone"):
        await store.commit(Put(records.a_usage(at=naive)))
    with pytest.raises(ValueError, match="zone"):
        await store.commit(Append(records.an_entry(naive)))


async def test_the_store_tells_how_it_is(store: SqliteStore, tmp_path: Path) -> None:
    """Path, rows, SQLite's version and its known fault, free room."""
    await store.commit(Put(records.a_plan(steps=2)), Append(records.an_entry()))
    status = await store.status()
    assert status["path"] == str(tmp_path / "store.db")
    assert (status["writable"], status["problem"]) == (True, "")
    assert {table: count for table, count in status["rows"].items() if count} == {
        "audit": 1,
        "plans": 1,
        "snapshots": 2,
    }
    assert status["sqlite"] == sqlite3.sqlite_version
    assert status["wal_hazard"] is (sqlite3.sqlite_version_info < (3, 51, 3))
    assert status["free_bytes"] > 0


async def test_importing_the_store_does_not_load_what_only_migrations_need(store: SqliteStore) -> None:
    """Start-up is measured: sqlite-utils and cryptography load when they are first used."""
    code = "import sys, mcp_server.store.sqlite_store; print({'sqlite_utils', 'cryptography'} & set(sys.modules))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert printed.strip() == b"set()"


async def test_a_state_is_found_by_its_column_after_an_update(store: SqliteStore) -> None:
    """Columns follow the record."""
    plan = records.a_plan()
    await store.commit(Put(plan))
    await store.commit(Put(replace(plan, state=ChangeState.APPROVED), expect={"state": "planned"}))
    assert await store.list(StoredPlan, {"state": "planned"}) == []
    assert len(await store.list(StoredPlan, {"state": "approved", "organization_id": "O_1"})) == 1
