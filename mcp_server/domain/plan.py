"""A plan: what would be written, what it would change, and how to go back. Frozen once made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mcp_server.domain.call import Blocked, Json, Named, Network, Warned
from mcp_server.domain.risk import Risk, highest

EACH: Final = "[]."  #: begins a reader's ``at``: the field of each element of a list


@dataclass(frozen=True, slots=True)
class Reader:
    """How to read one resource: a GET, and where in its answer the resource stands.

    ``match`` empty: the whole answer. Otherwise the answer (or its list at ``at``) is a list, and the
    resource is the one element whose fields equal ``match``; no such element means the resource does not exist.
    """

    operation: str
    params: Mapping[str, Json]
    at: str = ""  #: name of the field that holds the list, "" for the answer itself; "[].name": in each of its rows
    match: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs.

    ``path`` is dotted, list elements as ``rules[2]``; ``how`` is set, added, removed or moved.
    """

    path: str
    before: Json
    after: Json
    how: str = "set"
    note: str = ""  #: for a list change: where it stands ("between 'Block guest' and the default rule")


@dataclass(frozen=True, slots=True)
class Write:
    """One request that writes. Placeholders ``{"$secret"}``, ``{"$generate"}``, ``{"$ref"}`` stay until it is sent."""

    operation: str
    params: Mapping[str, Json]
    body: Json = None


@dataclass(frozen=True, slots=True)
class Inverse:
    """How a step is undone, and how far that can be trusted.

    ``undo_class``: reversible, with_caveats, new_id (comes back under another id), none.
    ``how``: put_before, delete_created, recreate, inverse_action, with_creation (what it writes to is created by an
    earlier step and goes with it), none.
    ``evidence``: schema, sandbox or lab.
    ``writes`` may use ``{"$created": "id"}`` in params for what the step's answer returned.
    """

    undo_class: str
    how: str
    writes: tuple[Write, ...] = ()
    caveats: tuple[str, ...] = ()
    evidence: str = "schema"


@dataclass(frozen=True, slots=True)
class Dependant:
    """Something else that a step takes along: how it is read, what was there, and how an undo brings it back.

    ``how``: made_again, written_back or not_restored.
    """

    reader: Reader
    before: Json
    how: str


@dataclass(frozen=True, slots=True)
class Step:
    """One write of a plan with everything needed to check it, do it, verify it and undo it."""

    number: int  #: from 1
    write: Write
    method: str
    path: str  #: with the path parameters filled in; an id created by an earlier step stays as {step-1.id}
    label: str  #: for people: "SSID 3 of Store 12"
    kind: str  #: create, update, delete or action
    resource: str  #: the protocol's word: ssid, vlan, acl, firewall_l3, port ...
    task: str  #: T1 to T6
    organization_id: str
    network_id: str | None
    serial: str | None
    reader: Reader | None
    before: Json  #: live state when planned; None: it does not exist, or the operation has no readable state
    expected: Json  #: state after the write by the API's merge rules; None after a delete
    diff: tuple[FieldChange, ...]
    inverse: Inverse
    risk: Risk
    risk_reasons: tuple[str, ...] = ()
    irreversible: bool = False
    downtime: str = "none"  #: none, brief (< 5 s), moderate (5-60 s), extended (> 60 s)
    settle_s: float = 5.0  #: upper bound of the wait for the read-back to show the new state
    dependants: tuple[Dependant, ...] = ()  #: what it takes along besides its own resource

    @property
    def changes_something(self) -> bool:
        """False when the live state already is what the write would make it."""
        return bool(self.diff) or self.kind == "action"


@dataclass(frozen=True, slots=True)
class Impact:
    """Who and what is reached. ``clients`` is None when it is not known."""

    devices: int
    device_serials: tuple[str, ...]
    networks: tuple[Named, ...]
    clients: int | None
    downtime: str
    self_isolating: bool = False
    expanded_from_template: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A frozen proposal. ``plan_hash`` is SHA-256 over the RFC 8785 form of what ``hashed_parts`` names."""

    plan_id: str
    code: str  #: 4 characters that a person types to approve
    plan_hash: str
    request_id: str  #: REQ-...
    owner: str
    intent: str  #: the requester's words: untrusted
    organization: Named
    networks: tuple[Network, ...]
    steps: tuple[Step, ...]
    impact: Impact
    warnings: tuple[Warned, ...]
    skipped: tuple[Blocked, ...]
    context: Mapping[str, Json]  #: what the hooks injected: catalyst_mode, sgt_restricted, writable_ports ...
    baseline: Mapping[str, Json]  #: health signals when planned
    created_at: datetime
    expires_at: datetime
    rolls_back: tuple[str, ...] = ()  #: change ids that this plan undoes

    @property
    def risk(self) -> Risk:
        """The highest of the steps; critical also when more than 10 devices are reached."""
        return highest([step.risk for step in self.steps] + ([Risk.CRITICAL] if self.impact.devices > 10 else []))

    @property
    def lease_keys(self) -> tuple[str, ...]:
        """What an apply must hold, sorted: its networks, or the organization when a step has no network."""
        keys = {f"network:{step.network_id}" for step in self.steps if step.network_id}
        keys |= {f"network:{named.id}" for named in self.impact.expanded_from_template}
        if any(step.network_id is None for step in self.steps):
            keys.add(f"organization:{self.organization.id}")
        return tuple(sorted(keys))
