"""meraki-specialist approve, reject, audit-respond: what a person decides, outside the client.

The secret is a passphrase that only the terminal device is asked for; the server checks the signature, never a row.
"""

import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import anyio
import click

from mcp_server.changes.planning.trusted import must_be_whole
from mcp_server.changes.question import question_of
from mcp_server.cli.local import Local, Terminal, on_local, refusals_recorded, unlocked
from mcp_server.domain.actor import Role, four_eyes, is_same_owner
from mcp_server.domain.change_state import ChangeState, move
from mcp_server.domain.ports import Put
from mcp_server.domain.record import Approval, AuditRequest, Deadline, StoredPlan
from mcp_server.domain.redaction import clean
from mcp_server.errors import RecordAltered, Refused
from mcp_server.failpoints import failpoint
from mcp_server.gate.keys import Signer
from mcp_server.gate.signatures import must_approve, signed
from mcp_server.store.seal import open_key

_IDLE_S: Final = 15 * 60.0
_LOOK_S: Final = 1.0
_VERDICTS: Final = ("approve", "reject")
_OPEN: Final = (ChangeState.PLANNED, ChangeState.AUDIT_APPROVED)


@click.command()
@click.argument("plan_id", required=False)
@click.option("--key", "key_name", help="Id or owner of the approver key; needed when there are several.")
@click.option("--watch", is_flag=True, help="Stay open and ask for each plan as it comes.")
@click.pass_obj
def approve(home: dict[str, Any], plan_id: str | None, key_name: str | None, *, watch: bool) -> None:
    """Show a plan and approve it with a key's passphrase, typed into this terminal."""
    if watch == (plan_id is not None):
        raise click.UsageError("Give PLAN_ID or --watch.")
    if plan_id is not None:
        on_local(home, lambda local: approve_plan(local, plan_id, key_name))
        return
    with contextlib.suppress(KeyboardInterrupt):  # the way to end it
        on_local(home, lambda local: _watch(local, key_name))


async def approve_plan(local: Local, plan_id: str, key_name: str | None = None) -> None:
    """The plan shown and signed in this terminal; Refused, and on record, when the person does not."""
    async with refusals_recorded(local, "approval", plan_id=clean(plan_id, 64)):
        terminal = Terminal()
        try:
            stored = await _open_plan(local, plan_id)
            _show(terminal, stored, await _keeps(local, stored))
            _check_code(terminal, stored)
            signer = unlocked(local, terminal, key_name, Role.APPROVER)
            await _sign(local, stored, signer)
            terminal.say(f"Approved by {clean(signer.owner, 60)}. The assistant can now repeat its call.\n")
        finally:
            terminal.close()


async def _open_plan(local: Local, plan_id: str) -> StoredPlan:
    """The plan that can still be approved."""
    stored = await _whole_plan(local, plan_id)
    if stored.state is ChangeState.PENDING_KEEP:
        return stored  # what it changed waits to be kept
    if stored.plan.expires_at <= local.clock.now():
        raise Refused("This plan has expired.", "Ask for a new plan.", code="plan_expired")
    if stored.change_id is not None or stored.state not in _OPEN:
        raise Refused(f"This plan is {stored.state}.", "Ask for a new plan.", code="plan_not_open")
    return stored


async def _whole_plan(local: Local, plan_id: str) -> StoredPlan:
    """The stored plan, as it was when it was hashed."""
    try:
        stored = await local.store.get(StoredPlan, plan_id)
    except RecordAltered as altered:
        raise Refused("The stored plan was altered.", "Ask for a new plan.", code="plan_altered") from altered
    if stored is None:
        raise Refused(f"No plan {clean(plan_id, 64)!r} is kept here.", "Look at 'plans'.", code="plan_unknown")
    must_be_whole(stored, open_key(local.settings.home, "digest"), "Ask for a new plan.")
    return stored


async def _keeps(local: Local, stored: StoredPlan) -> Deadline | None:
    """The deadline of a plan whose change waits to be kept."""
    if stored.state is not ChangeState.PENDING_KEEP:
        return None
    return await local.store.get(Deadline, stored.change_id or "")


def _show(terminal: Terminal, stored: StoredPlan, keeps: Deadline | None = None) -> None:
    terminal.say(f"\n{question_of(stored.plan, keeps)}\nPlan hash {stored.plan.plan_hash}\n")
    terminal.say(f"Requested by {clean(stored.owner, 60)}; expires {stored.plan.expires_at.isoformat()}.\n")


