"""What a write took along beside what others changed of it since: their edits stay; where both did, a person decides.

Three states are held against each other, as for the write's own resource: what the change left, what was before it,
and what is there now.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.overlay.row import DependantRule, Row
from mcp_server.domain.call import Json
from mcp_server.domain.plan import Dependant
from mcp_server.domain.redaction import clean
from mcp_server.domain.state.compare import differences
from mcp_server.domain.state.path import is_named, parsed
from mcp_server.domain.state.three_way import three_way

_BEFORE: Final = "$before."


@dataclass(frozen=True, slots=True)
class Reconciled:
    """``wanted`` is what an undo writes back; ``kept`` and ``conflicts`` name later edits by others, which stay."""

    wanted: Json
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()  #: fields that the change and somebody after it both changed


@dataclass(frozen=True, slots=True)
class _Rules:
    """How elements of one read are told apart and compared. ``fields`` is what its write takes; None: any."""

    read: str
    names: Sequence[str]
    row: Row
    fields: Collection[str] | None


def id_names(catalogue: Catalogue, overlay: Overlay, rule: DependantRule) -> tuple[str, ...]:
    """The fields, the strongest first, by which an element of the read is known; () for a settings object."""
    if rule.write:
        return tuple(str(value).removeprefix(_BEFORE) for value in rule.params.values() if _is_of_before(value))
    path = catalogue.find(rule.read).path
    item = overlay.places.item("DELETE", path) or overlay.places.item("PUT", path)
    return (overlay.row(item.operation).id_field, item.param, "id", "number") if item else ()


def id_of(element: Json, names: Sequence[str]) -> Json:
    """The id of an element of a list: of the names, the first that it has."""
    known = element if isinstance(element, Mapping) else {}
    return next((known[name] for name in names if name and name in known), None)


def reconciled(
    catalogue: Catalogue, overlay: Overlay, rule: DependantRule, dependant: Dependant, *, left: Json, live: Json
) -> Reconciled:
    """The before-state with what others changed since; as it is when what was left, or what is live, is not known."""
    before = dependant.before
    if left is None or live is None:
        return Reconciled(before)
    rules = _rules(catalogue, overlay, rule)
    if not isinstance(before, list):
        return _one(rules, rule.read, left, before, live)
    old, new = ({str(id_of(one, rules.names)): one for one in state} for state in (left, live))
    found = []
    for one in before:
        id_ = str(id_of(one, rules.names))
        found.append(_one(rules, f"{rule.read} {clean(id_, 60)}", old.get(id_), one, new.get(id_)))
    return Reconciled(
        [one.wanted for one in found if one.wanted is not None],
        tuple(text for one in found for text in one.kept),
        tuple(text for one in found for text in one.conflicts),
    )


def _is_of_before(value: Json) -> bool:
    return isinstance(value, str) and value.startswith(_BEFORE)


def _rules(catalogue: Catalogue, overlay: Overlay, rule: DependantRule) -> _Rules:
    path = catalogue.find(rule.read).path
    item = overlay.places.item("PUT", path)
    writer = catalogue.get(rule.write) or (catalogue.find(item.operation) if item else catalogue.at("PUT", path))
    fields = writer.body.fields if writer is not None and writer.body is not None and not rule.write else None
    row = overlay.row(writer.id if writer is not None else rule.read)
    return _Rules(rule.read, id_names(catalogue, overlay, rule), row, fields)


def _one(rules: _Rules, name: str, left: Json, before: Json, live: Json) -> Reconciled:
    """One element, or a settings object; None stands for one that is not there, as state and as what is wanted."""
    if live is None:
        if left is None:
            return Reconciled(before)  # the change took it away, and nobody has made it again
        return Reconciled(None, kept=(name,)) if _same(rules, left, before) else Reconciled(None, conflicts=(name,))
    if left is None:
        return Reconciled(before) if _same(rules, before, live) else Reconciled(live, conflicts=(name,))
    merge = three_way(left, before, live, unordered=rules.row.unordered)
    clashes = tuple(f"{name}: {one.path}" for one in merge.conflicts if _counts(rules, one.path))
    stays = bool(clashes) or not _same(rules, before, merge.result)
    return Reconciled(merge.result, kept=(name,) if stays and not clashes else (), conflicts=clashes)


def _same(rules: _Rules, first: Json, second: Json) -> bool:
    row = rules.row
    ways = ((first, second), (second, first))  # a field that only the second has is no difference to the first
    return not any(
        _counts(rules, one.path)
        for old, new in ways
        for one in differences(old, new, ignore=row.volatile, unordered=row.unordered)
    )


def _counts(rules: _Rules, path: str) -> bool:
    """Whether the field is one that can be written, and does not change on its own."""
    tokens = parsed(path)
    writable = rules.fields is None or not tokens or tokens[0] in rules.fields
    return writable and not is_named(tokens, frozenset(rules.row.volatile))
