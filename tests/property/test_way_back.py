"""Laws of the way back: carrying out a write and then its inverse, by the API's merge rules, restores the state."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.catalogue.expected import expected_state
from mcp_server.catalogue.inverse import inverse_of
from mcp_server.catalogue.transforms import body_to_send, restorable
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Kind, Schema
from mcp_server.domain.plan import Write
from mcp_server.domain.state.compare import differences
from mcp_server.domain.state.json_value import same
from tests.support.shipped import CATALOGUE, OVERLAY

LEFT_OUT = {
    "updateNetworkApplianceWarmSpare": "a spare that is off has no serial; random states have: overlay_cases_networks",
    "updateNetworkWirelessSsid": "which fields are restored depends on its modes: tests/unit/catalogue/test_transforms",
    "updateNetworkAlertsSettings": "alert types are never added or removed; random lists do both",
    "updateNetworkApplianceContentFiltering": "categories are told apart by id; random ones repeat",
    "updateNetworkFirmwareUpgrades": "dozens of nested versions that are only read: slow, and nothing is learned",
}
UPDATES = [
    id_
    for id_, row in ((id_, OVERLAY.row(id_)) for id_ in OVERLAY.proven())
    if row.kind == "update" and row.undo != "none" and not row.keyed_lists and id_ not in LEFT_OUT
]  #: what keyed lists hold is never added or removed; random lists do both
WORDS = st.sampled_from(["a", "b", "Any", "10.0.0.0/8", "c"])
SCALARS: dict[Kind, st.SearchStrategy[Json]] = {
    Kind.INTEGER: st.integers(0, 9),
    Kind.NUMBER: st.integers(0, 9),
    Kind.BOOLEAN: st.booleans(),
    Kind.OBJECT: st.dictionaries(WORDS, st.fixed_dictionaries({"ip": WORDS}), max_size=2),
}


def values(schema: Schema, *, whole: bool) -> st.SearchStrategy[Json]:
    """Values of a schema; ``whole`` with every field of the outermost object."""
    if schema.items is not None:
        return st.lists(values(schema.items, whole=True), max_size=2)
    if schema.fields:
        fields = {name: values(field, whole=True) for name, field in schema.fields.items()}
        return st.fixed_dictionaries(fields if whole else {}, optional={} if whole else fields)
    return SCALARS.get(schema.kind, st.sampled_from(schema.enum) if schema.enum else WORDS)


@st.composite
def changes(draw: st.DrawFn, operation: str) -> tuple[Touch, Json]:
    """A write with a body that its schema allows, and a whole state to do it on."""
    found = CATALOGUE.find(operation)
    schema = OVERLAY.places.read_schema(found)
    assert schema is not None
    assert found.body is not None
    row = OVERLAY.row(operation)
    before = draw(values(schema, whole=True))
    if row.default_rules:
        before[row.rules_at] = [*before[row.rules_at], *(dict(rule) for rule in row.default_rules)]
    body = draw(values(found.body, whole=False))
    return Touch(operation, dict.fromkeys(found.path_params, "1"), body, is_write=True), before


def carried_out(write: Write, before: Json) -> Json:
    """The state after a write."""
    return expected_state(CATALOGUE, OVERLAY, Touch(write.operation, write.params, write.body, is_write=True), before)


def readable(state: Json, operation: str) -> Json:
    """The state without what only a GET gives: nothing can write that back."""
    return restorable(CATALOGUE, OVERLAY, operation, state)


@pytest.mark.parametrize("operation", UPDATES)
@given(data=st.data())
@settings(max_examples=25)
def test_a_write_and_its_inverse_restore_the_state(operation: str, data: st.DataObject) -> None:
    """For every proven update, whatever it writes; and undoing the undo sends what the change had made."""
    touch, before = data.draw(changes(operation))
    after = expected_state(CATALOGUE, OVERLAY, touch, before)
    inverse = inverse_of(CATALOGUE, OVERLAY, touch, before, after)
    if inverse.how == "none":
        return
    undo = inverse.writes[0]
    back = carried_out(undo, after)
    row = OVERLAY.row(operation)
    wrong = differences(readable(before, operation), readable(back, operation), unordered=row.unordered)
    assert wrong == ()
    undo_touch = Touch(undo.operation, undo.params, undo.body, is_write=True)
    again = inverse_of(CATALOGUE, OVERLAY, undo_touch, after, back)
    assert again.how == "none" or same(
        again.writes[0].body, restorable(CATALOGUE, OVERLAY, operation, after, over=back)
    )


@pytest.mark.parametrize("operation", UPDATES)
@given(data=st.data())
@settings(max_examples=10)
def test_what_is_sent_does_not_change_when_it_is_sent_again(operation: str, data: st.DataObject) -> None:
    """The body that is sent is a fixed point."""
    touch, before = data.draw(changes(operation))
    sent = body_to_send(OVERLAY, touch, before)
    again = Touch(touch.operation, touch.params, sent, is_write=True)
    assert same(body_to_send(OVERLAY, again, before), sent)
