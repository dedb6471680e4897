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
#: what stands there are jobs and commands
_JOBS: Final = ("/actionBatches", "/sensor/commands", "/autoLocate/jobs", "/esims/swap")
_SHORT: Final = 5
_SHORT_IDS: Final = re.compile(
    r"groupPolic|accessPolic|GroupPolic|AccessPolic|/vlans|Vlan"
)  #: whose ids are small numbers


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf that is not as before."""

    path: str
    before: Json
    after: Json

    def text(self) -> str:
        """For people, cut to a line."""
        return f"{self.path}: {_short(self.before)} -> {_short(self.after)}"


@dataclass(frozen=True, slots=True)
class State:
    """The sandbox at one moment, by path; ``made`` are settings as they were when somebody first looked at them."""

    values: Mapping[str, Json]
    made: Mapping[str, Json]


EMPTY: Final = State({}, {})


def state_of(dump: Mapping[str, Json]) -> State:
    """The state of a dump of ``/_sandbox/state``."""
    configuration, hidden = dump["configuration"], dump["volatile"]["hidden"]
    tables = {
        f"/{table}/{key}": row
        for table in ("organizations", "networks", "devices", "templates")
        for key, row in configuration[table].items()
    }
    settings = {f"settings{path}": value for path, value in configuration["resources"].items() if not _is_job(path)}
    made = {f"settings{path}": json.loads(text) for path, text in dump["defaults"].items() if not _is_job(path)}
    for path, captures in settings.items():
        if path.endswith("/packetCapture/captures"):  # whether one still runs is no configuration
            settings[path] = {key: {**one, "status": ""} for key, one in captures.items()}
    facts = {f"hidden{path}": value for path, value in hidden.items() if not _is_counter(path)}
    return State(_steady(tables | settings | facts), _steady(made))


def moved(before: State, after: State, ids: Mapping[str, str], own: str = "") -> list[Difference]:
    """Every leaf of the two states that differs; a setting that one of them never looked at is as it would be made.

    ``own`` is the path that was written: where the sandbox knows no default for it, it holds only what is written, and
    what that reads as the SDK tells.
    """
    made = {**after.made, **before.made}
    if ids:  # what stands below a new id was not there before under that name
        made = {**renamed(made, ids), **{path: one for path, one in made.items() if path in renamed({path: one}, ids)}}
    unknown = {own} if made.get(own) == {} else set()
    first, second = (
        {path: value for path, value in {**made, **values}.items() if path not in unknown}
        for values in (before.values, renamed(after.values, ids))
    )
    return differing(first, second, ids)


def differing(before: Mapping[str, Json], after: Mapping[str, Json], ids: Mapping[str, str]) -> list[Difference]:
    """Every leaf that differs; ``ids`` are announced new ids, each with the old one that it stands for."""
    after = renamed(after, ids)
    if ids:
        before, after = (_without(state, _MADE_NEW) for state in (before, after))
    return [one for path in sorted({**before, **after}) for one in _leaves(path, _of(before, path), _of(after, path))]


def renamed(value: Mapping[str, Json], ids: Mapping[str, str]) -> dict[str, Json]:
    """The entries with each new id replaced by the old one, where it stands alone or as a part of a path.

    A short id is a number like others, and replaced only in the entries of its own collection.
    """
    return dict(_renamed(path, item, ids) for path, item in value.items())


def _renamed(path: str, item: Json, ids: Mapping[str, str]) -> tuple[str, Json]:
    own = {new: old for new, old in ids.items() if len(new) > _SHORT or _SHORT_IDS.search(path)}
    if not own:
        return path, item
    words = re.compile(r'(?<=["/ ])(' + "|".join(map(re.escape, own)) + r')(?=["/])')
    found: dict[str, Json] = json.loads(words.sub(lambda found: own[found.group(1)], json.dumps({path: item})))
    return next(iter(found.items()))


def _of(state: Mapping[str, Json], path: str) -> Json:
    return state.get(path, _ABSENT)


def _is_empty(value: Json) -> bool:
    """Whether a field holds nothing: null, an empty text or list, or not there at all, are one to whoever reads it."""
    return value in (None, "", _ABSENT) or (isinstance(value, dict | list) and not value)


def _is_job(path: str) -> bool:
    """Whether a path holds jobs or commands: a record of what was done, no configuration."""
    return path.endswith(_JOBS) or "/liveTools/" in path


def _is_counter(path: str) -> bool:
    """Whether a hidden fact is the last number that was handed out in a network."""
    return re.fullmatch(r"/networks/[^/]+/switch", path) is not None


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _steady(item) for name, item in value.items() if name.rpartition("/")[2] not in VOLATILE}
    return [_steady(item) for item in value] if isinstance(value, list) else value


def _without(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {name: _without(item, names) for name, item in value.items() if name not in names}
    return [_without(item, names) for item in value] if isinstance(value, list) else value


def _leaves(path: str, before: Json, after: Json) -> Iterator[Difference]:
    if before == after or (_is_empty(before) and _is_empty(after)):
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
