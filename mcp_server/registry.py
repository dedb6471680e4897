"""The tools of this server: found by name in a fixed order, listed by role, closed on error.

The package ``tools`` is loaded by its place in this distribution, next to ``mcp_server``, never from the working
directory: a folder of that name where the server happens to be started is never imported.
"""

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Json
from mcp_server.domain.given import DEEPEST, found, is_deep, is_text
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
_MOST_SAID, _MOST_LISTED = 10, 40  #: faults of one call in its message, and in its details
_NAME_CHARS: Final = 40
#: Keyword of a schema -> what is allowed; the first of these look at how much there is of a value.
_COUNTED: Final = {
    "maxLength": "at most {} characters",
    "minItems": "at least {} element",
    "maxItems": "at most {} elements",
}
_VALUED: Final = {
    "anyOf": "must be {}",
    "enum": "one of {}",
    "maximum": "at most {}",
    "minimum": "at least {}",
    "type": "must be {}",
}
_HOME: Final = Path(__file__).resolve().parent.parent / "tools"


@dataclass(frozen=True, slots=True)
class _Schema:
    """A tool's schema, ready to be checked: a closed object (``toolkit.closed``) of properties."""

    whole: Any  #: its validator, which names every fault; prepares each property anew, so a good call is not put to it
    each: Mapping[str, Any]  #: property -> its validator
    required: frozenset[str]

    def fits(self, arguments: Mapping[str, Json]) -> bool:
        """Whether ``whole`` finds no fault."""
        if not self.required <= arguments.keys():
            return False
        return all(name in self.each and self.each[name].is_valid(value) for name, value in arguments.items())


class Registry:
    """The declared tools. Needs no key and no network."""

    def __init__(self, tools: Mapping[str, Tool], lookups: Mapping[str, Tool] | None = None) -> None:
        """``tools`` in the order in which they are listed; ``lookups`` by MCP method, never listed as tools."""
        self._tools = dict(tools)
        self._lookups = dict(lookups or {})
        self._schemas: dict[str, _Schema] = {}

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
        schema = self._schema_of(tool)
        faults = [] if schema.fits(arguments) else [_told(fault) for fault in schema.whole.iter_errors(dict(arguments))]
        if tool.name in self._tools:  # a completion asks what goes on from nothing
            needed = tool.parameters.get("required", ())
            empty = [name for name, value in arguments.items() if value == "" and name in tool.parameters["properties"]]
            faults += [f"{name}: empty; {'give one' if name in needed else 'leave it out'}." for name in empty]
        unusable = ((name, _unusable(value)) for name, value in arguments.items())
        faults += [f"{clean(name, _NAME_CHARS)}: {wrong}." for name, wrong in unusable if wrong]
        if faults:
            known = ", ".join(tool.parameters["properties"])
            raise InvalidArguments(
                f"{tool.name}: " + " ".join(faults[:_MOST_SAID]),
                f"Arguments: {known}.",
                details={"faults": faults[:_MOST_LISTED]},
            )

    def _schema_of(self, tool: Tool) -> "_Schema":
        """The tool's schema as it is checked, made when it is first needed."""
        if tool.name not in self._schemas:
            from jsonschema import Draft202012Validator  # noqa: PLC0415 - tools/list does not need it

            each = {name: Draft202012Validator(one) for name, one in tool.parameters["properties"].items()}
            required = frozenset(tool.parameters.get("required", ()))
            self._schemas[tool.name] = _Schema(Draft202012Validator(dict(tool.parameters)), each, required)
        return self._schemas[tool.name]


def _may_call(tool: Tool, actor: Actor) -> bool:
    """Whether the tool is for everybody, or for one of the actor's roles."""
    return not tool.roles or bool(tool.roles & actor.roles)


def _told(fault: Any) -> str:
    """One fault in words: the field, what is allowed, and what was given, as far as that may be shown."""
    place, given, allowed = _place(fault.absolute_path), fault.instance, fault.validator_value
    if fault.validator == "additionalProperties":
        known = fault.schema.get("properties", {})
        names = ", ".join(clean(name, _NAME_CHARS) for name in sorted(set(given) - set(known))[:5])
        return f"Unknown argument {names}" + (f" in {place}; it takes {', '.join(known)}." if place else ".")
    if fault.validator == "required":
        missing = ", ".join(name for name in allowed if name not in given)
        return (f"{place}: " if place else "") + f"missing {missing}."
    if fault.validator in _COUNTED:
        return f"{place}: {_COUNTED[fault.validator].format(allowed)}, found {len(given)}."
    if fault.validator == "anyOf":
        allowed = " or ".join(str(one.get("type")) for one in allowed)
    if fault.validator == "enum":
        allowed = ", ".join(str(one) for one in allowed)
    words = _VALUED.get(fault.validator, f"{fault.validator} {{}}").format(clean(allowed, 80))
    holds_more = fault.validator == "anyOf" or fault.schema.get("type") in ("array", "object")
    return f"{place}: {words}, {found(given, secret=holds_more)}."


def _unusable(value: Json) -> str:
    """Why no argument could be that, whatever its schema; empty when one could."""
    if is_deep(value):
        return f"nested deeper than {DEEPEST} levels"
    texts = value if isinstance(value, list) else [value]
    whole = all(is_text(text) for text in texts if isinstance(text, str))
    return "" if whole else "no valid text (half of a surrogate pair)"


def _place(path: Iterable[str | int]) -> str:
    """Where a fault is, as in ``operations[0].for_each``; empty for the arguments as a whole."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


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
