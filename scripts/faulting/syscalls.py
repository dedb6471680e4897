"""The Nth sync, send or log write of a server kills it or fails, for N = 1, 2, ... until a life ends without being hit.

After each, another server takes its place, without strace, and the oracle judges what came of both.
"""

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from scripts.faulting.cloud import Cloud
from scripts.faulting.kill import Place, Result, result, unless
from scripts.faulting.life import Caller, Ended, Work
from scripts.faulting.special import program
from scripts.faulting.stories import STORIES, Refused, applied, look
from scripts.faulting.tracing import (
    ACTIONS,
    KILL,
    LINES,
    Injection,
    Line,
    Traced,
    counted,
    reached,
    read_trace,
    strace,
    traced,
    unswept,
)
from tests.support.places import NET

Json = Any
_EARLY: Final = 2  #: in a selection: so many of a line's first and last calls, and every so manieth between
_EVERY: Final = 9
_READ: Final = {"operation": "getNetworkWirelessSsid", "params": {"networkId": NET, "number": "1"}}
_NAME: Final = re.compile(r"(?P<tale>\w+):(?P<line>\w+):(?P<action>\w+)#(?P<nth>\d+)")


async def _there_and_back(caller: Caller) -> None:
    await STORIES["five"].tell(caller)
    await applied(caller, "rollback", last=1)


def _refusing(cloud: Cloud) -> None:
    """The fourth of five steps is refused, so what was done is undone."""
    cloud.fault(kind="status", status=400, method="PUT", path=f"/networks/{NET}/wireless/ssids/3")


@dataclass(frozen=True, slots=True)
class Tale:
    """A story that is swept; ``is_new``: the server finds no home yet, and makes it.

    Without ``tell`` it is the program itself that runs, spoken to line by line; it changes one SSID.
    """

    name: str
    tell: Work | None
    is_new: bool = False
    before: Callable[[Cloud], None] = lambda _cloud: None


_CHECKS: Final = 3  #: of the health at the end of a life: one more than there are threads that write the store

TALES: Final[Mapping[str, Tale]] = {
    tale.name: tale
    for tale in (
        Tale("one", STORIES["one"].tell, is_new=True),
        Tale("create", STORIES["create"].tell),
        Tale("back", _there_and_back),
        Tale("undone", STORIES["five"].tell, before=_refusing),
        Tale("program", None),
    )
}


@dataclass(frozen=True, slots=True)
class Run:
    """One life that is hit, or ends before it is."""

    tale: str
    injection: Injection

    def __str__(self) -> str:
        """Its name in a table and on the command line."""
        return f"{self.tale}:{self.injection.line.name}:{self.injection.action}#{self.injection.nth}"


def run_of(name: str) -> Run | None:
    """The run of that name; None when there is none."""
    found = _NAME.fullmatch(name)
    line = next((line for line in LINES if found and line.name == found["line"]), None)
    if found is None or line is None or found["tale"] not in TALES or found["action"] not in ACTIONS:
        return None
    return Run(found["tale"], Injection(line, found["action"], int(found["nth"])))


def all_runs(cloud: Cloud, job: int, jobs: int) -> Iterator[Result]:
    """This job's share of every N of every row: each job ends a row with a life that was not hit."""
    with a_made_home(cloud) as home:
        carry_out = partial(carried_out, cloud=cloud, home=home)
        for tale, line, action in product(TALES, LINES, ACTIONS):
            yield from until_not_hit(map(carry_out, _row_of(tale, line, action, (job, jobs))))


def _row_of(tale: str, line: Line, action: str, share: tuple[int, int]) -> Iterator[Run]:
    """The runs of one job of so many, without an end."""
    job, jobs = share
    return (Run(tale, Injection(line, action, nth)) for nth in count(1 + job * line.every, jobs * line.every))


def until_not_hit(results: Iterable[Result]) -> Iterator[Result]:
    """The results up to and with the first life that ended before it was hit; no more of them are made."""
    for one in results:
        yield one
        if not one.hit:
            return


def some_runs(cloud: Cloud, runs: Sequence[Run]) -> Iterator[Result]:
    """These runs."""
    with a_made_home(cloud) as home:
        for run in runs:
            yield carried_out(run, cloud, home)


@contextmanager
def a_made_home(cloud: Cloud) -> Iterator[Path]:
    """The data directory of a server that was started once and has changed nothing."""

    async def only_look(caller: Caller) -> None:
        await caller.call("health_check")

    with TemporaryDirectory() as scratch:
        place = Place(Path(scratch), cloud)
        ended = place.live("", only_look)
        if ended.code:
            raise RuntimeError(f"no home could be made: {place.errors()}")
        yield place.root / "home"


def carried_out(run: Run, cloud: Cloud, home: Path) -> Result:
    """What came of it, on a cloud as it was at first."""
    with _begun(run.tale, cloud, home) as place:
        before, known = cloud.state(), len(cloud.journal())
        ended, calls = _life(place, run.tale, run.injection)
        hit = reached(run.injection, calls, was_killed=ended.was_killed)
        faults = _faults(run, ended, hit, place)
        faults += unless(place.live("", look).code == 0, f"the server after it failed: {place.errors()}")
        return result(str(run), place.evidence(before, known), faults, hit)


