"""The judges of a rule: what sees that the overlay is without it, from the hardest to the weakest."""

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.overlay.row import OverlayError
from scripts.mutating.rules import Rule, without
from scripts.reference import overlay_rows
from tests.contract import test_overlay_against_cloud as judge
from tests.contract import test_undo_classes as classes
from tests.contract import test_what_a_plan_says as said
from tests.support.shipped import CATALOGUE, OVERLAY
from tests.unit.catalogue import (
    test_expected,
    test_inverse,
    test_overlay,
    test_overlay_promises,
    test_readers,
    test_renaming,
    test_reshaping,
    test_transforms,
)
from tests.unit.catalogue import test_undo_classes as undo_classes
from tests.unit.catalogue.related import test_dependants

ORDER: Final = ("load", "cloud", "unit", "plan", "page", "no effect", "")
JUDGED: Final = ("load", "cloud", "unit", "plan")
UNIT: Final = (
    test_dependants, test_expected, test_inverse, test_overlay, test_overlay_promises, test_readers, test_renaming,
    test_reshaping, test_transforms, undo_classes,
)  # fmt: skip
ROOT: Final = Path(__file__).resolve().parents[2]
#: what the committed page of all rows says; a test holds it against the overlay
LINES: Final = frozenset((ROOT / "docs" / "reference" / "overlay-rows.md").read_text("utf-8").splitlines())
USUAL: Final = overlay_rows.usual_of([OVERLAY.row(name) for name in CATALOGUE.writes()])
Run = Callable[[], None]


def noticed(rule: Rule, *, quick: bool = False) -> str:
    """What notices that the rule is missing, a word of ORDER. ``quick``: cloud and unit tests are left out."""
    mutated = without(rule)
    try:
        for operation in rule.operations:
            mutated.check_row(operation)
    except OverlayError:
        return "load"
    if all(mutated.row(one) == OVERLAY.row(one) for one in rule.operations):
        return "no effect"
    if not quick:
        with _instead(mutated):
            if any(_fails(run) for run in _cloud_cases(rule.operations)):
                return "cloud"
            if any(_fails(run) for run in _unit_cases(rule.operations)):
                return "unit"
    if _is_said_otherwise(mutated, rule.operations):
        return "plan"
    lines = {overlay_rows.line(mutated.row(one), USUAL) for one in rule.operations}
    return "" if lines <= LINES else "page"


def _is_said_otherwise(mutated: Overlay, operations: Sequence[str]) -> bool:
    """Whether a plan of one of them says something else than the tables have."""
    given = [partial(said.not_as_given, mutated, case) for case in said.GIVEN if case["operation"] in operations]
    plain = [partial(said.unexpected, mutated, one) for one in operations if CATALOGUE.find(one).is_write]
    return any(_differs(look) for look in (*plain, *given))


def _differs(look: Callable[[], set[tuple[str, str]]]) -> bool:
    try:
        return look() != set()
    except Exception:  # noqa: BLE001  what raises says something else, too
        return True


@contextmanager
def _instead(mutated: Overlay) -> Iterator[None]:
    """The tests see that overlay; what the modules computed from the whole one when they were loaded stays."""
    modules: tuple[ModuleType, ...] = (judge, classes, *UNIT)
    for module in modules:
        vars(module)["OVERLAY"] = mutated
    try:
        yield
    finally:
        for module in modules:
            vars(module)["OVERLAY"] = OVERLAY


def _fails(run: Run) -> bool:
    try:
        run()
    except Exception:  # noqa: BLE001  whatever a case raises is a failure of it
        return True
    return False


def _cloud_cases(operations: Sequence[str]) -> Iterator[Run]:
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


def _unit_cases(operations: Collection[str]) -> Iterator[Run]:
    """The unit tests whose source or values name one of the operations."""
    for text, run in _unit_tests():
        if any(f"{one}'" in text or f'{one}"' in text for one in operations):
            yield run


@cache
def _unit_tests() -> tuple[tuple[str, Run], ...]:
    """Each unit test that needs nothing but its values: what to look for names in, and how to run it."""
    found: list[tuple[str, Run]] = []
    for module in UNIT:
        constants = {name: repr(value) for name, value in vars(module).items() if name.isupper() and name != "OVERLAY"}
        for name, test in vars(module).items():
            if name.startswith("test_") and inspect.isfunction(test) and not inspect.iscoroutinefunction(test):
                source = inspect.getsource(test)
                more = "".join(text for name, text in constants.items() if name in source)
                found += [(source + repr(values) + more, run) for values, run in _runs(test)]
    return tuple(found)


def _runs(test: Any) -> Iterator[tuple[Any, Run]]:
    """The runs of one test by the values of its parameters; none when it needs a fixture."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    needed = set(inspect.signature(test).parameters)
    if not marks and not needed:
        yield "", test
    if len(marks) != 1:
        return
    names, rows = marks[0].args[:2]
    names = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
    if set(names) != needed:
        return
    for row in rows:
        values = row if len(names) > 1 else (row,)
        values = getattr(values, "values", values)
        yield values, partial(test, **dict(zip(names, values, strict=True)))
