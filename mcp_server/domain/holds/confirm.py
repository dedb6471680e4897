"""Commit-confirm: until when a change must be kept, whether that time has passed, and whether it may be kept. Pure.

A deadline is stored as a moment of the wall clock together with an anchor: wall clock and uptime when it was set.
Three rules. While the machine has not been started anew since, uptime alone measures what is left, so neither setting
the clock nor a stopped server moves the deadline; wall clock and uptime more than 60 s apart are a jump: the deadline
moves with the wall clock and is anchored anew, which is a row of evidence (safety facts R8, T27). After a start of the
machine only the wall clock is left to measure by. When even that stands before the anchor, the whole of what was left
then is given again: no guess makes the time shorter or ends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from mcp_server.domain.call import Json
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.holds.moment import Moment
from mcp_server.domain.record import ChangeStep, Deadline

SHORTEST_MINUTES: Final = 1
JUMP_S: Final = 60.0  #: wall clock against uptime; less is what clocks are put right by


@dataclass(frozen=True, slots=True)
class Left:
    """How much of a deadline is left."""

    seconds: float  #: 0 or less: it has passed
    jumped_s: float = 0.0  #: by how much the wall clock went its own way since the anchor; 0.0 when it did not
    is_new_boot: bool = False

    @property
    def needs_anchor(self) -> bool:
        """Whether the deadline must be anchored anew before anything is decided by it."""
        return self.is_new_boot or self.jumped_s != 0.0


def opened(change_id: str, minutes: int, now: Moment, baseline: Mapping[str, Json]) -> Deadline:
    """The deadline of a change that was verified now."""
    due_at = now.at + timedelta(minutes=minutes)
    return Deadline(change_id, minutes, "open", due_at, now.at, now.uptime_s, now.boot, dict(baseline), now.at)


def left(deadline: Deadline, now: Moment) -> Left:
    """What is left of it now."""
    window_s = (deadline.due_at - deadline.anchored_at).total_seconds()
    walled_s = (now.at - deadline.anchored_at).total_seconds()
    if now.boot != deadline.boot or now.uptime_s < deadline.anchored_s:
        if walled_s < 0:
            return Left(window_s, jumped_s=walled_s, is_new_boot=True)
        return Left(window_s - walled_s, is_new_boot=True)
    elapsed_s = now.uptime_s - deadline.anchored_s
    apart_s = walled_s - elapsed_s
    return Left(window_s - elapsed_s, jumped_s=apart_s if abs(apart_s) > JUMP_S else 0.0)


def anchored(deadline: Deadline, now: Moment) -> Deadline:
    """The same deadline, told by the clocks as they are now."""
    due_at = now.at + timedelta(seconds=left(deadline, now).seconds)
    return replace(deadline, due_at=due_at, anchored_at=now.at, anchored_s=now.uptime_s, boot=now.boot)


def needs_sample(deadline: Deadline, now: Moment, every_s: float) -> bool:
    """Whether health is to be looked at again."""
    return deadline.sampled_at is None or abs((now.at - deadline.sampled_at).total_seconds()) >= every_s


def why_not_kept(
    deadline: Deadline | None, state: ChangeState, steps: Sequence[ChangeStep], now: Moment
) -> tuple[str, str]:
    """Code and reason why a change may not be kept; two empty texts when it may.

    It may when it waits for that, its time has not passed (or a person was asked to decide), and every step that can be
    read back was found as planned.
    """
    if deadline is None:
        return "not_waiting", "it was not applied with confirm_within_minutes"
    if state is not ChangeState.PENDING_KEEP or deadline.state in ("kept", "undone"):
        return "not_waiting", f"it is {state}"
    if deadline.state == "open" and left(deadline, now).seconds <= 0:
        return "deadline_passed", "its time has passed; it is being undone"
    unproven = [step.number for step in steps if _is_unproven(step)]
    if unproven:
        return "not_verified", f"step {unproven[0]} was not found as planned"
    return "", ""


def _is_unproven(step: ChangeStep) -> bool:
    return step.phase == "apply" and (step.state in ("intent", "unknown") or step.verified.get("matches") is False)
