"""Chains with signed statements, made as the store makes them, and the program in docs that checks an export."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from mcp_server.domain.call import Receipt
from mcp_server.domain.record import AuditEntry
from mcp_server.store.chain import FIRST, line_of, linked
from mcp_server.store.evidence.exporting import json_lines
from mcp_server.store.evidence.signing import SigningKey
from mcp_server.store.evidence.statements import CHECKPOINT, ROTATION, Statement
from mcp_server.store.evidence.verifying import Line
from mcp_server.store.evidence.witness import Witness
from mcp_server.store.records import moment
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support import records
from tests.support.fake_clock import START, FakeClock
from tests.support.longest import LONGEST_S

SECOND: Final = Path(__file__).resolve().parents[2] / "docs" / "verify_audit.py"
SEED: Final = b"s" * 32
NEXT_SEED: Final = b"t" * 32


def seeds(*known: bytes) -> Callable[..., Sequence[bytes]]:
    """Where a key finds these."""
    return lambda *, make: known


class Kept:
    """An anchor that keeps what it is sent; ``append`` may be told to fail."""

    def __init__(self, name: str = "kept") -> None:
        self.name = name
        self.lines: list[str] = []

    def append(self, line: str) -> None:
        """Keep the line."""
        self.lines.append(line)


def witness(directory: Path, *anchors: object, clock: FakeClock | None = None, memory: Path | None = None) -> Witness:
    """A witness with the fixed key."""
    return Witness(SigningKey(seeds(SEED)), clock or FakeClock(), anchors, memory)  # type: ignore[arg-type]  # fakes of the protocol


def witnessed(
    directory: Path, *anchors: object, clock: FakeClock | None = None, memory: Path | None = None
) -> SqliteStore:
    """A store whose chain is signed with the fixed key."""
    clock = clock or FakeClock()
    return SqliteStore.open(
        directory, Seal(b"k" * 32), clock, witness=witness(directory, *anchors, clock=clock, memory=memory)
    )


def chain_of(entries: Iterable[AuditEntry]) -> list[Line]:
    """The rows of the entries."""
    head = Receipt(0, FIRST)
    rows = []
    for entry in entries:
        stored = linked(line_of(entry), head)
        head = Receipt(stored.seq, stored.hash)
        rows.append((stored.seq, stored.doc, stored.hash))
    return rows


def signed_at(rows: Sequence[Line], seqs: Iterable[int], seed: bytes = SEED) -> list[Statement]:
    """Checkpoints of these rows, an hour apart, in a chain."""
    key = SigningKey(seeds(seed))
    made: list[Statement] = []
    for number, seq in enumerate(seqs):
        previous = made[-1].digest() if made else ""
        at = moment(START + timedelta(hours=number))
        made.append(key.signed(Statement(CHECKPOINT, seq, rows[seq - 1][2], at, "", previous)))
    return made


def rotated(made: Sequence[Statement], rows: Sequence[Line], seq: int, old: bytes, new: bytes) -> list[Statement]:
    """The statements, then one by the old key at that row which names the new key, and the new key's first."""
    at = moment(START + timedelta(hours=len(made)))
    public = SigningKey(seeds(new)).public
    said = Statement(ROTATION, seq, rows[seq - 1][2], at, by="ana", reason="yearly", next_key=public)
    change = SigningKey(seeds(old)).signed(replace(said, previous=made[-1].digest()))
    later = moment(START + timedelta(hours=len(made) + 1))
    first = Statement(CHECKPOINT, len(rows), rows[-1][2], later, previous=change.digest())
    return [*made, change, SigningKey(seeds(new)).signed(first)]


def entries(count: int) -> list[AuditEntry]:
    """So many different entries, some beyond ASCII."""
    texts = ("plain", "São \u202e Paulo", 'quote " and \\u00e9 \\', "\x1f\x7f\U0001f600")
    made = []
    for number in range(1, count + 1):
        detail = {"text": texts[number % len(texts)], "x": [1.5, 1e-7, 2**60], "n": number}
        entry = records.an_entry(call_id=f"call-{number}", detail=detail)
        made.append(replace(entry, at=START + timedelta(seconds=number)))
    return made


def exported(path: Path, rows: Iterable[Line], statements: Iterable[Statement]) -> Path:
    """The export of a chain."""
    path.write_text("".join(json_lines(rows, statements, "0")), "ascii")
    return path


def second_opinion(*files: Path) -> "subprocess.CompletedProcess[str]":
    """What the program in docs says, run alone: isolated from this package and from site packages."""
    command = [sys.executable, "-I", "-S", str(SECOND), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
