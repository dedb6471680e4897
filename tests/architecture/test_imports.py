"""Arrows go down only; each outside thing has one room; there is no cycle."""

import sys
from collections.abc import Iterator, Mapping

import pytest

from tests.architecture.source import Module, imports, modules

#: room -> the rooms of mcp_server that it may import (besides itself)
LOWER: Mapping[str, frozenset[str]] = {
    "errors": frozenset(),
    "clock": frozenset(),
    "failpoints": frozenset(),
    "domain": frozenset({"errors"}),
    "private_files": frozenset({"errors"}),
    "catalogue": frozenset({"domain", "errors"}),
    "inventory": frozenset({"catalogue", "domain", "errors"}),
    "world": frozenset({"inventory", "catalogue", "domain", "errors"}),
    "locales": frozenset({"domain", "errors"}),
    "health": frozenset({"catalogue", "domain", "errors"}),
    "hooks": frozenset({"world", "locales", "inventory", "catalogue", "domain", "errors"}),
    "changes": frozenset({"failpoints", "world", "health", "catalogue", "domain", "errors"}),
    "meraki": frozenset({"failpoints", "catalogue", "domain", "errors"}),
    "store": frozenset({"private_files", "catalogue", "domain", "errors"}),
    "gate": frozenset({"private_files", "catalogue", "domain", "errors"}),
    "upkeep": frozenset({"private_files", "domain", "errors"}),
    "anchors": frozenset({"domain", "errors"}),
    "sandbox": frozenset({"catalogue", "errors"}),
    "toolkit": frozenset({"domain", "errors"}),
    "settings": frozenset({"anchors", "failpoints", "private_files", "meraki", "domain", "errors"}),
    "logs": frozenset({"settings", "domain", "errors"}),
    "registry": frozenset({"toolkit", "domain", "errors"}),
    "desk": frozenset(
        {
            "toolkit",
            "failpoints",
            "changes",
            "hooks",
            "health",
            "store",
            "locales",
            "world",
            "inventory",
            "catalogue",
            "domain",
            "errors",
        }
    ),
    "recording": frozenset({"failpoints", "changes", "world", "domain", "errors"}),
    "call_path": frozenset({"changes", "hooks", "recording", "registry", "toolkit", "world", "domain", "errors"}),
    "transport": frozenset({"toolkit", "domain", "errors"}),
    "tools": frozenset({"toolkit"}),
}
ON_TOP = ("assembly", "cli", "__main__", "mcp_server")

#: outside package -> the rooms that may import it
OUTSIDE: Mapping[str, frozenset[str]] = {
    "httpx2": frozenset({"meraki"}),
    "httpcore2": frozenset({"meraki"}),
    "tenacity": frozenset({"meraki"}),
    "mcp": frozenset({"transport"}),
    "mcp_types": frozenset({"transport"}),
    "sqlite3": frozenset({"store"}),
    "sqlite_utils": frozenset({"store"}),
    "click": frozenset({"cli", "__main__"}),
    "rich": frozenset({"cli"}),
    "uvicorn": frozenset({"transport", "sandbox"}),
    "starlette": frozenset({"transport"}),
    "cryptography": frozenset({"store", "gate"}),
}


def _edges(module: Module) -> Iterator[str]:
    for name, _ in imports(module):
        if name.split(".")[0] == "mcp_server" and name != "mcp_server":
            yield name.split(".")[1]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_each_module_imports_only_rooms_below_its_own(module: Module) -> None:
    """An import that goes up or sideways fails here, with the room that was reached for."""
    if module.room in ON_TOP:
        return
    assert module.room in LOWER, f"{module.room} is a new room: say in LOWER what it may import"
    reached = {room for room in _edges(module) if room != module.room}
    assert reached - LOWER[module.room] == set()


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_each_outside_package_is_imported_in_its_own_room(module: Module) -> None:
    """HTTP, the SDK, SQLite and the rest each have one room."""
    for name, _ in imports(module):
        allowed = OUTSIDE.get(name.split(".")[0])
        assert allowed is None or module.room in allowed, f"{module.name} imports {name}"


def test_only_the_bridge_imports_the_sdk() -> None:
    """One file of the product knows the MCP SDK; the demo's client is the one named exception."""
    importers = {
        module.name for module in modules() for name, _ in imports(module) if name.split(".")[0] in ("mcp", "mcp_types")
    }
    assert importers <= {"mcp_server.transport.sdk_bridge", "mcp_server.transport.demo_client"}


def test_domain_and_errors_use_the_standard_library_only() -> None:
    """The pure centre needs nothing that has to be installed."""
    for module in modules():
        if module.room in ("domain", "errors"):
            outside = {name.split(".")[0] for name, _ in imports(module)} - {"mcp_server"}
            assert outside <= sys.stdlib_module_names, module.name


def test_the_sandbox_sees_only_the_operation_data() -> None:
    """The judge shares nothing of the write path: of the catalogue only the loader of the operations."""
    for module in modules():
        if module.room == "sandbox":
            reached = {name for name, _ in imports(module) if name.startswith("mcp_server.catalogue")}
            assert reached <= {"mcp_server.catalogue", "mcp_server.catalogue.operations"}, module.name


def test_no_import_cycle() -> None:
    """The module graph has no cycle, type-only imports counted."""
    names = {module.name for module in modules()}
    graph = {
        module.name: {name for name, _ in imports(module) if name in names and name != module.name}
        for module in modules()
        if module.path.name != "__init__.py"
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name in done:
            return
        for other in sorted(graph.get(name, ())):
            visit(other, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_environment_is_read_in_settings_only() -> None:
    """No other module looks at the process's environment."""
    import ast

    for module in modules():
        if module.room in ("settings", "cli"):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                raise AssertionError(f"{module.name}:{node.lineno} reads the environment")


def test_time_and_randomness_come_from_the_assembly() -> None:
    """Outside the assembly nothing asks the operating system for the time, an id or randomness (keys excepted)."""
    import ast

    forbidden = {("datetime", "now"), ("time", "time"), ("time", "monotonic"), ("uuid", "uuid4"), ("date", "today")}
    for module in modules():
        if module.room in ("clock", "cli"):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in forbidden, f"{module.name}:{node.lineno}"
