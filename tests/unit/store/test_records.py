"""Records as rows: they come back exactly, whatever Meraki put into them."""

import json
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Change, ChangeStep, Lease, Record, Session, StoredPlan, Usage
from mcp_server.errors import RecordAltered, StoreUnavailable
from mcp_server.store.queries import blocks
from mcp_server.store.records import KINDS, Row, decode, encode, joined, kind_of, moment
from mcp_server.store.seal import Seal
from tests.support import records
from tests.support.fake_clock import START

SEAL = Seal(b"k" * 32)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
objects = st.dictionaries(texts, values, max_size=4)
zones = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
times = st.datetimes(datetime(2020, 1, 2), datetime(2100, 1, 1), timezones=zones | st.just(UTC))  # noqa: DTZ001 - bounds


def written_and_read(record: Any) -> Any:
    """The record after it was a row."""
    row = encode(record, SEAL)
    found = decode(row.kind, [*row.columns.values(), row.doc, row.sealed], row.key, SEAL)
    return joined(found.record, found.digest, row.snapshots, SEAL) if isinstance(record, StoredPlan) else found.record


@given(st.lists(values, min_size=1, max_size=4), objects, texts, times)
@settings(max_examples=50, deadline=None)
def test_a_plan_comes_back_exactly(befores: list[Any], context: dict[str, Any], intent: str, at: datetime) -> None:
    """Any JSON in before-states, bodies and context, any words, any zone."""
    steps = tuple(
        records.a_step(number, before=before, expected=before, write=replace(records.a_step().write, body=context))
        for number, before in enumerate(befores, start=1)
    )
    stored = records.a_plan()
    plan = replace(stored.plan, steps=steps, context=context, baseline=context, intent=intent, created_at=at)
    assert written_and_read(replace(stored, plan=plan)) == replace(stored, plan=plan)


@given(st.sampled_from(ChangeState), objects, st.lists(texts, max_size=3), times, st.none() | times)
def test_a_change_comes_back_exactly(
    state: ChangeState, result: dict[str, Any], networks: list[str], at: datetime, end: datetime | None
) -> None:
    """States, results, several networks, open and closed."""
    record = records.a_change(
        state=state, result=result, network_ids=tuple(networks), started_at=at, ended_at=end, rolls_back=("CHG-0",)
    )
    assert written_and_read(record) == record


@given(objects, values, st.lists(texts, max_size=3), st.none() | st.integers(100, 599))
def test_a_step_and_a_session_come_back_exactly(
    created: dict[str, Any], sealed: Any, errors: list[str], status: int | None
) -> None:
    """What the cloud answered, and the sealed read-back."""
    step = records.a_change_step(
        created=created, verified=created, sealed=sealed, errors=tuple(errors), http_status=status
    )
    session = records.a_session(modified=(created, {}), changelog=tuple(errors), operations={"a": 1})
    assert written_and_read(step) == step
    assert written_and_read(session) == session


@given(st.integers(0, 2**62), st.floats(0, 1e9), texts, times)
def test_a_usage_comes_back_exactly(size: int, seconds: float, client: str, at: datetime) -> None:
    """Counts and durations, as the encoder of every other record writes them."""
    record = records.a_usage(result_bytes=size, duration_s=seconds, client=client, at=at)
    assert written_and_read(record) == record
    assert json.loads(encode(record, SEAL).doc) == {**asdict(record), "at": moment(at)}


@pytest.mark.parametrize("wrong", [{"duration_s": float("nan")}, {"waited_s": float("inf")}, {"client": "\ud800"}])
def test_a_usage_that_would_not_come_back_is_refused(wrong: dict[str, Any]) -> None:
    """No number that JSON lacks, no half of a character."""
    with pytest.raises(StoreUnavailable, match="cannot be kept"):
        encode(records.a_usage(**wrong), SEAL)


def test_before_states_keep_halves_of_characters() -> None:
    """JSON from the cloud may hold them; a backup that lost them would not be one."""
    plan = records.a_plan(plan=replace(records.a_plan().plan, steps=(records.a_step(before={"name": "\ud800"}),)))
    assert written_and_read(plan) == plan


def test_every_record_has_a_table_and_a_column_for_each_of_its_filters() -> None:
    """The record union, the kinds and the schema file name the same things."""
    assert set(KINDS) == {*get_args(Record), Lease}
    schema = "".join(text for name, text in blocks("schema.sql").items() if name.startswith("m0"))
    for kind in KINDS.values():
        table = schema.split(f"CREATE TABLE {kind.table} (")[1].split(") STRICT")[0]
        columns = [line.split()[0] for line in table.strip().splitlines()]
        assert columns == ["id", "key", *kind.columns, "doc", "sealed"] or sorted(columns) == sorted(
            ["id", "key", *kind.columns, "doc", "sealed"]
        )
        assert kind.time in kind.columns


@pytest.mark.parametrize("kind", [StoredPlan, Change, ChangeStep, Session])
def test_what_may_hold_secrets_shows_nothing_in_clear(kind: type[Any]) -> None:
    """Their readable part is empty."""
    assert KINDS[kind].is_secret
    record = next(record for record in records.one_of_each() if type(record) is kind)
    assert encode(record, SEAL).doc == "{}"


def test_a_readable_record_is_readable_but_bound() -> None:
    """Usage can be looked at with any SQLite program; changing a letter is found."""
    row = encode(records.a_usage(), SEAL)
    assert '"meraki_read"' in row.doc
    with pytest.raises(RecordAltered):
        decode(row.kind, [*row.columns.values(), row.doc.replace("ok", "no"), row.sealed], row.key, SEAL)


def test_a_record_of_an_unreadable_form_is_told_apart_from_an_edit() -> None:
    """Sealed by us, but not of this version's form: the answer says version, not tampering."""
    kind = kind_of(Usage)
    name = "usage call-1/1"
    row = Row(kind, "call-1/1", {}, '{"key": 1}', SEAL.encrypt(b"", name, b'{"key": 1}'))
    with pytest.raises(StoreUnavailable, match="version"):
        decode(kind, [row.doc, row.sealed], row.key, SEAL)


def test_a_field_that_an_older_version_did_not_write_takes_its_default() -> None:
    """Old rows stay readable when a record gets an optional field."""
    kind = kind_of(Usage)
    row = encode(records.a_usage(), SEAL)
    text = row.doc.replace('"outcome"', '"later_field":1,"outcome"')
    sealed = SEAL.encrypt(b"", "usage call-1/1", text.encode())
    found = decode(kind, [*row.columns.values(), text, sealed], "call-1/1", SEAL)
    assert found.record == records.a_usage()
    optional = [item.name for item in fields(Change) if item.default is not item.default_factory]
    assert "ended_at" in optional


def test_a_class_that_the_store_does_not_keep_is_a_mistake_of_ours() -> None:
    """It raises TypeError, not a store error."""
    with pytest.raises(TypeError, match="keeps no int"):
        kind_of(int)


@given(times, times)
def test_moments_sort_as_times_do(one: datetime, other: datetime) -> None:
    """Text order is time order, whatever the zones."""
    assert (moment(one) < moment(other)) == (one < other)
    assert datetime.fromisoformat(moment(one)) == one
    assert START.isoformat() in moment(START).replace(".000000", "")
