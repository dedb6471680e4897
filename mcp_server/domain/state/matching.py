"""Which element of one list is which element of another: by equality, by identity fields, by similarity."""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence

from mcp_server.domain.call import Json
from mcp_server.domain.state.json_value import IDENTITY, frozen

_ALIKE = 0.6  #: share of equal fields above which two elements count as one that was edited
_COMPARED = 200  #: most elements a side for which similarity is tried; more would cost seconds


def matched(before: Sequence[Json], after: Sequence[Json], *, by_likeness: bool = True) -> dict[int, int]:
    """Index in ``before`` -> index in ``after``, each used once; by equality and identity only when asked so."""
    pairs = _equal(before, after)
    left, right = _rest(before, after, pairs)
    pairs.update(_by_identity(before, after, left, right))
    if by_likeness:
        left, right = _rest(before, after, pairs)
        pairs.update(_by_similarity(before, after, left, right))
    return pairs


def staying(pairs: Mapping[int, int]) -> frozenset[int]:
    """The indexes in ``before`` of the most pairs that keep their order; the others have moved."""
    order = [pairs[index] for index in sorted(pairs)]
    tails: list[int] = []
    length_at: list[int] = []
    for position in order:
        length = bisect_left(tails, position)
        tails[length : length + 1] = [position]
        length_at.append(length)
    kept: set[int] = set()
    wanted = len(tails) - 1
    for index, length in zip(sorted(pairs, reverse=True), reversed(length_at), strict=True):
        if length == wanted:
            kept.add(index)
            wanted -= 1
    return frozenset(kept)


def _tells_apart(elements: Sequence[Json], name: str) -> bool:
    values = [element.get(name) for element in elements]
    scalars = all(isinstance(value, str | int) and value != "" for value in values)
    return scalars and len({frozen(value) for value in values}) == len(values)


def _rest(before: Sequence[Json], after: Sequence[Json], pairs: Mapping[int, int]) -> tuple[list[int], list[int]]:
    taken = set(pairs.values())
    return [i for i in range(len(before)) if i not in pairs], [j for j in range(len(after)) if j not in taken]


def _equal(before: Sequence[Json], after: Sequence[Json]) -> dict[int, int]:
    places: defaultdict[Hashable, deque[int]] = defaultdict(deque)
    for position, element in enumerate(after):
        places[frozen(element)].append(position)
    pairs: dict[int, int] = {}
    for index, element in enumerate(before):
        found = places.get(frozen(element))
        if found:
            pairs[index] = found.popleft()
    return pairs


def _by_identity(before: Sequence[Json], after: Sequence[Json], left: list[int], right: list[int]) -> dict[int, int]:
    name = next(
        (n for n in IDENTITY if _tells_all(before, left, n) and _tells_all(after, right, n)), None
    )  # fmt: skip
    if name is None:
        return {}
    places = {frozen(after[j][name]): j for j in right}
    return {i: places[frozen(before[i][name])] for i in left if frozen(before[i][name]) in places}


def _tells_all(elements: Sequence[Json], indexes: Sequence[int], name: str) -> bool:
    chosen = [elements[i] for i in indexes]
    return bool(chosen) and all(isinstance(e, Mapping) for e in chosen) and _tells_apart(chosen, name)


def _by_similarity(before: Sequence[Json], after: Sequence[Json], left: list[int], right: list[int]) -> dict[int, int]:
    if len(left) > _COMPARED or len(right) > _COMPARED:
        return {}
    scored = [
        (-_likeness(before[i], after[j]), abs(i - j), i, j)
        for i in left
        for j in right
        if isinstance(before[i], Mapping) and isinstance(after[j], Mapping)
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for score, _, i, j in sorted(scored):
        if -score > _ALIKE and i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _likeness(first: Mapping[str, Json], second: Mapping[str, Json]) -> float:
    if _are_different_ids(first, second):
        return 0.0
    equal = sum(1 for key in first.keys() & second.keys() if frozen(first[key]) == frozen(second[key]))
    return 2 * equal / (len(first) + len(second)) if first or second else 1.0


def _are_different_ids(first: Mapping[str, Json], second: Mapping[str, Json]) -> bool:
    both = [name for name in IDENTITY[:6] if first.get(name) is not None and second.get(name) is not None]
    return any(frozen(first[name]) != frozen(second[name]) for name in both)
