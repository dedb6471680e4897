"""What a change is told as: its outcome while it runs and when it has ended, from the run or from the record."""

from collections.abc import Mapping, Sequence
from typing import Final

from mcp_server.changes.execution.run import Run, undone_step
from mcp_server.domain.call import Json, Warned
from mcp_server.domain.change_state import STATUS, ChangeState
from mcp_server.domain.outcome import Outcome, is_under_way
from mcp_server.domain.record import Change, ChangeStep, StoredPlan
from mcp_server.domain.redaction import clean, numbers
from mcp_server.errors import (
    BreakerOpen,
    CallerError,
    MerakiError,
    MerakiMcpError,
    NotAllowed,
    NotAuthenticated,
    RecordAltered,
    RecordConflict,
    StoreUnavailable,
)

S = ChangeState
_KEPT: Final = ("health", "delivery", "residue", "change_log", "next_command", "generated")
_NOT_ITS_OWN: Final = ("networkId", "organizationId")
_STEPS_SHOWN: Final = 12  #: a longer change tells steps that ended alike once: an answer is paid for by the token
_GOOD: Final = (S.APPLIED, S.UNCHANGED, S.PENDING_KEEP)

_REMEDY: Final[Mapping[type[MerakiMcpError], str]] = {
    NotAuthenticated: "A person sets a valid API key and starts the server again; what is left is told below.",
    NotAllowed: "An administrator of the organization gives the API key its access back; what is left is told below.",
    BreakerOpen: "Call again after that time; health_check tells which organizations are left alone and until when.",
    StoreUnavailable: "health_check says what is wrong with the store; set that right, then call again.",
    RecordConflict: "Call again; history shows what the other call did.",
    RecordAltered: "Make a new plan; meraki-specialist audit verify says what else was altered.",
}
_SUMMARY: Final[Mapping[ChangeState, str]] = {
    S.APPLIED: "Applied and verified: the cloud holds what was planned.",
    S.UNCHANGED: "Nothing to do: the live state already is as planned; nothing was sent.",
    S.FAILED: "Failed; nothing took effect.",
    S.STALE: "Not applied: the live state moved since the plan. Nothing was sent.",
    S.CANCELLED: "Cancelled before anything was sent.",
    S.IN_DOUBT: "It is not known whether the last write took effect; it was not sent again.",
    S.ROLLED_BACK: "Undone: the read-back equals the state before.",
    S.ROLLBACK_FAILED: "The undo did not restore everything; the residue is named.",
    S.PARTIAL: "Applied in part.",
    S.ROLLING_BACK: "Being undone. When the cloud or the store cannot be used just now, it is tried again by itself.",
    S.PENDING_KEEP: "Applied and verified; it is undone by itself unless a person keeps it in time.",
}


def failure_of(error: MerakiMcpError) -> Mapping[str, Json]:
    """The error as {code, message, remedy, ...}: fixed sentences, and the cloud's own texts in a typed field."""
    if isinstance(error, CallerError):
        return {"code": error.reason, "message": error.message, "remedy": error.remedy}
    told: dict[str, Json] = {
        "code": type(error).code,
        "message": type(error).sentence,
        "remedy": _REMEDY.get(type(error), "See history for what each step did, then plan again."),
    }
    if isinstance(error, MerakiError):
        told["cloud_says"] = [clean(text) for text in error.errors]
        told["http_status"] = error.status
        if error.retry_after_s is not None:
            told["retry_after_s"] = error.retry_after_s
    if isinstance(error, BreakerOpen):
        told["until"] = error.until.isoformat(timespec="seconds")
    return told


def change_outcome(run: Run) -> Outcome:
    """What the caller is told now; ``applying`` with the way to look while it is under way."""
    state = run.change.state
    if is_under_way(state) and not run.failure:
        return Outcome(
            status="applying",
            summary=f"Change {run.change.key} is under way; it goes on without this call.",
            data={
                "change_id": run.change.key,
                "look_with": {"tool": "history", "arguments": {"change_id": run.change.key}},
            },
            plan=run.stored,
            change=run.change,
            steps=tuple(run.steps),
        )
    return _told(run.stored, run.change, run.steps, run.failure, run.told())


def stored_outcome(stored: StoredPlan, change: Change, steps: Sequence[ChangeStep]) -> Outcome:
    """The outcome of a change from its record alone."""
    failure = change.result.get("failure") if isinstance(change.result.get("failure"), Mapping) else {}
    extra = {name: change.result[name] for name in _KEPT if name in change.result}
    return _told(stored, change, as_taken(change, steps), failure or {}, extra)


def as_taken(change: Change, steps: Sequence[ChangeStep]) -> list[ChangeStep]:
    """The steps in the order in which they were taken."""
    return sorted(steps, key=lambda one: (one.sent_at or one.ended_at or change.started_at, one.number))


