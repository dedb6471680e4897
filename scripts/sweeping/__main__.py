"""scripts/sweep: try the writes of the API in the sandbox, print what became of each promise of undo."""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import anyio

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from scripts.sweeping.runner import Result, Wish, swept
from scripts.sweeping.verdicts import table, verdict_of


def main(words: Sequence[str] | None = None) -> int:
    """0, or 1 when a promise is broken; ``words`` are the arguments, by default those of this process."""
    given = _arguments(words)
    chosen = tuple(given.only.split(",")) if given.only else _writes()
    results = _all(chosen, given)
    verdicts = [verdict_of(one) for one in results]
    if given.json:
        report = [
            {**verdict.row(), "trials": _trials(result)} for verdict, result in zip(verdicts, results, strict=True)
        ]
        given.json.write_text(json.dumps(report, indent=1, ensure_ascii=False), "utf-8")
    for line in table(verdicts):
        print(line)
    broken = [one for one in verdicts if one.broken]
    for one in broken:
        for line in one.broken:
            print(f"BROKEN {one.operation} {line}")
    return int(bool(broken))


def _trials(result: Result) -> list[dict[str, object]]:
    return [{name: value for name, value in asdict(trial).items() if value} for trial in result.trials]


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/sweep", description=__doc__)
    parser.add_argument("--only", help="operation ids, separated by commas")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was seen, trial by trial")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--most", type=int, default=0, help="bodies of one operation at most")
    parser.add_argument(
        "--overlay", type=Path, metavar="FOLDER", help="overlay files to use instead of the shipped ones"
    )
    return parser.parse_args(words)


def _writes() -> tuple[str, ...]:
    catalogue = Catalogue.load()
    overlay = Overlay.load(catalogue)
    return tuple(id_ for id_ in catalogue.writes() if not overlay.row(id_).carrier)


def _all(chosen: tuple[str, ...], given: argparse.Namespace) -> list[Result]:
    jobs = max(1, min(given.jobs, len(chosen)))
    wishes = [Wish(chosen[number::jobs], given.most, given.overlay) for number in range(jobs)]
    if jobs == 1:
        return _work(wishes[0])
    with ProcessPoolExecutor(jobs) as pool:
        found = [one for part in pool.map(_work, wishes) for one in part]
    return sorted(found, key=lambda one: chosen.index(one.operation))


def _work(wish: Wish) -> list[Result]:
    async def run() -> list[Result]:
        return [one async for one in swept(wish)]

    return anyio.run(run)


if __name__ == "__main__":
    sys.exit(main())
