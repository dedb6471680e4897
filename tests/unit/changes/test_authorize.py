"""May this plan be carried out now? Each way to a yes, and each thing that makes it a no."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest

from mcp_server.changes.authorize import Authorized, authorize_execution
from mcp_server.changes.means import Means, Times
from mcp_server.changes.planning.plan_hash import plan_hash
from mcp_server.domain.actor import Actor, Profile
from mcp_server.domain.call import Answer, Attempt, Effect, Json, Network, ToolCall, Warned
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.ports import Append
from mcp_server.domain.record import Approval, AuditEntry, AuditRequest, Freeze, Question, StoredPlan
from mcp_server.domain.risk import Risk
from mcp_server.errors import Refused
from mcp_server.world import Limits, World
from tests.support.fake_clock import START, FakeClock, FakeIds
from tests.support.memory_store import MemoryStore
from tests.support.plans import plan, step
from tests.support.records import a_freeze, an_approval, an_audit_request

KEY = b"k" * 32
TYPED = (Warned("t3_deny_rule", "critical", "denies"),)
OUTSIDE = (Warned("t3_deny_any_any", "critical", "denies all"),)


@dataclass
class Signatures:
    """The port Approvals: genuine is what was not named as forged."""

    forged: set[str] = field(default_factory=set)

    def is_genuine(self, record: Approval | AuditRequest | Freeze) -> bool:
        """Whether nobody named it."""
        return record.key not in self.forged

    def signer(self, key_id: str) -> str | None:
        """Nobody."""
        return None


@dataclass
class Case:
    """One plan in front of the gate."""

    stored: StoredPlan
    world: World
    store: MemoryStore
    signatures: Signatures
    means: Means
    clock: FakeClock

    def asks(self, *, owner: str = "ana", answer: Answer | None = None, state: str | None = None, **call: Any) -> Any:
        """The decision on a call of that owner."""
        made = ToolCall("call-1", "meraki_apply", {}, Actor(owner, "stdio", "desk"), "corr-1", **call)
        attempt = Attempt(replace(made, answer=answer, state=state), Effect.CHANGE, {}, is_apply=True)
        return authorize_execution(self.stored, attempt, self.world, self.means)

    def entries(self) -> list[AuditEntry]:
        """The evidence that was written."""
        return [write.entry for writes in self.store.commits for write in writes if isinstance(write, Append)]

    def keep(self, record: Any) -> None:
        """Put a record into the store as if it had always been there."""
        self.store.records[type(record), record.key] = record


def a_case(
    *, warnings: tuple[Warned, ...] = (), risk: Risk = Risk.MODERATE, limits: Limits | None = None, **stored: Any
) -> Case:
    """A plan of ana, whole and fresh."""
    made = plan(step(risk=risk), warnings=warnings, expires_at=START + timedelta(hours=24))
    made = replace(made, plan_hash=plan_hash(made, KEY))
    record = replace(StoredPlan(made.plan_id, "ana", ChangeState.PLANNED, made), **stored)
    store, clock, signatures, nothing = MemoryStore(), FakeClock(), Signatures(), cast("Any", None)
    means = Means(
        digest_key=lambda: KEY, secret=nothing, generate=nothing, approvals=signatures,
        approve_command=lambda key: f"meraki-specialist approve {key}", session_id=nothing, context=nothing,
        after=nothing, times=Times(), servers=nothing,
    )  # fmt: skip
    world = World(
        nothing, nothing, nothing, nothing, store, nothing, clock, FakeIds(), limits or Limits(profile=Profile.SOLO)
    )
    return Case(record, world, store, signatures, means, clock)


def signed(case: Case, **parts: Any) -> Approval:
    """A genuine approval of the case's plan by bea, kept in its store."""
    approval = replace(an_approval(plan_hash=case.stored.plan.plan_hash, approver="Bea"), **parts)
    case.keep(approval)
    return approval


async def told(decision: Awaitable[Any]) -> Outcome:
    """The decision, which must be an outcome and no yes."""
    outcome = await decision
    assert isinstance(outcome, Outcome)
    return outcome


