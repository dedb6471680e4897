"""The way back from a write: which requests undo it, and what they cannot bring back.

Rules: the whole restorable before-state is sent, never a part (facts: whether omitted fields keep their values is
documented both ways); what cannot be restored is said in a caveat, never left out silently.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay, Row
from mcp_server.catalogue.overlay.places import Item
from mcp_server.catalogue.overlay.templates import CREATED, Gap, filled, touched, turns
from mcp_server.catalogue.transforms import has, pruned, restorable
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Operation
from mcp_server.domain.plan import Inverse, Write


def inverse_of(catalogue: Catalogue, overlay: Overlay, touch: Touch, before: Json, expected: Json) -> Inverse:
    """How to undo a write, given the state before it and the state it leaves.

    Raises InvalidArguments when the before-state holds a masked value.
    """
    row = overlay.row_for(touch)
    run = _Inversion(catalogue, overlay, touch, row, before, expected)
    return {
        "put_before": run.put_before,
        "delete_created": run.delete_created,
        "recreate": run.recreate,
        "inverse_action": run.inverse_action,
    }.get(row.undo, run.none)()


class _Inversion:
    """One write on its way back."""

    def __init__(self, catalogue: Catalogue, overlay: Overlay, touch: Touch, row: Row, *states: Json) -> None:
        self.catalogue = catalogue
        self.overlay = overlay
        self.touch = touch
        self.row = row
        self.before, self.expected = states
        self.operation = catalogue.find(touch.operation)

    def none(self, why: str = "") -> Inverse:
        """No way back, with its reason."""
        reason = why or self.row.why_none or "no way back is known"
        return Inverse("none", "none", caveats=(reason, *self.row.caveats), evidence=self.row.evidence)

    def put_before(self) -> Inverse:
        """A PUT of the whole before-state."""
        if self.before is None:
            return self.none("the state before the change was not read")
        target = self.catalogue.find(self.row.inverse or self.operation.id)
        body = restorable(self.catalogue, self.overlay, target.id, self.before, over=self.expected)
        if self.touch.body and not body:
            return self.none("nothing of the state before the change can be written back")
        write = Write(target.id, self._params(target), body)
        caveats = (*self.row.caveats, *self._secrets_at_stake(), *self._never_read(), *self._stuck(body))
        return Inverse("with_caveats" if caveats else "reversible", "put_before", (write,), caveats, self.row.evidence)

    def delete_created(self) -> Inverse:
        """A DELETE of what was created."""
        target, param = self._deleter()
        if target is None:
            return self.none("no operation deletes it")
        params = self._params(target)
        given = (self.touch.body or {}).get(self.row.id_field) if self.row.client_keyed else None
        params[param] = given if isinstance(given, str | int) else {CREATED: self.row.id_field}
        undo_class = "with_caveats" if self.row.caveats else "reversible"
        write = Write(target.id, params)
        return Inverse(undo_class, "delete_created", (write,), self.row.caveats, self.row.evidence)

    def recreate(self) -> Inverse:
        """A POST of what was deleted, and a PUT of what the POST does not take."""
        if self.before is None:
            return self.none("the state before the change was not read")
        maker = self.catalogue.get(self.row.inverse) or self.overlay.places.parent("POST", self.operation)
        if maker is None or maker.body is None:
            return self.none("no operation creates it again")
        body = restorable(self.catalogue, self.overlay, maker.id, self.before)
        asked = {path for path in self.overlay.row(maker.id).write_only if "." not in path}  # a person gives them
        missing = sorted(maker.body.required - set(body) - asked)
        if missing:
            return self.none(f"creating it again needs {', '.join(missing)}, which no GET returns")
        try:
            writes = [Write(maker.id, self._params(maker), body), *self._completion(body)]
        except Gap as gap:
            return self.none(f"creating it again needs {gap}, which is not known")
        lost = [f"{path} is never read back: it must be given again" for path in self.overlay.row(maker.id).write_only]
        new_id = (
            () if self.row.client_keyed else ("it comes back under a new id; what referred to it must be repointed",)
        )
        caveats = (*new_id, *self.row.caveats, *lost)
        undo_class = "new_id" if not self.row.client_keyed else "with_caveats" if caveats else "reversible"
        return Inverse(undo_class, "recreate", tuple(writes), caveats, self.row.evidence)

    def inverse_action(self) -> Inverse:
        """The opposite action, with the values of this one or of the state before it."""
        target = self.catalogue.find(self.row.inverse)
        template = self.row.inverse_body
        try:
            bodies = self._bodies(template)
            params = self._params(target)
        except Gap as gap:
            return self.none(f"its inverse {target.id} needs {gap}, which is not known")
        schema = target.body
        bodies = [pruned(body, schema) if schema is not None else body for body in bodies]
        writes = tuple(Write(target.id, params, body or None) for body in bodies)
        if not writes:
            return self.none(f"its inverse {target.id} has nothing to work on")
        undo_class = "with_caveats" if self.row.caveats else "reversible"
        return Inverse(undo_class, "inverse_action", writes, self.row.caveats, self.row.evidence)

    def _bodies(self, template: Mapping[str, Json]) -> list[Json]:
        """One body for each call of the opposite action; Gap when a value is missing."""
        if self.row.touched:
            rows = touched(self.row.touched, self.touch, self.before)
            return [filled(template, self.touch, row) for row in rows]
        return [filled(template, call, self.before) for call in turns(template, self.touch)]

    def _params(self, target: Operation) -> dict[str, Json]:
        """The path parameters that the inverse shares with the write, and those that the row has templates for."""
        shared = {name: self.touch.params[name] for name in target.path_params if name in self.touch.params}
        own = {name: value for name, value in self.row.inverse_params.items() if name in target.path_params}
        found = filled(own, self.touch, self.before)
        return shared | (found if isinstance(found, dict) else {})

    def _deleter(self) -> tuple[Operation | None, str]:
        item: Item | None = self.overlay.places.item("DELETE", self.operation.path)
        target = self.catalogue.get(self.row.inverse or (item.operation if item else ""))
        return target, target.path_params[-1] if target and target.path_params else ""

    def _completion(self, created: Mapping[str, Json]) -> list[Write]:
        """The PUT of the fields that the POST does not take."""
        update = self.catalogue.at("PUT", self.operation.path)
        if update is None or update.body is None:
            return []
        body = restorable(self.catalogue, self.overlay, update.id, self.before)
        known = {*created, self.row.id_field}
        more = {key for key, value in body.items() if key not in known and value not in (None, "", [], {})}
        if not more:
            return []
        params = self._params(update)
        if not self.row.client_keyed:
            new_id: Json = {CREATED: self.row.id_field}
            params[update.path_params[-1]] = new_id
            body |= {self.row.id_field: new_id} if self.row.id_field in body else {}
        return [Write(update.id, params, body)]

    def _stuck(self, body: Mapping[str, Json]) -> list[str]:
        """Fields that the write gives a value, that had none, and that cannot be cleared."""
        names = [
            name
            for name in _given_first(self.before, self.expected)
            if not has(body, name) and name.partition(".")[0] not in self.row.map_fields
        ]
        added = [name for name, key in self.row.keyed_lists.items() if self._adds(name, key)]
        return [f"{name} had no value before and cannot be cleared" for name in names] + [
            f"{name}: what is added to it cannot be taken out again" for name in added
        ]

    def _adds(self, name: str, key: str) -> bool:
        """Whether a list that is known by key gets an element that it had not: a write keeps what it does not name."""
        old, new = ({_field(e, key) for e in _elements(state, name)} for state in (self.before, self.expected))
        return bool(new - old)

    def _secrets_at_stake(self) -> list[str]:
        """Write-only secrets that the change replaces, or whose holder it replaces."""
        lost = [
            f"{path} is never read back: it must be given again" for path in self.row.write_only if self._at_stake(path)
        ]
        modes = [name for name, words in self.row.secret_modes.items() if self._leaves_mode(name, words)]
        return lost + [f"{name}: what the old mode kept secret must be given again" for name in modes if not lost]

    def _at_stake(self, path: str) -> bool:
        holder, is_list, _ = path.partition("[]")
        if has(self.touch.body or {}, path):
            return True
        old, new = _elements(self.before, holder), _elements(self.expected, holder)
        return bool(is_list) and not {_holder_of(element) for element in old} <= {
            _holder_of(element) for element in new
        }

    def _leaves_mode(self, name: str, words: str) -> bool:
        old, new = (str(_field(state, name)) for state in (self.before, self.expected))
        return old != new and re.search(words, old) is not None

    def _never_read(self) -> list[str]:
        """Fields that the change sets and that nothing reads back: their old values are not known."""
        body: Any = self.touch.body or {}
        paths = [path for path in self.row.unreadable if path not in self.row.readable and has(body, path)]
        named = [path for path in paths if not has(self.before, path)]
        return [f"{path} is never read back: its old value is not known" for path in named]


def _given_first(before: Json, expected: Json, prefix: str = "") -> Iterator[str]:
    """Paths, through objects, of what has a value after the write and had none before."""
    if not isinstance(before, Mapping) or not isinstance(expected, Mapping):
        return
    for name, value in expected.items():
        old = before.get(name)
        if old is None and value is not None:
            yield f"{prefix}{name}"
        else:
            yield from _given_first(old, value, f"{prefix}{name}.")


def _field(state: Json, name: str) -> Json:
    return state.get(name) if isinstance(state, Mapping) else None


def _elements(state: Json, name: str) -> list[Json]:
    found = _field(state, name)
    return found if isinstance(found, list) else []


def _holder_of(element: Json) -> tuple[Json, ...]:
    """What must stay equal for the cloud to keep an element's secret (Terraform provider: host and port, or id)."""
    known = element if isinstance(element, Mapping) else {}
    return tuple(str(known.get(name, "")) for name in ("host", "port", "username"))
