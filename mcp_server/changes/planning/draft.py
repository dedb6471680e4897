"""The first half of a plan: each step's live state, what it would become, and the way back.

Reads are shared and parallel; a step that touches what an earlier step of the same plan already changed starts
from that step's expected state, not from the live one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import anyio

from mcp_server.catalogue.expected import expected_state, with_sent_body
from mcp_server.catalogue.inverse import inverse_of
from mcp_server.catalogue.overlay import Row
from mcp_server.catalogue.readers import created_reader, reader_of
from mcp_server.catalogue.related.dependants import dependant_readers, dependants, lost_words
from mcp_server.changes.planning.placeholders import placeholders, referred
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.operation import Operation
from mcp_server.domain.plan import Dependant, FieldChange, Inverse, Reader
from mcp_server.domain.state.diff import diff
from mcp_server.errors import Refused, Rejected
from mcp_server.world import World

_READS_AT_ONCE: Final = 8
_BAD_REQUEST: Final = 400
DELETE_CREATED: Final = "delete_created"
WITH_CREATION: Final = "with_creation"  #: gone with what an earlier step of the plan created


@dataclass(frozen=True, slots=True)
class Draft:
    """One step before it is weighed and numbered. ``touch.body`` has every list edit resolved."""

    touch: Touch
    operation: Operation
    row: Row
    reader: Reader | None
    before: Json
    expected: Json
    changes: tuple[FieldChange, ...]
    inverse: Inverse
    dependants: tuple[Dependant, ...] = ()

    @property
    def kind(self) -> str:
        """The word create, update, delete or action."""
        return "action" if self.row.kind == "read" else self.row.kind


async def draft_all(touches: Sequence[Touch], world: World, organization_id: str) -> tuple[Draft, ...]:
    """A draft for each touch, in order; Refused (no_backup) when a state cannot be read whole."""
    readers = [_reader(touch, world, organization_id) for touch in touches]
    live = await read_all([reader for reader in readers if reader], world)
    known: dict[str, Json] = {}
    made: set[str] = set()
    drafts: list[Draft] = []
    for touch, reader in zip(touches, readers, strict=True):
        identity = reader_key(reader) if reader else None
        before = known.get(identity, live.get(identity)) if identity else None
        draft = draft_one(touch, before, reader, world)
        if identity in made or _is_made_by(drafts, touch):
            draft = replace(draft, inverse=Inverse("reversible", WITH_CREATION, evidence=draft.inverse.evidence))
        if identity:
            known[identity] = draft.expected
        if own := _own_place(draft, world, organization_id):
            known[own] = draft.expected
            made.add(own)
        drafts.append(draft)
    return tuple([await _with_dependants(draft, world, organization_id) for draft in drafts])


async def _with_dependants(draft: Draft, world: World, organization_id: str) -> Draft:
    """The draft with what it takes along read too; raises what a failed read raised."""
    if not draft.row.dependants or not (draft.changes or draft.kind == "action"):
        return draft
    readers = dependant_readers(world.catalogue, draft.row, draft.touch, organization_id)
    if not readers or any(placeholders(dict(reader.params), "$ref") for reader in readers):
        return draft
    states = [await _if_there(reader, world) for reader in readers]
    found = dependants(world.catalogue, world.overlay, draft.touch, readers, states)
    inverse, lost = draft.inverse, lost_words(found)
    if lost:
        kept = "with_caveats" if inverse.undo_class == "reversible" else inverse.undo_class
        inverse = replace(inverse, undo_class=kept, caveats=(*inverse.caveats, *lost))
    return replace(draft, dependants=found, inverse=inverse)


async def _if_there(reader: Reader, world: World) -> Json:
    """The state, or None where the cloud says that the network has no such thing (400: VLANs are not enabled)."""
    try:
        return await world.reads.resource(reader)
    except Rejected as error:
        if error.status == _BAD_REQUEST:
            return None
        raise


def _is_made_by(earlier: Sequence[Draft], touch: Touch) -> bool:
    """Whether the touch writes to what earlier steps create: it needs no way back but the end of that."""
    makers = referred(dict(touch.params))
    return bool(makers) and all(
        0 < number <= len(earlier) and earlier[number - 1].inverse.how in (DELETE_CREATED, WITH_CREATION)
        for number in makers
    )


def _own_place(draft: Draft, world: World, organization_id: str) -> str:
    """Where what a create makes will be read by its id, when the caller chose that id; else an empty text."""
    given = (draft.touch.body or {}).get(draft.row.id_field) if draft.row.client_keyed else None
    if draft.kind != "create" or not isinstance(given, str | int):
        return ""
    made = {draft.row.id_field: given}
    reader = created_reader(world.catalogue, world.overlay, draft.touch, made, organization_id=organization_id)
    return reader_key(reader) if reader else ""


def draft_one(touch: Touch, before: Json, reader: Reader | None, world: World) -> Draft:
    """The draft of one touch whose live state is known."""
    operation = world.catalogue.find(touch.operation)
    row = world.overlay.row_for(touch)
    if operation.method in ("PUT", "DELETE") and reader is not None and before is None:
        raise Refused(
            f"{touch.operation} has nothing to change: the resource was not found.",
            "Check the ids with meraki_read.",
            code="target_not_found",
            details={"operation": touch.operation, "params": dict(touch.params)},
        )
    if row.kind == "create" and before is not None:
        raise Refused(
            f"{touch.operation}: one with these values exists already.",
            "Change it with the update operation, or create one with another name or id.",
            code="already_exists",
            details={"operation": touch.operation, "params": dict(touch.params)},
        )
    touch = with_sent_body(world.overlay, touch, before)
    expected = expected_state(world.catalogue, world.overlay, touch, before)
    inverse = inverse_of(world.catalogue, world.overlay, touch, before, expected)
    return Draft(touch, operation, row, reader, before, expected, diff(before, expected), inverse)


async def read_all(readers: Sequence[Reader], world: World, *, fresh: bool = False) -> dict[str, Json]:
    """The live state of each reader, whole; raises what the first failed read raised."""
    states: dict[str, Json] = {}
    limit = anyio.CapacityLimiter(_READS_AT_ONCE)

    async def read(reader: Reader) -> None:
        async with limit:
            states[reader_key(reader)] = await world.reads.resource(reader, fresh=fresh)

    unique = list({reader_key(reader): reader for reader in readers}.values())
    if len(unique) == 1:
        await read(unique[0])
        return states
    try:
        async with anyio.create_task_group() as group:
            for reader in unique:
                group.start_soon(read, reader)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return states


def reader_key(reader: Reader) -> str:
    """A text that is equal for equal resources."""
    named = [{name: str(value) for name, value in given.items()} for given in (reader.params, reader.match)]
    return json.dumps([reader.operation, reader.at, *named], sort_keys=True)


def _reader(touch: Touch, world: World, organization_id: str) -> Reader | None:
    if placeholders(dict(touch.params), "$ref"):
        return None
    return reader_of(world.catalogue, world.overlay, touch, organization_id=organization_id)