async def code_of(decision: Awaitable[Any]) -> str:
    """The code of the refusal, which must say what to do."""
    with pytest.raises(Refused) as caught:
        await decision
    assert caught.value.message
    assert caught.value.remedy
    return caught.value.reason


async def question_of(case: Case, **call: Any) -> str:
    """The id of the question that is put to the person."""
    outcome = await told(case.asks(can_ask=True, **call))
    assert (outcome.status, bool(outcome.question)) == ("asked", True)
    return outcome.question_id


def yes(case: Case, **content: Json) -> Answer:
    """What a person who ticks the box and types the code sends."""
    return Answer("accept", {"approve": True, "code": case.stored.plan.code, **content})


async def test_a_signed_approval_by_somebody_else_is_a_yes() -> None:
    """The one that the start of the change consumes."""
    case = a_case()
    approval = signed(case)
    assert await case.asks() == Authorized(approval)


async def test_the_owner_is_compared_without_regard_to_case() -> None:
    """Ana and ana are one person."""
    case = a_case(owner="ANA")
    signed(case)
    assert isinstance(await case.asks(owner="Ana"), Authorized)
    assert await code_of(case.asks(owner="eve")) == "plan_of_another_owner"


async def test_a_plan_whose_content_is_not_what_was_hashed_is_refused_whatever_was_signed() -> None:
    """The hash is computed anew from the plan."""
    case = a_case()
    signed(case)
    case.stored = replace(case.stored, plan=replace(case.stored.plan, networks=(Network("N_2", "Other", "1"),)))
    assert await code_of(case.asks()) == "plan_altered"


async def test_a_plan_is_good_until_just_before_it_expires() -> None:
    """At the moment itself it has expired."""
    case = a_case()
    signed(case, expires_at=START + timedelta(days=9))
    case.clock.advance(24 * 3600 - 1)
    assert isinstance(await case.asks(), Authorized)
    case.clock.advance(1)
    assert await code_of(case.asks()) == "plan_expired"


@pytest.mark.parametrize("state", ["expired", "cancelled", "stale", "refused", "audit_rejected"])
async def test_a_plan_that_is_closed_is_refused_with_a_code_of_its_own(state: str) -> None:
    """An approval opens nothing again."""
    case = a_case(state=ChangeState(state))
    signed(case)
    assert await code_of(case.asks()) == ("audit_rejected" if state == "audit_rejected" else f"plan_{state}")


@pytest.mark.parametrize("state", [ChangeState.AUDIT_REQUESTED, ChangeState.AUDIT_ACKED, None])
async def test_an_open_or_lost_audit_holds_an_approved_plan(state: ChangeState | None) -> None:
    """Nothing but a verdict ends it."""
    case = a_case(audit_id="audit-1")
    signed(case)
    if state is not None:
        case.keep(an_audit_request(state=state, plan_hash=case.stored.plan.plan_hash))
    outcome = await told(case.asks())
    assert (outcome.status, outcome.plan) == ("needs_audit", case.stored)
    assert outcome.data == {"plan_id": "plan-1", "audit_id": "audit-1"}
    assert outcome.error
    assert (outcome.error["code"], outcome.error["message"]) == ("needs_audit", "An audit is open.")
    assert outcome.error["remedy"].endswith("meraki-specialist audit-respond audit-1")


async def test_a_genuine_verdict_of_somebody_else_lets_the_plan_go_on_to_its_approval() -> None:
    """The verdict is not an approval."""
    case = a_case(audit_id="audit-1")
    case.keep(an_audit_request(plan_hash=case.stored.plan.plan_hash))
    assert (await told(case.asks())).status == "needs_approval"
    approval = signed(case)
    assert await case.asks() == Authorized(approval)


