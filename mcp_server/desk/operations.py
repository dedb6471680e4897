"""The catalogue as tools see it: search rows, one operation's schema, checked touches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.catalogue.expand import expand, read_touch
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.search import Search
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Kind, Operation, Schema

_SPARE: Final = 50  #: hits more than asked for, of which those of other organizations are left out


@dataclass(frozen=True, slots=True)
class CatalogueDesk:
    """Operations, searched and described."""

    catalogue: Catalogue
    overlay: Overlay
    index: Search
    allowed: frozenset[str] = frozenset()  #: the organizations that this server may use; empty: all
    last_read: str = ""  #: the organization that the caller's last call was about

    def own_organizations(self) -> Sequence[str]:
        """The organizations whose API differs from the shipped one."""
        return self.catalogue.own_organizations

    def search(self, query: str, limit: int, organizations: Sequence[str] = ()) -> Sequence[Mapping[str, Json]]:
        """Ranked operations: id, method, path, purpose, needs, and for a write risk and undo.

        Only those that one of the ``organizations`` has: as asked, else the one that the caller's last call was about.
        """
        wanted = self.asked_of(organizations)
        hits = self.index.operations(query, limit + (_SPARE if self.catalogue.own_organizations else 0))
        there = [hit.id for hit in hits if self._is_there(hit.id, wanted)]
        return [self._row(self.catalogue.find(id_), wanted) for id_ in there[:limit]]

    def asked_of(self, organizations: Sequence[str]) -> Sequence[str]:
        """The organizations to which a search is limited; none when every one's operations are meant."""
        if not self.catalogue.own_organizations:
            return ()
        return organizations or ([self.last_read] if self.last_read else [])

    def _is_there(self, operation: str, wanted: Sequence[str]) -> bool:
        """Whether one of the organizations has an operation; of all when none is wanted, those that may be used."""
        if wanted:
            return any(self.catalogue.of(one).get(operation) is not None for one in wanted)
        alone = self.catalogue.organizations_with(operation)
        return not alone or not self.allowed or bool(self.allowed & set(alone))

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
            view["caveats"] = [*([row.why_none] if row.why_none else []), *row.caveats]
        return view

    def touch(self, operation: str, params: Mapping[str, Json]) -> Touch:
        """A checked read of one GET operation."""
        return read_touch(self.catalogue, operation, params)

    def expand(self, operations: Sequence[Mapping[str, Json]]) -> tuple[Touch, ...]:
        """The touches of a requested plan; InvalidArguments lists all faults."""
        return expand(self.catalogue, operations)

    def _row(self, operation: Operation, wanted: Sequence[str] = ()) -> dict[str, Json]:
        row: dict[str, Json] = {"id": operation.id, "method": operation.method, "path": operation.path}
        purpose = self.index.purpose(operation.id)
        if purpose is not None:
            row["purpose"] = purpose.english
        if operation.stage:
            row["stage"] = operation.stage
        if alone := self.catalogue.organizations_with(operation.id):
            row["organizations"] = [one for one in alone if not self.allowed or one in self.allowed]
        if missing := self._missing(operation.id, wanted):
            row["not_in"] = missing
        row["needs"] = [*operation.path_params, *sorted(operation.required_query)]
        if operation.body is not None and operation.body.required:
            row["needs_body"] = sorted(operation.body.required)
        if operation.is_write:
            known = self.overlay.row(operation.id)
            row["risk"], row["undo"] = known.risk.word, known.undo
        return row

    def _missing(self, operation: str, wanted: Sequence[str]) -> list[str]:
        """The organizations meant whose API lacks a shipped operation."""
        if self.catalogue.organizations_with(operation):
            return []
        meant = wanted or self.catalogue.own_organizations
        return [one for one in meant if self.catalogue.of(one).get(operation) is None]


def _shape(schema: Schema) -> Json:
    """A schema in the short form: type words, ``a|b`` for enums, ``name!`` for required fields, lists as [shape]."""
    if schema.kind is Kind.OBJECT:
        if not schema.fields:
            return "object"
        return {name + ("!" if name in schema.required else ""): _shape(one) for name, one in schema.fields.items()}
    if schema.kind is Kind.ARRAY:
        return [_shape(schema.items)] if schema.items else ["any"]
    return "|".join(schema.enum) if schema.enum else schema.kind.value
