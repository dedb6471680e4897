"""The desk of a call: each service is made when a tool asks for it, for a tool asks for one or two of the five."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.search import Search
from mcp_server.changes.means import Means
from mcp_server.changes.planning.planner import Planner
from mcp_server.desk.doctor import Background, DoctorDesk
from mcp_server.desk.estate import EstateDesk
from mcp_server.desk.ledger import LedgerDesk
from mcp_server.desk.operations import CatalogueDesk
from mcp_server.domain.call import Attempt
from mcp_server.store.limits.breakers import StoreBreakers
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.world import World


@dataclass(frozen=True, slots=True)
class Services:
    """What all calls of a server have in common."""

    store: SqliteStore
    weights: Mapping[str, float]  #: of a network's health, the operator's
    means: Means
    breakers: StoreBreakers
    background: Callable[[], Background]
    _last_read: dict[str, str] = field(default_factory=dict)  #: caller -> organization, for searches that name none
    _index: list[Search] = field(default_factory=list)  #: the one, once it was needed: it costs start-up time

    def desk(self, attempt: Attempt, world: World) -> "CallDesk":
        """The desk of one call."""
        if attempt.facts.organization is not None:
            self._last_read[attempt.actor.key] = attempt.facts.organization.id
        return CallDesk(attempt, world, self)

    def last_read(self, attempt: Attempt) -> str:
        """Id of the organization that the caller's last call was about; "" when none was."""
        return self._last_read.get(attempt.actor.key, "")

    def index_of(self, catalogue: Catalogue) -> Search:
        """The index of a catalogue."""
        if not self._index or self._index[0].catalogue is not catalogue:
            self._index[:] = [Search(catalogue)]
        return self._index[0]


class CallDesk:
    """The port ``toolkit.Desk``."""

    __slots__ = ("_services", "_world", "attempt")

    def __init__(self, attempt: Attempt, world: World, services: Services) -> None:
        """Nothing is made yet."""
        self.attempt = attempt
        self._world = world
        self._services = services

    @property
    def operations(self) -> CatalogueDesk:
        """The catalogue."""
        world, last = self._world, self._services.last_read(self.attempt)
        index = self._services.index_of(world.catalogue)
        return CatalogueDesk(world.catalogue, world.overlay, index, world.limits.organizations, last)

    @property
    def estate(self) -> EstateDesk:
        """Inventory and data."""
        return EstateDesk(self._world)

    @property
    def planning(self) -> Planner:
        """Making plans."""
        return Planner(self._world, self._services.means)

    @property
    def ledger(self) -> LedgerDesk:
        """What was done."""
        return LedgerDesk(self._world, self.planning)

    @property
    def doctor(self) -> DoctorDesk:
        """Health."""
        its = self._services
        return DoctorDesk(self._world, its.store, its.weights, its.breakers, its.means, its.background)
