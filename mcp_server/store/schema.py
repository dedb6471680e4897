"""Making and migrating the schema, by sqlite-utils; imported only when there is something to migrate.

Rules: all migrations of an opening are one transaction (BEGIN IMMEDIATE), because sqlite-utils' own begins deferred and
loses races; the triggers that keep evidence append-only are made again after each migration, because rebuilding a table
drops them; a database of a newer version is refused.
"""

import re
import sqlite3

from sqlite_utils import Database, Migrations

from mcp_server.errors import StoreUnavailable
from mcp_server.store.queries import statements

migrations = Migrations("mcp_server.store")


@migrations()
def m0001_pre_first(database: Database) -> None:
    """The tables of the first version."""
    for statement in statements("m0001_pre_first"):
        database.execute(statement)


@migrations()
def m0002_pre_holds(database: Database) -> None:
    """The kill switches, and the deadlines of changes that wait to be kept."""
    for statement in statements("m0002_pre_holds"):
        database.execute(statement)


@migrations()
def m0003_pre_statements(database: Database) -> None:
    """Signed statements and anchors."""
    for statement in statements("m0003_pre_statements"):
        database.execute(statement)


@migrations()
def m0004_pre_fields(database: Database) -> None:
    """The fields of a row of evidence, asked for by a view."""
    for statement in statements("m0004_pre_fields"):
        database.execute(statement)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the schema to ``version``; the caller holds the file lock. Raises ``sqlite3.Error``, StoreUnavailable."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        database = Database(connection)
        migrations.apply(database)
        _make_triggers(database)
        connection.execute(f"PRAGMA user_version = {version:d}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make_triggers(database: Database) -> None:
    """Make every trigger again and see that it stands."""
    made = {}
    for statement in statements("triggers"):
        found = re.match(r"CREATE TRIGGER (\w+)", statement)
        if found is None:
            raise StoreUnavailable(f"not a trigger: {statement[:40]}")
        database.execute(f"DROP TRIGGER IF EXISTS {found[1]}")
        database.execute(statement)
        made[found[1]] = statement
    standing = {trigger.name for trigger in database.triggers}
    if missing := sorted(set(made) - standing):
        raise StoreUnavailable(f"the database lost its triggers: {', '.join(missing)}")
