"""Modules that are imported in threads."""

import pytest

from mcp_server.transport import loading


def test_modules_are_imported_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is, no other can be begun; afterwards it can."""
    seen: list[tuple[str, bool]] = []
    monkeypatch.setattr(loading, "import_module", lambda name: seen.append((name, loading._ALONE.locked())))
    for name in ("one", "two"):
        loading.load(name)
    assert seen == [("one", True), ("two", True)]
    assert not loading._ALONE.locked()
