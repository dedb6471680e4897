"""Reads the source of the official package ``meraki``: method, path, parameters, and the verbs of action batches.

Nothing of it is imported or run. A call looks like this:

    def updateNetwork(self, networkId: str, **kwargs):
        networkId = urllib.parse.quote(str(networkId), safe="")
        resource = f"/networks/{networkId}"
        ...
        return self._session.put(metadata, resource, payload)
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_METHODS = {"get": "get", "get_pages": "get", "put": "put", "post": "post", "delete": "delete"}


@dataclass(frozen=True, slots=True)
class SdkCall:
    """One operation as the official package calls it."""

    id: str
    method: str  #: lower case
    path: str
    required: frozenset[str]  #: arguments without a default, path parameters left out


@dataclass(frozen=True, slots=True)
class SdkBatch:
    """How the official package puts an operation into an action batch."""

    resource: str
    verb: str


def sdk_calls(package: Path) -> dict[str, SdkCall]:
    """Every operation of the package by id; ValueError for a function that is not understood."""
    return {name: _call(name, function) for name, function in _functions(package / "api")}


def sdk_batches(package: Path) -> dict[str, SdkBatch]:
    """Every batchable operation of the package by id; ValueError for a function that is not understood."""
    return {name: _batch(name, function) for name, function in _functions(package / "api" / "batch")}


def _functions(folder: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    for source in sorted(folder.glob("*.py")):
        for _, function in methods(source):
            yield function.name, function


def methods(source: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every public method of a source file, with the name of its class."""
    classes = [part for part in ast.parse(source.read_text("utf-8")).body if isinstance(part, ast.ClassDef)]
    for owner in classes:
        for function in owner.body:
            if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                yield owner.name, function


def _call(name: str, function: ast.FunctionDef) -> SdkCall:
    path = _resource(name, function)
    asked = [node.func for node in ast.walk(function) if isinstance(node, ast.Call) and is_session(node.func)]
    made = [node.attr for node in asked if isinstance(node, ast.Attribute)]
    if len(made) != 1 or made[0] not in _METHODS:
        raise ValueError(f"meraki: {name} makes the calls {made}")
    positional = [argument.arg for argument in function.args.args if argument.arg != "self"]
    bare = positional[: len(positional) - len(function.args.defaults)]
    return SdkCall(
        name, _METHODS[made[0]], path, frozenset(argument for argument in bare if f"{{{argument}}}" not in path)
    )


def _batch(name: str, function: ast.FunctionDef) -> SdkBatch:
    verbs = [
        ast.literal_eval(value)
        for node in ast.walk(function)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "operation"
    ]
    if len(verbs) != 1:
        raise ValueError(f"meraki: batch {name} has the verbs {verbs}")
    return SdkBatch(_resource(name, function), verbs[0])


def is_session(node: ast.expr) -> bool:
    """Whether an expression is ``self._session.get`` or the like."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "_session"


def _resource(name: str, function: ast.FunctionDef) -> str:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "resource":
            return template(node.value)
    raise ValueError(f"meraki: {name} has no path")


def template(node: ast.expr) -> str:
    """The text of a string or f-string, with ``{name}`` for each variable; ValueError for anything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) for part in node.values)
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name):
        return f"{{{node.value.id}}}"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError(f"not a path: {ast.unparse(node)}")
