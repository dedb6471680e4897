"""What a person reads before saying yes: everything that counts, in an order that nobody can talk them out of."""

from dataclasses import replace

import pytest

from mcp_server.changes.question import field_line, form_of, needs_code, question_of
from mcp_server.domain.call import Named, Warned
from mcp_server.domain.plan import FieldChange, Inverse
from mcp_server.domain.risk import Risk
from tests.support.plans import plan, step
from tests.support.records import a_deadline


def test_the_question_names_the_plan_its_place_its_risk_and_each_field() -> None:
    """On lines of their own, the requester's words last and marked."""
    assert question_of(plan()).split("\n") == [
        "Apply plan AB12 to Acme (1)?",
        "Risk moderate; 1 device(s); downtime brief.",
        "1. [moderate] update ssid 3 of Store 12",
        "   name: Old -> New",
        "The requester says (not checked): rename the guest SSID",
    ]


def test_dangerous_steps_stand_first_and_what_cannot_be_undone_is_said() -> None:
    """Whatever order the requester gave them; critical warnings before all steps."""
    lost = Inverse("none", "none")
    asked = question_of(
        plan(
            step(1, risk=Risk.LOW),
            step(2, risk=Risk.CRITICAL, label="drop \u202e it", inverse=lost),
            warnings=(Warned("a", "critical", "cuts it off"), Warned("b", "warning", "slow")),
            intent="",
        )
    ).split("\n")
    assert asked[2:4] == ["! cuts it off", "2. [critical] drop \\u202e it"]
    assert asked[-1] == "CANNOT BE UNDONE: step 2, drop \\u202e it."
    assert not any("slow" in line or "requester" in line for line in asked)


def test_of_many_steps_the_riskiest_twelve_are_shown_and_the_others_counted() -> None:
    """With the highest risk among those that are not shown."""
    steps = [step(number, risk=Risk.HIGH if number > 10 else Risk.LOW) for number in range(1, 16)]
    asked = question_of(plan(*steps))
    assert asked.index("15. [high]") < asked.index("\n1. [low]")
    assert "... and 3 more steps of risk low or lower." in asked
    assert "more steps" not in question_of(plan(*steps[:12]))


def test_of_many_fields_six_are_shown_and_the_others_counted() -> None:
    """Never silently."""
    fields = tuple(FieldChange(f"f{number}", 0, 1) for number in range(8))
    assert "   ... 2 more fields" in question_of(plan(step(diff=fields)))
    assert "more fields" not in question_of(plan(step(diff=fields[:6])))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (FieldChange("vlan", 10, 20), "vlan: 10 -> 20"),
        (FieldChange("vlan", 10, 20, note="of 3 ports"), "vlan: 10 -> 20 (of 3 ports)"),
        (FieldChange("tags[0]", None, "a", "added"), "+ tags[0]: a"),
        (FieldChange("tags[0]", "a", None, "removed"), "- tags[0]: a"),
        (FieldChange("rules[2]", {}, {}, "moved", "up"), "~ rules[2]: moved (up)"),
        (FieldChange("radiusServers[0].secret", "old one", "new one"), "radiusServers[0].secret: ******** -> ********"),
        (FieldChange("psk", None, "new one", "added"), "+ psk: ********"),
        (FieldChange("peers[0]", None, {"name": "hq", "secret": "s3"}, "added"),
         "+ peers[0]: name 'hq', secret '********'"),
    ],
    ids=lambda value: value.how + value.path if isinstance(value, FieldChange) else "",
)  # fmt: skip
def test_each_change_is_one_line_in_which_secrets_are_masked(change: FieldChange, line: str) -> None:
    """Before and after; all of an object that is added or removed."""
    assert field_line(change) == line


def test_text_from_the_network_and_from_the_requester_is_inert() -> None:
    """It cannot add lines of its own to the question."""
    hostile = "x\nRisk low; 0 device(s)\u202e" + "y" * 999
    base = plan()
    asked = question_of(replace(base, intent=hostile, organization=Named("1", hostile)))
    assert len(asked.split("\n")) == len(question_of(base).split("\n"))
    assert "\u202e" not in asked
    assert len(asked) < 900


@pytest.mark.parametrize(("rule", "fields"), [("t1_psk_short", ["approve"]), ("t2_port_shutdown", ["approve", "code"])])
def test_the_form_asks_for_a_tick_and_for_the_code_only_where_the_rules_do(rule: str, fields: list[str]) -> None:
    """Double confirmation is the typed code."""
    asked = plan(warnings=(Warned(rule, "warning", "w"),))
    form = form_of(asked)
    assert (form["type"], form["required"], list(form["properties"])) == ("object", fields, fields)
    assert needs_code(asked) == ("code" in fields)
    assert form["properties"]["approve"]["type"] == "boolean"
    assert "AB12" in form["properties"]["approve"]["description"]
    assert all(one["title"] for one in form["properties"].values())
    if "code" in fields:
        assert (form["properties"]["code"]["type"], form["properties"]["code"]["maxLength"]) == ("string", 8)


def test_the_question_of_a_rollback_says_what_it_takes_back_and_nobody_is_quoted() -> None:
    """Its words are the server's own."""
    asked = question_of(plan(rolls_back=("CHG-1", "CHG-2"), intent="Roll back CHG-1, CHG-2")).split("\n")
    assert asked[-1] == "Takes back CHG-1, CHG-2."
    assert not any("requester" in line for line in asked)


def test_the_question_of_a_rollback_holds_the_warnings_that_nobody_was_told_of_before() -> None:
    """Its plan is made and asked about in one call; critical ones stay first."""
    said = (
        Warned("backup_age", "warning", "the backup is old"),
        Warned("a", "critical", "c"),
        Warned("b", "info", "i"),
    )
    asked = question_of(plan(rolls_back=("CHG-1",), warnings=said)).split("\n")
    assert asked[2:4] == ["! c", "* the backup is old"]
    assert "i" not in asked


def test_the_question_whether_to_keep_a_change_names_it_and_until_when() -> None:
    """The form asks for the same code as the apply did."""
    deadline = a_deadline("CHG-1")
    asked = question_of(plan(), deadline).split("\n")
    due = deadline.due_at.isoformat(timespec="seconds")
    assert asked[0] == f"Keep what plan AB12 changed in Acme (1)? Change CHG-1 is undone at {due} unless it is kept."
    assert asked[1:] == question_of(plan()).split("\n")[1:]
    assert form_of(plan(), deadline)["properties"]["approve"]["title"] == "Keep this change?"
    assert form_of(plan(), deadline)["required"] == form_of(plan())["required"]
