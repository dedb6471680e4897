"""The format of the exported audit: a golden file that both verifiers accept for ever."""

from pathlib import Path

import pytest

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


def test_a_line_that_was_cut_off_is_no_end(tmp_path: Path) -> None:
    """An export that was not copied whole is not whole: neither verifier passes over the piece of a row."""
    text = "".join(json_lines(chain_of(entries(3)), (), "0"))
    cut = tmp_path / "cut.jsonl"
    cut.write_text(text[:-9], "ascii")
    with pytest.raises(ValueError, match="not a row"):
        row_in(cut.read_text("ascii").splitlines()[-1])
    said = second_opinion(cut)
    assert (said.returncode, said.stdout.split(":")[:2]) == (1, ["NOT WHOLE", " the first bad row is 3"])
    cut.write_text(text[:-1], "ascii")  # only the end of the line is missing
    assert second_opinion(cut).stdout.startswith("WHOLE: rows 1 to 3 ")


def test_an_exported_row_gives_back_the_text_that_was_hashed() -> None:
    """Characters beyond ASCII are escaped by the export, and only those come back."""
    rows = chain_of(entries(8))
    lines = list(json_lines(rows, (), "0"))
    assert all(line.isascii() and line.rstrip("\n").isprintable() for line in lines)
    assert [row_in(line.rstrip("\n")) for line in lines] == rows
