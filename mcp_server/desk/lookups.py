"""Resources, prompts and completion: look-ups that pass the same guard, hooks and record as tools."""

from collections.abc import Mapping, Sequence
from typing import Final

from mcp_server.domain.call import Effect, Json
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused
from mcp_server.locales.prompts import LONGEST_WORDS, PROMPT_NAMES, prompt_text
from mcp_server.toolkit import Desk, Hints, Run, Tool, closed

_READ: Final = Hints(read_only=True, destructive=False, idempotent=True, open_world=False)
_ARGUMENTS: Final[Sequence[Mapping[str, Json]]] = (
    {"name": "network_id", "description": "Id of the network", "required": False},
    {"name": "request", "description": "What should change, in your words", "required": False},
)
#: prompts/list, in a fixed order: the protocol's tasks T1 to T6.
PROMPTS: Final[Sequence[Mapping[str, Json]]] = tuple(
    {"name": name, "title": name.replace("_", " ").capitalize(), "description": description, "arguments": _ARGUMENTS}
    for name, description in PROMPT_NAMES.items()
)


async def _read_resource(desk: Desk, arguments: Mapping[str, Json]) -> Outcome:
    """The text of plan://, change://, audit:// or changelog://session."""
    scheme, _, name = str(arguments["uri"]).partition("://")
    text, mime_type = await desk.ledger.resource(desk.attempt, scheme, name)
    return Outcome("ok", f"{scheme}.", {"text": text, "mime_type": mime_type})


async def _get_prompt(_desk: Desk, arguments: Mapping[str, Json]) -> Outcome:
    """The task's text with its safety rules."""
    name = str(arguments["name"])
    if name not in PROMPT_NAMES:
        raise Refused(f"No prompt {clean(name, 64)!r}.", f"Prompts: {', '.join(PROMPT_NAMES)}.", code="prompt_unknown")
    text = prompt_text(name, arguments.get("arguments", {}))
    return Outcome("ok", name, {"text": text, "description": PROMPT_NAMES[name]})


async def _complete(desk: Desk, arguments: Mapping[str, Json]) -> Outcome:
    """Ids of organizations and networks that begin with, or are named like, what was typed."""
    values = await desk.estate.complete(str(arguments["name"]), str(arguments["value"]))
    return Outcome("ok", f"{len(values)} value(s).", {"values": list(values)})


def lookups() -> Mapping[str, Tool]:
    """The look-ups by MCP method."""
    text = {"type": "string", "maxLength": 300}
    words = closed({"network_id": text, "request": {"type": "string", "maxLength": LONGEST_WORDS}})
    return {
        "resources/read": _tool("resources/read", {"uri": text}, ["uri"], _read_resource),
        "prompts/get": _tool("prompts/get", {"name": text, "arguments": words}, ["name"], _get_prompt),
        "completion/complete": _tool(
            "completion/complete", {"name": text, "value": text}, ["name", "value"], _complete
        ),
    }


def _tool(name: str, properties: Mapping[str, Json], required: Sequence[str], run: Run) -> Tool:
    return Tool(
        name=name,
        title=name,
        description=name,
        effect=Effect.READ,
        hints=_READ,
        parameters=closed(properties, required),
        run=run,
    )
