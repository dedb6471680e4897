"""Records as rows and back: which table, which columns to search by, what is encrypted.

Rules: a row's columns are computed from its record, and compared when it is read, so none can be edited unseen; the
before-states of a plan lie sealed in rows of their own; a record that would not come back as it went in is refused.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from math import isfinite
from operator import attrgetter
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from mcp_server.domain.record import (
    Approval,
    AuditRequest,
    Change,
    ChangeStep,
    Deadline,
    Freeze,
    Lease,
    Question,
    Record,
    Session,
    StoredPlan,
    Usage,
)
from mcp_server.errors import RecordAltered, StoreUnavailable
from mcp_server.store.seal import Seal

Column = str | int | None
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Kind:
    """How records of one class are kept. ``time`` is the column that ``since`` and ``until`` look at."""

    record: type[Any]
    name: str
    table: str
    columns: Mapping[str, Callable[[Any], Any]]
    time: str
    is_secret: bool = False  #: encrypted as a whole; otherwise readable, and bound to its seal


@dataclass(frozen=True, slots=True)
class Row:
    """A record made ready to be written."""

    kind: Kind
    key: str
    columns: Mapping[str, Column]
    doc: str
    sealed: bytes
    snapshots: tuple[tuple[int, bytes], ...] = ()
    digest: bytes = b""  #: of the before-states


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it stands in its row; of a plan, the before-states (``digest``) are still to be joined."""

    record: Any
    digest: bytes = b""


def _kind(record: type[Any], table: str, time: str, names: str, *, is_secret: bool = False, **paths: str) -> Kind:
    """A kind whose columns are attributes of the same name, or of the given path."""
    columns: dict[str, Callable[[Any], Any]] = {name: attrgetter(name) for name in names.split()}
    columns |= {name: attrgetter(path) for name, path in paths.items()}
    return Kind(record, record.kind, table, columns, time, is_secret)


def _plan_kind() -> Kind:
    """Plans: columns lie one level down, and the networks' ids are picked out."""
    kind = _kind(
        StoredPlan, "plans", "created_at", "owner state change_id audit_id", is_secret=True,
        plan_hash="plan.plan_hash", request_id="plan.request_id", organization_id="plan.organization.id",
        created_at="plan.created_at", expires_at="plan.expires_at",
    )  # fmt: skip
    networks = {"network_ids": lambda record: tuple(network.id for network in record.plan.networks)}
    return replace(kind, columns={**kind.columns, **networks})


KINDS: dict[type[Any], Kind] = {
    kind.record: kind
    for kind in (
        _plan_kind(),
        _kind(
            Change, "changes", "started_at",
            "plan_id owner state session_id organization_id network_ids approval_id call_id correlation_id"
            " rolled_back_by started_at ended_at", is_secret=True,
        ),
        _kind(ChangeStep, "steps", "sent_at", "change_id phase number state sent_at ended_at", is_secret=True),
        _kind(
            Approval, "approvals", "approved_at",
            "plan_id plan_hash approver channel key_id used_by approved_at expires_at",
        ),
        _kind(Question, "questions", "asked_at", "plan_id owner answered asked_at expires_at"),
        _kind(
            AuditRequest, "audit_requests", "opened_at",
            "plan_id requester state auditor verdict opened_at answered_at",
        ),
        _kind(Lease, "leases", "until", "change_id holder until fence"),
        _kind(Session, "sessions", "last_seen_at", "owner client started_at last_seen_at", is_secret=True),
        _kind(Usage, "usage", "at", "at owner client tool outcome"),
        _kind(Freeze, "freezes", "frozen_at", "frozen_by lifted_by frozen_at lifted_at"),
        _kind(Deadline, "deadlines", "due_at", "state due_at", is_secret=True),
    )
}  # fmt: skip

#: Columns that hold who somebody is; compared without regard to case.
OWNERS = frozenset({"owner", "requester", "approver", "auditor", "holder", "frozen_by", "lifted_by"})


def kind_of(record: type[Any]) -> Kind:
    """How records of that class are kept; ``TypeError`` for any other class."""
    try:
        return KINDS[record]
    except KeyError:
        raise TypeError(f"the store keeps no {record.__name__}") from None


