"""The overlay as a whole: the files read, checked against the catalogue, and a row for every operation."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay.defaults import default_row
from mcp_server.catalogue.overlay.places import Places, leaves
from mcp_server.catalogue.overlay.row import OverlayError, Row, condition, row_fields
from mcp_server.domain.call import Touch

FOLDER = Path(__file__).parent
_ADDED = ("volatile", "unordered", "map_fields")  #: a row adds to what holds everywhere; other fields it replaces
PATHS_FILE = "paths.toml"  #: rules by path; the other files have rows by operation


class Overlay:
    """The rows of one catalogue."""

    def __init__(
        self, places: Places, entries: Mapping[str, Mapping[str, Any]], path_rules: list[Mapping[str, Any]]
    ) -> None:
        """``entries`` are the checked fields by operation id."""
        self.places = places
        self._entries = entries
        self._path_rules = path_rules
        self._rows: dict[str, Row] = {}

    @classmethod
    def load(cls, catalogue: Catalogue, folder: Path | None = None) -> "Overlay":
        """The overlay of the shipped files; OverlayError names the file and row that is wrong."""
        entries: dict[str, dict[str, Any]] = {}
        path_rules: list[Mapping[str, Any]] = []
        for file in sorted((folder or FOLDER).glob("*.toml")):
            document = tomllib.loads(file.read_text(encoding="utf-8"))
            if file.name == PATHS_FILE:
                path_rules = [_path_rule(f"{file.name} {n}", rule) for n, rule in enumerate(document["rules"], 1)]
            else:
                _add_rows(catalogue, file.name, document, entries)
        _check(catalogue, entries)
        rules = {name: entry["reader"] for name, entry in entries.items() if entry.get("reader")}
        readers = {name: (rule.operation, rule.at) for name, rule in rules.items()}
        return cls(Places(catalogue, readers), entries, path_rules)

    def row(self, operation_id: str) -> Row:
        """The operation's row: of the files, or computed from its schema (``proven`` False)."""
        found = self._rows.get(operation_id)
        if found is None:
            operation = self.places.catalogue.find(operation_id)
            found = default_row(self.places, operation, self._path_rules)
            if operation_id in self._entries:
                entry = self._entries[operation_id]
                added = {name: getattr(found, name) + entry[name] for name in _ADDED if name in entry}
                found = replace(found, proven=True, **{**entry, **added})
            self._rows[operation_id] = found
        return found

    def row_for(self, touch: Touch) -> Row:
        """The row of one call: its operation's, with the conditions on its body applied."""
        return self.row(touch.operation).given(touch.body)

    def unknown_fields(self) -> tuple[str, ...]:
        """``operation: field`` for each field that a row names and neither the body nor the read schema has.

        Not part of ``load``, because it parses the schemas of every operation that the files name.
        """
        return tuple(
            f"{operation_id}: {name}"
            for operation_id in self._entries
            for name in _named_fields(self.row(operation_id))
            if name not in _field_names(self.places, operation_id)
        )

    def proven(self) -> tuple[str, ...]:
        """Ids of the operations that the files name."""
        return tuple(self._entries)


def _path_rule(where: str, rule: Mapping[str, Any]) -> Mapping[str, Any]:
    rest = {name: value for name, value in rule.items() if name not in ("paths", "methods", "source")}
    if not rule.get("paths") or not rule.get("source"):
        raise OverlayError(f"{where}: paths and source are needed")
    return {"paths": rule["paths"], "fields": row_fields(where, rest)} | (
        {"methods": rule["methods"]} if "methods" in rule else {}
    )


def _add_rows(catalogue: Catalogue, file: str, document: Mapping[str, Any], entries: dict[str, dict[str, Any]]) -> None:
    known = set(catalogue.ids())
    for number, row in enumerate(document.get("rows", ()), 1):
        where = f"{file} row {number}"
        operations = row.get("operations")
        if not operations or not row.get("source"):
            raise OverlayError(f"{where}: operations and source are needed")
        rest = {name: value for name, value in row.items() if name not in ("operations", "source", "when")}
        found = row_fields(where, rest)
        conditions = tuple(condition(f"{where}.when", entry) for entry in row.get("when", ()))
        for operation_id in operations:
            if operation_id not in known:
                raise OverlayError(f"{where}: there is no operation {operation_id!r}")
            _merge(where, entries.setdefault(operation_id, {}), found, conditions, row["source"])


def _merge(
    where: str, entry: dict[str, Any], found: Mapping[str, Any], conditions: tuple[Any, ...], source: str
) -> None:
    """Several rows may speak of one operation, each of other fields."""
    twice = sorted(set(entry) & set(found))
    if twice:
        raise OverlayError(f"{where}: {twice[0]!r} is set twice")
    entry.update(found)
    entry["conditions"] = entry.get("conditions", ()) + conditions
    entry["sources"] = (*entry.get("sources", ()), source)


def _named_fields(row: Row) -> tuple[str, ...]:
    """Every field that a row names, but for those that it says the schema lacks."""
    named = row.write_only + row.secrets + row.unreadable + row.natural_key
    words = tuple(name.partition(":")[2] for name in row.transforms if ":" in name and not name.startswith("wrap"))
    arguments = tuple(word.partition(" by ")[0] for word in words)
    own = tuple(field for condition in row.conditions for field in condition.body)
    return named + arguments + tuple(row.keyed_lists) + own + ((row.rules_at,) if row.default_rules else ())


def _field_names(places: Places, operation_id: str) -> set[str]:
    """Every path in the body and in the read schema, of plain fields and of what holds them."""
    operation = places.catalogue.find(operation_id)
    schemas = [operation.body, places.read_schema(operation)]
    if operation.path_params:  # rows of one resource are shared by its create, update and delete
        others = [places.parent("POST", operation), *map(places.own_other, ("PUT", "POST"), [operation] * 2)]
        schemas += [other.body for other in others if other]
    names: set[str] = set()
    for path in (path for schema in schemas if schema for path in leaves(schema)):
        parts = path.split(".")
        names |= {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    return names | {name.removesuffix("[]") for name in names}


def _check(catalogue: Catalogue, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """What a row needs and names must exist."""
    known = set(catalogue.ids())
    for operation_id, entry in entries.items():
        if "risk" not in entry:
            raise OverlayError(f"{operation_id}: a row needs a risk")
        named = [entry.get("inverse", ""), *entry.get("dependants", ())]
        named.append(entry["reader"].operation if entry.get("reader") else "")
        missing = [name for name in named if name and name not in known]
        if missing:
            raise OverlayError(f"{operation_id}: there is no operation {missing[0]!r}")
        if entry.get("undo") == "none" and not entry.get("why_none"):
            raise OverlayError(f"{operation_id}: says no reason why it cannot be undone")
