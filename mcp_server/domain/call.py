"""One call as it travels: what arrived, what it would touch, what the hooks found out, what comes back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from mcp_server.domain.actor import Actor

Json = Any  #: a JSON value: None, bool, int, float, str, list of Json, dict of str to Json


class Effect(StrEnum):
    """What a tool may do to a network; never defaulted."""

    READ = "read"
    CHANGE = "change"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to our question, as the client sent it back."""

    action: str  #: accept, decline or cancel
    content: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What arrived. ``state`` and ``answer`` are set on the second round of a question."""

    call_id: str
    tool: str
    arguments: Mapping[str, Json]
    actor: Actor
    correlation_id: str
    can_ask: bool = False  #: the client declared form elicitation
    state: str | None = None
    answer: Answer | None = None
    argument_bytes: int = 0
    is_lookup: bool = False  #: a resource, prompt or completion; ``tool`` is then the MCP method
    report: Callable[[float, float | None, str], Awaitable[None]] | None = None  #: progress to the caller


@dataclass(frozen=True, slots=True)
class Touch:
    """One operation that a call would run, fully addressed: params have every path parameter filled in."""

    operation: str  #: operationId
    params: Mapping[str, Json]  #: path and query parameters by name
    body: Mapping[str, Json] | None = None
    is_write: bool = False
    irreversible: bool = False  #: the requester accepts that it cannot be undone


@dataclass(frozen=True, slots=True)
class Named:
    """Id and name together; the name is untrusted text from Meraki."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Network:
    """A network as the inventory knows it."""

    id: str
    name: str
    organization_id: str
    product_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    template_id: str | None = None  #: set when bound to a configuration template


@dataclass(frozen=True, slots=True)
class Device:
    """A device as the inventory knows it."""

    serial: str
    name: str
    model: str
    organization_id: str
    network_id: str | None
    firmware: str = ""
    tags: tuple[str, ...] = ()
    product_type: str = ""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A target that may not be changed, and the way out."""

    touch: int  #: index in ``Attempt.touches``, from 0
    target: str  #: for people: "port 7 of MS225 (Q2XX-...)"
    code: str  #: template_bound, monitored_catalyst, sgt_locked, profile_bound, license, vlans_disabled
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning of a plan; severity is info, warning or critical; ``rule`` is the T1 to T6 rule's name."""

    rule: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the pre-task hooks found out; each hook adds its own part."""

    organization: Named | None = None
    networks: tuple[Network, ...] = ()
    devices: tuple[Device, ...] = ()
    catalyst_modes: Mapping[str, str] = field(default_factory=dict)  #: serial -> native_meraki|managed|monitored
    license_levels: Mapping[str, str] = field(default_factory=dict)  #: serial -> enterprise|advanced
    sgt: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  #: serial -> preflight report
    blocked: tuple[Blocked, ...] = ()
    backup_at: datetime | None = None
    rate_wait_s: float = 0.0
    rate_safe: bool = True
    warnings: tuple[Warned, ...] = ()


NOTHING_KNOWN: Final = Facts()


@dataclass(frozen=True, slots=True)
class Attempt:
    """Actor, tool and checked arguments; what hooks see."""

    call: ToolCall
    effect: Effect
    arguments: Mapping[str, Json]
    touches: tuple[Touch, ...] = ()
    skip_blocked: bool = False
    is_apply: bool = False  #: a stored plan is about to be carried out
    facts: Facts = NOTHING_KNOWN

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.call.actor

    @property
    def writes(self) -> tuple[Touch, ...]:
        """The touches that would change something."""
        return tuple(touch for touch in self.touches if touch.is_write)

    def with_facts(self, **parts: Any) -> "Attempt":
        """The same attempt knowing more; itself when it knew all that."""
        if all(part == getattr(self.facts, name) for name, part in parts.items()):
            return self
        facts = Facts(**parts) if self.facts is NOTHING_KNOWN else replace(self.facts, **parts)
        return replace(self, facts=facts)


@dataclass(frozen=True, slots=True)
class Allow:
    """Go on; ``facts`` are parts of ``Facts`` to set."""

    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refuse:
    """Stop; ``code`` is stable, ``reason`` says what and to what, ``remedy`` what to do."""

    code: str
    reason: str
    remedy: str
    details: Mapping[str, Json] = field(default_factory=dict)
    retry_after_s: float | None = None


Verdict = Allow | Refuse


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a call's row stands in the audit chain."""

    seq: int
    hash: str
