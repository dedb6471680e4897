"""scripts/faults: break the server on purpose and have an outside program judge what came of it.

    scripts/faults kill [--quick] [--jobs N] [RUN ...]
    scripts/faults syscalls [--quick] [--jobs N] [RUN ...]
    scripts/faults processes [--servers N] [--plans N]
    scripts/faults soak [--quick] [--seconds N] [--seed N] [--servers N] [--violate]
    scripts/faults machine [--quick] [--runs N] [--turns N] [--seed N] [--mutant NAME]

``kill``: SIGKILL at each point of the write protocol; exit 1 when an invariant is broken, a point was not reached, or
an invariant was never put to the test.
``syscalls``: under strace the Nth fsync, fdatasync or send kills the server or fails, for N = 1, 2, 3 ... until a life
ends without being hit (of the many writes to the store's log each 29th); exit 1 when an invariant is broken or a call
was never hit. Without strace nothing is run: it says so and exits 0, or 1 where CI=true.
"""

import argparse
import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from scripts.faulting import processes
from scripts.faulting.cells import cells
from scripts.faulting.cloud import Cloud, clouded
from scripts.faulting.jobs import in_jobs, summed_up
from scripts.faulting.kill import Result, run
from scripts.faulting.soaking.run import JUDGED, Soak
from scripts.faulting.soaking.run import run as run_soak
from scripts.faulting.soaking.schedule import Schedule
from scripts.faulting.special import SPECIAL
from scripts.faulting.syscalls import Run, all_runs, never_hit, run_of, selection, some_runs, told
from scripts.faulting.tracing import is_ci, missing
from tests.faults.oracle import MEANING

QUICK_RUNS, QUICK_TURNS, QUICK_SEED = 14, 12, 20
#: Every run by its name.
RUNS: Mapping[str, Callable[[Cloud], Result]] = {
    **SPECIAL,
    **{str(cell): partial(run, cell) for quick in (True, False) for cell in cells(quick=quick)},
}


def kill(chosen: Sequence[str], jobs: int, *, is_part: bool) -> int:
    """The exit code after every run. A part need not exercise every invariant."""
    began = time.monotonic()
    rows = in_jobs(jobs, lambda job, cloud: (RUNS[name](cloud) for name in chosen[job::jobs]))
    return summed_up(rows, began, is_part=is_part)


def swept(named: Sequence[Run], jobs: int, *, quick: bool) -> int:
    """The exit code after these runs, a selection, or every N of every row."""
    if why := missing():
        print(f"NOT RUN: no system call was made to fail, because {why}.", file=sys.stderr)
        return int(is_ci(os.environ))
    began, chosen = time.monotonic(), named
    if quick and not named:
        with clouded() as cloud:
            chosen = selection(cloud)
    if chosen:
        rows = in_jobs(jobs, lambda job, cloud: some_runs(cloud, chosen[job::jobs]))
    else:
        rows = in_jobs(jobs, lambda job, cloud: all_runs(cloud, job, jobs))
    print("\n".join(told(rows)))
    idle = () if named else never_hit(rows)
    if idle:
        print(f"NEVER HIT: {', '.join(idle)}")
    return summed_up(rows, began, is_part=True) or int(bool(idle))


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


def soaked(soak: Soak) -> int:
    """The exit code after a soak."""
    schedule = Schedule(soak.seed)
    about = f"{soak.servers} servers for {soak.seconds:.0f} s, {schedule.share:.1%} of the reads go wrong"
    print(f"seed {soak.seed} (decisions {schedule.digest(soak.servers)}): {about}", flush=True)
    outcome = run_soak(soak)
    counted = {"stories": outcome.deeds, "faults": outcome.troubles, "lives": outcome.lives}
    for name, counts in {**counted, "answers": outcome.told, "changes": outcome.ends}.items():
        print(f"{name}: {sum(counts.values())}")
        print("".join(f"  {times:5} {what}\n" for what, times in sorted(counts.items())), end="")
    for name in JUDGED:
        print(f"{name:4} {outcome.verdict.exercised[name]:7}  {MEANING[name]}")
    broken = [*outcome.faults, *(f"BROKEN {name}: {text}" for name, text in outcome.verdict.broken)]
    broken += [f"NOT EXERCISED: {', '.join(outcome.idle)}"] if outcome.idle else []
    share = sum(outcome.troubles.values()) / max(1, outcome.requests)
    about = f"{outcome.requests} requests, {share:.1%} of them went wrong"
    print("\n".join([*outcome.dossier, *broken, f"{about}; {len(broken)} bad, {outcome.seconds:.0f} s"]))
    return int(bool(broken))


