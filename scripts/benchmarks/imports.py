"""Start-up broken down by import: what ``python -X importtime`` says, summed over whom a module belongs to."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Final

from scripts.benchmarks.peers import bare_command
from scripts.benchmarks.processes import environments, started
from scripts.benchmarks.rows import Row

_MARK: Final = "import time:"
_GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "our modules": frozenset({"mcp_server", "tools"}),
    "SDK": frozenset({"mcp", "mcp_types"}),
    "pydantic": frozenset({"pydantic", "pydantic_core", "pydantic_settings", "annotated_types", "typing_inspection"}),
    "sqlite_utils": frozenset({"sqlite_utils", "sqlite_fts4"}),
    "click": frozenset({"click", "click_default_group"}),
    "cryptography": frozenset({"cryptography", "_cffi_backend"}),
}
STANDARD, OTHERS = "standard library", "others"
NAMES: Final = (*_GROUPS, OTHERS, STANDARD)
#: Modules that may be imported more than the bare server has until a ping is answered: our own about 1.15 times the
#: first measurement (2026-11-21), of others no more than what it was made of then.
MORE: Final[Mapping[str, int]] = {
    "our modules": 50, "SDK": 0, "pydantic": 0, "sqlite_utils": 0, "click": 0, "cryptography": 0,
    OTHERS: 6, STANDARD: 10,
}  # fmt: skip


@dataclass(frozen=True)
class Share:
    """How many modules of a group were imported, and the milliseconds they took themselves."""

    modules: int = 0
    own_ms: float = 0.0


def group_of(module: str) -> str:
    """Whom a module belongs to."""
    top = module.split(".", 1)[0]
    found = next((name for name, tops in _GROUPS.items() if top in tops), None)
    return found or (STANDARD if top in sys.stdlib_module_names or top == "__main__" else OTHERS)


def shares(lines: Iterable[str]) -> dict[str, Share]:
    """Modules and time of each group, from the lines of ``-X importtime``; other lines are passed over."""
    found = dict.fromkeys(NAMES, Share())
    for line in lines:
        parts = line.removeprefix(_MARK).split("|")
        if not line.startswith(_MARK) or len(parts) != 3 or not parts[0].strip().isdigit():
            continue
        name = group_of(parts[2].strip())
        found[name] = Share(found[name].modules + 1, found[name].own_ms + int(parts[0]) / 1000)
    return found


def _imported(command: Sequence[str], env: Mapping[str, str]) -> dict[str, Share]:
    """The shares of a server until it has listed its tools and answered a ping; its input stays open until then."""
    with TemporaryFile() as told:
        started([command[0], "-X", "importtime", *command[1:]], env, told)
        told.seek(0)
        return shares(told.read().decode().splitlines())


def rows() -> list[Row]:
    """A row a group, beside the bare server's; the bound is on the modules, because a count knows no busy machine."""
    with TemporaryDirectory() as home:
        mine, bare = environments(home)
        ours, peer = _imported([sys.executable, "-m", "mcp_server", "serve"], mine), _imported(bare_command(), bare)
    return [
        Row(
            f"imported until a ping, {name}: modules (own ms)",
            f"{ours[name].modules} ({ours[name].own_ms:.0f})",
            f"{peer[name].modules} ({peer[name].own_ms:.0f})",
            f"peer + {MORE[name]} modules",
            ours[name].modules <= peer[name].modules + MORE[name],
        )
        for name in NAMES
    ]
