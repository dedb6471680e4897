"""A change as a record: how it stands, each step, who approved it, its lines of evidence."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console

from mcp_server.changes.execution.report import as_taken, change_row, step_view, stored_outcome
from mcp_server.cli.views.plans import draw_plan, plan_record
from mcp_server.cli.views.printing import line, lines, row, table
from mcp_server.domain.call import Json
from mcp_server.domain.record import Approval, AuditEntry, AuditRequest, Change, ChangeStep, StoredPlan
from mcp_server.domain.redaction import clean

_GOOD: Final = ("applied", "unchanged", "rolled_back", "approved", "approve", "ok")
_BAD: Final = ("failed", "unknown", "rollback_failed", "partial_success", "refused", "reject")


def style_of(status: str) -> str:
    """The colour of a status."""
    return "green" if status in _GOOD else "red" if status in _BAD else "yellow"


def change_record(
    change: Change,
    stored: StoredPlan | None,
    steps: Sequence[ChangeStep],
    approval: Mapping[str, Json] | None,
    evidence: Sequence[AuditEntry],
) -> dict[str, Json]:
    """The whole record of a change; secrets are masked when it is printed."""
    told = stored_outcome(stored, change, steps).data if stored else {}
    return {
        **change_row(change),
        "state": change.state.value,
        "steps": [step_view(step) for step in as_taken(change, steps)] if stored else [],
        **{name: told[name] for name in ("health", "delivery", "residue", "change_log") if name in told},
        "record": dict(change.result),
        "approval": dict(approval) if approval else None,
        "plan": plan_record(stored) if stored else None,
        "evidence": [evidence_row(one) for one in reversed(evidence)],
    }


def approval_record(approval: Approval, *, is_genuine: bool) -> dict[str, Json]:
    """Who said yes, and whether the signature holds; an answer given in the client has none."""
    is_signed = approval.channel != "elicitation"
    return {
        "approval_id": approval.key,
        "approver": clean(approval.approver, 80),
        "channel": approval.channel,
        "four_eyes": approval.four_eyes,
        "approved_at": approval.approved_at.isoformat(),
        "key_id": approval.key_id,
        "signature": ("holds" if is_genuine else "DOES NOT HOLD") if is_signed else "none: answered in the client",
    }


def audit_record(audit: AuditRequest, *, is_genuine: bool) -> dict[str, Json]:
    """An audit of a plan and its verdict."""
    return {
        "audit_id": audit.key,
        "plan_id": audit.plan_id,
        "plan_hash": audit.plan_hash,
        "state": audit.state.value,
        "requester": clean(audit.requester, 80),
        "note": clean(audit.note, 1000),
        "opened_at": audit.opened_at.isoformat(),
        "verdict": audit.verdict or None,
        "auditor": clean(audit.auditor, 80) or None,
        "reason": clean(audit.reason, 1000) or None,
        "answered_at": audit.answered_at.isoformat() if audit.answered_at else None,
        "signature": ("holds" if is_genuine else "DOES NOT HOLD") if audit.verdict else "none: not answered",
    }


def evidence_row(entry: AuditEntry) -> dict[str, Json]:
    """A line of the audit chain."""
    view: dict[str, Json] = {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "event": entry.event,
        "status": entry.status,
        "owner": clean(entry.owner, 80),
        "tool": entry.tool,
        "client": clean(entry.client, 80),
        "plan_id": entry.plan_id,
        "change_id": entry.change_id,
        "call_id": entry.call_id,
        "detail": dict(entry.detail),
        "hash": entry.hash,
    }
    return {name: value for name, value in view.items() if value not in ("", {})}


def draw_changes(out: Console, changes: Sequence[Change]) -> None:
    """Changes as a table, newest first."""
    if not changes:
        out.print(line("No changes."))
        return
    made = table("change", "status", "who", "started", "networks", "plan")
    for one in changes:
        view = change_row(one)
        note = " (undone)" if one.rolled_back_by else " (a rollback)" if one.rolls_back else ""
        made.add_row(*row(one.key, f"{view['status']}{note}", one.owner, _short(view["started_at"]),
                          ", ".join(one.network_ids), one.plan_id), style=style_of(str(view["status"])))  # fmt: skip
    out.print(made)


def draw_change(out: Console, view: Mapping[str, Json], stored: StoredPlan | None) -> None:
    """One change for people: how it stands, its diff, its steps, its evidence."""
    out.print(line(f"{view['change_id']}: {view['status']}", f"bold {style_of(str(view['status']))}"))
    out.print(line(f"by {view['actor']}, {view['started_at']} to {view['ended_at'] or 'now'}"))
    for name in ("rolls_back", "rolled_back_by"):
        if name in view:
            out.print(line(f"{name.replace('_', ' ')}: {view[name]}"))
    if view["approval"]:
        yes = view["approval"]
        out.print(line(f"approved by {yes['approver']} ({yes['channel']}, four eyes {yes['four_eyes']}); "
                       f"signature: {yes['signature']}"))  # fmt: skip
    if stored is not None:
        draw_plan(out, stored.plan)
    lines(out, [_step_line(step) for step in view["steps"]])
    for name in ("health", "delivery", "residue", "change_log"):
        if view.get(name):
            out.print(line(f"{name}: {view[name]}"))
    failure = view["record"].get("failure") or {}
    if failure:
        out.print(line(f"{failure.get('message')} {failure.get('remedy')}", "red"))
    draw_evidence(out, view["evidence"])


def draw_evidence(out: Console, rows: Sequence[Mapping[str, Json]]) -> None:
    """Lines of the chain as a table."""
    made = table("seq", "at", "event", "status", "who", "tool", "about")
    for one in rows:
        about = one.get("change_id") or one.get("plan_id")
        made.add_row(*row(one["seq"], _short(one["at"]), one["event"], one["status"], one["owner"], one.get("tool"),
                          about), style=style_of(str(one["status"])))  # fmt: skip
    out.print(made)


def draw_fields(out: Console, view: Mapping[str, Json]) -> None:
    """A flat record, one field a line."""
    lines(out, [f"{name}: {value}" for name, value in view.items() if value not in (None, "", [], {})])


def _step_line(step: Mapping[str, Json]) -> str:
    verified = {True: "verified", False: "NOT as planned", None: "not verified"}[step.get("verified")]
    return f"{step['phase']} {step['step']}: {step['state']}, HTTP {step['http_status']}, {verified}"


def _short(at: Json) -> str:
    """The time to the second, in UTC."""
    return str(at)[:19].replace("T", " ")
