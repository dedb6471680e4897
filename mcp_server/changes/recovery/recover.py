"""A change that was taken over, brought to its end: settled first, then finished, undone, or left to a person."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from mcp_server.changes.execution.ending import end, residue_of_open, stranded
from mcp_server.changes.execution.execute import BROKEN, apply_steps, watched
from mcp_server.changes.execution.putting_off import why_undone
from mcp_server.changes.execution.report import failure_of
from mcp_server.changes.execution.run import Run
from mcp_server.changes.execution.take_back import take_back
from mcp_server.changes.recovery.settling import settle_open
from mcp_server.domain.call import Json
from mcp_server.domain.change_state import MOVES, ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.recovery.safe_end import SafeEnd, is_in_doubt, is_undoing, safe_end, too_long_ago
from mcp_server.errors import MerakiMcpError, OutcomeUnknown
from mcp_server.failpoints import failpoint
from mcp_server.health.signals import Signals, from_json

S = ChangeState
log = logging.getLogger(__name__)
_NOTHING: Final = {
    "code": "server_stopped",
    "message": "The server stopped before anything took effect.",
    "remedy": "Make a new plan and apply it.",
}
_STOPPED: Final = {
    "code": "server_stopped",
    "message": "The server stopped in the middle of the change; what was done was taken back.",
    "remedy": "Make a new plan and apply it.",
}
_NOT_ARRIVED: Final = {
    "code": "outcome_unknown",
    "message": "The answer to a write was lost; it took no effect, and can no longer arrive.",
    "remedy": "Make a new plan and apply it.",
}
_LOST: Final = {
    "code": "outcome_unknown",
    "message": "The answer to a write was lost in the middle of the change; what was done was taken back.",
    "remedy": "Make a new plan and apply it.",
}


async def recover(run: Run) -> Outcome:
    """The outcome of a change that was taken over; every state on the way is on record."""
    try:
        is_late = run.world.limits.read_only or _is_late(run)
        await settle_open(run)
        what = safe_end(run.change.state, run.plan.steps, run.steps, run.means.policy, is_late=is_late)
        failpoint("R4")
        log.warning("change %s was left behind by its server: %s", run.change.key, what.value)
        return await _brought(run, what, is_late=is_late)
    except MerakiMcpError as error:
        return await stranded(run, failure_of(error))
    except Exception:  # one change must never take the server, and all other changes, with it
        log.exception("the recovery of change %s failed", run.change.key)
        return await stranded(run, BROKEN)


async def _brought(run: Run, what: SafeEnd, *, is_late: bool) -> Outcome:
    known = run.change.result.get("failure") or {}  # of one that ended in doubt before
    is_lost = known.get("code") == OutcomeUnknown.code
    if what is SafeEnd.FAIL:
        run.failure = _NOT_ARRIVED if is_lost else _NOTHING
        return await end(run, S.FAILED)
    if what is SafeEnd.UNDO:
        run.failure = why_undone(run.change) or (_LOST if is_lost else known or _STOPPED)
        return await end(run, await take_back(run))
    if what is SafeEnd.LOOK:
        return await _looked_at(run, is_late=is_late)
    if what is SafeEnd.FINISH:
        return await _finished(run)
    return await _left_to_a_person(run)


async def _looked_at(run: Run, *, is_late: bool) -> Outcome:
    """Applied, when the network is no worse than when the change was planned."""
    if run.change.state is not S.VERIFYING:
        await run.move(S.VERIFYING)
    state = await watched(run, _baseline(run), may_write=not is_late)
    return await end(run, state)


async def _finished(run: Run) -> Outcome:
    """The steps that are left, carried out like the others."""
    if run.change.state is S.IN_DOUBT:
        await run.move(S.APPLYING)
    stopped = await apply_steps(run)
    if stopped is None and run.is_sent:
        stopped = await watched(run, _baseline(run))
    return await end(run, stopped or S.UNCHANGED)


async def _left_to_a_person(run: Run) -> Outcome:
    """Nothing more is written; what is known, and what is not, stands in the record."""
    if is_in_doubt(run.steps):
        run.failure = _failure(
            "in_doubt", "It cannot be read whether a write took effect.", "Read the live state, then"
        )
        state = S.IN_DOUBT
    elif is_undoing(run.change.state, run.steps):
        run.failure = _failure("undo_cut_short", "The server stopped in the middle of an undo, too long ago.", "Then")
        run.residue += residue_of_open(run)
        state = S.ROLLBACK_FAILED
    else:
        run.failure = _failure(
            "applied_in_part", "The server stopped in the middle of the change, too long ago.", "Then"
        )
        state = S.PARTIAL
    if state is not run.change.state and state not in MOVES[run.change.state]:
        await run.move(S.IN_DOUBT)
    return await end(run, state)


def _failure(code: str, message: str, remedy: str) -> Mapping[str, Json]:
    words = {"code": code, "message": f"{message} Nothing more was written.", "remedy": f"{remedy} run next_command."}
    return words if remedy != "Then" else {**words, "remedy": "A person looks at the network and runs next_command."}


def _baseline(run: Run) -> Signals | None:
    """The health when the change was planned: the sample from before its first write is gone with its server."""
    return from_json(run.plan.baseline) if run.plan.baseline else None


def _is_late(run: Run) -> bool:
    """Whether the last step is so long ago that people may have put things right themselves.

    Never for the undo of a change that nobody kept in time: that it comes late was agreed when it was applied.
    """
    if run.change.confirm_within_minutes is not None and is_undoing(run.change.state, run.steps):
        return False
    moments = [at for one in run.steps for at in (one.sent_at, one.ended_at) if at is not None]
    last: datetime = max(moments, default=run.change.started_at)
    return too_long_ago(last, run.world.clock.now(), timedelta(minutes=run.means.times.recover_minutes))
