"""The edits of the plan language: a list field said as insert, remove or update instead of a whole list.

Rules: a match is a partial object that fits exactly one element, else the edit is refused with the candidates;
nothing is put behind, taken from or changed in the implicit default rule of a firewall.
"""

from collections.abc import Mapping, Sequence

from mcp_server.domain.call import Json
from mcp_server.domain.state.json_value import IDENTITY, copied, label, same, sounds_secret
from mcp_server.domain.state.merge import merged
from mcp_server.domain.state.path import Token, rendered
from mcp_server.errors import InvalidArguments

_VERBS = ("$insert", "$remove", "$update")
_ALLOWED = {"$insert": {"before", "after", "at"}, "$remove": set[str](), "$update": {"set"}}
_SHOWN = 10  #: candidates listed in a refusal
_Path = tuple[Token, ...]
_Defaults = tuple[Mapping[str, Json], ...]


def has_edits(body: Json) -> bool:
    """Whether an edit stands anywhere in the body."""
    if _is_edit(body):
        return True
    if isinstance(body, Mapping):
        return any(has_edits(value) for value in body.values())
    return isinstance(body, list) and any(has_edits(value) for value in body)


def resolved(
    before: Json, body: Json, *, last: Mapping[str, Json] | Sequence[Mapping[str, Json]] | None = None
) -> Json:
    """The body with each edit replaced by the whole edited list of the live state ``before``.

    ``last`` is the match of the implicit default rule, or of several at the end: "at": "last" is in front of them.
    Raises InvalidArguments, with the candidates in ``details``, when a match does not fit exactly one element.
    """
    defaults = (last,) if isinstance(last, Mapping) else tuple(last or ())
    return _resolved(before, body, defaults, ())


def is_default(element: Json, defaults: Sequence[Mapping[str, Json]]) -> bool:
    """Whether an element is an implicit rule."""
    return any(fits(element, match) for match in defaults)


def explicit(elements: Sequence[Json], defaults: Sequence[Mapping[str, Json]]) -> list[Json]:
    """The elements in front of the implicit rules at the end."""
    length = len(elements)
    while length and is_default(elements[length - 1], defaults):
        length -= 1
    return list(elements[:length])


def fits(element: Json, match: Json) -> bool:
    """Whether an element has everything that a partial object says; plain values must be equal."""
    if isinstance(match, Mapping) and isinstance(element, Mapping):
        return all(key in element and fits(element[key], value) for key, value in match.items())
    return same(element, match)


def _is_edit(value: Json) -> bool:
    return isinstance(value, Mapping) and any(verb in value for verb in _VERBS)


def _resolved(before: Json, body: Json, last: _Defaults, path: _Path) -> Json:
    if _is_edit(body):
        return _edited(before, [body], last, path)
    if isinstance(body, list):
        if body and all(_is_edit(item) for item in body):
            return _edited(before, body, last, path)
        if any(has_edits(item) for item in body):
            raise _fault(path, "an edit stands among whole elements", "Give either edits only, or the whole list.")
        return copied(body)
    if isinstance(body, Mapping):
        live = before if isinstance(before, Mapping) else {}
        return {key: _resolved(live.get(key), value, last, (*path, key)) for key, value in body.items()}
    return body


def _edited(before: Json, edits: Sequence[Mapping[str, Json]], last: _Defaults, path: _Path) -> Json:
    if before is not None and not isinstance(before, list):
        raise _fault(path, "this field is not a list now", "Give the whole value of the field.")
    elements: list[Json] = copied(before or [])
    for edit in edits:
        verb = _verb(edit, path)
        if verb == "$insert":
            at = _position(elements, edit, last, path)
            elements[at:at] = _new_elements(edit["$insert"], path)
            continue
        index = _index(elements, edit[verb], path)
        _keep_default(elements[index], last, path)
        if verb == "$remove":
            del elements[index]
        else:
            elements[index] = _updated(elements[index], edit, (*path, index))
    return elements


def _verb(edit: Mapping[str, Json], path: _Path) -> str:
    verbs = [verb for verb in _VERBS if verb in edit]
    unknown = sorted(set(edit) - set(verbs) - set().union(*(_ALLOWED[verb] for verb in verbs)))
    if len(verbs) != 1 or unknown:
        said = f"unknown part {unknown[0]!r}" if unknown else "more than one of $insert, $remove, $update"
        raise _fault(path, f"an edit has {said}", "Give one edit each, as a list when there are several.")
    return verbs[0]


def _new_elements(value: Json, path: _Path) -> list[Json]:
    if not isinstance(value, list) or not value or any(has_edits(item) for item in value):
        raise _fault(path, "$insert takes a list of whole elements", 'Write {"$insert": [element], "at": "last"}.')
    return [copied(item) for item in value]


def _position(elements: list[Json], edit: Mapping[str, Json], last: _Defaults, path: _Path) -> int:
    places = [word for word in ("before", "after", "at") if word in edit]
    if len(places) != 1:
        raise _fault(path, "$insert needs one place", 'Add "before": MATCH, "after": MATCH or "at": "first" or "last".')
    if places[0] == "at":
        if edit["at"] not in ("first", "last"):
            raise _fault(path, '"at" is neither "first" nor "last"', 'Write "at": "first" or "at": "last".')
        return 0 if edit["at"] == "first" else len(explicit(elements, last))
    index = _index(elements, edit[places[0]], path)
    if places[0] == "before":
        return min(index, len(explicit(elements, last)))
    _keep_default(elements[index], last, path)
    return index + 1


def _updated(element: Json, edit: Mapping[str, Json], path: _Path) -> Json:
    change = edit.get("set")
    if not isinstance(change, Mapping) or not change or not isinstance(element, Mapping):
        raise _fault(path, '$update needs "set" with fields', 'Write {"$update": MATCH, "set": {"field": value}}.')
    return merged(element, _resolved(element, change, (), path))


def _index(elements: Sequence[Json], match: Json, path: _Path) -> int:
    if match in ({}, [], None):
        raise _fault(path, "an empty match fits every element", "Name the element by some of its fields.")
    found = [index for index, element in enumerate(elements) if fits(element, match)]
    if len(found) == 1:
        return found[0]
    many = "no element" if not found else f"{len(found)} elements"
    raise InvalidArguments(
        f"{rendered(path)}: the match fits {many}; it must fit exactly one",
        "Use fields that tell the element apart; the candidates are in details.",
        code="match_not_unique" if found else "match_not_found",
        details={
            "field": rendered(path),
            "candidates": [_candidate(elements, index, match) for index in (found or range(len(elements)))][:_SHOWN],
            "total": len(found) or len(elements),
        },
    )


def _candidate(elements: Sequence[Json], index: int, match: Json) -> dict[str, Json]:
    """An element as a refusal may show it: its position, its identity, and the fields of the match; no secrets."""
    element = elements[index]
    if not isinstance(element, Mapping):
        return {"position": index, "element": label(element)}
    asked = set(match) if isinstance(match, Mapping) else set[str]()
    shown = {key: value for key, value in element.items() if key in asked | set(IDENTITY) and not sounds_secret(key)}
    return {"position": index, "element": shown}


def _keep_default(element: Json, last: _Defaults, path: _Path) -> None:
    if is_default(element, last):
        raise _fault(
            path,
            "the implicit default rule cannot be edited, removed, or have a rule behind it",
            "Put an explicit rule in front of it.",
        )


def _fault(path: _Path, said: str, remedy: str) -> InvalidArguments:
    where = rendered(path) or "body"
    return InvalidArguments(f"{where}: {said}", remedy, details={"field": where, "faults": [said]})
