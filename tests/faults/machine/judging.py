"""What the oracle is given of a run."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from scripts.faulting.cloud import KEY
from scripts.faulting.kill import exported
from tests.faults.machine.model import Model
from tests.faults.oracle import Evidence, Verdict, judge

Json = Any
#: By which clock an invariant is judged: these by the wall clock that the product has, the others by the true time.
BY_WALL: Final = frozenset({"I4", "I7"})


@dataclass
class Kept:
    """The witnesses of one run."""

    root: Path
    before: Mapping[str, Json]
    told: list[Mapping[str, Json]] = field(default_factory=list)
    jumps: list[tuple[int, float]] = field(default_factory=list)  #: rows before it, and by how much the clock was set

    def clock_set(self, seconds: float) -> None:
        """From the next row on, the audit is written under a clock that was set."""
        self.jumps.append((self._rows(), seconds))

    def verdict(self, model: Model) -> Verdict:
        """What the oracle says of the run."""
        audit = exported(self.root / "home", self.root / "audit")
        evidence = Evidence(
            journal=json.loads(json.dumps(model.journal(), default=str)),
            before=self.before,
            state=model.cloud.state(),
            audit=audit,
            told=self.told,
            canaries=(KEY,),
            paced=False,
            others=[one.told() for one in model.edits],
        )
        by_wall, by_truth = judge(evidence), judge(replace(evidence, audit=list(self._true(audit))))
        broken = [one for one in by_wall.broken if one[0] in BY_WALL]
        broken += [one for one in by_truth.broken if one[0] not in BY_WALL]
        return Verdict(by_truth.exercised, broken)

    def _true(self, audit: Sequence[Mapping[str, Json]]) -> Iterator[Mapping[str, Json]]:
        """The rows with the time that a clock would have told that nobody sets."""
        for row in audit:
            if "event" not in row:
                yield row
                continue
            set_s = sum(seconds for before, seconds in self.jumps if row["seq"] > before)
            at = datetime.fromisoformat(row["at"]) - timedelta(seconds=set_s)
            yield {**row, "at": at.isoformat()}

    def _rows(self) -> int:
        """How many rows the audit has."""
        with closing(sqlite3.connect(f"file:{self.root / 'home' / 'store.db'}?mode=ro", uri=True)) as store:
            return int(store.execute("SELECT coalesce(max(seq), 0) FROM audit").fetchone()[0])
