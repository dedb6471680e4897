"""Records that the store keeps. Each is frozen, has a key, and is replaced as a whole by compare-and-set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Plan, Reader


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan and where it stands before it is applied."""

    kind: ClassVar[str] = "plan"
    key: str  #: plan_id
    owner: str
    state: ChangeState
    plan: Plan
    change_id: str | None = None  #: set when it is being or was applied
    audit_id: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One execution of a plan."""

    kind: ClassVar[str] = "change"
    key: str  #: change_id, CHG-YYYYMMDD-HHMMSS-xxxx
    plan_id: str
    owner: str
    state: ChangeState
    session_id: str
    organization_id: str
    network_ids: tuple[str, ...]
    approval_id: str
    started_at: datetime
    ended_at: datetime | None = None
    call_id: str = ""
    correlation_id: str = ""
    result: Mapping[str, Json] = field(default_factory=dict)  #: the change-log record once it has ended
    rolls_back: tuple[str, ...] = ()
    rolled_back_by: str | None = None
    confirm_within_minutes: int | None = None  #: it waits so long to be kept, else it is undone
    server: str = ""  #: who carries it out; while that server lives nobody else goes on with it


def unmoved(change: Change) -> Mapping[str, Json]:
    """What must still stand of a change as it was read, for whoever only adds to its record while others go on."""
    return {
        "state": change.state,
        "server": change.server,
        "ended_at": change.ended_at,
        "rolled_back_by": change.rolled_back_by,
    }


@dataclass(frozen=True, slots=True)
class Listed:
    """The list that a create adds to, as it was right before the create was sent."""

    reader: Reader  #: of the whole list
    id_field: str
    known: tuple[str, ...]  #: the ids in it


@dataclass(frozen=True, slots=True)
class Asked:
    """What a write was meant to do, kept until it was read back: what a server that comes later settles it by."""

    operation: str
    reader: Reader | None
    before: Json
    expected: Json
    ignore: tuple[str, ...] = ()  #: fields that change on their own
    unordered: tuple[str, ...] = ()  #: lists whose order means nothing
    listed: Listed | None = None  #: of a create that no natural key tells from the others

    @property
    def place(self) -> Reader | None:
        """Where it is read what the write did; None when nothing reads it."""
        return self.reader or (self.listed.reader if self.listed else None)


@dataclass(frozen=True, slots=True)
class ChangeStep:
    """How far one step of a change is. ``phase`` is apply or undo."""

    kind: ClassVar[str] = "step"
    key: str  #: change_id/phase/number
    change_id: str
    phase: str
    number: int
    state: str  #: intent, applied, failed, unknown, not_applied, unchanged
    request: Mapping[str, Json]  #: method, path; the body redacted
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    http_status: int | None = None
    errors: tuple[str, ...] = ()
    created: Mapping[str, Json] = field(default_factory=dict)  #: what the answer returned, for $ref and undo
    verified: Mapping[str, Json] = field(default_factory=dict)  #: matches, differences, read at
    sealed: Json = None  #: read-back state; kept sealed
    asked: Asked | None = None  #: kept sealed too; None once the step was read back
    around: Mapping[str, Json] = field(default_factory=dict)  #: what it took along, as the change left it
    ended_s: float = 0.0  #: of a write that failed or was lost: uptime in seconds at ``ended_at``
    boot: str = ""  #: the run of the machine in which that uptime counts


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's yes to one plan hash. Signed unless the channel is elicitation."""

    kind: ClassVar[str] = "approval"
    key: str  #: approval_id
    plan_id: str
    plan_hash: str
    approver: str
    channel: str  #: elicitation, terminal
    approved_at: datetime
    expires_at: datetime
    four_eyes: str  #: kept or waived
    key_id: str = ""
    signature: str = ""  #: Ed25519 over the canonical form of the other fields, base64
    used_by: str | None = None  #: change_id that consumed it
    purpose: str = "apply"  #: apply, or keep: of a change that waits for it


