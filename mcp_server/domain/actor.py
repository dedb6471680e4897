"""Who asks."""

from dataclasses import dataclass
from enum import StrEnum

from mcp_server.errors import Refused


class Role(StrEnum):
    """What an actor or a key may do; a planner proposes, an auditor gives verdicts, an approver approves."""

    PLANNER = "planner"
    AUDITOR = "auditor"
    APPROVER = "approver"


class Profile(StrEnum):
    """Who has to agree to a change (design 3.2)."""

    SOLO = "solo"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a call: ``owner`` is the person or account behind it, compared case-folded."""

    owner: str
    channel: str  #: stdio, http, sse or cli
    client: str = ""  #: client program's name as it gave it: untrusted text
    roles: frozenset[Role] = frozenset({Role.PLANNER})

    @property
    def key(self) -> str:
        """The owner in the form in which owners are compared."""
        return self.owner.casefold()

    def owns(self, owner: str) -> bool:
        """Whether what belongs to that owner belongs to this actor."""
        return is_same_owner(self.owner, owner)


def is_same_owner(one: str, other: str) -> bool:
    """Whether two names are of one person or account: letter case does not tell them apart."""
    return one.casefold() == other.casefold()


def four_eyes(approver: str, requester: str, profile: str) -> str:
    """``kept`` when approver and requester are two, ``waived`` when they are one in ``solo``; Refused in ``team``."""
    if not is_same_owner(approver, requester):
        return "kept"
    if profile == Profile.TEAM:
        raise Refused(
            "Requester and approver are the same owner.", "Ask somebody else to approve.", code="self_approval"
        )
    return "waived"
