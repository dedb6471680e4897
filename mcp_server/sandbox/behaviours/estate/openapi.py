"""The organization's own OpenAPI document, made from the operations that this cloud answers.

What is set at ``/organizations/{id}/openapiSpec`` of the hidden state changes it: ``remove`` is a list of operation
ids, ``paths`` holds path items that are laid over the document's own.
"""

import gzip
import json
from functools import cache
from typing import TYPE_CHECKING

from mcp_server.catalogue.operations import SHIPPED, SOURCES
from mcp_server.sandbox.behaviour import Call, Json, behaviour

if TYPE_CHECKING:
    from mcp_server.sandbox.world import World

_TYPES = {"s": "string", "i": "integer", "n": "number", "b": "boolean", "object": "object"}


@behaviour("getOrganizationOpenapiSpec")
def openapi_document(world: "World", call: Call) -> Json:
    """Version 3 when asked for, else version 2, as the cloud does by default (facts: section 2, point 7)."""
    wanted = world.hidden.get(call.path, {})
    paths: dict[str, Json] = {}
    for row in _rows():
        if row["id"] not in wanted.get("remove", ()):
            paths.setdefault(row["p"], {})[row["m"]] = _described(row)
    for path, item in wanted.get("paths", {}).items():
        paths[path] = {**paths.get(path, {}), **item}
    heading = {"openapi": "3.0.1"} if str(call.query.get("version")) == "3" else {"swagger": "2.0"}
    about = {"title": "Meraki Dashboard API", "version": wanted.get("version") or _version()}
    return {**heading, "info": about, "paths": paths}


@cache
def _rows() -> list[Json]:
    rows: list[Json] = json.loads(gzip.decompress(SHIPPED.read_bytes()))
    return rows


@cache
def _version() -> str:
    return str(json.loads(SHIPPED.with_name(SOURCES).read_bytes())["api_version"])


def _described(row: Json) -> Json:
    asked = []
    for name in row.get("q", ()):
        plain = name.removesuffix("[]")
        schema = _schema(row.get("qt", {}).get(plain, "s"))
        schema = {"type": "array", "items": schema} if name != plain else schema
        asked.append({"name": plain, "in": "query", "required": plain in row.get("rq", ()), "schema": schema})
    described: dict[str, Json] = {"operationId": row["id"], "parameters": asked}
    if "b" in row:
        described["requestBody"] = {"content": {"application/json": {"schema": _schema(row["b"])}}}
    if row.get("r") is not None:
        content = {"application/json": {"schema": _schema({row["w"]: row["r"]} if "w" in row else row["r"])}}
        described["responses"] = {"200": {"description": "Successful operation", "content": content}}
    return described


def _schema(tree: Json) -> Json:
    """A tree of the catalogue's file as a JSON schema."""
    if isinstance(tree, list):
        return {"type": "array", "items": _schema(tree[0]) if tree else {}}
    if isinstance(tree, dict):
        fields = {name.removesuffix("!"): _schema(node) for name, node in tree.items()}
        needed = [name[:-1] for name in tree if name.endswith("!")]
        return {"type": "object", "properties": fields, **({"required": needed} if needed else {})}
    if tree in _TYPES:
        return {"type": _TYPES[tree]}
    return {} if tree == "any" else {"type": "string", "enum": tree.split("|")}
