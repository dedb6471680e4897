"""Why a change is undone, and how often that was put off, as its record keeps it while it goes on."""

from dataclasses import replace

from mcp_server.changes.execution.putting_off import begun, undo_tries, why_undone
from tests.support.fake_clock import START
from tests.support.records import a_change

FIRST = {"code": "not_kept", "message": "Nobody kept it.", "remedy": "Plan it again."}
OTHER = {"code": "server_stopped", "message": "It stopped.", "remedy": "Look."}


def test_the_first_reason_stays_and_nothing_else_of_the_record_is_lost() -> None:
    """Whoever goes on after a crash tells why it was begun, not why it was gone on with."""
    change = replace(a_change("CHG-1"), ended_at=None, result={"health": {"verdict": "ok"}})
    undone = begun(change, FIRST)
    assert (why_undone(undone), undo_tries(undone)) == (FIRST, 0)
    assert undone.result["health"] == {"verdict": "ok"}
    assert begun(undone, OTHER) is undone
    assert (why_undone(change), undo_tries(change)) == ({}, 0)


def test_what_a_change_that_has_ended_kept_is_of_that_undo_alone() -> None:
    """Taken up again, it begins with a reason and tries of its own."""
    ended = replace(begun(replace(a_change("CHG-1"), ended_at=None), FIRST), ended_at=START)
    assert (why_undone(ended), undo_tries(ended)) == ({}, 0)
    assert why_undone(replace(begun(ended, OTHER), ended_at=None)) == OTHER
