"""What the demo says: a list of plain events, shown as they come and given as data at the end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any
Kind = Literal["story", "scene", "say", "call", "answer", "rows", "question", "terminal", "claim"]


class StoryStopped(Exception):
    """A story cannot go on; the text says at what."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, whether it is so, and what shows it."""

    text: str
    holds: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing told."""

    kind: Kind
    text: str
    more: Mapping[str, Json] = field(default_factory=dict)


class Telling:
    """Keeps what is told and shows each event at once."""

    def __init__(self, show: Callable[[Event], None]) -> None:
        """``show`` puts one event before the reader."""
        self._show = show
        self.events: list[Event] = []

    def tell(self, kind: Kind, text: str, **more: Json) -> None:
        """One more event."""
        event = Event(kind, text, more)
        self.events.append(event)
        self._show(event)

    def say(self, text: str) -> None:
        """A plain sentence of the narrator."""
        self.tell("say", text)

    def claim(self, claim: Claim) -> None:
        """One more claim, true or not."""
        self.tell("claim", claim.text, holds=claim.holds, evidence=claim.evidence)

    @property
    def claims(self) -> list[Claim]:
        """All claims so far."""
        found = [event for event in self.events if event.kind == "claim"]
        return [Claim(event.text, event.more["holds"], event.more["evidence"]) for event in found]

    @property
    def all_hold(self) -> bool:
        """Whether there are claims and each holds."""
        return bool(self.claims) and all(claim.holds for claim in self.claims)

    def as_data(self) -> dict[str, Json]:
        """``ok``, every claim, and the stories with their events."""
        stories: list[dict[str, Json]] = []
        claims: list[dict[str, Json]] = []
        for event in self.events:
            if event.kind == "story":
                stories.append({"title": event.text, **event.more, "events": []})
            elif event.kind == "claim":
                claims.append({"story": stories[-1]["title"] if stories else "", "text": event.text, **event.more})
            elif stories:
                stories[-1]["events"].append({"kind": event.kind, "text": event.text, **event.more})
        return {"ok": self.all_hold, "claims": claims, "stories": stories}
