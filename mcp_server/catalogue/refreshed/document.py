"""An OpenAPI document as rows of the catalogue: place, parameters, body and answer of each operation.

The document is data from outside: nothing in it is executed, references lead inside it only and not deep, and what
it does not say is ``any``. A release stage (``x-release-stage``) other than general availability is kept as ``s``.
"""

from collections.abc import Mapping
from typing import Any, Final

from mcp_server.catalogue.builder.openapi import operations_of
from mcp_server.domain.call import Json
from mcp_server.domain.redaction import clean

_LEAVES: Final = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}
_DEEP: Final = 12
_GENERAL: Final = ("", "ga", "general availability", "generally available", "stable")
Row = dict[str, Any]


def rows_of(document: Json) -> dict[str, Row]:
    """A row for each operation of the document, by id; ValueError when it has none."""
    rows = {name: _row(name, method, path, detail, document) for name, method, path, detail in operations_of(document)}
    if not rows:
        raise ValueError("it lists no operations")
    return rows


def version_of(document: Json) -> str:
    """The version that the document says it is, or ``unknown``."""
    about = document.get("info") if isinstance(document, dict) else None
    return clean(str(about.get("version", "unknown")), 40) if isinstance(about, dict) else "unknown"


def _row(name: str, method: str, path: str, detail: Mapping[str, Json], document: Json) -> Row:
    row: Row = {"id": name, "m": method.lower(), "p": path}
    query = [one for one in detail["parameters"] if one.get("in") == "query" and isinstance(one.get("name"), str)]
    if query:
        row["q"] = [_query_name(one, document) for one in query]
        types = {one["name"].removesuffix("[]"): _query_type(one, document) for one in query}
        row["qt"] = {plain: tree for plain, tree in types.items() if tree != "s"}
        row["rq"] = [one["name"].removesuffix("[]") for one in query if one.get("required") is True]
    body = _content(detail.get("requestBody"), document)
    if body is not None:
        row["b"] = tree(body, document)
    answer = _answer(detail, document) if method == "GET" else None
    if answer is not None:
        row["r"] = tree(answer, document)
    stage = clean(str(detail.get("x-release-stage") or ""), 40)
    if stage.casefold() not in _GENERAL:
        row["s"] = stage
    return row


def tree(schema: Json, document: Json, depth: int = 0) -> Json:
    """The schema in the form of the catalogue's file."""
    schema = _resolved(schema, document)
    if not isinstance(schema, Mapping) or depth > _DEEP:
        return "any"
    words = schema.get("enum") if schema.get("type") == "string" else None
    if isinstance(words, list) and len(words) > 1 and all(_is_word(one) for one in words):
        return "|".join(words)
    if schema.get("type") == "array":
        return [tree(schema.get("items"), document, depth + 1)]
    fields = schema.get("properties")
    if isinstance(fields, Mapping) and fields:
        listed = schema.get("required")
        needed = listed if isinstance(listed, list) else []
        return {
            f"{name}!" if name in needed else str(name): tree(one, document, depth + 1) for name, one in fields.items()
        }
    return "object" if schema.get("type") == "object" else _LEAVES.get(str(schema.get("type")), "any")


def _is_word(value: Json) -> bool:
    return isinstance(value, str) and value != "" and "|" not in value


def _resolved(schema: Json, document: Json) -> Json:
    """The schema that a ``$ref`` into this document names; None for any other."""
    for _ in range(_DEEP):
        name = schema.get("$ref") if isinstance(schema, Mapping) else None
        if name is None:
            return schema
        if not isinstance(name, str) or not name.startswith("#/"):
            return None
        found = document
        for part in name[2:].split("/"):
            found = found.get(part) if isinstance(found, Mapping) else None
        schema = found
    return None


def _query_name(one: Mapping[str, Json], document: Json) -> str:
    schema = _resolved(one.get("schema"), document)
    is_list = isinstance(schema, Mapping) and schema.get("type") == "array"
    plain = str(one["name"]).removesuffix("[]")
    return f"{plain}[]" if is_list or str(one["name"]).endswith("[]") else plain


def _query_type(one: Mapping[str, Json], document: Json) -> Json:
    schema = _resolved(one.get("schema"), document)
    found = tree(schema, document)
    found = found[0] if isinstance(found, list) else found
    return "s" if found in ("any", "object") or isinstance(found, dict) else found


def _content(part: Json, document: Json) -> Json:
    value = _resolved(part, document)
    for name in ("content", "application/json", "schema"):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _answer(detail: Mapping[str, Json], document: Json) -> Json:
    answers = detail.get("responses")
    return _content(answers.get("200"), document) if isinstance(answers, Mapping) else None