def status_of(change: Change) -> str:
    """The word that callers are told for a change's state; a change that took others back is ``rolled_back``.

    One that should have, and was undone itself, has ``failed``: what it was to take back still stands.
    """
    if change.rolls_back and change.state in (S.APPLIED, S.ROLLED_BACK):
        return "rolled_back" if change.state is S.APPLIED else "failed"
    return STATUS.get(change.state, "unknown")


def change_row(change: Change) -> dict[str, Json]:
    """A change in short: ids, status, what it did, whose, where and when, what it takes back or what took it back."""
    view: dict[str, Json] = {
        "change_id": change.key,
        "plan_id": change.plan_id,
        "status": status_of(change),
        "actor": clean(change.owner, 80),
        "organization_id": change.organization_id,
        "network_ids": list(change.network_ids),
        "started_at": change.started_at.isoformat(),
        "ended_at": change.ended_at.isoformat() if change.ended_at else None,
    }
    if summary := (change.result.get("human_readable") or {}).get("summary"):
        view["what"] = clean(summary, 160)
    if change.rolls_back:
        view["rolls_back"] = list(change.rolls_back)
    if change.rolled_back_by:
        view["rolled_back_by"] = change.rolled_back_by
    return view


def step_view(step: ChangeStep) -> dict[str, Json]:
    """One step in a line: phase, number, state, HTTP status, whether the read-back matched."""
    view: dict[str, Json] = {
        "phase": step.phase,
        "step": undone_step(step.number) if step.phase == "undo" else step.number,
        "state": step.state,
        "request": f"{step.request.get('method')} {step.request.get('path')}",
        "http_status": step.http_status,
        "verified": step.verified.get("matches"),
    }
    if made := _ids_made(step):
        view["created"] = made
    if step.state == "unknown" and step.verified.get("why"):
        view["why"] = step.verified["why"]
    if step.errors:
        view["cloud_says"] = list(step.errors)
    if step.verified.get("differences"):
        view["differences"] = step.verified["differences"]
    return view


def steps_view(steps: Sequence[ChangeStep]) -> list[dict[str, Json]]:
    """Each step in a line; of more than twelve, neighbours that ended alike in one, with their numbers."""
    if len(steps) <= _STEPS_SHOWN:
        return [step_view(step) for step in steps]
    runs: list[tuple[Json, list[dict[str, Json]]]] = []
    for view in map(step_view, steps):
        alike = {name: value for name, value in view.items() if name not in ("step", "request")}
        if not runs or runs[-1][0] != alike:
            runs.append((alike, []))
        runs[-1][1].append(view)
    return [_one_line(views) for _, views in runs]


def _one_line(views: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """Steps that ended alike: the first one's line, with the numbers of all and how many they are."""
    if len(views) == 1:
        return dict(views[0])
    steps = numbers(sorted({view["step"] for view in views}))
    request = f"{views[0]['request']} and {len(views) - 1} more"
    return {**views[0], "step": steps, "count": len(views), "request": request}


def _ids_made(step: ChangeStep) -> dict[str, Json]:
    """The ids of what a POST created, as the cloud gave them: what came back under a new id is found by them."""
    if step.request.get("method") != "POST" or step.state != "applied":
        return {}
    ids = {name: value for name, value in step.created.items() if name == "id" or name.endswith(("Id", "Number"))}
    return {name: value for name, value in ids.items() if name not in _NOT_ITS_OWN}


def _told(
    stored: StoredPlan,
    change: Change,
    steps: Sequence[ChangeStep],
    failure: Mapping[str, Json],
    extra: Mapping[str, Json],
) -> Outcome:
    state = change.state
    status = status_of(change)
    summary = _SUMMARY.get(state, f"Change {change.key} is {state}.")
    if state is S.APPLIED and change.rolls_back:
        summary = "Rolled back and verified: the read-back equals the planned restore."
    error = None
    if state not in _GOOD and not is_under_way(state):
        error = dict(failure) or {"code": status, "message": summary, "remedy": "See history."}
    data = {"change_id": change.key, "plan_id": stored.key, "steps": steps_view(steps), **extra}
    return Outcome(
        status=status,
        summary=f"{summary} ({change.key})",
        data=data,
        error=error,
        warnings=_residue_warnings(extra),
        plan=stored,
        change=change,
        steps=tuple(steps),
    )


def _residue_warnings(extra: Mapping[str, Json]) -> tuple[Warned, ...]:
    """What the organization's own change log says beside the change, in a sentence."""
    log = extra.get("change_log") or {}
    found: list[Warned] = []
    if log.get("unexplained"):
        text = (
            f"{log['unexplained']} row(s) of the organization's change log are not explained by this change: residue."
        )
        found.append(Warned("residue", "warning", text))
    if log.get("state") in ("unknown", "incomplete"):
        found.append(Warned("change_log", "info", f"Other changes meanwhile: {log['state']}; {log.get('why', '')}."))
    return tuple(found)
