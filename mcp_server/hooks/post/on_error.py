"""Post-task step 5: what kind of failure it was, what was done about it, and what helps.

Two rules: only the text "Peer SGT capable is read-only" counts as SGT, any other refusal is what it is; and nothing
is retried or undone here: the client retries, the engine undoes.
"""

from collections.abc import Iterator
from dataclasses import replace

from mcp_server.domain.call import Attempt, Json
from mcp_server.domain.outcome import Outcome
from mcp_server.errors import AccessError, CallerError, MerakiError, NotAuthenticated, RateLimited
from mcp_server.locales.messages import message, texts
from mcp_server.world import World

SGT_TEXT = "Peer SGT capable is read-only"
_BREAKER = "breaker_open"  #: a server_error that has words of its own
_REJECTED = "rejected"  #: a read that the cloud refused for what was asked
RETRY_AFTER_S = 60.0  #: when a 429 names no time
#: Answers that are no failures: somebody or something said no, and the answer says so itself.
_NO = frozenset(
    {"refused", "needs_approval", "needs_audit", "stale", "declined", "busy", "expired", "asked", "cancelled"}
)
_PARTS_DONE = frozenset({"applied", "unknown"})


async def on_error(_attempt: Attempt, outcome: Outcome, world: World) -> Outcome:
    """The outcome whose error has ``class``, ``notice``, ``action`` and ``remedy``; as it was when nothing failed."""
    if outcome.error is None or not is_failure(outcome):
        return outcome
    if isinstance(outcome.cause, NotAuthenticated):
        world.inventory.credentials.drop()  # the next call checks the key anew
    found = classify(outcome)
    topic = _topic(found, outcome)
    said = _said(found if topic == _REJECTED else topic, outcome)
    locale = world.limits.locale
    error = dict(outcome.error)
    retry_after_s = _retry_after_s(outcome)
    values = {
        "error": error.get("message", ""),
        "retry_after": f"{retry_after_s:g}",
        "change_id": outcome.change.key if outcome.change else "",
        "until": error.get("until", ""),
    }
    error |= {
        "class": found,
        "notice": " ".join(message(locale, f"error.{key}", **values) for key in said),
        "action": message(locale, f"action.{_detailed(topic, outcome, 'action', locale)}", **values),
        "remedy": message(locale, f"remedy.{_detailed(topic, outcome, 'remedy', locale)}", **values),
    }
    if outcome.change is not None and outcome.error.get("remedy") and found in ("unknown", "partial_apply", "auth"):
        error["remedy"] = f"{outcome.error['remedy']} {error['remedy']}"
    if found == "rate_limit":
        error["retry_after_s"] = retry_after_s
    return replace(outcome, error=error)


def _topic(found: str, outcome: Outcome) -> str:
    """What action and remedy are about: the class, or something more exact."""
    code = (outcome.error or {}).get("code")
    if code == _BREAKER:
        return _BREAKER
    is_refused_read = found == "unknown" and code == _REJECTED and outcome.change is None
    return _REJECTED if is_refused_read else found


def is_failure(outcome: Outcome) -> bool:
    """Whether something failed, as against somebody saying no."""
    if isinstance(outcome.cause, MerakiError | AccessError):
        return True
    return outcome.status not in _NO and not isinstance(outcome.cause, CallerError)


def classify(outcome: Outcome) -> str:
    """rate_limit, sgt_readonly, not_found, auth, server_error, partial_apply or unknown."""
    if _is_partial(outcome):
        return "partial_apply"
    if any(SGT_TEXT.casefold() in text.casefold() for text in _texts(outcome)):
        return "sgt_readonly"
    if isinstance(outcome.cause, RateLimited):
        return "rate_limit"
    if isinstance(outcome.cause, AccessError):
        return "auth"
    return next((found for found in map(_of_status, _statuses(outcome)) if found), _of_code(outcome))


def _is_partial(outcome: Outcome) -> bool:
    """Whether some steps took effect, or may have, and another did not."""
    states = [step.state for step in outcome.steps if step.phase == "apply"]
    has_failed = any(state == "failed" for state in states)
    return outcome.status == "partial_success" or (has_failed and any(state in _PARTS_DONE for state in states))


def _texts(outcome: Outcome) -> Iterator[str]:
    """What the cloud said: in the error that ended the call, or to a step that failed."""
    if isinstance(outcome.cause, MerakiError):
        yield from outcome.cause.errors
    for step in outcome.steps:
        if step.state == "failed":
            yield from step.errors
    told: Json = (outcome.error or {}).get("cloud_says")
    yield from (str(text) for text in told or ())


def _statuses(outcome: Outcome) -> Iterator[int]:
    if isinstance(outcome.cause, MerakiError) and outcome.cause.status is not None:
        yield outcome.cause.status
    told: Json = (outcome.error or {}).get("http_status")
    if isinstance(told, int):
        yield told
    for step in outcome.steps:
        if step.state in ("failed", "unknown") and step.http_status is not None:
            yield step.http_status


def _of_status(status: int) -> str:
    if status >= 500:
        return "server_error"
    return {401: "auth", 403: "auth", 404: "not_found", 429: "rate_limit"}.get(status, "")


def _of_code(outcome: Outcome) -> str:
    code = str((outcome.error or {}).get("code", ""))
    known = {
        _BREAKER: "server_error",
        "rate_limit": "rate_limit",
        "not_authenticated": "auth",
        "not_allowed": "auth",
        "not_found": "not_found",
    }
    return known.get(code, "unknown")


def _said(found: str, outcome: Outcome) -> tuple[str, ...]:
    """The keys of the notice, in order."""
    if found == "sgt_readonly":
        return ("sgt_readonly", "sgt_readonly_more")
    if found == "not_found":
        return ("not_found", "not_found_more")
    if found != "partial_apply":
        return (found,)
    if outcome.status == "rolled_back":
        return ("partial_apply", "partial_apply_rolled_back")
    failed = ("partial_apply_rollback_failed",) if outcome.status == "rollback_failed" else ()
    return ("partial_apply", *failed, "partial_apply_backup", "partial_apply_by_hand")


def _detailed(found: str, outcome: Outcome, table: str, locale: str) -> str:
    """The key of what was done: by how an undo ended, or that of a call that changed nothing."""
    key = f"{found}_read" if outcome.change is None else f"partial_apply_{outcome.status}"
    return key if f"{table}.{key}" in texts(locale) else found


def _retry_after_s(outcome: Outcome) -> float:
    cause = outcome.cause.retry_after_s if isinstance(outcome.cause, MerakiError) else None
    told: Json = (outcome.error or {}).get("retry_after_s")
    given = cause if cause is not None else told
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else RETRY_AFTER_S
