"""What the change engine works with beyond the ports of one call; built in the assembly."""

import shlex
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Attempt, Json
from mcp_server.domain.holds.freeze import unfreeze_words
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.plan import Plan
from mcp_server.domain.ports import Approvals, Servers
from mcp_server.domain.recovery.safe_end import Policy
from mcp_server.world import World


@dataclass(frozen=True, slots=True)
class Times:
    """Bounds, in seconds unless the name says otherwise; each is a setting."""

    apply_wait_s: float = 45.0  #: how long meraki_apply waits before it answers ``applying``
    question_s: float = 300.0
    lease_s: float = 900.0
    settle_s: float = 15.0  #: upper bound of one step's wait for its read-back
    late_s: float = 120.0  #: after a write that was not answered is given up, it may arrive so long: RFC 9293, 3.4.1
    settle_poll_s: float = 0.5
    health_settle_s: float = 10.0
    health_poll_s: float = 2.5
    keep_sample_s: float = 60.0  #: between two looks at the health of a change that waits to be kept
    plan_hours: float = 24.0
    approval_hours: float = 4.0
    recover_minutes: float = 15.0  #: after its last step a change that was left behind is not written to any more


@dataclass(frozen=True, slots=True)
class Means:
    """Keys, secrets and bounds. ``approve_command`` gives the command that works for this installation."""

    digest_key: Callable[[], bytes]  #: StoreUnavailable when it can be neither read nor made
    secret: Callable[[str], str | None]
    generate: Callable[[int, str], str]  #: so many characters, kept under that name for the person
    approvals: Approvals
    approve_command: Callable[[str], str]
    session_id: Callable[[World, Actor], Awaitable[str]]  #: of the caller's live session, begun when there is none
    context: Callable[[Attempt, Plan, World], Awaitable[Mapping[str, Json]]]  #: the hooks that need a plan
    after: Callable[[Attempt, Outcome, World], Awaitable[Outcome]]  #: the post-task hooks, for a caller that left
    times: Times
    servers: Servers  #: who lives, so that nobody goes on with the change of another
    policy: Policy = Policy.UNDO  #: of changes that were left behind applied in part
    audit_command: Callable[[str], str] = lambda audit_id: f"meraki-specialist audit-respond {audit_id}"
    unfreeze_command: Callable[[str], str] = lambda organization_id: " ".join(
        ("meraki-specialist", *unfreeze_words(organization_id))
    )
    command: Callable[..., str] = lambda *words: shlex.join(["meraki-specialist", *words])  #: for this installation
    named: Callable[[str], AbstractContextManager[None]] = lambda _change_id: nullcontext()  #: log lines inside name it
