"""References to what a way back makes again under another id, in all that is written after it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mcp_server.catalogue.related.references import Moved, repointed, repointed_params
from mcp_server.changes.planning.draft import Draft
from mcp_server.domain.call import Json
from mcp_server.domain.plan import Step, Write
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.state.diff import diff
from mcp_server.world import World


def moved_by(step: Step, drafts: Sequence[Draft], first: int, world: World) -> tuple[Moved, ...]:
    """The resource that the drafts make again under another id, named by the step that makes it."""
    found = _old_place(step, world)
    if step.inverse.how != "recreate" or not drafts or found is None:
        return ()
    maker, path, old = found
    new = f"step-{first}.{world.overlay.row(maker).id_field}"
    return (Moved(maker, path, old, new, network_id=_network_of(step)),)


def moved_to(step: Step, made: ChangeStep | None, world: World) -> tuple[Moved, ...]:
    """The same once the new id is known from the answer of the create."""
    found = _old_place(step, world)
    if step.inverse.how != "recreate" or made is None or found is None:
        return ()
    maker, path, old = found
    new = made.created.get(world.overlay.row(maker).id_field)
    return (Moved(maker, path, old, str(new), is_name=False, network_id=_network_of(step)),) if new is not None else ()


def _network_of(step: Step) -> str:
    """The network that the step's path names; what is below a device has ids that no other network uses."""
    return str(step.write.params.get("networkId") or "")


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
        dependants=tuple(replace(one, before=repointed(one.before, moved)) for one in step.dependants),
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
