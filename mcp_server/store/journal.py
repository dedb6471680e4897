"""The writes of a commit, carried out inside one open transaction. Every rule about what may be written stands here."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import Any

from mcp_server.domain.call import Receipt
from mcp_server.domain.ports import HoldLeases, NotFrozen, ReleaseLeases, TakeLeases
from mcp_server.domain.record import Freeze, Lease, StoredPlan
from mcp_server.errors import RecordAltered, RecordConflict
from mcp_server.store.chain import FIRST, Line, linked
from mcp_server.store.evidence.statements import TOMBSTONE, Statement
from mcp_server.store.evidence.witness import Witness
from mcp_server.store.queries import sql
from mcp_server.store.records import Found, Kind, Row, decode, encode, joined, kind_of
from mcp_server.store.seal import Seal


@dataclass(frozen=True, slots=True)
class PutRow:
    """A ``Put`` made ready."""

    row: Row
    expect: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Probe:
    """A write that changes nothing, needs every key that others need, and still goes to the disk: whether one can."""


Write = PutRow | Probe | Line | Statement | TakeLeases | HoldLeases | ReleaseLeases | NotFrozen


class Journal:
    """One transaction on one connection.

    It reads the head of the chain when it begins; ``close_head`` writes the lines and the new head, in one go.
    """

    def __init__(self, connection: sqlite3.Connection, seal: Seal, witness: Witness | None = None) -> None:
        self._connection = connection
        self._witness = witness
        self._seal = seal
        self._began = read_head(connection, seal)
        self._lines: list[tuple[int, str, str]] = []
        self.head = self._began

    def carry_out(self, writes: tuple[Write, ...]) -> tuple[Receipt, ...]:
        """All of the writes, or none and ``RecordConflict``; a receipt for each line of evidence."""
        head, lines = self.head, len(self._lines)
        try:
            if _can_stop_halfway(writes):
                with self._all_or_none():
                    return self._each(writes)
            return self._each(writes)
        except (RecordConflict, RecordAltered):
            self.head = head
            del self._lines[lines:]
            raise

    def close_head(self) -> None:
        """Write the lines, and where the chain stands now, with its keyed tag."""
        if self.head == self._began:
            return
        self._connection.executemany(sql("append_audit"), self._lines)
        tag = self._seal.tag(_head_text(self.head), "audit head")
        self._connection.execute(sql("write_head"), {"seq": self.head.seq, "hash": self.head.hash, "tag": tag})

    def _each(self, writes: tuple[Write, ...]) -> tuple[Receipt, ...]:
        """The writes, one after the other."""
        return tuple([receipt for write in writes if (receipt := self._one(write)) is not None])

    @contextmanager
    def _all_or_none(self) -> Iterator[None]:
        """A savepoint around the block."""
        self._connection.execute("SAVEPOINT request")
        try:
            yield
        except (RecordConflict, RecordAltered):
            self._connection.execute("ROLLBACK TO request")
            self._connection.execute("RELEASE request")
            raise
        self._connection.execute("RELEASE request")

    def _one(self, write: Write) -> Receipt | None:
        """One write; the receipt of a line of evidence."""
        if isinstance(write, Line):
            return self._append(write)
        if isinstance(write, PutRow):
            self._put(write)
        elif isinstance(write, TakeLeases):
            self._take(write)
        elif isinstance(write, Statement):
            self._declare(write)
        elif isinstance(write, HoldLeases):
            self._hold(write)
        elif isinstance(write, NotFrozen):
            self._refuse_frozen(write)
        elif isinstance(write, Probe):
            self._find_keys()
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            self._connection.execute(f"PRAGMA user_version = {version:d}")
        else:
            self._release(write)
        return None

    def _find_keys(self) -> None:
        """Make or read what seals and signs: in a new home the first rows need both. Raises StoreUnavailable."""
        _ = self._seal.key_id
        if self._witness is not None:
            self._witness.find_key(self._connection)

    def _declare(self, statement: Statement) -> None:
        """Sign and write what is said about the chain; a tombstone takes the rows that it seals with it.

        A statement about row 0 is about the head: the row that was appended before it, in this transaction.
        """
        if statement.seq == 0:
            statement = replace(statement, seq=self.head.seq, hash=self.head.hash)
        elif self._stored_hash(statement.seq) != statement.hash:
            raise RecordConflict(f"audit {statement.seq}: it is not the row that the {statement.kind} names")
        if self._witness is None:
            raise RecordConflict("nobody signs statements about this store")
        self._witness.declare(self._connection, statement)
        if statement.kind == TOMBSTONE:
            self._connection.execute(sql("prune_audit"), {"seq": statement.seq})

    def _stored_hash(self, seq: int) -> str:
        """The hash of a row that is on disk; "" when there is none."""
        row = self._connection.execute(sql("get_audit"), {"key": seq}).fetchone()
        return row[2] if row else ""

    def _append(self, line: Line) -> Receipt:
        """The line, linked to the head."""
        stored = linked(line, self.head)
        self._lines.append((stored.seq, stored.doc, stored.hash))
        self.head = Receipt(stored.seq, stored.hash)
        return self.head

    def _put(self, put: PutRow) -> None:
        """Write the record if the stored one is as expected."""
        row = put.row
        if not put.expect and not row.digest and self._insert(row):
            return  # the usual case in one statement: nothing stands under that key
        found = find(self._connection, row.kind, row.key, self._seal)
        problem = _unexpected(found, put.expect)
        if problem:
            stands = get(self._connection, row.kind, row.key, self._seal) if found else None
            raise RecordConflict(f"{row.kind.name} {row.key}: {problem}", stands)
        self._write(row, is_new=found is None)
        if row.digest and (found is None or found.digest != row.digest):
            self._write_snapshots(row)

    def _insert(self, row: Row) -> bool:
        """Whether the row was new, and is written."""
        statement = _insertion(row.kind.table, tuple(row.columns))
        values = (row.key, *row.columns.values(), row.doc, row.sealed)
        return self._connection.execute(statement, values).rowcount == 1

    def _write(self, row: Row, *, is_new: bool) -> None:
        """Insert or update the row."""
        if is_new and self._insert(row):
            return
        assignments = ", ".join(f"{name} = :{name}" for name in row.columns)
        statement = sql("update_record", table=row.kind.table, assignments=assignments)
        self._connection.execute(statement, {"key": row.key, **row.columns, "doc": row.doc, "sealed": row.sealed})

    def _write_snapshots(self, row: Row) -> None:
        """Put the before-states of a plan in place of older ones."""
        self._connection.execute(sql("drop_snapshots"), {"plan_id": row.key})
        rows = [{"plan_id": row.key, "number": number, "sealed": sealed} for number, sealed in row.snapshots]
        self._connection.executemany(sql("write_snapshot"), rows)

    def _take(self, take: TakeLeases) -> None:
        """All keys or none; a lease that ran out may be taken; the fence grows each time."""
        for key in take.keys:
            lease = self._lease(key)
            is_own = take.again and lease is not None and lease.change_id == take.change_id
            if lease and lease.change_id and lease.until > take.now and not is_own:
                raise RecordConflict(f"lease {key}: held", lease)
            fence = lease.fence + 1 if lease else 1
            self._put_lease(Lease(key, take.change_id, take.holder, take.until, fence), is_new=lease is None)

    def _hold(self, hold: HoldLeases) -> None:
        """Move the end of each lease on, when the change still holds all of them and nobody took them meanwhile."""
        for key, fence in zip(hold.keys, hold.fences, strict=True):
            lease = self._lease(key)
            if lease is None or (lease.change_id, lease.fence) != (hold.change_id, fence):
                raise RecordConflict(f"lease {key}: not held by {hold.change_id} under fence {fence}", lease)
            self._put_lease(replace(lease, until=hold.until), is_new=False)

    def _refuse_frozen(self, wanted: NotFrozen) -> None:
        """Nothing unless one of the kill switches is on."""
        for key in wanted.keys:
            found = find(self._connection, kind_of(Freeze), key, self._seal)
            if found is not None and found.record.lifted_at is None:
                raise RecordConflict(f"{key} is frozen", found.record)

    def _release(self, release: ReleaseLeases) -> None:
        """Give up what the change holds; the rows stay for their fence."""
        keys = self._connection.execute(sql("held_leases"), {"change_id": release.change_id}).fetchall()
        for (key,) in keys:
            lease = self._lease(key)
            if lease is not None:
                self._put_lease(replace(lease, change_id="", holder=""), is_new=False)

    def _lease(self, key: str) -> Lease | None:
        """The row of a lease, also when nobody holds it."""
        found = find(self._connection, kind_of(Lease), key, self._seal)
        return found.record if found else None

    def _put_lease(self, lease: Lease, *, is_new: bool) -> None:
        """Write a lease's row."""
        self._write(encode(lease, self._seal), is_new=is_new)


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    """The statement that inserts a record unless its key is taken."""
    marks = ", ".join("?" * (len(columns) + 3))
    return sql("insert_record", table=table, columns=", ".join(("key", *columns)), marks=marks)


