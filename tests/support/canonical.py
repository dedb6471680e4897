"""The sandbox's state in a form in which two moments can be compared byte for byte."""

import json
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any, Final

from mcp_server.sandbox.world import World
from mcp_server.sandbox.world import canonical as plain

#: What may differ after a change was taken back (last part of a name or path), and why. Nothing else may.
VOLATILE: Final[Mapping[str, str]] = {
    "now": "the cloud's clock",
    "changes": "the configuration-change log: only ever grows",
    "counters": "ids that were handed out are never handed out again",
    "batches": "the record of action batches: only ever grows",
    "configurationUpdatedAt": "when a device last fetched its configuration",
    "configurationAwaited": "whether one waits for a device that is cut off",
    "reachability": "since when the cloud has seen each device",
    "transitions": "the log of devices that came and went: only ever grows",
    "furnished": "which networks were looked at",
    "farEnds": "what the other ends of tunnels were set to; noted when first looked at",
}


def canonical(world: World, ids: Mapping[str, str] | None = None) -> str:
    """The state without what is volatile, as JSON text; ``ids`` are the announced new ids, each with its old one.

    A resource that is again as the cloud would make it by itself is left out, as in ``World.dump``.
    """
    state = _kept(world.dump())
    resources = json.loads(_renamed(json.dumps(world.resources), ids or {}))
    moved = {path: value for path, value in resources.items() if world.pristine.get(path) != plain(value)}
    state["configuration"]["resources"] = _kept(moved)
    return json.dumps(state, sort_keys=True, ensure_ascii=False, indent=1)


def _renamed(text: str, ids: Mapping[str, str]) -> str:
    for new, old in ids.items():
        text = text.replace(f'"{new}"', f'"{old}"')
    return text


def assert_same(before: str, after: str) -> None:
    """Fail with the lines that differ, when two canonical texts are not equal."""
    assert before == after, "\n".join(unified_diff(before.splitlines(), after.splitlines(), "before", "after", n=4))


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _kept(item) for name, item in value.items() if name.rpartition("/")[2] not in VOLATILE}
    return [_kept(item) for item in value] if isinstance(value, list) else value
