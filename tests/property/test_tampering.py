"""Whatever is done to a chain after it was written is found, given the last anchor; and both verifiers agree."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_server.cli.program import program
from mcp_server.domain.call import Receipt
from mcp_server.store.evidence.signing import SigningKey
from mcp_server.store.evidence.statements import TOMBSTONE, Statement
from mcp_server.store.evidence.verifying import Claims, Line, verdict
from tests.support.evidence import (
    NEXT_SEED,
    SEED,
    chain_of,
    entries,
    exported,
    rotated,
    second_opinion,
    seeds,
    signed_at,
)

COUNT = 12
ROWS = chain_of(entries(COUNT))
SIGNED = signed_at(ROWS, (4, 8, COUNT))
ROTATED = rotated(signed_at(ROWS, (4, 8)), ROWS, 9, SEED, NEXT_SEED)  # the old key signs up to 9, the new one the rest


def judged(
    rows: list[Line], statements: list[Statement] = SIGNED, anchored: Sequence[Statement] = SIGNED[-1:], key: str = ""
) -> int | None:
    """The first bad row of a store that holds these rows and whose head was written along, given the last anchor."""
    head = Receipt(*rows[-1][::2]) if rows else Receipt(0, "0" * 64)
    claims = Claims(statements=statements, anchored=anchored, head=head, key=key)
    problem = verdict(rows, claims).problem
    return problem.seq if problem else None


def rebuilt(rows: list[Line], place: int, **changed: str) -> list[Line]:
    """The chain written anew from a row on, each hash and link valid again."""
    made, previous = list(rows[:place]), rows[place - 1][2] if place else "0" * 64
    for seq, (_, doc, _) in enumerate(rows[place:], start=place + 1):
        fields = {**json.loads(doc), **changed, "seq": seq, "previous_hash": previous}
        text = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        made.append((seq, text, previous))
    return made


@st.composite
def tampered(draw: st.DrawFn) -> tuple[str, list[Line]]:
    """One way to falsify the chain, and the rows after it."""
    way = draw(st.sampled_from(("edit", "edit and hash", "delete", "insert", "swap", "cut", "rewrite", "older copy")))
    place = draw(st.integers(0, COUNT - 1))
    seq, doc, digest = ROWS[place]
    spot = draw(st.integers(0, len(doc) - 1))
    other = draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda one: one != doc[spot]))
    edited = doc[:spot] + other + doc[spot + 1 :]
    if way == "edit":
        return way, [*ROWS[:place], (seq, edited, digest), *ROWS[place + 1 :]]
    if way == "edit and hash":
        return way, [*ROWS[:place], (seq, edited, hashlib.sha256(edited.encode()).hexdigest()), *ROWS[place + 1 :]]
    if way == "delete":
        return way, [*ROWS[:place], *ROWS[place + 1 :]]
    if way == "insert":
        return way, rebuilt([*ROWS[:place], ROWS[draw(st.integers(0, COUNT - 1))], *ROWS[place:]], place)
    if way == "swap":
        with_next = [*ROWS[:place], *ROWS[place + 1 : place + 2], ROWS[place], *ROWS[place + 2 :]]
        return way, with_next if place + 1 < COUNT else [*ROWS[:-2], ROWS[-1], ROWS[-2]]
    if way == "rewrite":
        return way, rebuilt(ROWS, place, owner="mallory")
    return way, ROWS[:place]


def test_a_chain_that_nobody_touched_is_whole() -> None:
    """With head, statements and anchor."""
    assert judged(ROWS) is None


@given(tampered())
@settings(max_examples=400)
def test_no_falsification_of_a_chain_passes_its_last_anchor(done: tuple[str, list[Line]]) -> None:
    """A single edit, deletion, insertion or exchange, a cut tail, a rewrite with valid hashes, an older copy."""
    way, rows = done
    assert judged(rows) is not None, way


@given(tampered())
@settings(max_examples=200)
def test_statements_falsified_along_with_the_rows_do_not_hide_it(done: tuple[str, list[Line]]) -> None:
    """Whoever lacks the key can take statements away or sign with a key of his own: the anchor tells."""
    way, rows = done
    for statements in ([], SIGNED[:1], signed_at(rows, (len(rows),), b"m" * 32) if rows else []):
        assert judged(rows, statements) is not None, way


@given(tampered(), st.sampled_from([ROTATED[:1], ROTATED[2:3], ROTATED[-1:], ROTATED]))
@settings(max_examples=80)
def test_no_falsification_passes_where_the_key_was_exchanged(
    done: tuple[str, list[Line]], anchored: list[Statement]
) -> None:
    """Whichever key the anchors are signed with; what was signed is proven by the last statement of the chain."""
    way, rows = done
    assert judged(ROWS, ROTATED, anchored) is None
    assert judged(rows, ROTATED, anchored) is not None, way


@pytest.mark.parametrize("known", ["old", "new"])
@pytest.mark.parametrize("seed", [b"m" * 32, NEXT_SEED], ids=["another key", "the new key itself"])
@pytest.mark.parametrize("is_seen", [False, True], ids=["known by its key", "known by an anchor"])
def test_an_exchange_that_the_old_key_did_not_sign_is_reported(
    tmp_path: Path, known: str, seed: bytes, is_seen: bool
) -> None:
    """Nobody can name his own key as the next one, nor put a past of his own before the statements of the new key."""
    honest = signed_at(ROWS, (4, 8))
    forged = rotated(honest, ROWS, 9, seed, seed)
    invented = rotated(signed_at(ROWS, (4, 8), b"m" * 32), ROWS, 9, b"m" * 32, NEXT_SEED)[:-1]
    anchor = {"old": ROTATED[1], "new": ROTATED[-1]}[known]
    seen = [anchor] if is_seen else []
    for statements in (forged, invented):
        assert judged(ROWS, statements, seen, "" if is_seen else anchor.public_key) is not None
        anchors = tmp_path / "anchors"
        anchors.write_text(f"{anchor.text()}\n")
        said = second_opinion(exported(tmp_path / "export", ROWS, statements), anchors)
        assert (said.returncode, said.stdout[:9]) == (1, "NOT WHOLE")


@given(st.sampled_from(["next_key", "signature", "previous", "public_key", "reason", "seq", "at"]), st.booleans())
def test_an_exchange_that_was_edited_or_taken_away_is_found(field: str, is_gone: bool) -> None:
    """Its every field is signed by the old key, and what follows it is chained to it."""
    value = getattr(ROTATED[2], field)
    changed: Any = {field: value + 1 if isinstance(value, int) else f"A{value[1:]}="}
    middle = [] if is_gone else [replace(ROTATED[2], **changed)]
    assert judged(ROWS, [*ROTATED[:2], *middle, ROTATED[3]], ROTATED[:1]) is not None


@given(tampered())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_second_verifier_finds_each_of_them_too(tmp_path: Path, done: tuple[str, list[Line]]) -> None:
    """It shares no code with the product; export and anchors are all that it is given."""
    way, rows = done
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_text(f"Nov 21 12:00:00 host meraki-specialist: {SIGNED[-1].text()}\n")
    found = second_opinion(exported(tmp_path / "export.jsonl", rows, SIGNED), anchors)
    assert found.returncode == 1, way
    assert found.stdout.startswith("NOT WHOLE: the first bad row is "), found


@pytest.mark.parametrize("line", ["", "[]", "caf\u00e9", '{"at":' + "[" * 99_999], ids=lambda text: text[:6])
@pytest.mark.parametrize(("rows", "bad"), [(slice(2, None), 3), (slice(2), 1)], ids=["after a seal", "an archive"])
def test_whatever_stands_in_the_place_of_the_first_row_is_named_by_both_verifiers(
    tmp_path: Path, line: str, rows: slice, bad: int
) -> None:
    """What can be read of the rows after it says which one it was."""
    seal = Statement(TOMBSTONE, 2, ROWS[1][2], "2026-12-01T00:00:00", first=1, previous=SIGNED[2].digest())
    export = exported(tmp_path / "export", ROWS[rows], [*SIGNED, SigningKey(seeds(SEED)).signed(seal)])
    _, *rest = export.read_text().splitlines(keepends=True)
    export.write_text("".join([f"{line}\n", *rest]), "utf-8")
    named = f"NOT WHOLE: the first bad row is {bad}: "
    assert second_opinion(export).stdout.startswith(named)
    done = CliRunner().invoke(program, ["audit", "verify", "--export", str(export)])
    assert done.output.splitlines()[1].startswith(named), done.output


@pytest.mark.parametrize("field", ["seq", "hash", "at", "previous", "kind", "signature", "public_key"])
def test_a_statement_that_was_edited_is_found(field: str) -> None:
    """Every field is signed, and the signature is over every field."""
    value = getattr(SIGNED[1], field)
    changed: Any = value + 1 if isinstance(value, int) else "A" + value[1:] + "="
    edited = replace(SIGNED[1], **{field: changed})
    assert judged(ROWS, [SIGNED[0], edited, SIGNED[2]]) is not None


def test_a_statement_that_was_taken_away_is_found() -> None:
    """They are a chain as well."""
    assert judged(ROWS, [SIGNED[0], SIGNED[2]]) == COUNT
    assert judged(ROWS, SIGNED[:2]) == COUNT


@pytest.mark.parametrize(("first", "bad"), [(1, None), (5, 5)])
def test_a_seal_that_leaves_rows_before_it_unsealed_is_found(first: int, bad: int | None) -> None:
    """Signed as it may be: rows 1 to 4 are neither there nor sealed."""
    last = ROWS[7][2]
    seal = Statement(TOMBSTONE, 8, last, "2026-12-01T00:00:00", first=first, previous=SIGNED[2].digest())
    assert judged(ROWS[8:], [*SIGNED, SigningKey(seeds(SEED)).signed(seal)]) == bad


@pytest.mark.parametrize("kind", ["statement", "receipt"])
def test_a_part_follows_the_row_that_somebody_witnessed_before_it(kind: str) -> None:
    """Written anew from row 8 on, and exported from row 9 on: the row before the part is known all the same."""
    rows = rebuilt(ROWS, 7, owner="mallory")[8:]
    known = SIGNED[:2] if kind == "statement" else SIGNED[:1]
    receipts = () if kind == "statement" else (Receipt(8, ROWS[7][2]),)
    assert verdict(ROWS[8:], Claims(statements=known, receipts=receipts, first=9)).problem is None
    problem = verdict(rows, Claims(statements=known, receipts=receipts, first=9)).problem
    assert problem is not None
    assert problem.seq == 9


def test_of_several_bad_rows_the_first_is_named() -> None:
    """Whatever each of them is found by."""
    seq, doc, digest = ROWS[1]
    rows = [ROWS[0], (seq, doc.replace("call", "CALL"), digest), *ROWS[2:]]
    assert judged(rows, [SIGNED[0], replace(SIGNED[1], at=SIGNED[0].at), SIGNED[2]]) == 2


@pytest.mark.parametrize("way", ["another key", "an edited time", "no signature"])
def test_a_statement_that_no_anchor_holds_yet_counts_only_with_the_signature_of_the_key(way: str) -> None:
    """Rows after the last anchor, written anew with a statement of one's own: the key is missing."""
    rows = rebuilt(ROWS, COUNT - 2, owner="mallory")
    forged = {
        "another key": signed_at(rows, (4, 8, COUNT), b"m" * 32)[-1],
        "an edited time": replace(signed_at(rows, (4, 8, COUNT))[-1], at=SIGNED[0].at),
        "no signature": replace(signed_at(rows, (4, 8, COUNT))[-1], signature=""),
    }[way]
    last = replace(forged, previous=SIGNED[1].digest()) if way == "another key" else forged
    claims = Claims(statements=[*SIGNED[:2], last], anchored=SIGNED[:2], head=Receipt(*rows[-1][::2]))
    problem = verdict(rows, claims).problem
    assert problem is not None
    assert (problem.seq, "not signed with the key" in problem.reason) == (COUNT, True)


def test_an_anchor_that_somebody_forged_is_named_as_such() -> None:
    """Its signature is checked like that of the store's own statements."""
    forged = replace(SIGNED[0], signature=SIGNED[1].signature)
    claims = Claims(statements=SIGNED, anchored=[SIGNED[-1], forged], head=Receipt(*ROWS[-1][::2]))
    problem = verdict(ROWS, claims).problem
    assert problem is not None
    assert problem.reason == "an anchor of it is not signed with the key of this chain"
