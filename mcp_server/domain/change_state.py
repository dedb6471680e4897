"""The states of a change, as one table (design 2.2).

Two rules: a move that is not in the table raises and changes nothing; a final state has no moves.
The picture in docs/reference/change-states.md is drawn from ``MOVES`` by scripts/build; a test compares.
"""

from enum import StrEnum


class ChangeState(StrEnum):
    """Where a plan or the change made of it stands."""

    PLANNED = "planned"
    AUDIT_REQUESTED = "audit_requested"
    AUDIT_ACKED = "audit_acked"
    AUDIT_APPROVED = "audit_approved"
    AUDIT_REJECTED = "audit_rejected"
    APPROVED = "approved"
    APPLYING = "applying"
    VERIFYING = "verifying"
    PENDING_KEEP = "pending_keep"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    PARTIAL = "partial"
    IN_DOUBT = "in_doubt"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    FAILED = "failed"
    REFUSED = "refused"
    STALE = "stale"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


S = ChangeState
_CLOSING = frozenset({S.REFUSED, S.STALE, S.EXPIRED, S.CANCELLED})
_FROM_APPLYING = frozenset({S.VERIFYING, S.STALE, S.CANCELLED, S.UNCHANGED, S.FAILED, S.PARTIAL, S.IN_DOUBT})
_UNDO = frozenset({S.ROLLING_BACK})

MOVES: dict[ChangeState, frozenset[ChangeState]] = {
    S.PLANNED: frozenset({S.AUDIT_REQUESTED, S.APPROVED}) | _CLOSING,
    S.AUDIT_REQUESTED: frozenset({S.AUDIT_ACKED, S.AUDIT_REJECTED}) | _CLOSING,
    S.AUDIT_ACKED: frozenset({S.AUDIT_APPROVED, S.AUDIT_REJECTED, S.AUDIT_REQUESTED}) | _CLOSING,
    S.AUDIT_APPROVED: frozenset({S.APPROVED, S.AUDIT_REJECTED}) | _CLOSING,
    S.APPROVED: frozenset({S.APPLYING, S.AUDIT_REJECTED}) | _CLOSING,
    S.APPLYING: _FROM_APPLYING,
    S.VERIFYING: frozenset({S.APPLIED, S.PENDING_KEEP, S.IN_DOUBT}) | _UNDO,
    S.PENDING_KEEP: frozenset({S.APPLIED}) | _UNDO,
    S.PARTIAL: _UNDO | {S.IN_DOUBT},
    S.IN_DOUBT: (_FROM_APPLYING | {S.APPLYING, S.APPLIED, S.PENDING_KEEP, S.ROLLED_BACK, S.ROLLBACK_FAILED} | _UNDO)
    - {S.IN_DOUBT},
    S.ROLLING_BACK: frozenset({S.ROLLED_BACK, S.ROLLBACK_FAILED, S.IN_DOUBT}),
    S.APPLIED: frozenset(),
    S.UNCHANGED: frozenset(),
    S.ROLLED_BACK: frozenset(),
    S.ROLLBACK_FAILED: frozenset(),
    S.FAILED: frozenset(),
    S.REFUSED: frozenset(),
    S.STALE: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
    S.AUDIT_REJECTED: frozenset(),
}

FINAL = frozenset(state for state, moves in MOVES.items() if not moves)

#: What each state of a change is called in an answer (design 3.1); states before APPLYING have no status of their own.
STATUS: dict[ChangeState, str] = {
    S.APPLYING: "applying",
    S.VERIFYING: "applying",
    S.ROLLING_BACK: "applying",
    S.PARTIAL: "partial_success",
    S.PENDING_KEEP: "pending_keep",
    S.APPLIED: "applied",
    S.UNCHANGED: "unchanged",
    S.IN_DOUBT: "unknown",
    S.ROLLED_BACK: "rolled_back",
    S.ROLLBACK_FAILED: "rollback_failed",
    S.FAILED: "failed",
    S.REFUSED: "refused",
    S.STALE: "stale",
    S.EXPIRED: "expired",
    S.CANCELLED: "declined",
    S.AUDIT_REJECTED: "refused",
}


class IllegalMove(ValueError):
    """A move that the table does not have."""


def move(current: ChangeState, target: ChangeState) -> ChangeState:
    """The target state, when the table allows the move; raises ``IllegalMove`` otherwise."""
    if target not in MOVES[current]:
        raise IllegalMove(f"{current} -> {target}")
    return target
