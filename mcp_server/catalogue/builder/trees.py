"""From a Python type to a tree of the catalogue (the language is described in catalogue/operations.py)."""

import re
import types
import typing
from datetime import date, datetime

from pydantic import BaseModel, RootModel

from mcp_server.domain.call import Json

_LEAVES: dict[object, str] = {str: "s", int: "i", float: "n", bool: "b", datetime: "s", date: "s", typing.Any: "any"}
_FIELD = re.compile(r"[a-z][A-Za-z0-9]*")
_RESERVED = frozenset({"s", "i", "n", "b", "any", "object"})


def tree_of(annotation: object, inside: tuple[type, ...] = ()) -> Json:
    """The tree of a type; None in a union is left out. ValueError for a type that the language cannot say."""
    if annotation in _LEAVES:
        return _LEAVES[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return enum_of(arguments)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, inside)
    if origin is list:
        return [tree_of(arguments[0], inside)]
    if origin is dict:
        return "object"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "object" if annotation in inside else _model(annotation, (*inside, annotation))
    raise ValueError(f"no tree for {annotation!r}")


def enum_of(values: tuple[object, ...]) -> str:
    """The leaf of an enum; whole numbers stay ``i``, because the API takes them as numbers, not as text."""
    if all(isinstance(value, int) for value in values):
        return "i"
    words = sorted(str(value) for value in values)
    if any("|" in word for word in words) or (len(words) == 1 and words[0] in _RESERVED):
        raise ValueError(f"an enum that cannot be written: {words}")
    return "|".join(words)


def whole_numbers(annotation: object) -> list[int]:
    """The values of an enum of whole numbers, None in a union left out; [] for any other type."""
    for part in (annotation, *typing.get_args(annotation)):
        values = typing.get_args(part) if typing.get_origin(part) is typing.Literal else ()
        if values and all(isinstance(value, int) for value in values):
            return sorted(values)
    return []


def tree_of_example(example: Json) -> Json:
    """The tree of an example answer, for the answers that have no type; a map by ids is a free map."""
    if isinstance(example, dict):
        is_map = not example or any(not _FIELD.fullmatch(name) for name in example)
        return "object" if is_map else {name: tree_of_example(value) for name, value in example.items()}
    if isinstance(example, list):
        return [tree_of_example(example[0])] if example else ["any"]
    return "any" if example is None else _LEAVES[type(example)]


def is_untyped(tree: Json) -> bool:
    """Whether a tree says nothing about the names in an answer."""
    return is_untyped(tree[0]) if isinstance(tree, list) else tree in ("object", "any")


def _union(arguments: tuple[object, ...], inside: tuple[type, ...]) -> Json:
    trees = [tree_of(argument, inside) for argument in arguments if argument is not type(None)]
    if all(tree == trees[0] for tree in trees):
        return trees[0]
    return "any"


def _model(model: type[BaseModel], inside: tuple[type, ...]) -> Json:
    model.model_rebuild()  # resolves names that stood further down in their module
    if issubclass(model, RootModel):
        return tree_of(model.model_fields["root"].annotation, inside)
    tree = {}
    for name, field in model.model_fields.items():
        alias = field.serialization_alias or field.alias or name
        tree[f"{alias}!" if field.is_required() else alias] = tree_of(field.annotation, inside)
    return tree or "object"
