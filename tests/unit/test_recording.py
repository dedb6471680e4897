"""The row and the answer of a call: what is written, what is told, and what happens when it cannot be written."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Answer, Json, ToolCall, Warned
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Handoff, Outcome
from mcp_server.domain.ports import Append, Put
from mcp_server.domain.record import AuditEntry, Usage
from mcp_server.domain.redaction import KnownSecrets
from mcp_server.errors import (
    Busy,
    InvalidArguments,
    MerakiMcpError,
    NotAllowed,
    NotAuthenticated,
    OutcomeUnknown,
    RateLimited,
    Refused,
    StoreUnavailable,
)
from mcp_server.recording import Recorder, broken, failed
from mcp_server.world import World
from tests.support.fake_clock import START
from tests.support.memory_store import MemoryStore
from tests.support.records import a_change, a_plan
from tests.unit.hooks.post.cases import a_world

SECRET = "a-password-of-ours"


class Reads:
    """What a call's reads have cost."""

    calls = 3
    waited_s = 0.5


def a_call(**parts: Any) -> ToolCall:
    """A call of a client with a long name that holds control characters."""
    call = ToolCall(
        "call-1", "meraki_read", {"psk": "x" * 9, "note": f"it is {SECRET}"}, Actor("Ana", "http", "\x1b" + "c" * 99),
        "corr-1", argument_bytes=77,
    )  # fmt: skip
    return replace(call, **parts)


async def closed(outcome: Outcome, store: MemoryStore | None = None, *, strict: bool = False, **call: Any) -> Any:
    """The result of the call, its row and its cost; the last two are None when they could not be written."""
    store = store or MemoryStore()
    world = replace(a_world(store), reads=cast("Any", Reads()))
    started_at = world.clock.monotonic() - 2.0
    recorder = Recorder(store, strict=strict, known=KnownSecrets((SECRET,)))
    result = await recorder.close(a_call(**call), outcome, world, started_at)
    written = [write for commit in store.commits for write in commit]
    rows = [write.entry for write in written if isinstance(write, Append)]
    costs = [write.record for write in written if isinstance(write, Put)]
    assert json.loads(result.text) == json.loads(json.dumps(result.payload, default=str))  # however it was put together
    return result, rows[0] if rows else None, costs[0] if costs else None


async def test_a_call_leaves_one_row_that_says_who_asked_what_and_what_came_of_it() -> None:
    """Untrusted names are inert, secrets masked, by their field and by their value."""
    stored, change = a_plan(), a_change()
    _, row, _ = await closed(Outcome("applied", "done", plan=stored, change=change))
    assert isinstance(row, AuditEntry)
    assert (row.event, row.status, row.owner, row.at) == ("call", "applied", "Ana", START)
    assert (row.call_id, row.correlation_id, row.tool) == ("call-1", "corr-1", "meraki_read")
    assert (row.client[:7], len(row.client)) == ("\\u001bc", 80)
    assert (row.plan_id, row.change_id) == (stored.plan.plan_id, change.key)
    assert (row.organization_id, row.network_ids) == ("O_1", ("N_1",))
    assert row.detail == {
        "round": 1, "channel": "http", "arguments": {"psk": "********", "note": "it is ********"}, "error": None,
        "meraki_calls": 3,
    }  # fmt: skip


async def test_a_call_without_a_plan_names_none_and_a_question_is_an_event_of_its_own() -> None:
    """The second round is told from the first, in the row and in the cost."""
    _, row, cost = await closed(Outcome("ok", "done"))
    assert (row.plan_id, row.change_id, row.organization_id, row.network_ids) == ("", "", "", ())
    assert cost.key == "call-1/1"
    _, row, _ = await closed(Outcome("asked", "asked", question="Apply?"))
    assert row.event == "question"
    error = {"code": "declined", "message": "m"}
    _, row, cost = await closed(Outcome("declined", "no", error=error), answer=Answer("decline"))
    assert (row.event, row.detail["round"], row.detail["error"], cost.key) == ("call", 2, "declined", "call-1/2")


async def test_what_a_call_cost_is_kept_beside_its_row() -> None:
    """In bytes, requests and seconds."""
    result, _, cost = await closed(Outcome("ok", "é", {"a": [1, 2]}))
    text = json.dumps({**result.payload, "receipt": None}, ensure_ascii=False, separators=(",", ":"))
    size = len(text.replace(',"receipt":null', "").encode())
    assert cost == Usage("call-1/1", START, "Ana", cost.client, "meraki_read", 77, size, 3, 0.5, 2.0, "ok")
    assert len(cost.client) == 80


