"""The database file with our schema in it: opened, checked or migrated, closed."""

import sqlite3
from pathlib import Path

from mcp_server.errors import StoreUnavailable
from mcp_server.store.connection import FileLock, connect
from mcp_server.store.queries import statements

SCHEMA_VERSION = 4


def open_database(path: Path, wait_s: float) -> sqlite3.Connection:
    """A connection to a database of our schema version, made or migrated when it must be; the caller holds the lock."""
    connection = connect(path, wait_s)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check the version, migrate when it is older, and see that the triggers stand."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreUnavailable(
            f"{path} was made by a newer version of this server (schema {version}, this one knows {SCHEMA_VERSION})"
        )
    if version < SCHEMA_VERSION:
        from mcp_server.store.schema import migrate  # noqa: PLC0415 - sqlite-utils costs 80 ms of start-up

        migrate(connection, SCHEMA_VERSION)
    standing = {text for (text,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")}
    if not set(statements("triggers")) <= standing:
        raise StoreUnavailable(f"{path} lost the triggers that keep its evidence; see 'audit verify'")


def close_database(connection: sqlite3.Connection, lock: FileLock) -> None:
    """Close under the lock, for the last one to close also checkpoints; without it when the lock cannot be had."""
    try:
        with lock.held():
            connection.close()
    except StoreUnavailable:
        connection.close()