@dataclass(frozen=True, slots=True)
class Question:
    """A question put to a person through the client: one use, five minutes."""

    kind: ClassVar[str] = "question"
    key: str
    plan_id: str
    plan_hash: str
    owner: str
    asked_at: datetime
    expires_at: datetime
    answered: str = ""  #: accept, decline, cancel, expired
    purpose: str = "apply"  #: as of an approval


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """An opened audit of a plan; it blocks the plan until a verdict."""

    kind: ClassVar[str] = "audit_request"
    key: str  #: audit_id
    plan_id: str
    plan_hash: str
    requester: str
    state: ChangeState
    opened_at: datetime
    note: str = ""
    auditor: str = ""
    verdict: str = ""  #: approve or reject
    reason: str = ""
    key_id: str = ""
    signature: str = ""
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Actor and client name, ended by 30 minutes of silence."""

    kind: ClassVar[str] = "session"
    key: str
    owner: str
    client: str
    started_at: datetime
    last_seen_at: datetime
    changes_count: int = 0
    modified: tuple[Mapping[str, Json], ...] = ()  #: {serial, network_id, resource, at, change_id}
    operations: Mapping[str, int] = field(default_factory=dict)  #: operationId -> how often applied
    changelog: tuple[str, ...] = ()  #: markdown entries
    changes: tuple[str, ...] = ()  #: ids of the changes it has counted


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call cost; tokens are computed by reports from the bytes."""

    kind: ClassVar[str] = "usage"
    key: str  #: call_id/round
    at: datetime
    owner: str
    client: str
    tool: str
    argument_bytes: int
    result_bytes: int
    meraki_calls: int
    waited_s: float
    duration_s: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Lease:
    """One change holds one network or organization until a time; fence numbers only grow."""

    kind: ClassVar[str] = "lease"
    key: str  #: network:ID or organization:ID
    change_id: str
    holder: str  #: owner of the change
    until: datetime
    fence: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """The kill switch of everything or of one organization; while it is on, no new change starts on this store."""

    kind: ClassVar[str] = "freeze"
    key: str  #: everything, or organization:ID
    reason: str
    frozen_by: str
    frozen_at: datetime
    lifted_at: datetime | None = None
    lifted_by: str = ""  #: owner of the approver key that signed the lifting
    key_id: str = ""
    signature: str = ""  #: Ed25519 over the canonical form of the other fields, base64


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a change must be kept by a person, or it is undone (commit-confirm). See domain/holds/confirm.py."""

    kind: ClassVar[str] = "deadline"
    key: str  #: change_id
    minutes: int  #: of the window, from the end of verification on
    state: str  #: open, kept, undone, or stopped: somebody else changed the resource, a person decides
    due_at: datetime  #: by this machine's wall clock
    anchored_at: datetime  #: wall clock when ``due_at`` was set last
    anchored_s: float  #: uptime in seconds at that same moment
    boot: str  #: the run of the machine in which that uptime counts
    baseline: Mapping[str, Json] = field(default_factory=dict)  #: health signals before the first write
    sampled_at: datetime | None = None  #: when health was looked at last
    conflicts: tuple[str, ...] = ()  #: of a stopped one: what somebody else changed, or cannot be undone


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of evidence; the store adds seq, previous hash and hash. ``detail`` is already redacted."""

    kind: ClassVar[str] = "audit"
    #: call, question, answer, refusal, approval, verdict; of a change: state, intent, outcome, reconciled (settled
    #: after its outcome was told as unknown), recovery (taken over), resolution (by a person), alert; duty; freeze
    event: str
    at: datetime
    owner: str
    status: str  #: of a call: its result's status; of an outcome: applied, failed, unknown ...
    call_id: str = ""
    correlation_id: str = ""
    client: str = ""
    tool: str = ""
    plan_id: str = ""
    change_id: str = ""
    organization_id: str = ""
    network_ids: tuple[str, ...] = ()
    detail: Mapping[str, Json] = field(default_factory=dict)
    seq: int = 0
    previous_hash: str = ""
    hash: str = ""


Record = StoredPlan | Change | ChangeStep | Approval | Question | AuditRequest | Session | Usage | Freeze | Deadline
