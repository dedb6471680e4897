"""Difference of two JSON states by field, and its way forward again.

Rules: ``patch(before, diff(before, after)) == after`` for every JSON. In a list, removed elements carry their
index before, all others their index after; a move's ``before`` and ``after`` are the two indexes; what is not
removed, added or moved keeps its order. A field that appears is ``added``, one that is gone ``removed``; an object
where there was nothing is said field by field.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mcp_server.domain.call import Json
from mcp_server.domain.plan import FieldChange
from mcp_server.domain.state.json_value import copied, label, same
from mcp_server.domain.state.matching import matched, staying
from mcp_server.domain.state.path import Token, parsed, rendered

_Path = tuple[Token, ...]


def diff(before: Json, after: Json) -> tuple[FieldChange, ...]:
    """Every field and list element that differs, in the order of the document; () when the states are equal."""
    return tuple(_values((), before, after, ""))


def patch(before: Json, changes: Iterable[FieldChange]) -> Json:
    """The state after those changes; ``ValueError`` when they do not fit ``before``."""
    root = _Node()
    for change in changes:
        root.at(parsed(change.path)).changes.append(change)
    return _patched(copied(before), root)


def _values(path: _Path, before: Json, after: Json, note: str) -> Iterable[FieldChange]:
    if same(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _objects(path, before, after, note)
    elif before is None and isinstance(after, Mapping) and after:
        yield from _objects(path, {}, after, note)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(path, before, after)
    else:
        yield FieldChange(rendered(path), before, after, "set", note)


def _objects(path: _Path, before: Mapping[str, Json], after: Mapping[str, Json], note: str) -> Iterable[FieldChange]:
    for key in [*before, *(key for key in after if key not in before)]:
        if key not in after:
            yield FieldChange(rendered((*path, key)), before[key], None, "removed", note)
        elif key not in before:
            yield FieldChange(rendered((*path, key)), None, after[key], "added", note)
        else:
            yield from _values((*path, key), before[key], after[key], note)


def _lists(path: _Path, before: Sequence[Json], after: Sequence[Json]) -> Iterable[FieldChange]:
    pairs = matched(before, after)
    kept = staying(pairs)
    came_from = {position: index for index, position in pairs.items()}
    for index, element in enumerate(before):
        if index not in pairs:
            note = f"{label(element)} was {_place(before, index)}"
            yield FieldChange(rendered((*path, index)), element, None, "removed", note)
    for position, element in enumerate(after):
        here = (*path, position)
        origin = came_from.get(position)
        if origin is None:
            note = f"{label(element)} {_place(after, position)}"
            yield FieldChange(rendered(here), None, element, "added", note)
            continue
        if origin not in kept:
            note = f"{label(element)} from {_place(before, origin)} to {_place(after, position)}"
            yield FieldChange(rendered(here), origin, position, "moved", note)
        yield from _values(here, before[origin], element, f"in {label(before[origin])}")


def _place(elements: Sequence[Json], index: int) -> str:
    """Where an element stands, by its neighbours."""
    above = label(elements[index - 1]) if index else ""
    below = label(elements[index + 1]) if index + 1 < len(elements) else ""
    if above and below:
        return f"between {above} and {below}"
    if below:
        return f"first, before {below}"
    return f"last, after {above}" if above else "the only element"


@dataclass(slots=True)
class _Node:
    """A place in the document: the changes to it and the places inside it."""

    changes: list[FieldChange] = field(default_factory=list)
    inside: dict[Token, "_Node"] = field(default_factory=dict)

    def at(self, tokens: _Path) -> "_Node":
        node = self
        for token in tokens:
            node = node.inside.setdefault(token, _Node())
        return node


def _patched(value: Json, node: _Node) -> Json:
    for change in node.changes:
        value = copied(change.after)
    if not node.inside:
        return value
    if isinstance(value, dict) or value is None:
        return _patched_object(value or {}, node.inside)
    if isinstance(value, list):
        return _patched_list(value, node.inside)
    raise ValueError("the changes do not fit the state: a field was expected inside a plain value")


def _patched_object(value: dict[str, Json], inside: Mapping[Token, _Node]) -> Json:
    for key, node in inside.items():
        if not isinstance(key, str):
            raise ValueError("the changes do not fit the state: a list was expected")  # noqa: TRY004 - of the state
        if any(change.how == "removed" for change in node.changes):
            value.pop(key, None)
        elif key in value or node.changes:
            value[key] = _patched(value.get(key), node)
        else:
            raise ValueError(f"the changes do not fit the state: no field {key!r}")
    return value


def _patched_list(value: list[Json], inside: Mapping[Token, _Node]) -> Json:
    nodes = {key: node for key, node in inside.items() if isinstance(key, int)}
    removed = {i for i, node in nodes.items() if any(c.how == "removed" for c in node.changes)}
    moves = {c.before: c.after for node in nodes.values() for c in node.changes if c.how == "moved"}
    placed = {target: value[origin] for origin, target in moves.items()}
    added = [(position, c) for position, node in nodes.items() for c in node.changes if c.how == "added"]
    placed.update({position: copied(change.after) for position, change in added})
    others = iter([element for i, element in enumerate(value) if i not in removed and i not in moves])
    length = len(value) - len(removed) + len(placed) - len(moves)
    result = [placed[i] if i in placed else next(others) for i in range(length)]
    for position, node in nodes.items():
        rest = _Node([c for c in node.changes if c.how == "set"], node.inside)
        if rest.changes or rest.inside:
            result[position] = _patched(result[position], rest)
    return result