@pytest.mark.parametrize("odd", ["\ud800", '\x7f\x01\u2028é\\"', 1e16, -0.0, 2**70, {2: ()}])
async def test_whatever_an_answer_holds_its_text_says_the_same(odd: Any) -> None:
    """Half a character, large numbers and keys that are numbers too: ``closed`` compares the text with the answer."""
    result, row, _ = await closed(Outcome("ok", "done", {"odd": odd}), arguments={"odd": str(odd)})
    assert "odd" in result.payload
    assert row.detail["arguments"] == {"odd": str(odd).encode(errors="replace").decode()}  # half a one is not kept


async def test_arguments_that_are_nested_without_end_leave_a_row_all_the_same() -> None:
    """What masks them walks by recursion, and a thousand levels would end it."""
    deep: Any = "x"
    for _ in range(900):
        deep = {"x": deep}
    _, row, _ = await closed(Outcome("refused", "no"), arguments={"params": deep})
    assert row.detail["arguments"] == {"too_deep": True}


@pytest.mark.parametrize(("size", "is_kept"), [(19_989, True), (19_990, False)])
async def test_arguments_that_are_very_long_are_told_by_their_size_alone(size: int, is_kept: bool) -> None:
    """The row stays small: 20,000 bytes at most."""
    _, row, _ = await closed(Outcome("ok", "done"), arguments={"body": "x" * size})
    kept = row.detail["arguments"]
    assert ("body" in kept) == is_kept
    assert is_kept or kept == {"too_long_bytes": size + len('{"body":""}')}


async def test_the_answer_holds_everything_and_the_receipt_of_its_row() -> None:
    """Data cannot replace status and summary; a warning's text is capped."""
    handoff = Handoff("x", "why", "say", {"tool": "history"}, {"a": 1})
    outcome = Outcome(
        "ok", "done", {"status": "applied", "summary": "z", "rows": [1]}, warnings=(Warned("r", "info", "w" * 999),),
        handoffs=(handoff,),
    )  # fmt: skip
    result, _, _ = await closed(outcome)
    assert result.payload == {
        "status": "ok", "summary": "done", "rows": [1],
        "warnings": [{"rule": "r", "severity": "info", "message": "w" * 399 + "…"}],
        "handoffs": [
            {"to": "x", "reason": "why", "message": "say", "call": {"tool": "history"}, "context": {"a": 1}}
        ],
        "receipt": {"seq": 1, "hash": "0" * 64},
    }  # fmt: skip
    assert (result.is_error, result.asking) == (False, None)


async def test_no_answer_and_no_question_holds_a_secret_that_the_server_knows() -> None:
    """Whatever field it stands in."""
    outcome = Outcome("asked", f"with {SECRET}", {"form": {"type": "object"}}, question=f"{SECRET}?", question_id="q-1")
    result, _, _ = await closed(outcome)
    assert SECRET not in json.dumps(result.payload) + result.text
    assert result.asking
    assert (result.asking.text, result.asking.form, result.asking.state) == ("********?", {"type": "object"}, "q-1")


async def test_a_read_that_could_not_be_recorded_is_served_without_a_receipt_and_says_so() -> None:
    """With a critical warning beside its own."""
    store = MemoryStore()
    store.failing = True
    outcome = Outcome("ok", "done", {"rows": [1]}, warnings=(Warned("r", "info", "w"),))
    result, row, _ = await closed(outcome, store)
    assert row is None
    assert (result.payload["status"], result.payload["rows"], result.payload["receipt"]) == ("ok", [1], None)
    assert [(one["rule"], one["severity"]) for one in result.payload["warnings"]] == [
        ("r", "info"), ("no_receipt", "critical"),
    ]  # fmt: skip
    assert "health_check" in result.payload["warnings"][1]["message"]
    assert not result.is_error


async def test_without_strict_audit_being_asked_for_a_read_is_served() -> None:
    """The default."""
    store = MemoryStore()
    store.failing = True
    world = replace(a_world(store), reads=cast("Any", Reads()))
    assert not (await Recorder(store).close(a_call(), Outcome("ok", "done"), world, 0.0)).is_error


async def test_a_tool_name_is_whatever_the_client_sent_and_is_kept_short_and_inert() -> None:
    """In the row and in the cost."""
    _, row, cost = await closed(Outcome("refused", "no"), tool="\u202e" + "t" * 99)
    assert (row.tool, len(row.tool)) == (cost.tool, 64)
    assert row.tool.startswith("\\u202et")


