"""Exports for people and for a SIEM; the lossless one has its golden file in tests/contract."""

import csv
import json
from dataclasses import replace
from typing import Any

import pytest

from mcp_server.domain.record import AuditEntry
from mcp_server.store.evidence.exporting import csv_lines, ocsf_event, ocsf_lines, row_in
from tests.support import records
from tests.support.evidence import chain_of, entries
from tests.support.ocsf import differences_from_schema


def intent(method: str) -> dict[str, Any]:
    """A row that announces a write, as the change engine makes it."""
    return {"event": "intent", "status": "intent", "detail": {"request": {"method": method, "path": "/networks/N_1"}}}


def _event(**parts: Any) -> dict[str, Any]:
    ((_, doc, digest),) = chain_of([records.an_entry(**parts)])
    return ocsf_event({**json.loads(doc), "hash": digest}, "0.1.0")


def test_every_event_has_what_api_activity_requires() -> None:
    """Class 6003 of category 6; the type is class and activity; time is in milliseconds."""
    events = [json.loads(line) for line in ocsf_lines(chain_of(entries(6)), (), "0.1.0")]
    assert len(events) == 6
    for event in events:
        assert list(differences_from_schema(event)) == []
        assert event["metadata"]["version"] == "1.3.0"
        assert event["actor"]["user"]["name"] == "Ana@example.com"
    assert events[0]["time"] == 1_795_262_401_000


def test_what_a_row_does_not_say_is_left_out_of_its_event() -> None:
    """No call, no tool, no client, no correlation: as of a freeze, which nobody called."""
    event = _event(event="freeze", status="frozen", call_id="", tool="", client="", correlation_id="")
    assert list(differences_from_schema(event)) == []
    assert event["api"] == {"operation": "freeze"}
    assert (event["activity_id"], event["activity_name"], event["status"]) == (99, "freeze", "Success")


@pytest.mark.parametrize(
    ("parts", "activity", "status", "severity"),
    [
        ({}, 2, 1, 1),
        ({"status": "refused"}, 2, 2, 2),
        ({"status": "unknown"}, 2, 0, 1),
        ({"event": "state", "status": "in_doubt"}, 99, 0, 1),
        ({"event": "state", "status": "applying"}, 99, 99, 1),
        ({"tool": "meraki_apply"}, 99, 1, 1),
        (intent("PUT"), 3, 99, 1),
        (intent("POST"), 1, 99, 1),
        (intent("DELETE"), 4, 99, 1),
        ({"event": "outcome", "status": "not_applied", "detail": {"step": 1}}, 99, 2, 2),
        ({"event": "state"}, 99, 1, 1),
    ],
)
def test_activity_status_and_severity_follow_the_row(
    parts: dict[str, Any], activity: int, status: int, severity: int
) -> None:
    """A write by its method, a call as a read unless it applies, everything else as other.

    What is announced is no success yet: whether it became one, its outcome says.
    """
    event = _event(**parts)
    assert list(differences_from_schema(event)) == []
    assert (event["activity_id"], event["status_id"], event["severity_id"]) == (activity, status, severity)


def test_nothing_of_a_row_is_lost_in_an_event() -> None:
    """What the schema has no place for is under unmapped."""
    event = _event(plan_id="plan-1", change_id="CHG-1", detail={"x": 1})
    assert event["unmapped"]["detail"] == {"x": 1}
    assert (event["unmapped"]["plan_id"], event["unmapped"]["change_id"], event["unmapped"]["seq"]) == (
        "plan-1",
        "CHG-1",
        1,
    )
    assert [one["uid"] for one in event["resources"]] == ["O_1", "N_1"]


_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.mark.parametrize("start", _STARTS)
def test_no_cell_of_a_csv_can_be_taken_for_a_formula(start: str) -> None:
    """A client may call itself anything; the cell begins with a quotation mark then."""
    entry: AuditEntry = replace(records.an_entry(), client=f'{start}cmd|"/c calc"!A1', owner=f"{start}1")
    header, row = csv.reader("".join(csv_lines(chain_of([entry]), (), "")).splitlines(keepends=True))
    cells = dict(zip(header, row, strict=True))
    assert cells["client"].startswith(f"'{start}")
    assert cells["owner"].startswith(f"'{start}")
    assert json.loads(cells["network_ids"]) == ["N_1"]
    assert not [cell for cell in row if cell.startswith(_STARTS)]


@pytest.mark.parametrize("line", ["", "{}", '{"seq":1}', "x" * 100, '[1,"hash":"' + "a" * 64 + '"}'])
def test_a_line_that_is_no_row_is_none(line: str) -> None:
    """It is told as such, not guessed at."""
    with pytest.raises(ValueError):  # noqa: PT011 - json's own error is one too
        row_in(line)


def test_an_intent_names_the_request_that_it_announces() -> None:
    """As the change engine writes it: what a SIEM looks for is the write, not the tool that led to it."""
    request = {"method": "PUT", "path": "/networks/N_1/wireless/ssids/1", "body": {}}
    event = _event(event="intent", tool="meraki_apply", detail={"phase": "apply", "step": 1, "request": request})
    assert (event["activity_id"], event["api"]["operation"]) == (3, "PUT /networks/N_1/wireless/ssids/1")
