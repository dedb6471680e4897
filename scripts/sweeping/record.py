"""What the last full sweep found, as it is kept: the verdicts, and the overlay's evidence that follows from them."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mcp_server.catalogue.overlay.book import FOLDER
from scripts.sweeping.verdicts import Verdict

RESULTS: Final = Path(__file__).resolve().parent / "results.json"
EVIDENCE: Final = FOLDER / "evidence.toml"
PROVEN: Final = ("kept", "stated")
_HEAD: Final = """# What the undo of an operation has been seen to do: sandbox, or lab with the day; else schema.
# Made by `scripts/sweep --record` and `scripts/sweep --live`; a test compares it with scripts/sweeping/results.json.
"""
_SOURCES: Final[Mapping[str, str]] = {
    "sandbox": "Applied, taken back and compared in the simulated cloud: docs/reference/undo.md.",
    "lab": "Applied, taken back and compared in a lab organization by scripts/sweep --live.",
}


def results(file: Path = RESULTS) -> list[dict[str, Any]]:
    """The rows of the last sweep, in the order of the catalogue."""
    found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return found


def record(verdicts: Sequence[Verdict], order: Sequence[str], file: Path = RESULTS) -> None:
    """Put the verdicts among the rows that are kept; rows of operations that ``order`` does not name go."""
    rows = {row["operation"]: row for row in (results(file) if file.exists() else [])}
    rows |= {one.operation: one.row() for one in verdicts}
    lines = [json.dumps(rows[name], ensure_ascii=False) for name in order if name in rows]
    file.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")
    proven = [name for name in order if name in rows and rows[name]["verdict"] in PROVEN]
    write_evidence(proven, {})


def evidence_rows(proven: Iterable[str], lab: Mapping[str, str]) -> dict[str, list[str]]:
    """Operations by the word of their evidence; what was seen in a lab counts more than the sandbox."""
    found: dict[str, list[str]] = {"sandbox": sorted(name for name in proven if name not in lab)}
    for name, day in sorted(lab.items()):
        found.setdefault(f"lab {day}", []).append(name)
    return {word: names for word, names in found.items() if names}


def write_evidence(proven: Iterable[str], lab: Mapping[str, str], file: Path = EVIDENCE) -> None:
    """The overlay's file; days of the lab that it has stay, ``lab`` are newer ones by operation."""
    known = lab_days(file) | dict(lab)
    rows = evidence_rows(proven, known)
    text = [_HEAD]
    for word, names in rows.items():
        source = _SOURCES[word.partition(" ")[0]]
        listed = "".join(f'  "{name}",\n' for name in names)
        text.append(f'\n[[rows]]\nevidence = "{word}"\nsource = "{source}"\noperations = [\n{listed}]\n')
    file.write_text("".join(text), "utf-8")


def lab_days(file: Path = EVIDENCE) -> dict[str, str]:
    """The day on which each operation was last seen to be undone in a lab."""
    return {
        name: word.removeprefix("lab ")
        for word, names in _words(file).items()
        if word.startswith("lab ")
        for name in names
    }


def sandbox_names(file: Path = EVIDENCE) -> list[str]:
    """The operations whose undo was seen in the sandbox and in no lab."""
    return _words(file).get("sandbox", [])


def _words(file: Path) -> dict[str, list[str]]:
    if not file.exists():
        return {}
    rows = tomllib.loads(file.read_text("utf-8")).get("rows", [])
    return {row["evidence"]: list(row["operations"]) for row in rows}
