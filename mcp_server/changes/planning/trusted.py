"""Whether a stored plan may be used: it is the caller's own, and it is what was hashed when it was made."""

from mcp_server.changes.planning.plan_hash import plan_hash
from mcp_server.domain.call import Attempt
from mcp_server.domain.record import StoredPlan
from mcp_server.errors import Refused


def must_own(stored: StoredPlan, attempt: Attempt, remedy: str = "Make a plan of your own.") -> None:
    """Nothing for the caller's own plan; Refused for another's."""
    if not attempt.actor.owns(stored.owner):
        raise Refused("This plan belongs to somebody else.", remedy, code="plan_of_another_owner")


def must_be_whole(stored: StoredPlan, digest_key: bytes, remedy: str = "Make a new plan.") -> None:
    """Nothing for a plan that is as it was hashed; Refused for one that was altered since."""
    if plan_hash(stored.plan, digest_key) != stored.plan.plan_hash:
        raise Refused("The stored plan is not what was hashed.", remedy, code="plan_altered")
