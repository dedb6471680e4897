"""The stores that the behaviour suite is run against; a second store joins by one more parameter."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support.fake_clock import FakeClock


@pytest.fixture(params=["sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store of each implementation."""
    assert request.param == "sqlite"
    opened = SqliteStore.open(tmp_path, Seal(b"k" * 32), FakeClock())
    yield opened
    opened.close()
