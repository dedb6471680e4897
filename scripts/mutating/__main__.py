"""Switches off each field of each overlay row in turn and runs the contract cases of its operations against the rest.

Run by hand: ``python -m scripts.mutating [--write]``. A rule is noticed when the overlay no longer loads without it,
when a case of the simulated cloud fails (tests/contract: test_overlay_against_cloud.py, test_undo_classes.py), or
last, when the page of all rows (docs/reference/overlay-rows.md) would be another. What only the page noticed, and what
nothing noticed, is listed; ``--write`` makes docs/quality/overlay-rules.md anew.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.overlay.book import FOLDER
from mcp_server.catalogue.overlay.entries import Entries
from mcp_server.catalogue.overlay.row import OverlayError
from scripts.reference import overlay_rows
from tests.contract import test_overlay_against_cloud as judge
from tests.contract import test_undo_classes as classes
from tests.support.shipped import CATALOGUE, OVERLAY

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "quality" / "overlay-rules.md"
#: what the committed page of all rows says; a test holds it against the overlay
LINES: Final = frozenset((PAGE.parents[1] / "reference" / "overlay-rows.md").read_text("utf-8").splitlines())
USUAL: Final = overlay_rows.usual_of([OVERLAY.row(name) for name in CATALOGUE.writes()])
#: what no cloud can contradict: words for people, and estimates
SAID: Final = ("caveats", "why_none", "evidence", "settle_s", "downtime", "resource", "task", "reaches_devices")


@dataclass(frozen=True, slots=True)
class Rule:
    """One field of one row."""

    where: str
    number: int
    field: str
    operations: tuple[str, ...]


def rules(entries: Entries) -> Iterator[Rule]:
    """Every field of every row, conditions as one."""
    for number, (where, _) in enumerate(entries._pieces):  # noqa: SLF001  a private look at what is switched off
        row = entries._row(number)  # noqa: SLF001
        names = [*row["fields"], *(["when"] if row["conditions"] else [])]
        for name in names:
            yield Rule(where, number, name, tuple(row["operations"]))


def without(rule: Rule, base: Entries) -> Overlay:
    """The overlay with that rule switched off."""
    entries = Entries(CATALOGUE, FOLDER)
    entries._parsed = dict(base._parsed)  # noqa: SLF001
    row = dict(entries._row(rule.number))  # noqa: SLF001
    row["fields"] = {name: value for name, value in row["fields"].items() if name != rule.field}
    if rule.field == "when":
        row["conditions"] = ()
    entries._parsed[rule.number] = row  # noqa: SLF001
    return Overlay(CATALOGUE, entries, FOLDER)


def noticed(rule: Rule, base: Entries) -> str:
    """What notices that the rule is missing: load or cloud; "" when nothing does."""
    mutated = without(rule, base)
    try:
        for operation in rule.operations:
            mutated.check_row(operation)
    except OverlayError:
        return "load"
    if all(mutated.row(one) == OVERLAY.row(one) for one in rule.operations):
        return "no effect"
    judge.OVERLAY = classes.OVERLAY = mutated
    try:
        if any(_fails(run) for run in _cases(rule.operations)):
            return "cloud"
    finally:
        judge.OVERLAY = classes.OVERLAY = OVERLAY
    lines = {overlay_rows.line(mutated.row(one), USUAL) for one in rule.operations}
    return "" if lines <= LINES else "page"


def _fails(run: Callable[[], None]) -> bool:
    try:
        run()
    except Exception:  # noqa: BLE001  whatever a case raises is a failure of it
        return True
    return False


def _cases(operations: Sequence[str]) -> Iterator[Callable[[], None]]:
    """The contract cases that touch one of the operations."""
    wanted = set(operations)
    tables: tuple[tuple[Any, Any, Callable[[Any], set[str]]], ...] = (
        (judge.test_an_update_reads_back_as_expected_and_its_inverse_restores_the_cloud, judge.UPDATES, _own),
        (judge.test_a_create_reads_back_as_expected_and_its_inverse_removes_it, judge.CREATES, _made),
        (judge.test_a_delete_reads_back_as_nothing_and_its_inverse_makes_it_again, judge.DELETED, _made),
        (judge.test_an_update_of_what_was_created_is_undone, judge.CHANGED, _made),
        (judge.test_an_action_reads_back_as_expected_and_its_inverse_restores_the_cloud, judge.ACTIONS, _own),
    )
    for test, names, touched in tables:
        for name in names:
            if touched(name) & wanted:
                yield partial(test, judge.Bench(), name)
    for name in sorted(wanted & {*classes.PROMISED} - {*classes.ANNOUNCED}):
        yield partial(classes.test_a_way_back_that_is_promised_leads_back, name)
    for name in sorted(wanted & {*classes.ANNOUNCED}):
        yield partial(classes.test_a_difference_that_stays_is_announced, name)
    if wanted & {*classes.WITHOUT_EFFECT}:
        yield classes.test_writes_without_effect_promise_no_way_back


def _own(name: str) -> set[str]:
    return {(judge.UPDATES.get(name) or judge.ACTIONS[name]).operation}


def _made(name: str) -> set[str]:
    case = judge.CREATES[name]
    place = CATALOGUE.find(case.operation).path
    items = [OVERLAY.places.item(method, place) for method in ("PUT", "DELETE")]
    return {case.operation, OVERLAY.row(case.operation).inverse, *(one.operation for one in items if one)}


def main() -> int:
    """Exit status 0: this reports; what survives is for a person to judge."""
    base = Entries(CATALOGUE, FOLDER)
    base.check()
    found = [(rule, noticed(rule, base)) for rule in rules(base)]
    page = report(found)
    sys.stdout.write(page)
    if "--write" in sys.argv:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
    return 0


def report(found: Sequence[tuple[Rule, str]]) -> str:
    """The page: counts by field, then every rule that nothing noticed."""
    fields = sorted({rule.field for rule, _ in found})
    lines = [
        "# Overlay rules that a test would miss",
        "",
        "Made by `python -m scripts.mutating --write`: each field of each row is switched off in turn, and the",
        "contract cases of its operations are run in the simulated cloud. *Load*: the overlay is refused without it.",
        "*Cloud*: a case fails. *No effect*: the row is the same without it, because the schema says so already.",
        "*Page*: no case fails, but the page of all rows (docs/reference/overlay-rows.md) is another, and the test",
        "that holds it against the overlay fails: a change is seen, yet not judged. Unit and flow tests are not part",
        "of this run, so some of those rules are judged by one of them (dependants, order, secrets, families).",
        "*Unnoticed*: nothing fails.",
        "",
        "| field | rules | load | cloud | page | no effect | unnoticed |",
        "|---|---|---|---|---|---|---|",
    ]
    for field in fields:
        counted = Counter(how for rule, how in found if rule.field == field)
        cells = [counted.get(how, 0) for how in ("load", "cloud", "page", "no effect", "")]
        lines.append(f"| {field} | {sum(counted.values())} | {' | '.join(map(str, cells))} |")
    total = Counter(how for _, how in found)
    cells = [total.get(how, 0) for how in ("load", "cloud", "page", "no effect", "")]
    lines += [f"| **all** | {len(found)} | {' | '.join(map(str, cells))} |", ""]
    said = sum(1 for rule, how in found if how == "page" and not _judged(rule))
    lines += [
        f"Of those that the page alone notices {said} are words for people and estimates ({', '.join(SAID)}).",
        "",
    ]
    for title, kind in (("Unnoticed", ""), ("Noticed by the page alone, words and estimates apart", "page")):
        listed = [_line(rule) for rule, how in found if how == kind and (not kind or _judged(rule))]
        lines += [f"## {title}", "", *(listed or ["None."]), ""]
    lines.append("")
    return "\n".join(lines)


def _line(rule: Rule) -> str:
    more = " and more" if len(rule.operations) > 3 else ""
    return f"- {rule.where}: `{rule.field}` of {', '.join(rule.operations[:3])}{more}"


def _judged(rule: Rule) -> bool:
    return rule.field not in SAID


if __name__ == "__main__":
    sys.exit(main())
