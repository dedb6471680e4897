"""Secrets that no GET returns and that a way back needs: which, and under which name a person gives them.

The cloud keeps such a secret while its holder stays the same (host and port, or id; Terraform provider relies on it).
A way back that makes the holder again, or takes a replaced secret back, needs it from a person; never from the model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mcp_server.catalogue.overlay import Row
from mcp_server.changes.planning.draft import Draft
from mcp_server.domain.call import Json
from mcp_server.domain.plan import Step
from mcp_server.domain.state.path import Token
from mcp_server.world import World

_HOLDER = ("host", "port", "username")
Place = tuple[Token, ...]


def secrets_needed(draft: Draft, step: Step, live: Json, world: World) -> tuple[Place, ...]:
    """Where in the body of a way back a secret is missing, in order; none for a draft without a body."""
    row = world.overlay.row(draft.touch.operation)
    body = draft.touch.body
    if not isinstance(body, Mapping) or draft.kind not in ("create", "update"):
        return ()
    made_again = draft.kind == "create"
    sent = step.write.body if isinstance(step.write.body, Mapping) and not made_again else {}
    return tuple(
        place for path in row.write_only for place in _places(path, row, body, sent, None if made_again else live)
    )


def secret_name(change_id: str, step: int, number: int) -> str:
    """The name of the ``number``-th secret that undoing that step needs: letters, digits and ``_``, fit for an
    environment too.
    """
    return f"UNDO_{change_id.replace('-', '_').upper()}_{step}_{number}"


def with_secrets(draft: Draft, places: Sequence[Place], names: Sequence[str]) -> Draft:
    """The draft with a ``$secret`` of each name at its place."""
    body = draft.touch.body
    for place, name in zip(places, names, strict=True):
        body = _set(body, place, {"$secret": name})
    return replace(draft, touch=replace(draft.touch, body=body))


def shown(place: Place) -> str:
    """The place as people write it: ``radiusServers[0].secret``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def _places(path: str, row: Row, body: Mapping[str, Json], sent: Mapping[str, Json], live: Json) -> Iterator[Place]:
    """``live`` None: the holder is made again, so that every secret of it is missing."""
    holder, is_list, rest = path.partition("[].")
    if is_list:
        kept = {_of(one) for one in _elements(live, holder)}
        replaced = {_of(one) for one in _elements(sent, holder) if isinstance(one, Mapping) and rest in one}
        for number, element in enumerate(_elements(body, holder)):
            if live is None or _of(element) not in kept or _of(element) in replaced:
                yield (*holder.split("."), number, rest)
        return
    parts = tuple(path.split("."))
    holds = len(parts) == 1 or _inside(body, parts[:-1]) is not None
    left_mode = any(_field(body, name) != _field(live, name) for name in row.secret_modes) and len(parts) > 1
    if holds and (live is None or _inside(sent, parts) is not None or left_mode):
        yield parts


def _field(state: Json, name: str) -> Json:
    return state.get(name) if isinstance(state, Mapping) else None


def _of(element: Json) -> tuple[str, ...]:
    return tuple(str(_field(element, name) or "") for name in _HOLDER)


def _elements(state: Json, holder: str) -> list[Json]:
    found = _inside(state, tuple(holder.split(".")))
    return found if isinstance(found, list) else []


def _inside(state: Json, parts: Sequence[str]) -> Json:
    for part in parts:
        state = _field(state, part)
    return state


def _set(value: Json, place: Place, what: Json) -> Json:
    if not place:
        return what
    first, rest = place[0], place[1:]
    if isinstance(first, int):
        return [_set(one, rest, what) if number == first else one for number, one in enumerate(value)]
    return {**value, first: _set(value.get(first), rest, what)}