async def test_under_strict_audit_what_could_not_be_recorded_is_not_told() -> None:
    """Only what the server says of itself is; a refusal stays the refusal that it was."""
    store = MemoryStore()
    store.failing = True
    found = {"rows": [1], "server": {"status": f"ill: {SECRET}"}}
    result, _, _ = await closed(Outcome("ok", "done", found), store, strict=True)
    assert result.payload["server"] == {"status": "ill: ********"}
    assert (result.payload["status"], result.payload["error"]["code"]) == ("refused", "store_unavailable")
    assert ("rows" in result.payload, result.is_error) == (False, True)
    assert result.payload["warnings"][0]["rule"] == "no_receipt"
    own = failed(Refused("no", "do", code="template_bound"))
    result, _, _ = await closed(own, store, strict=True)
    assert result.payload["error"]["code"] == "template_bound"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused("no", "do", code="template_bound"), "refused", "template_bound"),
        (InvalidArguments("no", "do"), "refused", "invalid_arguments"),
        (Busy("no", "do"), "busy", "busy"),
        (Refused("no", "do", code="plan_expired"), "expired", "plan_expired"),
        (Refused("no", "do", code="stale"), "stale", "stale"),
        (StoreUnavailable("disk"), "refused", "store_unavailable"),
        (NotAuthenticated("401"), "refused", "not_authenticated"),
        (NotAllowed("403"), "refused", "not_allowed"),
        (RateLimited("429", sent=False, retry_after_s=7.0), "failed", "rate_limit"),
        (OutcomeUnknown("cut", sent=True), "failed", "outcome_unknown"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_becomes_the_status_of_its_kind(error: MerakiMcpError, status: str, code: str) -> None:
    """A refusal when something said no before anything was sent; the cause is kept for the hooks."""
    outcome = failed(error)
    told: Json = outcome.error
    assert (outcome.status, told["code"], outcome.summary, outcome.cause) == (status, code, told["message"], error)
    assert told["message"]
    assert told["remedy"]


def test_only_a_refusal_shows_its_own_words_and_details() -> None:
    """Whatever else failed is told by the fixed sentence of its class."""
    told = failed(Refused("bound", "unbind", details={"networks": ["N_1"]}, retry_after_s=3.0)).error
    assert told == {
        "code": "refused", "message": "bound", "remedy": "unbind", "details": {"networks": ["N_1"]},
        "retry_after_s": 3.0,
    }  # fmt: skip
    assert "retry_after_s" not in (failed(Refused("bound", "unbind")).error or {})
    assert "/var/lib" not in str(failed(StoreUnavailable("/var/lib/secret is full")).error)


def test_a_fault_of_our_own_is_told_without_its_words() -> None:
    """The call's id leads to the log."""
    outcome = broken(a_call(), KeyError("/home/ana"))
    assert outcome.error
    assert (outcome.status, outcome.error["code"]) == ("failed", "internal_error")
    assert "/home/ana" not in str(outcome.error)
    assert "call-1" in outcome.error["remedy"]
    assert (outcome.summary, str(outcome.cause)) == (outcome.error["message"], "'/home/ana'")


async def test_a_message_that_was_no_valid_call_is_refused_and_recorded() -> None:
    """Nothing of it was carried out."""
    store = MemoryStore()
    world: World = replace(a_world(store), reads=cast("Any", Reads()))
    result = await Recorder(store).refuse(a_call(), world)
    error = result.payload["error"]
    assert (result.payload["status"], error["code"], result.is_error) == ("refused", "bad_request", True)
    assert error["remedy"]
    assert result.payload["summary"] == error["message"]
    (commit,) = store.commits
    assert [(write.entry.status, write.entry.event) for write in commit if isinstance(write, Append)] == [
        ("refused", "call")
    ]
    assert [
        write.record.duration_s for write in commit if isinstance(write, Put) and isinstance(write.record, Usage)
    ] == [0.0]


def test_the_state_of_a_plan_is_no_status_of_a_call() -> None:
    """A pin for the words of design 3.1: stale, expired and busy are statuses of their own."""
    assert {failed(Refused("x", "y", code=code)).status for code in ("stale", "plan_expired", "busy")} == {
        str(ChangeState.STALE), str(ChangeState.EXPIRED), "busy",
    }  # fmt: skip
