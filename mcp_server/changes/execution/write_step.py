"""One step: look, intent, send, outcome, read back (points K5 to K10 of the write protocol).

The intent is on disk before the first byte leaves; a lost answer is read back and never blindly sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from mcp_server.catalogue.expected import expected_state
from mcp_server.catalogue.overlay import Row
from mcp_server.catalogue.readers import created_reader, reader_of
from mcp_server.catalogue.requests import request_for
from mcp_server.changes.execution.run import Run
from mcp_server.changes.freeze import frozen, not_frozen
from mcp_server.changes.listing.before import list_before
from mcp_server.changes.listing.found import found_in_list
from mcp_server.changes.planning.draft import Draft, draft_one
from mcp_server.changes.planning.placeholders import Sources, filled, typed
from mcp_server.changes.planning.weigh import NOWHERE, step_view
from mcp_server.domain.call import Json, Touch
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import FieldChange, Reader, Step
from mcp_server.domain.ports import Put, Reply, Request, moment
from mcp_server.domain.record import Asked, ChangeStep, Freeze, Listed
from mcp_server.domain.recovery.arrival import given_up, is_unanswered
from mcp_server.domain.recovery.settle import Settled, apart, settle
from mcp_server.domain.redaction import clean, redacted
from mcp_server.domain.rules.order import CONFIRMATIONS, confirmations, refusals, warnings
from mcp_server.domain.state.compare import differences
from mcp_server.errors import (
    AccessError,
    MerakiError,
    MerakiMcpError,
    NotAllowed,
    NotAuthenticated,
    RecordConflict,
    Refused,
)
from mcp_server.failpoints import failpoint

Phase = Literal["apply", "undo"]
_DENIED: Final[Mapping[type[MerakiMcpError], int]] = {NotAuthenticated: 401, NotAllowed: 403}
_CREATED_FIELDS: Final = 40  #: ids and names of an answer that are kept for $ref and undo


@dataclass(frozen=True, slots=True)
class Ready:
    """A step with its placeholders filled in, about to be sent."""

    step: Step
    touch: Touch
    reader: Reader | None
    request: Request
    before: Json
    expected: Json
    listed: Listed | None = None


@dataclass(frozen=True, slots=True)
class Wrote:
    """What came of one step. ``state`` is that of its record; ``mismatch`` is set when it is not as planned."""

    record: ChangeStep
    mismatch: tuple[FieldChange, ...] = ()
    error: MerakiMcpError | None = None

    @property
    def took_effect(self) -> bool:
        """Whether the cloud may hold this write now."""
        return self.record.state in ("applied", "unknown")


async def ready(run: Run, step: Step, own: Mapping[str, Json] | None = None) -> Ready:
    """The step with every placeholder filled; Refused when a secret or a created id is missing.

    What an earlier step created is read now: when the change was planned it was not there. So is the list that a
    create adds to when no natural key tells what it makes from the rest.
    """
    world, means = run.world, run.means

    def generate(length: int) -> str:
        name = f"generated.{run.change.key}.{step.number}.{len(run.generated) + 1}"
        run.generated.append(name)
        return means.generate(length, name)

    sources = Sources(means.secret, generate, run.created, own or {})
    params = filled(dict(step.write.params), sources)
    operation = world.catalogue.find(step.write.operation)
    body = typed(step.write.body, filled(step.write.body, sources), operation.body)
    touch = Touch(step.write.operation, params, body, is_write=True, irreversible=step.irreversible)
    organization_id = run.plan.organization.id
    reader = step.reader or reader_of(world.catalogue, world.overlay, touch, organization_id=organization_id)
    before = step.before
    if step.reader is None and reader is not None and step.kind in ("update", "delete"):
        before = await world.reads.resource(reader, fresh=True)
    has_placeholders = body != step.write.body or params != dict(step.write.params)
    expected = expected_state(world.catalogue, world.overlay, touch, before) if has_placeholders else step.expected
    if has_placeholders and own is None and not run.plan.rolls_back:
        _refuse_unsafe(run, draft_one(touch, before, reader, world))
    request = request_for(operation, params, body, organization_id)
    listed = await list_before(run, touch) if step.kind == "create" and reader is None else None
    return Ready(step, touch, reader, request, before, expected, listed)


def _refuse_unsafe(run: Run, draft: Draft) -> None:
    """Nothing when the filled-in values keep the rules and ask for no more than the person who agreed was told.

    A secret may have been set, or set anew, since the plan was made.
    """
    found = warnings(step_view(draft, NOWHERE))
    broken = refusals(found)
    if not broken and CONFIRMATIONS.index(confirmations(found)) > CONFIRMATIONS.index(confirmations(run.plan.warnings)):
        broken = tuple(one for one in found if confirmations([one]) == confirmations(found))
    if broken:
        remedy = "Set another secret and call again, or plan again so that a person sees this before agreeing."
        raise Refused(broken[0].message, remedy, code="unsafe_value")


async def look(run: Run, item: Ready, *, fresh: bool) -> tuple[str, tuple[FieldChange, ...]]:
    """Where the live state stands: ready, already (as planned to become) or moved, with the fields that moved."""
    if item.reader is None or item.step.reader is None:
        return "ready", ()  # nothing reads it, or its id was not known when it was planned
    live = await run.world.reads.resource(item.reader, fresh=fresh)
    row = run.world.overlay.row_for(item.touch)
    moved = _wrong(item.before, live, row) if item.before is not None or live is not None else ()
    if item.before is None and live is not None:
        moved = (FieldChange("", None, live, "added"),)
    if not moved:
        same = item.step.kind != "action" and not item.step.diff
        return ("already", ()) if same else ("ready", ())
    if item.step.kind != "action" and not _wrong(item.expected, live, row):
        return "already", ()
    return "moved", moved


async def write_step(run: Run, item: Ready, phase: Phase, next_state: ChangeState | None) -> Wrote:
    """The step sent and settled. ``next_state`` is committed with the outcome when the step was applied.

    Raises Refused (frozen), nothing sent, when the kill switch is on; never for an undo or a rollback.
    """
    failpoint("K5")
    record = _intent(run, item, phase)
    detail = {"phase": phase, "step": item.step.number, "request": record.request, "fences": run.named_fences}
    intent = run.entry("intent", "intent", detail)
    may_go = () if phase == "undo" or run.plan.rolls_back else (not_frozen(run.plan.organization.id),)
    try:
        await run.commit(*may_go, Put(record, {}), intent)
    except RecordConflict as stopped:
        if isinstance(stopped.found, Freeze):
            raise frozen(stopped.found, run.means) from stopped
        raise
    run.keep_step(record)
    run.is_sent = True
    failpoint("K6")
    try:
        reply = await run.world.api.write(item.request)
    except (MerakiError, AccessError) as error:
        failpoint("K8")
        return await _failed(run, item, record, error)
    failpoint("K8")
    return await _applied(run, item, record, reply, next_state)


def _intent(run: Run, item: Ready, phase: Phase) -> ChangeStep:
    request = {"method": item.request.method, "path": item.request.path, "body": redacted(item.step.write.body)}
    return ChangeStep(
        key=f"{run.change.key}/{phase}/{item.step.number}",
        change_id=run.change.key,
        phase=phase,
        number=item.step.number,
        state="intent",
        request=request,
        sent_at=run.world.clock.now(),
        asked=_asked(run, item),
    )


def _asked(run: Run, item: Ready) -> Asked:
    """What the step is settled by, now or by a server that comes later."""
    row = run.world.overlay.row_for(item.touch)
    listed = item.listed if item.reader is None else None
    return Asked(item.touch.operation, item.reader, item.before, item.expected, row.volatile, row.unordered, listed)


async def _applied(run: Run, item: Ready, record: ChangeStep, reply: Reply, next_state: ChangeState | None) -> Wrote:
    created = created_of(reply.data)
    record = replace(record, state="applied", http_status=reply.status, created=created, ended_at=run.world.clock.now())
    run.created[item.step.number] = created
    item = replace(item, reader=_reader_of_created(run, item, created))
    record = replace(record, asked=_asked(run, item))
    outcome = run.entry("outcome", "applied", told(record))
    if next_state is None:
        await run.commit(run.set_step(record), outcome)
    else:
        await run.move(next_state, run.set_step(record), outcome)
    failpoint("K9")
    return await read_back(run, record, settle_s=item.step.settle_s)


def _reader_of_created(run: Run, item: Ready, created: Mapping[str, Json]) -> Reader | None:
    """The reader by the new id, once the answer of a create has told it."""
    if item.step.kind != "create":
        return item.reader
    world, organization_id = run.world, run.plan.organization.id
    return created_reader(world.catalogue, world.overlay, item.touch, created, organization_id=organization_id)


async def _failed(run: Run, item: Ready, record: ChangeStep, error: MerakiMcpError) -> Wrote:
    """What a failed write really did: nothing when it was refused or never left, else what the read-back shows."""
    status = error.status if isinstance(error, MerakiError) else _DENIED.get(type(error))
    texts = tuple(clean(text) for text in error.errors) if isinstance(error, MerakiError) else ()
    record = given_up(replace(record, http_status=status, errors=texts), moment(run.world.clock))
    may_have_arrived = isinstance(error, MerakiError) and error.sent and error.code in ("outcome_unknown", "bad_answer")
    if not may_have_arrived:
        return await _closed(run, replace(record, state="failed"), error)
    if item.reader is None and item.listed is None:
        return await _closed(run, replace(record, state="unknown"), error)
    wrote = await read_back(run, replace(record, state="unknown"), settle_s=item.step.settle_s)
    is_over = run.means.times.late_s <= 0 or not is_unanswered(status)
    record = told_by_reading(wrote.record, is_over=is_over)
    if record.state == "applied":
        run.created[item.step.number] = record.created
        return await _closed(run, record, None)
    return await _closed(run, record, error, wrote.mismatch if record.state == "unknown" else ())


def told_by_reading(record: ChangeStep, *, is_over: bool) -> ChangeStep:
    """A record that was in doubt and was read back, with what that says: applied, not_applied, or unknown still.

    ``is_over``: the look began when the write could no longer arrive; before, that it is not there says nothing.
    """
    settled = record.verified.get("settled")
    if settled == Settled.APPLIED:
        return replace(record, state="applied", created=created_of(record.sealed), asked=None)
    is_not_there = settled == Settled.NOT_APPLIED and is_over
    return replace(record, state="not_applied", asked=None) if is_not_there else record


async def _closed(
    run: Run, record: ChangeStep, error: MerakiMcpError | None, mismatch: tuple[FieldChange, ...] = ()
) -> Wrote:
    await run.commit(run.set_step(record), run.entry("outcome", record.state, told(record)))
    failpoint("K9")
    return Wrote(record, mismatch, error)


async def read_back(run: Run, record: ChangeStep, *, settle_s: float) -> Wrote:
    """The step's record with what the cloud holds now; waits up to the settle time for the planned state."""
    asked = record.asked
    if asked is not None and asked.listed is not None and record.state == "unknown":
        return await _in_list(run, record, settle_s)
    if asked is None or asked.reader is None:
        verified: Mapping[str, Json] = {"matches": None, "why": "this operation has no readable state"}
        return Wrote(replace(record, verified=verified))
    world, times = run.world, run.means.times
    deadline = world.clock.monotonic() + min(settle_s, times.settle_s)
    wait_s = times.settle_poll_s
    while True:
        began_at = world.clock.monotonic()  # the last read begins after the settle time, however long one takes
        try:
            live = await world.reads.resource(asked.reader, fresh=True)
        except (MerakiError, AccessError) as error:
            return Wrote(replace(record, verified={"matches": None, "why": type(error).sentence}), error=error)
        wrong = apart(asked, asked.expected, live)
        if not wrong or began_at >= deadline:
            break
        await world.clock.sleep(wait_s)
        wait_s = min(wait_s * 2, 5.0)
    settled = settle(asked, live)
    shown = [redacted({"field": change.path, "planned": change.before, "found": change.after}) for change in wrong]
    verified = {
        "matches": not wrong,
        "is_before": settled is Settled.NOT_APPLIED,
        "settled": settled.value,
        "differences": shown,
        "at": world.clock.now().isoformat(),
    }
    left = asked if record.state == "unknown" else None
    return Wrote(replace(record, verified=verified, sealed=live, asked=left), wrong)


