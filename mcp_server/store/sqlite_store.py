"""The store on SQLite: records by compare-and-set, evidence in a hash chain, one transaction for both."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from mcp_server.domain.call import Json, Receipt
from mcp_server.domain.ports import Append, Clock, Put, StoreWrite
from mcp_server.domain.record import AuditEntry, Change, Lease, StoredPlan
from mcp_server.errors import RecordAltered, StoreError, StoreUnavailable
from mcp_server.store import chain
from mcp_server.store.connection import WAIT_S, FileLock, is_wal_hazardous, translated
from mcp_server.store.database import close_database, open_database
from mcp_server.store.evidence.statements import Anchored, Statement, statement_of
from mcp_server.store.evidence.verifying import Claims, Line, Verdict, verdict
from mcp_server.store.evidence.witness import Witness
from mcp_server.store.journal import Probe, PutRow, Write, get, read_head, whole
from mcp_server.store.queries import sql
from mcp_server.store.records import KINDS, OWNERS, Kind, column_value, decode, encode, kind_of, moment
from mcp_server.store.seal import Seal
from mcp_server.store.writer import Writer

R = TypeVar("R")
A = TypeVar("A")

FILE = "store.db"
_AUDIT_COLUMNS = frozenset(
    {"event", "at", "owner", "status", "tool", "call_id", "correlation_id", "plan_id", "change_id", "organization_id"}
    | {"network_ids"}
)


class SqliteStore:
    """Implements the ports' ``Store`` on ``store.db`` in one directory; several processes may share it.

    Nothing is opened before it is needed, and after a fault the next use tries again, so a server starts and serves
    reads also when its store cannot be written.
    """

    def __init__(
        self, directory: Path, seal: Seal, clock: Clock, witness: Witness | None, *, wait_s: float, reserve_bytes: int
    ) -> None:
        self._path = directory / FILE
        self._seal = seal
        self._clock = clock
        self._wait_s = wait_s
        self._witness = witness
        self._reserve_bytes = reserve_bytes
        self._writer = Writer(self._path, seal, clock, wait_s, witness)
        self._reader_lock = FileLock(self._path.with_suffix(".lock"), wait_s)
        self._reader_thread = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._reader: sqlite3.Connection | None = None

    @classmethod
    def open(
        cls,
        directory: Path,
        seal: Seal,
        clock: Clock,
        *,
        wait_s: float = WAIT_S,
        witness: Witness | None = None,
        reserve_bytes: int = 0,
    ) -> "SqliteStore":
        """The store of that directory, its files made with the first use; ``wait_s``: seconds to wait for others.

        With a ``witness`` the chain is signed and anchored as it grows, and a store older than its anchors is refused.
        ``reserve_bytes`` of the disk are kept for evidence: with less room no plan and no change is begun.
        """
        return cls(directory, seal, clock, witness, wait_s=wait_s, reserve_bytes=reserve_bytes)

    def close(self) -> None:
        """Finish what waits and close both connections; blocks until done."""
        self._writer.close()
        self._reader_thread.shutdown(wait=True)
        self._drop_reader()
        self._reader_lock.close()

    async def commit(self, *writes: StoreWrite) -> tuple[Receipt, ...]:
        """One transaction, on disk before this returns; a receipt for each Append.

        Raises RecordConflict, RecordAltered or StoreUnavailable; nothing of it is written then.
        """
        return await self._writer.submit(tuple([self._prepared(write) for write in writes]))

    async def get(self, kind: type[R], key: str) -> R | None:
        """The record of that key, or None; of AuditEntry the key is its seq. Raises RecordAltered, StoreUnavailable."""
        if kind is AuditEntry:
            found = await self._read(lambda reader: _audit(reader, sql("get_audit"), {"key": int(key)}))
            return found[0] if found else None
        spec = kind_of(kind)
        record: R | None = await self._read(lambda reader: get(reader, spec, key, self._seal))
        return record

    async def list(
        self, kind: type[R], where: Mapping[str, Json] | None = None, *, limit: int = 100, before: str | None = None
    ) -> Sequence[R]:
        """Records newest first; ``where`` names columns, with a list for "one of".

        Besides columns it takes ``network_id`` (is among them), ``since`` and ``until`` (of the kind's own time,
        ``until`` excluded). Raises ``ValueError`` for any other name, RecordAltered, StoreUnavailable.
        """
        values: dict[str, Any] = {"limit": limit, "before": before}
        if kind is AuditEntry:
            values["before"] = int(before) if before else None
            filters = _where(where or {}, _AUDIT_COLUMNS, "at", values)
            return await self._read(lambda reader: _audit(reader, sql("list_audit", where=filters), values))
        spec = kind_of(kind)
        filters = _where(where or {}, frozenset({"key", *spec.columns}), spec.time, values)
        if spec.record is Lease:
            filters += " AND change_id <> ''"
        return await self._read(lambda reader: _records(reader, spec, filters, values, self._seal))

    async def verify_chain(self, anchors: Sequence[Receipt] = ()) -> chain.Problem | None:
        """The first line of the audit that is not as written, or None; ``anchors`` are receipts kept elsewhere."""
        return (await self.verify(Claims(receipts=anchors))).problem

    async def verify(self, claims: Claims) -> Verdict:
        """The verdict on the whole chain; head and statements are the store's own. Raises StoreUnavailable."""
        return await asyncio.to_thread(self._verified, claims)

    async def export(self, write: Callable[[Iterator[Line], Sequence[Statement]], A], first: int = 1) -> A:
        """What ``write`` makes of the rows from ``first`` on and of every signed statement, all of one moment."""

        def exported() -> A:
            with reading(self._path, self._wait_s) as reader:
                statements = [_statement(text) for (text,) in reader.execute(sql("walk_statements"))]
                return write(reader.execute(sql("walk_audit_from"), {"first": first}), statements)

        return await asyncio.to_thread(exported)

    async def declare(self, statement: Statement, *writes: Append) -> tuple[Receipt, ...]:
        """Append rows and sign a statement about the chain, in one commit; a tombstone prunes what it seals.

        A statement about row 0 is about the last of these rows. Raises RecordConflict when the row that it names is
        another, RecordAltered, StoreUnavailable.
        """
        return await self._writer.submit((*(self._prepared(write) for write in writes), statement))

    async def attest(self) -> None:
        """Sign and anchor the chain's head when that is due; nothing when this process has written nothing yet."""
        if self._writer.is_open:
            await self._writer.submit(())

    async def status(self) -> dict[str, Json]:
        """What health_check tells: path, writable, problem, refuses, rows, anchors, sqlite, wal_hazard ..."""
        anchors: Sequence[Json] = ()
        try:
            await self._writer.submit((Probe(),))
            rows = await self._read(_counts)
            anchors = [asdict(one) for one in await self._anchors()]
            problem = ""
        except StoreError as fault:
            rows, problem = {}, str(fault)
        return {
            "path": str(self._path),
            "writable": not problem,
            "problem": problem,
            "rows": rows,
            "anchors": anchors,
            "refuses": problem or self._no_room(),
            "sqlite": sqlite3.sqlite_version,
            "wal_hazard": is_wal_hazardous(),
            "free_bytes": _free_bytes(self._path.parent),
            "checked_at": moment(self._clock.now()),
        }

    def _no_room(self) -> str:
        """Why no change is begun though rows can be written; "" when there is room, or nobody knows."""
        free = _free_bytes(self._path.parent)
        if free is None or free >= self._reserve_bytes:
            return ""
        return (
            f"the disk has {free // 1_000_000} MB left, less than the {self._reserve_bytes // 1_000_000} MB that are "
            "kept for the record of what is under way"
        )

    async def _anchors(self) -> Sequence[Anchored]:
        """How each anchor that is set stands: as this process found it, else as the store remembers it."""
        if self._witness is None:
            return []
        kept = await self._read(lambda reader: reader.execute(sql("read_anchored")).fetchall())
        known = {row[0]: Anchored(*row) for row in kept} | {one.name: one for one in self._witness.anchors()}
        return [known.get(name) or Anchored(name, 0, "", "nothing yet") for name in self._witness.names]

    def _prepared(self, write: StoreWrite) -> Write:
        """The write with its record turned into a row, so that faults show before it waits."""
        if isinstance(write, Append):
            return chain.line_of(write.entry)
        if not isinstance(write, Put):
            return write
        if _begins(write) and (why := self._no_room()):
            raise StoreUnavailable(why)
        return PutRow(encode(write.record, self._seal), write.expect)

    async def _read(self, ask: Callable[[sqlite3.Connection], A]) -> A:
        """What ``ask`` finds, on the reading connection in its own thread."""
        try:
            answer = self._reader_thread.submit(self._asked, ask)
        except RuntimeError as problem:
            raise StoreUnavailable("the store is closed") from problem
        return await asyncio.wrap_future(answer)

    def _asked(self, ask: Callable[[sqlite3.Connection], A]) -> A:
        """In the reader's thread."""
        try:
            with translated("the store cannot be read"):
                if self._reader is None:
                    self._reader = _reading_connection(self._path, self._reader_lock, self._wait_s)
                with _one_view(self._reader):
                    return ask(self._reader)
        except StoreUnavailable:
            self._drop_reader()
            raise

    def _drop_reader(self) -> None:
        """Close the reading connection; the next read opens another."""
        reader, self._reader = self._reader, None
        if reader is not None:
            close_database(reader, self._reader_lock)

    def _verified(self, claims: Claims) -> Verdict:
        """Walk the chain on a connection of its own, so that nobody else waits."""
        with reading(self._path, self._wait_s) as reader:
            return _verified(reader, self._seal, claims)


