"""The body of a write against its tree, at any depth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mcp_server.catalogue.validation.fault import Faults, is_masked, is_secret
from mcp_server.catalogue.validation.plan_language import (
    EDITS,
    INSERT,
    PLACEHOLDERS,
    REF,
    REMOVE,
    TEXT,
    UPDATE,
    edit_fault,
    is_edit,
    is_edit_of_list,
    is_placeholder,
    placeholder_fault,
)
from mcp_server.domain.call import Json
from mcp_server.domain.given import found, is_huge, is_text
from mcp_server.domain.operation import Kind, Schema
from mcp_server.domain.state.json_value import IDENTITY

DEEPEST = 64
_SCALARS = {Kind.STRING: str, Kind.INTEGER: int, Kind.NUMBER: int | float, Kind.BOOLEAN: bool}
_ANY = Schema(Kind.ANY)
_LIST = Schema(Kind.ARRAY, items=_ANY)
_WORDS = {
    Kind.STRING: "a string", Kind.INTEGER: "an integer", Kind.NUMBER: "a number", Kind.BOOLEAN: "a boolean",
    Kind.OBJECT: "an object", Kind.ARRAY: "a list", Kind.ANY: "a value",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk stands."""

    where: str
    depth: int = 0
    secret: bool = False  #: a field on the way looks like a secret: values are not shown
    partial: bool = False  #: a MATCH or a set: nothing is required

    def inside(self, name: str) -> "_Place":
        return _Place(f"{self.where}.{name}", self.depth + 1, self.secret or is_secret(name), self.partial)

    def element(self, index: int) -> "_Place":
        return replace(self, where=f"{self.where}[{index}]", depth=self.depth + 1)

    def part(self, word: str) -> "_Place":
        """Of a list edit."""
        return replace(self, where=f"{self.where}.{word}", depth=self.depth + 1, partial=word != INSERT)


def check_body(schema: Schema | None, body: Json, params: Sequence[str], out: Faults) -> None:
    """Add what is wrong with a body; None and {} are a body that was not given.

    ``params`` are the operation's parameters: one that stands in the body is told to move.
    """
    if schema is None:
        if body is not None and body != {}:
            out.add("body", "the operation takes no body")
        return
    if body is not None and not isinstance(body, dict):
        out.add("body", f"expects an object, {found(body)}")
        return
    own = body or {}
    moved = [name for name in own if name in params and name not in schema.fields] if schema.fields else []
    for name in moved:
        out.add(f"body.{name}", "is a parameter; move it to params")
    _check_object(schema, {name: own[name] for name in own if name not in moved}, _Place("body"), out)


def _check(schema: Schema, value: Json, place: _Place, out: Faults) -> None:
    if out.is_full:
        return
    if place.depth > DEEPEST:
        out.add(place.where, f"nested deeper than {DEEPEST} levels")
    elif value is None:
        return
    elif schema.kind is Kind.ARRAY:
        _check_list(schema, value, place, out)
    elif is_placeholder(value):
        _check_placeholder(schema, value, place, out)
    elif schema.kind is Kind.ANY or (schema.kind is Kind.OBJECT and not schema.fields and isinstance(value, dict)):
        _check_free(value, place, out)
    elif schema.kind is Kind.OBJECT and isinstance(value, dict):
        _check_object(schema, value, place, out)
    else:
        _check_scalar(schema, value, place, out)


def _check_object(schema: Schema, value: dict[str, Json], place: _Place, out: Faults) -> None:
    if not schema.fields:
        _check_free(value, place, out)
        return
    for name, inner in value.items():
        if name in schema.fields:
            _check(schema.fields[name], inner, place.inside(name), out)
        elif not (place.partial and name in IDENTITY):  # read only, and still what tells live elements apart
            out.add_unknown(place.where, str(name), schema.fields)
    if not place.partial:
        for name in sorted(schema.required - set(value)):
            needed = schema.fields[name]
            out.add(f"{place.where}.{name}", f"missing; the operation requires {_WORDS[needed.kind]}", needed.enum)


def _check_list(schema: Schema, value: Json, place: _Place, out: Faults) -> None:
    items = schema.items or _ANY
    if is_edit_of_list(value):
        for index, edit in enumerate(value if isinstance(value, list) else [value]):
            _check_edit(items, edit, place.element(index) if isinstance(value, list) else place, out)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            _check_element(items, element, place.element(index), out)
    elif is_placeholder(value):
        out.add(place.where, "expects a list; a placeholder stands for one value")
    elif isinstance(value, dict):
        out.add(place.where, f"expects a list or an edit, {found(value)}", EDITS)
    else:
        out.add(place.where, f"expects a list, {found(value, secret=place.secret)}")


