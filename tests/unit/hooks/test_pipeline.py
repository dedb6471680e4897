"""Hooks are closed on error before, and all run after."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from mcp_server.domain.call import Allow, Attempt, Refuse
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.errors import CallerError, MerakiMcpError, NotAuthenticated, RateLimited, Refused
from mcp_server.hooks.order import POST_TASK, PRE_CHANGE, PRE_TASK
from mcp_server.hooks.pipeline import post_task, pre_change, pre_task
from mcp_server.world import World
from tests.support.memory_store import MemoryStore
from tests.unit.hooks.post.cases import a_world, an_attempt, changed

PreHook = Callable[[Attempt, World], Awaitable[Any]]


def saying(verdict: Any, seen: list[Attempt] | None = None) -> PreHook:
    """A hook that gives that verdict, or raises it."""

    async def said(attempt: Attempt, _world: World) -> Any:
        if seen is not None:
            seen.append(attempt)
        if isinstance(verdict, BaseException):
            raise verdict
        return verdict

    return said


def test_the_order_of_the_hooks_is_the_protocols() -> None:
    """A pin: change it on purpose, with docs/reference/hooks.md."""
    assert [hook.__name__ for hook in PRE_TASK] == [
        "guard", "validate_credentials", "resolve_org_and_network", "detect_catalyst_mode", "check_license",
        "sgt_preflight_check", "backup_current_state", "check_rate_limit",
    ]  # fmt: skip
    assert [hook.__name__ for hook in PRE_CHANGE] == ["inject_context"]
    assert [hook.__name__ for hook in POST_TASK] == [
        "write_audit_log", "write_changelog", "process_handoffs", "update_session", "on_error",
    ]  # fmt: skip


async def test_what_a_hook_finds_out_is_known_to_those_behind_it() -> None:
    """And to the tool."""
    seen: list[Attempt] = []
    hooks = [saying(Allow({"rate_wait_s": 1.5})), saying(Allow({"rate_safe": False}), seen), saying(Allow())]
    after = await pre_task(an_attempt(), a_world(), hooks)
    assert seen[0].facts.rate_wait_s == 1.5
    assert (after.facts.rate_wait_s, after.facts.rate_safe) == (1.5, False)


async def test_an_attempt_is_not_copied_for_what_it_knew() -> None:
    """Most hooks find nothing out about a read, and say so with the values that stand there already."""
    attempt = an_attempt()
    assert attempt.with_facts(rate_wait_s=0.0, rate_safe=True, warnings=()) is attempt
    assert attempt.with_facts(rate_safe=True, rate_wait_s=2.0).facts.rate_wait_s == 2.0


async def test_a_hook_that_says_no_stops_the_call_and_is_named() -> None:
    """No hook behind it runs."""
    seen: list[Attempt] = []
    no = Refuse("template_bound", "Bound.", "Change the template.", {"networks": ["N_1"]}, retry_after_s=3)
    with pytest.raises(Refused) as caught:
        await pre_task(an_attempt(), a_world(), [saying(no), saying(Allow(), seen)])
    error = caught.value
    assert (error.reason, error.message, error.remedy) == ("template_bound", "Bound.", "Change the template.")
    assert error.details == {"networks": ["N_1"], "hook": "said"}
    assert error.retry_after_s == 3
    assert seen == []


@pytest.mark.parametrize(
    "broken", [ValueError("secret detail"), None, "allow", {"allow": True}, Allow({"nonsense": 1})]
)
async def test_a_hook_that_breaks_or_gives_no_verdict_is_a_refusal(
    broken: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Closed, for reads too; the caller is not told more than that, the log says all of it under the call's id."""
    with pytest.raises(Refused) as caught:
        await pre_task(an_attempt("meraki_read"), a_world(), [saying(broken)])
    assert caught.value.reason == "hook_failed"
    assert caught.value.details == {"hook": "said"}
    assert "secret detail" not in caught.value.message + caught.value.remedy
    (line,) = caplog.records
    assert (line.levelname, line.exc_info is not None, vars(line)["call_id"]) == ("ERROR", True, "call-1")
    assert isinstance(broken, Allow | ValueError) or "said gave no verdict" in caplog.text


@pytest.mark.parametrize(
    "error",
    [CallerError("m", "r", code="own_code"), NotAuthenticated("no key"), RateLimited("slow", sent=False)],
)
async def test_the_products_own_errors_keep_their_own_code(error: MerakiMcpError) -> None:
    """They already say what happened and what to do."""
    with pytest.raises(type(error)) as caught:
        await pre_task(an_attempt(), a_world(), [saying(error)])
    assert caught.value is error