async def _in_list(run: Run, record: ChangeStep, settle_s: float) -> Wrote:
    try:
        return Wrote(await found_in_list(run, record, settle_s=settle_s))
    except (MerakiError, AccessError) as error:
        return Wrote(replace(record, verified={"matches": None, "why": type(error).sentence}), error=error)


def _wrong(expected: Json, live: Json, row: Row) -> tuple[FieldChange, ...]:
    if expected is None or live is None:
        return () if expected is live else (FieldChange("", expected, live),)
    return differences(expected, live, ignore=row.volatile, unordered=row.unordered)


def created_of(answer: Json) -> dict[str, Json]:
    """Scalars of an answer: ids and names for $ref and undo, secrets left out."""
    if not isinstance(answer, Mapping):
        return {}
    shown = redacted({name: value for name, value in answer.items() if isinstance(value, str | int)})
    shown |= {name: rows for name, value in answer.items() if isinstance(value, list) and (rows := _ids_of(value))}
    return dict(list(shown.items())[:_CREATED_FIELDS])


def _ids_of(rows: list[Json]) -> list[Json]:
    """The ids of rows that a bulk create made; none when some row has none."""
    found = [
        {name: value for name, value in row.items() if _is_id(name) and isinstance(value, str | int)}
        for row in rows
        if isinstance(row, Mapping)
    ]
    return found if len(found) == len(rows) and all(found) else []


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("Id")


def told(record: ChangeStep) -> Mapping[str, Json]:
    """What a line of evidence says of a step."""
    return {
        "phase": record.phase,
        "step": record.number,
        "http_status": record.http_status,
        "errors": list(record.errors),
        "verified": {name: record.verified.get(name) for name in ("matches", "is_before") if name in record.verified},
    }
