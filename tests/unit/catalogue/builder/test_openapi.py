"""An organization's OpenAPI document beside the catalogue."""

from typing import Any

import pytest

from mcp_server.catalogue.builder.openapi import compare
from mcp_server.catalogue.operations import Catalogue

ROWS: list[dict[str, Any]] = [
    {"id": "getThing", "m": "get", "p": "/things/{id}", "q": ["perPage", "serials[]"], "r": {"name": "s"}},
    {"id": "updateThing", "m": "put", "p": "/things/{id}", "b": {"name!": "s", "tags": ["s"]}},
    {"id": "freeThing", "m": "post", "p": "/things/free", "b": "object"},
]


def document(**changes: Any) -> dict[str, Any]:
    """The rows as a document, with whole paths replaced."""

    def body(*names: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": {"properties": {name: {} for name in names}}}}}

    query = [{"in": "query", "name": "perPage"}, {"in": "query", "name": "serials[]"}]
    paths = {
        "/things/{id}": {
            "parameters": [{"in": "path", "name": "id"}],
            "get": {"operationId": "getThing", "parameters": query},
            "put": {"operationId": "updateThing", "requestBody": body("name", "tags")},
        },
        "/things/free": {"post": {"operationId": "freeThing", "requestBody": body("anything")}},
    }
    return {"openapi": "3.0.1", "info": {"version": "1.80.0"}, "paths": {**paths, **changes}}


def test_a_document_that_says_the_same_has_no_difference() -> None:
    """Path parameters, free bodies and the order do not count."""
    found = compare(Catalogue(ROWS, "1.75.1"), document())
    assert (found.added, found.removed, found.changed) == ({}, (), {})
    assert (found.shipped, found.document) == ("1.75.1", "1.80.0")


def test_new_gone_and_changed_operations_are_named() -> None:
    """Each difference in words."""
    moved = {
        "put": {
            "operationId": "updateThing",
            "parameters": [{"in": "query", "name": "force"}],
            "requestBody": {"content": {"application/json": {"schema": {"properties": {"name": {}, "colour": {}}}}}},
        }
    }
    other = {"/things/{id}": {}, "/items/{id}": moved, "/news": {"get": {"operationId": "getNews"}}}
    found = compare(Catalogue(ROWS), document(**other))
    assert found.added == {"getNews": "GET /news"}
    assert found.removed == ("getThing",)
    assert found.changed == {
        "updateThing": (
            "now PUT /items/{id}, was PUT /things/{id}",
            "new query parameter force",
            "new body field colour",
            "body field tags is gone",
        )
    }


@pytest.mark.parametrize("odd", [None, [], "x", {}, {"paths": []}, {"paths": {}}, {"paths": {"/x": {"get": []}}}])
def test_what_is_no_document_is_refused(odd: Any) -> None:
    """It is never taken for an API without operations."""
    with pytest.raises(ValueError, match="it "):
        compare(Catalogue(ROWS), odd)


def test_misshapen_parts_are_left_out() -> None:
    """A document from outside breaks nothing."""
    odd = {
        "/x": None,
        "/y": {"get": {"operationId": 7}, "parameters": "no"},
        "/z": {"put": {"operationId": "z", "requestBody": []}},
    }
    found = compare(Catalogue(ROWS), document(**odd))
    assert found.added == {"z": "PUT /z"}
