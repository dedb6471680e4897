"""The product's source as the architecture tests see it: modules, their imports, their functions."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path

    @cached_property
    def lines(self) -> int:
        """How many lines it has."""
        return self._text.count("\n")

    @cached_property
    def tree(self) -> ast.Module:
        """What it says; parsed when it is asked for, not by whoever only wants to know which modules there are."""
        return ast.parse(self._text)

    @cached_property
    def _text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def room(self) -> str:
        """The package below mcp_server, or the module's own name at the top; ``tools`` for a tool."""
        parts = self.name.split(".")
        return "tools" if parts[0] == "tools" else parts[1] if len(parts) > 1 else parts[0]


@cache
def modules() -> tuple[Module, ...]:
    """Every module of mcp_server and tools."""
    found = []
    for package in ("mcp_server", "tools"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found.append(Module(name, path))
    return tuple(found)


@cache
def imports(module: Module) -> tuple[tuple[str, bool], ...]:
    """Each imported module's dotted name, and whether the import stands inside a function. Type-only ones count."""
    return tuple(_imports(module))


@cache
def _names() -> frozenset[str]:
    return frozenset(module.name for module in modules())


def _imports(module: Module) -> Iterator[tuple[str, bool]]:
    inside = {
        id(node)
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in inside
            joined = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from ((name, id(node) in inside) for name in joined if name in _names())


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of the module, nested ones on their own."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
