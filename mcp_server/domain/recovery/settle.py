"""Did a write take effect whose answer nobody has? What the cloud holds now is compared with before and after.

Rule: what looks like both, like neither, or cannot be read is not guessed (safety facts 5.2).
"""

from enum import StrEnum

from mcp_server.domain.call import Json
from mcp_server.domain.plan import FieldChange
from mcp_server.domain.record import Asked
from mcp_server.domain.state.compare import differences


class Settled(StrEnum):
    """What is known of a write once the cloud was read."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    DRIFTED = "drifted"  #: neither as before nor as it was meant to become
    UNKNOWN = "unknown"  #: nothing tells


def settle(asked: Asked, live: Json) -> Settled:
    """What the live state of the write's resource says; it was read after the write can last have arrived."""
    if asked.reader is None:
        return Settled.UNKNOWN
    if not apart(asked, asked.expected, live):  # fields that the cloud adds do not count: before may fit it too
        return Settled.APPLIED if apart(asked, asked.expected, asked.before) else Settled.UNKNOWN
    return Settled.DRIFTED if apart(asked, asked.before, live) else Settled.NOT_APPLIED


def apart(asked: Asked, wanted: Json, live: Json) -> tuple[FieldChange, ...]:
    """The fields in which the live state is not as wanted; one nameless field when one of the two is not there."""
    if wanted is None or live is None:
        return () if wanted is live else (FieldChange("", wanted, live),)
    return differences(wanted, live, ignore=asked.ignore, unordered=asked.unordered)
