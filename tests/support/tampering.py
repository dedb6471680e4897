"""Somebody edits the database file with other means than ours."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path


def altered(path: Path, statement: str, values: Sequence[object] = ()) -> None:
    """The statement carried out on one row, past the triggers that forbid it, which stand again afterwards."""
    connection = sqlite3.connect(path, timeout=10)
    try:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement, values).rowcount == 1
        for _, text in triggers:
            connection.execute(text)
        connection.commit()
    finally:
        connection.close()
