"""Types and examples become trees."""

from datetime import datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, RootModel

from mcp_server.catalogue.builder.trees import enum_of, is_untyped, tree_of, tree_of_example, whole_numbers


class Inner(BaseModel):
    """An element with an alias and a required field."""

    ssid_number: int = Field(validation_alias="ssidNumber", serialization_alias="ssidNumber")
    mode: Literal["b", "a"] | None = None


class Outer(BaseModel):
    """Everything that the packages use."""

    name: str
    items: list[Inner] | None = None
    own: "Outer | None" = None
    extra: dict[str, Any] | None = None


class Several(RootModel[list[Inner]]):
    """A list as a whole answer."""


def test_a_model_becomes_a_tree() -> None:
    """Aliases, required marks, sorted enums; a model inside itself is a free map."""
    inner = {"ssidNumber!": "i", "mode": "a|b"}
    assert tree_of(Outer) == {"name!": "s", "items": [inner], "own": "object", "extra": "object"}
    assert tree_of(Several) == [inner]


@pytest.mark.parametrize(
    ("annotation", "tree"),
    [
        (str, "s"), (int | None, "i"), (float, "n"), (bool, "b"), (datetime | None, "s"), (list[list[str]], [["s"]]),
        (dict[str, int], "object"), (int | str, "any"), (Literal["one"], "one"), (Literal[2, 1], "i"), (Any, "any"),
    ],
)  # fmt: skip
def test_a_plain_type_becomes_a_leaf(annotation: object, tree: object) -> None:
    """None in a union does not count."""
    assert tree_of(annotation) == tree


def test_a_type_that_has_no_tree_is_an_error() -> None:
    """Never guessed."""
    with pytest.raises(ValueError, match="no tree"):
        tree_of(bytes)


def test_an_enum_that_reads_as_something_else_is_an_error() -> None:
    """One that holds a bar, or is named like a leaf."""
    for values in (("a|b",), ("s",)):
        with pytest.raises(ValueError, match="cannot be written"):
            enum_of(values)


def test_whole_numbers_of_an_enum_are_found() -> None:
    """Through an optional, and only there."""
    assert whole_numbers(Literal[60, 30] | None) == [30, 60]
    assert whole_numbers(Literal["30"]) == []
    assert whole_numbers(int) == []


def test_an_example_becomes_a_tree_and_a_map_by_ids_stays_free() -> None:
    """An id of the example is no field name."""
    example = {"id": "1", "n": 1, "seen": [{"on": True}], "byNetwork": {"N_1": ["a"]}, "none": None, "empty": []}
    assert tree_of_example(example) == {
        "id": "s", "n": "i", "seen": [{"on": "b"}], "byNetwork": "object", "none": "any", "empty": ["any"],
    }  # fmt: skip
    assert is_untyped([["object"]])
    assert not is_untyped([{"id": "s"}])
