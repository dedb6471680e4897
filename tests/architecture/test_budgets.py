"""Sizes: files, functions, nesting, parameters, folders, README."""

import ast
import statistics
from collections import Counter

import pytest

from tests.architecture.source import ROOT, Module, functions, modules

#: Generated files, exempt from every budget.
GENERATED: frozenset[str] = frozenset()
_DEEPER = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from def to the end without the docstring."""
    first = function.body[0]
    said = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if said else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def _nesting(node: ast.AST, depth: int = 0) -> int:
    """The deepest if/for/while/with/try/match; elif adds nothing."""
    deepest = depth
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deeper = depth + 1 if isinstance(child, _DEEPER) and not is_elif else depth
        deepest = max(deepest, _nesting(child, deeper))
    return deepest


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_each_module_keeps_the_hard_budgets(module: Module) -> None:
    """500 lines a file, 60 a function, nesting 3, 5 positional parameters, everything annotated."""
    if str(module.path.relative_to(ROOT)) in GENERATED:
        return
    assert module.lines <= 500
    for function in functions(module):
        where = f"{module.name}:{function.lineno} {function.name}"
        assert _length(function) <= 60, where
        assert _nesting(function) <= 3, where
        positional = [*function.args.posonlyargs, *function.args.args]
        assert len([one for one in positional if one.arg not in ("self", "cls")]) <= 5, where


def test_typical_sizes_stay_small() -> None:
    """File median at most 200 lines, function p90 at most 25."""
    files = [module.lines for module in modules() if module.lines]
    lengths = sorted(_length(function) for module in modules() for function in functions(module))
    assert statistics.median(files) <= 200
    assert lengths[int(len(lengths) * 0.9)] <= 25


def test_no_folder_has_more_than_twelve_modules() -> None:
    """A folder that grows past twelve modules becomes two rooms."""
    folders = Counter(module.path.parent for module in modules() if module.path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): count for folder, count in folders.items() if count > 12} == {}


def test_the_call_path_and_the_tools_stay_readable() -> None:
    """call_path.py in 80 lines, a tool in 120."""
    for module in modules():
        if module.name == "mcp_server.call_path":
            assert module.lines <= 80
        if module.room == "tools":
            assert module.lines <= 120, module.name


def test_the_readme_is_short() -> None:
    """At most 700 words."""
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 700


def test_no_banned_word_names_a_module_class_or_function() -> None:
    """The vocabulary's banned words name nothing (call_path.handle excepted)."""
    banned = {"manager", "helper", "helpers", "util", "utils", "common", "misc", "info", "process", "handle"}
    protocol = {"process_handoffs"}  # the specialist protocol's own name of its step
    for module in modules():
        if module.name.split(".")[-1] in protocol:
            continue
        assert not banned & set(module.name.split(".")[-1].split("_")), module.name
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                words = set(node.name.lower().split("_"))
                allowed = module.name == "mcp_server.call_path" and node.name == "handle"
                assert allowed or not banned & words, f"{module.name}.{node.name}"