@pytest.mark.parametrize(
    "forged",
    [{"plan_hash": "0" * 64}, {"verdict": "reject"}, {"verdict": ""}, {"auditor": "ANA"}, {"key": "audit-1"}],
    ids="/".join,
)
async def test_a_verdict_that_is_not_genuine_is_refused(forged: Mapping[str, Json]) -> None:
    """Of another plan, not an approval, by the requester, or without a valid signature."""
    case = a_case(audit_id="audit-1")
    signed(case)
    if "key" in forged:
        case.signatures.forged.add("audit-1")
    case.keep(replace(an_audit_request(plan_hash=case.stored.plan.plan_hash), **forged))
    assert await code_of(case.asks()) == "verdict_forged"


async def test_an_approval_of_another_hash_or_past_its_time_is_not_seen() -> None:
    """The plan waits for a person as if there were none."""
    case = a_case()
    signed(case, plan_hash="0" * 64)
    assert (await told(case.asks())).status == "needs_approval"
    approval = signed(case)
    case.clock.advance(4 * 3600 - 1)
    assert await case.asks() == Authorized(approval)
    case.clock.advance(1)
    assert (await told(case.asks())).status == "needs_approval"


async def test_a_stored_row_that_claims_an_answer_in_the_client_is_not_seen() -> None:
    """Such an approval lives only within the call that asked; the genuine one behind it counts."""
    case = a_case()
    approval = signed(case)
    signed(case, key="approval-2", channel="elicitation")
    assert await case.asks() == Authorized(approval)
    case.store.records.pop((Approval, approval.key))
    assert (await told(case.asks())).status == "needs_approval"


async def test_an_approval_without_a_valid_signature_is_refused() -> None:
    """The way out is the command that makes a valid one."""
    case = a_case()
    case.signatures.forged.add(signed(case).key)
    with pytest.raises(Refused) as caught:
        await case.asks()
    assert caught.value.reason == "approval_forged"
    assert caught.value.remedy.endswith("meraki-specialist approve plan-1")


async def test_a_used_approval_is_refused_and_an_unused_one_beside_it_counts() -> None:
    """Used once."""
    case = a_case()
    signed(case, key="approval-1", used_by="CHG-1")
    assert await code_of(case.asks()) == "approval_used"
    fresh = signed(case, key="approval-0")
    signed(case, key="approval-2", used_by="CHG-2")
    assert await case.asks() == Authorized(fresh)


async def test_in_a_team_the_requesters_own_approval_does_not_count() -> None:
    """Alone it does: then requester and approver may be one person."""
    team = a_case(limits=Limits(profile=Profile.TEAM))
    signed(team, approver="ANA")
    assert await code_of(team.asks()) == "self_approval"
    signed(team)
    assert isinstance(await team.asks(), Authorized)
    solo = a_case()
    signed(solo, approver="ana")
    assert isinstance(await solo.asks(), Authorized)


@pytest.mark.parametrize(
    ("call", "limits", "risk", "warnings", "is_asked"),
    [
        (True, Profile.SOLO, Risk.LOW, (), True),
        (True, Profile.SOLO, Risk.MODERATE, TYPED, True),
        (True, Profile.SOLO, Risk.HIGH, (), False),
        (True, Profile.SOLO, Risk.LOW, OUTSIDE, False),
        (True, Profile.TEAM, Risk.LOW, (), False),
        (False, Profile.SOLO, Risk.LOW, (), False),
    ],
)
async def test_a_person_is_asked_in_the_client_only_where_that_may_count(
    call: bool, limits: Profile, risk: Risk, warnings: tuple[Warned, ...], is_asked: bool
) -> None:
    """Alone, low or moderate risk, no triple confirmation, and a client that can ask."""
    case = a_case(limits=Limits(profile=limits), risk=risk, warnings=warnings)
    outcome = await told(case.asks(can_ask=call))
    assert outcome.status == ("asked" if is_asked else "needs_approval")
    assert bool(outcome.question) == is_asked
    if is_asked:
        return
    assert case.store.commits == []
    assert outcome.data["approve_with"] == "meraki-specialist approve plan-1"
    assert (outcome.data["plan_id"], outcome.data["code"]) == ("plan-1", "AB12")
    assert outcome.data["plan_hash"] == case.stored.plan.plan_hash
    assert outcome.data["expires_at"] == case.stored.plan.expires_at.isoformat()
    assert outcome.error
    assert outcome.error["code"] == "needs_approval"
    assert case.stored.plan.risk.word in outcome.error["message"]
    assert "meraki-specialist approve plan-1" in outcome.error["remedy"]
    assert outcome.plan == case.stored


