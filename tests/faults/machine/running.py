"""Running the state machine: so many examples, the same ones each time or by a seed that is told."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import anyio
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from mcp_server.assembly import running
from mcp_server.domain.actor import Actor
from mcp_server.settings import load
from scripts.faulting.cloud import clouded
from tests.faults.machine.clock import SharedClock
from tests.faults.machine.rules import Machine
from tests.faults.oracle import MEANING, Verdict
from tests.support.stage import FreeBudget


@dataclass(frozen=True, slots=True)
class Ran:
    """How often each invariant was put to the test, and what happened how often, in so many runs."""

    verdict: Verdict
    met: Counter[str]
    runs: int
    seconds: float

    def lines(self) -> Iterator[str]:
        """For people."""
        for name, meaning in MEANING.items():
            if self.verdict.exercised[name]:
                yield f"{name:4} {self.verdict.exercised[name]:7}  {meaning}"
        yield ", ".join(f"{count} {name}" for name, count in sorted(self.met.items()))
        yield f"{self.runs} runs, {self.seconds:.0f} s"


def run(runs: int, turns: int, number: int, *, is_shrunk: bool = False, machine: type[Machine] = Machine) -> Ran:
    """What came of so many runs, by the seeds from ``number`` on.

    Raises what the shortest run raises that breaks an invariant, with its turns and its seed; it is made shorter only
    when ``is_shrunk``: that takes minutes.
    """
    began = time.monotonic()
    _warm()
    clock = SharedClock()
    with clouded(now=clock.true) as cloud:
        own = {"cloud": cloud, "clock": clock, "seen": Verdict(), "met": Counter(), "runs": 0}
        found = cast("type[Machine]", type(machine.__name__, (machine,), own))
        for one in range(number, number + runs):
            try:
                run_state_machine_as_test(seed(one)(found), settings=_form(turns, is_shrunk=is_shrunk))
            except BaseException as broken:
                broken.add_note(f"scripts/faults machine --runs 1 --turns {turns} --seed {one}")
                raise
        return Ran(found.seen, found.met, found.runs, time.monotonic() - began)


def _form(turns: int, *, is_shrunk: bool) -> settings:
    """One run that does nothing, and one that is drawn: Hypothesis makes further ones out of copies of its parts."""
    return settings(
        max_examples=2,
        stateful_step_count=turns,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if is_shrunk else (Phase.generate,),
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def _warm() -> None:
    """What every server loads when it is first used, loaded once by whoever forks them; its threads have ended."""

    async def once(home: Path) -> None:
        given = {"home": home, "profile": "solo", "health_settle_s": 0.0}
        async with running(load({}, overrides=given), sandbox=True, budget=FreeBudget()) as server:
            body = {"name": "warm"}
            params = {"networkId": "L_646829496481105400", "number": "1"}
            asked = {"operations": [{"operation": "updateNetworkWirelessSsid", "params": params, "body": body}]}
            actor = Actor(server.host.owner("stdio"), "stdio")
            await server.host.handle(server.host.new_call("meraki_plan", {**asked, "intent": "warm"}, actor))

    with TemporaryDirectory() as home:
        anyio.run(once, Path(home))
    if threading.active_count() != 1:
        raise RuntimeError(f"whoever forks must have no threads: {threading.enumerate()}")
