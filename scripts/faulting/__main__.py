"""scripts/faults: break the server on purpose and have an outside program judge what came of it.

    scripts/faults kill [--quick] [--jobs N] [RUN ...]
    scripts/faults processes [--servers N] [--plans N]

``kill``: SIGKILL at each point of the write protocol; exit 1 when an invariant is broken, a point was not reached, or
an invariant was never put to the test.
"""

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.faulting import processes
from scripts.faulting.cells import cells
from scripts.faulting.cloud import Cloud, clouded
from scripts.faulting.kill import Result, run
from scripts.faulting.special import SPECIAL
from tests.faults.oracle import MEANING, Verdict

#: Every run by its name.
RUNS: Mapping[str, Callable[[Cloud], Result]] = {
    **SPECIAL,
    **{str(cell): partial(run, cell) for quick in (True, False) for cell in cells(quick=quick)},
}


def kill(chosen: Sequence[str], jobs: int, *, is_part: bool) -> int:
    """The exit code after every run; each job has a cloud of its own. A part need not exercise every invariant."""
    began, whole, bad = time.monotonic(), Verdict(), 0
    for line in _in_jobs(chosen, jobs):
        row = json.loads(line)
        whole.exercised.update(row["exercised"])
        bad += bool(row["broken"])
        word = "FAIL" if row["broken"] else "ok  "
        print(f"{word} {row['name']:22} {row['seconds']:5.1f} s  {' '.join(row['ended'])}")
        for text in row["broken"]:
            print(f"     {text}")
        sys.stdout.flush()
    for name, meaning in MEANING.items():
        print(f"{name:4} {whole.exercised[name]:7}  {meaning}")
    if whole.idle and not is_part:
        print(f"NOT EXERCISED: {', '.join(whole.idle)}")
    print(f"{len(chosen)} runs, {bad} bad, {time.monotonic() - began:.0f} s")
    return int(bool(bad or (whole.idle and not is_part)))


def _in_jobs(chosen: Sequence[str], jobs: int) -> Sequence[str]:
    """A line of JSON for each run, made by so many processes at the same time."""
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


def _job(mine: Sequence[str], target: Path) -> None:
    """Never returns; one line of JSON for each run."""
    code = 1
    try:
        with clouded() as cloud, target.open("w", encoding="utf-8") as file:
            for name in mine:
                began = time.monotonic()
                row = _told(RUNS[name](cloud))
                file.write(json.dumps({**row, "seconds": time.monotonic() - began}) + "\n")
                file.flush()
        code = 0
    except BaseException:  # noqa: BLE001  whatever it is, this process must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _told(result: Result) -> dict[str, object]:
    broken = [*result.faults, *(f"BROKEN {name}: {text}" for name, text in result.verdict.broken)]
    return {
        "name": result.name,
        "ended": list(result.ended),
        "broken": broken,
        "exercised": dict(result.verdict.exercised),
    }


def several(servers: int, plans: int) -> int:
    """The exit code after so many servers have carried out so many plans together."""
    outcome = processes.run(servers, plans)
    broken = [*outcome.faults, *(f"BROKEN {name}: {text}" for name, text in outcome.verdict.broken)]
    judged = ("I1", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I11", "I16")
    broken += [f"{name} was not exercised by every plan" for name in judged if outcome.verdict.exercised[name] < plans]
    broken += [f"{outcome.applied} of {plans} changes were applied"] if outcome.applied != plans else []
    broken += [f"{outcome.refused} requests were answered 429"] if outcome.refused else []
    print("\n".join(broken))
    for name in judged:
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
    killing.add_argument("runs", nargs="*", help="only these, e.g. five:K7#3+K9")
    together = kinds.add_parser("processes", help="several servers on one data directory")
    together.add_argument("--servers", type=int, default=8)
    together.add_argument("--plans", type=int, default=50)
    arguments = parser.parse_args()
    if arguments.kind == "processes":
        return several(arguments.servers, arguments.plans)
    unknown = [name for name in arguments.runs if name not in RUNS]
    if unknown:
        parser.error(f"no such run: {', '.join(unknown)}")
    quick = [*SPECIAL, *map(str, cells(quick=True))]
    chosen = arguments.runs or (quick if arguments.quick else list(RUNS))
    return kill(chosen, arguments.jobs, is_part=bool(arguments.runs))


if __name__ == "__main__":
    sys.exit(main())