def _check_code(terminal: Terminal, stored: StoredPlan) -> None:
    typed = terminal.ask("Type the plan's code to approve it, anything else to stop: ")
    if typed.strip().upper() != stored.plan.code.upper():
        raise Refused("Not approved: the code was not typed.", "Nothing was changed.", code="code_not_typed")


async def _sign(local: Local, stored: StoredPlan, signer: Signer) -> None:
    """The signed approval in the store; Refused when requester and approver are one owner in ``team``."""
    must_approve(signer)
    now = local.clock.now()
    approval = Approval(
        key=local.ids.new("approval"),
        plan_id=stored.key,
        plan_hash=stored.plan.plan_hash,
        approver=signer.owner,
        channel="terminal",
        approved_at=now,
        expires_at=now + timedelta(hours=local.settings.approval_hours),
        four_eyes=four_eyes(signer.owner, stored.owner, local.settings.profile),
        purpose="keep" if stored.state is ChangeState.PENDING_KEEP else "apply",
    )
    entry = local.entry(
        "approval",
        "approved",
        plan_id=stored.key,
        organization_id=stored.plan.organization.id,
        detail={
            "approver": signer.owner,
            "key_id": signer.key_id,
            "plan_hash": stored.plan.plan_hash,
            "purpose": approval.purpose,
        },
    )
    await local.store.commit(Put(signed(approval, signer)), entry)
    failpoint("K3")


@dataclass(slots=True)
class Unlocked:
    """An approver key, unlocked once and locked again after 15 idle minutes."""

    local: Local
    terminal: Terminal
    key_name: str | None
    signer: Signer | None = None
    used_at: float = 0.0

    def open_key(self) -> Signer:
        """The key; the passphrase is asked for when it is locked."""
        self.lock_when_idle()
        self.signer = self.signer or unlocked(self.local, self.terminal, self.key_name, Role.APPROVER)
        self.used_at = self.local.clock.monotonic()
        return self.signer

    def lock_when_idle(self) -> None:
        """Forgets the key when it was last used more than 15 minutes ago."""
        if self.signer is not None and self.local.clock.monotonic() - self.used_at > _IDLE_S:
            self.signer = None
            self.terminal.say("Locked after 15 idle minutes.\n")


async def _watch(local: Local, key_name: str | None) -> None:
    """Ask for each plan as it comes; the key is locked again after 15 idle minutes."""
    async with refusals_recorded(local, "approval"):
        terminal = Terminal()
        try:
            key = Unlocked(local, terminal, key_name)
            key.open_key()
            terminal.say("Waiting for plans; Ctrl-C ends.\n")
            await _ask_for_each(local, terminal, key)
        finally:
            terminal.close()


async def _ask_for_each(local: Local, terminal: Terminal, key: Unlocked) -> None:
    """Never ends by itself."""
    seen: set[str] = set()
    while True:
        for stored in await _waiting(local, seen):
            seen.add(f"{stored.key} {stored.state}")
            await _decide(local, terminal, stored, key)
        key.lock_when_idle()
        await anyio.sleep(_LOOK_S)


async def _waiting(local: Local, seen: set[str]) -> list[StoredPlan]:
    plans = await local.store.list(StoredPlan, {}, limit=50)
    now = local.clock.now()
    return [
        one
        for one in reversed(plans)
        if f"{one.key} {one.state}" not in seen
        and (
            one.state is ChangeState.PENDING_KEEP
            or (one.state in _OPEN and one.change_id is None and one.plan.expires_at > now)
        )
    ]


async def _decide(local: Local, terminal: Terminal, stored: StoredPlan, key: Unlocked) -> None:
    """One plan shown, and approved when its code is typed and it is still as it was shown."""
    try:
        async with refusals_recorded(local, "approval", plan_id=stored.key):
            _show(terminal, stored, await _keeps(local, stored))
            _check_code(terminal, stored)
            signer = key.open_key()
            await _sign(local, await _open_plan(local, stored.key), signer)
            terminal.say("Approved.\n")
    except Refused as refused:
        terminal.say(f"{clean(refused.message, 300)}\n")


@click.command()
@click.argument("plan_id")
@click.option("--reason", default="", help="Why.")
@click.pass_obj
def reject(home: dict[str, Any], plan_id: str, reason: str) -> None:
    """Close a plan: it can no longer be approved or applied."""
    on_local(home, lambda local: _reject(local, plan_id, reason))
    click.echo(f"Plan {clean(plan_id, 64)} is closed.")


