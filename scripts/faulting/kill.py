"""One cell: a server is killed at a point, another one takes its place, and the oracle judges what came of it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from mcp_server.cli.program import main as command_line
from mcp_server.settings import Settings, load
from scripts.faulting.cells import Cell
from scripts.faulting.cloud import KEY, Cloud
from scripts.faulting.life import Ended, Work, live
from scripts.faulting.stories import PSK, STORIES, look
from tests.faults.oracle import Evidence, Verdict, judge
from tests.support.forked import live_and_end
from tests.support.stage import QUICK

Json = Any
#: Between the kill and the restart nothing waits: who lived is known from the operating system, not from a time-out.
SETTINGS: Final[Mapping[str, Json]] = {**QUICK, "profile": "solo", "allow_loopback": True, "secrets": {"GUEST": PSK}}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a cell. ``faults`` are those of the run itself: a point that was not reached, a server that fell."""

    name: str
    verdict: Verdict
    ended: Sequence[str] = ()  #: the last state of each change
    faults: Sequence[str] = field(default_factory=tuple)
    hit: str = ""  #: the system call that was hit, when one was to be

    @property
    def holds(self) -> bool:
        """Whether the cell shows what it has to."""
        return not self.faults and not self.verdict.broken


def run(cell: Cell, cloud: Cloud) -> Result:
    """The cell, carried out on a cloud as it was at first."""
    story = STORIES[cell.story]
    with TemporaryDirectory() as scratch:
        place = Place(Path(scratch), cloud)
        cloud.reset()
        story.before(cloud)
        before, known = cloud.state(), len(cloud.journal())
        faults: list[str] = []
        if story.first is not None:
            faults += unless(place.live("", story.first).code == 0, "the server that goes first failed")
        ahead_s = story.ahead_s
        if ahead_s:
            cloud.advance(ahead_s)
        ended = place.live(f"{cell.point}:kill:{cell.nth}", story.tell, ahead_s=ahead_s)
        faults += unless(is_at(ended, cell.point, cell.nth), f"not killed at {cell.point}: {ended}")
        if cell.again:
            ended = place.live(f"{cell.again}:kill", look, ahead_s=ahead_s)
            faults += unless(is_at(ended, cell.again, 1), f"recovery not killed at {cell.again}: {ended}")
        faults += unless(
            place.live("", look, ahead_s=ahead_s).code == 0, f"the server after it failed: {place.errors()}"
        )
        return result(str(cell), place.evidence(before, known), faults)


def result(name: str, evidence: Evidence, faults: Sequence[str], hit: str = "") -> Result:
    """What came of a run by that name, judged."""
    return Result(name, judge(evidence), _ends(evidence), faults, hit)


def unless(holds: bool, otherwise: str) -> list[str]:
    """No fault, or that one."""
    return [] if holds else [otherwise]


def is_at(ended: Ended, point: str, nth: int) -> bool:
    """Whether a life was killed just when it reached the point: what it wrote down last says so."""
    return ended.was_killed and ended.reached[-1:] == (f"{point} {nth}",)


def _ends(evidence: Evidence) -> Sequence[str]:
    ends = {
        row["change_id"]: row["status"] for row in evidence.audit if row.get("event") == "state" and row["change_id"]
    }
    return tuple(ends.values())


@dataclass(frozen=True, slots=True)
class Place:
    """A data directory, its settings and what was told there."""

    root: Path
    cloud: Cloud
    given: Mapping[str, Json] = field(default_factory=dict)  #: further settings

    def settings(self, failpoint: str) -> Settings:
        """Those of a server that stops at these points."""
        home = self.root / "home"
        home.mkdir(mode=0o700, exist_ok=True)
        usual = {**SETTINGS, "home": home, "base_url": self.cloud.url, "api_key": KEY}
        known = load({}, overrides={**usual, **self.given})
        return replace(known, failpoint=failpoint, failpoint_trace=self.root / "trace")

    def live(self, failpoint: str, work: Work, **more: Any) -> Ended:
        """One life of a server there; ``more`` as for ``live``: paced, watch, ahead_s."""
        return live(self.settings(failpoint), self.root / "told", work, **more)

    def answers(self, names: str = "told") -> list[Mapping[str, Json]]:
        """What the callers were told, from the files of these names."""
        return [row for file in sorted(self.root.glob(names)) for row in _rows(file)]

    def errors(self) -> str:
        """The end of what the servers wrote on standard error."""
        file = self.root / "stderr"
        return file.read_text("utf-8", "replace")[-2000:] if file.exists() else ""

    def evidence(self, before: Mapping[str, Json], known: int, *, told: str = "told", **more: Any) -> Evidence:
        """What the witnesses say; the first ``known`` requests were others'; ``told`` names files."""
        stdout = self.root / "stdout"
        return Evidence(
            journal=self.cloud.journal()[known:],
            before=before,
            state=self.cloud.state(),
            audit=exported(self.root / "home", self.root / "audit"),
            told=self.answers(told),
            canaries=(KEY, PSK),
            stdout=stdout.read_text("utf-8").splitlines() if stdout.exists() else (),
            measured=_rows(self.root / "measured"),
            **{"paced": False, **more},
        )


def exported(home: Path, target: Path) -> list[Mapping[str, Json]]:
    """The audit, as the command line exports it in a process of its own."""
    child = os.fork()
    if child == 0:
        live_and_end(partial(_export, home, target))
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError("the audit could not be exported")
    return _rows(target)


def _export(home: Path, target: Path) -> int:
    """The exit code of the command."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        command_line(["--home", str(home), "audit", "export", "--to", str(target)])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def _rows(path: Path) -> list[Mapping[str, Json]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
