"""The rows of the files by operation, each parsed when it is first asked for.

Parsing TOML is slow (a tenth of a second for all rows) and most calls need a few rows, so a file is
cut at its ``[[rows]]`` lines and only the operations of each piece are read at start. ``check`` parses everything.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay.row import OverlayError, condition, row_fields

PATHS_FILE = "paths.toml"  #: rules by path; the other files have rows by operation
_ROW = "\n[[rows]]\n"
_OPERATIONS = re.compile(r"^operations\s*=\s*\[([^\]]*)\]", re.MULTILINE)
_NAME = re.compile(r"[\"']([^\"']*)[\"']")


class Entries(Mapping[str, Mapping[str, Any]]):
    """Checked fields by operation id. Asking for one raises OverlayError when a row of it is wrong."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        """Read the files of a folder; nothing is parsed yet."""
        self._known = frozenset(catalogue.ids())
        self._pieces: list[tuple[str, str]] = []
        self._of: dict[str, list[int]] = {}
        self._found: dict[str, dict[str, Any]] = {}
        self._parsed: dict[int, Mapping[str, Any]] = {}
        for file in sorted(folder.glob("*.toml")):
            if file.name != PATHS_FILE:
                self._cut(file.name, file.read_text(encoding="utf-8"))

    def __getitem__(self, operation_id: str) -> Mapping[str, Any]:
        if operation_id not in self._found:
            self._found[operation_id] = self._entry(operation_id, self._of[operation_id])
        return self._found[operation_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def check(self) -> None:
        """Parse every row; OverlayError names the file and row that is wrong."""
        for number, (where, _) in enumerate(self._pieces):
            named = self._row(number)["operations"]
            if any(number not in self._of.get(operation_id, ()) for operation_id in named):
                raise OverlayError(f"{where}: operations must stand in one list of plain texts")
        for operation_id in self:
            self[operation_id]

    def rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every row of the files, in order, with where it stands: its operations, source, fields and conditions."""
        for number, (where, _) in enumerate(self._pieces):
            yield where, self._row(number)

    def _cut(self, file: str, text: str) -> None:
        for number, piece in enumerate(f"\n{text}".split(_ROW)[1:], 1):
            found = _OPERATIONS.search(piece)
            for operation_id in _NAME.findall(found.group(1)) if found else ():
                self._of.setdefault(operation_id, []).append(len(self._pieces))
            self._pieces.append((f"{file} row {number}", piece))

    def _row(self, number: int) -> Mapping[str, Any]:
        """One piece as a row: its operations, source, fields and conditions."""
        if number not in self._parsed:
            where, piece = self._pieces[number]
            self._parsed[number] = _checked(where, tomllib.loads(piece), self._known)
        return self._parsed[number]

    def _entry(self, operation_id: str, numbers: list[int]) -> dict[str, Any]:
        """Several rows may speak of one operation, each of other fields."""
        entry: dict[str, Any] = {"conditions": (), "sources": ()}
        for number in numbers:
            row = self._row(number)
            twice = sorted(set(entry) & set(row["fields"]))
            if twice:
                raise OverlayError(f"{self._pieces[number][0]}: {twice[0]!r} is set twice")
            entry.update(row["fields"])
            entry["conditions"] += row["conditions"]
            entry["sources"] += (row["source"],)
        _complete(operation_id, entry, self._known)
        return entry


def _checked(where: str, row: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    if not row.get("operations") or not row.get("source"):
        raise OverlayError(f"{where}: operations and source are needed")
    unknown = [operation_id for operation_id in row["operations"] if operation_id not in known]
    if unknown:
        raise OverlayError(f"{where}: there is no operation {unknown[0]!r}")
    rest = {name: value for name, value in row.items() if name not in ("operations", "source", "when")}
    conditions = tuple(condition(f"{where}.when", entry) for entry in row.get("when", ()))
    return {
        "operations": row["operations"],
        "source": row["source"],
        "fields": row_fields(where, rest),
        "conditions": conditions,
    }


def _complete(operation_id: str, entry: Mapping[str, Any], known: frozenset[str]) -> None:
    """What a row needs and names must exist."""
    if "risk" not in entry:
        raise OverlayError(f"{operation_id}: a row needs a risk")
    named = [entry.get("inverse", ""), *(name for one in entry.get("dependants", ()) for name in (one.read, one.write))]
    named += [entry["reader"].operation] if entry.get("reader") else []
    named += [name for when in entry["conditions"] for name in (when.fields.get("inverse"),)]
    missing = [name for name in named if name and name not in known]
    if missing:
        raise OverlayError(f"{operation_id}: there is no operation {missing[0]!r}")
