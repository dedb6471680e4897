"""Whose request budget a request uses, and a budget kept in memory for when there is no store."""

import contextlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from mcp_server.domain.call import Json
from mcp_server.domain.limits.rate import RATE_PER_S, Bucket, closed_s, penalized, raised, reserve
from mcp_server.domain.ports import Clock, RateBudget, Request
from mcp_server.errors import StoreError

UNKNOWN = "unknown"  #: the budget of requests whose organization is not known
LEARNED_LIMIT = 50_000  #: networks and devices remembered
UNOWNED_LIMIT = 1_000  #: of which requests are remembered before it is known whose they are
_PLACE = re.compile(r"/(organizations|networks|devices)/([^/]+)")


class LocalBudget:
    """The port RateBudget within one process."""

    def __init__(self, clock: Clock, rate_per_s: float = RATE_PER_S) -> None:
        self._clock = clock
        self._rate = rate_per_s
        self._buckets: dict[str, Bucket] = {}

    async def reserve(self, organization_id: str, calls: int = 1, *, longest_s: float = math.inf) -> float:
        """Takes so many requests; the seconds to wait before sending them."""
        bucket, now = self._bucket(organization_id), self._now()
        self._buckets[organization_id], wait_s = reserve(bucket, now, calls, rate=self._rate, longest_s=longest_s)
        return wait_s

    async def closed_s(self, organization_id: str) -> float:
        """The seconds for which a 429 has closed it."""
        return closed_s(self._bucket(organization_id), self._now())

    async def penalize(self, organization_id: str, seconds: float) -> None:
        """Nothing is sent for so many seconds, and less after that."""
        self._buckets[organization_id] = penalized(self._bucket(organization_id), self._now(), seconds)

    def answered(self, organization_id: str) -> None:
        """An answer that was no 429."""
        self._buckets[organization_id] = raised(self._bucket(organization_id), 1)

    async def estimate_s(self, organization_id: str, calls: int) -> float:
        """The seconds that ``reserve`` would say."""
        return reserve(self._bucket(organization_id), self._now(), calls, rate=self._rate)[1]

    def _bucket(self, organization_id: str) -> Bucket:
        return self._buckets.get(organization_id, Bucket())

    def _now(self) -> float:
        return self._clock.now().timestamp()


class SteadyBudget:
    """A shared budget, or one of this process while the shared one cannot be used: reads go on without the store."""

    def __init__(self, shared: RateBudget, own: RateBudget) -> None:
        self._shared = shared
        self._own = own

    async def reserve(self, organization_id: str, calls: int = 1, *, longest_s: float = math.inf) -> float:
        """The seconds to wait, by the shared budget if it can answer."""
        try:
            return await self._shared.reserve(organization_id, calls, longest_s=longest_s)
        except StoreError:
            return await self._own.reserve(organization_id, calls, longest_s=longest_s)

    async def closed_s(self, organization_id: str) -> float:
        """The seconds for which a 429 has closed it, by the shared budget if it can answer."""
        try:
            return await self._shared.closed_s(organization_id)
        except StoreError:
            return await self._own.closed_s(organization_id)

    async def penalize(self, organization_id: str, seconds: float) -> None:
        """Both note it, so that none sends when the other takes over."""
        await self._own.penalize(organization_id, seconds)
        with contextlib.suppress(StoreError):  # the own one has it
            await self._shared.penalize(organization_id, seconds)

    def answered(self, organization_id: str) -> None:
        """Both note it."""
        self._own.answered(organization_id)
        self._shared.answered(organization_id)

    async def estimate_s(self, organization_id: str, calls: int) -> float:
        """The seconds that ``reserve`` would say."""
        try:
            return await self._shared.estimate_s(organization_id, calls)
        except StoreError:
            return await self._own.estimate_s(organization_id, calls)


class Owners:
    """Which organization a network or device belongs to, learned from answers that were read anyway."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._homes: dict[str, str] = {}  #: the network of a device whose organization no answer named
        self._unowned: Counter[str] = Counter()  #: requests for what nobody owns yet

    def organization_of(self, request: Request) -> str:
        """The organization whose budget the request uses; ``UNKNOWN`` when nothing said so yet."""
        if request.organization_id:
            return request.organization_id
        place = _PLACE.match(request.path)
        if place is None:
            return UNKNOWN
        kind, name = place.groups()
        return name if kind == "organizations" else self._owner_of(name)

    def sent(self, request: Request) -> None:
        """Remembers a request that went out before it was known whose budget it uses."""
        place = _PLACE.match(request.path)
        if place is not None and (len(self._unowned) < UNOWNED_LIMIT or place.group(2) in self._unowned):
            self._unowned[place.group(2)] += 1

    def learn(self, path: str, data: Json) -> Mapping[str, int]:
        """Remembers the networks and devices of an answer read from that path.

        What comes back is how many requests each organization has had before it was known that they were its own.
        """
        place = _PLACE.match(path)
        organization = place.group(2) if place and place.group(1) == "organizations" else ""
        for name, owner in _owned(data, organization):
            if len(self._owners) < LEARNED_LIMIT or name in self._owners:
                self._owners[name] = owner
        is_device = place is not None and place.group(1) == "devices" and isinstance(data, Mapping)
        if place and is_device and data.get("networkId") and len(self._homes) < LEARNED_LIMIT:
            self._homes[place.group(2)] = str(data["networkId"])
        if not self._unowned:
            return {}
        owed: Counter[str] = Counter()
        for name in [name for name in self._unowned if self._owner_of(name) != UNKNOWN]:
            owed[self._owner_of(name)] += self._unowned.pop(name)
        return owed

    def _owner_of(self, name: str) -> str:
        """The organization of a network or device."""
        owner = self._owners.get(name)
        return owner or self._owners.get(self._homes.get(name, ""), UNKNOWN)


def _owned(data: Json, organization: str) -> Iterator[tuple[str, str]]:
    """Id and organization of what an answer lists; ``organization`` is the one its path names, or ""."""
    items = data if isinstance(data, list) else [data]
    for item in items:
        if not isinstance(item, Mapping):
            continue
        owner = item.get("organizationId") or organization
        if not isinstance(owner, str) or not owner:
            continue
        if "organizationId" in item and isinstance(item.get("id"), str):
            yield item["id"], owner
        for field in ("serial", "networkId"):
            if isinstance(item.get(field), str):
                yield item[field], owner
