"""Which lives are hit, when a row ends, and what is found wrong with a life."""

from collections.abc import Iterator
from typing import Any

import pytest

from scripts.faulting.kill import Result
from scripts.faulting.syscalls import chosen, early, never_hit, run_of, silent, told, until_not_hit
from tests.faults.oracle import Verdict


def results(made: list[int], last: int) -> Iterator[Result]:
    """Lives that are hit up to the last; each is noted when it is made."""
    for nth in range(1, 100):
        made.append(nth)
        yield Result(f"one:send:kill#{nth}", Verdict(), hit="sendto" if nth <= last else "")


@pytest.mark.parametrize("last", [0, 1, 7])
def test_a_row_ends_with_the_first_life_that_was_not_hit(last: int) -> None:
    """That life is one of the results, and no further one is carried out."""
    made: list[int] = []
    row = list(until_not_hit(results(made, last)))
    assert [bool(one.hit) for one in row] == [True] * last + [False]
    assert made == list(range(1, last + 2))


@pytest.mark.parametrize(
    ("calls", "nths"),
    [
        (0, [1]),
        (1, [1, 2]),
        (2, [1, 2, 3]),
        (5, [1, 2, 4, 5, 6]),
        (30, [1, 2, 10, 19, 28, 29, 30, 31]),
    ],
)
def test_a_selection_holds_the_first_the_last_some_between_and_one_after_the_last(calls: int, nths: list[int]) -> None:
    """The one after the last shows that a life ends without being hit."""
    assert chosen(calls) == nths


def test_of_a_tale_that_takes_long_one_early_call_is_hit() -> None:
    """In whichever of two threads it is made. Also of none, which is then reported as never hit."""
    assert [list(early(calls)) for calls in (0, 1, 2, 18)] == [[1], [1], [1], [5]]


@pytest.mark.parametrize("name", ["one:send:kill#3", "back:checkpoint:ENOSPC#12"])
def test_a_run_is_found_by_the_name_that_it_is_told_with(name: str) -> None:
    """So that a bad one can be made again."""
    assert str(run_of(name)) == name


@pytest.mark.parametrize("name", ["six:send:kill#3", "one:recv:kill#3", "one:send:EPERM#3", "one:send:kill", "K7", ""])
def test_a_name_of_no_run_is_none(name: str) -> None:
    """No tale, line, action or number of that name."""
    assert run_of(name) is None


def row(name: str, hit: str = "", broken: tuple[str, ...] = ()) -> dict[str, Any]:
    """A result as a job writes it."""
    return {"name": name, "hit": hit, "broken": broken}


def test_figures_are_told_by_call_and_action_and_a_row_that_nothing_hit_is_named() -> None:
    """A sweep that reached nothing is a failure, not a success."""
    rows = [row("one:send:kill#1", "sendto"), row("one:send:kill#2"), row("back:send:kill#1", "sendto", ("BROKEN I3",))]
    assert list(told(rows)) == ["send kill              3 runs,     2 hit,   1 ended first, 1 bad"]
    assert never_hit([*rows, row("one:fsync:kill#1")]) == ["one:fsync"]


def answer(tool: str, receipt: Any, status: str = "") -> dict[str, Any]:
    """An answer as the caller keeps it."""
    return {"tool": tool, "payload": {"receipt": receipt, "server": {"status": status}}}


REFUSED = "changes refused: the store cannot be written"


@pytest.mark.parametrize(
    ("checks", "is_silent"),
    [
        ([(None, "ok")] * 3, True),
        ([(None, "ok"), (None, "ok"), (None, REFUSED)], False),
        ([(None, REFUSED), (None, "ok"), (None, "ok")], False),
        ([(None, "ok"), (None, "ok"), ({"seq": 2}, "ok")], False),
        ([({"seq": 1}, "ok"), (None, "ok"), (None, "ok")], False),
    ],
)
def test_health_checks_without_a_record_that_find_nothing_are_a_fault(
    checks: list[tuple[Any, str]], is_silent: bool
) -> None:
    """Whoever meets a store that cannot be written must be told why somewhere, as long as it cannot."""
    assert bool(silent([answer("health_check", *check) for check in checks])) == is_silent


@pytest.mark.parametrize(
    "tools", [(), ("health_check", "health_check"), ("health_check", "health_check", "meraki_read")]
)
def test_a_life_that_was_not_asked_for_its_health_at_the_end_is_a_fault(tools: tuple[str, ...]) -> None:
    """A check that finds nothing to look at has not passed."""
    assert silent([answer(tool, {"seq": 1}, "ok") for tool in tools])
