"""The only door for tools: how a tool is declared, and the desk of services it works with.

A tool declares its effect, its four hints and its closed schema; it is given a ``Desk`` when called, holds read
handles only, and a change comes back as ``CarryOut``, never as a side effect.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mcp_server.domain.actor import Role
from mcp_server.domain.call import Attempt, Effect, Json, Touch
from mcp_server.domain.outcome import CarryOut, Handoff, Outcome
from mcp_server.domain.record import Change, StoredPlan
from mcp_server.errors import CallerError, InvalidArguments, Refused

__all__ = [
    "Attempt", "CallerError", "CarryOut", "Change", "Desk", "Effect", "Handoff", "Hints", "InvalidArguments", "Json",
    "Outcome", "Refused", "Role", "StoredPlan", "Tool", "Touch", "closed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hints:
    """MCP's four annotation hints; none has a default."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class Operations(Protocol):
    """The catalogue as tools see it."""

    def search(self, query: str, limit: int, organizations: Sequence[str] = ()) -> Sequence[Mapping[str, Json]]:
        """Ranked operations: id, method, path, needs, risk, reversible; only those that these organizations have."""
        ...

    def own_organizations(self) -> Sequence[str]:
        """The organizations whose API differs from the shipped one."""
        ...

    def asked_of(self, organizations: Sequence[str]) -> Sequence[str]:
        """The organizations to which a search is limited; none when every one's operations are meant."""
        ...

    def describe(self, operation: str) -> Mapping[str, Json]:
        """The whole schema of one operation; InvalidArguments with the nearest names when unknown."""
        ...

    def touch(self, operation: str, params: Mapping[str, Json]) -> Touch:
        """A checked read of one GET operation; InvalidArguments lists all faults."""
        ...

    def expand(self, operations: Sequence[Mapping[str, Json]]) -> tuple[Touch, ...]:
        """The touches of a requested plan, ``for_each`` expanded; InvalidArguments lists all faults."""
        ...


class Estate(Protocol):
    """The organization's inventory as tools see it."""

    async def find(self, what: str, query: str, limit: int) -> Mapping[str, Json]:
        """Networks or devices by name, tag, model or serial: {matches, total}."""
        ...

    async def organizations_in(self, text: str) -> Sequence[str]:
        """Ids of the organizations that a text names, by id or by their whole name."""
        ...

    async def complete(self, argument: str, value: str) -> Sequence[str]:
        """Ids of organizations or networks that begin with, or are named like, the value."""
        ...

    async def read(self, touch: Touch, *, fields: Sequence[str], max_tokens: int, cursor: str | None) -> Outcome:
        """The data of one GET, cut at object boundaries."""
        ...


class Planning(Protocol):
    """Making plans; writes to no network."""

    async def plan(self, attempt: Attempt, intent: str) -> Outcome:
        """A stored plan of the attempt's touches."""
        ...

    async def find(self, plan_id: str, attempt: Attempt) -> StoredPlan:
        """The caller's stored plan; Refused with plan_unknown, plan_of_another_owner, plan_altered."""
        ...

    async def invert(
        self, attempt: Attempt, change_id: str | None, last: int | None, steps: Sequence[int]
    ) -> StoredPlan:
        """The stored plan that undoes those changes: the open one, or a new one."""
        ...

    async def touches_of(self, plan_id: str, attempt: Attempt) -> tuple[Touch, ...]:
        """What carrying out a stored plan touches."""
        ...

    async def touches_to_undo(
        self, attempt: Attempt, change_id: str | None, last: int | None, steps: Sequence[int]
    ) -> tuple[Touch, ...]:
        """What undoing those changes touches."""
        ...


class Ledger(Protocol):
    """What was done, from the store."""

    async def history(self, filters: Mapping[str, Json]) -> Outcome:
        """Change records, newest first, with a cursor."""
        ...

    async def resource(self, attempt: Attempt, scheme: str, name: str) -> tuple[str, str]:
        """Text and media type of plan://NAME, change://NAME, audit://NAME or changelog://session."""
        ...

    async def open_audit(self, attempt: Attempt, plan_id: str, note: str) -> Outcome:
        """The audit of a plan: opened, or as it stands."""
        ...


class Doctor(Protocol):
    """Health."""

    async def check(
        self, attempt: Attempt, organization_id: str, network_id: str, serials: Sequence[str], change_id: str
    ) -> Outcome:
        """Score, band, findings, delta; and this server's own health."""
        ...


class Desk(Protocol):
    """What a tool works with during one call."""

    @property
    def attempt(self) -> Attempt:
        """Who asks, and what for."""
        ...

    @property
    def operations(self) -> Operations:
        """The catalogue."""
        ...

    @property
    def estate(self) -> Estate:
        """Inventory and data."""
        ...

    @property
    def planning(self) -> Planning:
        """Making plans."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What was done."""
        ...

    @property
    def doctor(self) -> Doctor:
        """Health."""
        ...


Run = Callable[[Desk, Mapping[str, Json]], Awaitable[Outcome | CarryOut]]
Reach = Callable[[Desk, Mapping[str, Json]], Awaitable[tuple[Touch, ...]]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One declared tool. ``reach`` says what a call would touch, before any hook runs."""

    name: str
    title: str
    description: str
    effect: Effect
    hints: Hints
    parameters: Mapping[str, Json]  #: JSON Schema, closed
    run: Run
    reach: Reach | None = None
    is_apply: bool = False  #: carries out a stored plan
    roles: frozenset[Role] = field(default_factory=frozenset)  #: empty: everybody


def closed(properties: Mapping[str, Json], required: Sequence[str] = ()) -> dict[str, Json]:
    """A JSON Schema for an object with just these properties."""
    schema: dict[str, Json] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    return schema
