"""What is typed after a command, turned into values; and the pure parts of audit and rollback."""

import json
from datetime import UTC, datetime
from typing import Any

import click
import pytest

from mcp_server.cli.audit import Anchor, export_line
from mcp_server.cli.records import Moment, _where
from mcp_server.cli.rollback import Numbers, exit_code
from mcp_server.cli.sandbox import environment
from mcp_server.domain.call import Receipt
from mcp_server.domain.record import AuditEntry
from mcp_server.settings import SETTINGS, load


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Moment(), "2026-11-21", datetime(2026, 11, 21, tzinfo=UTC)),
        (Moment(), "2026-11-21T08:00:00Z", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        (Moment(), "2026-11-21T08:00:00-03:00", datetime(2026, 11, 21, 11, tzinfo=UTC)),
        (Numbers(), "1, 2,30", [1, 2, 30]),
        (Anchor(), f"12:{'A' * 64}", Receipt(12, "a" * 64)),
    ],
)
def test_a_well_typed_argument_has_its_value(kind: click.ParamType[Any], text: str, value: Any) -> None:
    """A time without zone is UTC; numbers are a list; a receipt is seq and hash."""
    assert kind.convert(text, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Moment(), "yesterday"),
        (Numbers(), "1,,2"),
        (Numbers(), "0"),
        (Numbers(), "²"),
        (Anchor(), "12"),
        (Anchor(), "x:y"),
    ],
)
def test_an_argument_that_is_none_is_a_usage_error(kind: click.ParamType[Any], text: str) -> None:
    """With an example of what is meant."""
    with pytest.raises(click.BadParameter, match="example"):
        kind.convert(text, None, None)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("rolled_back", 0), ("unchanged", 0), ("applied", 0), ("needs_approval", 4), ("needs_audit", 4), ("refused", 3),
        ("busy", 3), ("stale", 3), ("expired", 3), ("declined", 3), ("failed", 1), ("unknown", 1),
        ("rollback_failed", 1), ("partial_success", 1), ("a status nobody knows", 1),
    ],
)  # fmt: skip
def test_each_status_of_a_rollback_has_its_exit_code(status: str, code: int) -> None:
    """What is not known to be good is a failure."""
    assert exit_code(status) == code


def test_filters_become_what_the_store_searches_by() -> None:
    """A status is all states that are told by it; what was not asked for is left out."""
    nothing = dict.fromkeys(("since", "network_id", "plan_id", "actor", "status"))
    assert _where(nothing) == {}
    asked = _where({**nothing, "actor": "Ana", "status": "applying"})
    assert asked == {"owner": "Ana", "state": ["applying", "verifying", "rolling_back"]}


def test_an_exported_row_is_one_line_of_ascii_that_loses_nothing() -> None:
    """Control characters and characters beyond ASCII are escaped, and come back as they were."""
    detail = {"name": "Loja\n\x1b[2J \u202e São", "big": 2**60}
    entry = AuditEntry("call", datetime(2026, 11, 21, tzinfo=UTC), "ana", "ok", detail=detail, seq=3, hash="h")
    text = export_line(entry)
    assert text.isascii()
    assert text.isprintable()
    back = json.loads(text)
    assert (back["detail"], back["at"], back["seq"]) == (detail, "2026-11-21T00:00:00.000000+00:00", 3)


def test_what_the_sandbox_prints_are_settings_of_the_table() -> None:
    """A name that is not in the table would stop the server's start."""
    printed = environment("http://127.0.0.1:1234/api/v1")
    assert set(printed) <= {setting.env for setting in SETTINGS}
    settings = load(printed, overrides={"home": "/tmp/x"})
    assert settings.base_url == "http://127.0.0.1:1234/api/v1"
