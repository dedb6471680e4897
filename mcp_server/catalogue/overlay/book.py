"""The overlay as a whole: the files read, checked against the catalogue, and a row for every operation."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay.defaults import default_row
from mcp_server.catalogue.overlay.entries import PATHS_FILE, Entries
from mcp_server.catalogue.overlay.idle import ADDED, idle_values
from mcp_server.catalogue.overlay.places import Places, leaves
from mcp_server.catalogue.overlay.row import OverlayError, Row, row_fields
from mcp_server.domain.call import Touch

FOLDER = Path(__file__).parent


class Overlay:
    """The rows of one catalogue."""

    def __init__(self, catalogue: Catalogue, entries: Entries, folder: Path) -> None:
        """``entries`` are the fields by operation id; rules by path are read from ``folder``."""
        self._entries = entries
        self._folder = folder
        self.places = Places(catalogue, self._read_where)
        self._rows: dict[str, Row] = {}

    @classmethod
    def load(cls, catalogue: Catalogue, folder: Path | None = None) -> "Overlay":
        """The overlay of the shipped files, each row parsed when it is first asked for, or of a whole folder, checked.

        OverlayError names the file and row that is wrong; for the shipped files a test asks for ``check``.
        """
        overlay = cls(catalogue, Entries(catalogue, folder or FOLDER), folder or FOLDER)
        if folder is not None:
            overlay.check()
        return overlay

    def check(self) -> None:
        """Parse and check every row and rule; OverlayError names what is wrong."""
        self._entries.check()
        self._path_rules  # noqa: B018 parsed when first asked for
        for operation_id in self._entries:
            self.check_row(operation_id)

    def idle(self) -> tuple[str, ...]:
        """``file row: field`` for each value of the files that says what the schema or a rule by path says already.

        Not part of ``check``: the schema of a newer API may catch up with a row, and the row is not wrong then.
        """
        found: list[str] = []
        for where, row in self._entries.rows():
            places = {one: self.places.catalogue.place(one)[1] for one in row["operations"]}
            found += [f"{where}: {name}" for name in idle_values(row["fields"], places, self._base, self.row)]
            given = [name for one in row["conditions"] for name in idle_values(one.fields, places, self.row, self.row)]
            found += [f"{where}: when {name}" for name in given]
        return tuple(found)

    def check_row(self, operation_id: str) -> None:
        """OverlayError when the row is wrong, or cannot be undone (always, or with some body) and does not say why."""
        row = self.row(operation_id)
        hopeless = [row] if row.undo == "none" else [replace(row, **one.fields) for one in row.conditions]
        if any(one.undo == "none" and not one.why_none for one in hopeless):
            raise OverlayError(f"{operation_id}: says no reason why it cannot be undone")

    def _base(self, operation_id: str) -> Row:
        """The operation's row without what the files say of it, but for where it is read."""
        return default_row(self.places, self.places.catalogue.find(operation_id), self._path_rules)

    def row(self, operation_id: str) -> Row:
        """The operation's row: of the files, or computed from its schema (``proven`` False)."""
        found = self._rows.get(operation_id)
        if found is None:
            found = self._base(operation_id)
            if operation_id in self._entries:
                entry = self._entries[operation_id]
                added = {name: getattr(found, name) + entry[name] for name in ADDED if name in entry}
                found = replace(found, proven=True, **{"why_none": "", **entry, **added})
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

    @cached_property
    def _path_rules(self) -> tuple[Mapping[str, Any], ...]:
        file = self._folder / PATHS_FILE
        document = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {"rules": []}
        return tuple(_path_rule(f"{file.name} {n}", rule) for n, rule in enumerate(document["rules"], 1))

    def _read_where(self, operation_id: str) -> tuple[str, str] | None:
        """The read that a row names for its operation, and the field of its list."""
        rule = self._entries[operation_id].get("reader") if operation_id in self._entries else None
        return (rule.operation, rule.at) if rule else None


def _path_rule(where: str, rule: Mapping[str, Any]) -> Mapping[str, Any]:
    rest = {name: value for name, value in rule.items() if name not in ("paths", "methods", "source")}
    if not rule.get("paths") or not rule.get("source"):
        raise OverlayError(f"{where}: paths and source are needed")
    return {"paths": rule["paths"], "fields": row_fields(where, rest)} | (
        {"methods": rule["methods"]} if "methods" in rule else {}
    )


def _named_fields(row: Row) -> tuple[str, ...]:
    """Every field that a row names, but for those that it says the schema lacks."""
    named = row.write_only + row.unreadable + row.natural_key
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
