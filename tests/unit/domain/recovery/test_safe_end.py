"""How a change whose server stopped is brought to its end."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Reader
from mcp_server.domain.record import Asked, ChangeStep
from mcp_server.domain.recovery.safe_end import (
    Policy,
    SafeEnd,
    in_doubt,
    is_undoing,
    resolved_end,
    safe_end,
    too_long_ago,
)
from tests.support.plans import step

S = ChangeState
STEPS = (step(1), step(2))
ASKED = Asked("updateNetworkWirelessSsid", Reader("getNetworkWirelessSsid", {}), None, None)


def done(*states: str, phase: str = "apply", **more: Any) -> list[ChangeStep]:
    """Records of the first steps, in those states; what was applied was read back as planned."""
    made = [
        ChangeStep(f"CHG-1/{phase}/{number}", "CHG-1", phase, number, state, {}, verified={"matches": True})
        for number, state in enumerate(states, 1)
    ]
    return [replace(record, **more) for record in made]


def ends(records: list[ChangeStep], state: ChangeState = S.APPLYING) -> dict[tuple[str, bool], SafeEnd]:
    """What is done by each policy, in time and late."""
    pairs = itertools.product(Policy, (False, True))
    return {
        (policy.value, is_late): safe_end(state, STEPS, records, policy, is_late=is_late) for policy, is_late in pairs
    }


@pytest.mark.parametrize("state", ["intent", "unknown"])
def test_what_is_in_doubt_is_a_persons_to_decide(state: str) -> None:
    """Whatever the policy, and whatever else is known."""
    assert set(ends(done("applied", state)).values()) == {SafeEnd.ASK}


def test_a_write_that_was_never_compared_with_the_cloud_is_a_persons_to_decide() -> None:
    """Applied by its answer, not readable when the server came back; what nothing reads can only be believed."""
    assert set(ends(done("applied", "applied", asked=ASKED, verified={"matches": None})).values()) == {SafeEnd.ASK}
    unreadable = done("applied", "applied", asked=replace(ASKED, reader=None), verified={"matches": None})
    assert set(ends(unreadable, S.VERIFYING).values()) == {SafeEnd.LOOK}


def test_a_change_that_is_whole_is_only_looked_at() -> None:
    """No write is needed, so it is never too late."""
    assert set(ends(done("applied", "unchanged"), S.VERIFYING).values()) == {SafeEnd.LOOK}


def test_a_change_that_did_nothing_fails_or_is_carried_out() -> None:
    """By policy; late, nothing is written."""
    expected = {
        ("undo", False): SafeEnd.FAIL,
        ("undo", True): SafeEnd.FAIL,
        ("finish", False): SafeEnd.FINISH,
        ("finish", True): SafeEnd.FAIL,
    }
    for records in (done(), done("not_applied"), done("unchanged", "not_applied"), done("unchanged", "unchanged")):
        assert ends(records) == expected


def test_a_change_that_is_applied_in_part_is_undone_or_finished() -> None:
    """By policy; late, a person is asked."""
    for records in (done("applied"), done("applied", "not_applied")):
        assert ends(records) == {
            ("undo", False): SafeEnd.UNDO,
            ("undo", True): SafeEnd.ASK,
            ("finish", False): SafeEnd.FINISH,
            ("finish", True): SafeEnd.ASK,
        }


@pytest.mark.parametrize("bad", [{"state": "failed"}, {"verified": {"matches": False}}])
def test_what_went_wrong_is_never_finished(bad: dict[str, Any]) -> None:
    """A step that the cloud refused, or that does not read back as planned."""
    records = [*done("applied"), replace(done("applied", "applied")[1], **bad)]
    found = ends(records)
    assert {found["undo", False], found["finish", False]} == {SafeEnd.UNDO}
    assert {found["undo", True], found["finish", True]} == {SafeEnd.ASK}


@pytest.mark.parametrize("state", [S.PARTIAL, S.ROLLING_BACK])
def test_an_undo_that_was_begun_is_gone_on_with(state: ChangeState) -> None:
    """Also when every step was applied; late, a person is asked."""
    found = ends(done("applied", "applied"), state)
    assert {found["undo", False], found["finish", False]} == {SafeEnd.UNDO}
    assert {found["undo", True], found["finish", True]} == {SafeEnd.ASK}


def test_a_write_of_an_undo_tells_that_it_was_begun_in_whatever_state_the_change_is() -> None:
    """A crash may leave the state as it was before."""
    records = [*done("applied", "applied"), *done("applied", phase="undo")]
    assert is_undoing(S.IN_DOUBT, records)
    assert not is_undoing(S.IN_DOUBT, done("applied", "applied"))
    assert resolved_end(S.IN_DOUBT, STEPS, records) is S.ROLLBACK_FAILED


def test_only_an_applied_write_that_something_reads_and_nobody_has_read_is_in_doubt_for_that() -> None:
    """Not what was refused or not applied, nor what was read back, rightly or not."""
    [unread] = done("applied", asked=ASKED, verified={"matches": None})
    assert in_doubt(unread)
    for state in ("failed", "not_applied", "unchanged"):
        assert not in_doubt(replace(unread, state=state))
    for matches in (True, False):
        assert not in_doubt(replace(unread, verified={"matches": matches}))


@pytest.mark.parametrize(
    ("records", "state"),
    [
        (done("applied", "applied"), S.APPLIED),
        (done("applied", "unchanged"), S.APPLIED),
        (done("applied", "not_applied"), S.PARTIAL),
        (done("applied"), S.PARTIAL),
        (done("unchanged", "not_applied"), S.FAILED),
        (done("not_applied", "not_applied"), S.FAILED),
        (done("unchanged", "unchanged"), S.FAILED),
    ],
)
def test_a_change_of_which_all_is_said_ends_as_its_steps_did(records: list[ChangeStep], state: ChangeState) -> None:
    """Applied when every step is; in part when one is; else it has failed."""
    assert resolved_end(S.IN_DOUBT, STEPS, records) is state


@pytest.mark.parametrize(
    ("passed_s", "is_late"), [(0, False), (900, False), (901, True), (-60, False), (-61, True), (-86_400, True)]
)
def test_a_step_that_is_yet_to_come_is_as_late_as_one_of_long_ago(passed_s: float, *, is_late: bool) -> None:
    """The clock was set back, by more than clocks are put right by: nobody can tell how long ago it was."""
    last = datetime(2026, 11, 22, tzinfo=UTC)
    assert too_long_ago(last, last + timedelta(seconds=passed_s), timedelta(minutes=15)) is is_late
