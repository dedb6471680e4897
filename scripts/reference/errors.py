"""docs/reference/errors.md: the error tree, and every code with which a call can be refused."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mcp_server import errors
from scripts.reference.words import said, table

_ROOT: Final = Path(__file__).resolve().parents[2]
_CALLER: Final = {
    name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.CallerError)
}


def page() -> str:
    """The page."""
    tree = (inspect.getdoc(errors) or "").split("\n\n")[1]
    classes = table(["class", "`error.code`", "what it is", "fixed sentence"], [_row(one) for one in classes_of()])
    codes = table(["`error.code`", "what is said", "remedy"], sorted(codes_of()))
    return "\n\n".join([_HEAD, f"```text\n{tree}\n```", "## Classes", classes, _CODES, codes])


_HEAD = """# Errors

Each error belongs to whoever can act on it. The message and remedy of a `CallerError` and one fixed sentence for each
other class reach the model; everything else is logged under the call's id."""

_CODES = """## Codes of refusals

What a tool error's `error.code` can be, with the words that go with it; … stands for names and numbers. Every one was
refused before anything was sent, unless its message says otherwise."""


def classes_of() -> list[type[errors.MerakiMcpError]]:
    """Every class of the tree, in the order of the file."""
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.MerakiMcpError)]


def _row(one: type[errors.MerakiMcpError]) -> tuple[str, ...]:
    is_told = not issubclass(one, errors.CallerError) and one.sentence != errors.MerakiMcpError.sentence
    is_abstract = "abstract" in said(one).lower()
    return (f"`{one.__name__}`", "" if is_abstract else f"`{one.code}`", said(one), one.sentence if is_told else "")


def codes_of() -> set[tuple[str, str, str]]:
    """Code, message and remedy of every refusal in the source."""
    files = [*sorted((_ROOT / "mcp_server").rglob("*.py")), *sorted((_ROOT / "tools").glob("*.py"))]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    raised = {row for node in nodes if isinstance(node, ast.Call) for row in _refusal(node)}
    return raised | {row for node in nodes if isinstance(node, ast.Dict) for row in _written_out(node)}


def _written_out(node: ast.Dict) -> Iterator[tuple[str, str, str]]:
    """An error that stands in the source as a dictionary."""
    given = {
        key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
    }
    if {"code", "message"} <= given.keys():
        remedy = _text(given["remedy"]) if "remedy" in given else ""
        yield from ((f"`{code}`", _text(given["message"]), remedy) for code in _constants(given["code"]))


def _refusal(call: ast.Call) -> Iterator[tuple[str, str, str]]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name == "Refuse" and len(call.args) >= 3:  # a hook's: code, reason, remedy
        yield from ((f"`{code}`", _text(call.args[1]), _text(call.args[2])) for code in _constants(call.args[0]))
        return
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name not in _CALLER or "code" not in given or not call.args:
        return
    remedy = _text(call.args[1]) if len(call.args) > 1 else ""
    for code in _constants(given["code"]):
        yield f"`{code}`", _text(call.args[0]), remedy


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and node.value:
        yield str(node.value)
    if isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def _text(node: ast.expr) -> str:
    return re.sub("…+", "…", _joined(node))


def _joined(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_joined, node.values))
    if isinstance(node, ast.BinOp):
        return _joined(node.left) + _joined(node.right)
    return "…"
