"""docs/reference/prompts.md: the prompts and their text."""

import textwrap

from mcp_server.desk.lookups import PROMPTS
from mcp_server.locales.prompts import prompt_text


def page() -> str:
    """The page."""
    return "\n\n".join([_HEAD, *(_section(str(prompt["name"]), str(prompt["description"])) for prompt in PROMPTS)])


_HEAD = """# Prompts

One for each task of the specialist protocol, T1 to T6. All take `network_id` and `request`; what the person gives
stands at the end of the text, marked as such."""


def _section(name: str, description: str) -> str:
    text = textwrap.fill(prompt_text(name, {}), 118)
    return f"## {name}\n\n{description}\n\n```text\n{text}\n```"
