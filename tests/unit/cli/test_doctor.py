"""What doctor makes of what it finds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mcp_server.cli.doctor import (
    accepted_check,
    catalogue_check,
    clock_check,
    duties_check,
    keys_check,
    limits_check,
    room_check,
    setting_checks,
    store_checks,
)
from mcp_server.domain.actor import Role
from mcp_server.domain.record import AuditEntry
from mcp_server.gate.keys import Enrolled, PublicKey
from mcp_server.settings import load, origins

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = PublicKey("key-1", Role.APPROVER, "carla", "", NOW, "key-1")


@pytest.mark.parametrize(
    ("now", "newest", "level"),
    [
        (NOW, None, "ok"),
        (NOW, NOW - timedelta(days=1), "ok"),
        (NOW, NOW + timedelta(seconds=1), "fail"),
        (datetime(1970, 1, 2, tzinfo=UTC), None, "fail"),
    ],
)
def test_a_clock_that_cannot_be_right_fails(now: datetime, newest: datetime | None, level: str) -> None:
    """A time before this version was made, or before a row that is there already."""
    assert clock_check(now, newest).level == level


def test_duties_that_fail_on_a_living_server_are_named() -> None:
    """The newest row of each counts; what a server left that is gone says nothing of now."""

    def row(server: str, duty: str, status: str) -> AuditEntry:
        detail = {"duty": duty, "server": server, **({"error": "Unreachable"} if status == "failed" else {})}
        return AuditEntry("duty", NOW, "server", status, detail=detail)

    rows = [
        row("server-a", "recovery", "ok"),
        row("server-a", "recovery", "failed"),
        row("server-b", "leases", "failed"),
    ]
    assert duties_check(rows, lambda name: name == "server-a").level == "ok"
    bad = duties_check(rows, lambda name: name == "server-b")
    assert (bad.level, "leases has failed since 2026-11-21T12:00:00+00:00 (Unreachable)" in bad.found) == ("warn", True)


def test_keys_are_counted_by_role_and_a_broken_enrolment_fails() -> None:
    """None is a warning with the command; an enrolment that does not hold is a failure."""
    assert keys_check(Enrolled((), ())).level == "warn"
    assert "key enroll" in keys_check(Enrolled((), ())).found
    both = keys_check(Enrolled((KEY, replace(KEY, key_id="key-2", role=Role.AUDITOR)), ()))
    assert (both.level, both.found) == ("ok", "1 approver, 1 auditor")
    assert keys_check(Enrolled((replace(KEY, role=Role.AUDITOR),), ())).level == "warn"
    assert keys_check(Enrolled((KEY,), ("line 2 cannot be read",))).level == "fail"


def test_a_store_that_cannot_be_written_fails_and_an_old_sqlite_warns() -> None:
    """Each says why, in its own line."""
    good = {"writable": True, "rows": {"audit": 3}, "sqlite": "3.51.3", "wal_hazard": False, "problem": ""}
    assert [check.level for check in store_checks(good)] == ["ok", "ok"]
    assert "3 audit rows" in store_checks(good)[0].found
    bad = {**good, "writable": False, "problem": "the disk is full", "sqlite": "3.40.1", "wal_hazard": True}
    store, sqlite = store_checks(bad)
    assert (store.level, sqlite.level) == ("fail", "warn")
    assert "the disk is full" in store.found
    assert "3.40.1" in sqlite.found


def test_the_answer_to_the_key_is_told_with_its_remedy() -> None:
    """Accepted with the count of organizations, or the error in words."""
    assert accepted_check({"status": "ok", "data": [1, 2]}).found == "accepted; sees 2 organization(s)"
    refused = {"status": "refused", "summary": "", "error": {"message": "Not accepted.", "remedy": "Set another."}}
    assert accepted_check(refused).found == "Not accepted. Set another."
    assert accepted_check(refused).level == "fail"
    away = {
        "status": "failed",
        "summary": "",
        "error": {"code": "unreachable", "message": "Not reached.", "remedy": "Try again."},
    }
    assert accepted_check(away).found.startswith("Not reached. The log says why.")
    assert "MERAKI_SPECIALIST_CA_FILE" in accepted_check(away).found


def test_settings_are_shown_with_where_they_come_from_and_secrets_by_their_length(tmp_path: object) -> None:
    """No secret's text, also not that of a named one."""
    environ = {
        "MERAKI_API_KEY": "k" * 40,
        "MERAKI_SPECIALIST_HOME": str(tmp_path),
        "MERAKI_SPECIALIST_SECRET_WIFI": "segredo-da-loja",
        "MERAKI_SPECIALIST_LOCALE": "pt-BR",
    }
    given = {"read_only": True}
    found = origins(environ, overrides=given)
    assert found["api_key"] == "MERAKI_API_KEY"
    assert found["read_only"] == "the command line"
    lines = {check.what: check.found for check in setting_checks(load(environ, overrides=given), found)}
    assert lines["setting api_key"] == "40 characters (from MERAKI_API_KEY)"
    assert lines["setting secrets"].startswith("WIFI (15 characters)")
    assert lines["locale"] == "pt-BR"
    assert "segredo" not in str(lines)
    assert "kkkk" not in str(lines)


def test_little_room_warns_and_the_catalogue_names_its_version() -> None:
    """The two that need no server."""
    assert room_check(10).level == "warn"
    assert room_check(10**12).level == "ok"
    assert catalogue_check().found.startswith("Dashboard API 1.75.1, 1039 operations")


def test_an_open_breaker_and_limits_that_are_not_shared_are_warned_of() -> None:
    """The organization and until when; or why each server counts for itself."""
    assert limits_check({}, "").level == "ok"
    left_alone = limits_check({"549236": NOW}, "")
    assert (left_alone.level, "549236 until 2026-11-21T12:00:00+00:00" in left_alone.found) == ("warn", True)
    assert limits_check({}, "the request limits are not shared: disk full").found.endswith("disk full")
