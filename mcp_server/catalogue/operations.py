"""The operations of the Dashboard API as data: loading the shipped file and looking operations up.

Two rules: nothing here knows more than the file says (no overlay, no judgement), and a tree is parsed only when
its operation is asked for. The simulated cloud imports this module too, so it imports domain and errors only.

A row of the file: ``id``, ``m`` method, ``p`` path, ``q`` query names (``[]`` marks a list), ``qt`` trees of the query
parameters that are not plain strings, ``rq`` required query names, ``b`` body tree, ``ie`` values of the whole-number
enums among the top fields, ``r`` response tree (GETs), ``w`` the field of the answer that holds the list of ``r``,
``batch`` verb. In a tree ``name!`` is required, ``[x]`` a list of x, and the leaves are ``s`` string, ``i`` integer,
``n`` number, ``b`` boolean, ``object`` a free map, ``any`` what the API says nothing about, ``a|b`` an enum.
"""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from mcp_server.domain.call import Json, Touch
from mcp_server.domain.given import shown
from mcp_server.domain.operation import Batch, Kind, Operation, Schema
from mcp_server.errors import InvalidArguments

SHIPPED = Path(__file__).with_name("operations.json.gz")
SOURCES = "operations.sources.json"  #: beside the file: the API version and where the rows were taken from
UNKNOWN_VERSION = "unknown"

_LEAVES: Mapping[str, Schema] = MappingProxyType({
    "s": Schema(Kind.STRING),
    "i": Schema(Kind.INTEGER),
    "n": Schema(Kind.NUMBER),
    "b": Schema(Kind.BOOLEAN),
    "object": Schema(Kind.OBJECT),
    "any": Schema(Kind.ANY),
})  # fmt: skip


class Catalogue:
    """All operations of one API version, by id and by method and path."""

    def __init__(
        self, rows: Sequence[Mapping[str, Json]], version: str = UNKNOWN_VERSION, *, is_shipped: bool = False
    ) -> None:
        """``rows`` as in the shipped file; they are kept, not copied."""
        self.version = version
        self.is_shipped = is_shipped  #: what is prepared for the shipped file holds for it
        self._rows = {row["id"]: row for row in rows}
        self._places = {(row["m"].upper(), row["p"]): row["id"] for row in rows}
        self._parsed: dict[str, Operation] = {}

    @classmethod
    def load(cls, path: Path | None = None) -> "Catalogue":
        """The catalogue of a file, by default the shipped one; OSError or ValueError when it cannot be read."""
        source = path or SHIPPED
        sources = source.with_name(SOURCES)
        version = json.loads(sources.read_bytes())["api_version"] if sources.exists() else UNKNOWN_VERSION
        rows = json.loads(gzip.decompress(source.read_bytes()))
        return cls(rows, version, is_shipped=source == SHIPPED)

    def get(self, operation_id: str) -> Operation | None:
        """The operation of that id, or None."""
        if operation_id in self._parsed:
            return self._parsed[operation_id]
        row = self._rows.get(operation_id)
        return None if row is None else self._parsed.setdefault(operation_id, parse_row(row))

    def find(self, operation_id: str) -> Operation:
        """The operation of that id; InvalidArguments with the nearest ids when there is none."""
        operation = self.get(operation_id)
        if operation is None:
            near = self.nearest(operation_id)
            remedy = f"Did you mean {', '.join(near)}?" if near else "Find its id with meraki_search."
            raise InvalidArguments(
                f"There is no operation {shown(operation_id, 80)!r} in v{self.version}.",
                remedy,
                code="unknown_operation",
                details={"operation": shown(operation_id, 80), "nearest": list(near)},
            )
        return operation

    def at(self, method: str, path: str) -> Operation | None:
        """The operation of a method and a path template such as ``/networks/{networkId}``, or None."""
        operation_id = self._places.get((method.upper(), path))
        return None if operation_id is None else self.get(operation_id)

    def rows(self) -> dict[str, Mapping[str, Json]]:
        """The rows by id, as in the file."""
        return dict(self._rows)

    @property
    def own_organizations(self) -> tuple[str, ...]:
        """The organizations whose API is not the shipped one."""
        return ()

    def of(self, _organization_id: str) -> "Catalogue":
        """The catalogue that holds in an organization."""
        return self

    def organizations_with(self, _operation_id: str) -> tuple[str, ...]:
        """The organizations that alone have an operation; none when everybody has it."""
        return ()

    def freshness(self, _now: datetime) -> list[Mapping[str, Json]]:
        """How old the documents of single organizations are; none when none was read."""
        return []

    def faults_in(self, _organization_id: str, _touch: Touch) -> tuple[str, ...]:
        """What is wrong with a checked call in the API of one organization."""
        return ()

    def ids(self) -> tuple[str, ...]:
        """Ids of all operations, in the order of the file."""
        return tuple(self._rows)

    def writes(self) -> tuple[str, ...]:
        """Ids of all operations that are not GETs, in the order of the file."""
        return tuple(id_ for id_, row in self._rows.items() if row["m"] != "get")

    def place(self, operation_id: str) -> tuple[str, str]:
        """Method and path of a known id, without parsing its trees; KeyError when unknown."""
        row = self._rows[operation_id]
        return row["m"].upper(), row["p"]

    def field_names(self, operation_id: str) -> frozenset[str]:
        """Names of the query parameters and, at any depth, of the body fields; KeyError when the id is unknown."""
        row = self._rows[operation_id]
        names = {name.removesuffix("[]") for name in row.get("q", ())}
        _collect_names(row.get("b"), names)
        return frozenset(names)

    def nearest(self, operation_id: str, limit: int = 3) -> tuple[str, ...]:
        """The known ids that look most like this one, best first; letter case does not count."""
        folded = {known.casefold(): known for known in self._rows}
        close = get_close_matches(operation_id.casefold()[:120], folded, n=limit, cutoff=0.55)
        return tuple(folded[name] for name in close)


