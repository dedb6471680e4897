"""docs/reference/tools.md: every tool, its hints and arguments, from the registry."""

from collections.abc import Mapping
from typing import Any

from mcp_server.domain.actor import Actor
from mcp_server.registry import Registry
from mcp_server.toolkit import Tool
from scripts.reference.words import table


def page() -> str:
    """The page."""
    tools = Registry.load().listed(Actor("anybody", "stdio"))
    first = table(["tool", "effect", "what for"], [(f"[`{t.name}`](#{t.name})", t.effect, t.title) for t in tools])
    return "\n\n".join([_HEAD, first, _RESULT, *(_section(tool) for tool in tools)])


_HEAD = """# Tools

The eight tools, in the order of `tools/list`. Unknown arguments are refused by name. No argument of any tool approves
anything. Resources are `plan://{id}`, `change://{id}`, `audit://{id}` and `changelog://session`; ids of organizations
and networks are completed."""

_RESULT = """Every result has `status`, `summary`, `warnings`, `handoffs` and `receipt {seq, hash}`; the text block is
the same JSON. A refusal or failure is a tool error with `error {code, message, remedy, retry_after_s?}`.

Statuses of a change: `applying`, `applied`, `unchanged`, `pending_keep`, `rolled_back`, `rollback_failed`,
`partial_success`, `failed`, `unknown`; before anything was sent: `refused`, `needs_approval`, `needs_audit`, `stale`,
`declined`, `busy`, `expired`."""


def _section(tool: Tool) -> str:
    hints = tool.hints
    flags = [
        ("reads only", hints.read_only),
        ("destructive", hints.destructive),
        ("idempotent", hints.idempotent),
        ("open world", hints.open_world),
    ]
    told = ", ".join(f"{name}: {'yes' if value else 'no'}" for name, value in flags)
    return f"## {tool.name}\n\n{tool.title}. {tool.description}\n\nHints: {told}.\n\n{_arguments(tool.parameters)}"


def _arguments(schema: Mapping[str, Any], prefix: str = "") -> str:
    return table(["argument", "type", "needed"], _rows(schema, prefix))


def _rows(schema: Mapping[str, Any], prefix: str) -> list[tuple[str, str, str]]:
    rows = []
    for name, field in schema["properties"].items():
        needed = "yes" if name in schema.get("required", ()) else ""
        rows.append((f"`{prefix}{name}`", _type(field), needed))
        items = field.get("items", {})
        if "properties" in items:
            rows += _rows(items, f"{prefix}{name}[].")
    return rows


_BOUNDS = {
    "minimum": "from {}",
    "maximum": "to {}",
    "maxLength": "at most {} characters",
    "minItems": "{} or more",
    "maxItems": "at most {}",
    "format": "{}",
}


def _type(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if "items" in field:
        words += f" of {field['items'].get('type', 'any')}"
    bounds = [text.format(field[name]) for name, text in _BOUNDS.items() if name in field]
    return ", ".join([words, *bounds])
