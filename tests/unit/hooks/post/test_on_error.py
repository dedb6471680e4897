"""Post-task step 5 says what kind of failure it was, what was done, and what helps."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.errors import (
    BadAnswer,
    NotAllowed,
    NotAuthenticated,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Rejected,
    Unreachable,
)
from mcp_server.hooks.post.on_error import RETRY_AFTER_S, on_error
from tests.support.records import a_change_step
from tests.unit.hooks.post.cases import a_world, an_attempt, changed, planned

SGT = "Port 7: Peer SGT capable is read-only"


def failed(cause: BaseException | None = None, status: str = "failed", **error: Any) -> Outcome:
    """A call that failed."""
    return Outcome(status, "failed", error={"code": "x", "message": "It failed.", **error}, cause=cause)


def rejected(status: int, *errors: str) -> Rejected:
    """A 4xx answer."""
    return Rejected("no", sent=True, status=status, errors=errors)


async def error_of(outcome: Outcome, locale: str = "en") -> dict[str, Any]:
    """The error after the hook."""
    after = await on_error(an_attempt(), outcome, a_world(locale=locale))
    assert after.status == outcome.status
    assert after.error is not None
    return dict(after.error)


@pytest.mark.parametrize(
    ("cause", "found"),
    [
        (RateLimited("slow down", sent=False, status=429, retry_after_s=7), "rate_limit"),
        (rejected(429), "rate_limit"),
        (rejected(400, SGT), "sgt_readonly"),
        (rejected(400, SGT.upper()), "sgt_readonly"),
        (rejected(400, "This field is read-only"), "unknown"),
        (rejected(400, "SGT is not allowed here"), "unknown"),
        (rejected(404, "Not found"), "not_found"),
        (rejected(403), "auth"),
        (rejected(401), "auth"),
        (NotAuthenticated("no key"), "auth"),
        (NotAllowed("no right"), "auth"),
        (OutcomeUnknown("cut", sent=True, status=502), "server_error"),
        (BadAnswer("html", sent=True, status=503), "server_error"),
        (OutcomeUnknown("cut", sent=True), "unknown"),
        (Unreachable("dns", sent=False), "unknown"),
        (BadAnswer("html", sent=True, status=200), "unknown"),
        (None, "unknown"),
    ],
)
async def test_each_failure_has_its_class(cause: BaseException | None, found: str) -> None:
    """Only the SGT text counts as SGT; everything else is what it is."""
    error = await error_of(failed(cause))
    assert error["class"] == found
    assert error["notice"]
    assert error["action"]
    assert error["remedy"]
    assert (error["code"], error["message"]) == ("x", "It failed.")


async def test_a_read_that_the_cloud_refused_is_to_be_corrected_and_not_tried_again() -> None:
    """A second try of the same would be refused alike; the class is that of the protocol."""
    cause = Rejected("no", sent=True, status=400, errors=("'perPage' must be an integer",))
    refused = {"code": "rejected", "message": "The Meraki cloud refused the request."}
    error = await error_of(replace(failed(cause), error=refused))
    assert error["class"] == "unknown"
    assert "Correct what cloud_says names" in error["remedy"]
    assert "tried again" not in error["action"]
    lost = await error_of(failed(OutcomeUnknown("cut", sent=True)))
    assert "Try again" in lost["remedy"]


async def test_a_failed_step_tells_the_class_when_the_call_itself_did_not_raise() -> None:
    """The engine keeps what the cloud said with the step."""
    step = a_change_step(state="failed", http_status=400, errors=(SGT,))
    outcome = changed(ChangeState.FAILED, steps=0, error={"code": "rejected", "message": "no"})
    assert (await error_of(replace(outcome, steps=(step,))))["class"] == "sgt_readonly"
    gone = replace(step, http_status=404, errors=("Not found",))
    assert (await error_of(replace(outcome, steps=(gone,))))["class"] == "not_found"
    told = replace(outcome, error={"code": "rejected", "message": "no", "cloud_says": [SGT], "http_status": 400})
    assert (await error_of(told))["class"] == "sgt_readonly"


@pytest.mark.parametrize(
    ("state", "notice", "hand"),
    [
        (ChangeState.ROLLED_BACK, "✅ Automatic rollback succeeded.", False),
        (ChangeState.ROLLBACK_FAILED, "❌ Automatic rollback failed. The state may be inconsistent.", True),
    ],
)
async def test_a_partial_apply_says_how_its_undo_ended(state: ChangeState, notice: str, hand: bool) -> None:
    """And how to go back by hand when it did not."""
    steps = (a_change_step("CHG-1/apply/1"), a_change_step("CHG-1/apply/2", number=2, state="failed", http_status=400))
    outcome = changed(state, error={"code": "rejected", "message": "no"})
    error = await error_of(replace(outcome, steps=steps))
    assert error["class"] == "partial_apply"
    assert notice in error["notice"]
    assert ("meraki-specialist rollback CHG-1" in error["notice"]) is hand
    assert ("Backup saved under: change_id=CHG-1" in error["notice"]) is hand


async def test_a_change_that_was_undone_because_the_network_got_worse_is_no_partial_apply() -> None:
    """Every step took effect; the engine's own remedy stands first."""
    outcome = changed(
        ChangeState.ROLLED_BACK, error={"code": "health_gate", "message": "worse", "remedy": "Fewer ports."}
    )
    error = await error_of(outcome)
    assert error["class"] == "unknown"
    assert error["remedy"].startswith("Fewer ports.")


async def test_a_rate_limit_says_when_to_come_back() -> None:
    """As the cloud told, or after a minute."""
    told = await error_of(failed(RateLimited("slow", sent=False, retry_after_s=7)))
    assert told["retry_after_s"] == 7
    assert "Waiting 7 s" in told["notice"]
    untold = await error_of(failed(RateLimited("slow", sent=False)))
    assert untold["retry_after_s"] == RETRY_AFTER_S


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("ok", "fine"),
        changed(),
        failed(Refused("no", "do this", code="template_bound"), "refused"),
        planned(status="needs_approval", error={"code": "needs_approval", "message": "m"}),
        planned(status="declined", error={"code": "declined", "message": "m"}),
        changed(ChangeState.STALE, error={"code": "stale", "message": "m"}),
    ],
)
async def test_success_and_a_plain_no_are_left_as_they_are(outcome: Outcome) -> None:
    """Somebody who says no is not a failure; the answer already names the way out."""
    assert await on_error(an_attempt(), outcome, a_world()) is outcome


async def test_the_notice_is_in_the_users_language_and_inert() -> None:
    """The protocol's words with a cleaned value."""
    error = await error_of(failed(rejected(404), message="\x1b[2J N_1\u202e"), "pt-BR")
    assert error["notice"].startswith("❌ Recurso não encontrado: \\u001b[2J N_1\\u202e")
    assert "org_id, network_id e serial" in error["notice"]
