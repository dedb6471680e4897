"""What was done, and the audits of plans, from the store."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mcp_server.changes.execution.pending import confirm_view
from mcp_server.changes.execution.report import change_row, status_of, stored_outcome
from mcp_server.changes.planning.plan_view import plan_view
from mcp_server.changes.planning.planner import Planner
from mcp_server.changes.step_records import steps_of
from mcp_server.domain.call import Attempt, Json
from mcp_server.domain.change_log import answered_record
from mcp_server.domain.change_state import STATUS, ChangeState, move
from mcp_server.domain.given import found
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Append, Put
from mcp_server.domain.record import AuditEntry, AuditRequest, Change, Deadline, StoredPlan
from mcp_server.domain.redaction import clean
from mcp_server.errors import InvalidArguments, Refused
from mcp_server.failpoints import failpoint
from mcp_server.hooks.session import find_session
from mcp_server.world import World

_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class LedgerDesk:
    """Changes and audits of one call."""

    world: World
    planner: Planner

    async def history(self, filters: Mapping[str, Json]) -> Outcome:
        """Short records, newest first, with a cursor; the whole record of one change."""
        await self._check(filters)
        if "change_id" in filters:
            return await self._one(str(filters["change_id"]))
        limit, since = int(filters.get("limit", 20)), _time(filters.get("since"))
        where = {
            column: filters[name] for name, column in (("plan_id", "plan_id"), ("actor", "owner")) if filters.get(name)
        }
        fitting: list[Change] = []
        before = filters.get("cursor")
        while len(fitting) <= limit:
            page = await self.world.store.list(Change, where, limit=_PAGE, before=before)
            fitting += [change for change in page if _fits(change, filters, since)]
            if len(page) < _PAGE:
                break
            before = page[-1].key
        data: dict[str, Json] = {"changes": [change_row(change) for change in fitting[:limit]]}
        if len(fitting) > limit:
            data["cursor"] = fitting[limit - 1].key
        return Outcome("ok", f"{len(data['changes'])} change(s).", data)

    async def _check(self, filters: Mapping[str, Json]) -> None:
        """Nothing; Refused for a filter that can fit no record, because "none found" would be taken for an answer."""
        known = list(dict.fromkeys(STATUS.values()))
        if filters.get("status", known[0]) not in known:
            raise Refused(
                f"history: status: none of these, {found(filters['status'])}.",
                f"One of: {', '.join(known)}.",
                code="invalid_arguments",
            )
        if "cursor" in filters and await self.world.store.get(Change, str(filters["cursor"])) is None:
            raise Refused(
                f"history: cursor: not one of ours, {found(filters['cursor'])}.",
                "Give back the cursor of an earlier answer.",
                code="invalid_arguments",
            )

    async def _one(self, change_id: str, *, is_whole: bool = False) -> Outcome:
        """One change; ``is_whole``: with its states however large they are."""
        change = await self.world.store.get(Change, change_id)
        stored = await self.world.store.get(StoredPlan, change.plan_id) if change else None
        if change is None or stored is None:
            raise Refused(
                f"No change {clean(change_id, 64)!r}.", "Call history without change_id.", code="change_unknown"
            )
        steps = await steps_of(self.world.store, change_id)
        told = stored_outcome(stored, change, steps)
        record = change.result if is_whole else answered_record(change.result, len(_json(change.result)))
        view = {**record, **told.data, **change_row(change), "state": change.state.value}
        deadline = await self.world.store.get(Deadline, change_id) if change.confirm_within_minutes else None
        if deadline is not None and isinstance(view.get("confirm"), Mapping):
            view["confirm"] = {**view["confirm"], **confirm_view(deadline, stored.key)}
        if change.rolled_back_by and isinstance(view.get("rollback"), Mapping):
            undone = {"available": False, "performed": True, "rollback_change_id": change.rolled_back_by}
            view["rollback"] = {**view["rollback"], **undone}
        return Outcome("ok", f"{change_id}: {told.status}.", {"change": view})

    async def resource(self, attempt: Attempt, scheme: str, name: str) -> tuple[str, str]:
        """A plan, change or audit of the caller as JSON; the session's changelog as markdown. Refused otherwise."""
        if scheme == "changelog" and name == "session":
            session = await find_session(self.world.store, attempt.actor, self.world.clock.now())
            return "\n\n".join(session.changelog) if session else "", "text/markdown"
        if scheme == "plan":
            stored = await self.planner.find(name, attempt)
            return _json(plan_view(stored, self.planner.means)), "application/json"
        if scheme == "change":
            return _json((await self._one(name, is_whole=True)).data), "application/json"
        if scheme == "audit":
            audit = await self.world.store.get(AuditRequest, name)
            if audit is not None and audit.requester.casefold() == attempt.actor.key:
                return _json(_audit(audit)), "application/json"
        raise Refused(
            f"No resource {clean(f'{scheme}://{name}', 64)!r}.",
            "There are plan://ID, change://ID, audit://ID and changelog://session.",
            code="not_found",
        )

    async def open_audit(self, attempt: Attempt, plan_id: str, note: str) -> Outcome:
        """The plan's audit: opened now, or as it stands. While it is open the plan cannot be applied."""
        stored = await self.planner.find(plan_id, attempt)
        if stored.audit_id is None:
            stored = await self._opened(stored, attempt, note)
        audit = await self.world.store.get(AuditRequest, stored.audit_id or "")
        if audit is None:
            raise Refused("The audit of this plan is not on record.", "Make a new plan.", code="audit_unknown")
        is_open = audit.state in (ChangeState.AUDIT_REQUESTED, ChangeState.AUDIT_ACKED)
        command = self.planner.means.audit_command(audit.key)
        data: dict[str, Json] = {
            "audit_id": audit.key,
            "plan_id": plan_id,
            "state": audit.state.value,
            "opened_at": audit.opened_at.isoformat(),
            "deadline": stored.plan.expires_at.isoformat(),
            "verdict": audit.verdict or None,
            "reason": clean(audit.reason, 400) or None,
            "next_action": f"An auditor runs: {command}" if is_open else "Go on with meraki_apply or make a new plan.",
        }
        return Outcome("ok", f"Audit {audit.key} is {audit.state}.", data, plan=stored)

    async def _opened(self, stored: StoredPlan, attempt: Attempt, note: str) -> StoredPlan:
        if stored.change_id is not None:
            raise Refused("This plan was applied before.", "See history.", code="plan_applied")
        now = self.world.clock.now()
        audit = AuditRequest(
            key=self.world.ids.new("audit"),
            plan_id=stored.key,
            plan_hash=stored.plan.plan_hash,
            requester=stored.owner,
            state=ChangeState.AUDIT_REQUESTED,
            opened_at=now,
            note=clean(note, 1000),
        )
        asked = replace(stored, state=move(stored.state, ChangeState.AUDIT_REQUESTED), audit_id=audit.key)
        entry = AuditEntry(
            event="state",
            at=now,
            owner=stored.owner,
            status=ChangeState.AUDIT_REQUESTED.value,
            call_id=attempt.call.call_id,
            correlation_id=attempt.call.correlation_id,
            tool=attempt.call.tool,
            plan_id=stored.key,
            organization_id=stored.plan.organization.id,
            detail={"audit_id": audit.key, "plan_hash": audit.plan_hash},
        )
        await self.world.store.commit(Put(asked, {"state": stored.state, "audit_id": None}), Put(audit), Append(entry))
        failpoint("K1")
        return asked


def _audit(audit: AuditRequest) -> dict[str, Json]:
    return {
        "audit_id": audit.key,
        "plan_id": audit.plan_id,
        "plan_hash": audit.plan_hash,
        "state": audit.state.value,
        "opened_at": audit.opened_at.isoformat(),
        "verdict": audit.verdict or None,
        "reason": clean(audit.reason, 400) or None,
    }


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _time(text: Json) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise InvalidArguments(f"history: since: no time, {found(text)}.", "Example: 2026-11-21T08:00:00Z.") from error
    if at.tzinfo is None:
        raise InvalidArguments(f"history: since: no time zone, {found(text)}.", "Example: 2026-11-21T08:00:00Z.")
    return at


def _fits(change: Change, filters: Mapping[str, Json], since: datetime | None) -> bool:
    if since is not None and change.started_at < since:
        return False
    if filters.get("network_id") and filters["network_id"] not in change.network_ids:
        return False
    return not filters.get("status") or status_of(change) == filters["status"]