async def test_a_question_is_on_record_with_its_end_before_it_is_put() -> None:
    """Bound to the plan's hash and its owner; one line of evidence says that somebody was asked."""
    case = a_case()
    outcome = await told(case.asks(can_ask=True))
    question = await case.store.get(Question, outcome.question_id)
    assert question == Question(
        outcome.question_id, "plan-1", case.stored.plan.plan_hash, "ana", START, START + timedelta(seconds=300)
    )
    assert (outcome.data["form"]["required"], outcome.plan) == (["approve"], case.stored)
    (entry,) = case.entries()
    assert (entry.event, entry.status, entry.owner, entry.plan_id) == ("question", "asked", "ana", "plan-1")
    assert (entry.call_id, entry.correlation_id, entry.client, entry.tool) == (
        "call-1", "corr-1", "desk", "meraki_apply",
    )  # fmt: skip
    assert (entry.organization_id, entry.network_ids, entry.at) == ("1", ("N_1",), START)
    assert entry.detail == {"plan_hash": case.stored.plan.plan_hash, "code": "AB12"}


async def test_a_yes_to_our_own_question_is_an_approval_for_this_call() -> None:
    """Recorded as given in the client with four eyes waived; the answer is a line of its own."""
    case = a_case()
    asked = await question_of(case)
    case.clock.advance(10)
    decision = await case.asks(can_ask=True, state=asked, answer=Answer("accept", {"approve": True}))
    assert isinstance(decision, Authorized)
    given = decision.approval
    assert (given.channel, given.four_eyes, given.approver) == ("elicitation", "waived", "ana")
    assert (given.plan_id, given.plan_hash) == ("plan-1", case.stored.plan.plan_hash)
    assert (given.approved_at, given.expires_at) == (case.clock.now(), case.clock.now() + timedelta(hours=4))
    assert [(one.event, one.status) for one in case.entries()] == [("question", "asked"), ("answer", "accept")]
    kept = await case.store.get(Question, asked)
    assert kept
    assert kept.answered == "accept"


@pytest.mark.parametrize("first", ["accept", "decline"])
async def test_a_question_is_answered_once(first: str) -> None:
    """The same answer sent again is no second yes."""
    case = a_case()
    asked = await question_of(case)
    await case.asks(can_ask=True, state=asked, answer=Answer(first, {"approve": True}))
    assert await code_of(case.asks(can_ask=True, state=asked, answer=yes(case))) == "answer_used"


@pytest.mark.parametrize("parts", [{"plan_hash": "0" * 64}, {"owner": "eve"}, None], ids=["hash", "owner", "unknown"])
async def test_an_answer_that_belongs_to_no_question_of_this_plan_is_refused(parts: Mapping[str, Json] | None) -> None:
    """Neither recorded nor counted."""
    case = a_case()
    asked = await question_of(case)
    question = await case.store.get(Question, asked)
    assert question
    if parts is None:
        asked = "question-of-nobody"
    else:
        case.keep(replace(question, **parts))
    commits = len(case.store.commits)
    assert await code_of(case.asks(can_ask=True, state=asked, answer=yes(case))) == "answer_unknown"
    assert await code_of(case.asks(can_ask=True, answer=yes(case))) == "answer_unknown"
    assert len(case.store.commits) == commits


