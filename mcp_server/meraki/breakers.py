"""The circuit breakers of one process, for a client that shares none."""

from mcp_server.domain.limits.breaker import CLOSED, Admitted, Breaker, admit, settled
from mcp_server.domain.ports import Clock


class LocalBreakers:
    """The port Breakers within one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}

    async def admit(self, organization_id: str, *, is_write: bool) -> Admitted:
        """What a call to the organization may do now."""
        breaker, admitted = admit(self._breakers.get(organization_id, CLOSED), self._now(), is_write=is_write)
        self._breakers[organization_id] = breaker
        return admitted

    async def settle(self, organization_id: str, admitted: Admitted, *, good: bool | None) -> None:
        """Note how an admitted call ended."""
        breaker = self._breakers.get(organization_id, CLOSED)
        self._breakers[organization_id] = settled(breaker, self._now(), admitted, good=good)

    def _now(self) -> float:
        return self._clock.now().timestamp()