def parse_row(row: Mapping[str, Json]) -> Operation:
    """The operation that a row of the file describes."""
    path: str = row["p"]
    verb: str | None = row.get("batch")
    return Operation(
        id=row["id"],
        method=row["m"].upper(),
        path=path,
        path_params=tuple(part[1:-1] for part in path.split("/") if part.startswith("{")),
        query=MappingProxyType({name.removesuffix("[]"): _query(name, row) for name in row.get("q", ())}),
        required_query=frozenset(row.get("rq", ())),
        body=_body(row),
        response=_response(row),
        batch=Batch(resource=path, operation=verb) if verb else None,
        stage=str(row.get("s", "")),
    )


def _query(name: str, row: Mapping[str, Json]) -> Schema:
    plain = name.removesuffix("[]")
    one = _whole_numbers(parse_tree(row.get("qt", {}).get(plain, "s")), row, name)
    return Schema(Kind.ARRAY, items=one) if name.endswith("[]") else one


def _body(row: Mapping[str, Json]) -> Schema | None:
    schema = parse_tree(row["b"]) if "b" in row else None
    if schema is None or "ie" not in row:
        return schema
    fields = {name: _whole_numbers(field, row, name) for name, field in schema.fields.items()}
    return replace(schema, fields=MappingProxyType(fields))


def _whole_numbers(schema: Schema, row: Mapping[str, Json], name: str) -> Schema:
    values = row.get("ie", {}).get(name, ())
    return replace(schema, enum=tuple(map(str, values))) if values and schema.kind is Kind.INTEGER else schema


def _response(row: Mapping[str, Json]) -> Schema | None:
    """The schema of the answer as it is sent: the list of ``r``, or the object that holds it."""
    if row.get("r") is None:
        return None
    schema = parse_tree(row["r"])
    if "w" not in row:
        return schema
    fields = {row["w"]: schema} | ({"meta": _LEAVES["object"]} if row["w"] == "items" else {})
    return Schema(Kind.OBJECT, fields=MappingProxyType(fields))


def parse_tree(tree: Json) -> Schema:
    """The schema that a tree of the file describes."""
    if isinstance(tree, str):
        leaf = _LEAVES.get(tree)
        return leaf or Schema(Kind.STRING, enum=tuple(tree.split("|")))
    if isinstance(tree, list):
        return Schema(Kind.ARRAY, items=parse_tree(tree[0]) if tree else None)
    return Schema(
        Kind.OBJECT,
        fields=MappingProxyType({name.removesuffix("!"): parse_tree(node) for name, node in tree.items()}),
        required=frozenset(name[:-1] for name in tree if name.endswith("!")),
    )


def _collect_names(tree: Json, names: set[str]) -> None:
    if isinstance(tree, list):
        for node in tree:
            _collect_names(node, names)
    elif isinstance(tree, dict):
        for name, node in tree.items():
            names.add(name.removesuffix("!"))
            _collect_names(node, names)
