"""The measured questions: loading, the two halves, recall and rank."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_server.catalogue.search import Search

QUERIES = Path(__file__).with_name("queries.toml")
TUNING, HELD_OUT = 0, 1  #: by position in the list of a language
DEPTH = 50  #: how far down an answer is looked for; one further down counts as not found


@dataclass(frozen=True, slots=True)
class Case:
    """One question and the operations that answer it."""

    asked: str
    wanted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """Shares from 0 to 1 over the questions of one half."""

    recall_at_1: float
    recall_at_5: float
    mean_reciprocal_rank: float
    missed: tuple[str, ...]  #: questions with no right answer among the first five


def cases(language: str, half: int | None = None) -> list[Case]:
    """The questions of a language, of one half when given."""
    rows = tomllib.loads(QUERIES.read_text("utf-8"))[language]
    kept = rows if half is None else rows[half::2]
    return [Case(row[0], tuple(row[1:])) for row in kept]


def rank(search: Search, case: Case) -> int:
    """Place from 1 of the first right answer; 0 when none is among the first ``DEPTH``."""
    ids = [hit.id for hit in search.operations(case.asked, DEPTH)]
    return next((place for place, id_ in enumerate(ids, 1) if id_ in case.wanted), 0)


def measure(search: Search, asked: Sequence[Case]) -> Measured:
    """The figures over the questions given, at least one."""
    ranks = [rank(search, case) for case in asked]
    return Measured(
        sum(place == 1 for place in ranks) / len(ranks),
        sum(1 <= place <= 5 for place in ranks) / len(ranks),
        sum(1 / place for place in ranks if place) / len(ranks),
        tuple(case.asked for case, place in zip(asked, ranks, strict=True) if not 1 <= place <= 5),
    )
