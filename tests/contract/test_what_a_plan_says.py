"""What a plan says of each of the writes, held against tables by kind of statement (plan_says/*.toml).

The tables turn the overlay round: by statement, not by operation, so that a write that is among the wrong ones shows.
Nothing makes them: whoever changes a row changes the table by hand, and says with that what people will read.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.catalogue.overlay import Overlay
from tests.support.said import saying
from tests.support.shipped import CATALOGUE, OVERLAY

FOLDER: Final = Path(__file__).parent / "plan_says"
GIVEN: Final = tomllib.loads((FOLDER / "given.toml").read_text("utf-8"))["cases"]
TABLES: Final = {
    file.stem: tomllib.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.toml")) if file.stem != "given"
}
Statements = Mapping[str, set[tuple[str, str]]]


def _by_operation() -> Statements:
    """What every table says of each write."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for kind, table in TABLES.items():
        for word, named in table.items():
            if isinstance(named, str):
                found[word].add((kind, named))
            else:
                for operation in named:
                    found[operation].add((kind, word))
    return found


EXPECTED: Final = _by_operation()


def unexpected(overlay: Overlay, operation: str) -> set[tuple[str, str]]:
    """The statements of one write that are not in the tables, or are in them and are not made."""
    return set(saying(overlay, operation).told()) ^ EXPECTED[operation]


def not_as_given(overlay: Overlay, case: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The statements of one write with a body that are missing, or are made though they should no longer be."""
    told = set(saying(overlay, case["operation"], case["body"]).told())
    says, no_longer = ({(kind, word) for kind, word in case[name]} for name in ("says", "no_longer"))
    return (says - told) | (no_longer & told)


@cache
def _unexpected(operation: str) -> set[tuple[str, str]]:
    return unexpected(OVERLAY, operation)


@pytest.mark.parametrize("kind", TABLES)
def test_a_plan_says_of_every_write_what_the_table_has(kind: str) -> None:
    """Neither more nor less; a row that goes missing is seen here."""
    wrong = {name: [one for one in _unexpected(name) if one[0] == kind] for name in CATALOGUE.writes()}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_no_table_names_what_is_no_write() -> None:
    """An operation that is misspelt, or gone from the API."""
    assert set(EXPECTED) - set(CATALOGUE.writes()) == set()


def test_no_plan_contradicts_itself() -> None:
    """What may cut a device off interrupts it; what reaches no device interrupts nobody."""
    interrupts = {one for named in TABLES["downtime"].values() for one in named}
    cuts, reaches_none = ({*TABLES[kind]["said"]} for kind in ("cuts_itself_off", "reaches_no_device"))
    assert cuts - interrupts == set()
    assert reaches_none & interrupts == set()


@pytest.mark.parametrize("case", GIVEN, ids=lambda case: f"{case['operation']} {case['body']}")
def test_a_plan_says_otherwise_where_the_body_decides(case: Mapping[str, Any]) -> None:
    """One operation, several things to do."""
    assert not_as_given(OVERLAY, case) == set()
