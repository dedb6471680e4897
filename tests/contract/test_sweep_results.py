"""What is told of the last full sweep is of the operations and promises of today; else: ``scripts/sweep --record``."""

from scripts.sweeping.record import PROVEN, lab_days, results
from scripts.sweeping.verdicts import UNREACHED
from tests.support.shipped import CATALOGUE, OVERLAY

ROWS = {row["operation"]: row for row in results()}
WRITES = [name for name in CATALOGUE.writes() if not OVERLAY.row(name).carrier]


def test_every_write_that_can_be_planned_was_tried() -> None:
    """In the order of the catalogue, and nothing else."""
    assert list(ROWS) == WRITES


def test_every_promise_is_the_one_that_the_overlay_makes_today() -> None:
    """A changed way back must be tried again."""
    changed = [name for name in WRITES if ROWS[name]["undo"] != OVERLAY.row(name).undo]
    assert changed == [], f"scripts/sweep --record --only {','.join(changed)}"


def test_no_promise_is_broken() -> None:
    """Not one is put up with."""
    assert {name: row["broken"] for name, row in ROWS.items() if row["verdict"] == "broken"} == {}


def test_what_could_not_be_tried_is_named_with_the_reason_and_nothing_else_is() -> None:
    """So that nobody hides a failure there."""
    assert {name for name, row in ROWS.items() if row["verdict"] == "unreached"} == set(UNREACHED)


def test_the_evidence_that_a_plan_prints_follows_from_what_was_seen() -> None:
    """Sandbox for what was taken back there, lab with its day for what was in a lab; schema for all else."""
    days = lab_days()
    seen = {name for name, row in ROWS.items() if row["verdict"] in PROVEN}
    wanted = {name: f"lab {days[name]}" if name in days else "sandbox" if name in seen else "schema" for name in WRITES}
    assert {name: OVERLAY.row(name).evidence for name in WRITES} == wanted


def test_each_enum_and_boundary_was_among_the_bodies() -> None:
    """At least three bodies of every operation that has optional fields and could be tried."""
    few = [
        name
        for name in WRITES
        if (schema := CATALOGUE.find(name).body) is not None
        and len(set(schema.fields) - schema.required) > 1
        and ROWS[name]["verdict"] != "unreached"
        and not ROWS[name].get("never")
        and sum(ROWS[name]["bodies"].values()) < 3
    ]
    assert few == []
