"""The way back: what undoes an applied step, given what is live now.

Used twice: for the automatic undo of a change that failed half-way, and for the plan that a rollback makes.
Later edits by others stay: the before-state is merged three ways with the live state (design 5).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mcp_server.catalogue.readers import created_reader, reader_of
from mcp_server.catalogue.transforms import restorable
from mcp_server.changes.planning.draft import DELETE_CREATED, WITH_CREATION, Draft, draft_one, reader_key
from mcp_server.changes.planning.placeholders import Sources, filled, placeholders
from mcp_server.changes.undoing.dependants import States, TakenAlong, taken_along
from mcp_server.changes.undoing.related import moved_by, pointed, renamed
from mcp_server.changes.undoing.secrets import Place, secret_name, secrets_needed, shown, with_secrets
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.plan import Reader, Step, Write
from mcp_server.domain.record import ChangeStep
from mcp_server.domain.redaction import clean
from mcp_server.domain.state.compare import differences, is_unknown
from mcp_server.domain.state.diff import diff
from mcp_server.domain.state.three_way import three_way
from mcp_server.errors import Refused
from mcp_server.world import World

_PUTS_BACK: Final = ("put_before",)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A secret that a way back needs, that no GET returns, and that nobody gave; ``name`` is how a person gives it."""

    place: Place
    name: str
    is_made_again: bool  #: its holder comes back without it; else the cloud may refuse the write


@dataclass(frozen=True, slots=True)
class WayBack:
    """The drafts that undo one step; ``conflicts`` are fields that both we and somebody later changed."""

    drafts: tuple[Draft, ...]
    conflicts: tuple[str, ...] = ()
    hopeless: str = ""  #: why there is none
    replaced: Draft | None = None  #: writes back secrets alone, where nothing else is different
    place: str = ""  #: reader_key of the resource that the drafts leave as the last one expects
    secrets: tuple[tuple[Place, ...], ...] = ()  #: by draft: where a secret is missing that no GET returns
    along: TakenAlong = field(default_factory=TakenAlong)  #: the rest that the step took along, after the drafts

    @property
    def every(self) -> tuple[Draft, ...]:
        """All drafts, in the order in which they are sent."""
        return (*self.drafts, *self.along.drafts)

    def asking(self, change_id: str, step: int) -> tuple["WayBack", tuple[str, ...]]:
        """The way back with a ``$secret`` wherever one is missing, and what to tell a person of each."""
        drafts, told, number = [], [], 0
        for draft, places in zip(
            self.drafts or ((self.replaced,) if self.replaced else ()), self.secrets, strict=False
        ):
            names = [secret_name(change_id, step, number + n) for n in range(1, len(places) + 1)]
            number += len(places)
            drafts.append(with_secrets(draft, places, names))
            told += [f"{shown(place)} of step {step} is never read back: it is asked for as {name}"
                     for place, name in zip(places, names, strict=True)]  # fmt: skip
        return replace(self, drafts=tuple(drafts) or self.drafts), tuple(told)

    def given(
        self, change_id: str, step: int, is_known: Callable[[str], bool]
    ) -> tuple["WayBack", tuple[Lacking, ...]]:
        """The way back with every secret that a person gave for just this undo, and those that nobody gave.

        A secret of the plan itself is never taken for the one that stood there before.
        """
        drafts: list[Draft] = []
        lacking: list[Lacking] = []
        number = 0
        own = self.drafts or ((self.replaced,) if self.replaced else ())
        for draft, places in zip(own, self.secrets, strict=False):
            named = [(place, secret_name(change_id, step, number + n)) for n, place in enumerate(places, 1)]
            number += len(places)
            have = [(place, name) for place, name in named if is_known(name)]
            rest = [one for one in named if one not in have]
            lacking += [Lacking(place, name, is_made_again=draft.kind == "create") for place, name in rest]
            drafts.append(with_secrets(draft, [place for place, _ in have], [name for _, name in have]))
        is_whole = bool(self.drafts) or not lacking  # what differs in secrets alone is written back with all or not
        return replace(self, drafts=(*drafts, *self.drafts[len(drafts) :]) if is_whole else ()), tuple(lacking)

    def leaves(self) -> Mapping[str, Json]:
        """The states after the drafts, for the way back of an earlier step on the same resources."""
        own = {self.place: self.drafts[-1].expected} if self.place and self.drafts else {}
        return {**own, **self.along.leaves}


