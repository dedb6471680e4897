"""What hooks, tools and the change engine see of the world during one call; built in the assembly."""

from dataclasses import dataclass, field

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.domain.actor import Profile
from mcp_server.domain.ports import Clock, Ids, MerakiApi, Store
from mcp_server.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows this server to do."""

    read_only: bool = False
    profile: Profile = Profile.SOLO
    organizations: frozenset[str] = frozenset()  #: allow-list of organization ids; empty: all
    families: frozenset[str] = frozenset()  #: switched-on families of those that are off by default
    locale: str = "en"
    has_key: bool = True


@dataclass(frozen=True, slots=True)
class World:
    """Ports and reads of one call. ``reads`` is shared by all hooks and the tool: nothing is fetched twice."""

    reads: SharedReads
    catalogue: Catalogue
    overlay: Overlay
    inventory: Inventory
    store: Store
    api: MerakiApi
    clock: Clock
    ids: Ids
    limits: Limits = field(default_factory=Limits)
