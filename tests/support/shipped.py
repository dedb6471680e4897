"""The shipped catalogue and overlay, loaded once for all tests, and touches to try them with."""

from typing import Any

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.domain.call import Touch
from mcp_server.domain.operation import Kind, Schema

CATALOGUE = Catalogue.load()
OVERLAY = Overlay.load(CATALOGUE)


def write(operation: str, body: Any = None, **params: Any) -> Touch:
    """A write as the engine sees it."""
    return Touch(operation, params, body, is_write=True)


def sample(schema: Schema, depth: int = 0) -> Any:
    """A value that has every field of a schema; enums take their first word."""
    if schema.items is not None:
        return [sample(schema.items, depth + 1)]
    if schema.fields:
        return {name: sample(field, depth + 1) for name, field in schema.fields.items()}
    whole = int(schema.enum[0]) if schema.enum and schema.kind is Kind.INTEGER else 7
    plain: dict[Kind, Any] = {Kind.INTEGER: whole, Kind.NUMBER: 1.5, Kind.BOOLEAN: True, Kind.OBJECT: {"k": {"v": "1"}}}
    if schema.kind is Kind.ARRAY:
        return []
    return plain.get(schema.kind, schema.enum[0] if schema.enum else "text")