def as_found(steps: Sequence[Step], done: Mapping[int, ChangeStep]) -> tuple[Step, ...]:
    """The steps, each with the before-state that was really there: what an earlier one on its resource left.

    When the plan was made that was only known as planned, without what the cloud adds on its own.
    """
    left: dict[str, Json] = {}
    found: list[Step] = []
    for step in steps:
        place = reader_key(step.reader) if step.reader else ""
        found.append(replace(step, before=left[place]) if place in left else step)
        record = done.get(step.number)
        if place and record is not None and record.sealed is not None:
            left[place] = record.sealed
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Done:
    """A step as it was done, and what is known where it is undone."""

    step: Step
    record: ChangeStep
    world: World
    first: int  #: the number of the way back's first write: later ones refer to it by ``$ref``
    sent: int = 0  #: how many of its writes have taken effect: what they made is no longer somebody else's
    fresh: bool = False  #: read anew what was read in this call
    known: States = field(default_factory=dict)  #: states that earlier ways back leave
    seen: States = field(default_factory=dict)  #: what it took along, before anything of its change is taken back

    async def live(self, reader: Reader | None) -> Json:
        """The state now, or as earlier ways back leave it; None without a reader."""
        if reader is None:
            return None
        place = reader_key(reader)
        return self.known[place] if place in self.known else await self.world.reads.resource(reader, fresh=self.fresh)


async def way_back(done: Done) -> WayBack:
    """What to write to undo the step as it was done, with all that it took along."""
    step, world, first = done.step, done.world, done.first
    way = await _own_way(done)
    if way.drafts and not way.secrets:
        missing = [secrets_needed(draft, step, None, world) if draft.kind == "create" else () for draft in way.drafts]
        way = replace(way, secrets=tuple(missing))
    if not step.dependants or way.hopeless:
        return way
    more = await taken_along(
        step, done.record, world, first + max(done.sent, len(way.drafts)),
        fresh=done.fresh, seen=done.seen, known=done.known,
    )  # fmt: skip
    moved = () if done.sent else moved_by(step, way.drafts, first, world)
    along = replace(more, drafts=tuple(pointed(draft, moved, world) for draft in more.drafts))
    return replace(way, along=along, conflicts=way.conflicts + more.conflicts)


async def _own_way(done: Done) -> WayBack:
    """The way back of the step's own resource; nothing when the live state already is the before-state."""
    step, world = done.step, done.world
    if step.inverse.how == "none":
        return WayBack((), hopeless=f"step {step.number} ({step.write.operation}) cannot be undone")
    if step.inverse.how == WITH_CREATION:
        return WayBack(())
    reader = _reader(step, done.record, world)
    place = reader_key(reader) if reader else ""
    live = await done.live(reader)
    if step.inverse.how in _PUTS_BACK:
        return replace(_put_back(done, reader, live), place=place)
    if reader is not None and step.kind == "create" and live is None:
        return WayBack((), hopeless=await _made_anew(done))
    if reader is not None and step.kind == "delete" and live is not None and not done.sent:
        return WayBack((), conflicts=_moved(step.before, live, step, world))  # somebody made it again
    drafts: list[Draft] = []
    for write in _referring(step, done.first):
        back = _filled(write, _own(done.record))
        found = live if reader else await _read_for(back, done)
        drafts.append(_draft(done, back, found, reader, earlier=drafts))
    changed = _moved(done.record.sealed, live, step, world) if step.kind == "create" else ()
    return WayBack(tuple(drafts), conflicts=changed, place=place)


