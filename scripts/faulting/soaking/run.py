"""Runs a soak: the servers, what goes wrong around them, the quiet at the end, and what the oracle says of it all.

Each worker is a process that starts one server after the other on the one data directory; the first lives through,
the others are killed by the schedule. When the time is over nothing fails any more, and a last server settles what
was left; then the witnesses are heard.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import anyio

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Change, ChangeStep, Deadline
from mcp_server.domain.recovery.arrival import may_arrive
from scripts.faulting.cloud import clouded
from scripts.faulting.kill import Place
from scripts.faulting.life import Caller, live
from scripts.faulting.soaking.deeds import DEEDS, KEPT_MINUTES, LONGEST_LIST, Turn, changes
from scripts.faulting.soaking.dossier import dossier, keep, scratch
from scripts.faulting.soaking.schedule import Schedule
from scripts.faulting.soaking.trouble import lined, note, troubled
from scripts.faulting.special import measure
from scripts.faulting.stories import applied
from tests.faults.oracle import Evidence, Verdict, judge
from tests.support.forked import live_and_end
from tests.support.places import NET

Json = Any
#: What a soak puts to the test; the breaker, standard output and refusals have runs of their own (``kill``).
JUDGED: Final = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I11", "I12", "I16", "I17")
#: Long enough for a late arrival and for reads that stay behind; short enough that a black hole costs little.
GIVEN: Final[Mapping[str, Json]] = {
    "http_connect_s": 2.0, "http_read_s": 1.2, "http_total_s": 2.0, "settle_s": 3.0, "settle_poll_s": 0.2,
    "late_s": 8.0, "health_settle_s": 0.0, "recover_every_s": 3.0, "keep_look_s": 1.0, "rate_per_s": 10.0,
}  # fmt: skip
ON_THE_WAY_S: Final = 1.0  #: so long may a machine with other work stand still between a request's turn and its arrival
SETTLE_S: Final = 150.0  #: a minute to be kept, and the quiet after it
_MOVING: Final = frozenset({"applying", "verifying", "partial", "rolling_back", "pending_keep"})
_WARM: Final = 3  #: deeds before memory and files are measured
_PAUSE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Soak:
    """How a soak is run. ``is_violated``: somebody writes past the servers, and the oracle must say so."""

    seed: int
    seconds: float
    servers: int = 4
    is_violated: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. ``troubles`` and ``deeds`` are counted by name; ``lives`` by how they ended."""

    verdict: Verdict
    faults: Sequence[str]
    deeds: Mapping[str, int]
    troubles: Mapping[str, int]
    lives: Mapping[str, int]
    told: Mapping[str, int]
    ends: Mapping[str, int]
    requests: int
    seconds: float
    dossier: Sequence[str] = ()  #: of a run that went wrong: what the witnesses say of it, and where that is kept

    @property
    def idle(self) -> list[str]:
        """What had to be put to the test and was not."""
        return [name for name in JUDGED if not self.verdict.exercised[name]]


def run(soak: Soak) -> Outcome:
    """The soak of that seed."""
    began, schedule = time.monotonic(), Schedule(soak.seed)
    until = began + soak.seconds
    with scratch() as kept:
        root = kept.root
        log = root / "log"
        with (
            clouded(rate_limit=True, prepare=troubled(schedule, until, log)) as cloud,
            lined(cloud.url, schedule, until, log) as url,
        ):
            place = Place(root, cloud, given={**GIVEN, "base_url": url})
            before = cloud.state()
            workers = [Worker(place, schedule, number, until, log) for number in range(soak.servers)]
            faults = _together(workers)
            if soak.is_violated:
                cloud.ask("PUT", f"/networks/{NET}/wireless/ssids/9", {"name": "Unannounced"})
            end = live(place.settings(""), root / "told-end", _settled, paced=True, longest_s=SETTLE_S + 30)
            faults += [f"the last server failed: {end}"] if end.code else []
            faults += [place.errors()] if faults else []
            witnessed = {"paced": True, "others": _others(root), "on_the_way_s": ON_THE_WAY_S}
            evidence = place.evidence(before, 0, told="told-*", **witnessed)
        outcome = _outcome(evidence, faults, _counted(log), time.monotonic() - began)
        if not (outcome.verdict.broken or faults):
            return outcome
        kept.is_kept = True
        told = [line for name, text in outcome.verdict.broken for line in (f"{name}: {text}", *dossier(evidence, text))]
        return replace(outcome, dossier=[*told, f"kept in {root}; {keep(evidence, root)}"])