def column_value(name: str, value: Any) -> Column:
    """A value as its column holds it: enum values, times as UTC text that sorts, lists as JSON, owners folded."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return value.casefold() if name in OWNERS else value
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, tuple | list):
        return json.dumps(list(value))
    if value is None or isinstance(value, int):
        return value
    raise TypeError(f"{name} cannot be searched by {type(value).__name__}")


def moment(at: datetime) -> str:
    """The time in UTC, with microseconds, so that text order is time order; ``ValueError`` for a naive time."""
    if at.tzinfo is None:
        raise ValueError("a time without zone cannot be kept")
    return _utc_text(at if at.tzinfo is UTC else at.astimezone(UTC))


@lru_cache(maxsize=4)  # the rows of one call share their time; of UTC alone, where equal times are one moment
def _utc_text(at: datetime) -> str:
    """The UTC time with microseconds."""
    return at.isoformat(timespec="microseconds")


def encode(record: Record | Lease, seal: Seal) -> Row:
    """The row of a record. Raises ``StoreUnavailable`` when it cannot be written as JSON or the key cannot be read."""
    kind = kind_of(type(record))
    columns = {name: column_value(name, read(record)) for name, read in kind.columns.items()}
    snapshots: tuple[tuple[int, bytes], ...] = ()
    digest = b""
    name = f"{kind.name} {record.key}"
    if isinstance(record, StoredPlan):
        texts = [(step.number, _json(step.before, name)) for step in record.plan.steps]
        digest = _digest(texts)
        snapshots = tuple((number, seal.encrypt(text, f"snapshot {record.key}/{number}")) for number, text in texts)
        record = _with_befores(record, [None] * len(texts))
    text = _dump(record, name)
    doc = "{}" if kind.is_secret else text.decode()
    secret = digest + text if kind.is_secret else b""
    return Row(kind, record.key, columns, doc, seal.encrypt(secret, name, doc.encode()), snapshots, digest)


def decode(kind: Kind, row: Sequence[Any], key: str, seal: Seal) -> Found:
    """The record of a row (columns in order, doc, sealed). Raises ``RecordAltered`` when it is not what was written."""
    *columns, doc, sealed = row
    name = f"{kind.name} {key}"
    secret = seal.decrypt(sealed, name, doc.encode())
    is_plan = kind.record is StoredPlan
    digest = secret[:_DIGEST_BYTES] if is_plan else b""
    record = _load(kind, secret[len(digest) :] if kind.is_secret else doc.encode(), name)
    computed = [column_value(column, read(record)) for column, read in kind.columns.items()]
    if record.key != key or computed != columns:
        raise RecordAltered(f"{name}: a column was altered")
    return Found(record, digest)


def joined(plan: StoredPlan, digest: bytes, rows: Sequence[tuple[int, bytes]], seal: Seal) -> StoredPlan:
    """The plan with its before-states. Raises ``RecordAltered`` when one is missing, moved or exchanged."""
    texts = [(number, seal.decrypt(sealed, f"snapshot {plan.key}/{number}")) for number, sealed in rows]
    by_number = dict(texts)
    numbers = [step.number for step in plan.plan.steps]
    ordered = [(number, by_number[number]) for number in numbers if number in by_number]
    if len(texts) != len(numbers) or _digest(ordered) != digest:
        raise RecordAltered(f"plan {plan.key}: a before-state was altered")
    return _with_befores(plan, [json.loads(text) for _, text in ordered])


def _with_befores(record: StoredPlan, befores: Sequence[Any]) -> StoredPlan:
    """The same plan with these before-states, in the order of its steps."""
    steps = tuple(replace(step, before=before) for step, before in zip(record.plan.steps, befores, strict=True))
    return replace(record, plan=replace(record.plan, steps=steps))


def _digest(texts: Sequence[tuple[int, bytes]]) -> bytes:
    """Over numbers and before-states in order; kept only inside the sealed part, for it could be guessed against."""
    whole = hashlib.sha256()
    for number, text in texts:
        whole.update(b"%d:%d:" % (number, len(text)) + text)
    return whole.digest()


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def adapter(record: type[Any]) -> TypeAdapter[Any]:
    """Turns one class of records to JSON and back; built once, when first needed."""
    if record not in _ADAPTERS:
        _ADAPTERS[record] = TypeAdapter(record)
    return _ADAPTERS[record]


def _json(value: Any, name: str) -> bytes:
    """A before-state as JSON text."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as problem:
        raise StoreUnavailable(f"{name} holds a before-state that is not JSON, so it cannot be kept") from problem


def _dump(record: Any, name: str) -> bytes:
    """A record as JSON text."""
    try:
        if isinstance(record, Usage):
            return _usage_text(record).encode()
        plain = adapter(type(record)).dump_python(record)
        return _ENCODER.encode(plain).encode()
    except (PydanticSerializationError, TypeError, ValueError) as problem:
        raise StoreUnavailable(f"{name} holds a value that cannot be kept") from problem


def _usage_text(usage: Usage) -> str:
    """As the encoder writes it, field by field: each call has one. ``ValueError`` for a duration that is no number."""
    u = usage
    if not isfinite(u.waited_s) or not isfinite(u.duration_s):
        raise ValueError("a duration that is not finite")
    return (
        f'{{"key":{_q(u.key)},"at":"{moment(u.at)}","owner":{_q(u.owner)},"client":{_q(u.client)},"tool":{_q(u.tool)},'
        f'"argument_bytes":{u.argument_bytes:d},"result_bytes":{u.result_bytes:d},"meraki_calls":{u.meraki_calls:d},'
        f'"waited_s":{u.waited_s!r},"duration_s":{u.duration_s!r},"outcome":{_q(u.outcome)}}}'
    )


def _text(value: Any) -> str:
    """A time as text; ``TypeError`` for anything else that JSON does not know."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


_q = json.encoder.encode_basestring  #: quotes a text as the encoder does
_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_text)


def _load(kind: Kind, text: bytes, name: str) -> Any:
    """The record of JSON text that its seal proved to be ours."""
    try:
        return adapter(kind.record).validate_json(text)
    except ValidationError as problem:
        raise StoreUnavailable(f"{name} was written by a version of this server that this one cannot read") from problem
