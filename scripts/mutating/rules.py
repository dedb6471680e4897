"""The rules of the overlay, one by one, and the overlay without one of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.overlay.book import FOLDER
from mcp_server.catalogue.overlay.entries import PATHS_FILE, Entries
from tests.support.shipped import CATALOGUE, OVERLAY

BASE: Final = Entries(CATALOGUE, FOLDER)
BY_PATH: Final = OVERLAY._path_rules  # noqa: SLF001  a private look at what is switched off


@dataclass(frozen=True, slots=True)
class Rule:
    """One field of one row, or of one rule by path; conditions count as one field."""

    where: str
    number: int
    field: str
    operations: tuple[str, ...]
    is_by_path: bool = False


def rules() -> Iterator[Rule]:
    """Every field of every row, then every field of every rule by path, with the writes that it is of."""
    for number, (where, row) in enumerate(BASE.rows()):
        for name in (*row["fields"], *(["when"] if row["conditions"] else [])):
            yield Rule(where, number, name, tuple(row["operations"]))
    for number, one in enumerate(BY_PATH):
        for name in one["fields"]:
            rule = Rule(f"{PATHS_FILE} {number + 1}", number, name, (), is_by_path=True)
            mutated = without(rule)
            changed = tuple(one for one in CATALOGUE.writes() if mutated.row(one) != OVERLAY.row(one))
            yield Rule(rule.where, number, name, changed, is_by_path=True)


def without(rule: Rule) -> Overlay:
    """The overlay with that rule switched off."""
    entries = Entries(CATALOGUE, FOLDER)
    entries._parsed = dict(BASE._parsed)  # noqa: SLF001  as above, here and below
    overlay = Overlay(CATALOGUE, entries, FOLDER)
    by_path = list(BY_PATH)
    if rule.is_by_path:
        by_path[rule.number] = {**by_path[rule.number], "fields": _less(by_path[rule.number]["fields"], rule.field)}
    else:
        row = dict(entries._row(rule.number))  # noqa: SLF001
        row["fields"] = _less(row["fields"], rule.field)
        row["conditions"] = () if rule.field == "when" else row["conditions"]
        entries._parsed[rule.number] = row  # type: ignore[index]  # noqa: SLF001  its own copy
    overlay.__dict__["_path_rules"] = tuple(by_path)
    return overlay


def _less(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
