"""Post-task step 3: what to do next, each with the exact tool call. Suggestions only; nothing is done here.

The protocol kept at most one handoff, the last condition that held; here each condition gives its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mcp_server.domain.call import Attempt, Json
from mcp_server.domain.change_log import is_undoable, result_word
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Handoff, Outcome
from mcp_server.domain.record import Change, Session, StoredPlan
from mcp_server.domain.redaction import clean, counted, listed
from mcp_server.hooks.session import find_session, happened
from mcp_server.locales.messages import message
from mcp_server.world import World

AUTOMATE_FROM = 3  #: the same kind of change so often in a session
AUTOMATE_OVER = 5  #: targets of one change
_APPLIED = frozenset({ChangeState.APPLIED, ChangeState.PENDING_KEEP})
_BROKEN = frozenset({ChangeState.PARTIAL, ChangeState.IN_DOUBT, ChangeState.ROLLBACK_FAILED})
_AUDITED = frozenset({ChangeState.AUDIT_REQUESTED, ChangeState.AUDIT_ACKED})
_APPROVABLE = frozenset({ChangeState.PLANNED, ChangeState.AUDIT_APPROVED})


async def process_handoffs(attempt: Attempt, outcome: Outcome, world: World) -> Outcome:
    """The outcome with its suggestions added."""
    session = None
    if outcome.change is not None:
        session = await find_session(world.store, attempt.actor, world.clock.now())
    found = tuple(_handoffs(outcome, session, world.limits.locale))
    return replace(outcome, handoffs=(*outcome.handoffs, *found)) if found else outcome


def _handoffs(outcome: Outcome, session: Session | None, locale: str) -> Iterator[Handoff]:
    change, stored = outcome.change, outcome.plan
    if stored is not None and change is not None:
        yield from _after_change(outcome, stored, change, session, locale)
    elif stored is not None:
        yield from _before_change(outcome, stored, locale)


def _after_change(
    outcome: Outcome, stored: StoredPlan, change: Change, session: Session | None, locale: str
) -> Iterator[Handoff]:
    context = _context(stored, change)
    if change.state is ChangeState.PENDING_KEEP:
        call = _call("meraki_apply", plan_id=stored.key)
        call["arguments"]["keep"] = True
        yield _handoff(locale, "approver", "keep-pending", call, {**context, **_until(outcome)})
    if change.state in _APPLIED and not is_delta_known(outcome):
        call = _call("health_check", change_id=change.key)
        yield _handoff(locale, "network-analyst", "post-change-validation", call, context)
    if change.state in _BROKEN:
        call = _call("history", change_id=change.key)
        yield _handoff(locale, "network-analyst", "partial-failure-investigation", call, context)
    operation = automatable(stored, change, session)
    if operation:
        call = _call("meraki_search", operation=operation)
        yield _handoff(locale, "workflow-creator", "automation-opportunity", call, context)
    if is_undoable(stored.plan, change):
        call = _call("rollback", change_id=change.key)
        yield _handoff(locale, "meraki-specialist", "rollback-available", call, context)


def _before_change(outcome: Outcome, stored: StoredPlan, locale: str) -> Iterator[Handoff]:
    context = {"plan_id": stored.key, "state": stored.state.value}
    if stored.state in _AUDITED or outcome.status == "needs_audit":
        call = _call("request_audit", plan_id=stored.key)
        yield _handoff(locale, "auditor", "audit-pending", call, context)
    elif stored.state in _APPROVABLE and not outcome.question:
        call = _call("meraki_apply", plan_id=stored.key)
        yield _handoff(locale, "approver", "approval-pending", call, context)


def is_delta_known(outcome: Outcome) -> bool:
    """Whether the answer already compares the network's health with that before the change."""
    health = outcome.data.get("health")
    return isinstance(health, Mapping) and health.get("delta") is not None


def automatable(stored: StoredPlan, change: Change, session: Session | None) -> str:
    """The operation that a workflow could do: for the third time in the session, or over more than 5 targets; or ""."""
    if not happened(change) or stored.plan.rolls_back:
        return ""
    counts = dict(session.operations) if session is not None else {}
    is_counted = session is not None and change.key in session.changes
    operations = list(dict.fromkeys(step.write.operation for step in stored.plan.steps))
    for operation in operations:
        if counts.get(operation, 0) + (0 if is_counted else 1) >= AUTOMATE_FROM:
            return operation
    targets = {step.path for step in stored.plan.steps}
    return operations[0] if operations and len(targets) > AUTOMATE_OVER else ""


def _context(stored: StoredPlan, change: Change) -> dict[str, Json]:
    plan = stored.plan
    return {
        "change_id": change.key,
        "operation": listed(dict.fromkeys(step.write.operation for step in plan.steps)),
        "targets": listed(counted(step.label for step in plan.steps)),
        "result": result_word(change.state),
    }


def _until(outcome: Outcome) -> dict[str, Json]:
    confirm = outcome.data.get("confirm")
    return {"due_at": confirm["due_at"]} if isinstance(confirm, Mapping) else {}


def _call(tool: str, **arguments: str) -> dict[str, Json]:
    return {"tool": tool, "arguments": {name: clean(value, 120) for name, value in arguments.items()}}


def _handoff(locale: str, to: str, reason: str, call: Mapping[str, Json], context: Mapping[str, Json]) -> Handoff:
    text = message(locale, f"handoff.{reason.replace('-', '_')}")
    return Handoff(to, reason, message(locale, "handoff.suggestion", message=text), call, context)