def in_any_order(arguments: argparse.Namespace) -> int:
    """The exit code after so many runs of so many turns, by the seeds from the given one on."""
    # imported here: Hypothesis is slow to load, and the other commands have no use for it
    from tests.faults.machine.mutants import MUTANTS  # noqa: PLC0415
    from tests.faults.machine.running import run as run_machine  # noqa: PLC0415

    runs, turns, number = arguments.runs, arguments.turns, arguments.seed
    if arguments.quick:
        runs, turns, number = QUICK_RUNS, QUICK_TURNS, QUICK_SEED
    number = secrets.randbelow(2**32) if number is None else number
    print(f"--seed {number}", flush=True)
    if arguments.mutant:
        MUTANTS[arguments.mutant]()
    ran = run_machine(runs, turns, number, is_shrunk=not (arguments.quick or arguments.mutant))
    print("\n".join(ran.lines()))
    return 0


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="scripts/faults", description="Break the server; judge from outside.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    killing = kinds.add_parser("kill", help="SIGKILL at each point of the write protocol")
    killing.add_argument("--quick", action="store_true", help="each point and each story once: under 3 minutes")
    tracing = kinds.add_parser("syscalls", help="each sync and each send kills the server or fails, under strace")
    tracing.add_argument("--quick", action="store_true", help="the first, the last and some between: about a minute")
    for form, example in ((killing, "five:K7#3+K9"), (tracing, "one:fdatasync:EIO#7")):
        form.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
        form.add_argument("runs", nargs="*", help=f"only these, e.g. {example}")
    together = kinds.add_parser("processes", help="several servers on one data directory")
    together.add_argument("--servers", type=int, default=8)
    together.add_argument("--plans", type=int, default=50)
    soaking = kinds.add_parser("soak", help="servers that are killed, a bad line and a bad cloud, by a seed")
    soaking.add_argument("--quick", action="store_true", help="60 seconds instead of 600")
    soaking.add_argument("--seconds", type=float, help="so many seconds")
    soaking.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="as an earlier run printed it")
    soaking.add_argument("--servers", type=int, default=4)
    soaking.add_argument("--violate", action="store_true", help="somebody writes past the servers: this must fail")
    machine = kinds.add_parser("machine", help="whatever may happen, in any order")
    machine.add_argument("--quick", action="store_true", help="few runs, always the same: as in CI")
    machine.add_argument("--runs", type=int, default=100)
    machine.add_argument("--turns", type=int, default=20, help="of one run, at most")
    machine.add_argument("--seed", type=int, help="of the first run; by default a new one each time, which is printed")
    machine.add_argument("--mutant", help="with one rule of tests/faults/machine/mutants.py taken out: must fail")
    arguments = parser.parse_args()
    if arguments.kind == "soak":
        seconds = arguments.seconds or (60.0 if arguments.quick else 600.0)
        return soaked(Soak(arguments.seed, seconds, arguments.servers, arguments.violate))
    if arguments.kind == "machine":
        return in_any_order(arguments)
    if arguments.kind == "processes":
        return several(arguments.servers, arguments.plans)
    known: Mapping[str, object] = RUNS if arguments.kind == "kill" else {one: run_of(one) for one in arguments.runs}
    unknown = [name for name in arguments.runs if not known.get(name)]
    if unknown:
        parser.error(f"no such run: {', '.join(unknown)}")
    if arguments.kind == "syscalls":
        named = [one for name in arguments.runs if (one := run_of(name))]
        return swept(named, arguments.jobs, quick=arguments.quick)
    quick = [*SPECIAL, *map(str, cells(quick=True))]
    chosen = arguments.runs or (quick if arguments.quick else list(RUNS))
    return kill(chosen, arguments.jobs, is_part=bool(arguments.runs))


if __name__ == "__main__":
    sys.exit(main())
