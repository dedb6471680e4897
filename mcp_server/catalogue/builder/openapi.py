"""Compares an organization's own OpenAPI document with the catalogue: what is new, gone or changed.

The document is data from outside: nothing in it is followed or executed, and what cannot be read is left out of the
comparison rather than guessed. Reads operations, their place, their parameters and the top fields of their body.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mcp_server.catalogue.operations import Catalogue
from mcp_server.domain.call import Json
from mcp_server.domain.operation import Kind, Operation

_METHODS: Final = ("get", "post", "put", "delete")


@dataclass(frozen=True, slots=True)
class Difference:
    """What the document has and the catalogue has not, and the other way round; by operation id, sorted."""

    shipped: str  #: version of the catalogue
    document: str  #: version that the document says it is
    added: Mapping[str, str]  #: id -> method and path
    removed: tuple[str, ...]
    changed: Mapping[str, tuple[str, ...]]  #: id -> what is different, in words


def compare(catalogue: Catalogue, document: Json) -> Difference:
    """The difference; ValueError when it is no OpenAPI document with operations."""
    found = {name: (method, path, detail) for name, method, path, detail in operations_of(document)}
    if not found:
        raise ValueError("it lists no operations")
    known = set(catalogue.ids())
    added = {name: f"{found[name][0]} {found[name][1]}" for name in sorted(set(found) - known)}
    changed: dict[str, tuple[str, ...]] = {}
    for name in sorted(set(found) & known):
        method, path, detail = found[name]
        what = tuple(_changes(catalogue.find(name), method, path, detail))
        if what:
            changed[name] = what
    version = (
        document.get("info", {}).get("version", "unknown") if isinstance(document.get("info"), dict) else "unknown"
    )
    return Difference(catalogue.version, str(version), added, tuple(sorted(known - set(found))), changed)


def operations_of(document: Json) -> Iterator[tuple[str, str, str, Mapping[str, Json]]]:
    """Id, method, path and description of each operation."""
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, dict):
        raise ValueError("it has no paths")  # noqa: TRY004 - a wrong document, not a wrong call
    for path, methods in paths.items():
        shared = methods.get("parameters", []) if isinstance(methods, dict) else []
        for method in _METHODS if isinstance(methods, dict) else ():
            detail = methods.get(method)
            if isinstance(detail, dict) and isinstance(detail.get("operationId"), str):
                parameters = [*_listed(shared), *_listed(detail.get("parameters"))]
                yield detail["operationId"], method.upper(), str(path), {**detail, "parameters": parameters}


def _changes(known: Operation, method: str, path: str, detail: Mapping[str, Json]) -> Iterator[str]:
    """What is different, one thing a text."""
    if (method, path) != (known.method, known.path):
        yield f"now {method} {path}, was {known.method} {known.path}"
    query = {_plain(one["name"]) for one in detail["parameters"] if one.get("in") == "query" and "name" in one}
    yield from _names("query parameter", set(known.query), query)
    fields = _body_fields(detail)
    is_typed = known.body is not None and known.body.kind is Kind.OBJECT and bool(known.body.fields)
    if fields is not None and (is_typed or known.body is None):
        yield from _names("body field", set(known.body.fields) if known.body else set(), fields)


def _names(kind: str, before: set[str], after: set[str]) -> Iterator[str]:
    yield from (f"new {kind} {name}" for name in sorted(after - before))
    yield from (f"{kind} {name} is gone" for name in sorted(before - after))


def _body_fields(detail: Mapping[str, Json]) -> set[str] | None:
    """Names of the top fields of a JSON body; None when the document does not say."""
    value: Json = detail.get("requestBody")
    for name in ("content", "application/json", "schema", "properties"):
        value = value.get(name) if isinstance(value, dict) else None
    return set(value) if isinstance(value, dict) else None


def _listed(value: Json) -> list[Mapping[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _plain(name: Json) -> str:
    return str(name).removesuffix("[]")
