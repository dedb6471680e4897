"""Who asks."""

from dataclasses import dataclass
from enum import StrEnum


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
    client_version: str = ""
    roles: frozenset[Role] = frozenset({Role.PLANNER})

    @property
    def key(self) -> str:
        """The owner in the form in which owners are compared."""
        return self.owner.casefold()