def find(connection: sqlite3.Connection, kind: Kind, key: str, seal: Seal) -> Found | None:
    """The record of that key as it stands in its own row, or None."""
    statement = sql("get_record", table=kind.table, columns=", ".join(kind.columns))
    row = connection.execute(statement, {"key": key}).fetchone()
    return decode(kind, row, key, seal) if row else None


def get(connection: sqlite3.Connection, kind: Kind, key: str, seal: Seal) -> Any:
    """The whole record of that key, or None; a lease that nobody holds is None."""
    found = find(connection, kind, key, seal)
    return whole(connection, found, seal) if found else None


def whole(connection: sqlite3.Connection, found: Found, seal: Seal) -> Any:
    """The record, a plan with its before-states; None for a lease that nobody holds."""
    record = found.record
    if isinstance(record, StoredPlan):
        rows = connection.execute(sql("read_snapshots"), {"plan_id": record.key}).fetchall()
        return joined(record, found.digest, rows, seal)
    return None if isinstance(record, Lease) and not record.change_id else record


def _can_stop_halfway(writes: tuple[Write, ...]) -> bool:
    """Whether one of the writes could be refused when another is done already.

    Lines of evidence are not refused and wait for the end, and a single record is compared before it is written.
    """
    others = [write for write in writes if not isinstance(write, Line)]
    return len(others) > 1 or (len(others) == 1 and not isinstance(others[0], PutRow | Probe))


def read_head(connection: sqlite3.Connection, seal: Seal) -> Receipt:
    """Where the chain stands. Raises ``RecordAltered`` when the head is not what was written."""
    row = connection.execute(sql("read_head")).fetchone()
    if row is None:
        if connection.execute(sql("first_seq")).fetchone()[1] is not None:
            raise RecordAltered("audit head: it was taken away")
        return Receipt(0, FIRST)
    head = Receipt(row[0], row[1])
    seal.check(row[2], _head_text(head), "audit head")
    return head


def _head_text(head: Receipt) -> bytes:
    """What the head's tag is made over."""
    return f"{head.seq} {head.hash}".encode()


def _unexpected(found: Found | None, expect: Mapping[str, Any] | None) -> str:
    """Why the stored record is not as the writer expected; "" when it is."""
    if expect is None:
        return "exists" if found else ""
    if found is None:
        return "does not exist" if expect else ""
    wrong = [name for name, value in expect.items() if _plain(getattr(found.record, name)) != _plain(value)]
    return f"{', '.join(wrong)} not as expected" if wrong else ""


def _plain(value: Any) -> Any:
    """Enums as values, tuples as lists, so that both sides of a comparison look alike."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
