"""A touch against its operation: parameters, then the body field by field.

Rules: every fault is reported, not the first; null clears any field; a masked value is never taken for a real one
(it would overwrite a secret with asterisks); what is free in the catalogue is still walked for depth, masks and NaN.
"""

import math
from collections.abc import Mapping

from mcp_server.catalogue.validation.body import check_body
from mcp_server.catalogue.validation.fault import Fault, Faults, is_masked, is_secret
from mcp_server.catalogue.validation.plan_language import REF, placeholder_fault
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.given import found, is_huge
from mcp_server.domain.operation import Kind, Operation, Schema

ID_CHARS = 2000  #: of one parameter: a webhook server's id is the base64 form of its URL


def faults(operation: Operation, touch: Touch) -> tuple[Fault, ...]:
    """Everything that does not fit, parameters first; empty when the call may be made."""
    return param_faults(operation, touch.params) + body_faults(operation, touch.body)


def param_faults(operation: Operation, params: Mapping[str, Json]) -> tuple[Fault, ...]:
    """What is wrong with the path and query parameters."""
    out = Faults()
    for name, value in params.items():
        _check_param(operation, name, value, out)
    for name in operation.path_params:
        if name not in params:
            out.add(f"params.{name}", "missing; the path needs it")
    for name in sorted(operation.required_query - set(params)):
        needed = operation.query[name]
        out.add(f"params.{name}", f"missing; the operation requires {article(needed.kind)}", needed.enum)
    return tuple(out.found)


def body_faults(operation: Operation, body: Json) -> tuple[Fault, ...]:
    """What is wrong with the body."""
    out = Faults()
    check_body(operation.body, body, (*operation.path_params, *operation.query), out)
    return tuple(out.found)


def _check_param(operation: Operation, name: str, value: Json, out: Faults) -> None:
    where = f"params.{name}"
    if name in operation.path_params:
        _check_id(where, value, out)
    elif name in operation.query:
        _check_query(operation.query[name], where, value, out)
    elif operation.body is not None and name in operation.body.fields:
        out.add(where, "is a field of the body; move it to body")
    else:
        known = (*operation.path_params, *operation.query)
        out.add_unknown("params", str(name), known, "no such parameter" if known else "takes no parameters")


def _check_id(where: str, value: Json, out: Faults) -> None:
    if isinstance(value, Mapping) and REF in value:
        wrong = placeholder_fault(value)
        if wrong:
            out.add(where, wrong)
        return
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return
    if isinstance(value, bool | float) or not isinstance(value, str | int) or is_huge(value):
        out.add(where, f"expects an id, {found(value)}")
        return
    text = str(value)
    is_dots = any(part.strip().strip(".") == "" for part in text.replace("\\", "/").split("/"))
    if is_dots or len(text) > ID_CHARS or not text.isprintable():
        out.add(where, f"is no usable id, {found(value)}")
    elif is_masked(text, secret=False):
        out.add(where, "holds a masked value; give the real id")


def _check_query(schema: Schema, where: str, value: Json, out: Faults) -> None:
    if schema.kind is not Kind.ARRAY:
        _check_query_scalar(schema, where, value, out)
    elif not isinstance(value, list):
        out.add(where, f"expects a list, {found(value)}")
    else:
        for index, element in enumerate(value):
            _check_query_scalar(schema.items or schema, f"{where}[{index}]", element, out)


def _check_query_scalar(schema: Schema, where: str, value: Json, out: Faults) -> None:
    """Everything in a query travels as text, so a number or boolean may be given in either form."""
    if value is None or (isinstance(value, dict) and schema.kind in (Kind.OBJECT, Kind.ANY)):
        return
    secret = is_secret(where)
    if isinstance(value, Mapping | list) or not isinstance(value, str | int | float) or is_huge(value):
        out.add(where, f"expects {article(schema.kind)}, {found(value, secret=secret)}")
        return
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if len(text) > ID_CHARS:
        out.add(where, f"takes at most {ID_CHARS} characters, {found(value, secret=secret)}")
    elif schema.enum and text not in schema.enum:
        out.add_value(where, value, schema.enum, secret=secret)
    elif not _reads_as(schema.kind, text) or not text.isprintable():
        out.add(where, f"expects {article(schema.kind)}, {found(value, secret=secret)}")


def _reads_as(kind: Kind, text: str) -> bool:
    if kind is Kind.BOOLEAN:
        return text in ("true", "false")
    if kind not in (Kind.INTEGER, Kind.NUMBER):
        return True
    try:
        number = float(text)
    except ValueError:
        return False
    return math.isfinite(number) and (kind is Kind.NUMBER or number.is_integer())


def article(kind: Kind) -> str:
    """``an integer``, ``a string``."""
    return f"{'an' if kind in (Kind.INTEGER, Kind.OBJECT) else 'a'} {kind.value}"
