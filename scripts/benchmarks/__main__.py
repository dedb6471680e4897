"""scripts/bench: print the table; with --check exit 1 when a bound is passed; --full walks a million audit rows."""

import sys

import anyio

from scripts.benchmarks import calls, evidence, processes, recovering, searching, verifying


def main() -> int:
    """0, or 1 when ``--check`` is given and a bound is passed."""
    walked = verifying.ROWS if "--full" in sys.argv[1:] else verifying.ROWS // 10
    rows = [*processes.rows(), *searching.rows(), *anyio.run(evidence.rows), *anyio.run(calls.rows)]
    rows += [*verifying.rows(walked), *anyio.run(recovering.rows)]
    for row in rows:
        print(row.line())
    broken = [row for row in rows if not row.holds]
    print(f"{len(rows)} rows, {len(broken)} over their bound")
    return int(bool(broken) and "--check" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
