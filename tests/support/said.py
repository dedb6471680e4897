"""What a plan says of a write, by the functions that make plans: no server, no cloud, samples of schemas as state."""

import json
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Final, cast

from mcp_server.catalogue.expected import expected_state
from mcp_server.catalogue.inverse import inverse_of
from mcp_server.catalogue.overlay import Overlay, Row
from mcp_server.catalogue.readers import reader_of
from mcp_server.catalogue.related.dependants import dependant_readers, dependants
from mcp_server.catalogue.transforms import body_to_send
from mcp_server.changes.planning.build_plan import step_of
from mcp_server.changes.planning.draft import Draft
from mcp_server.changes.planning.weigh import Reach, reach_of
from mcp_server.domain.call import Attempt, Device, Named, Network, Touch
from mcp_server.domain.operation import Operation
from mcp_server.domain.plan import Inverse, Reader, Write
from mcp_server.domain.rules.risk_table import SELF_ISOLATING
from mcp_server.domain.state.compare import differences
from mcp_server.domain.state.diff import diff
from mcp_server.world import World
from tests.support.shipped import CATALOGUE, sample

HERE: Final = Network("7", "here", "7", ("appliance",))
PRODUCTS: Final = ("wireless", "switch", "appliance", "camera", "sensor", "cellularGateway", "systemsManager")
DEVICES: Final = tuple(Device(f"Q-{one}", one, "M", "7", "7", product_type=one) for one in PRODUCTS)


@dataclass(frozen=True)
class _Inventory:
    """One network with a device of each product."""

    async def device(self, serial: str) -> Device:
        return DEVICES[0]

    async def network(self, network_id: str) -> Network:
        return HERE

    async def bound_networks(self, template_id: str) -> tuple[Network, ...]:
        return ()

    async def devices_of(self, network_id: str) -> tuple[Device, ...]:
        return DEVICES


class _Reads:
    """No port is an uplink."""

    async def read(self, operation: str, params: Mapping[str, Any]) -> Any:
        return SimpleNamespace(data=[])


MOST_SHOWN: Final = 200
USUAL_S: Final = 5.0
USUAL_ALONE: Final = ("createdAt", "updatedAt", "lastUpdatedAt", "url", "imageUrl", "imageUrlExpiresAt")
USUAL_SETS: Final = ("tags", "availabilityTags", "networkTags", "productTypes")
WORLD: Final = cast(World, SimpleNamespace(inventory=_Inventory(), reads=_Reads()))
ATTEMPT: Final = cast(Attempt, SimpleNamespace(facts=SimpleNamespace(networks=(HERE,))))


@dataclass(frozen=True)
class Saying:
    """A write in the making: everything that a plan would say can be asked of it."""

    overlay: Overlay
    operation: Operation
    touch: Touch
    row: Row
    reader: Reader | None
    before: Any
    expected: Any
    inverse: Inverse

    @property
    def draft(self) -> Draft:
        """The step before it is numbered."""
        changes = diff(self.before, self.expected)
        return Draft(
            self.touch, self.operation, self.row, self.reader, self.before, self.expected, changes, self.inverse
        )

    def told(self) -> Iterator[tuple[str, str]]:
        """Each statement: its kind, and what is stated; a kind that says the usual thing is left out."""
        draft = self.draft
        reach = _now(reach_of(draft, ATTEMPT, WORLD))
        step = step_of(1, draft, Reach(None, None, (), (), frozenset()), Named("7", "ours"))
        yield "risk", step.risk.word
        yield "kind", step.kind
        yield "resource", step.resource
        yield "task", step.task
        if step.downtime != "none":
            yield "downtime", step.downtime
        if step.settle_s != USUAL_S:
            yield "settle", f"{step.settle_s:g} s"
        if self.row.family or self.row.carrier:
            yield "refused", self.row.family or "carrier"
        if SELF_ISOLATING in step.risk_reasons:
            yield "cuts_itself_off", "said"
        if {"networkId", "configTemplateId"} & set(self.touch.params) and not reach.devices:
            yield "reaches_no_device", "said"
        yield "undo", "; ".join([self.inverse.how, *map(_way, self.inverse.writes)])
        yield from (("caveat", text) for text in self.inverse.caveats)
        yield "read", _words(self.reader)
        yield from (("taken_along", one) for one in self._taken_along())
        alone = [name for name in self.row.volatile if name not in USUAL_ALONE]
        yield from (("moves_alone", name) for name in alone if not self._counts(name, "a", "b"))
        sets = [name for name in self.row.unordered if name not in USUAL_SETS]
        yield from (("set", name) for name in sets if not self._counts(name, ["a", "b"], ["b", "a"]))
        if self.row.kind in ("create", "update") and isinstance(self.expected, dict):
            yield "expects", " ".join(sorted(self.expected))
        yield from (
            ("completes", f"{name} by {key}") for name, key in self.row.keyed_lists.items() if self._keeps(name, key)
        )
        if self.row.kind == "action" and self.expected != self.before:
            yield "makes_of_it", ", ".join(sorted({one.path.split("[")[0] for one in draft.changes}))

    def _taken_along(self) -> Iterator[str]:
        readers = dependant_readers(CATALOGUE, self.row, self.touch, "7")
        states = [_state(one) for one in readers]
        found = dependants(CATALOGUE, self.overlay, self.touch, readers, states) if readers else ()
        yield from (f"{one.operation} {[o.how for o in found if o.reader == one] or 'unnamed'}" for one in readers)

    def _keeps(self, name: str, key: str) -> bool:
        """Whether a list that names one element is sent with the live others."""
        touch = replace(self.touch, body={name: [{key: "a"}]})
        return len(body_to_send(self.overlay, touch, {name: [{key: "a"}, {key: "b"}]})[name]) == 2

    def _counts(self, path: str, old: Any, new: Any) -> bool:
        """Whether the verification of the write sees that difference at a path."""
        states = (_at(path, value) for value in (old, new))
        return bool(differences(*states, ignore=self.row.volatile, unordered=self.row.unordered))


