"""What is kept and told of a soak that went wrong: the witnesses' files, and what they say of each thing that broke."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from tests.faults.oracle import Evidence

Json = Any
Row = Mapping[str, Json]
MOST_LINES: Final = 60  #: of one thing that broke; the rest is in the files
_CHANGE: Final = re.compile(r"CHG-[0-9A-Za-z-]+")
_PATH: Final = re.compile(r"/(?:organizations|networks|devices)/[^\s,]+")


@dataclass
class Scratch:
    """The directory of a run; it goes when the run ends, unless it ``is_kept``."""

    root: Path = field(default_factory=lambda: Path(mkdtemp(prefix="soak-")))
    is_kept: bool = False


@contextmanager
def scratch() -> Iterator[Scratch]:
    """A directory that stays when the block asks for it, or fails."""
    place = Scratch()
    try:
        yield place
    except BaseException:
        place.is_kept = True
        raise
    finally:
        if not place.is_kept:
            shutil.rmtree(place.root)


def keep(evidence: Evidence, root: Path) -> str:
    """The evidence in files there, as the oracle reads it; the command that has it judged again."""
    for name in ("journal", "state", "before"):
        (root / f"{name}.json").write_text(json.dumps(getattr(evidence, name), default=str), "utf-8")
    for name in ("audit", "told", "measured", "others"):
        rows = "".join(json.dumps(row, default=str) + "\n" for row in getattr(evidence, name))
        (root / f"{name}.jsonl").write_text(rows, "utf-8")
    files = [f"--{name} {root}/{name}.json" for name in ("journal", "state", "before")]
    files += [f"--{name} {root}/{name}.jsonl" for name in ("audit", "told", "measured", "others")]
    given = f"--partial --on-the-way {evidence.on_the_way_s:g}"
    return f"python -m tests.faults.oracle {given} {' '.join(files)}"


def dossier(evidence: Evidence, broken: str) -> Sequence[str]:
    """What the record and the cloud's journal say, in order, of the changes and places that a line names."""
    changes = set(_CHANGE.findall(broken))
    paths = set(_PATH.findall(broken))
    if changes:  # else the changes are those that wrote there
        paths |= {place for row in evidence.audit if row.get("change_id") in changes for place in _asked(row)}
    changes |= {str(row["change_id"]) for row in evidence.audit if paths.intersection(_asked(row))}
    told = [(str(row["at"]), line) for row in evidence.audit if row.get("change_id") in changes for line in _told(row)]
    told += [(str(row["at"]), _request(row)) for row in evidence.journal if _is_telling(row, paths)]
    told += [
        (str(row["at"]), f"others   {row['path']} {row['field']}") for row in evidence.others if row["path"] in paths
    ]
    lines = [f"  {at[11:23]} {line}" for at, line in sorted(told)]
    left = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], *([f"  and {left} more"] if left > 0 else [])]


def _asked(row: Row) -> Iterable[str]:
    """The path of an intent."""
    return [str(row["detail"]["request"]["path"])] if row.get("event") == "intent" else []


def _told(row: Row) -> Iterable[str]:
    """A row of the record in short."""
    if row["event"] in ("intent", "outcome", "reconciled", "state", "recovery", "resolution", "alert"):
        detail = json.dumps(row["detail"], default=str)[:240]
        yield f"record   {row['change_id']} {row['event']} {row['status']} {detail}"


def _is_telling(row: Row, paths: set[str]) -> bool:
    """Whether a request is a write to one of the places."""
    return row["method"] != "GET" and row["path"] in paths


def _request(row: Row) -> str:
    """A row of the cloud's journal in short."""
    did = "took effect" if row["took_effect"] else "did nothing"
    by_the_way = {name: row[name] for name in ("fault", "headers") if row.get(name)}
    body = json.dumps(row["body"], default=str)[:100]
    return f"cloud    {row['number']} {row['method']} {row['path']} {body} {row['status']}, {did} {by_the_way or ''}"
