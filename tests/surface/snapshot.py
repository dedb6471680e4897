"""The surface as files: one for each tool and each prompt. ``scripts/build snapshots`` writes them, on purpose only."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from mcp_server.desk.lookups import PROMPTS
from mcp_server.domain.actor import Actor
from mcp_server.locales.prompts import prompt_text
from mcp_server.registry import Registry
from mcp_server.toolkit import Tool

FOLDER: Final = Path(__file__).with_name("snapshots")
REQUEST: Final = {"network_id": "L_1", "request": "Limit guests to 5 Mbit/s"}


def shipped() -> tuple[Tool, ...]:
    """The tools that everybody sees, in their order."""
    return Registry.load().listed(Actor("anybody", "stdio"))


def declared(tool: Tool) -> dict[str, Any]:
    """A tool as ``tools/list`` shows it."""
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": dict(tool.parameters),
        "annotations": {
            "readOnlyHint": tool.hints.read_only,
            "destructiveHint": tool.hints.destructive,
            "idempotentHint": tool.hints.idempotent,
            "openWorldHint": tool.hints.open_world,
        },
    }


def surface() -> dict[str, str]:
    """The text of every snapshot by its path below the folder."""
    made = {f"{tool.name}.json": _json(declared(tool)) for tool in shipped()}
    return made | {f"prompts/{prompt['name']}.txt": _prompt(str(prompt["name"])) for prompt in PROMPTS}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _prompt(name: str) -> str:
    return prompt_text(name, REQUEST) + "\n"


def differing() -> list[str]:
    """Snapshots that are missing, say something else, or stand for nothing any more."""
    made = surface()
    kept = {str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in FOLDER.rglob("*.*")}
    return sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))


def main() -> int:
    """The exit code: 1 when ``--check`` finds a difference, else 0, with every snapshot written."""
    names = differing()
    sys.stdout.writelines(f"{name}\n" for name in names)
    if "--check" in sys.argv:
        return int(bool(names))
    made = surface()
    for name in names:
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in made:
            path.write_text(made[name], "utf-8")
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
