"""How a change whose server stopped comes to a safe end.

Rules: what is not known is a person's to decide; a change that is whole is only looked at, never written to; nothing
is written when its last step is too long ago, for the network may have been put right by hand since; nor when the clock
says that it is yet to come, for then nobody can tell how long ago it was.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.holds.confirm import JUMP_S
from mcp_server.domain.plan import Step
from mcp_server.domain.record import ChangeStep

_DOUBT = frozenset({"intent", "unknown"})
_DONE = frozenset({"applied", "unchanged"})
_UNDOING = frozenset({ChangeState.PARTIAL, ChangeState.ROLLING_BACK})


class Policy(StrEnum):
    """What the operator wants of a change that was applied in part."""

    UNDO = "undo"
    FINISH = "finish"


class SafeEnd(StrEnum):
    """What is done next."""

    ASK = "ask"  #: a person decides
    LOOK = "look"  #: every step is done: look at the network's health, then it is applied
    FAIL = "fail"  #: nothing took effect, and nothing is done
    FINISH = "finish"  #: carry out the steps that are left
    UNDO = "undo"  #: take back what was done


def safe_end(
    state: ChangeState, steps: Sequence[Step], records: Sequence[ChangeStep], policy: Policy, *, is_late: bool
) -> SafeEnd:
    """What is done with a change that stood in ``state`` when its server stopped, its open writes settled."""
    if is_in_doubt(records):
        return SafeEnd.ASK
    if is_undoing(state, records):
        return SafeEnd.ASK if is_late else SafeEnd.UNDO
    applied = [record for record in records if record.phase == "apply"]
    is_bad = any(record.state == "failed" or record.verified.get("matches") is False for record in applied)
    done = {record.number for record in applied if record.state in _DONE}
    took_effect = any(record.state == "applied" for record in applied)
    if not is_bad and took_effect and done == {step.number for step in steps}:
        return SafeEnd.LOOK
    if policy is Policy.FINISH and not is_bad and not is_late:
        return SafeEnd.FINISH
    if not took_effect:
        return SafeEnd.FAIL
    return SafeEnd.ASK if is_late else SafeEnd.UNDO


def too_long_ago(last: datetime, now: datetime, within: timedelta) -> bool:
    """Whether the last step was longer ago than that, or nobody can tell: the clock was set back behind it since."""
    return not timedelta(seconds=-JUMP_S) <= now - last <= within


def is_in_doubt(records: Sequence[ChangeStep]) -> bool:
    """Whether it is not known of some write what it did."""
    return any(map(in_doubt, records))


def in_doubt(record: ChangeStep) -> bool:
    """Whether it is not known what this write did."""
    return record.state in _DOUBT or _is_unread(record)


def resolved_end(state: ChangeState, steps: Sequence[Step], records: Sequence[ChangeStep]) -> ChangeState:
    """The end of a change of which a person has said what became of its writes in doubt; nothing more is written."""
    if is_undoing(state, records):
        return ChangeState.ROLLBACK_FAILED  # what is not proven to be restored is tried again by a rollback
    done = {record.number for record in records if record.state in _DONE}
    if not any(record.state == "applied" for record in records):
        return ChangeState.FAILED
    return ChangeState.APPLIED if done == {step.number for step in steps} else ChangeState.PARTIAL


def is_undoing(state: ChangeState, records: Sequence[ChangeStep]) -> bool:
    """Whether the change was being taken back."""
    return state in _UNDOING or any(record.phase == "undo" for record in records)


def _is_unread(record: ChangeStep) -> bool:
    """Whether a write of which the answer is known was never compared with the cloud, though something reads it."""
    can_be_read = record.asked is not None and record.asked.reader is not None
    return record.state == "applied" and can_be_read and record.verified.get("matches") is None
