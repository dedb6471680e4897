"""The format of the exported audit: a golden file that both verifiers accept for ever."""

from pathlib import Path

from mcp_server.store.evidence.exporting import json_lines, row_in
from mcp_server.store.evidence.statements import statement_of
from mcp_server.store.evidence.verifying import Claims, verdict
from tests.support.evidence import NEXT_SEED, SECOND, SEED, chain_of, entries, rotated, second_opinion, signed_at

GOLDEN = Path(__file__).with_name("golden") / "audit.jsonl"


def test_the_golden_export_is_what_this_version_writes() -> None:
    """Rows, statements and signatures are the same to the byte (Ed25519 signs alike each time)."""
    rows = chain_of(entries(10))
    statements = rotated(signed_at(rows, (3, 8)), rows, 9, SEED, NEXT_SEED)
    assert "".join(json_lines(rows, statements, "0")) == GOLDEN.read_text("ascii")


def test_both_verifiers_accept_the_golden_export() -> None:
    """The product's own, and the one of at most 150 lines that uses the standard library alone."""
    lines = GOLDEN.read_text("ascii").splitlines()
    statements = [found for line in lines if (found := statement_of(line))]
    rows = [row_in(line) for line in lines if statement_of(line) is None]
    assert (len(rows), len(statements)) == (10, 4)
    judged = verdict(rows, Claims(statements=statements))
    assert judged.problem is None
    (change,) = judged.rotations
    assert any(f"{change.public_key} signed that {change.next_key} follows: yearly" in one for one in judged.proves())
    said = second_opinion(GOLDEN)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("WHOLE: rows 1 to 10 ")
    assert f"{change.public_key}, {change.next_key}" in said.stdout
    assert len(SECOND.read_text("utf-8").splitlines()) <= 150


def test_an_exported_row_gives_back_the_text_that_was_hashed() -> None:
    """Characters beyond ASCII are escaped by the export, and only those come back."""
    rows = chain_of(entries(8))
    lines = list(json_lines(rows, (), "0"))
    assert all(line.isascii() and line.rstrip("\n").isprintable() for line in lines)
    assert [row_in(line.rstrip("\n")) for line in lines] == rows
