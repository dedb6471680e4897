"""May this plan be carried out now? The one function that every entry point asks (safety R5).

Rules: no argument of a tool approves; no timeout approves; an approval binds to the plan's hash, is used once and
expires; the signature is checked, never a row's mere presence; requester, auditor and approver differ in ``team``.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from mcp_server.changes.freeze import refuse_frozen
from mcp_server.changes.means import Means
from mcp_server.changes.planning.trusted import must_be_whole, must_own
from mcp_server.changes.question import form_of, needs_code, question_of
from mcp_server.domain.actor import Profile, four_eyes, is_same_owner
from mcp_server.domain.call import Attempt
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Append, Put
from mcp_server.domain.record import Approval, AuditEntry, AuditRequest, Deadline, Question, StoredPlan
from mcp_server.domain.risk import Risk
from mcp_server.domain.rules.order import confirmations
from mcp_server.errors import RecordConflict, Refused
from mcp_server.failpoints import failpoint
from mcp_server.world import World

_OPEN_AUDIT: Final = (ChangeState.AUDIT_REQUESTED, ChangeState.AUDIT_ACKED)


@dataclass(frozen=True, slots=True)
class Authorized:
    """Yes: with this approval, which the start of the change consumes."""

    approval: Approval


async def authorize_execution(stored: StoredPlan, attempt: Attempt, world: World, means: Means) -> Authorized | Outcome:
    """The approval to consume, or an outcome that asks for one; Refused when the plan may not be carried out."""
    _check_plan(stored, attempt, world, means)
    await refuse_frozen(world, means, stored.plan.organization.id)
    audit = await _audit_hold(stored, world, means)
    return audit if audit is not None else await _agreed(stored, attempt, world, means)


async def authorize_keep(
    stored: StoredPlan, deadline: Deadline, attempt: Attempt, world: World, means: Means
) -> Authorized | Outcome:
    """As ``authorize_execution``, for keeping what that plan changed: by the same people, with a yes of its own."""
    must_own(stored, attempt, "Its owner keeps it.")
    must_be_whole(stored, means.digest_key(), "See history.")
    return await _agreed(stored, attempt, world, means, keeps=deadline)


async def _agreed(
    stored: StoredPlan, attempt: Attempt, world: World, means: Means, *, keeps: Deadline | None = None
) -> Authorized | Outcome:
    """A yes that stands, the yes that was just said, a question, or the way to a yes elsewhere."""
    approval = await _approval(stored, attempt, world, means, purpose=_purpose(keeps))
    if approval is not None:
        return Authorized(approval)
    if attempt.call.answer is not None:
        return await _answered(stored, attempt, world, means, keeps=keeps)
    if _may_ask(stored, attempt, world):
        return await _ask(stored, attempt, world, means, keeps=keeps)
    return needs_approval(stored, means, keeps=keeps)


def _purpose(keeps: Deadline | None) -> str:
    return "apply" if keeps is None else "keep"


def _check_plan(stored: StoredPlan, attempt: Attempt, world: World, means: Means) -> None:
    plan = stored.plan
    must_own(stored, attempt)
    must_be_whole(stored, means.digest_key())
    if plan.expires_at <= world.clock.now():
        raise Refused(
            f"Plan {plan.plan_id} expired at {plan.expires_at.isoformat()}.", "Plan again.", code="plan_expired"
        )
    if stored.state in (ChangeState.EXPIRED, ChangeState.CANCELLED, ChangeState.STALE, ChangeState.REFUSED):
        raise Refused(f"Plan {plan.plan_id} is {stored.state}.", "Plan again.", code=f"plan_{stored.state}")
    if stored.state is ChangeState.AUDIT_REJECTED:
        raise Refused(
            "The auditor rejected this plan.",
            "Read the reason with request_audit; make a new plan.",
            code="audit_rejected",
        )


async def _audit_hold(stored: StoredPlan, world: World, means: Means) -> Outcome | None:
    """An outcome while an audit is open; Refused when its verdict is not genuine."""
    if stored.audit_id is None:
        return None
    audit = await world.store.get(AuditRequest, stored.audit_id)
    if audit is None or audit.state in _OPEN_AUDIT:
        return Outcome(
            status="needs_audit",
            summary=f"An audit of plan {stored.key} is open; it must be answered before the plan can be applied.",
            data={"plan_id": stored.key, "audit_id": stored.audit_id},
            error={
                "code": "needs_audit",
                "message": "An audit is open.",
                "remedy": "An auditor runs in a terminal: " + means.audit_command(stored.audit_id),
            },
            plan=stored,
        )
    genuine = means.approvals.is_genuine(audit) and audit.plan_hash == stored.plan.plan_hash
    if not genuine or audit.verdict != "approve" or is_same_owner(audit.auditor, stored.owner):
        raise Refused("The audit's verdict has no valid signature.", "Ask for a new audit.", code="verdict_forged")
    return None


async def _approval(
    stored: StoredPlan, attempt: Attempt, world: World, means: Means, *, purpose: str
) -> Approval | None:
    """The unused, unexpired, genuine approval of this plan's hash for that purpose, if there is one."""
    used = False
    for approval in await world.store.list(Approval, {"plan_id": stored.key}):
        if approval.purpose != purpose:
            continue
        if approval.plan_hash != stored.plan.plan_hash or approval.expires_at <= world.clock.now():
            continue
        if approval.channel == "elicitation":
            continue  # lives only within the call that asked; never found by a later one
        _check_signature(approval, stored, attempt, world, means)
        if approval.used_by is None:
            return approval
        used = True
    if used:
        raise Refused("The approval of this plan was used before.", "Make a new plan.", code="approval_used")
    return None