async def test_the_hooks_that_need_a_plan_give_its_context() -> None:
    """And refuse as the others do."""

    async def one(_attempt: Attempt, _plan: Any, _world: World) -> Any:
        return Allow({"context": {"a": 1}})

    async def two(_attempt: Attempt, _plan: Any, _world: World) -> Any:
        return Allow({"context": {"b": 2}})

    async def broken(_attempt: Attempt, _plan: Any, _world: World) -> Any:
        raise KeyError("x")

    async def no(_attempt: Attempt, _plan: Any, _world: World) -> Any:
        return Refuse("no", "No.", "Stop.")

    plan = changed().plan
    assert plan is not None
    assert await pre_change(an_attempt(), plan.plan, a_world(), [one, two]) == {"a": 1, "b": 2}
    for hook, code in ((broken, "hook_failed"), (no, "no")):
        with pytest.raises(Refused) as caught:
            await pre_change(an_attempt(), plan.plan, a_world(), [hook])
        assert caught.value.reason == code


async def test_the_context_of_a_plan_is_what_the_earlier_steps_found() -> None:
    """Taking inject_context out of the list would leave a plan without it."""
    plan = changed().plan
    assert plan is not None
    attempt = an_attempt().with_facts(catalyst_modes={"Q2XX": "managed"}, rate_safe=False)
    context = await pre_change(attempt, plan.plan, a_world())
    assert context["catalyst_mode"] == {"Q2XX": "managed"}
    assert context["rate_safe"] is False


async def noted(_attempt: Attempt, outcome: Outcome, _world: World) -> Outcome:
    """A hook that adds to the data."""
    return replace(outcome, data={**outcome.data, "noted": outcome.data.get("noted", 0) + 1})


async def test_every_post_task_hook_runs_though_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    """The failure is a warning and a log line; the result stands."""

    async def broken(_attempt: Attempt, _outcome: Outcome, _world: World) -> Outcome:
        raise OSError("disk full")

    with caplog.at_level(logging.ERROR):
        after = await post_task(an_attempt(), changed(), a_world(), [noted, broken, noted])
    assert after.data["noted"] == 2
    assert after.status == "applied"
    assert [(warned.rule, warned.severity) for warned in after.warnings] == [("hook_failed", "critical")]
    assert "broken" in after.warnings[0].message
    assert "disk full" in caplog.text
    assert [vars(line)["call_id"] for line in caplog.records] == ["call-1"]


async def test_a_hook_may_lower_an_outcome_and_never_raise_it(caplog: pytest.LogCaptureFixture) -> None:
    """Applied may become unknown; a failure never becomes a success."""

    def to(status: str) -> Callable[[Attempt, Outcome, World], Awaitable[Outcome]]:
        async def moved(_attempt: Attempt, outcome: Outcome, _world: World) -> Outcome:
            return replace(outcome, status=status, error=None)

        return moved

    lowered = await post_task(an_attempt(), changed(), a_world(), [to("unknown"), noted])
    assert (lowered.status, lowered.data["noted"]) == ("unknown", 1)
    failed = changed(ChangeState.FAILED, error={"code": "x", "message": "m"})
    kept = await post_task(an_attempt(), failed, a_world(), [to("applied"), noted])
    assert (kept.status, kept.error, kept.data["noted"]) == ("failed", failed.error, 1)
    assert [warned.rule for warned in kept.warnings] == ["hook_raised"]
    assert [(line.getMessage(), vars(line)["call_id"]) for line in caplog.records] == [
        ("post-task hook moved raised an outcome", "call-1")
    ]


async def test_a_hook_that_returns_no_outcome_is_one_that_failed() -> None:
    """The outcome before it goes on."""

    async def nothing(_attempt: Attempt, _outcome: Outcome, _world: World) -> Any:
        return None

    after = await post_task(an_attempt(), changed(), a_world(), [nothing, noted])
    assert after.data["noted"] == 1
    assert [warned.rule for warned in after.warnings] == ["hook_failed"]


TRACED = ("write_audit_log", "write_changelog", "process_handoffs", "update_session", "on_error")


@pytest.mark.parametrize("missing", TRACED)
async def test_each_post_task_hook_leaves_a_trace_of_its_own(missing: str) -> None:
    """Taking one out of the list loses just its effect."""
    outcome = changed(ChangeState.ROLLBACK_FAILED, error={"code": "x", "message": "m"})
    store = MemoryStore(outcome.change)
    whole = traces(await post_task(an_attempt(), outcome, a_world(store)), store)
    assert whole == set(TRACED)
    store = MemoryStore(outcome.change)
    rest = [hook for hook in POST_TASK if hook.__name__ != missing]
    assert traces(await post_task(an_attempt(), outcome, a_world(store), rest), store) == whole - {missing}


def traces(outcome: Outcome, store: MemoryStore) -> set[str]:
    """Which hooks can be seen to have run."""
    records = list(store.records.values())
    seen = {
        "write_audit_log": any(getattr(record, "result", {}).get("change_id") for record in records),
        "write_changelog": "changelog" in outcome.data,
        "process_handoffs": bool(outcome.handoffs),
        "update_session": any(getattr(record, "changes_count", 0) for record in records),
        "on_error": "class" in (outcome.error or {}),
    }
    return {name for name, was_seen in seen.items() if was_seen}
