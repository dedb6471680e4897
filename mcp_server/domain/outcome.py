"""What came of a call, before it is rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcp_server.domain.call import Json, Warned
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Change, ChangeStep, StoredPlan


@dataclass(frozen=True, slots=True)
class Handoff:
    """A suggestion of the next step; ``call`` is the exact tool call: {tool, arguments}."""

    to: str
    reason: str
    message: str
    call: Mapping[str, Json]
    context: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call did. ``status`` is one of design 3.1's words (``ok`` for reads).

    ``error`` {code, message, remedy, retry_after_s?} is set for a refusal or failure.
    ``question`` is set when a person must be asked through the client.
    """

    status: str
    summary: str
    data: Mapping[str, Json] = field(default_factory=dict)
    error: Mapping[str, Json] | None = None
    warnings: tuple[Warned, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    question: str = ""
    question_id: str = ""
    plan: StoredPlan | None = None
    change: Change | None = None
    steps: tuple[ChangeStep, ...] = ()
    cause: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """A question for the client to put to a person; ``state`` comes back with the answer."""

    text: str
    form: Mapping[str, Json]
    state: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the transport sends: the payload of the answer, or a question."""

    payload: Mapping[str, Json]  #: a dict of plain JSON; it goes out beside the text and says the same
    text: str  #: the payload as compact JSON
    is_error: bool
    asking: Asking | None = None


@dataclass(frozen=True, slots=True)
class CarryOut:
    """A stored plan that the caller wants carried out; the engine authorizes and does it."""

    plan: StoredPlan
    keep: bool = False
    confirm_within_minutes: int | None = None


#: From good to bad; a post-task hook may only go down this list.
_ORDER = ("ok", "applied", "unchanged", "pending_keep", "applying", "rolled_back", "partial_success", "unknown")


def may_lower(before: Outcome, after: Outcome) -> bool:
    """Whether ``after`` is no better than ``before``: a hook may lower an outcome, never raise it."""
    if after.status == before.status:
        return before.error is None or after.error is not None

    def rank(status: str) -> int:
        return _ORDER.index(status) if status in _ORDER else len(_ORDER)

    return rank(after.status) > rank(before.status)


def is_under_way(state: ChangeState) -> bool:
    """Whether a run is still going on in that state."""
    return state in (ChangeState.APPLYING, ChangeState.VERIFYING, ChangeState.ROLLING_BACK, ChangeState.PARTIAL)
