"""An organization's document as rows, and the catalogue that knows it beside the shipped one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.refreshed.document import rows_of, tree
from mcp_server.catalogue.refreshed.own import STALE, MergedCatalogue, OwnApi, own_api
from mcp_server.domain.call import Touch
from mcp_server.domain.operation import Kind

AT = datetime(2026, 11, 21, tzinfo=UTC)
ROWS: list[dict[str, Any]] = [
    {"id": "getThing", "m": "get", "p": "/things/{id}", "r": {"name": "s"}},
    {"id": "updateThing", "m": "put", "p": "/things/{id}", "b": {"name!": "s", "tags": ["s"]}, "batch": "update"},
    {"id": "rebootThing", "m": "post", "p": "/things/{id}/reboot"},
]


def body(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    """A request body of these fields."""
    schema = {"type": "object", "properties": properties, "required": required or []}
    return {"content": {"application/json": {"schema": schema}}}


def document() -> dict[str, Any]:
    """One operation gone, one changed, one new and early."""
    changed = {
        "operationId": "updateThing",
        "requestBody": body({"name": {"type": "string"}, "size": {"type": "integer"}}),
    }
    new = {
        "operationId": "createThing", "x-release-stage": "beta",
        "parameters": [{"in": "query", "name": "kinds[]", "required": True,
                        "schema": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}}],
        "requestBody": body({"name": {"type": "string"}}, ["name"]),
    }  # fmt: skip
    return {
        "openapi": "3.0.1", "info": {"version": "1.80.0"},
        "paths": {"/things/{id}": {"get": {"operationId": "getThing"}, "put": changed}, "/things": {"post": new}},
    }  # fmt: skip


def merged() -> tuple[MergedCatalogue, OwnApi]:
    """The shipped rows and the document of organization 7."""
    shipped = Catalogue(ROWS, "1.75.1")
    own, _ = own_api(shipped, "7", document(), AT)
    return MergedCatalogue(shipped, [own]), own


def test_the_exact_catalogue_of_the_organization_is_its_document() -> None:
    """What a document does not say stays as shipped: the batch verb."""
    exact = merged()[0].of("7")
    assert exact.get("rebootThing") is None
    changed = exact.find("updateThing")
    assert changed.body is not None
    assert (sorted(changed.body.fields), changed.body.fields["size"].kind) == (["name", "size"], Kind.INTEGER)
    assert changed.batch is not None
    assert (exact.find("createThing").stage, exact.version) == ("beta", "1.80.0")


def test_other_organizations_keep_the_shipped_one() -> None:
    """Nothing new, nothing gone."""
    both, _ = merged()
    assert both.of("8").get("createThing") is None
    assert both.faults_in("8", Touch("updateThing", {"id": "1"}, {"name": "x", "size": 3}, is_write=True))
    assert both.faults_in("8", Touch("createThing", {}, {"name": "x"}, is_write=True))
    assert both.faults_in("8", Touch("rebootThing", {"id": "1"}, None, is_write=True)) == ()


def test_calls_of_the_organization_are_held_to_its_document() -> None:
    """Its new field passes, a field that is gone and an operation that is gone do not."""
    both, _ = merged()
    assert both.faults_in("7", Touch("updateThing", {"id": "1"}, {"size": 3}, is_write=True)) == ()
    assert both.faults_in("7", Touch("updateThing", {"id": "1"}, {"tags": ["x"]}, is_write=True))
    assert "not in the API" in both.faults_in("7", Touch("rebootThing", {"id": "1"}, None, is_write=True))[0]
    assert both.organizations_with("createThing") == ("7",)


def test_the_merged_row_lets_through_what_either_does() -> None:
    """A field is required only where both require it."""
    found = merged()[0].find("updateThing").body
    assert found is not None
    assert (sorted(found.fields), found.required) == (["name", "size", "tags"], frozenset())


def test_what_is_kept_comes_back_as_it_was() -> None:
    """Through JSON; anything else is no kept API."""
    own = merged()[1]
    assert OwnApi.from_json(own.to_json()) == own
    with pytest.raises(ValueError, match="no kept API"):
        OwnApi.from_json({"organization_id": "7"})


def test_a_document_gets_stale() -> None:
    """After a month."""
    own = merged()[1]
    assert not own.is_stale(AT + STALE)
    assert own.is_stale(AT + STALE + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "enum": ["a", "b"]}, "a|b"),
        ({"type": "string", "enum": ["a|b", "c"]}, "s"),
        ({"type": "array", "items": {"type": "number"}}, ["n"]),
        ({"type": "object"}, "object"),
        ({"oneOf": [{"type": "string"}]}, "any"),
        ({"$ref": "#/components/x"}, "b"),
        ({"$ref": "https://example.com/x"}, "any"),
        ({"$ref": "#/components/loop"}, "any"),
        (None, "any"),
    ],
)
def test_each_form_of_a_schema_has_its_leaf(schema: Any, expected: Any) -> None:
    """References lead inside the document only; what is not understood is ``any``."""
    inside = {"components": {"x": {"type": "boolean"}, "loop": {"$ref": "#/components/loop"}}}
    assert tree(schema, inside) == expected


def test_a_document_without_operations_is_refused() -> None:
    """Nothing to compare with."""
    with pytest.raises(ValueError, match="no operations"):
        rows_of({"paths": {"/x": {}}})