def _check_signature(approval: Approval, stored: StoredPlan, attempt: Attempt, world: World, means: Means) -> None:
    if not means.approvals.is_genuine(approval):
        raise Refused(
            "An approval of this plan has no valid signature.",
            "Ask an approver to run: " + means.approve_command(stored.key),
            code="approval_forged",
        )
    four_eyes(approval.approver, attempt.actor.owner, world.limits.profile)


def _may_ask(stored: StoredPlan, attempt: Attempt, world: World) -> bool:
    """Whether an answer through the client may count (design 3.2): solo, low or moderate risk, no triple rule."""
    return (
        attempt.call.can_ask
        and world.limits.profile is Profile.SOLO
        and stored.plan.risk <= Risk.MODERATE
        and confirmations(stored.plan.warnings) != "outside"
    )


async def _ask(stored: StoredPlan, attempt: Attempt, world: World, means: Means, *, keeps: Deadline | None) -> Outcome:
    now = world.clock.now()
    question = Question(
        key=world.ids.new("question"),
        plan_id=stored.key,
        plan_hash=stored.plan.plan_hash,
        owner=stored.owner,
        asked_at=now,
        expires_at=now + timedelta(seconds=means.times.question_s),
        purpose=_purpose(keeps),
    )
    await world.store.commit(Put(question), Append(_entry("question", "asked", stored, attempt, world)))
    return Outcome(
        status="asked",
        summary="A person is asked.",
        data={"form": dict(form_of(stored.plan, keeps))},
        question=question_of(stored.plan, keeps),
        question_id=question.key,
        plan=stored,
    )


