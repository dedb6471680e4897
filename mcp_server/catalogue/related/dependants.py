"""What a write takes along besides its own resource: how that is read before, and how an undo brings it back.

A row of the overlay names the reads (``dependants``). What such a read shows is part of the before-state. It comes back
by the operations at the same path: a list by creating what is missing, a settings object by writing it, ports and
their like by writing each; or as the row says. What has no such operation is not restored, and is said so before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_server.catalogue.inverse import inverse_of
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.overlay.row import DependantRule, Row
from mcp_server.catalogue.overlay.templates import Gap, filled
from mcp_server.catalogue.readers import place_of
from mcp_server.catalogue.related.reconciled import id_names, id_of
from mcp_server.catalogue.related.references import REFERENCES, mentions, refers
from mcp_server.catalogue.transforms import restorable
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Operation
from mcp_server.domain.plan import Dependant, Reader, Write
from mcp_server.domain.state.compare import differences

MADE_AGAIN, WRITTEN_BACK, NOT_RESTORED = "made_again", "written_back", "not_restored"


@dataclass(frozen=True, slots=True)
class Restoring:
    """Writes that bring one element back, in order, and what they leave."""

    writes: tuple[Write, ...]
    expected: Json


def dependant_readers(catalogue: Catalogue, row: Row, touch: Touch, organization_id: str) -> list[Reader]:
    """The reads that the row names, with the parameters of the call; none for a create, which takes nothing along."""
    if row.kind == "create":
        return []
    known = {"organizationId": organization_id, **touch.params}
    return [
        _reader(catalogue.find(rule.read), {**known, **own}) for rule in row.dependants for own in _turns(rule, touch)
    ]


def _turns(rule: DependantRule, touch: Touch) -> list[Mapping[str, Json]]:
    """The parameters that a read has beside those of the call: once, or for each id that the body lists."""
    param, _, name = rule.each.partition(" of ")
    return [{param: id_} for id_ in (touch.body or {}).get(name) or ()] if name else [{}]


def dependants(
    catalogue: Catalogue, overlay: Overlay, touch: Touch, readers: Sequence[Reader], states: Sequence[Json]
) -> tuple[Dependant, ...]:
    """What the reads show of what goes with the resource, each with the way in which an undo brings it back."""
    row = overlay.row_for(touch)
    found = []
    asked = [rule for rule in row.dependants for _ in _turns(rule, touch)]
    for rule, reader, state in zip(asked, readers, states, strict=True):
        kept = _named(rule, touch, _concerned(catalogue, overlay, touch, reader, state))
        if kept not in (None, [], {}):
            found.append(Dependant(reader, kept, _how(catalogue, overlay, row, rule, kept)))
    return tuple(found)


def restoring(
    catalogue: Catalogue, overlay: Overlay, touch: Touch, dependant: Dependant, live: Json
) -> list[Restoring]:
    """The writes that bring it back beside what is ``live`` (None: not known), in order."""
    rule = rule_of(overlay, touch, dependant)
    if dependant.how == NOT_RESTORED:
        return []
    if rule.write:
        missing = [
            one
            for one in dependant.before
            if live is None or one not in live or _names_the_deleted(catalogue, overlay, touch, one)
        ]
        return [found for one in missing for found in _by_template(rule, touch, one)]
    listed = catalogue.find(dependant.reader.operation)
    if isinstance(dependant.before, list):
        return list(_elements(catalogue, overlay, touch, dependant, live))
    writer = catalogue.at("PUT", listed.path)
    if writer is None:
        return []
    is_same = live is not None and not _differ(overlay.row(writer.id), dependant.before, live)
    if is_same and not _names_the_deleted(catalogue, overlay, touch, live):
        return []
    return [_put(catalogue, overlay, writer, dependant.reader.params, dependant.before)]


def rule_of(overlay: Overlay, touch: Touch, dependant: Dependant) -> DependantRule:
    """The rule of the overlay by which it was read."""
    rules = overlay.row_for(touch).dependants
    return next(one for one in rules if one.read == dependant.reader.operation)


def writers_of(catalogue: Catalogue, overlay: Overlay, rule: DependantRule) -> frozenset[str]:
    """The operations that write to what the rule reads: its own, and those at the path of the read or of its items."""
    path = catalogue.find(rule.read).path
    at = [catalogue.at(method, path) for method in ("PUT", "POST")]
    items = [overlay.places.item(method, path) for method in ("PUT", "DELETE")]
    found = [*(one.id for one in at if one), *(one.operation for one in items if one), rule.write]
    return frozenset(one for one in found if one)


def lost_words(found: Sequence[Dependant]) -> list[str]:
    """What goes with the change and an undo does not bring back: a caveat for each thing that it is read of."""
    lost: dict[str, list[str]] = {}
    for one in found:
        if one.how == NOT_RESTORED:
            lost.setdefault(", ".join(map(str, one.reader.params.values())), []).append(_counted(one))
    of = {whose: f" of {whose}" if len(lost) > 1 else "" for whose in lost}
    return [f"{', '.join(what)}{of[whose]} go with it and are not restored" for whose, what in lost.items()]


def restored_words(found: Sequence[Dependant]) -> list[str]:
    """A sentence for everything that goes with the change and comes back with its undo."""
    words = {MADE_AGAIN: "are made again", WRITTEN_BACK: "are written back as they were before"}
    return [f"{_count(one)} of {one.reader.operation} go with it and {words[one.how]} by an undo" for one in found
            if one.how in words]  # fmt: skip


def _counted(one: Dependant) -> str:
    return f"{_count(one)} of {one.reader.operation}"


def _count(one: Dependant) -> str:
    return str(len(one.before)) if isinstance(one.before, list) else "the settings"


def _reader(operation: Operation, known: Mapping[str, Json]) -> Reader:
    schema = operation.response
    at = place_of(schema) if schema is not None else ""
    return Reader(operation.id, {name: known.get(name) for name in operation.path_params}, at)


def _concerned(catalogue: Catalogue, overlay: Overlay, touch: Touch, reader: Reader, state: Json) -> Json:
    """Of a delete only what names the deleted thing, unless the read is of that thing alone."""
    own = catalogue.find(touch.operation).path_params
    if overlay.row_for(touch).kind != "delete" or not own or own[-1] in reader.params:
        return state
    if isinstance(state, list):
        return [one for one in state if mentions(one, str(touch.params.get(own[-1])))]
    maker = _maker(catalogue, overlay, touch)
    return state if maker not in REFERENCES or mentions(state, str(touch.params.get(own[-1]))) else None


def _maker(catalogue: Catalogue, overlay: Overlay, touch: Touch) -> str:
    """The operation that makes what the touch deletes."""
    made = overlay.places.parent("POST", catalogue.find(touch.operation))
    return overlay.row_for(touch).inverse or (made.id if made else "")


def _names_the_deleted(catalogue: Catalogue, overlay: Overlay, touch: Touch, live: Json) -> bool:
    """Whether what is live still names the deleted thing by its old id, which nothing has any more."""
    own = catalogue.find(touch.operation).path_params
    if overlay.row_for(touch).kind != "delete" or not own:
        return False
    return refers(live, _maker(catalogue, overlay, touch), str(touch.params.get(own[-1])))


def _named(rule: DependantRule, touch: Touch, state: Json) -> Json:
    """Of a list only what the body names, when the rule says how."""
    name, _, key = rule.named.partition(".")
    if not key or not isinstance(state, list):
        return state
    named = {str(one.get(key)) for one in (touch.body or {}).get(name) or () if isinstance(one, Mapping)}
    return [one for one in state if str(one.get(key)) in named]


def _how(catalogue: Catalogue, overlay: Overlay, row: Row, rule: DependantRule, state: Json) -> str:
    if not row.restores_dependants:
        return NOT_RESTORED
    if rule.write:
        return WRITTEN_BACK
    listed = catalogue.find(rule.read)
    if not isinstance(state, list):
        return WRITTEN_BACK if catalogue.at("PUT", listed.path) else NOT_RESTORED
    if overlay.places.item("DELETE", listed.path):
        known = {str(id_of(one, id_names(catalogue, overlay, rule))) for one in state}
        if row.remade and row.remade not in known:
            return NOT_RESTORED  # the undo brings one about that was not there, and that may stand in their way
        return MADE_AGAIN if catalogue.at("POST", listed.path) else NOT_RESTORED
    return WRITTEN_BACK if overlay.places.item("PUT", listed.path) else NOT_RESTORED


def _by_template(rule: DependantRule, touch: Touch, element: Json) -> Iterator[Restoring]:
    try:
        params, body = (filled(template, touch, element) for template in (dict(rule.params), dict(rule.body)))
    except Gap:
        return
    yield Restoring((Write(rule.write, params, body),), body)


def _elements(
    catalogue: Catalogue, overlay: Overlay, touch: Touch, dependant: Dependant, live: Json
) -> Iterator[Restoring]:
    listed = catalogue.find(dependant.reader.operation)
    deleter, updater = (overlay.places.item(method, listed.path) for method in ("DELETE", "PUT"))
    item = deleter or updater
    if item is None:
        return
    names = id_names(catalogue, overlay, rule_of(overlay, touch, dependant))
    remade = overlay.row_for(touch).remade
    there = {str(id_of(one, names)): one for one in live} if isinstance(live, list) else None
    for one in dependant.before:
        id_ = str(id_of(one, names))
        params = {**dependant.reader.params, item.param: id_of(one, names)}
        is_there = id_ in there if there is not None else id_ == remade or deleter is None
        if not is_there and deleter is not None:
            gone = Touch(deleter.operation, params, is_write=True)
            yield Restoring(inverse_of(catalogue, overlay, gone, one, None).writes, one)
        elif updater is not None and (
            there is None
            or _differ(overlay.row(updater.operation), one, there.get(id_))
            or _names_the_deleted(catalogue, overlay, touch, there.get(id_))
        ):
            yield _put(catalogue, overlay, catalogue.find(updater.operation), params, one)


def _put(
    catalogue: Catalogue, overlay: Overlay, writer: Operation, params: Mapping[str, Json], before: Json
) -> Restoring:
    body = restorable(catalogue, overlay, writer.id, before)
    own = {name: params[name] for name in writer.path_params if name in params}
    return Restoring((Write(writer.id, own, body),), before)


def _differ(row: Row, before: Json, live: Json) -> bool:
    return bool(differences(before, live, ignore=row.volatile, unordered=row.unordered))
