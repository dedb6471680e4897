"""Three states become one: what one side changed and the other did not is taken; what both changed is a conflict.

For an undo ``base`` is what our change made, ``ours`` the state to restore, ``theirs`` the live state: later edits
by others stay, our change goes. Where both touched the same field or element, theirs stays and is listed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from mcp_server.domain.call import Json
from mcp_server.domain.state.json_value import copied, label, same
from mcp_server.domain.state.matching import matched
from mcp_server.domain.state.path import Token, is_named, rendered

_Path = tuple[Token, ...]
_ABSENT = object()  #: the field or element is not there; never leaves this module


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field or element that both sides changed; None where a side has none."""

    path: str
    base: Json
    ours: Json
    theirs: Json
    note: str = ""


@dataclass(frozen=True, slots=True)
class Merge:
    """The merged state, in which theirs stays wherever ``conflicts`` lists a path."""

    result: Json
    conflicts: tuple[Conflict, ...] = ()


def three_way(base: Json, ours: Json, theirs: Json, *, unordered: Collection[str] = ()) -> Merge:
    """The merge by field and list element; ``unordered`` names lists whose order means nothing."""
    run = _Run(frozenset(unordered))
    result = run.value((), base, ours, theirs)
    return Merge(None if result is _ABSENT else copied(result), tuple(run.conflicts))


@dataclass(slots=True)
class _Run:
    """One merge: the rules of order, and the conflicts found so far."""

    unordered: frozenset[str]
    conflicts: list[Conflict] = field(default_factory=list)

    def value(self, path: _Path, base: Json, ours: Json, theirs: Json) -> Json:
        """The merged value of one place, or ``_ABSENT``."""
        if _equal(ours, theirs) or _equal(base, ours):
            return theirs
        if _equal(base, theirs):
            return ours
        if isinstance(base, Mapping) and isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            return self._object(path, base, ours, theirs)
        if isinstance(base, list) and isinstance(ours, list) and isinstance(theirs, list):
            return self._list(path, base, ours, theirs)
        return self._conflict(path, base, ours, theirs)

    def _conflict(self, path: _Path, base: Json, ours: Json, theirs: Json, note: str = "") -> Json:
        self.conflicts.append(Conflict(rendered(path), _shown(base), _shown(ours), _shown(theirs), note))
        return theirs

    def _object(
        self, path: _Path, base: Mapping[str, Json], ours: Mapping[str, Json], theirs: Mapping[str, Json]
    ) -> Json:
        result: dict[str, Json] = {}
        for key in dict.fromkeys([*theirs, *ours, *base]):
            sides = [side.get(key, _ABSENT) for side in (base, ours, theirs)]
            merged = self.value((*path, key), *sides)
            if merged is not _ABSENT:
                result[key] = merged
        return result

    def _list(self, path: _Path, base: list[Json], ours: list[Json], theirs: list[Json]) -> Json:
        rows = _aligned(base, ours, theirs)
        merged = [self._row(path, row, base, ours, theirs) for row in rows]
        kept = [row for row, value in zip(rows, merged, strict=True) if value is not _ABSENT]
        values = {id(row): value for row, value in zip(rows, merged, strict=True)}
        return [values[id(row)] for row in self._order(path, kept, ours, theirs)]

    def _row(self, path: _Path, row: "_Row", base: list[Json], ours: list[Json], theirs: list[Json]) -> Json:
        sides = (_at(base, row.base), _at(ours, row.ours), _at(theirs, row.theirs))
        index = next(i for i in (row.theirs, row.ours, row.base) if i is not None)
        return self.value((*path, index), *sides)

    def _order(self, path: _Path, rows: list["_Row"], ours: list[Json], theirs: list[Json]) -> list["_Row"]:
        """Their order, with what only ours has put behind its neighbour; ours when only ours moved something."""
        by_ours = sorted((r for r in rows if r.ours is not None), key=lambda r: r.ours or 0)
        by_theirs = sorted((r for r in rows if r.theirs is not None), key=lambda r: r.theirs or 0)
        moved_by_us, moved_by_them = _moved(by_ours), _moved(by_theirs)
        free = is_named(path, self.unordered)
        both = [r for r in by_ours if r.theirs is not None]
        if moved_by_us and moved_by_them and both != [r for r in by_theirs if r.ours is not None] and not free:
            self._conflict(path, None, ours, theirs, "both changed the order")
        leading, following = (by_ours, by_theirs) if moved_by_us and not moved_by_them else (by_theirs, by_ours)
        result, crowded = _woven(leading, following)
        if crowded and not free:
            words = " and ".join(label(_side(row, ours, theirs)) for row in crowded)
            self._conflict(path, None, ours, theirs, f"both put an element in the same place: {words}")
        return result


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """One element: its index in each side, None where the side has it not."""

    base: int | None
    ours: int | None
    theirs: int | None


def _equal(first: Json, second: Json) -> bool:
    if first is _ABSENT or second is _ABSENT:
        return first is second
    return same(first, second)


def _shown(side: Json) -> Json:
    return None if side is _ABSENT else copied(side)


def _at(elements: Sequence[Json], index: int | None) -> Json:
    return _ABSENT if index is None else elements[index]


def _side(row: _Row, ours: list[Json], theirs: list[Json]) -> Json:
    return ours[row.ours] if row.ours is not None else theirs[row.theirs or 0]


def _aligned(base: list[Json], ours: list[Json], theirs: list[Json]) -> list[_Row]:
    """Every element of the three lists once."""
    to_ours, to_theirs = matched(base, ours), matched(base, theirs)
    rows = [_Row(i, to_ours.get(i), to_theirs.get(i)) for i in range(len(base))]
    new_ours = [j for j in range(len(ours)) if j not in set(to_ours.values())]
    new_theirs = [j for j in range(len(theirs)) if j not in set(to_theirs.values())]
    both = matched([ours[j] for j in new_ours], [theirs[j] for j in new_theirs], by_likeness=False)
    rows += [_Row(None, j, new_theirs[both[n]] if n in both else None) for n, j in enumerate(new_ours)]
    taken = set(both.values())
    return rows + [_Row(None, None, j) for n, j in enumerate(new_theirs) if n not in taken]


def _moved(rows: list[_Row]) -> bool:
    """Whether the elements that base has too stand in another order than in base."""
    places = [row.base for row in rows if row.base is not None]
    return places != sorted(places)


def _woven(leading: list[_Row], following: list[_Row]) -> tuple[list[_Row], list[_Row]]:
    """The leading rows with the other side's own ones behind their neighbours; and two that claim one place."""
    result = list(leading)
    placed = set(leading)
    crowded: list[_Row] = []
    previous: _Row | None = None
    for row in following:
        if row not in placed:
            at = result.index(previous) + 1 if previous is not None else 0
            if not crowded and at < len(result) and _is_new_to_both(row, result[at]):
                crowded = [row, result[at]]
            result.insert(at, row)
            placed.add(row)
        previous = row
    return result, crowded


def _is_new_to_both(row: _Row, other: _Row) -> bool:
    """Whether each was put there by a different side, base knowing neither."""
    return row.base is None and other.base is None and (row.ours is None) != (other.ours is None)
