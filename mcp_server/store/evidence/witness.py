"""Who signs the chain and hands each statement to the anchors.

Rules: a statement is written in the same transaction as the rows it covers, and anchored only once that is on disk;
an anchor that fails or is slow delays no commit, is told by ``anchors``, and is tried again with the next statement,
which covers all the rows before it.
"""

import logging
import os
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from mcp_server.domain.call import Receipt
from mcp_server.domain.ports import Clock
from mcp_server.errors import StoreUnavailable
from mcp_server.store.evidence.signing import SigningKey
from mcp_server.store.evidence.statements import (
    CHECKPOINT,
    Anchor,
    Anchored,
    Statement,
    is_due,
    seconds_between,
    standing,
    statement_of,
)
from mcp_server.store.queries import sql
from mcp_server.store.records import moment

log = logging.getLogger(__name__)
_TAIL_BYTES = 65_536  #: enough for the newest statement, however long the file has grown
LOCAL = "anchors.jsonl"  #: the anchor beside the store, which is always kept


class Witness:
    """Signs and anchors for one store of one process. ``memory`` is the file whose last lines the store must hold."""

    def __init__(self, key: SigningKey, clock: Clock, anchors: Sequence[Anchor], memory: Path | None = None) -> None:
        self.key = key
        self._clock = clock
        self._anchors = tuple(anchors)
        self._memory = memory
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-anchor")
        self._last: Statement | None = None
        self._written: list[Statement] = []
        self._found: dict[str, Anchored] = {}
        self._untold: dict[str, Anchored] = {}

    def check(self, connection: sqlite3.Connection) -> None:
        """Raises ``StoreUnavailable`` for a store that cannot be signed on.

        Its key is not here, or it does not hold what was anchored beside it: an older copy.
        """
        self._sign_on(last_statement(connection))
        newest = statements_in(self._memory, last_bytes=_TAIL_BYTES) if self._memory else ()
        for anchored in sorted(standing(newest), key=lambda one: one.seq)[-1:]:  # a seal is about old rows, a time lies
            row = connection.execute(sql("get_audit"), {"key": anchored.seq}).fetchone()
            pruned = connection.execute(sql("pruned_to")).fetchone()[0] or 0
            if anchored.seq > pruned and (row is None or row[2] != anchored.hash):
                raise StoreUnavailable(
                    f"row {anchored.seq} was anchored at {anchored.at} and is not in the store: it was put back to an "
                    "older copy or rewritten; see 'audit verify' and 'restore'"
                )

    def checkpoint(self, connection: sqlite3.Connection, head: Receipt, *, now: bool = False) -> None:
        """A checkpoint of the head, written in the open transaction when one is due (``now``: when anything is new)."""
        if not self._is_due(head, now=now):
            return
        self._last = last_statement(connection)  # another process may have written one meanwhile
        if self._is_due(head, now=now):
            self.declare(connection, Statement(CHECKPOINT, head.seq, head.hash, moment(self._clock.now())))

    def declare(self, connection: sqlite3.Connection, statement: Statement) -> None:
        """The statement, chained, signed and written in the open transaction; anchored once that is committed."""
        last = last_statement(connection)
        self._sign_on(last)
        self._last = self.key.signed(replace(statement, previous=last.digest() if last else ""))
        values = {"seq": statement.seq, "kind": statement.kind, "doc": self._last.text()}
        connection.execute(sql("write_statement"), values)
        self._written.append(self._last)

    def find_key(self, connection: sqlite3.Connection) -> None:
        """Find the key that signs next, made when nobody has signed yet. Raises StoreUnavailable, SettingsError."""
        self._sign_on(last_statement(connection))
        _ = self.key.public

    def _sign_on(self, last: Statement | None) -> None:
        """Take the key whose turn it is after that statement."""
        if last is not None:
            self.key.use(last.successor)

    def _is_due(self, head: Receipt, *, now: bool) -> bool:
        """By the last statement that this process knows of."""
        if self._last is None:
            return head.seq > 0
        rows = head.seq - self._last.seq
        is_new = bool(self._last.next_key)  # a new key signs at once: proof that it is there
        return is_new or (now and rows > 0) or is_due(rows, seconds_between(self._last.at, self._clock.now()))

    def forget(self) -> None:
        """The transaction was not committed, and what was written in it is nowhere."""
        self._last = None
        self._written.clear()

    def committed(self) -> None:
        """Hand what the transaction held to every anchor, without waiting."""
        for statement in self._written:
            self._thread.submit(self._anchor, statement)
        self._written.clear()

    def finish(self) -> None:
        """Wait until everything is anchored or has failed."""
        self._thread.shutdown(wait=True)

    def anchors(self) -> tuple[Anchored, ...]:
        """How each anchor stands as far as this process has used it."""
        return tuple(self._found.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The anchors that are set."""
        return tuple(anchor.name for anchor in self._anchors)

    def note(self, connection: sqlite3.Connection) -> None:
        """Write, in the open transaction, how the anchors stood when they were last used."""
        while self._untold:
            _, one = self._untold.popitem()
            values = {"name": one.name, "seq": one.seq, "at": one.at, "problem": one.problem}
            connection.execute(sql("write_anchored"), values)

    def _anchor(self, statement: Statement) -> None:
        for anchor in self._anchors:
            self._untold[anchor.name] = self._found[anchor.name] = _tried(anchor, statement, self._found)


def _tried(anchor: Anchor, statement: Statement, before: dict[str, Anchored]) -> Anchored:
    """How the anchor stands after a try."""
    try:
        anchor.append(statement.text())
    except StoreUnavailable as problem:
        log.warning("anchor %s failed: %s", anchor.name, problem)
        known = before.get(anchor.name)
        return Anchored(anchor.name, known.seq if known else 0, statement.at, str(problem))
    return Anchored(anchor.name, statement.seq, statement.at)


def last_statement(connection: sqlite3.Connection) -> Statement | None:
    """The newest statement in the store. Raises StoreUnavailable when it cannot be read."""
    row = connection.execute(sql("last_statement")).fetchone()
    found = statement_of(row[0]) if row else None
    if row and found is None:
        raise StoreUnavailable("the newest signed statement in the store is not one; see 'audit verify'")
    return found


def statements_in(path: Path, last_bytes: int | None = None) -> list[Statement]:
    """The statements that a file of anchors holds, or its end does; [] when there is no file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - last_bytes) if last_bytes else 0)
            lines = file.read().decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise StoreUnavailable(f"{path} cannot be read: {problem.strerror}") from problem
    return [found for line in lines if (found := statement_of(line))]
