"""Signed statements about the audit chain: when one is due, what it says, and where it is kept outside the store.

Rules: a statement names a row and its hash, so it covers every row before it; statements are chained too (``previous``
is the digest of the one before); the fields are texts and whole numbers only, so that ``json.dumps`` with sorted keys
is their RFC 8785 form and anybody can check a signature with the standard library and Ed25519.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Final, Protocol

FORMAT: Final = "meraki-specialist-statement/1"
EVERY_ROWS: Final = 1_000
EVERY_S: Final = 300.0
_BEGINS: Final = '{"at":'  #: every statement, for its keys are sorted
CHECKPOINT, TOMBSTONE, RESTORE, ROTATION = "checkpoint", "tombstone", "restore", "rotation"


@dataclass(frozen=True, slots=True)
class Statement:
    """What the holder of the key says about the chain at one time."""

    #: checkpoint; tombstone: rows first..seq were sealed and pruned; restore: put back to seq, a loss accepted;
    #: rotation: whatever comes after it is signed with another key
    kind: str
    seq: int
    hash: str
    at: str  #: UTC
    public_key: str = ""  #: Ed25519, 32 bytes in base64
    previous: str = ""  #: digest of the statement before; "" for the first
    first: int = 0  #: of a tombstone: the first pruned row
    lost_to: int = 0  #: of a restore: the last row that was known and is lost
    by: str = ""  #: of a tombstone, restore or rotation: who
    reason: str = ""
    next_key: str = ""  #: of a rotation: the public half of the key that signs from here on; no other kind has it
    signature: str = ""  #: Ed25519 over ``payload``, base64

    def payload(self) -> bytes:
        """What is signed: RFC 8785 JSON of format and every field but the signature."""
        return _canonical({name: value for name, value in self._fields().items() if name != "signature"}).encode()

    def digest(self) -> str:
        """SHA-256 of the whole statement, signature included, hexadecimal."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """One line of JSON in ASCII, as it is stored, exported and anchored."""
        return _canonical(self._fields())

    @property
    def successor(self) -> str:
        """The public half of the key that must sign the statement after this one."""
        return self.next_key or self.public_key

    def _fields(self) -> dict[str, object]:
        """What it is written with."""
        values = asdict(self)
        if not self.next_key:
            del values["next_key"]
        return {"format": FORMAT, **values}


class Anchor(Protocol):
    """A place outside the store. ``append`` adds one line for good or raises StoreUnavailable."""

    @property
    def name(self) -> str:
        """What it is called; fit to be shown."""
        ...

    @property
    def append(self) -> Callable[[str], None]:
        """Adds a line."""
        ...


@dataclass(frozen=True, slots=True)
class Anchored:
    """How an anchor stands: the last row it holds, since when, and why the last try failed ("" when it did not)."""

    name: str
    seq: int
    at: str
    problem: str = ""


def is_due(rows: int, seconds: float) -> bool:
    """Whether a checkpoint is due: so many rows and seconds since the last one."""
    return rows >= EVERY_ROWS or (rows > 0 and not 0 <= seconds < EVERY_S)  # a clock set back counts as time


def seconds_between(earlier: str, now: datetime) -> float:
    """From a statement's time to now."""
    return (now - datetime.fromisoformat(earlier)).total_seconds()


def statement_of(text: str) -> Statement | None:
    """The statement in a line, whatever stands before it (a log's prefix); None when there is none."""
    start = text.find(_BEGINS)
    try:
        found = json.loads(text[start:]) if start >= 0 else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
        return None
    kinds = {item.name: item.type for item in fields(Statement)}
    wanted = set(kinds) - {"next_key"} | ({"next_key"} if found.get("kind") == ROTATION else set())
    if set(found) != wanted or not all(type(value) is kinds[name] for name, value in found.items()):
        return None
    if found["kind"] == ROTATION and not found["next_key"]:
        return None
    return Statement(**found)


def standing(statements: Iterable[Statement]) -> Sequence[Statement]:
    """The statements without those that a later restore has made void, oldest first.

    Void is what spoke of rows that are gone, or of the row that the restore itself names: the copy may be older than
    what was signed of its last row. So is each seal: a copy may still hold the rows that were pruned.
    """
    ordered = sorted(statements, key=lambda one: one.at)
    restores = [one for one in ordered if one.kind == RESTORE]
    return [one for one in ordered if not any(_is_void(one, back) for back in restores)]


def _is_void(one: Statement, back: Statement) -> bool:
    return one.at < back.at and (one.seq >= back.seq or one.kind == TOMBSTONE)


def _canonical(values: dict[str, object]) -> str:
    return json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
