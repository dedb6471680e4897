"""A store on a directory of its own, and a door to its file that goes round it."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support.fake_clock import FakeClock

KEY = b"k" * 32


def open_store(directory: Path, key: bytes = KEY) -> SqliteStore:
    """The store of a directory under a fixed key."""
    return SqliteStore.open(directory, Seal(key), FakeClock())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def tamper(tmp_path: Path) -> Callable[..., None]:
    """Runs SQL on the file as somebody would who has the disk: the triggers are taken away and put back."""

    def run(*statements: str) -> None:
        connection = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
        try:
            kept = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in kept:
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.execute(statement)
            for _, text in kept:
                connection.execute(text)
        finally:
            connection.close()

    return run
