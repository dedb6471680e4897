"""A plan as a record: everything that is known of it, and what it waits for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from rich.console import Console

from mcp_server.changes.planning.plan_view import blocked_view, field_view, impact_view
from mcp_server.changes.question import field_line
from mcp_server.cli.views.printing import line, lines
from mcp_server.domain.actor import Profile
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import FieldChange, Plan, Step
from mcp_server.domain.record import Approval, StoredPlan
from mcp_server.domain.redaction import clean
from mcp_server.domain.risk import Risk
from mcp_server.domain.rules.order import confirmations

OPEN: Final = (
    ChangeState.PLANNED,
    ChangeState.AUDIT_REQUESTED,
    ChangeState.AUDIT_ACKED,
    ChangeState.AUDIT_APPROVED,
    ChangeState.APPROVED,
)
_IN_AUDIT: Final = (ChangeState.AUDIT_REQUESTED, ChangeState.AUDIT_ACKED)
_COLOURS: Final[Mapping[str, str]] = {"added": "green", "removed": "red", "moved": "cyan"}
_RISK_COLOURS: Final[Mapping[str, str]] = {"low": "green", "moderate": "yellow", "high": "red", "critical": "bold red"}


def is_open(stored: StoredPlan, now: datetime) -> bool:
    """Whether the plan can still be carried out, or what it changed still waits to be kept."""
    if stored.state is ChangeState.PENDING_KEEP:
        return True
    return stored.state in OPEN and stored.change_id is None and stored.plan.expires_at > now


def valid_approval(stored: StoredPlan, genuine: Sequence[Approval], now: datetime) -> Approval | None:
    """The unused approval of just this plan, among approvals whose signatures hold."""
    for approval in genuine:
        wanted = "keep" if stored.state is ChangeState.PENDING_KEEP else "apply"
        fits = approval.plan_id == stored.key and approval.plan_hash == stored.plan.plan_hash
        fits &= approval.purpose == wanted
        if fits and approval.used_by is None and approval.expires_at > now:
            return approval
    return None


def waits_for(stored: StoredPlan, approval: Approval | None, profile: str) -> str:
    """What has to happen next: audit, apply, confirmation (in the client or outside it), approval or being kept."""
    if stored.state is ChangeState.PENDING_KEEP:
        return "keep" if approval is None else "apply"
    if stored.state in _IN_AUDIT:
        return "audit"
    if approval is not None:
        return "apply"
    is_small = stored.plan.risk <= Risk.MODERATE and confirmations(stored.plan.warnings) != "outside"
    return "confirmation" if is_small and profile != Profile.TEAM else "approval"


def plan_row(stored: StoredPlan, waiting: str, command: str) -> dict[str, Json]:
    """An open plan in short; ``command`` is what a person runs for it, "" when nothing is to be run."""
    plan = stored.plan
    view: dict[str, Json] = {
        "plan_id": stored.key,
        "code": plan.code,
        "risk": plan.risk.word,
        "waits_for": waiting,
        "state": stored.state.value,
        "requester": clean(stored.owner, 80),
        "organization": {"id": plan.organization.id, "name": clean(plan.organization.name, 80)},
        "steps": len(plan.steps),
        "devices": plan.impact.devices,
        "intent": clean(plan.intent, 300),
        "expires_at": plan.expires_at.isoformat(),
    }
    if command:
        view["run"] = command
    return view


def plan_record(stored: StoredPlan) -> dict[str, Json]:
    """The whole plan; secrets are masked when it is printed."""
    plan = stored.plan
    return {
        "plan_id": stored.key,
        "state": stored.state.value,
        "code": plan.code,
        "plan_hash": plan.plan_hash,
        "request_id": plan.request_id,
        "requester": clean(stored.owner, 80),
        "intent": clean(plan.intent, 1000),
        "risk": plan.risk.word,
        "organization": {"id": plan.organization.id, "name": clean(plan.organization.name, 80)},
        "networks": [{"id": network.id, "name": clean(network.name, 80)} for network in plan.networks],
        "impact": impact_view(plan),
        "warnings": [
            {"rule": one.rule, "severity": one.severity, "message": clean(one.message, 400)} for one in plan.warnings
        ],
        "skipped": [blocked_view(blocked) for blocked in plan.skipped],
        "context": dict(plan.context),
        "created_at": plan.created_at.isoformat(),
        "expires_at": plan.expires_at.isoformat(),
        "rolls_back": list(plan.rolls_back),
        "change_id": stored.change_id,
        "audit_id": stored.audit_id,
        "steps": [step_record(step) for step in plan.steps],
    }


def step_record(step: Step) -> dict[str, Json]:
    """One step with its states before and after, its diff, its way back."""
    inverse = step.inverse
    return {
        "step": step.number,
        "operation": step.write.operation,
        "request": f"{step.method} {step.path}",
        "target": clean(step.label, 200),
        "risk": step.risk.word,
        "why": [clean(reason, 160) for reason in step.risk_reasons],
        "fields": [field_view(change) for change in step.diff],
        "body": step.write.body,
        "before": step.before,
        "expected": step.expected,
        "downtime": step.downtime,
        "irreversible": step.irreversible,
        "undo": {
            "class": inverse.undo_class,
            "how": inverse.how,
            "evidence": inverse.evidence,
            "caveats": list(inverse.caveats),
        },
    }


def draw_plan(out: Console, plan: Plan) -> None:
    """What the plan does, as a diff for people."""
    out.print(line(f"Risk {plan.risk.word}; {plan.impact.devices} device(s); downtime {plan.impact.downtime}.",
                   _RISK_COLOURS[plan.risk.word]))  # fmt: skip
    lines(out, [f"! {one.message}" for one in plan.warnings if one.severity != "info"], "yellow")
    for step in plan.steps:
        out.print(line(f"{step.number}. {step.label}  [{step.risk.word}]  {step.method} {step.path}", "bold"))
        for change in step.diff:
            draw_field(out, change)
        if not step.changes_something:
            out.print(line("   (already as planned)", "dim"))
        caveats = "; ".join(step.inverse.caveats)
        out.print(line(f"   undo: {step.inverse.undo_class}, {step.inverse.how}. {caveats}".rstrip(), "dim"))
    lines(out, [f"left out: {one.target}: {one.reason}" for one in plan.skipped], "yellow")


def draw_field(out: Console, change: FieldChange) -> None:
    """One field change: what was there in red, what comes in green."""
    text = field_line(change)
    if change.how in _COLOURS:
        out.print(line(f"   {text}", _COLOURS[change.how]))
        return
    before, found, after = text.partition(" -> ")
    shown = line(f"   {before}", "red")
    if found:
        shown.append_text(line(" -> ")).append_text(line(after, "green"))
    out.print(shown)
