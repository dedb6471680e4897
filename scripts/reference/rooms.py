"""docs/reference/rooms.md: the rooms of the product and what each may import, from the rules that the tests enforce."""

import ast
from pathlib import Path
from typing import Final

from scripts.reference.words import table
from tests.architecture.test_imports import LOWER, ON_TOP, OUTSIDE

_ROOT: Final = Path(__file__).resolve().parents[2]


def page() -> str:
    """The page."""
    rows = [(f"`{room}`", _said(room), _listed(lower)) for room, lower in LOWER.items()]
    top = [(f"`{room}`", _said(room), "all") for room in ON_TOP if room != "mcp_server"]
    outside = [(f"`{package}`", _listed(rooms)) for package, rooms in OUTSIDE.items()]
    return "\n\n".join(
        [
            _HEAD,
            table(["room", "what it is", "may import"], [*rows, *top]),
            "## Things outside",
            table(["package", "only in"], outside),
        ]
    )


_HEAD = """# Rooms

A room is a package or a module directly under `mcp_server`, or the tools. Imports go down only, and there is no cycle,
type-only imports included; `tests/architecture` enforces this table."""


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) or "nothing"


def _said(room: str) -> str:
    """The first sentence that the room says of itself."""
    folder = _ROOT / room if room == "tools" else _ROOT / "mcp_server" / room
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    if not text:
        raise ValueError(f"{room} says nothing of itself")
    return text.split("\n\n")[0].replace("``", "`")
