"""docs/reference/settings.md: every setting."""

from collections.abc import Mapping, Set
from typing import Any

from mcp_server.settings import SETTINGS, Setting
from scripts.reference.words import table


def page() -> str:
    """The page."""
    head = ["in the file", "in the environment", "allowed", "default", "meaning"]
    return f"{_HEAD}\n\n{table(head, [_row(setting) for setting in SETTINGS])}"


_HEAD = """# Settings

Read once at the start, from the environment and from one TOML file (`config.toml` in the data directory, or the file
that `MERAKI_SPECIALIST_CONFIG` names). The environment wins over the file, the command line over both. A wrong value
stops the start and names the setting, what was found (secrets masked) and what is allowed; so does a name that no
setting has. An empty value is no value. Times are in seconds unless their name says otherwise. A file that holds
secrets must be readable by you alone (mode 0600)."""


def _row(setting: Setting) -> tuple[str, ...]:
    env = f"`{setting.env}`" + (f" or `{setting.alias}`" if setting.alias else "")
    in_file = f"`{setting.name}`" if setting.in_file else ""
    return (in_file, env, setting.kind.allowed, _default(setting.default), setting.meaning)


def _default(value: Any) -> str:
    if value is None or value == "" or (isinstance(value, Set | Mapping) and not value):
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