def saying(overlay: Overlay, name: str, body: Mapping[str, Any] | None = None) -> Saying:
    """The write with a whole sample as its body, ``body`` set into it; every id is 7."""
    operation = CATALOGUE.find(name)
    whole = sample(operation.body) if operation.body else None
    sent = {**whole, **(body or {})} if isinstance(whole, dict) else whole
    touch = Touch(name, dict.fromkeys(operation.path_params, "7"), sent, is_write=True)
    row = overlay.row_for(touch)
    reader = reader_of(CATALOGUE, overlay, touch, organization_id="7")
    schema = overlay.places.read_schema(operation)
    before = sample(schema) if schema is not None and row.kind != "create" else None
    expected = expected_state(CATALOGUE, overlay, touch, before)
    inverse = inverse_of(CATALOGUE, overlay, touch, before, expected)
    return Saying(overlay, operation, touch, row, reader, before, expected, inverse)


def _state(reader: Reader) -> Any:
    """A sample of what a read shows, in which every id is 7."""
    schema = CATALOGUE.find(reader.operation).response
    assert schema is not None
    found = sample(schema.fields[reader.at] if reader.at else schema)
    return _sevens(found)


def _sevens(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: "7" if name.lower().endswith("id") and not one else _sevens(one) for name, one in value.items()}
    return [_sevens(one) for one in value] if isinstance(value, list) else "7" if value == "text" else value


def _way(write: Write) -> str:
    """A write of a way back: what names its target, and the fields that it sends; of an action their values too."""
    place = {name: value for name, value in write.params.items() if value != "7"}
    body = write.body if write.body is None or not _is_action(write) else json.dumps(write.body, sort_keys=True)
    sent = body if isinstance(body, str) else " ".join(sorted(body or ()))
    return " ".join(part for part in (write.operation, json.dumps(place) if place else "", sent) if part)


def _is_action(write: Write) -> bool:
    return CATALOGUE.find(write.operation).method == "POST" and len(json.dumps(write.body)) < MOST_SHOWN


def _words(reader: Reader | None) -> str:
    if reader is None:
        return "nothing"
    at = f" at {reader.at}" if reader.at else ""
    match = f" where {', '.join(reader.match)}" if reader.match else ""
    return f"{reader.operation}{at}{match}"


def _at(path: str, value: Any) -> Any:
    """A state that has that value at that path."""
    for name in reversed(path.replace("[]", ".[]").split(".")):
        value = [value] if name == "[]" else {name: value}
    return value


def _now(work: Coroutine[Any, Any, Reach]) -> Reach:
    """The result of work that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        found: Reach = done.value
        return found
    raise AssertionError("it waits for something")