async def _reject(local: Local, plan_id: str, reason: str) -> None:
    async with refusals_recorded(local, "approval", plan_id=clean(plan_id, 64)):
        stored = await _open_plan(local, plan_id)
        if stored.state is ChangeState.PENDING_KEEP:
            raise Refused("It was applied.", "It is undone by itself unless it is kept.", code="plan_not_open")
    closed = replace(stored, state=move(stored.state, ChangeState.REFUSED))
    entry = local.entry("approval", "rejected", plan_id=plan_id, detail={"reason": clean(reason, 400)})
    await local.store.commit(Put(closed, {"state": stored.state, "change_id": None}), entry)


@click.command("audit-respond")
@click.argument("audit_id")
@click.option("--verdict", type=click.Choice(_VERDICTS), help="Asked for when it is not given.")
@click.option("--reason", default="", help="Why; asked for when it is not given. A verdict without one does not count.")
@click.option("--key", "key_name", help="Id or owner of the auditor key.")
@click.pass_obj
def audit_respond(home: dict[str, Any], audit_id: str, verdict: str | None, reason: str, key_name: str | None) -> None:
    """Answer an audit with a verdict signed by an auditor key."""
    verdict = on_local(home, lambda local: _respond(local, audit_id, (verdict or "", reason), key_name))
    click.echo(f"Verdict on {clean(audit_id, 64)}: {verdict}.")


async def _respond(local: Local, audit_id: str, given: tuple[str, str], key_name: str | None) -> str:
    """The verdict, signed and on record."""
    async with refusals_recorded(local, "verdict"):
        terminal = Terminal()
        try:
            audit, stored = await _open_audit(local, audit_id)
            _show(terminal, stored)
            said = _said(terminal, given)
            signer = unlocked(local, terminal, key_name, Role.AUDITOR)
            await _judge(local, audit, stored, signer, said)
            return said[0]
        finally:
            terminal.close()


def _said(terminal: Terminal, given: tuple[str, str]) -> tuple[str, str]:
    """Verdict and reason, asked for when they were not given."""
    verdict = given[0] or terminal.ask("Your verdict, approve or reject: ").strip().lower()
    if verdict not in _VERDICTS:
        raise Refused("That is no verdict.", "Type approve or reject.", code="verdict_missing")
    reason = given[1].strip() or terminal.ask("Why: ").strip()
    if not reason:
        raise Refused("A verdict needs a reason.", "Say why.", code="reason_missing")
    return verdict, reason


async def _open_audit(local: Local, audit_id: str) -> tuple[AuditRequest, StoredPlan]:
    """The audit that waits for a verdict, and its plan as it was hashed."""
    audit = await local.store.get(AuditRequest, audit_id)
    if audit is None:
        raise Refused(f"No audit {clean(audit_id, 64)!r}.", "Look at 'plans'.", code="audit_unknown")
    if audit.state is not ChangeState.AUDIT_REQUESTED:
        raise Refused(f"This audit is {audit.state}.", "Ask for a new one.", code="audit_not_open")
    stored = await _whole_plan(local, audit.plan_id)
    if stored.plan.plan_hash != audit.plan_hash:
        raise Refused("The audit is of another plan.", "Ask for a new plan.", code="plan_altered")
    return audit, stored


async def _judge(local: Local, audit: AuditRequest, stored: StoredPlan, signer: Signer, said: tuple[str, str]) -> None:
    """The signed verdict and the plan's next state, in one commit."""
    if is_same_owner(signer.owner, audit.requester):
        raise Refused("Auditor and requester are the same owner.", "Ask somebody else.", code="self_audit")
    if signer.role is not Role.AUDITOR:
        raise Refused(f"{signer.owner}'s key is no auditor key.", "Use an auditor key.", code="not_an_auditor")
    acked = move(stored.state, ChangeState.AUDIT_ACKED)
    state = move(acked, ChangeState.AUDIT_APPROVED if said[0] == "approve" else ChangeState.AUDIT_REJECTED)
    judged = replace(
        audit,
        state=state,
        auditor=signer.owner,
        verdict=said[0],
        reason=clean(said[1], 1000),
        answered_at=local.clock.now(),
    )
    entry = local.entry(
        "verdict",
        said[0],
        plan_id=stored.key,
        detail={"audit_id": audit.key, "auditor": signer.owner, "plan_hash": audit.plan_hash},
    )
    await local.store.commit(
        Put(signed(judged, signer), {"state": audit.state}),
        Put(replace(stored, state=state), {"state": stored.state}),
        entry,
    )
    failpoint("K2")
