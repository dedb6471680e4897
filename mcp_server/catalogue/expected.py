"""The state that a write leaves behind, as it will be read back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay, Row
from mcp_server.catalogue.overlay.templates import Gap, filled, touched
from mcp_server.catalogue.transforms import body_to_send, coerced, has, settled, to_read, without
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Schema
from mcp_server.domain.state.json_value import copied
from mcp_server.domain.state.matching import matched
from mcp_server.domain.state.merge import merged

UNKNOWN = "$unknown"  #: ``{"$unknown": field}`` stands for a value that only the answer will tell


def expected_state(catalogue: Catalogue, overlay: Overlay, touch: Touch, before: Json) -> Any:
    """The resource after the write by the API's merge rules; None after a delete.

    A create gives its body with the id unknown. An action gives ``before`` with what the overlay says it changes.
    Fields that no GET returns are left out, so that they are not missed when read back.
    """
    operation = catalogue.find(touch.operation)
    row = overlay.row_for(touch)
    if row.kind == "delete":
        return None
    if row.kind in ("action", "read"):
        return _after_action(row, touch, before)
    body = to_read(body_to_send(overlay, touch, before), row, before)
    live = before if row.kind == "update" else None
    state = settled(merged(live, {} if body is None else body, row.map_fields), row)
    state = _carried(state, live, operation.body) if operation.body is not None else state
    schema = overlay.places.read_schema(operation)
    state = _shaped(state, schema) if schema is not None else state
    hidden = [path for path in row.unreadable + row.write_only if path not in row.readable and not has(before, path)]
    state = without(state, tuple(hidden))
    if row.kind == "create" and row.id_field and isinstance(state, Mapping) and row.id_field not in state:
        state = {row.id_field: {UNKNOWN: row.id_field}, **state}
    return state


def with_sent_body(overlay: Overlay, touch: Touch, before: Json) -> Touch:
    """The touch with the body as it is sent: edits resolved, implicit rules left out; a touch without body as it is."""
    return touch if touch.body is None else replace(touch, body=body_to_send(overlay, touch, before))


def _after_action(row: Row, touch: Touch, before: Json) -> Json:
    if row.touched and isinstance(before, list):
        return _after_rows(row, touch, before)
    if not row.expect or not isinstance(before, Mapping):
        return copied(before)
    try:
        return merged(before, filled(row.expect, touch, before), row.map_fields)
    except Gap:
        return copied(before)


def _after_rows(row: Row, touch: Touch, before: list[Json]) -> Json:
    """The list with the rows that the action is about as it leaves them, or without them."""
    try:
        changed = touched(row.touched, touch, before)
        if row.touched.get("gone"):
            return [copied(live) for live in before if live not in changed]
        return [merged(live, filled(row.expect, touch, live)) if live in changed else copied(live) for live in before]
    except Gap:
        return copied(before)


def _carried(state: Json, live: Json, written: Schema) -> Json:
    """List elements with what only a GET gives (ids, names), taken from the live element that they are."""
    if isinstance(state, Mapping) and isinstance(live, Mapping):
        return {
            name: _carried(item, live.get(name), written.fields[name]) if name in written.fields else item
            for name, item in state.items()
        }
    if not isinstance(state, list) or not isinstance(live, list) or written.items is None:
        return state
    origin = {position: live[index] for index, position in matched(live, state).items()}
    return [_known(element, origin.get(position), written.items) for position, element in enumerate(state)]


def _known(element: Json, live: Json, written: Schema) -> Json:
    if not isinstance(element, Mapping) or not isinstance(live, Mapping) or not written.fields:
        return element
    only_read = {
        name: copied(item) for name, item in live.items() if name not in written.fields and name not in element
    }
    return {**only_read, **_carried(element, live, written)}


def _shaped(value: Json, schema: Schema) -> Json:
    """The value with its scalars in the kinds in which they are read; fields that the schema lacks stay."""
    if isinstance(value, Mapping) and schema.fields:
        return {k: _shaped(v, schema.fields[k]) if k in schema.fields else v for k, v in value.items()}
    if isinstance(value, list) and schema.items is not None:
        return [_shaped(item, schema.items) for item in value]
    return coerced(value, schema.kind)
