"""scripts/sweep: try the writes of the API in the sandbox, print what became of each promise of undo."""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import anyio

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.sandbox.behaviour import BEHAVIOURS
from scripts.sweeping.lab import fit_for_a_lab
from scripts.sweeping.record import EVIDENCE, PROVEN, record, sandbox_names, write_evidence
from scripts.sweeping.runner import Result, Wish, swept
from scripts.sweeping.verdicts import Verdict, table, verdict_of


def main(words: Sequence[str] | None = None) -> int:
    """0, or 1 when a promise is broken; ``words`` are the arguments, by default those of this process."""
    given = _arguments(words)
    chosen = tuple(given.only.split(",")) if given.only else chosen_writes(quick=given.quick)
    if given.live and not given.only:
        chosen = fit_for_a_lab(chosen, Overlay.load(Catalogue.load()))
    results = _all(chosen, given)
    verdicts = [verdict_of(one) for one in results]
    if given.json:
        report = [
            {**verdict.row(), "trials": _trials(result)} for verdict, result in zip(verdicts, results, strict=True)
        ]
        given.json.write_text(json.dumps(report, indent=1, ensure_ascii=False), "utf-8")
    if given.live:
        _note_lab(verdicts, given.evidence)
    elif given.record:
        record(verdicts, chosen_writes(quick=False))
    for line in table(verdicts):
        print(line)
    broken = [one for one in verdicts if one.broken and (one.bodies or not given.live)]
    for one in broken:
        for line in one.broken:
            print(f"BROKEN {one.operation} {line}")
    return int(bool(broken))


def _trials(result: Result) -> list[dict[str, object]]:
    return [{name: value for name, value in asdict(trial).items() if value} for trial in result.trials]


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/sweep", description=__doc__)
    add = parser.add_argument
    add("--only", help="operation ids, separated by commas")
    add("--quick", action="store_true", help="each class and every resource that is played by hand, one body each")
    add("--json", type=Path, metavar="FILE", help="write what was seen, trial by trial")
    add("--record", action="store_true", help="keep the verdicts, for the page and for the plans")
    add("--jobs", type=int, default=2, help="processes")
    add("--overlay", type=Path, metavar="FOLDER", help="overlay files to use instead of the shipped ones")
    add("--live", metavar="ORGANIZATION_ID", default="", help="write to this lab organization instead of the sandbox")
    add("--evidence", type=Path, metavar="FILE", default=EVIDENCE, help="where --live notes the day")
    return parser.parse_args(words)


def chosen_writes(*, quick: bool) -> tuple[str, ...]:
    """All that can be planned; quick: those that the sandbox plays by hand, and one of each kind of way back."""
    catalogue = Catalogue.load()
    overlay = Overlay.load(catalogue)
    writes = [overlay.row(id_) for id_ in catalogue.writes() if not overlay.row(id_).carrier]
    if not quick:
        return tuple(row.operation for row in writes)
    by_hand = {row.operation for row in writes if row.operation in BEHAVIOURS}
    one_of_each = {(row.undo, row.kind, row.family): row.operation for row in reversed(writes)}
    return tuple(row.operation for row in writes if row.operation in by_hand | set(one_of_each.values()))


def _note_lab(verdicts: Sequence[Verdict], file: Path) -> None:
    """What was undone in the lab, with the day."""
    today = datetime.now(UTC).date().isoformat()
    write_evidence(sandbox_names(file), {one.operation: today for one in verdicts if one.verdict in PROVEN}, file)


def _all(chosen: tuple[str, ...], given: argparse.Namespace) -> list[Result]:
    jobs = 1 if given.live else max(1, min(given.jobs, len(chosen)))
    wishes = [Wish(chosen[number::jobs], given.quick, given.overlay, given.live) for number in range(jobs)]
    if jobs == 1:
        return _work(wishes[0])
    with ProcessPoolExecutor(jobs) as pool:
        found = [one for part in pool.map(_work, wishes) for one in part]
    return sorted(found, key=lambda one: chosen.index(one.operation))


def _work(wish: Wish) -> list[Result]:
    async def run() -> list[Result]:
        found = []
        async for one in swept(wish):
            found.append(one)
            print(f"{one.took_s:7.1f} s {len(one.trials):3} bodies  {one.operation}", file=sys.stderr, flush=True)
        return found

    return anyio.run(run)


if __name__ == "__main__":
    sys.exit(main())
