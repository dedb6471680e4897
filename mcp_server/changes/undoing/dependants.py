"""What a step took along: how it looked once the change had ended, and what brings it back beside later edits."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from mcp_server.catalogue.related.dependants import restoring, rule_of, writers_of
from mcp_server.catalogue.related.reconciled import id_names, id_of, reconciled
from mcp_server.changes.planning.draft import Draft, draft_one, reader_key
from mcp_server.changes.undoing.related import renamed
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.plan import Dependant, Step, Write
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.state.diff import diff
from mcp_server.errors import AccessError, MerakiError, Rejected
from mcp_server.world import World

_BAD_REQUEST: Final = 400
States = Mapping[str, Json]  #: by reader_key


@dataclass(frozen=True, slots=True)
class TakenAlong:
    """The drafts that bring back what a step took along; ``kept`` and ``conflicts`` are later edits, which stay."""

    drafts: tuple[Draft, ...] = ()
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    leaves: States = field(default_factory=dict)


async def taken_along(
    step: Step, done: ChangeStep, world: World, first: int, *, fresh: bool, seen: States, known: States
) -> TakenAlong:
    """What brings back the step's dependants, beside what is live of them now.

    Later edits are looked for in ``seen``, as things are before anything of the change is taken back (live where it
    has nothing); ``known`` is what ways back planned earlier will leave. The drafts' readers are left open: what they
    look like when their turn comes is only known once the step itself is undone.
    """
    touch = Touch(step.write.operation, step.write.params, step.write.body, is_write=True)
    found = TakenAlong()
    for dependant in step.dependants:
        place = reader_key(dependant.reader)
        now = None if place in seen and place in known else await _live(dependant, world, fresh=fresh)
        live = known.get(place, now)
        rule = rule_of(world.overlay, touch, dependant)
        left = done.around.get(place)
        theirs = seen.get(place, now)
        merge = reconciled(world.catalogue, world.overlay, rule, dependant, left=left, live=theirs)
        wanted = replace(dependant, before=merge.wanted)
        made = list(found.drafts)
        for back in restoring(world.catalogue, world.overlay, touch, wanted, live):
            number = first + len(made)
            made += [_open(_renamed(write, number), back.expected, world) for write in back.writes]
        names = id_names(world.catalogue, world.overlay, rule)
        leaves = {**found.leaves, place: _left(merge.wanted, live, names)}
        found = TakenAlong(tuple(made), found.kept + merge.kept, found.conflicts + merge.conflicts, leaves)
    return found


async def states_around(dependants: Iterable[Dependant], world: World) -> dict[str, Json]:
    """What is there now of each thing that steps took along, by reader_key: empty when it has gone.

    What cannot be read now is left out.
    """
    found: dict[str, Json] = {}
    for dependant in dependants:
        place = reader_key(dependant.reader)
        if place not in found:
            with suppress(MerakiError, AccessError):
                live = await _live(dependant, world, fresh=True)
                found[place] = live if live is not None else type(dependant.before)()
    return found


def may_have_changed(world: World, done: Step, holder: Step, dependant: Dependant) -> bool:
    """Whether a step wrote to what the ``holder`` took along: it took it along too, or is of an operation that does."""
    if reader_key(dependant.reader) in {reader_key(one.reader) for one in done.dependants}:
        return True
    touch = Touch(holder.write.operation, holder.write.params, holder.write.body, is_write=True)
    return done.write.operation in writers_of(world.catalogue, world.overlay, rule_of(world.overlay, touch, dependant))


def is_taken_along(dependant: Dependant, now: Json) -> bool:
    """Whether a state shows that something of the dependant is no longer as before; False when it was not read."""
    if now is None:
        return False
    if isinstance(dependant.before, list) and isinstance(now, list):
        return not all(one in now for one in dependant.before)
    return bool(now != dependant.before)


def once(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps, in the order in which they were applied, each dependant with the first that took it along alone.

    All of them know it as it was before the change, and the first is taken back last.
    """
    seen: list[tuple[str, Json]] = []
    found: list[Step] = []
    for step in steps:
        own = [one for one in step.dependants if (reader_key(one.reader), one.before) not in seen]
        seen += [(reader_key(one.reader), one.before) for one in own]
        found.append(step if len(own) == len(step.dependants) else replace(step, dependants=tuple(own)))
    return tuple(found)


def _left(wanted: Json, live: Json, names: Sequence[str]) -> Json:
    """The state of the whole read once what is wanted is written."""
    if not isinstance(wanted, list) or not isinstance(live, list):
        return wanted
    ours = {str(id_of(one, names)): one for one in wanted}
    there = {str(id_of(one, names)): one for one in live}
    return list((there | ours).values())


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
