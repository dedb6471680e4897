"""The way back beyond a step's own resource: what it took along, and references to what gets another id."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from mcp_server.catalogue.related.dependants import restoring
from mcp_server.catalogue.related.references import Moved, repointed, repointed_params
from mcp_server.changes.planning.draft import Draft, draft_one
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.plan import Dependant, Step, Write
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.state.diff import diff
from mcp_server.errors import Rejected
from mcp_server.world import World

_BAD_REQUEST: Final = 400


async def dependant_drafts(step: Step, world: World, first: int, *, fresh: bool) -> tuple[Draft, ...]:
    """What brings back the step's dependants, beside what is live of them now.

    Their readers are left open: what they look like when their turn comes is only known once the step itself is undone.
    """
    touch = Touch(step.write.operation, step.write.params, step.write.body, is_write=True)
    made: list[Draft] = []
    for dependant in step.dependants:
        live = await _live(dependant, world, fresh=fresh)
        for back in restoring(world.catalogue, world.overlay, touch, dependant, live):
            number = first + len(made)
            made += [_open(_renamed(write, number), back.expected, world) for write in back.writes]
    return tuple(made)


def _renamed(write: Write, number: int) -> Write:
    return Write(write.operation, renamed(dict(write.params), number), renamed(write.body, number))


def _open(write: Write, expected: Json, world: World) -> Draft:
    """A draft that is read when it is sent; of an update the whole state that it must leave is known already."""
    draft = draft_one(Touch(write.operation, write.params, write.body, is_write=True), None, None, world)
    if draft.kind == "update":
        return replace(draft, expected=expected, changes=diff(None, expected))
    return draft


async def _live(dependant: Dependant, world: World, *, fresh: bool) -> Json:
    try:
        return await world.reads.resource(dependant.reader, fresh=fresh)
    except Rejected as error:
        if error.status == _BAD_REQUEST:
            return None  # the network has no such thing now: VLANs are not enabled
        raise


def moved_by(step: Step, drafts: Sequence[Draft], first: int, world: World) -> tuple[Moved, ...]:
    """The resource that the drafts make again under another id, named by the step that makes it."""
    found = _old_place(step, world)
    if step.inverse.how != "recreate" or not drafts or found is None:
        return ()
    maker, path, old = found
    return (Moved(maker, path, old, f"step-{first}.{world.overlay.row(maker).id_field}"),)


def moved_to(step: Step, made: ChangeStep | None, world: World) -> tuple[Moved, ...]:
    """The same once the new id is known from the answer of the create."""
    found = _old_place(step, world)
    if step.inverse.how != "recreate" or made is None or found is None:
        return ()
    maker, path, old = found
    new = made.created.get(world.overlay.row(maker).id_field)
    return (Moved(maker, path, old, str(new), is_name=False),) if new is not None else ()


def _old_place(step: Step, world: World) -> tuple[str, str, str] | None:
    """The operation that makes the step's resource again, the path of its list, and the id that it had."""
    operation = world.catalogue.find(step.write.operation)
    row = world.overlay.row(operation.id)
    if row.client_keyed or not operation.path_params or not step.inverse.writes:
        return None
    old = step.write.params.get(operation.path_params[-1])
    return (step.inverse.writes[0].operation, operation.path.rpartition("/")[0], str(old)) if old is not None else None


def pointed(draft: Draft, moved: Sequence[Moved], world: World) -> Draft:
    """The draft with its references pointing to the new ids."""
    if not moved:
        return draft
    touch = draft.touch
    params = repointed_params(world.catalogue, touch.operation, touch.params, moved)
    body = repointed(touch.body, moved)
    if params == dict(touch.params) and body == touch.body:
        return draft
    expected = repointed(draft.expected, moved)
    reader = draft.reader if params == dict(touch.params) else None  # its place is only known once it is made again
    before = draft.before if reader is not None else None
    return replace(
        draft,
        touch=replace(touch, params=params, body=body),
        reader=reader,
        before=before,
        expected=expected,
        changes=diff(before, expected),
    )


def settled(step: Step, moved: Sequence[Moved], world: World) -> Step:
    """The step as it would have been on resources that got another id meanwhile: its ids are the new ones."""
    if not moved:
        return step
    catalogue, write = world.catalogue, step.write
    inverse = replace(
        step.inverse,
        writes=tuple(
            Write(
                one.operation, repointed_params(catalogue, one.operation, one.params, moved), repointed(one.body, moved)
            )
            for one in step.inverse.writes
        ),
    )
    reader = step.reader
    if reader is not None:
        params = repointed_params(catalogue, reader.operation, reader.params, moved)
        reader = replace(reader, params=params, match=_matched(step, reader.match, moved))
    params = repointed_params(catalogue, write.operation, write.params, moved)
    return replace(
        step,
        write=Write(write.operation, params, write.body),
        inverse=inverse,
        reader=reader,
        before=repointed(step.before, moved),
    )


def _matched(step: Step, match: Mapping[str, Json], moved: Sequence[Moved]) -> Mapping[str, Json]:
    """The id that tells the element in its list, when that is what moved."""
    own = {one.old: one.new for one in moved if step.path.startswith(_prefix(step, one))}
    return {name: own.get(str(value), value) for name, value in match.items()}


def _prefix(step: Step, moved: Moved) -> str:
    found = moved.path
    for name, value in step.write.params.items():
        found = found.replace(f"{{{name}}}", str(value))
    return f"{found}/{moved.old}"


def renamed(value: Json, first: int) -> Json:
    """The value with each ``{"$created": field}`` as ``{"$ref": "step-FIRST.field"}``."""
    if isinstance(value, list):
        return [renamed(item, first) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$created"}:
        return {"$ref": f"step-{first}.{value['$created']}"}
    return {name: renamed(item, first) for name, item in value.items()}
