"""The state machine: plan, audit, apply, crash, restart, tick, drift, keep, roll back, resolve, a second server.

After every turn what the cloud has seen must hold (``model``); at the end the servers are let finish, and the oracle
judges the cloud's journal and state and the exported audit.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mcp_server.settings import Settings, load
from scripts.faulting.cloud import KEY, Cloud
from tests.faults.machine.clock import SharedClock
from tests.faults.machine.judging import Kept
from tests.faults.machine.model import Model, Planned
from tests.faults.machine.servers import Came, LiveServer, born
from tests.faults.machine.turns import TURNS, Turn
from tests.faults.oracle import UNDER_WAY, Verdict
from tests.support.stage import QUICK

Json = Any
MOST_SERVERS: Final = 3


class Machine(RuleBasedStateMachine):
    """One data directory and whoever is at work there."""

    cloud: ClassVar[Cloud]
    clock: ClassVar[SharedClock]
    runs: ClassVar[int]
    met: ClassVar[Counter[str]]  #: what the servers answered, and how often one was killed or stopped
    seen: ClassVar[Verdict]  #: how often each invariant was put to the test, over all runs

    def __init__(self) -> None:
        """A cloud as it was at first, an empty directory, no server."""
        super().__init__()
        self.clock.reset()
        self.cloud.clear()
        self.cloud.reset()
        self.root = Path(mkdtemp(prefix="machine-"))
        self.model = Model(self.cloud)
        self.servers: list[LiveServer] = []
        self.kept = Kept(self.root, self.cloud.state())
        self.policy = "undo"
        self.is_frozen = False

    @initialize(policy=st.sampled_from(["undo", "finish"]))
    def begin(self, policy: str) -> None:
        """What the operator wants of changes that are left behind; servers come when they are needed."""
        self.policy = policy

    @rule(turn=TURNS)
    def next(self, turn: Turn) -> None:
        """One turn."""
        self.met[f"turn {turn.what}"] += 1
        getattr(self, turn.what)(**turn.given)

    # Servers

    @property
    def able(self) -> list[LiveServer]:
        """The servers that can be told something."""
        return [one for one in self.servers if not one.is_stopped]

    def start(self, at: str) -> None:
        """One more server; it goes on with what was left behind, and may be killed while it does."""
        if len(self.servers) < MOST_SERVERS:
            self._born(at)

    def leave(self, number: int, *, is_told: bool) -> None:
        """A server ends: told to, or at once, working or stopped."""
        if not self.servers:
            return
        server = self.servers[number % len(self.servers)]
        if is_told and not server.is_stopped:
            server.end()
        else:
            server.kill()
        self.servers.remove(server)

    def resume(self, number: int) -> None:
        """A server that stood still goes on, as if no time had passed."""
        stopped = [one for one in self.servers if one.is_stopped]
        if stopped:
            self._resume(stopped[number % len(stopped)])

    # What is done with them

    def change(self, kind: str, one: int, **more: Any) -> None:
        """A plan, applied at once."""
        known = len(self.model.plans)
        self.plan(kind, one, more["number"])
        if len(self.model.plans) > known:
            self.apply(0, **more)

    def plan(self, kind: str, one: int, number: int, at: str = "") -> None:
        """A plan, when it can be made."""
        operations, wishes = self.model.wish(kind, one)
        seen = len(self.model.edits)
        came = self._call(number, "meraki_plan", at=at, operations=operations, intent="tried by a harness")
        if came.fate == "told" and came.told["status"] == "ok":
            bodies = [one["body"] for one in operations if one.get("body")]
            self.model.plans.append(Planned(came.told["plan_id"], wishes, bodies, seen))

    def apply(self, one: int, number: int, answer: str, at: str, minutes: int | None) -> None:
        """A plan applied, once more or for the first time; what is told as applied is so."""
        if not self.model.plans:
            return
        plan = self.model.plans[-1 - one % len(self.model.plans)]
        is_first, plan.is_begun = not plan.is_begun, True
        more = {} if minutes is None else {"confirm_within_minutes": minutes}
        came = self._call(number, "meraki_apply", answer=answer, at=at, plan_id=plan.plan_id, **more)
        if came.fate != "told":
            return
        plan.is_begun = not is_first or "change_id" in came.told
        if is_first and came.told["status"] in ("applied", "pending_keep"):
            assert not plan.is_barred, f"told as {came.told['status']}, and the auditor has not let it pass"
            assert not self.is_frozen, f"told as {came.told['status']} while the kill switch is on"
            wrong = self.model.untrue(plan)
            assert not wrong, f"told as {came.told['status']}, but {wrong}"

    def audit(self, kind: str, one: int, number: int, at: str) -> None:
        """Somebody asks for an audit of a plan: from then on it is not applied without a verdict."""
        known = len(self.model.plans)
        self.plan(kind, one, number)
        if len(self.model.plans) == known:
            return
        plan = self.model.plans[-1]
        came = self._call(number, "request_audit", at=at, plan_id=plan.plan_id)
        if came.fate == "told" and came.told["status"] == "ok":
            plan.audit_id = came.told["audit_id"]

    def judge(self, one: int, number: int, said: str, at: str) -> None:
        """An auditor answers the audit of a plan."""
        asked = [plan for plan in self.model.plans if plan.audit_id and not plan.verdict]
        if asked:
            plan = asked[-1 - one % len(asked)]
            server = self._able(number)
            came = self._note(server, {}, server.tell("judge", armed=at, audit_id=plan.audit_id, said=said))
            if not came.told:
                plan.verdict = said  # the point is behind the commit: who was killed there has recorded it
            self.met[f"judge {came.told or said}"] += 1

    def resolve(self, number: int, said: str, at: str) -> None:
        """A person says what became of the newest change in doubt: the truth, or a lie that the cloud contradicts."""
        if not self.model.plans:
            return
        self.cloud.clear()
        doubted = [one for one in self._look()["changes"] if one["doubts"] and one["is_ended"]]
        plan = next((one for one in self.model.plans if doubted and one.plan_id == doubted[-1]["plan_id"]), None)
        came_of = self.model.came_of(plan, doubted[-1]["doubts"]) if plan is not None else ""
        if plan is None or not came_of:
            return
        is_there = not self.model.untrue(plan)
        word = "not-applied" if said == "lie" and is_there else came_of
        server, change_id = self._able(number), doubted[-1]["change_id"]
        came = self._note(server, {}, server.tell("resolve", armed=at, change_id=change_id, said=word))
        if came.fate == "told":
            self.met[f"resolve {word} {came.told}"] += 1
            is_against = is_there and word == "not-applied"
            assert not is_against or came.told == "contradicted", "it is there, and somebody could say that it is not"

    def doubted(self, one: int, number: int, said: str, at: str, *, is_put_there: bool) -> None:
        """A write of which nobody can tell what it did, and a person says it: killed behind it, and others wrote there.

        ``is_put_there``: then somebody puts there what was planned, and nobody can say that it was not applied.
        """
        known = len(self.model.plans)
        self.change("ssid", one, number=number, answer="accept", at="K7:kill:1", minutes=None)
        if len(self.model.plans) == known or len(self.able) != len(self.servers):
            return
        self.model.drift("same", one)
        self._able(number)
        self.tick(35.0, "")
        if is_put_there:
            (place, wanted), *_ = self.model.plans[-1].wishes.items()
            self.model.put_there(place, wanted)
        self.resolve(number, said, at)

    def keep(self, number: int, answer: str, at: str) -> None:
        """A person is asked to keep the newest change that waits for it."""
        if not self.model.plans:
            return
        waiting = [one for one in self._look()["changes"] if one["state"] == "pending_keep"]
        if waiting:
            self._call(number, "meraki_apply", answer=answer, at=at, plan_id=waiting[-1]["plan_id"], keep=True)

    def back(self, one: int, number: int, answer: str, at: str) -> None:
        """A change is taken back."""
        if not self.model.plans:
            return
        changes = self._look()["changes"]
        if changes:
            change_id = changes[-1 - one % len(changes)]["change_id"]
            self._call(number, "rollback", answer=answer, at=at, change_id=change_id)

    def tick(self, seconds: float, at: str) -> None:
        """Time passes, and every server does what is due; nothing stays open that is overdue."""
        self.clock.advance(seconds)
        known = len(self.able)
        for number, server in enumerate(self.able):
            self._note(server, {}, server.tell("pass", armed=at if number == 0 else ""))
        if known and known == len(self.able) == len(self.servers):
            self._nothing_is_overdue()

    def jump(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        if self.model.plans:
            self.kept.clock_set(seconds)
            self.clock.jump(seconds)

    # What others do

    def drift(self, kind: str, one: int) -> None:
        """Somebody else changes what plans change too, while no server stands between a look and a write."""
        if len(self.able) == len(self.servers):
            self.model.drift(kind, one)

    def fault(self, fault: tuple[Sequence[str], Mapping[str, Json]], skip: int) -> None:
        """A coming request goes wrong in the cloud or on the way."""
        methods, given = fault
        for method in methods:
            self.cloud.fault(**given, method=method, skip=skip)

    def freeze(self, number: int) -> None:
        """Somebody pulls the kill switch."""
        self._switch(number, "freeze", is_frozen=True)

    def thaw(self, number: int) -> None:
        """An approver lifts it."""
        self._switch(number, "unfreeze", is_frozen=False)

    def _switch(self, number: int, what: str, *, is_frozen: bool) -> None:
        if self.is_frozen is not is_frozen:
            server = self._able(number)
            self._note(server, {}, server.tell(what))
            self.is_frozen = is_frozen

    # How it is done

    def _born(self, at: str) -> None:
        server, came = born(self._settings(), self.clock, at)
        self.servers.append(server)
        self._note(server, {}, came)

    def _settings(self) -> Settings:
        home = self.root / "home"
        home.mkdir(mode=0o700, exist_ok=True)
        given = {**QUICK, "keep_look_s": 5.0, "recovery": self.policy, "profile": "solo", "allow_loopback": True}
        return load({}, overrides={**given, "home": home, "base_url": self.cloud.url, "api_key": KEY})

    def _able(self, number: int) -> LiveServer:
        """A server that can be told something; one is started when there is none."""
        while not self.able:
            if len(self.servers) == MOST_SERVERS:
                self._resume(self.servers[0])
            else:
                self._born("")
        return self.able[number % len(self.able)]

    def _resume(self, server: LiveServer) -> None:
        asked = server.waits_for
        self._note(server, asked, server.resume())

    def _call(self, number: int, tool: str, *, answer: str = "accept", at: str = "", **arguments: Json) -> Came:
        asked = {"tool": tool, "arguments": arguments, "answer": answer}
        server = self._able(number)
        return self._note(server, asked, server.tell("call", armed=at, **asked))

    def _look(self) -> Mapping[str, Json]:
        """What is on record."""
        looked: Mapping[str, Json] = self._able(0).tell("look").told
        return looked

    def _note(self, server: LiveServer, asked: Mapping[str, Json], came: Came) -> Came:
        """What came of it, kept for the oracle; a server that was killed is forgotten."""
        if came.fate == "killed":
            self.servers.remove(server)
        if came.fate == "told" and asked.get("tool"):
            self.kept.told.append({"tool": asked["tool"], "payload": came.told})
            self.met[
                f"{asked['tool']} {came.told['status']} {(came.told.get('error') or {}).get('code', '')}".strip()
            ] += 1
        elif came.fate != "told":
            self.met[came.fate] += 1
        return came

    # What must hold

    @invariant()
    def nothing_is_doubled_or_overwritten(self) -> None:
        """As the cloud's journal has it, after each turn."""
        wrong = list(self.model.wrongs())
        assert not wrong, wrong

    def _nothing_is_overdue(self) -> None:
        """Unless a change that was left behind is in the way, nothing waits to be kept beyond its time."""
        looked = self._look()
        if any(_is_under_way(one) for one in looked["changes"]):
            return
        late = [one for one in looked["deadlines"] if one["state"] == "open" and one["due_at"] <= looked["now"]]
        assert not late, f"nobody kept it, and it was not undone: {late}"

    def teardown(self) -> None:
        """Everything is let come to its end, and the oracle judges."""
        try:
            if sys.exc_info()[0] is None and self.model.plans:
                type(self).runs += 1
                self._finish()
                verdict = self.kept.verdict(self.model)
                self.seen.add(Verdict(verdict.exercised))
                assert not verdict.broken, "\n".join(f"{name}: {text}" for name, text in verdict.broken)
        finally:
            for server in self.servers:
                server.kill()
            shutil.rmtree(self.root, ignore_errors=True)

    def _finish(self) -> None:
        """No more faults; who stood still goes on; time enough for every recovery and every deadline."""
        self.cloud.clear()
        for server in [one for one in self.servers if one.is_stopped]:
            self._resume(server)
        self._able(0)
        for seconds in (35.0, 400.0, 35.0):
            self.tick(seconds, "")
        looked = self._look()
        for one in looked["changes"]:
            self.met[f"ended {one['state']}"] += 1
        left = [one for one in looked["changes"] if _is_under_way(one)]
        assert not left, f"left under way: {left}"
        waiting = [one for one in looked["deadlines"] if one["state"] == "open"]
        assert not waiting, f"nobody kept it, and it was not undone: {waiting}"
        for server in list(self.able):
            server.end()
            self.servers.remove(server)


def _is_under_way(change: Mapping[str, Json]) -> bool:
    return change["state"] in (*UNDER_WAY, "in_doubt") and not change["is_ended"]