async def _made_anew(done: Done) -> str:
    """Why what a step created, and what is gone, is not simply gone: one like it is there under another id; else "".

    So it is after the undo of its deletion, and when somebody made it again.
    """
    step, world = done.step, done.world
    touch = Touch(step.write.operation, step.write.params, step.write.body, is_write=True)
    by_key = reader_of(world.catalogue, world.overlay, touch, organization_id=step.organization_id)
    if by_key is None or placeholders([dict(by_key.params), dict(by_key.match)], "$ref"):
        return ""
    if await world.reads.resource(by_key, fresh=done.fresh) is None:
        return ""
    keys = ", ".join(f"{name} {clean(str(value), 60)}" for name, value in by_key.match.items())
    return f"step {step.number}: what it created is gone, and one with the same {keys} is there under another id"


async def touched_since(steps: Sequence[Step], done: Mapping[int, ChangeStep], world: World) -> tuple[str, ...]:
    """What is neither as the steps left it nor as it was before them: somebody else's edit, by step and field.

    Reads each resource afresh, once; ``steps`` are those of ``as_found``.
    """
    before: dict[str, Json] = {}
    last: dict[str, tuple[Step, ChangeStep, Reader]] = {}
    for step in steps:
        record = done.get(step.number)
        reader = _reader(step, record, world) if record is not None else None
        if record is None or reader is None or (record.sealed is None and step.kind != "delete"):
            continue
        before.setdefault(reader_key(reader), step.before)
        last[reader_key(reader)] = (step, record, reader)
    found: list[str] = []
    for place, (step, record, reader) in last.items():
        live = await world.reads.resource(reader, fresh=True)
        left = None if step.kind == "delete" else record.sealed
        apart = _apart(left, live, step, world)
        if apart and _apart(before[place], live, step, world):
            found += [clean(f"step {step.number}: {step.label}: {path or 'it'}", 300) for path in apart]
    return tuple(found)


def _apart(known: Json, live: Json, step: Step, world: World) -> tuple[str, ...]:
    """The fields in which two states of a step's resource differ; one nameless field when one of them is not there."""
    if known is None or live is None:
        return () if known is live else ("",)
    row = world.overlay.row(step.write.operation)
    return tuple(one.path for one in differences(known, live, ignore=row.volatile, unordered=row.unordered))


async def _read_for(back: Touch, done: Done) -> Json:
    """The live state that the way back itself changes, where nothing reads what the step changed."""
    if placeholders([dict(back.params), back.body], "$ref"):
        return None
    world = done.world
    own = reader_of(world.catalogue, world.overlay, back, organization_id=done.step.organization_id)
    return await world.reads.resource(own, fresh=done.fresh) if own else None


def _moved(known: Json, live: Json, step: Step, world: World) -> tuple[str, ...]:
    """The fields in which the live state of a step's resource is not as we knew it; none when we did not know it."""
    if known is None or live is None:
        return ()
    row = world.overlay.row(step.write.operation)
    found = differences(known, live, ignore=row.volatile, unordered=row.unordered)
    return tuple(change.path for change in found if not is_unknown(change.after))  # what an earlier way back makes


def _reader(step: Step, record: ChangeStep, world: World) -> Reader | None:
    """How the step's resource is read now: what was created by the id that it got."""
    if step.kind != "create" and step.reader is not None:
        return step.reader
    params = filled(dict(step.write.params), _own(record))
    touch = Touch(step.write.operation, params, step.write.body, is_write=True)
    return created_reader(world.catalogue, world.overlay, touch, record.created, organization_id=step.organization_id)


def _own(record: ChangeStep) -> Sources:
    """Where placeholders of a way back get their values: from what the step itself created."""
    return Sources(secret=lambda _: None, generate=lambda _: "", own=record.created)