@contextmanager
def _begun(tale: str, cloud: Cloud, home: Path) -> Iterator[Place]:
    with TemporaryDirectory() as scratch:
        place = Place(Path(scratch).resolve(), cloud)
        cloud.reset()
        TALES[tale].before(cloud)
        if not TALES[tale].is_new:
            shutil.copytree(home, place.root / "home")
        yield place


def _life(place: Place, tale: str, injection: Injection | None) -> tuple[Ended, Sequence[Traced]]:
    """A life in which the tale is told, and its trace."""
    trace = place.root / "strace"
    command, story = strace(place.root / "home", trace, injection), TALES[tale].tell

    async def tell(caller: Caller) -> None:
        with suppress(Refused):
            await story(caller) if story else None
        if injection is not None and injection.stays:
            await caller.call("meraki_read", phase="refusing", **_READ)
            for _ in range(_CHECKS):
                await caller.call("health_check", phase="refusing")

    ended = place.live("", tell, watch=partial(traced, command)) if story else program(place, "", command)
    return ended, read_trace(trace.read_text("utf-8", "replace"))


def _faults(run: Run, ended: Ended, hit: str, place: Place) -> list[str]:
    """What was wrong with the life itself: dead of an error that it has to live with, or silent about it."""
    if hit and run.injection.action == KILL:
        return []
    faults = unless(ended.code == 0, f"{f'hit at {hit}' if hit else 'not hit'}, and it ended {ended}: {place.errors()}")
    was_asked = run.injection.stays and TALES[run.tale].tell is not None
    return faults + (silent(place.answers()) if was_asked else [])


def silent(answers: Sequence[Mapping[str, Json]]) -> list[str]:
    """What is wrong when of the last health checks none is on record, and none finds anything.

    One that is on record itself tells the truth: strace counts the calls of each thread apart, so that a fault that
    stays does so in one thread, and the store may be written from the other again. In each of the two it may begin
    between what a check tries and the row of that check; one check more tries where it has begun.
    """
    last = answers[-_CHECKS:]
    tools, payloads = [one["tool"] for one in last], [one["payload"] for one in last]
    if tools != ["health_check"] * _CHECKS:
        return [f"its health was not asked for {_CHECKS} times at the end, but {tools}"]
    is_told = any(one["receipt"] or one["server"]["status"] != "ok" for one in payloads)
    return unless(is_told, f"{_CHECKS} health checks found nothing, and none was recorded")


def selection(cloud: Cloud) -> Sequence[Run]:
    """Of some tales the first and the last calls of each row, some between, and one that comes after the last."""
    with a_made_home(cloud) as home:
        counts = {tale: _counts(tale, cloud, home) for tale in IN_A_SELECTION}
    actions = cycle(ACTIONS)
    return [
        Run(tale, Injection(line, next(actions), nth))
        for tale, rows in counts.items()
        for line in LINES
        for nth in (IN_A_SELECTION[tale] if line.every == 1 else early)(rows[line.name])
    ]


def chosen(calls: int) -> Sequence[int]:
    """Which of so many calls a selection hits; the last one chosen is never reached."""
    first, last = range(1, _EARLY + 1), range(calls - _EARLY + 1, calls + 1)
    return [*sorted({nth for nth in (*first, *range(1, calls, _EVERY), *last) if 1 <= nth <= calls}), calls + 1]


def early(calls: int) -> Sequence[int]:
    """One of so many calls, early enough to be reached also where two threads share them: strace counts each apart."""
    return [calls // 4 + 1]


#: The program takes seconds to start, and five steps that are undone take nearly as long.
IN_A_SELECTION: Final = {"one": chosen, "create": chosen, "back": chosen, "undone": early, "program": early}


def _counts(tale: str, cloud: Cloud, home: Path) -> Mapping[str, int]:
    """How many calls each row of a tale has. RuntimeError when it syncs or sends in a way that no row sweeps."""
    with _begun(tale, cloud, home) as place:
        ended, calls = _life(place, tale, None)
        if ended.code:
            raise RuntimeError(f"{tale} failed without a fault: {place.errors()}")
    if gaps := unswept(calls):
        raise RuntimeError(f"{tale}: no row sweeps {', '.join(gaps)}")
    return {line.name: counted(line, calls) for line in LINES}


def told(rows: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """How often each call was hit by what, in lines."""
    tried, hit, bad = Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        _, line, rest = row["name"].split(":")
        name = f"{line} {rest.partition('#')[0]}"
        tried[name] += 1
        hit[name] += bool(row["hit"])
        bad[name] += bool(row["broken"])
    for name, runs in sorted(tried.items()):
        yield f"{name:18} {runs:5} runs, {hit[name]:5} hit, {runs - hit[name]:3} ended first, {bad[name]} bad"


def never_hit(rows: Sequence[Mapping[str, Json]]) -> Sequence[str]:
    """The rows of calls, by tale, that no run has hit."""
    hit = {row["name"].rpartition(":")[0] for row in rows if row["hit"]}
    return sorted({row["name"].rpartition(":")[0] for row in rows} - hit)
