"""Runs in several processes at the same time, each with a cloud of its own; what came of them is told and summed up."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.faulting.cloud import Cloud, clouded
from scripts.faulting.kill import Result
from tests.faults.oracle import MEANING, Verdict
from tests.support.forked import live_and_end

Json = Any
#: The runs of one job: its number, its cloud.
Runs = Callable[[int, Cloud], Iterator[Result]]


def in_jobs(jobs: int, runs: Runs) -> Sequence[Mapping[str, Json]]:
    """A row for each run; each is told on standard output as soon as it has ended."""
    sys.stdout.flush()
    with TemporaryDirectory() as scratch:
        children = {}
        for job in range(jobs):
            child = os.fork()
            if child == 0:
                live_and_end(partial(_job, job, runs, Path(scratch) / str(job)))
            children[child] = Path(scratch) / str(job)
        rows: list[Mapping[str, Json]] = []
        for child, file in children.items():
            _, status = os.waitpid(child, 0)
            rows += [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
            if status:
                raise RuntimeError(f"a job ended with {status}")
    return rows


def _job(number: int, runs: Runs, target: Path) -> None:
    """One line of JSON for each run."""
    with clouded() as cloud, target.open("w", encoding="utf-8") as file:
        began = time.monotonic()
        for result in runs(number, cloud):
            row = _row(result, time.monotonic() - began)
            file.write(json.dumps(row) + "\n")
            sys.stdout.write(_told(row))
            sys.stdout.flush()
            began = time.monotonic()


def _row(result: Result, seconds: float) -> dict[str, Json]:
    broken = [*result.faults, *(f"BROKEN {name}: {text}" for name, text in result.verdict.broken)]
    return {
        "name": result.name,
        "ended": list(result.ended),
        "hit": result.hit,
        "broken": broken,
        "exercised": dict(result.verdict.exercised),
        "seconds": seconds,
    }


def _told(row: Mapping[str, Json]) -> str:
    word = "FAIL" if row["broken"] else "ok  "
    lines = [
        f"{word} {row['name']:22} {row['seconds']:5.1f} s  {' '.join(row['ended'])}{row['hit'] and '  at '}{row['hit']}"
    ]
    return "".join(f"{line}\n" for line in (*lines, *(f"     {text}" for text in row["broken"])))


def summed_up(rows: Sequence[Mapping[str, Json]], began: float, *, is_part: bool) -> int:
    """The exit code, and how often each invariant was put to the test. A part need not exercise every one."""
    whole, bad = Verdict(), sum(bool(row["broken"]) for row in rows)
    for row in rows:
        whole.exercised.update(row["exercised"])
    for name, meaning in MEANING.items():
        print(f"{name:4} {whole.exercised[name]:7}  {meaning}")
    if whole.idle and not is_part:
        print(f"NOT EXERCISED: {', '.join(whole.idle)}")
    print(f"{len(rows)} runs, {bad} bad, {time.monotonic() - began:.0f} s")
    return int(bool(bad or (whole.idle and not is_part)))