def _put_back(done: Done, reader: Reader | None, live: Json) -> WayBack:
    """A PUT of the before-state merged with whatever others changed since."""
    step, world, record = done.step, done.world, done.record
    if reader is None or live is None:
        return WayBack((), hopeless=f"step {step.number}: the resource is gone")
    row = world.overlay.row(step.write.operation)
    is_back = not differences(step.before, live, ignore=row.volatile, unordered=row.unordered)
    ours = record.sealed if record.sealed is not None else step.expected
    merge = three_way(ours, step.before, live, unordered=row.unordered)
    write = step.inverse.writes[0]
    body = restorable(world.catalogue, world.overlay, write.operation, merge.result, over=live)
    touch = Touch(write.operation, write.params, body, is_write=True)
    draft = draft_one(touch, live, reader, world)
    missing = secrets_needed(draft, step, live, world)
    if is_back:
        return WayBack((), secrets=(missing,), replaced=draft) if missing else WayBack(())
    return WayBack((draft,), secrets=(missing,), conflicts=tuple(conflict.path for conflict in merge.conflicts))


def _referring(step: Step, first: int) -> tuple[Write, ...]:
    """The inverse writes; what the first of a re-creation returns is named by its step number in the others."""
    if step.inverse.how != "recreate":
        return step.inverse.writes
    return tuple(
        Write(write.operation, renamed(dict(write.params), first), renamed(write.body, first))
        for write in step.inverse.writes
    )


def _filled(write: Write, sources: Sources) -> Touch:
    if placeholders([dict(write.params), write.body], "$ref"):
        return Touch(write.operation, write.params, write.body, is_write=True)
    return Touch(write.operation, filled(dict(write.params), sources), filled(write.body, sources), is_write=True)


def _draft(done: Done, touch: Touch, live: Json, reader: Reader | None, *, earlier: Sequence[Draft]) -> Draft:
    """One write of the way back; a re-creation's later ones start from what the ``earlier`` ones leave."""
    step, world, sealed = done.step, done.world, done.record.sealed  # sealed: read back after the step
    own = reader_of(world.catalogue, world.overlay, touch, organization_id=step.organization_id) or reader
    if step.kind == "delete":
        known = None if placeholders(dict(touch.params), "$ref") else own
        draft = draft_one(touch, earlier[-1].expected if earlier else None, known, world)
        if draft.kind == "action":  # what it makes is told by the state before, not by its body
            return replace(draft, expected=step.before, changes=diff(None, step.before))
        return draft
    before = live if step.kind == "create" or step.reader is None else step.expected
    if step.kind == "action" and step.reader is not None and sealed is not None:
        before = sealed  # what the action made of it was seen; it need not have been known before
    draft = draft_one(touch, before, own if step.kind != "create" else reader or own, world)
    if draft.kind == "action" and live is not None and step.reader is not None:
        return replace(draft, expected=step.before, changes=diff(live, step.before), before=live)
    return draft


def refuse_conflicts(ways: Sequence[tuple[Step, WayBack]]) -> None:
    """Refused when a way back would overwrite somebody else's later edit, or there is none."""
    clashes = [f"step {step.number}: {field}" for step, way in ways for field in way.conflicts]
    if clashes:
        raise Refused(
            "Somebody else changed the same fields after this change: " + "; ".join(clashes[:8]),
            "A person decides: read the live state, then plan the values that should stand.",
            code="rollback_conflict",
            details={"conflicts": clashes},
        )
    hopeless = [way.hopeless for _, way in ways if way.hopeless]
    if hopeless:
        raise Refused(
            "Cannot be undone: " + "; ".join(hopeless),
            "Choose the other steps with the argument steps.",
            code="not_undoable",
            details={"steps": hopeless},
        )


def refuse_without_creation(chosen: Sequence[Step], steps: Sequence[Step]) -> None:
    """Refused when a step is chosen that only goes with the step that created what it wrote to, and that is not."""
    numbers = {step.number for step in chosen}
    makers = {step.number for step in steps if step.inverse.how == DELETE_CREATED} - numbers
    alone = [step.number for step in chosen if step.inverse.how == WITH_CREATION]
    if alone and makers:
        raise Refused(
            f"Step {alone[0]} wrote to what an earlier step created and is undone together with it.",
            f"Choose step {', '.join(map(str, sorted(makers)))} too, or plan the values that should stand.",
            code="not_undoable",
            details={"steps": alone},
        )
