"""How hooks are run.

Rules: a pre-task hook that raises is a refusal, for reads too; every post-task hook runs, also after a failure and for
a caller that goes away meanwhile, and one that raises is recorded while the others still run; a post-task hook may
lower an outcome, never raise it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mcp_server.domain.call import Allow, Attempt, Json, Refuse, Verdict, Warned
from mcp_server.domain.outcome import Outcome, may_lower
from mcp_server.domain.plan import Plan
from mcp_server.errors import AccessError, CallerError, MerakiError, Refused
from mcp_server.hooks.forms import PlanHook, PostHook, PreHook
from mcp_server.hooks.order import POST_TASK, PRE_CHANGE, PRE_TASK
from mcp_server.locales.messages import message
from mcp_server.world import World

log = logging.getLogger(__name__)


async def pre_task(attempt: Attempt, world: World, hooks: Sequence[PreHook] = PRE_TASK) -> Attempt:
    """The attempt with what every hook found out; Refused (naming the hook) as soon as one says no or fails."""
    for hook in hooks:
        name = _name(hook)
        try:
            facts = _allowed(name, await hook(attempt, world))
            attempt = attempt.with_facts(**facts) if facts else attempt
        except (CallerError, AccessError, MerakiError):
            raise
        except Exception as error:  # a hook that breaks is a refusal: closed
            raise _broken(name, attempt, error) from error
    return attempt


async def pre_change(
    attempt: Attempt, plan: Plan, world: World, hooks: Sequence[PlanHook] = PRE_CHANGE
) -> dict[str, Json]:
    """What the hooks that need a plan put into the change request; Refused as soon as one says no or fails."""
    context: dict[str, Json] = {}
    for hook in hooks:
        name = _name(hook)
        try:
            context |= _allowed(name, await hook(attempt, plan, world)).get("context", {})
        except (CallerError, AccessError, MerakiError):
            raise
        except Exception as error:  # as above
            raise _broken(name, attempt, error) from error
    return context


async def post_task(attempt: Attempt, outcome: Outcome, world: World, hooks: Sequence[PostHook] = POST_TASK) -> Outcome:
    """The outcome after every hook; a hook that fails or makes it look better leaves it as it was, with a warning.

    The caller shields it, together with the row that comes after: no hook is left out because nobody waits any more.
    """
    for hook in hooks:
        outcome = await _after(hook, attempt, outcome, world)
    return outcome


async def _after(hook: PostHook, attempt: Attempt, outcome: Outcome, world: World) -> Outcome:
    name = _name(hook)
    try:
        after = await hook(attempt, outcome, world)
        is_lower = may_lower(outcome, after)
    except Exception:  # the others still run; the network is what it is
        log.exception("post-task hook %s failed", name, extra={"call_id": attempt.call.call_id})
        return _warned(outcome, "hook_failed", message(world.limits.locale, "hook.failed", hook=name))
    if is_lower:
        return after
    log.error("post-task hook %s raised an outcome", name, extra={"call_id": attempt.call.call_id})
    return _warned(outcome, "hook_raised", message(world.limits.locale, "hook.raised", hook=name))


def _name(hook: PreHook | PlanHook | PostHook) -> str:
    return str(getattr(hook, "__name__", type(hook).__name__))


def _allowed(name: str, verdict: Verdict) -> Mapping[str, Any]:
    """The facts of an Allow; raises Refused for a Refuse and TypeError for anything else."""
    if isinstance(verdict, Refuse):
        raise Refused(
            verdict.reason,
            verdict.remedy,
            code=verdict.code,
            details={**verdict.details, "hook": name},
            retry_after_s=verdict.retry_after_s,
        )
    if not isinstance(verdict, Allow):
        raise TypeError(f"{name} gave no verdict")
    return verdict.facts


def _broken(name: str, attempt: Attempt, error: Exception) -> Refused:
    log.error("pre-task hook %s failed", name, exc_info=error, extra={"call_id": attempt.call.call_id})
    return Refused(
        f"The check {name} could not be made, so nothing was done.",
        "Try again; if it stays so, see the server's log under this call's id.",
        code="hook_failed",
        details={"hook": name},
    )


def _warned(outcome: Outcome, rule: str, text: str) -> Outcome:
    return replace(outcome, warnings=(*outcome.warnings, Warned(rule, "critical", text)))
