"""One change under way: its records, and how they are committed.

Two rules: every state of a change is committed with the line of evidence that tells it, in one transaction; the
fences of the change's leases are checked in the same transaction as each of them (safety I1, I8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import anyio

from mcp_server.catalogue.related.references import Moved
from mcp_server.changes.means import Means
from mcp_server.domain.call import Attempt, Json
from mcp_server.domain.change_state import ChangeState, move
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.plan import Plan
from mcp_server.domain.ports import Append, HoldLeases, Put, StoreWrite
from mcp_server.domain.record import AuditEntry, Change, ChangeStep, Lease, StoredPlan
from mcp_server.errors import RecordConflict
from mcp_server.world import World

_WRITES_A_STEP: Final = 10_000  #: more than an undo of one step ever needs


@dataclass(slots=True)
class Run:
    """The server's own hold on a change; outlives the call that started it (design 3.1.2)."""

    stored: StoredPlan
    change: Change
    attempt: Attempt
    world: World
    means: Means
    fences: tuple[int, ...] = ()  #: of the plan's lease keys, as this run took them
    steps: list[ChangeStep] = field(default_factory=list)
    created: dict[int, Mapping[str, Json]] = field(default_factory=dict)  #: by step number, for $ref
    is_started: bool = False
    is_sent: bool = False  #: a write has left; from here on the change goes to its end
    is_cancelled: bool = False  #: the caller went away before the first write
    is_detached: bool = False  #: every caller was answered ``applying`` or is gone
    followers: int = 0  #: callers that wait for the end
    done: anyio.Event = field(default_factory=anyio.Event)
    outcome: Outcome | None = None
    progress: int = 0  #: steps behind it
    moved_on: anyio.Event = field(default_factory=anyio.Event)  #: set, and replaced, when progress is made
    moved_fields: list[str] = field(default_factory=list)  #: of a stale plan
    failure: Mapping[str, Json] = field(default_factory=dict)  #: {code, message, remedy} of what went wrong
    residue: list[str] = field(default_factory=list)  #: what an undo could not restore
    put_off: str = ""  #: why an undo could not be gone on with for now; it is tried again
    is_over: bool = False  #: its last commit is under way or done: the duty moves its leases on no more
    is_last_try: bool = False  #: nothing is put off any more: the server ends
    moved: tuple[Moved, ...] = ()  #: what an undo made again under another id
    unexplained: tuple[Mapping[str, Json], ...] = ()  #: rows of the organization's log that the change does not explain
    change_log: Mapping[str, Json] = field(default_factory=dict)  #: how far that log could be read
    health: Mapping[str, Json] = field(default_factory=dict)
    delivery: Mapping[str, Json] = field(default_factory=dict)
    next_command: str = ""  #: what a person runs, when the change waits for one
    baseline: Mapping[str, Json] = field(default_factory=dict)  #: health before the first write
    confirm: Mapping[str, Json] = field(default_factory=dict)  #: until when it must be kept, and how
    generated: list[str] = field(default_factory=list)  #: names under which made-up secrets are kept
    lease_keys: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """What is asked for with each commit is computed once; whatever is read is of the plan's organization."""
        self.lease_keys = self.plan.lease_keys
        self.world.reads.are_of(self.plan.organization.id)

    @property
    def plan(self) -> Plan:
        """The plan that is carried out."""
        return self.stored.plan

    def advance(self) -> None:
        """One more step is behind it; whoever waits for ``moved_on`` is woken."""
        self.progress += 1
        self.wake()

    def wake(self) -> None:
        """Let whoever waits for ``moved_on`` look again."""
        passed, self.moved_on = self.moved_on, anyio.Event()
        passed.set()

    def told(self) -> dict[str, Json]:
        """What answer and record say beside the steps: health, delivery, residue, and where made-up secrets are."""
        parts: dict[str, Json] = {
            "health": dict(self.health),
            "delivery": dict(self.delivery),
            "residue": [*self.residue, *self.unexplained],
        }
        if self.change_log:
            parts["change_log"] = dict(self.change_log)
        if self.next_command:
            parts["next_command"] = self.next_command
        if self.confirm:
            parts["confirm"] = dict(self.confirm)
        if self.generated:
            parts["generated"] = [f"meraki-specialist secret show {name}" for name in self.generated]
        return parts

    def entry(self, event: str, status: str, detail: Mapping[str, Json] | None = None) -> Append:
        """A line of evidence about this change; ``detail`` must be redacted."""
        call = self.attempt.call
        return Append(
            AuditEntry(
                event=event,
                at=self.world.clock.now(),
                owner=self.change.owner,
                status=status,
                call_id=call.call_id,
                correlation_id=call.correlation_id,
                client=call.actor.client,
                tool=call.tool,
                plan_id=self.plan.plan_id,
                change_id=self.change.key,
                organization_id=self.plan.organization.id,
                network_ids=self.change.network_ids,
                detail=dict(detail or {}),
            )
        )

    def hold(self) -> HoldLeases:
        """The fence check that goes with each commit; moves the leases' end on."""
        until = self.world.clock.now() + timedelta(seconds=self.means.times.lease_s)
        return HoldLeases(self.lease_keys, self.change.key, until, self.fences)

    @property
    def named_fences(self) -> dict[str, int]:
        """The fence of each lease that the run holds, by its key."""
        return dict(zip(self.lease_keys, self.fences, strict=True))

    async def commit(self, *writes: StoreWrite) -> None:
        """The writes, when this run still holds its leases: who was shut out writes nothing any more."""
        await self.world.store.commit(self.hold(), *writes)

    async def move(self, target: ChangeState, *writes: StoreWrite, detail: Mapping[str, Json] | None = None) -> None:
        """The change in its next state, committed together with ``writes``; IllegalMove changes nothing."""
        before = self.change.state
        moved = replace(self.change, state=move(before, target))
        await self.commit(*writes, Put(moved, {"state": before}), self.entry("state", target.value, detail))
        self.change = moved  # only now: what could not be written has not happened

    def set_step(self, step: ChangeStep) -> Put:
        """The write that keeps a step's record; replaces the earlier one of the same key."""
        self.keep_step(step)
        return Put(step, {})

    def keep_step(self, step: ChangeStep) -> None:
        """Know a step's record as it is on disk; it replaces the earlier one of the same key."""
        self.steps = [known for known in self.steps if known.key != step.key] + [step]


async def fences_of(run: Run, until: datetime) -> tuple[int, ...]:
    """The fences of the leases that the run has just taken until then; RecordConflict when they are gone again.

    Also when the same change has them: another server goes on with it, which has taken them anew.
    """
    keys = run.lease_keys
    leases = {lease.key: lease for lease in await run.world.store.list(Lease, {"key": list(keys)}, limit=len(keys))}
    taken = [key for key, lease in leases.items() if (lease.change_id, lease.until) == (run.change.key, until)]
    if len(taken) != len(keys):
        raise RecordConflict(f"the leases of {run.change.key} were taken away")
    return tuple(leases[key].fence for key in run.lease_keys)


def undo_number(number: int, offset: int = 0) -> int:
    """The number under which the ``offset``-th write that undoes a step is on record."""
    return number * _WRITES_A_STEP + offset


def undone_step(number: int) -> int:
    """The step that the undo of this number takes back."""
    return number // _WRITES_A_STEP
