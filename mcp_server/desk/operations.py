"""The catalogue as tools see it: search rows, one operation's schema, checked touches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcp_server.catalogue.expand import expand, read_touch
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.search import Search
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Kind, Operation, Schema


@dataclass(frozen=True, slots=True)
class CatalogueDesk:
    """Operations, searched and described."""

    catalogue: Catalogue
    overlay: Overlay
    index: Search

    def search(self, query: str, limit: int) -> Sequence[Mapping[str, Json]]:
        """Ranked operations: id, method, path, purpose, needs, and for a write risk and undo."""
        return [self._row(self.catalogue.find(hit.id)) for hit in self.index.operations(query, limit)]

    def describe(self, operation: str) -> Mapping[str, Json]:
        """The whole schema: params, query, body with types, enums and required, risk and undo class."""
        found = self.catalogue.find(operation)
        view = self._row(found)
        if found.query:
            view["query"] = {name: _shape(schema) for name, schema in found.query.items()}
        if found.body is not None:
            view["body"] = _shape(found.body)
        if found.is_write:
            row = self.overlay.row(found.id)
            view["caveats"] = list(row.caveats)
        return view

    def touch(self, operation: str, params: Mapping[str, Json]) -> Touch:
        """A checked read of one GET operation."""
        return read_touch(self.catalogue, operation, params)

    def expand(self, operations: Sequence[Mapping[str, Json]]) -> tuple[Touch, ...]:
        """The touches of a requested plan; InvalidArguments lists all faults."""
        return expand(self.catalogue, operations)

    def _row(self, operation: Operation) -> dict[str, Json]:
        row: dict[str, Json] = {"id": operation.id, "method": operation.method, "path": operation.path}
        purpose = self.index.purpose(operation.id)
        if purpose is not None:
            row["purpose"] = purpose.english
        if operation.stage:
            row["stage"] = operation.stage
        if alone := self.catalogue.organizations_with(operation.id):
            row["organizations"] = list(alone)
        row["needs"] = [*operation.path_params, *sorted(operation.required_query)]
        if operation.body is not None and operation.body.required:
            row["needs_body"] = sorted(operation.body.required)
        if operation.is_write:
            known = self.overlay.row(operation.id)
            row["risk"], row["undo"] = known.risk.word, known.undo
        return row


def _shape(schema: Schema) -> Json:
    """A schema in the short form: type words, ``a|b`` for enums, ``name!`` for required fields, lists as [shape]."""
    if schema.kind is Kind.OBJECT:
        if not schema.fields:
            return "object"
        return {name + ("!" if name in schema.required else ""): _shape(one) for name, one in schema.fields.items()}
    if schema.kind is Kind.ARRAY:
        return [_shape(schema.items)] if schema.items else ["any"]
    return "|".join(schema.enum) if schema.enum else schema.kind.value