@contextmanager
def reading(path: Path, wait_s: float) -> Iterator[sqlite3.Connection]:
    """A connection of its own to one state of the database. Raises StoreUnavailable."""
    lock = FileLock(path.with_suffix(".lock"), wait_s)
    with translated("the store cannot be read"):
        reader = _reading_connection(path, lock, wait_s)
        try:
            with _one_view(reader):
                yield reader
        finally:
            close_database(reader, lock)
            lock.close()


def _reading_connection(path: Path, lock: FileLock, wait_s: float) -> sqlite3.Connection:
    """A connection that cannot write and never checkpoints."""
    with lock.held():
        reader = open_database(path, wait_s)
        reader.execute("PRAGMA wal_autocheckpoint = 0")
        reader.execute("PRAGMA query_only = ON")
        return reader


@contextmanager
def _one_view(reader: sqlite3.Connection) -> Iterator[None]:
    """Whatever is read inside the block belongs to one state of the database."""
    reader.execute("BEGIN")
    try:
        yield
    finally:
        if reader.in_transaction:
            reader.execute("ROLLBACK")


def _audit(reader: sqlite3.Connection, statement: str, values: Mapping[str, Any]) -> list[Any]:
    """The lines of evidence that a query finds."""
    return [chain.entry_of(chain.Stored(*row)) for row in reader.execute(statement, values).fetchall()]