async def _answered(
    stored: StoredPlan, attempt: Attempt, world: World, means: Means, *, keeps: Deadline | None
) -> Authorized | Outcome:
    """What the client's answer to our own open question means. Each question is answered once."""
    answer, now = attempt.call.answer, world.clock.now()
    question = await world.store.get(Question, attempt.call.state or "")
    if (
        answer is None
        or question is None
        or question.plan_hash != stored.plan.plan_hash
        or question.owner != stored.owner
        or question.purpose != _purpose(keeps)
    ):
        raise Refused("The answer belongs to no open question of this plan.", "Call again.", code="answer_unknown")
    said = answer.action if question.expires_at > now else "expired"
    try:
        await world.store.commit(
            Put(replace(question, answered=said), {"answered": ""}),
            Append(_entry("answer", said, stored, attempt, world)),
        )
    except RecordConflict as used:
        raise Refused("This question was answered before.", "Call again.", code="answer_used") from used
    failpoint("K3")
    if said == "expired":
        return _declined(stored, means, "No answer came in time.", keeps=keeps)
    if said != "accept" or answer.content.get("approve") is not True:
        return _declined(stored, means, "The question was declined.", keeps=keeps)
    if needs_code(stored.plan) and str(answer.content.get("code", "")).strip().upper() != stored.plan.code.upper():
        return _declined(stored, means, "The typed code is not this plan's code.", keeps=keeps)
    if not _may_ask(stored, attempt, world):
        return needs_approval(stored, means, keeps=keeps)
    return Authorized(
        Approval(
            key=world.ids.new("approval"),
            plan_id=stored.key,
            plan_hash=stored.plan.plan_hash,
            approver=attempt.actor.owner,
            channel="elicitation",
            approved_at=now,
            expires_at=now + timedelta(hours=means.times.approval_hours),
            four_eyes="waived",
            purpose=_purpose(keeps),
        )
    )


def _declined(stored: StoredPlan, means: Means, why: str, *, keeps: Deadline | None) -> Outcome:
    left = f"plan {stored.key} stays open for approval elsewhere" if keeps is None else f"{_waits(keeps)}"
    return Outcome(
        status="declined",
        summary=f"{why} Nothing was changed; {left}.",
        data={"plan_id": stored.key, "expires_at": _until(stored, keeps)},
        error={"code": "declined", "message": why, "remedy": "A person runs: " + means.approve_command(stored.key)},
        plan=stored,
    )


def _waits(keeps: Deadline) -> str:
    return f"change {keeps.key} is undone at {_time(keeps)} unless it is kept"


def _until(stored: StoredPlan, keeps: Deadline | None) -> str:
    return (stored.plan.expires_at if keeps is None else keeps.due_at).isoformat()


def _time(keeps: Deadline) -> str:
    return keeps.due_at.isoformat(timespec="seconds")


def needs_approval(stored: StoredPlan, means: Means, *, keeps: Deadline | None = None) -> Outcome:
    """The outcome that names the exact command a person runs."""
    command = means.approve_command(stored.key)
    what = f"Plan {stored.key} ({stored.plan.risk.word})" if keeps is None else f"Keeping change {keeps.key}"
    why = f"A plan of risk {stored.plan.risk.word} is approved outside this client."
    return Outcome(
        status="needs_approval",
        summary=f"{what} must be approved by a person outside this client.",
        data={
            "plan_id": stored.key,
            "code": stored.plan.code,
            "plan_hash": stored.plan.plan_hash,
            "approve_with": command,
            "expires_at": _until(stored, keeps),
        },
        error={
            "code": "needs_approval",
            "message": why if keeps is None else f"{why} {_waits(keeps)[0].upper()}{_waits(keeps)[1:]}.",
            "remedy": f"A person runs in a terminal: {command}; then make the same call again.",
        },
        warnings=tuple(one for one in stored.plan.warnings if stored.plan.rolls_back and one.severity != "info"),
        plan=stored,
    )


def _entry(event: str, status: str, stored: StoredPlan, attempt: Attempt, world: World) -> AuditEntry:
    return AuditEntry(
        event=event,
        at=world.clock.now(),
        owner=attempt.actor.owner,
        status=status,
        call_id=attempt.call.call_id,
        correlation_id=attempt.call.correlation_id,
        client=attempt.actor.client,
        tool=attempt.call.tool,
        plan_id=stored.key,
        organization_id=stored.plan.organization.id,
        network_ids=tuple(network.id for network in stored.plan.networks),
        detail={"plan_hash": stored.plan.plan_hash, "code": stored.plan.code},
    )
