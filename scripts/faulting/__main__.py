"""scripts/faults: break the server on purpose and have an outside program judge what came of it.

    scripts/faults kill [--quick] [--jobs N] [CELL ...]
    scripts/faults processes [--servers N] [--plans N]

``kill``: SIGKILL at each point of the write protocol; exit 1 when an invariant is broken, a point was not reached, or
an invariant was never put to the test.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.faulting import processes
from scripts.faulting.cells import Cell, cells
from scripts.faulting.cloud import clouded
from scripts.faulting.kill import Result, run
from tests.faults.oracle import MEANING, Verdict

#: What a kill cannot put to the test; other tests do (docs/reference/faults.md).
ELSEWHERE = frozenset({"I10", "I11", "I13", "I14", "I17"})


def kill(chosen: Sequence[Cell], jobs: int) -> int:
    """The exit code after every cell; each job has a cloud of its own."""
    began, whole, bad = time.monotonic(), Verdict(), 0
    for line in _in_jobs(chosen, jobs):
        row = json.loads(line)
        whole.exercised.update(row["exercised"])
        bad += bool(row["broken"])
        word = "FAIL" if row["broken"] else "ok  "
        print(f"{word} {row['cell']:22} {row['seconds']:5.1f} s  {' '.join(row['ended'])}")
        for text in row["broken"]:
            print(f"     {text}")
        sys.stdout.flush()
    for name, meaning in MEANING.items():
        note = "  (elsewhere)" if name in ELSEWHERE else ""
        print(f"{name:4} {whole.exercised[name]:7}  {meaning}{note}")
    idle = [name for name in whole.idle if name not in ELSEWHERE]
    if idle:
        print(f"NOT EXERCISED: {', '.join(idle)}")
    print(f"{len(chosen)} kills, {bad} bad, {time.monotonic() - began:.0f} s")
    return int(bool(bad or idle))


def _in_jobs(chosen: Sequence[Cell], jobs: int) -> Sequence[str]:
    """A line of JSON for each cell, made by so many processes at the same time."""
    with TemporaryDirectory() as scratch:
        children = {}
        for job in range(jobs):
            child = os.fork()
            if child == 0:
                _job(chosen[job::jobs], Path(scratch) / str(job))
            children[child] = Path(scratch) / str(job)
        lines: list[str] = []
        for child, file in children.items():
            _, status = os.waitpid(child, 0)
            lines += file.read_text("utf-8").splitlines() if file.exists() else []
            if status:
                raise RuntimeError(f"a job ended with {status}")
    return lines


def _job(mine: Sequence[Cell], target: Path) -> None:
    """Never returns; one line of JSON for each cell."""
    code = 1
    try:
        with clouded() as cloud, target.open("w", encoding="utf-8") as file:
            for cell in mine:
                file.write(json.dumps(_told(run(cell, cloud))) + "\n")
                file.flush()
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _told(result: Result) -> dict[str, object]:
    broken = [*result.faults, *(f"BROKEN {name}: {text}" for name, text in result.verdict.broken)]
    return {
        "cell": str(result.cell),
        "seconds": result.seconds,
        "ended": list(result.ended),
        "broken": broken,
        "exercised": dict(result.verdict.exercised),
    }


def several(servers: int, plans: int) -> int:
    """The exit code after so many servers have carried out so many plans together."""
    outcome = processes.run(servers, plans)
    broken = [*outcome.faults, *(f"BROKEN {name}: {text}" for name, text in outcome.verdict.broken)]
    print("\n".join(broken))
    for name in ("I1", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I11", "I16"):
        print(f"{name:4} {outcome.verdict.exercised[name]:7}  {MEANING[name]}")
    met = ", ".join(f"{count} {name}" for name, count in outcome.met.items())
    print(f"{servers} servers, {outcome.applied} changes applied, {met}")
    print(f"{outcome.requests} requests, {outcome.refused} answered 429, {outcome.seconds:.0f} s")
    return int(bool(broken))


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="scripts/faults", description="Break the server; judge from outside.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    killing = kinds.add_parser("kill", help="SIGKILL at each point of the write protocol")
    killing.add_argument("--quick", action="store_true", help="each point and each story once: under 3 minutes")
    killing.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    killing.add_argument("cells", nargs="*", help="only these, e.g. five:K7#3+K9")
    together = kinds.add_parser("processes", help="several servers on one data directory")
    together.add_argument("--servers", type=int, default=8)
    together.add_argument("--plans", type=int, default=50)
    arguments = parser.parse_args()
    if arguments.kind == "processes":
        return several(arguments.servers, arguments.plans)
    chosen = [cell for cell in cells(quick=arguments.quick) if not arguments.cells or str(cell) in arguments.cells]
    return kill(chosen, arguments.jobs)


if __name__ == "__main__":
    sys.exit(main())
