"""Reads the package ``meraki_client``: types of arguments and answers. It is imported, because types are objects.

A call looks like this; the function says which argument goes where, its annotations say the types:

    def update_network(self, network_id: str, *, name: str | None = None, ...) -> NetworkResponse:
        path = f"/networks/{network_id}"
        payload: dict[str, Any] = {}
        if name is not None:
            payload["name"] = name
        return self._session.put(scope=..., operation_id="updateNetwork", path=path, json=payload, ...)
"""

import ast
import importlib
import inspect
import json
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mcp_server.catalogue.builder.sdk import is_session, methods
from mcp_server.catalogue.builder.trees import is_untyped, tree_of, tree_of_example, whole_numbers
from mcp_server.domain.call import Json

_EXAMPLE = re.compile(r"Example API response:\s*```json\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One operation as the typed package calls it; trees by API name."""

    id: str
    query: Mapping[str, Json] = field(
        default_factory=dict
    )  #: in order; ``name[]`` for a list, its tree is the element's
    body: Mapping[str, Json] = field(default_factory=dict)  #: in order
    required: frozenset[str] = frozenset()  #: names in query or body
    whole_numbers: Mapping[str, Json] = field(default_factory=dict)  #: values of enums of whole numbers, by name
    response: Json = None
    wrapped_in: str = ""  #: the field that holds the list in the real answer; "" when it is the answer


def client_calls(package: Path) -> dict[str, ClientCall]:
    """Every operation of the installed package by id; ValueError for a function that is not understood."""
    names = _type_names()
    found = {}
    for source in sorted((package / "_api").glob("[!_]*.py")):
        module = importlib.import_module(f"meraki_client._api.{source.stem}")
        for owner, function in methods(source):
            call = _session_call(function)
            if call is not None:
                made = _read(function, call, getattr(getattr(module, owner), function.name), {**names, **vars(module)})
                found[made.id] = made
    return found


def _type_names() -> dict[str, object]:
    schemas = importlib.import_module("meraki_client.schemas")
    enums = importlib.import_module("meraki_client.types")
    pages = importlib.import_module("meraki_client._session").PaginatedResponse
    return {"Any": typing.Any, "datetime": datetime, "PaginatedResponse": pages, **vars(enums), **vars(schemas)}


def _session_call(function: ast.FunctionDef) -> ast.Call | None:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and is_session(node.func):
            return node
    return None


def _read(function: ast.FunctionDef, call: ast.Call, method: object, names: dict[str, object]) -> ClientCall:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    operation_id = ast.literal_eval(keywords["operation_id"])
    hints = typing.get_type_hints(method, names)
    signature = inspect.signature(typing.cast("typing.Callable[..., object]", method)).parameters
    placed = _placed(function, set(signature))
    needed = {name for name, parameter in signature.items() if parameter.default is inspect.Parameter.empty}
    query = {key: tree_of(hints[argument]) for key, argument in placed.get("params", {}).items()}
    body = {key: tree_of(hints[argument]) for key, argument in placed.get("payload", {}).items()}
    required = frozenset(key for place in placed.values() for key, argument in place.items() if argument in needed)
    response, wrapped_in = _response(hints.get("return"), ast.get_docstring(function) or "")
    numbers = {key: whole_numbers(hints[argument]) for place in placed.values() for key, argument in place.items()}
    return ClientCall(
        operation_id,
        query=dict(_query_trees(query)),
        body=body,
        required=required,
        whole_numbers={name: values for name, values in numbers.items() if values},
        response=response,
        wrapped_in=wrapped_in,
    )


def _placed(function: ast.FunctionDef, arguments: set[str]) -> dict[str, dict[str, str]]:
    """For ``params`` and ``payload``: the API name of each entry and the argument that fills it."""
    placed: dict[str, dict[str, str]] = {}
    for node in ast.walk(function):
        for holder, key, value in _entries(node):
            used = [part.id for part in ast.walk(value) if isinstance(part, ast.Name) and part.id in arguments]
            if not used:
                raise ValueError(f"meraki_client: {function.name} fills {key} with {ast.unparse(value)}")
            placed.setdefault(holder, {})[key] = used[0]
    return placed


def _entries(node: ast.AST) -> Iterator[tuple[str, str, ast.expr]]:
    """Holder, key and value of ``payload["name"] = name`` and of ``payload: dict = {"name": name}``."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        target = node.targets[0]
        if isinstance(target.value, ast.Name) and isinstance(target.slice, ast.Constant):
            yield target.value.id, target.slice.value, node.value  # type: ignore[misc]  # keys are strings
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Dict):
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            yield node.target.id, ast.literal_eval(typing.cast("ast.expr", key)), value


def _query_trees(query: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """A list parameter is named ``name[]`` and has the tree of its element."""
    for name, tree in query.items():
        plain = name.removesuffix("[]")
        yield (f"{plain}[]", tree[0]) if isinstance(tree, list) else (name, tree)


def _response(annotation: object, text: str) -> tuple[Json, str]:
    """The tree of the answer, and the field that holds the list when it is wrapped."""
    if annotation in (None, type(None)):
        return None, ""
    form = _EXAMPLE.search(text)
    example = json.loads(form.group(1)) if form else None
    is_paged = getattr(typing.get_origin(annotation), "__name__", "") == "PaginatedResponse"
    tree = [tree_of(typing.get_args(annotation)[0])] if is_paged else tree_of(annotation)
    if is_untyped(tree) and example:
        tree = tree_of_example(example)
    return tree, _wrapper(example) if is_paged else ""


def _wrapper(example: Json) -> str:
    """The field that holds the list in the documented example of an answer.

    The package unwraps ``{"items": [...], "meta": {...}}`` and says only the element's type.
    """
    if not isinstance(example, dict):
        return ""
    return next((name for name in ("items", "events", "records") if isinstance(example.get(name), list)), "")
