"""Did a create take effect whose answer nobody has, when no natural key tells what it made from the rest of its list?

Rule: it did when the list holds exactly one element that was not there before and that has every field that was sent;
it did not when there is no new one; all else (several, one in part, elements without ids) is a person's to decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp_server.domain.call import Json
from mcp_server.domain.record import Asked
from mcp_server.domain.recovery.settle import Settled, apart


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a list says of a create. ``element`` is the only new one, whether it has every field or not."""

    settled: Settled
    element: Json = None
    why: str = ""  #: for a person who has to decide


def ids_in(elements: Json, id_field: str) -> tuple[str, ...] | None:
    """The ids of a list's elements; None when it is no list or an element has none."""
    if not isinstance(elements, list):
        return None
    ids = [one.get(id_field) if isinstance(one, Mapping) else None for one in elements]
    return None if any(found in (None, "") for found in ids) else tuple(str(found) for found in ids)


def newcomer(asked: Asked, live: Json) -> Newcomer:
    """What the live list says of a create that was sent after its list was put on record."""
    listed = asked.listed
    ids = ids_in(live, listed.id_field) if listed is not None else None
    if listed is None or ids is None:
        return Newcomer(Settled.UNKNOWN, why="the list cannot be compared by ids")
    known = frozenset(listed.known)
    new = [one for one, found in zip(live, ids, strict=True) if found not in known]
    if not new:
        return Newcomer(Settled.NOT_APPLIED)
    if len(new) > 1:
        return Newcomer(Settled.DRIFTED, why=f"{len(new)} elements are new in the list, and one was sent")
    wrong = apart(asked, asked.expected, new[0])
    if wrong:
        fields = ", ".join(change.path or "it" for change in wrong[:5])
        return Newcomer(Settled.DRIFTED, new[0], f"the one new element differs in what was sent: {fields}")
    if not apart(asked, asked.expected, {}):
        return Newcomer(Settled.DRIFTED, new[0], "nothing that was sent is read back, so nothing tells whose it is")
    return Newcomer(Settled.APPLIED, new[0])
