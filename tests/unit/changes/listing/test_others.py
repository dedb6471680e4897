"""Who else may have made the one new element of a list, as the change log tells."""

from typing import Any

import pytest

from mcp_server.changes.listing.others import judged

REQUEST = "POST /api/v1/networks/N_1/switch/qosRules"
ME, OTHER = "key@example.com", "ana@example.com"


def row(label: str, email: str = ME) -> dict[str, Any]:
    """A row of the log."""
    return {"label": label, "adminEmail": email}


@pytest.mark.parametrize(
    ("rows", "is_open"),
    [
        ([], False),  # the log is late
        ([row(REQUEST)], False),
        ([row(REQUEST.replace("/switch", "%2Fswitch"), "KEY@example.com")], False),
        ([row(REQUEST), row("PUT /api/v1/networks/N_1/vlans/2", OTHER)], False),
        ([row(REQUEST), row("QoS", ME)], False),
        ([row(REQUEST), row(REQUEST)], True),
        ([row(REQUEST, OTHER)], True),
        ([row("QoS", OTHER)], True),
        ([row("POST /api/v1/organizations/1/actionBatches", OTHER)], True),
    ],
)
def test_another_request_of_that_kind_or_an_edit_in_the_dashboard_leaves_it_open(rows: Any, *, is_open: bool) -> None:
    """Whoever wrote elsewhere by the API, and what this key did by itself, explain nothing else."""
    assert bool(judged(rows, REQUEST, ME, 1)) == is_open


def test_as_many_requests_as_this_server_sent_are_its_own() -> None:
    """One more is somebody else with the same key."""
    assert judged([row(REQUEST)] * 2, REQUEST, ME, 2) == ""
    assert "3 such requests" in judged([row(REQUEST)] * 3, REQUEST, ME, 2)