@dataclass(frozen=True, slots=True)
class Worker:
    """One of those who work together; what it has done survives its servers."""

    place: Place
    schedule: Schedule
    number: int
    until: float
    log: Path

    def live_on(self) -> int:
        """0 when each life ended as it should, by itself or killed where the schedule says."""
        life = 0
        while time.monotonic() < self.until:
            failpoint = self.schedule.kill(self.number, life)
            settings = replace(self.place.settings(failpoint), failpoint_trace=self.place.root / f"trace-{self.number}")
            left_s = self.until - time.monotonic()
            told = self.place.root / f"told-{self.number}"

            async def work(caller: Caller, life: int = life) -> None:
                await self._work(caller, life)

            ended = live(settings, told, work, paced=True, longest_s=left_s + SETTLE_S)
            is_killed = ended.was_killed and ended.reached[-1:] == (failpoint.replace(":kill:", " "),)
            if not is_killed and (ended.signal or ended.code):
                sys.stderr.write(f"server {self.number}, life {life}: {ended.signal} {ended.code}\n")
                return 1
            note(self.log, "life", f"killed at {failpoint.partition(':')[0]}" if is_killed else "ended by itself")
            life += 1
        return 0

    async def _work(self, caller: Caller, life: int) -> None:
        """The deeds of one life."""
        for deed in range(self.schedule.stay(self.number, life)):
            if time.monotonic() >= self.until:
                break
            if self.number == 0 and deed == _WARM:
                measure(caller, len(await changes(caller)))
            turn = self._next_turn()
            decided = self.schedule.deed(self.number, turn)
            note(self.log, "deed", decided.kind)
            await DEEDS[decided.kind](Turn(caller, self.place.cloud, decided, self.number, turn))
            await anyio.sleep(_PAUSE_S)
        if self.number == 0:
            measure(caller, len(await changes(caller)))

    def _next_turn(self) -> int:
        """The number of this turn; on disk before it begins, so that no life repeats it."""
        file = self.place.root / f"turn-{self.number}"
        turn = int(file.read_text("utf-8")) + 1 if file.exists() else 0
        file.write_text(str(turn), "utf-8")
        return turn


def _together(workers: Sequence[Worker]) -> list[str]:
    """All at once, each in a process of its own; what went wrong."""
    children = {}
    for worker in workers:
        child = os.fork()
        if child == 0:
            live_and_end(worker.live_on)
        children[child] = worker.number
    return [f"worker {number} failed" for child, number in children.items() if os.waitpid(child, 0)[1]]


async def _settled(caller: Caller) -> None:
    """Until nothing is left to do for a server; then each change is asked for.

    What a person would have kept is kept now, or taken back when it may not be kept: whoever asked for it may have been
    killed before the question.
    """
    until = time.monotonic() + SETTLE_S
    while True:
        await caller.server.recovery.go_on()
        found = await changes(caller)
        moving = [change for change in found if change.state.value in _MOVING or await _is_awaited(caller, change)]
        if not (caller.server.changes.under_way() or moving):
            break
        if time.monotonic() > until:
            raise TimeoutError(f"not settled: {[f'{change.key} {change.state}' for change in moving]}")
        for change in moving:
            await _decided(caller, change)
        await anyio.sleep(_PAUSE_S)
    for change in found:
        await caller.call("history", change_id=change.key)


async def _is_awaited(caller: Caller, change: Change) -> bool:
    """Whether a write of the change may still arrive, so that a server looks at it once more."""
    if change.state is not ChangeState.IN_DOUBT:
        return False
    records = await caller.server.store.list(ChangeStep, {"change_id": change.key}, limit=LONGEST_LIST)
    return any(map(may_arrive, records))


async def _decided(caller: Caller, change: Change) -> None:
    """A person keeps what was meant to be kept, or has it taken back."""
    deadline = await caller.server.store.get(Deadline, change.key)
    if change.state is not ChangeState.PENDING_KEEP or deadline is None or deadline.minutes != KEPT_MINUTES:
        return
    kept = await applied(caller, "meraki_apply", plan_id=change.plan_id, keep=True)
    if kept["status"] != "applied":
        await applied(caller, "rollback", change_id=change.key)


def _others(root: Path) -> list[Mapping[str, Json]]:
    """Others' edits in order; of one that was begun and not known to be done, only that the field is not ours."""
    rows = [json.loads(line) for file in root.glob("others-*") for line in file.read_text("utf-8").splitlines()]
    last: dict[tuple[str, str], Mapping[str, Json]] = {}
    for row in sorted(rows, key=lambda row: str(row["at"])):
        last[row["path"], row["field"]] = row
    return [
        {name: value for name, value in row.items() if name != "value"} if row.get("begun") else row
        for row in last.values()
    ]


def _counted(log: Path) -> Mapping[str, Counter[str]]:
    """What happened, by where and name."""
    found: dict[str, Counter[str]] = {name: Counter() for name in ("deed", "line", "cloud", "life")}
    with suppress(FileNotFoundError):
        for line in log.read_text("utf-8").splitlines():
            where, name = json.loads(line)
            found[where][name] += 1
    return found


def _outcome(evidence: Evidence, faults: Sequence[str], counted: Mapping[str, Counter[str]], seconds: float) -> Outcome:
    states = [row for row in evidence.audit if row.get("event") == "state" and row["change_id"]]
    ends = Counter({row["change_id"]: row["status"] for row in states}.values())
    told = Counter(str(row["payload"].get("status")) for row in evidence.told if row["tool"] != "history")
    return Outcome(
        verdict=judge(evidence),
        faults=faults,
        deeds=counted["deed"],
        troubles=Counter({f"line: {name}": times for name, times in counted["line"].items()})
        + Counter({f"cloud: {name}": times for name, times in counted["cloud"].items()}),
        lives=counted["life"],
        told=told,
        ends=ends,
        requests=len(evidence.journal),
        seconds=seconds,
    )