def _verified(reader: sqlite3.Connection, seal: Seal, claims: Claims) -> Verdict:
    """The verdict on the store's rows; an altered head comes before all."""
    statements = [_statement(text) for (text,) in reader.execute(sql("walk_statements"))]
    head, altered = Receipt(0, chain.FIRST), None
    try:
        head = read_head(reader, seal)
    except RecordAltered as problem:
        altered = chain.Problem(0, str(problem))
    found = verdict(reader.execute(sql("walk_audit")), replace(claims, statements=statements, head=head))
    return replace(found, problem=altered) if altered else found


def _statement(text: str) -> Statement:
    """A signed statement of the store; one that cannot be read has no signature that could hold."""
    return statement_of(text) or Statement("unreadable", 0, "", "", "")


def _records(reader: sqlite3.Connection, spec: Kind, filters: str, values: Mapping[str, Any], seal: Seal) -> list[Any]:
    """The records that a query finds."""
    columns = ", ".join(("key", *spec.columns))
    rows = reader.execute(sql("list_records", columns=columns, table=spec.table, where=filters), values).fetchall()
    return [whole(reader, decode(spec, row[1:], row[0], seal), seal) for row in rows]


def _where(where: Mapping[str, Json], columns: frozenset[str], time: str, values: dict[str, Any]) -> str:
    """The SQL condition of the filters; their values are added to ``values``."""
    parts = ["1"]
    for number, (name, value) in enumerate(where.items()):
        mark = f"w{number}"
        if name in ("since", "until"):
            values[mark] = moment(value) if isinstance(value, datetime) else value
            parts.append(f"{time} {'>=' if name == 'since' else '<'} :{mark}")
        elif name == "network_id" and "network_ids" in columns:
            values[mark] = value
            parts.append(sql("has_network", mark=mark))
        elif name in columns:
            parts.append(_equal(name, value, mark, values))
        else:
            raise ValueError(f"cannot search by {name}")
    return " AND ".join(parts)


def _equal(name: str, value: Json, mark: str, values: dict[str, Any]) -> str:
    """A column that equals the value, or one of the values."""
    if value is None:
        return f"{name} IS NULL"
    several = value if isinstance(value, list | tuple | set | frozenset) and name != "network_ids" else [value]
    marks = [f"{mark}_{number}" for number, _ in enumerate(several)]
    values.update({each: column_value(name, item) for each, item in zip(marks, several, strict=True)})
    wanted = (f"lower(:{each})" if name in OWNERS else f":{each}" for each in marks)
    return f"{name} IN ({', '.join(wanted)})"


def _counts(reader: sqlite3.Connection) -> dict[str, int]:
    """How many rows each table has."""
    tables = ["audit", "snapshots", *(kind.table for kind in KINDS.values())]
    return {table: int(reader.execute(sql("count_rows", table=table)).fetchone()[0]) for table in tables}


def _begins(put: Put) -> bool:
    """Whether it makes a plan or a change that was not there: what is under way may always go on to its end."""
    return put.expect is None and isinstance(put.record, StoredPlan | Change)


def _free_bytes(directory: Path) -> int | None:
    """Room on the disk, or None when it is not known."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None
