"""The overlay against the simulated cloud: what is expected is what is read back, and the way back leads back.

The cloud is written from the same facts by other hands and imports nothing of the overlay, so it can judge it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from mcp_server.catalogue.expand import OUTSIDE
from mcp_server.catalogue.expected import expected_state, with_sent_body
from mcp_server.catalogue.inverse import inverse_of
from mcp_server.catalogue.readers import created_reader, reader_of
from mcp_server.catalogue.requests import request_for
from mcp_server.catalogue.shared_reads import picked
from mcp_server.catalogue.transforms import restorable
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.plan import Reader, Write
from mcp_server.domain.state.compare import differences
from mcp_server.sandbox.cloud import Cloud
from mcp_server.sandbox.seed import seeded
from tests.support.cases import PLACES, Case, cases, with_answers
from tests.support.shipped import CATALOGUE, OVERLAY, write


@dataclass
class Bench:
    """One fresh cloud, and what the engine does with it, step by step."""

    cloud: Cloud = field(default_factory=lambda: Cloud(seeded()))

    def send(self, touch: Touch) -> Any:
        """The answer of a write that must succeed."""
        operation = CATALOGUE.find(touch.operation)
        request = request_for(operation, touch.params, touch.body)
        answer = self.cloud.ask(request.method, request.path, request.query, request.body)
        assert answer.status < 300, (touch.operation, answer.body)
        return answer.body

    def read(self, reader: Reader) -> Any:
        """The resource, or None when it is not there."""
        request = request_for(CATALOGUE.find(reader.operation), reader.params)
        answer = self.cloud.ask("GET", request.path, dict(request.query), None)
        return None if answer.status == 404 else picked(reader, answer.body)


@pytest.fixture
def bench() -> Bench:
    """A fresh cloud each time."""
    return Bench()


def _touch(bench: Bench, case: Case) -> Touch:
    """The write of the case, with what must stand before it sent."""
    preparing, answer = case.preparing(), None
    while True:
        try:
            answer = bench.send(preparing.send(answer))
        except StopIteration as ready:
            touch: Touch = ready.value
            return touch


UPDATES, ACTIONS = cases("updates"), cases("actions")
CREATES = {name: one for name, one in cases("creates").items() if one.operation not in OUTSIDE}


def _item(method: str, case: Case) -> str:
    """The operation of that method on what a case makes; "" when there is none."""
    row = OVERLAY.row(case.operation)
    if method == "DELETE" and row.inverse:
        return row.inverse
    found = OVERLAY.places.item(method, CATALOGUE.find(case.operation).path)
    return found.operation if found else ""


DELETED = [name for name, case in CREATES.items() if OVERLAY.row(_item("DELETE", case)).undo != "none"]
CHANGED = [name for name, case in CREATES.items() if case.change is not None]


def _wrong(touch: Touch, expected: Json, live: Json) -> Any:
    row = OVERLAY.row_for(touch)
    if expected is None or live is None:
        return None if expected is live else (expected, live)
    return differences(expected, live, ignore=row.volatile, unordered=row.unordered)


def _reader(touch: Touch, created: Mapping[str, Json] | None = None) -> Reader:
    organization = PLACES["ORG"]
    found = (
        created_reader(CATALOGUE, OVERLAY, touch, created, organization_id=organization)
        if created
        else reader_of(CATALOGUE, OVERLAY, touch, organization_id=organization)
    )
    assert found is not None, touch.operation
    return found


def _undo(bench: Bench, touch: Touch, before: Json, expected: Json, created: Mapping[str, Json]) -> None:
    """Send every write of the inverse, ids filled in from the answer before."""
    inverse = inverse_of(CATALOGUE, OVERLAY, touch, before, expected)
    assert inverse.writes, inverse
    for step in inverse.writes:
        params = {k: created[v["$created"]] if isinstance(v, Mapping) else v for k, v in step.params.items()}
        answer = bench.send(Touch(step.operation, params, _with_secrets(step), is_write=True))
        created = answer if isinstance(answer, Mapping) else created


def _with_secrets(step: Write) -> Json:
    """The body with each secret that the cloud requires and no GET returns: a person gives it."""
    schema = CATALOGUE.find(step.operation).body
    required = schema.required if schema is not None else frozenset()
    asked = [name for name in OVERLAY.row(step.operation).write_only if name in required]
    return {**dict.fromkeys(asked, "given-by-a-person"), **step.body} if asked else step.body


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_reads_back_as_expected_and_its_inverse_restores_the_cloud(bench: Bench, name: str) -> None:
    """Byte for byte in the cloud's own state. The state as it was read is accepted by the write, too."""
    _prove_update(bench, _touch(bench, UPDATES[name]))


