"""scripts/bench: print the table; with --check exit 1 when a bound is passed.

    scripts/bench [--check] [--full] [--before COMMIT] [PART ...]

--full walks a million audit rows, and compares a change with the build of an earlier commit (``before``: checked out
and installed on the spot), by default the last one before crash safety.

Names of parts print these alone: ``scripts/bench jobs callers``.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import anyio

from scripts.benchmarks import before, calls, evidence, imports, processes, recovering, searching, verifying
from scripts.benchmarks.jobs import estate
from scripts.benchmarks.load import callers, planning
from scripts.benchmarks.rows import Row


def _verifying() -> Sequence[Row]:
    return verifying.rows(verifying.ROWS if "--full" in sys.argv[1:] else verifying.ROWS // 10)


_PARTS: Final[Mapping[str, Callable[[], Sequence[Row]]]] = {
    "processes": processes.rows,
    "imports": imports.rows,
    "searching": searching.rows,
    "evidence": partial(anyio.run, evidence.rows),
    "calls": partial(anyio.run, calls.rows),
    "callers": partial(anyio.run, callers.rows),
    "planning": partial(anyio.run, planning.rows),
    "jobs": partial(anyio.run, estate.rows),
    "verifying": _verifying,
    "recovering": partial(anyio.run, recovering.rows),
    "before": before.rows,
}
_FULL: Final = ("before",)  #: parts that take an installation: only with --full, or by name


def main() -> int:
    """0, or 1 when ``--check`` is given and a bound is passed; 2 for a part that there is not."""
    words = sys.argv[1:]
    parts = dict(_PARTS)
    if "--before" in words:
        at = words.index("--before")
        parts["before"] = partial(before.rows, *words[at + 1 : at + 2])
        del words[at : at + 2]
    named = [one for one in words if not one.startswith("--")]
    if unknown := [one for one in named if one not in _PARTS]:
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(_PARTS)}")
        return 2
    rows: list[Row] = []
    for name in named or [one for one in parts if one not in _FULL or "--full" in words]:
        found = parts[name]()
        print(*(row.line() for row in found), sep="\n", flush=True)
        rows += found
    broken = [row for row in rows if not row.holds]
    print(f"{len(rows)} rows, {len(broken)} over their bound")
    return int(bool(broken) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
