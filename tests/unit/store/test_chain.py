"""The audit chain as a value: what was appended verifies, and no single line can be changed, moved, lost or added."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.domain.call import Receipt
from mcp_server.domain.record import AuditEntry
from mcp_server.errors import RecordAltered, StoreUnavailable
from mcp_server.store.chain import FIRST, Problem, Stored, entry_of, line_of, linked
from mcp_server.store.evidence.verifying import Claims, verdict
from tests.support import records

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers() | st.floats(-(2.0**53) + 1, 2.0**53 - 1)  # a whole float beyond reads back as an integer
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
entries = st.builds(
    lambda event, owner, detail, networks: records.an_entry(
        event=event, owner=owner, detail=detail, network_ids=tuple(networks)
    ),
    texts,
    texts,
    st.dictionaries(texts, values, max_size=3)
    | st.just({"previous_hash": "", "seq": 0, "status": "x"})
    | st.just({"z": '"previous_hash":"","seq":0,"status":'}),
    st.lists(texts, max_size=2),
)
chains = st.lists(entries, min_size=1, max_size=5)


def chain_of(appended: list[AuditEntry]) -> tuple[list[Stored], Receipt]:
    """The lines of the entries, and the head after them."""
    head = Receipt(0, FIRST)
    lines = []
    for entry in appended:
        lines.append(linked(line_of(entry), head))
        head = Receipt(lines[-1].seq, lines[-1].hash)
    return lines, head


def verify(lines: list[Stored], head: Receipt, receipts: Sequence[Receipt] = ()) -> Problem | None:
    """The first bad line of a store that holds these lines."""
    rows = [(line.seq, line.doc, line.hash) for line in lines]
    return verdict(rows, Claims(head=head, receipts=receipts)).problem


@given(chains)
def test_what_was_appended_verifies(appended: list[AuditEntry]) -> None:
    """Whatever the entries hold."""
    lines, head = chain_of(appended)
    assert verify(lines, head) is None
    assert verify(lines, head, [Receipt(line.seq, line.hash) for line in lines]) is None


@given(entries)
def test_a_hash_is_over_the_canonical_form_of_the_entry_without_it(entry: AuditEntry) -> None:
    """Anybody can recompute it: RFC 8785 of the fields, SHA-256, hexadecimal."""
    line = linked(line_of(entry), Receipt(41, "a" * 64))
    fields = json.loads(line.doc)
    assert rfc8785.dumps(fields).decode() == line.doc
    assert (fields["seq"], fields["previous_hash"]) == (42, "a" * 64)
    assert "hash" not in fields
    assert hashlib.sha256(line.doc.encode()).hexdigest() == line.hash


@given(entries)
def test_an_entry_comes_back_from_its_line(entry: AuditEntry) -> None:
    """All but the integers that RFC 8785 does not know, which are text, and floats that are whole numbers."""
    line = linked(line_of(entry), Receipt(0, FIRST))
    found = entry_of(line)
    assert replace(found, detail={}, seq=0, previous_hash="", hash="") == replace(entry, detail={})
    assert linked(line_of(found), Receipt(0, FIRST)) == line


@given(chains, st.data())
def test_any_change_of_a_single_line_is_found(appended: list[AuditEntry], data: st.DataObject) -> None:
    """Mutation, deletion, exchange and insertion, at any place."""
    lines, head = chain_of(appended)
    place = data.draw(st.integers(0, len(lines) - 1))
    line = lines[place]
    position = data.draw(st.integers(0, len(line.doc) - 1))
    character = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda other: other != line.doc[position]))
    doc = line.doc[:position] + character + line.doc[position + 1 :]
    rehashed = hashlib.sha256(doc.encode()).hexdigest()
    tampered = [
        [*lines[:place], replace(line, doc=doc), *lines[place + 1 :]],
        [*lines[:place], replace(line, doc=doc, hash=rehashed), *lines[place + 1 :]],
        [*lines[:place], replace(line, hash="0" * 64), *lines[place + 1 :]],
        [*lines[:place], replace(line, seq=line.seq + 1), *lines[place + 1 :]],
        [*lines[:place], *lines[place + 1 :]],
        [*lines[: place + 1], line, *lines[place + 1 :]],
        [*lines[: place + 1], linked(line_of(records.an_entry()), Receipt(line.seq, line.hash)), *lines[place + 1 :]],
    ]
    if place + 1 < len(lines):
        tampered.append([*lines[:place], lines[place + 1], line, *lines[place + 2 :]])
        moved = [replace(lines[place + 1], seq=line.seq), replace(line, seq=line.seq + 1)]
        tampered.append([*lines[:place], *moved, *lines[place + 2 :]])
    for rows in tampered:
        assert isinstance(verify(rows, head), Problem)


def test_a_line_that_is_not_json_is_a_problem_and_not_a_crash() -> None:
    """Even when its hash was made to fit."""
    doc = "not json"
    stored = Stored(1, doc, hashlib.sha256(doc.encode()).hexdigest())
    assert verify([stored], Receipt(1, stored.hash)) == Problem(1, "its text is not JSON")
    with pytest.raises(RecordAltered):
        entry_of(stored)


def test_a_line_that_stands_under_another_number_is_not_the_one_that_was_written() -> None:
    """Though its hash fits, and the link as well."""
    second = linked(line_of(records.an_entry()), Receipt(1, FIRST))
    moved = replace(second, seq=1)
    assert verify([moved], Receipt(1, moved.hash)) == Problem(1, "it stands under another seq")
    with pytest.raises(RecordAltered):
        entry_of(moved)


def test_the_format_does_not_drift() -> None:
    """A line written by the first version still has its hash: exports verify for ever."""
    line = linked(line_of(records.an_entry(detail={"big": 2**60, "b": 1.0, "a": "é\u202e"})), Receipt(0, FIRST))
    assert line.doc == (
        '{"at":"2026-11-21T12:00:00.000000+00:00","call_id":"call-1","change_id":"","client":"client",'
        '"correlation_id":"corr-1","detail":{"a":"é\u202e","b":1,"big":"1152921504606846976"},"event":"call",'
        '"network_ids":["N_1"],"organization_id":"O_1","owner":"Ana@example.com","plan_id":"",'
        f'"previous_hash":"{FIRST}","seq":1,"status":"ok","tool":"meraki_read"}}'
    )
    assert line.hash == "2834dc72a04d1f019e77df8dc9789d0caa9974167091ee7969200bdd1092ffda"


def test_a_receipt_that_somebody_kept_shows_a_chain_that_was_rewritten_as_a_whole() -> None:
    """Every link fits, and the line is not the one that was told."""
    written = [records.an_entry(owner=owner) for owner in ("ana", "bea", "cem")]
    lines, head = chain_of(written)
    anchors = [Receipt(line.seq, line.hash) for line in lines]
    other, other_head = chain_of([written[0], replace(written[1], owner="eve"), written[2]])
    assert verify(other, other_head) is None
    assert verify(other, other_head, anchors) == Problem(2, "a receipt names another hash for it")
    assert verify(other, other_head, anchors[:1]) is None
    assert verify(lines, head, anchors) is None


def test_a_receipt_for_a_line_that_is_not_there_shows_a_chain_that_was_cut() -> None:
    """The first of them is named, also when the head was cut with it."""
    lines, _ = chain_of([records.an_entry() for _ in range(4)])
    anchors = [Receipt(line.seq, line.hash) for line in reversed(lines)]
    cut = Receipt(2, lines[1].hash)
    assert verify(lines[:2], cut) is None
    assert verify(lines[:2], cut, anchors) == Problem(3, "row 3 was witnessed, and the chain ends at 2")
    assert verify(lines[:2], cut, anchors[2:]) is None


@pytest.mark.parametrize(("kept", "written"), [(1, 3), (3, 1)])
def test_a_chain_that_does_not_end_at_its_head_is_named_from_the_first_line_in_doubt(kept: int, written: int) -> None:
    """Lines that are missing at the end, and lines that nobody wrote."""
    lines, _ = chain_of([records.an_entry() for _ in range(3)])
    head = Receipt(written, lines[written - 1].hash)
    assert verify(lines[:kept], head) == Problem(2, f"the chain ends at {kept}, and {written} lines were written")


def test_an_entry_knows_its_own_hash_and_one_that_json_cannot_carry_is_no_entry() -> None:
    """What could not be read back is not written."""
    lines, _ = chain_of([records.an_entry()])
    assert entry_of(lines[0]).hash == lines[0].hash
    with pytest.raises(StoreUnavailable):
        line_of(records.an_entry(detail={"x": float("nan")}))


def test_integers_are_numbers_as_far_as_every_reader_of_json_reads_them_alike() -> None:
    """Beyond 2**53 - 1 they are text."""
    detail = {"a": 2**53 - 1, "b": 2**53, "c": -(2**53) + 1, "d": -(2**53), "e": True}
    line = linked(line_of(records.an_entry(detail=detail)), Receipt(0, FIRST))
    assert json.loads(line.doc)["detail"] == {**detail, "b": str(2**53), "d": str(-(2**53))}
