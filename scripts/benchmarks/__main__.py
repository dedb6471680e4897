"""scripts/bench: print the table; with --check exit 1 when a bound is passed.

Names of parts print these alone: ``scripts/bench jobs callers``.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import anyio

from scripts.benchmarks import before, calls, evidence, imports, processes, recovering, searching, verifying
from scripts.benchmarks.jobs import estate
from scripts.benchmarks.load import callers, planning
from scripts.benchmarks.rows import Row

_PARTS: Final[Mapping[str, Callable[[], Sequence[Row]]]] = {
    "processes": processes.rows,
    "imports": imports.rows,
    "searching": searching.rows,
    "evidence": partial(anyio.run, evidence.rows),
    "calls": partial(anyio.run, calls.rows),
    "callers": partial(anyio.run, callers.rows),
    "planning": partial(anyio.run, planning.rows),
    "jobs": partial(anyio.run, estate.rows),
    "verifying": partial(verifying.rows, verifying.ROWS // 10),
    "recovering": partial(anyio.run, recovering.rows),
    "before": before.rows,
}
_FULL: Final = ("before",)  #: parts that take an installation: only with --full, or by name


def main() -> int:
    """0, or 1 when ``--check`` is given and a bound is passed; SystemExit 2 for a part or option that is not there."""
    parser = argparse.ArgumentParser("scripts/bench", description="Speed and size, each row beside its peer.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"these alone: {', '.join(_PARTS)}")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bound is passed")
    parser.add_argument("--full", action="store_true", help="a million audit rows to verify, and the part before")
    parser.add_argument("--before", metavar="COMMIT", help="the build that before compares a change with")
    asked = parser.parse_args()
    if unknown := [one for one in asked.parts if one not in _PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}")
    parts = dict(_PARTS)
    if asked.before:
        parts["before"] = partial(before.rows, asked.before)
    if asked.full:
        parts["verifying"] = partial(verifying.rows, verifying.ROWS)
    rows: list[Row] = []
    for name in asked.parts or [one for one in parts if one not in _FULL or asked.full]:
        found = parts[name]()
        print(*(row.line() for row in found), sep="\n", flush=True)
        rows += found
    broken = [row for row in rows if not row.holds]
    print(f"{len(rows)} rows, {len(broken)} over their bound")
    return int(bool(broken) and asked.check)


if __name__ == "__main__":
    sys.exit(main())
