"""The state of the simulated cloud before and after, and what differs between the two.

Knows nothing of the product: states are compared leaf by leaf, lists by position. What may differ is named here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.support.canonical import VOLATILE

Json = Any
_ABSENT: Final = "(absent)"
_MADE_NEW: Final = ("createdAt", "updatedAt", "lastUpdatedAt", "url", "imageUrl")  #: of what comes back under a new id


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf that is not as before."""

    path: str
    before: Json
    after: Json

    def text(self) -> str:
        """For people, cut to a line."""
        return f"{self.path}: {_short(self.before)} -> {_short(self.after)}"


def state_of(dump: Mapping[str, Json]) -> dict[str, Json]:
    """A dump of ``/_sandbox/state`` by path; what was never written stands as it was made."""
    configuration, hidden = dump["configuration"], dump["volatile"]["hidden"]
    made = {path: json.loads(text) for path, text in dump["defaults"].items()}
    kept = {path: value for path, value in (made | configuration["resources"]).items() if not _is_job(path)}
    tables = {
        f"/{table}/{key}": row
        for table in ("organizations", "networks", "devices", "templates")
        for key, row in configuration[table].items()
    }
    facts = {f"hidden{path}": value for path, value in hidden.items()}
    steady: dict[str, Json] = _steady(tables | {f"settings{path}": value for path, value in kept.items()} | facts)
    return steady


def differing(before: Mapping[str, Json], after: Mapping[str, Json], ids: Mapping[str, str]) -> list[Difference]:
    """Every leaf that differs; ``ids`` are announced new ids, each with the old one that it stands for.

    What one of the two has never looked at counts as it would have been made.
    """
    after = renamed(after, ids)
    if ids:
        before, after = (_without(state, _MADE_NEW) for state in (before, after))
    paths = [path for path in {**before, **after} if (path in before and path in after) or not _is_default(path)]
    return [one for path in sorted(paths) for one in _leaves(path, _of(before, path), _of(after, path))]


def together(first: Mapping[str, Json], *others: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The states, each knowing every setting that any of them looked at."""
    states = [first, *others]
    known: dict[str, Json] = {}
    for state in reversed(states):
        known |= {path: value for path, value in state.items() if path.startswith("settings")}
    return [known | dict(state) for state in states]


def renamed(value: Any, ids: Mapping[str, str]) -> Any:
    """The value with each new id replaced by the old one, where it stands alone or as a part of a path."""
    if not ids:
        return value
    words = re.compile(r'(?<=["/ ])(' + "|".join(map(re.escape, ids)) + r')(?=["/])')
    return json.loads(words.sub(lambda found: ids[found.group(1)], json.dumps(value)))


def _of(state: Mapping[str, Json], path: str) -> Json:
    return state.get(path, _ABSENT)


def _is_default(path: str) -> bool:
    return path.startswith("settings")


def _is_job(path: str) -> bool:
    return path.endswith("/actionBatches") or "/liveTools/" in path


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _steady(item) for name, item in value.items() if name.rpartition("/")[2] not in VOLATILE}
    return [_steady(item) for item in value] if isinstance(value, list) else value


def _without(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {name: _without(item, names) for name, item in value.items() if name not in names}
    return [_without(item, names) for item in value] if isinstance(value, list) else value


def _leaves(path: str, before: Json, after: Json) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _leaves(f"{path}.{name}", before.get(name, _ABSENT), after.get(name, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _leaves(f"{path}[{number}]", one, other)
    else:
        yield Difference(path, before, after)


def _short(value: Json) -> str:
    text = value if value == _ABSENT else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 70 else f"{text[:67]}..."
