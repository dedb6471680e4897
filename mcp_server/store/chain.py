"""The audit chain: each line of evidence carries the hash of the line before it.

Rules: a line's hash is SHA-256 over the RFC 8785 form of the entry without its hash, integers beyond 2^53 as text; seq
counts from 1 without gaps; the head (seq and hash of the last line) carries a keyed tag, so that a cut or rewritten
chain is found by whoever has the key. Pure: lines go in and come out.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
from pydantic_core import PydanticSerializationError, to_json

from mcp_server.domain.call import Receipt
from mcp_server.domain.record import AuditEntry
from mcp_server.errors import RecordAltered, StoreUnavailable
from mcp_server.store.records import adapter, moment

FIRST = "0" * 64  #: what the first line has for its previous hash
_SAFE_INTEGER = 2**53 - 1
_q = json.encoder.encode_basestring  #: quotes a text as RFC 8785 does
_NOT_ITS_HASH = "its text does not have its hash"
_TAIL = re.compile(r'[^"\\]*","tool":"[^"\\]*"}')  #: what follows the link when neither text needs an escape


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in canonical form, parted where seq and previous hash go in."""

    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A line as it stands in the table."""

    seq: int
    doc: str
    hash: str


@dataclass(frozen=True, slots=True)
class Problem:
    """The first line that breaks the chain; ``seq`` counts from 1, 0 is the head that says where the chain ends."""

    seq: int
    reason: str


def line_of(entry: AuditEntry) -> Line:
    """The entry ready to be linked. Raises ``StoreUnavailable`` when it holds what JSON cannot.

    Its fields stand in the order of RFC 8785; all but two are texts, which are quoted one by one.
    """
    e = entry
    try:
        detail, networks = canonical(e.detail), ",".join([_q(one) for one in e.network_ids])
        before = (
            f'{{"at":"{moment(e.at)}","call_id":{_q(e.call_id)},"change_id":{_q(e.change_id)},"client":{_q(e.client)},'
            f'"correlation_id":{_q(e.correlation_id)},"detail":{detail},"event":{_q(e.event)},"network_ids":[{networks}],'
            f'"organization_id":{_q(e.organization_id)},"owner":{_q(e.owner)},"plan_id":{_q(e.plan_id)},'
        )
        return Line(before.encode(), f'{_q(e.status)},"tool":{_q(e.tool)}}}'.encode())
    except (rfc8785.CanonicalizationError, UnicodeError) as problem:
        raise StoreUnavailable("the audit entry holds a value that JSON cannot carry") from problem


def canonical(value: Any) -> str:
    """The RFC 8785 form, integers beyond 2^53 and times as text.

    What holds only plain values has it from the serializer, once its keys are in order, in a fraction of the time.
    """
    try:
        return to_json(_in_order(value)).decode()
    except (TypeError, PydanticSerializationError):
        return rfc8785.dumps(_safe(value)).decode()


def linked(line: Line, head: Receipt) -> Stored:
    """The line as the next one after the head."""
    link = f'"previous_hash":"{head.hash}","seq":{head.seq + 1},"status":'
    doc = line.before + link.encode() + line.after
    return Stored(head.seq + 1, doc.decode(), hashlib.sha256(doc).hexdigest())


def entry_of(stored: Stored) -> AuditEntry:
    """The entry of a line. Raises ``RecordAltered`` when the line does not have its own hash."""
    problem = _fault(stored)
    if problem:
        raise RecordAltered(f"audit {stored.seq}: {problem}")
    entry: AuditEntry = adapter(AuditEntry).validate_python({**json.loads(stored.doc), "hash": stored.hash})
    return entry


def walked(
    lines: Iterable[tuple[int, str, str]], begun: Receipt, expected: Mapping[int, str]
) -> tuple[Receipt, Problem | None]:
    """Follow the rows (seq, text, hash) that come after ``begun``: the last good one, and what is wrong with the next.

    ``expected``: the hashes that somebody witnessed, by seq.
    """
    at, previous = begun.seq, begun.hash
    for seq, doc, digest in lines:
        reason = _broken(seq, doc, digest, at, previous)
        if not reason and expected.get(seq, digest) != digest:
            reason = "a receipt names another hash for it"
        if reason:
            return Receipt(at, previous), Problem(at + 1, reason)
        at, previous = seq, digest
    return Receipt(at, previous), None


def previous_of(doc: str) -> str:
    """The hash that a line says it follows; "" when it says none."""
    try:
        fields = json.loads(doc)
    except ValueError:
        return ""
    return str(fields.get("previous_hash", "")) if isinstance(fields, dict) else ""


def _broken(seq: int, doc: str, digest: str, at: int, previous: str) -> str:
    """Why the line does not follow the one before it; "" when it does."""
    if seq != at + 1:
        return f"a line is missing: {seq} follows {at}"
    if hashlib.sha256(doc.encode()).hexdigest() != digest:
        return _NOT_ITS_HASH
    link = f'"previous_hash":"{previous}","seq":{seq},"status":"'
    place = doc.rfind(link)
    if place >= 0 and _TAIL.fullmatch(doc, place + len(link)):
        return ""  # the usual case without parsing: the link stands in front of the last two fields
    return _fault(Stored(seq, doc, digest), previous)


def _fault(stored: Stored, previous_hash: str | None = None) -> str:
    """Why the line is not what was written; "" when it is."""
    if hashlib.sha256(stored.doc.encode()).hexdigest() != stored.hash:
        return _NOT_ITS_HASH
    try:
        fields = json.loads(stored.doc)
    except ValueError:
        return "its text is not JSON"
    if not isinstance(fields, dict) or fields.get("seq") != stored.seq:
        return "it stands under another seq"
    if previous_hash not in (None, fields.get("previous_hash")):
        return "it does not carry the hash of the line before"
    return ""


def _in_order(value: Any) -> Any:
    """A copy with sorted keys, which the serializer writes exactly as RFC 8785 says.

    Raises ``TypeError`` for what it would write otherwise: floats, large integers, keys beyond ASCII (sorted unlike).
    """
    kind = type(value)
    if kind is str or kind is bool or value is None or (kind is int and abs(value) <= _SAFE_INTEGER):
        return value
    if kind is dict:
        copy = {}
        for key in sorted(value):
            if type(key) is not str or not key.isascii():
                raise TypeError("a key that is no text, or beyond ASCII")
            item = value[key]
            copy[key] = item if type(item) is str else _in_order(item)
        return copy
    if kind is list or kind is tuple:
        return [_in_order(item) for item in value]
    raise TypeError(f"{kind.__name__} is not plain")


def _safe(value: Any) -> Any:
    """The same JSON with times and integers beyond 2^53 as text (RFC 8785 has neither)."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, Mapping):
        return {key: _safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE_INTEGER:
        return str(value)
    return value
