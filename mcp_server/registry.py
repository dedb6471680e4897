"""The tools of this server: found by name in a fixed order, listed by role, closed on error.

The package ``tools`` is loaded by its place in this distribution, next to ``mcp_server``, never from the working
directory: a folder of that name where the server happens to be started is never imported.
"""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Json
from mcp_server.domain.redaction import clean
from mcp_server.errors import InvalidArguments, UnknownTool
from mcp_server.toolkit import Tool

#: Order of tools/list; fixed, a test pins it.
ORDER: Final = (
    "meraki_search",
    "meraki_read",
    "meraki_plan",
    "meraki_apply",
    "rollback",
    "health_check",
    "request_audit",
    "history",
)
_HOME: Final = Path(__file__).resolve().parent.parent / "tools"


class Registry:
    """The declared tools. Needs no key and no network."""

    def __init__(self, tools: Mapping[str, Tool], lookups: Mapping[str, Tool] | None = None) -> None:
        """``tools`` in the order in which they are listed; ``lookups`` by MCP method, never listed as tools."""
        self._tools = dict(tools)
        self._lookups = dict(lookups or {})
        self._checks: dict[str, Any] = {}

    @classmethod
    def load(cls, lookups: Mapping[str, Tool] | None = None) -> "Registry":
        """The registry of the shipped tools; ImportError when one of them is missing."""
        return cls({name: _load(name) for name in ORDER}, lookups)

    def listed(self, actor: Actor) -> tuple[Tool, ...]:
        """The tools that this actor may see and call."""
        return tuple(tool for tool in self._tools.values() if _may_call(tool, actor))

    def find(self, name: str, actor: Actor, *, is_lookup: bool = False) -> Tool:
        """The tool of that name; UnknownTool when it is not listed for the actor."""
        if is_lookup and name in self._lookups:
            return self._lookups[name]
        tool = self._tools.get(name)
        if tool is not None and _may_call(tool, actor):
            return tool
        names = ", ".join(tool.name for tool in self.listed(actor))
        raise UnknownTool(f"No tool {clean(name, 64)!r}.", f"Tools: {names}.")

    def check(self, tool: Tool, arguments: Mapping[str, Json]) -> None:
        """Nothing when the arguments fit the tool's schema; InvalidArguments names every fault."""
        faults = [_told(fault, tool) for fault in self._check_of(tool).iter_errors(dict(arguments))]
        if tool.name in self._tools:  # a completion asks what goes on from nothing
            faults += [f"{name}: empty; leave it out." for name, value in arguments.items() if value == ""]
        if faults:
            known = ", ".join(tool.parameters["properties"])
            raise InvalidArguments(
                f"{tool.name}: " + " ".join(faults[:10]), f"Arguments: {known}.", details={"faults": faults}
            )

    def _check_of(self, tool: Tool) -> Any:
        """The tool's validator, made when it is first needed."""
        if tool.name not in self._checks:
            from jsonschema import Draft202012Validator  # noqa: PLC0415 - tools/list does not need it

            self._checks[tool.name] = Draft202012Validator(dict(tool.parameters))
        return self._checks[tool.name]


def _may_call(tool: Tool, actor: Actor) -> bool:
    """Whether the tool is for everybody, or for one of the actor's roles."""
    return not tool.roles or bool(tool.roles & actor.roles)


def _told(fault: object, tool: Tool) -> str:
    """One fault in words: the field and what is allowed; what was given is not repeated."""
    path = ".".join(str(part) for part in getattr(fault, "absolute_path", ())) or "arguments"
    validator, allowed = getattr(fault, "validator", ""), getattr(fault, "validator_value", "")
    if validator == "additionalProperties":
        given = getattr(fault, "instance", {})
        schema = getattr(fault, "schema", {})
        unknown = sorted(set(given) - set(schema.get("properties", {}))) if isinstance(given, dict) else []
        names = ", ".join(clean(str(name), 64) for name in unknown[:5])
        return f"Unknown argument {names} in {tool.name if path == 'arguments' else path}."
    if validator == "required":
        given = getattr(fault, "instance", {})
        missing = [name for name in allowed if name not in given] if isinstance(given, dict) else list(allowed)
        return f"{path}: missing {', '.join(missing)}."
    if validator == "enum":
        return f"{path}: one of {', '.join(str(value) for value in allowed)}."
    if validator == "type":
        return f"{path}: must be {allowed}."
    return f"{path}: {validator} {clean(str(allowed), 80)}."


def _load(name: str) -> Tool:
    module = _module(f"tools.{name}", _HOME / f"{name}.py")
    tool = getattr(module, "TOOL", None)
    if isinstance(tool, Tool):
        return tool
    raise ImportError(f"{module.__name__} declares no TOOL")


def _module(name: str, path: Path) -> ModuleType:
    """The module at that path, whatever else is called so on the import path."""
    loaded = sys.modules.get(name)
    if loaded is not None and Path(loaded.__file__ or "").resolve() == path:
        return loaded
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no tool at {path.name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
