"""Making the schema: once, by whoever comes first, with its triggers; and the SQL files it is read from."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database, Migrations

from mcp_server.domain.call import Receipt
from mcp_server.errors import StoreUnavailable
from mcp_server.store import schema
from mcp_server.store.chain import FIRST, line_of, linked
from mcp_server.store.connection import connect
from mcp_server.store.database import SCHEMA_VERSION, open_database
from mcp_server.store.queries import blocks, sql, statements
from mcp_server.store.sqlite_store import _AUDIT_COLUMNS, _where
from tests.support import records
from tests.unit.store.test_faults import finished, work


def test_a_new_database_has_strict_tables_and_every_pragma(tmp_path: Path) -> None:
    """STRICT, WAL, FULL, foreign keys, and the version that this server knows."""
    connection = open_database(tmp_path / "store.db", 1.0)
    database = Database(connection)
    tables = [table for table in database.tables if not table.name.startswith(("_", "sqlite_"))]
    assert {table.name for table in tables} >= {"audit", "plans", "changes", "steps", "snapshots", "approvals"}
    assert {table.name for table in tables} >= {"leases", "sessions", "usage", "questions", "audit_requests"}
    assert all(table.strict for table in tables)
    names = ("journal_mode", "synchronous", "foreign_keys", "user_version", "busy_timeout")
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert found == ["wal", 2, 1, SCHEMA_VERSION, 1000]
    connection.close()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """The schema is made once; a REPLACE still meets the triggers, which sqlite-utils saw to only when it was made."""
    open_database(tmp_path / "store.db", 1.0).close()
    connection = open_database(tmp_path / "store.db", 1.0)
    assert connection.execute("PRAGMA recursive_triggers").fetchone()[0] == 1
    assert connection.execute("SELECT COUNT(*) FROM _sqlite_migrations").fetchone()[0] == len(
        schema.migrations.applied(Database(connection))
    )
    connection.close()


def test_triggers_stand_again_after_a_table_was_rebuilt(tmp_path: Path) -> None:
    """Rebuilding a table drops its triggers; the end of each migration brings them back."""
    connection = open_database(tmp_path / "store.db", 1.0)
    connection.execute("DROP TRIGGER audit_no_delete")
    connection.execute("PRAGMA user_version = 0")
    connection.close()
    connection = open_database(tmp_path / "store.db", 1.0)
    standing = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    assert "audit_no_delete" in standing
    connection.close()


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All or nothing: the database is as it was, and the next start tries again."""
    path = tmp_path / "store.db"
    broken = Migrations("mcp_server.store")

    @broken()
    def m0001_pre_first(database: Database) -> None:
        database.execute("CREATE TABLE half (a TEXT) STRICT")
        raise sqlite3.OperationalError("no")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "migrations", broken)
        with pytest.raises(sqlite3.OperationalError):
            open_database(path, 1.0)
    connection = connect(path, 1.0)
    assert connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0
    connection.close()
    open_database(path, 1.0).close()


def test_a_trigger_that_did_not_take_stops_the_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence without its triggers is not begun."""
    monkeypatch.setattr(schema, "statements", lambda block: ["SELECT 1"] if block == "triggers" else statements(block))
    with pytest.raises(StoreUnavailable, match="not a trigger"):
        open_database(tmp_path / "store.db", 1.0)


def test_eight_processes_may_make_the_same_database_at_once(tmp_path: Path) -> None:
    """Nobody fails, nobody is lost."""
    processes = [work("append", tmp_path, 1) for _ in range(8)]
    assert sorted(int(line) for process in processes for line in finished(process)) == list(range(1, 9))


@pytest.mark.parametrize("file", ["queries.sql", "schema.sql"])
def test_every_block_of_sql_has_a_name_and_a_purpose(file: str) -> None:
    """The files are read by people; no block is empty."""
    found = blocks(file)
    assert found
    assert all(found.values())


def test_names_of_tables_are_filled_in_and_values_never() -> None:
    """A statement keeps its placeholders for values."""
    assert sql("count_rows", table="usage") == "SELECT COUNT(*) FROM usage"
    assert ":seq" in sql("write_head")
    with pytest.raises(KeyError):
        sql("no_such_block")


async def test_evidence_of_an_older_schema_is_found_and_still_verifies(tmp_path: Path) -> None:
    """Version 3 kept the fields of a row as generated columns: the rows stay, byte for byte."""
    path = tmp_path / "store.db"
    older = connect(path, 1.0)
    schema.migrations.apply(Database(older), stop_before="m0004_pre_fields")
    older.execute("PRAGMA user_version = 3")
    lines, head = [], Receipt(0, FIRST)
    for plan_id in ("PLN-1", "", "PLN-1"):
        stored = linked(line_of(records.an_entry(plan_id=plan_id)), head)
        head = Receipt(stored.seq, stored.hash)
        lines.append((stored.seq, stored.doc, stored.hash))
    older.executemany(sql("append_audit"), lines)
    older.close()
    connection = open_database(path, 1.0)
    assert connection.execute("SELECT seq, doc, hash FROM audit ORDER BY seq").fetchall() == lines
    found = connection.execute("SELECT seq FROM audit_fields WHERE plan_id = 'PLN-1' ORDER BY seq").fetchall()
    assert found == [(1,), (3,)]
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize(("field", "index"), [("plan_id", "audit_plan"), ("change_id", "audit_change")])
def test_what_is_asked_of_a_plan_or_a_change_finds_its_index(tmp_path: Path, field: str, index: str) -> None:
    """However long the audit has grown: no walk over all of it."""
    connection = open_database(tmp_path / "store.db", 1.0)
    values: dict[str, Any] = {"before": None, "limit": 100}
    where = _where({field: "X-1"}, _AUDIT_COLUMNS, "at", values)
    steps = connection.execute("EXPLAIN QUERY PLAN " + sql("list_audit", where=where), values).fetchall()
    assert any(f"USING INDEX {index} " in step[3] for step in steps), steps
    connection.close()