def _prove_update(bench: Bench, asked: Touch) -> None:
    reader = _reader(asked)
    whole = restorable(CATALOGUE, OVERLAY, asked.operation, bench.read(reader))
    bench.send(Touch(asked.operation, asked.params, whole, is_write=True))
    before = bench.read(reader)
    kept = _state(bench)
    touch = with_sent_body(OVERLAY, asked, before)
    expected = expected_state(CATALOGUE, OVERLAY, touch, before)
    assert _wrong(touch, before, expected), "the case changes nothing"
    bench.send(touch)
    assert _wrong(touch, expected, bench.read(reader)) == ()
    _undo(bench, touch, before, expected, {})
    assert bench.read(reader) == before
    assert _state(bench) == kept


@pytest.mark.parametrize("name", CREATES)
def test_a_create_reads_back_as_expected_and_its_inverse_removes_it(bench: Bench, name: str) -> None:
    """The id is known from the answer."""
    touch = _touch(bench, CREATES[name])
    plan_time = reader_of(CATALOGUE, OVERLAY, touch, organization_id=PLACES["ORG"])
    assert plan_time is None or bench.read(plan_time) is None
    expected = expected_state(CATALOGUE, OVERLAY, touch, None)
    kept = _state(bench)
    created = bench.send(touch)
    reader = _reader(touch, created)
    assert _wrong(touch, expected, bench.read(reader)) == ()
    if plan_time is not None:
        assert bench.read(plan_time) is not None
    _undo(bench, touch, None, expected, created)
    assert bench.read(reader) is None
    assert _state(bench) == kept


@pytest.mark.parametrize("name", DELETED)
def test_a_delete_reads_back_as_nothing_and_its_inverse_makes_it_again(bench: Bench, name: str) -> None:
    """Under a new id, and equal in everything that can be written."""
    made = _touch(bench, CREATES[name])
    created = bench.send(made)
    listed = _reader(made, created)
    touch = _on_created("DELETE", CREATES[name], made, created)
    row = OVERLAY.row(touch.operation)
    before = bench.read(_reader(touch))
    assert before == bench.read(listed)
    bench.send(touch)
    assert bench.read(_reader(touch)) is None
    _undo(bench, touch, before, None, {})
    collection = CATALOGUE.at("GET", CATALOGUE.find(made.operation).path)
    assert collection is not None
    again = bench.read(Reader(collection.id, dict(made.params)))
    holder = CATALOGUE.find(collection.id).response
    if isinstance(again, Mapping) and holder is not None:
        again = next(value for name, value in again.items() if isinstance(value, list))
    alike = [
        e
        for e in again
        if not differences(before, e, ignore=(*row.volatile, row.id_field, "serverId"), unordered=row.unordered)
    ]
    assert len(alike) == 1


def _on_created(method: str, case: Case, made: Touch, created: Mapping[str, Json], body: Json = None) -> Touch:
    operation = CATALOGUE.find(_item(method, case))
    params = {**made.params, operation.path_params[-1]: created[OVERLAY.row(operation.id).id_field]}
    return write(operation.id, with_answers(body, []), **{name: params[name] for name in operation.path_params})


@pytest.mark.parametrize("name", CHANGED)
def test_an_update_of_what_was_created_is_undone(bench: Bench, name: str) -> None:
    """Items that the seeded world has none of."""
    made = _touch(bench, CREATES[name])
    created = bench.send(made)
    _prove_update(bench, _on_created("PUT", CREATES[name], made, created, CREATES[name].change))


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_reads_back_as_expected_and_its_inverse_restores_the_cloud(bench: Bench, name: str) -> None:
    """Only those that have an inverse."""
    touch = _touch(bench, ACTIONS[name])
    reader = _reader(touch)
    before, kept = bench.read(reader), _state(bench)
    expected = expected_state(CATALOGUE, OVERLAY, touch, before)
    assert _wrong(touch, before, expected), "the case changes nothing"
    bench.send(touch)
    assert _wrong(touch, expected, bench.read(reader)) == ()
    _undo(bench, touch, before, expected, {})
    assert bench.read(reader) == before
    assert _state(bench) == kept


def _state(bench: Bench) -> Json:
    """What the cloud holds, what it never shows included."""
    return bench.cloud.world.dump()["configuration"]