@pytest.mark.parametrize(
    "answer",
    [
        Answer("decline", {"approve": True}),
        Answer("cancel"),
        Answer("accept"),
        Answer("accept", {"approve": False}),
        Answer("accept", {"approve": "true"}),
        Answer("accept", {"approve": 1}),
    ],
    ids=str,
)
async def test_anything_but_a_ticked_yes_is_a_no_that_leaves_the_plan_open(answer: Answer) -> None:
    """The answer says so and names the command."""
    case = a_case()
    outcome = await told(case.asks(can_ask=True, state=await question_of(case), answer=answer))
    assert (outcome.status, outcome.summary.split(".")[0]) == ("declined", "The question was declined")
    assert outcome.error
    assert (outcome.error["code"], outcome.error["message"]) == ("declined", "The question was declined.")
    assert outcome.error["remedy"].endswith("meraki-specialist approve plan-1")
    assert outcome.data == {"plan_id": "plan-1", "expires_at": case.stored.plan.expires_at.isoformat()}
    assert outcome.plan == case.stored
    assert case.entries()[-1].status == answer.action


async def test_a_yes_counts_until_just_before_the_question_runs_out() -> None:
    """Five minutes; at the moment itself it is too late, and recorded so."""
    case = a_case()
    in_time, late = await question_of(case), await question_of(case)
    case.clock.advance(299)
    assert isinstance(await case.asks(can_ask=True, state=in_time, answer=yes(case)), Authorized)
    case.clock.advance(1)
    outcome = await told(case.asks(can_ask=True, state=late, answer=yes(case)))
    assert (outcome.status, outcome.summary.split(".")[0]) == ("declined", "No answer came in time")
    assert case.entries()[-1].status == "expired"


@pytest.mark.parametrize(("typed", "counts"), [("AB12", True), (" ab12 ", True), ("AB13", False), ("", False)])
async def test_double_confirmation_wants_the_plans_own_code(typed: str, counts: bool) -> None:
    """In either case, with blanks around it; the form asks for it."""
    case = a_case(warnings=TYPED)
    outcome = await told(case.asks(can_ask=True))
    assert outcome.data["form"]["required"] == ["approve", "code"]
    decision = await case.asks(can_ask=True, state=outcome.question_id, answer=yes(case, code=typed))
    assert isinstance(decision, Authorized) == counts
    if not counts:
        assert decision.error["message"] == "The typed code is not this plan's code."
    missing = Answer("accept", {"approve": True})
    assert (await told(case.asks(can_ask=True, state=await question_of(case), answer=missing))).status == "declined"


async def test_a_yes_that_may_no_longer_count_sends_the_person_to_the_terminal() -> None:
    """The profile was changed to team between the question and its answer."""
    case = a_case()
    asked = await question_of(case)
    case.world = replace(case.world, limits=Limits(profile=Profile.TEAM))
    assert (await told(case.asks(can_ask=True, state=asked, answer=yes(case)))).status == "needs_approval"


async def test_a_signed_approval_goes_before_an_answer() -> None:
    """The answer is then not looked at."""
    case = a_case()
    approval = signed(case)
    assert await case.asks(can_ask=True, answer=Answer("decline")) == Authorized(approval)


@pytest.mark.parametrize("key", ["everything", "organization:1"])
async def test_while_a_kill_switch_is_on_an_approved_plan_is_refused(key: str) -> None:
    """The switch of everything, and that of the plan's own organization; the remedy names the command that lifts it."""
    case = a_case()
    signed(case)
    case.keep(a_freeze(key))
    with pytest.raises(Refused, match="are frozen since") as caught:
        await case.asks()
    assert (caught.value.reason, "unfreeze" in caught.value.remedy) == ("frozen", True)


async def test_a_switch_of_another_organization_or_one_that_was_lifted_holds_nothing_back() -> None:
    """Lifted means: signed by an approver."""
    case = a_case()
    approval = signed(case)
    case.keep(a_freeze("organization:2"))
    case.keep(a_freeze(lifted_at=START, lifted_by="Bea"))
    assert await case.asks() == Authorized(approval)


async def test_a_lifting_that_nobody_signed_leaves_the_switch_on() -> None:
    """A row that says so is not enough."""
    case = a_case()
    signed(case)
    case.keep(a_freeze(lifted_at=START, lifted_by="Bea"))
    case.signatures.forged.add("everything")
    assert await code_of(case.asks()) == "frozen"
