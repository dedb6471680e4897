"""What a change is told as."""

from dataclasses import replace
from datetime import timedelta

from mcp_server.changes.execution.report import change_row, status_of, step_view, steps_view, stored_outcome
from mcp_server.domain.change_state import ChangeState
from tests.support.fake_clock import START
from tests.support.records import a_change, a_change_step, a_plan


def test_a_change_that_took_others_back_is_told_as_rolled_back() -> None:
    """Its own state is applied; an unfinished one is applying like any other."""
    back = a_change(rolls_back=("CHG-1",))
    assert status_of(replace(back, state=ChangeState.APPLIED)) == "rolled_back"
    assert status_of(back) == "applying"
    assert status_of(a_change(state=ChangeState.APPLIED)) == "applied"


def test_steps_are_told_in_the_order_in_which_they_were_taken() -> None:
    """Whatever the order of the store; one that was not sent by when it ended."""
    at = [START + timedelta(seconds=second) for second in range(3)]
    steps = [
        a_change_step("CHG-1/apply/10", number=10, sent_at=at[2]),
        a_change_step("CHG-1/apply/2", number=2, sent_at=None, ended_at=at[1], state="unchanged"),
        a_change_step("CHG-1/apply/1", number=1, sent_at=at[0]),
    ]
    told = stored_outcome(a_plan(), a_change(state=ChangeState.APPLIED), steps)
    assert [one["step"] for one in told.data["steps"]] == [1, 2, 10]


def test_the_ids_of_what_a_post_created_are_told_and_nothing_else_of_the_answer() -> None:
    """A PUT creates nothing; what holds the new thing is no id of it."""
    created = {"groupPolicyId": "102", "id": "7", "networkId": "N_1", "name": "Lab"}
    made = a_change_step(request={"method": "POST", "path": "/x"}, created=created)
    assert step_view(made)["created"] == {"groupPolicyId": "102", "id": "7"}
    assert "created" not in step_view(replace(made, request={"method": "PUT", "path": "/x"}))
    assert "created" not in step_view(replace(made, state="failed"))


def test_a_write_of_an_undo_is_named_by_the_step_that_it_takes_back() -> None:
    """The second write that undoes step 12 is told as 12."""
    assert step_view(a_change_step(phase="undo", number=120_001))["step"] == 12


def test_steps_of_a_long_change_that_ended_alike_are_told_once() -> None:
    """Thirteen ports: one line with their numbers; twelve: a line each; one that failed stands alone."""
    steps = [
        a_change_step(f"CHG-1/apply/{number}", number=number, request={"method": "PUT", "path": f"/ports/{number}"})
        for number in range(1, 14)
    ]
    assert [one["step"] for one in steps_view(steps[:12])] == list(range(1, 13))
    (line,) = steps_view(steps)
    assert (line["step"], line["count"], line["request"]) == ("1-13", 13, "PUT /ports/1 and 12 more")
    steps[5] = replace(steps[5], state="failed", http_status=400, errors=("no",))
    assert [(one["step"], one["state"]) for one in steps_view(steps)] == [
        ("1-5", "applied"),
        (6, "failed"),
        ("7-13", "applied"),
    ]


def test_steps_that_created_something_each_tell_its_id() -> None:
    """Ids differ, so that no two are alike."""
    steps = [
        a_change_step(f"CHG-1/apply/{n}", number=n, request={"method": "POST", "path": "/x"}, created={"id": str(n)})
        for n in range(1, 15)
    ]
    assert [one["created"]["id"] for one in steps_view(steps)] == [str(n) for n in range(1, 15)]


def test_a_change_in_short_says_what_it_did_once_it_is_recorded() -> None:
    """The record's own summary; nothing is made up before there is one."""
    assert "what" not in change_row(a_change())
    done = replace(a_change(), result={"human_readable": {"summary": "success: update ssid 3"}})
    assert change_row(done)["what"] == "success: update ssid 3"
