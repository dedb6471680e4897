"""How the resource that a write changes is read: by its own GET, in its parent's list, or where the overlay says."""

from collections.abc import Mapping
from dataclasses import replace

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay, ReaderRule, Row
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Operation, Schema
from mcp_server.domain.plan import EACH, Reader


def reader_of(catalogue: Catalogue, overlay: Overlay, touch: Touch, *, organization_id: str = "") -> Reader | None:
    """The reader of what a write changes; None when nothing reads it, or an id in it is not known yet.

    For a create it finds the resource by its natural key in the parent's list. ``organization_id`` is needed by
    the readers that only exist for a whole organization.
    """
    operation = catalogue.find(touch.operation)
    row = overlay.row_for(touch)
    if not operation.is_write:
        return None
    if row.reader is not None:
        return _by_rule(row.reader, {"organizationId": organization_id, **touch.params}, touch.body)
    if row.kind == "create":
        wanted = _natural_key(row, touch)
        return _in_list(catalogue.at("GET", operation.path), touch.params, wanted) if wanted else None
    if row.kind == "action":
        return None
    own = overlay.places.own_get(operation)
    if own is not None:
        return _checked(Reader(own.id, _params(own, touch.params)))
    param = operation.path_params[-1] if operation.path_params else ""
    listed = overlay.places.parent("GET", operation)
    return _in_list(listed, touch.params, {row.id_field or param: touch.params.get(param)})


def created_reader(
    catalogue: Catalogue, overlay: Overlay, touch: Touch, created: Mapping[str, Json], *, organization_id: str = ""
) -> Reader | None:
    """The reader of a created resource once its answer is known; by natural key when the answer has no id."""
    operation = catalogue.find(touch.operation)
    row = overlay.row_for(touch)
    found = created.get(row.id_field)
    if row.kind != "create" or found is None:
        return reader_of(catalogue, overlay, touch, organization_id=organization_id)
    if row.reader is not None:
        place = {name: value for name, value in row.reader.match.items() if not _is_of_body(value)}
        by_id = replace(row.reader, match={**place, row.id_field: found})
        return _by_rule(by_id, {"organizationId": organization_id, **touch.params}, touch.body)
    item = overlay.places.item("GET", operation.path)
    if item is not None:
        own = catalogue.find(item.operation)
        return _checked(Reader(own.id, {**_params(own, touch.params), item.param: found}))
    return _in_list(catalogue.at("GET", operation.path), touch.params, {row.id_field: found})


def list_reader(catalogue: Catalogue, overlay: Overlay, touch: Touch, *, organization_id: str = "") -> Reader | None:
    """The reader of the whole list that a create adds to; None for what is no create, and where no list is read."""
    operation = catalogue.find(touch.operation)
    row = overlay.row_for(touch)
    if row.kind != "create":
        return None
    if row.reader is not None:
        known = {"organizationId": organization_id, **touch.params}
        return _by_rule(replace(row.reader, match={}), known, touch.body)
    return _in_list(catalogue.at("GET", operation.path), touch.params, {})


def _natural_key(row: Row, touch: Touch) -> dict[str, Json]:
    body = touch.body or {}
    key = {name: body.get(name) for name in row.natural_key}
    return {} if any(value is None for value in key.values()) else key


def _in_list(listed: Operation | None, params: Mapping[str, Json], match: Mapping[str, Json]) -> Reader | None:
    if listed is None or listed.response is None:
        return None
    schema = listed.response
    return _checked(Reader(listed.id, _params(listed, params), place_of(schema), dict(match)))


def place_of(schema: Schema) -> str:
    """Where the list of an answer stands: in ``items``, also where the answer is a list of objects that hold it.

    Of all answers only that of getOrganizationWirelessDevicesProvisioningDeployments is wrapped twice (v1.75.1).
    """
    if schema.items is None:
        return "items" if "items" in schema.fields else ""
    return EACH + "items" if "items" in schema.items.fields else ""


def _params(operation: Operation, params: Mapping[str, Json]) -> dict[str, Json]:
    return {name: params.get(name) for name in operation.path_params}


def _by_rule(rule: ReaderRule, known: Mapping[str, Json], body: Json) -> Reader | None:
    params = {name: _filled(value, known, body) for name, value in rule.params.items()}
    match = {name: _filled(value, known, body) for name, value in rule.match.items()}
    return _checked(Reader(rule.operation, params, rule.at, match))


def _filled(template: Json, known: Mapping[str, Json], body: Json) -> Json:
    if isinstance(template, list):
        return [_filled(item, known, body) for item in template]
    if isinstance(template, str) and _is_of_body(template):
        return _inside(body, template.split(".")[1:])
    is_name = isinstance(template, str) and template.startswith("$")
    return (known.get(template[1:]) or None) if is_name else template


def _is_of_body(template: Json) -> bool:
    return isinstance(template, str) and template.startswith("$body.")


def _inside(value: Json, names: list[str]) -> Json:
    """The value at a path of field names; of a list that of each element."""
    if not names:
        return value
    if isinstance(value, list):
        return [_inside(item, names) for item in value]
    return _inside(value.get(names[0]), names[1:]) if isinstance(value, Mapping) else None


def _checked(reader: Reader) -> Reader | None:
    """The reader, or None when a value in it is missing or is an id that an earlier step will create."""
    values = [*reader.params.values(), *reader.match.values()]
    known = all(_is_known(item) for value in values for item in (value if isinstance(value, list) else [value]))
    return reader if known else None


def _is_known(value: Json) -> bool:
    is_placeholder = isinstance(value, Mapping) and any(name.startswith("$") for name in value)
    return value is not None and value != "" and not is_placeholder
