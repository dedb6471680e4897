"""meraki-specialist plans, history, show: what the store knows, without a server."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from mcp_server.assembly import command_line
from mcp_server.changes.execution.report import change_row, status_of
from mcp_server.cli.local import Local, on_local
from mcp_server.cli.views.changes import (
    approval_record,
    audit_record,
    change_record,
    draw_change,
    draw_changes,
    draw_evidence,
    draw_fields,
    evidence_row,
)
from mcp_server.cli.views.plans import draw_plan, is_open, plan_record, plan_row, valid_approval, waits_for
from mcp_server.cli.views.printing import line, row, shown, table
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import STATUS
from mcp_server.domain.record import Approval, AuditEntry, AuditRequest, Change, ChangeStep, StoredPlan
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused
from mcp_server.gate.signatures import SignedApprovals

_STATUSES: Final = tuple(dict.fromkeys(STATUS.values()))


class Moment(click.ParamType[datetime]):
    """A point in time; without a zone it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The aware time; a usage error when it is none."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("example: 2026-11-21T08:00:00Z", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def plans(home: dict[str, Any], *, as_json: bool) -> None:
    """Open plans and what each waits for."""
    rows = on_local(home, _open_plans, reads_only=True)

    def draw(out: Any) -> None:
        if not rows:
            out.print(line("No open plans."))
            return
        made = table("plan", "code", "risk", "waits for", "who", "steps", "devices", "expires")
        for one in rows:
            made.add_row(*row(one["plan_id"], one["code"], one["risk"], one["waits_for"], one["requester"],
                              one["steps"], one["devices"], one["expires_at"][:19].replace("T", " ")))  # fmt: skip
        out.print(made)
        for one in rows:
            out.print(line(f"{one['code']}: {one['intent']}" if one["intent"] else f"{one['code']}:"))
            out.print(line(f"  {one.get('run', 'the assistant can go on')}", "bold"))

    shown({"plans": rows}, is_json=as_json, draw=draw)


async def _open_plans(local: Local) -> list[dict[str, Json]]:
    now, found = local.clock.now(), await local.store.list(StoredPlan, {}, limit=500)
    signatures = SignedApprovals(local.keyring)
    rows = []
    for stored in found:
        if not is_open(stored, now):
            continue
        approvals = await local.store.list(Approval, {"plan_id": stored.key})
        genuine = [one for one in approvals if one.channel != "elicitation" and signatures.is_genuine(one)]
        waiting = waits_for(stored, valid_approval(stored, genuine, now), local.settings.profile)
        rows.append(plan_row(stored, waiting, _next_command(local, stored, waiting)))
    return rows


def _next_command(local: Local, stored: StoredPlan, waiting: str) -> str:
    """What a person runs for a plan; "" when the assistant only has to go on."""
    if waiting == "audit":
        return command_line(local.settings, "audit-respond", stored.audit_id or "")
    return "" if waiting == "apply" else command_line(local.settings, "approve", stored.key)


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--since", type=Moment(), help="From this time on.")
@click.option("--actor", help="Whose changes.")
@click.option("--network", "network_id", help="Id of a network.")
@click.option("--plan", "plan_id", help="Id of a plan.")
@click.option("--status", type=click.Choice(_STATUSES))
@click.option("--before", help="Change id to go on from.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def history(home: dict[str, Any], /, *, as_json: bool, limit: int, before: str | None, **filters: Any) -> None:
    """Changes, newest first."""
    where = _where(filters)
    listed: Sequence[Change] = on_local(
        home, lambda local: local.store.list(Change, where, limit=limit, before=before), reads_only=True
    )
    found = [one for one in listed if filters["status"] in (None, status_of(one))]
    shown({"changes": [change_row(one) for one in found]}, is_json=as_json, draw=lambda out: draw_changes(out, found))


def _told_by(status: str) -> tuple[str, ...]:
    """The statuses of the states that are told so: a rollback is an applied change that is told as rolled back."""
    return (status, "applied") if status == "rolled_back" else (status,)


def _where(filters: Mapping[str, Any]) -> dict[str, Json]:
    """The store's filters for what was asked on the command line."""
    where = {name: filters[name] for name in ("since", "network_id", "plan_id") if filters[name]}
    if filters["actor"]:
        where["owner"] = filters["actor"]
    if filters["status"]:
        where["state"] = [state.value for state, status in STATUS.items() if status in _told_by(filters["status"])]
    return where


@click.command()
@click.argument("name", metavar="CHANGE|PLAN|AUDIT")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def show(home: dict[str, Any], name: str, *, as_json: bool) -> None:
    """The whole record of a change, a plan, an audit, or a row of the audit chain (its number)."""
    on_local(home, lambda local: _show(local, name, as_json), reads_only=True)


async def _show(local: Local, name: str, as_json: bool) -> None:
    if name.isascii() and name.isdigit():
        entry = await local.store.get(AuditEntry, name)
        if entry is not None:
            shown(evidence_row(entry), is_json=as_json, draw=lambda out: draw_fields(out, evidence_row(entry)))
            return
    elif (change := await local.store.get(Change, name)) is not None:
        await _show_change(local, change, as_json)
        return
    elif (stored := await local.store.get(StoredPlan, name)) is not None:
        await _show_plan(local, stored, as_json)
        return
    elif (audit := await local.store.get(AuditRequest, name)) is not None:
        view = audit_record(audit, is_genuine=SignedApprovals(local.keyring).is_genuine(audit))
        shown(view, is_json=as_json, draw=lambda out: draw_fields(out, view))
        return
    raise Refused(f"No change, plan or audit {clean(name, 64)!r}.", "See 'history' and 'plans'.", code="not_found")


async def _show_change(local: Local, change: Change, as_json: bool) -> None:
    stored = await local.store.get(StoredPlan, change.plan_id)
    steps = await local.store.list(ChangeStep, {"change_id": change.key}, limit=5000)
    approval = await local.store.get(Approval, change.approval_id)
    genuine = approval is not None and SignedApprovals(local.keyring).is_genuine(approval)
    yes = approval_record(approval, is_genuine=genuine) if approval else None
    evidence = await local.store.list(AuditEntry, {"change_id": change.key}, limit=5000)
    view = change_record(change, stored, steps, yes, evidence)
    shown(view, is_json=as_json, draw=lambda out: draw_change(out, view, stored))


async def _show_plan(local: Local, stored: StoredPlan, as_json: bool) -> None:
    evidence = await local.store.list(AuditEntry, {"plan_id": stored.key}, limit=5000)
    rows = [evidence_row(one) for one in reversed(evidence)]

    def draw(out: Any) -> None:
        out.print(line(f"{stored.key} {stored.plan.code}: {stored.state.value}", "bold"))
        out.print(line(f"by {stored.owner}; expires {stored.plan.expires_at.isoformat()}; {stored.plan.plan_hash}"))
        if stored.plan.intent:
            out.print(line(f"The requester says (not checked): {stored.plan.intent}", "italic"))
        draw_plan(out, stored.plan)
        draw_evidence(out, rows)

    shown({**plan_record(stored), "evidence": rows}, is_json=as_json, draw=draw)
