"""How the pure centre and the hooks see the world: interfaces of at most five methods each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from mcp_server.domain.call import Json, Receipt
from mcp_server.domain.holds.moment import Moment
from mcp_server.domain.limits.breaker import Admitted
from mcp_server.domain.record import Approval, AuditEntry, AuditRequest, Freeze, Record

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to the Dashboard API, without host and key."""

    method: str
    path: str  #: below /api/v1, parameters filled in and quoted
    query: Mapping[str, Json] = field(default_factory=dict)
    body: Json = None
    organization_id: str = ""  #: whose rate budget it uses; "" when not known yet


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. For a paged read ``data`` holds all pages; never part of them."""

    status: int
    data: Json
    request_id: str = ""
    calls: int = 1  #: HTTP requests sent, retries and pages counted
    waited_s: float = 0.0
    next_page: str | None = None  #: opaque; only when ``pages`` bounded the read


class MerakiApi(Protocol):
    """The Dashboard API. Raises only errors of the MerakiError and AccessError branches."""

    async def read(self, request: Request, *, pages: int | None = None, page: str | None = None) -> Reply:
        """A GET with retries; all pages (``pages=None``) or at most so many from ``page`` on."""
        ...

    async def write(self, request: Request) -> Reply:
        """A write; sent again only when it is known not to have arrived."""
        ...

    async def wait_estimate_s(self, organization_id: str, calls: int) -> float:
        """Seconds until the organization's budget has room for so many calls; 0.0 when it has."""
        ...


@dataclass(frozen=True, slots=True)
class Put:
    """Write a record.

    ``expect`` None: it must be new. Otherwise these fields of the stored one must be equal; {}: any or none.
    """

    record: Record
    expect: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """Add a line of evidence to the chain."""

    entry: AuditEntry


@dataclass(frozen=True, slots=True)
class TakeLeases:
    """Take all of the keys or none. Fails with ``RecordConflict(found=Lease)`` when one is held and has not run out.

    ``again``: what this very change holds is taken anew, under the next fence, by whoever goes on with it.
    """

    keys: tuple[str, ...]  #: sorted
    change_id: str
    holder: str
    now: datetime
    until: datetime
    again: bool = False


@dataclass(frozen=True, slots=True)
class HoldLeases:
    """Fails with ``RecordConflict`` unless the change holds every key under just these fences; moves ``until`` on."""

    keys: tuple[str, ...]
    change_id: str
    until: datetime
    fences: tuple[int, ...]  #: of the keys, in their order, as they were when the leases were taken

    def __post_init__(self) -> None:
        if len(self.fences) != len(self.keys):
            raise ValueError(f"{self.change_id} names {len(self.fences)} fences of {len(self.keys)} leases")


@dataclass(frozen=True, slots=True)
class ReleaseLeases:
    """Give up whatever the change still holds."""

    change_id: str


@dataclass(frozen=True, slots=True)
class NotFrozen:
    """Fails with ``RecordConflict(found=Freeze)`` while one of these kill switches is on."""

    keys: tuple[str, ...]


StoreWrite = Put | Append | TakeLeases | HoldLeases | ReleaseLeases | NotFrozen


class Store(Protocol):
    """Journal and audit. ``commit`` is one transaction, synced to disk before it returns."""

    async def commit(self, *writes: StoreWrite) -> tuple[Receipt, ...]:
        """Carry out all writes or none; a receipt for each Append. Raises RecordConflict, StoreUnavailable."""
        ...

    async def get(self, kind: type[R], key: str) -> R | None:
        """The record of that key, or None. Raises RecordAltered when it is not what was written."""
        ...

    async def list(
        self, kind: type[R], where: Mapping[str, Json] | None = None, *, limit: int = 100, before: str | None = None
    ) -> Sequence[R]:
        """Records whose indexed fields equal ``where``, newest first; ``before`` is the key to go on from."""
        ...


class Approvals(Protocol):
    """Who may say yes. Checks signatures against the enrolled keys."""

    def is_genuine(self, record: Approval | AuditRequest | Freeze) -> bool:
        """Whether an enrolled key of the right role and owner signed exactly these fields."""
        ...

    def signer(self, key_id: str) -> str | None:
        """The owner of an enrolled key."""
        ...


class Servers(Protocol):
    """The servers on this store: who goes on with a change, and whether somebody still does."""

    def enter(self) -> str:
        """The name under which this server is now known to live; StoreUnavailable when that cannot be shown."""
        ...

    def is_alive(self, name: str) -> bool:
        """Whether the server of that name still runs."""
        ...


class RateBudget(Protocol):
    """The request budget of each organization, shared by every server on this store."""

    async def reserve(self, organization_id: str, calls: int = 1, *, longest_s: float = math.inf) -> float:
        """Take so many requests from the budget; the seconds to wait. Longer than ``longest_s``: nothing is taken."""
        ...

    async def closed_s(self, organization_id: str) -> float:
        """The seconds for which a 429 has closed the budget, also for what was reserved before it came."""
        ...

    async def penalize(self, organization_id: str, seconds: float) -> None:
        """Note a 429: nothing is sent for so many seconds, and less after that."""
        ...

    def answered(self, organization_id: str) -> None:
        """Note an answer that was no 429: after one, each raises the rate again."""
        ...

    async def estimate_s(self, organization_id: str, calls: int) -> float:
        """The seconds that ``reserve`` would say, without taking anything."""
        ...


class Breakers(Protocol):
    """The circuit breaker of each organization, shared by every server on this store."""

    async def admit(self, organization_id: str, *, is_write: bool) -> Admitted:
        """What a call to the organization may do now."""
        ...

    async def settle(self, organization_id: str, admitted: Admitted, *, good: bool | None) -> None:
        """Note how an admitted call ended that tells: well, badly, or (None) without a word on the cloud."""
        ...


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        ...

    def uptime(self) -> tuple[str, float]:
        """The name of this run of the machine, and the seconds since it was started; sleep counts where it can."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a test's clock returns at once and moves its time."""
        ...


def moment(clock: Clock) -> Moment:
    """Now, by both clocks."""
    boot, uptime_s = clock.uptime()
    return Moment(clock.now(), uptime_s, boot)


class Ids(Protocol):
    """Names that nobody can guess and none is used twice."""

    def new(self, prefix: str) -> str:
        """``prefix-`` and 26 random letters and digits."""
        ...

    def stamped(self, prefix: str, at: datetime) -> str:
        """``PREFIX-YYYYMMDD-HHMMSS-`` and 4 random letters and digits: CHG and REQ ids."""
        ...

    def code(self) -> str:
        """Four letters and digits that read aloud well."""
        ...
