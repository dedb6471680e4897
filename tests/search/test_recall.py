"""Recall on people's questions, by language and by half."""

import pytest

from mcp_server.catalogue.search import Search
from tests.search.measure import HELD_OUT, TUNING, cases, measure
from tests.support.shipped import CATALOGUE

LANGUAGES = ("english", "portuguese")
SEARCH = Search(CATALOGUE)


def test_the_test_set_is_big_enough_and_asks_for_operations_that_exist() -> None:
    """At least 200 questions, half in each language, none twice."""
    known = set(CATALOGUE.ids())
    asked = [cases(language) for language in LANGUAGES]
    assert all(len(one) >= 100 for one in asked)
    questions = [case.asked for one in asked for case in one]
    assert len(questions) == len(set(questions))
    assert {wanted for one in asked for case in one for wanted in case.wanted} <= known


def test_the_halves_share_no_question() -> None:
    """What is held out is never tuned on."""
    for language in LANGUAGES:
        tuned, held = cases(language, TUNING), cases(language, HELD_OUT)
        assert not {case.asked for case in tuned} & {case.asked for case in held}
        assert len(tuned) + len(held) == len(cases(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_right_operation_is_among_the_first_five_of_what_was_tuned_on(language: str) -> None:
    """For nearly every question; the misses are named."""
    measured = measure(SEARCH, cases(language, TUNING))
    assert measured.recall_at_5 >= 0.95, measured.missed


@pytest.mark.parametrize(("language", "least"), [("english", 0.95), ("portuguese", 0.90)])
def test_the_right_operation_is_among_the_first_five_of_what_is_held_out(language: str, least: float) -> None:
    """Only the figure is told: whoever read the misses would tune on them."""
    recall = measure(SEARCH, cases(language, HELD_OUT)).recall_at_5
    assert recall >= least