def _check_edit(items: Schema, edit: Json, place: _Place, out: Faults) -> None:
    if not is_edit(edit):
        out.add(place.where, "a list holds either elements or edits, not both")
        return
    wrong = edit_fault(edit)
    if wrong:
        out.add(place.where, wrong)
        return
    for index, element in enumerate(edit.get(INSERT, ())):
        _check_element(items, element, place.part(INSERT).element(index), out)
    for word in (REMOVE, UPDATE, "before", "after"):
        if word in edit:
            _check_match(items, edit[word], place.part(word), out)
    if "set" in edit:
        _check_set(items, edit["set"], place.part("set"), out)


def _check_match(items: Schema, match: Json, place: _Place, out: Faults) -> None:
    is_scalar = items.kind not in (Kind.OBJECT, Kind.ANY)
    if match in (None, {}, []) or (items.kind is Kind.OBJECT and not isinstance(match, dict)):
        out.add(place.where, "needs a partial object that names one element")
    elif is_scalar and isinstance(match, dict):
        out.add(place.where, f"elements are {items.kind.value}s; give the value itself")
    else:
        _check(items, match, place, out)


def _check_set(items: Schema, fields: Json, place: _Place, out: Faults) -> None:
    if items.kind not in (Kind.OBJECT, Kind.ANY):
        out.add(place.where, f"elements are {items.kind.value}s; use $remove and $insert")
    else:
        _check(items, fields, place, out)


def _check_element(items: Schema, element: Json, place: _Place, out: Faults) -> None:
    if element is None:
        out.add(place.where, "null is no element of a list")
    else:
        _check(items, element, place, out)


def _check_placeholder(schema: Schema, value: Mapping[str, Json], place: _Place, out: Faults) -> None:
    wrong = placeholder_fault(value)
    if wrong:
        out.add(place.where, wrong)
    elif schema.kind is Kind.OBJECT and schema.fields:
        out.add(place.where, "expects an object; a placeholder stands for one value")
    elif REF not in value and (schema.enum or schema.kind not in (Kind.STRING, Kind.ANY, Kind.OBJECT)):
        kind = "one of its values" if schema.enum else _WORDS[schema.kind]
        words = "$text stands" if TEXT in value else "$secret and $generate stand"
        out.add(place.where, f"expects {kind}; {words} for free text", schema.enum)


def _check_scalar(schema: Schema, value: Json, place: _Place, out: Faults) -> None:
    wanted = _SCALARS.get(schema.kind)
    fits = wanted is not None and isinstance(value, wanted) and (schema.kind is Kind.BOOLEAN or not _is_bool(value))
    if schema.kind is Kind.INTEGER and isinstance(value, float) and math.isfinite(value):
        fits = value.is_integer()
    if not fits:
        would_do = not schema.enum or str(value) in schema.enum
        is_hinted = schema.kind is Kind.STRING and _is_short_integer(value) and would_do and not place.secret
        hint = f'; write "{value}"' if is_hinted else ""
        out.add(place.where, f"expects {_WORDS[schema.kind]}, {found(value, secret=place.secret)}{hint}", schema.enum)
    elif schema.enum and _as_text(value) not in schema.enum:
        out.add_value(place.where, value, schema.enum, secret=place.secret)
    else:
        _check_value(value, place, out)


def _check_free(value: Json, place: _Place, out: Faults) -> None:
    """Walk what the catalogue says nothing about."""
    if out.is_full:
        return
    if place.depth > DEEPEST:
        out.add(place.where, f"nested deeper than {DEEPEST} levels")
    elif is_placeholder(value):
        wrong = placeholder_fault(value)
        if wrong:
            out.add(place.where, wrong)
    elif is_edit_of_list(value):
        _check_list(_LIST, value, place, out)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if str(name).startswith("$"):
                out.add_unknown(place.where, str(name), (*PLACEHOLDERS, *EDITS), "no such word of the plan language")
            _check_free(inner, place.inside(str(name)), out)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            _check_free(element, place.element(index), out)
    else:
        _check_value(value, place, out)


def _check_value(value: Json, place: _Place, out: Faults) -> None:
    """Of a scalar whose kind fits."""
    if value is not None and not isinstance(value, str | int | float):
        out.add(place.where, "is no JSON value")
    elif isinstance(value, float) and not math.isfinite(value):
        out.add(place.where, "NaN and infinity are no JSON numbers")
    elif is_huge(value):
        out.add(place.where, f"does not fit in 64 bits, found integer of {value.bit_length()} bits")
    elif isinstance(value, str) and not is_text(value):
        out.add(place.where, "is no valid text (half of a surrogate pair)")
    elif isinstance(value, str) and is_masked(value, secret=place.secret):
        out.add(place.where, "holds a masked value; leave the field out or give the real one")


def _as_text(value: Json) -> str:
    """As an enum lists it; 30.0 is the whole number 30."""
    return value if isinstance(value, str) else str(int(value))


def _is_bool(value: Json) -> bool:
    return isinstance(value, bool)


def _is_short_integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12
