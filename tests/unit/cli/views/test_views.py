"""What the commands show of a record."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from mcp_server.changes.execution.report import change_row
from mcp_server.cli.views.changes import approval_record, change_record, draw_change, draw_changes
from mcp_server.cli.views.plans import draw_plan, is_open, plan_record, plan_row, valid_approval, waits_for
from mcp_server.cli.views.printing import as_json, line, row, table
from mcp_server.domain.call import Warned
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Approval, Change, ChangeStep, StoredPlan
from mcp_server.domain.risk import Risk
from mcp_server.domain.rules.order import OUTSIDE
from tests.support.plans import NOW, plan, step

NASTY = "Loja\x1b[2J\x07 \u202e[bold]x[/bold]"


def stored(**given: object) -> StoredPlan:
    """A stored plan of one SSID rename."""
    made = plan(plan_hash="h" * 64)
    return replace(StoredPlan(made.plan_id, "ana", ChangeState.PLANNED, made), **given)  # type: ignore[arg-type]


def approval(**given: object) -> Approval:
    """An approval that fits."""
    made = Approval("approval-1", "plan-1", "h" * 64, "carla", "terminal", NOW, NOW + timedelta(hours=4), "kept")
    return replace(made, **given)  # type: ignore[arg-type]


def change(**given: object) -> Change:
    """A change that was applied."""
    made = Change("CHG-1", "plan-1", "ana", ChangeState.APPLIED, "SES-1", "1", ("N_1",), "approval-1", NOW)
    return replace(made, **given)  # type: ignore[arg-type]


def drawn(draw: object, *values: object) -> str:
    """What is printed for people when nobody looks."""
    stream = io.StringIO()
    out = Console(file=stream, width=200, markup=False, highlight=False, soft_wrap=True)
    draw(out, *values)  # type: ignore[operator]
    return stream.getvalue()


def risky(risk: Risk) -> StoredPlan:
    """A stored plan of that risk."""
    return stored(plan=plan(step(risk=risk)))


@pytest.mark.parametrize(
    ("found", "profile", "wanted"),
    [
        (risky(Risk.MODERATE), "", "confirmation"),
        (risky(Risk.LOW), "solo", "confirmation"),
        (risky(Risk.LOW), "team", "approval"),
        (risky(Risk.HIGH), "solo", "approval"),
        (stored(plan=plan(warnings=(Warned(next(iter(OUTSIDE)), "critical", ""),))), "solo", "approval"),
        (stored(state=ChangeState.AUDIT_REQUESTED), "solo", "audit"),
    ],
)
def test_a_plan_says_what_it_waits_for(found: StoredPlan, profile: str, wanted: str) -> None:
    """The same that the gate will ask for."""
    assert waits_for(found, None, profile) == wanted


def test_an_approved_plan_waits_for_the_assistant_unless_an_audit_is_open() -> None:
    """An audit counts more than an approval."""
    assert waits_for(risky(Risk.CRITICAL), approval(), "team") == "apply"
    assert waits_for(stored(state=ChangeState.AUDIT_ACKED), approval(), "team") == "audit"


@pytest.mark.parametrize(
    "given",
    [{"used_by": "CHG-1"}, {"plan_hash": "x"}, {"plan_id": "plan-2"}, {"expires_at": NOW}],
)
def test_an_approval_that_is_used_old_or_of_something_else_is_none(given: dict[str, object]) -> None:
    """Only an unused one of just this plan's hash counts."""
    assert valid_approval(stored(), [approval(**given)], NOW) is None
    assert valid_approval(stored(), [approval(**given), approval()], NOW) == approval()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, True),
        ({"change_id": "CHG-1"}, False),
        ({"state": ChangeState.REFUSED}, False),
        ({"state": ChangeState.AUDIT_APPROVED}, True),
    ],
)
def test_a_plan_is_open_until_it_is_applied_closed_or_expired(given: dict[str, object], wanted: bool) -> None:
    """What can still be carried out."""
    assert is_open(stored(**given), NOW) is wanted
    assert is_open(stored(**given), NOW + timedelta(hours=25)) is False


def test_a_plans_record_holds_its_backup_and_masks_its_secrets() -> None:
    """Before and after as they are, but for what nobody may read."""
    made = step(before={"name": "Old", "psk": "segredo-antigo"}, body={"name": "New", "psk": "segredo-novo"})
    text = as_json(plan_record(stored(plan=plan(made))))
    record = json.loads(text)["steps"][0]
    assert (record["before"]["name"], record["expected"]["name"]) == ("Old", "New")
    assert "segredo" not in text
    assert "segredo" not in drawn(draw_plan, plan(made))


def test_text_from_outside_is_inert_in_every_form() -> None:
    """As JSON, as a line, in a table, in a drawn plan."""
    named = stored(plan=plan(step(label=NASTY), intent=NASTY), owner=NASTY)
    made = table("a")
    made.add_row(*row(NASTY))
    texts = (
        as_json({NASTY: [NASTY], "plan": plan_record(named), "row": plan_row(named, "apply", "")}),
        drawn(lambda out: out.print(line(NASTY))),
        drawn(lambda out: out.print(made)),
        drawn(draw_plan, named.plan),
    )
    for text in texts:
        assert "\x1b" not in text
        assert "\x07" not in text
        assert "\u202e" not in text
        assert "[bold]x[/bold]" in text


def test_a_drawn_plan_shows_fields_risk_and_the_way_back() -> None:
    """Old and new value, and how it would be undone."""
    text = drawn(draw_plan, plan(step(before={"name": "Old"}, body={"name": "New"})))
    assert "name: Old -> New" in text
    assert "Risk moderate" in text
    assert "undo: reversible, put_before." in text


def test_a_change_is_told_with_steps_approval_and_evidence() -> None:
    """The whole record, also when its plan is gone."""
    done = ChangeStep("CHG-1/apply/1", "CHG-1", "apply", 1, "applied", {"method": "PUT", "path": "/x"}, http_status=200,
                      verified={"matches": True})  # fmt: skip
    yes = approval_record(approval(), is_genuine=True)
    view = change_record(change(), stored(), [done], yes, [])
    assert (view["status"], view["approval"]["signature"], view["steps"][0]["state"]) == ("applied", "holds", "applied")
    page = drawn(draw_change, view, stored())
    assert "CHG-1: applied" in page
    assert "apply 1: applied, HTTP 200, verified" in page
    assert "approved by carla" in page
    bare = change_record(change(), None, [done], None, [])
    assert (bare["plan"], bare["steps"]) == (None, [])


def test_an_approval_says_whether_its_signature_holds() -> None:
    """One that was answered in the client has none; a forged one is named."""
    assert approval_record(approval(), is_genuine=False)["signature"] == "DOES NOT HOLD"
    in_client = approval_record(approval(channel="elicitation"), is_genuine=False)
    assert in_client["signature"] == "none: answered in the client"


def test_the_list_of_changes_marks_what_was_undone_and_what_undid() -> None:
    """Both sides name each other; an empty list says so."""
    undone, undoing = change(rolled_back_by="CHG-2"), change(key="CHG-2", rolls_back=("CHG-1",))
    assert change_row(undone)["rolled_back_by"] == "CHG-2"
    assert change_row(undoing)["rolls_back"] == ["CHG-1"]
    page = drawn(draw_changes, [undoing, undone])
    assert "applied (undone)" in page
    assert "rolled_back (a rollback)" in page
    assert drawn(draw_changes, []) == "No changes.\n"
    assert change_row(change(ended_at=datetime(2026, 11, 21, tzinfo=UTC)))["ended_at"].startswith("2026-11-21")
