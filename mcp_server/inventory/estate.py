"""Organizations, networks, devices and templates that this key sees and this server may use.

Three rules: an organization outside the allow-list does not exist here, nor does anything in it; a template is never
a network, whatever its id looks like; what could not be read is named, never taken for empty.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import anyio

from mcp_server.catalogue.operations import Catalogue
from mcp_server.domain.call import Device, Json, Named, Network
from mcp_server.domain.ports import Clock, MerakiApi
from mcp_server.domain.redaction import clean
from mcp_server.errors import AccessError, InvalidArguments, MerakiError, NotAuthenticated
from mcp_server.inventory.kept import Kept, Shelf, shelved
from mcp_server.inventory.ranking import NAME_CHARS, Words, answer, device_hits, network_hits, ranked
from mcp_server.inventory.source import Source, Template

T = TypeVar("T")

_CANDIDATES: Final = 8
_MISS_AGE_S: Final = 5.0  #: an id that was just looked for in vain is not looked for again
_AT_ONCE: Final = 8
_ALONE: Final = 4  #: networks of one organization that are asked for one by one; then its list is read, 1,000 in a GET


class Inventory:
    """What the key sees, kept for ``max_age_s`` seconds and looked up again on a miss."""

    def __init__(
        self,
        api: MerakiApi,
        catalogue: Catalogue,
        clock: Clock,
        max_age_s: float = 300.0,
        allowed: frozenset[str] = frozenset(),
    ) -> None:
        """``allowed`` are the organization ids that this server may use; empty: all that the key sees."""
        self._clock = clock
        self._allowed = allowed
        self.credentials: Kept[tuple[Named, ...]] = Kept(clock, max_age_s)  #: all organizations that the key sees
        self._source = Source(api, catalogue, self.credentials.drop)
        self._networks: Kept[Shelf[Network]] = Kept(clock, max_age_s)  #: by organization
        self._devices: Kept[Shelf[Device]] = Kept(clock, max_age_s)  #: by organization
        self._templates: Kept[Shelf[Template]] = Kept(clock, max_age_s)  #: by organization
        self._lone_networks: Kept[Network | None] = Kept(clock, max_age_s)  #: by id, those that were asked for alone
        self._lone_devices: Kept[Device | None] = Kept(clock, max_age_s)  #: by serial, likewise
        self._missed: dict[str, float] = {}
        self._alone: dict[str, int] = {}  #: networks asked for alone since the list was read, by organization

    async def visible_organizations(self) -> tuple[Named, ...]:
        """Every organization that the key sees, allowed here or not; raises what the API raised."""
        return await self.credentials.get("", self._source.organizations)

    async def organizations(self) -> tuple[Named, ...]:
        """The organizations that the key sees and this server may use."""
        return tuple(one for one in await self.visible_organizations() if self._may_use(one.id))

    async def organization(self, organization_id: str) -> Named | None:
        """The organization of that id, or None when the key does not see it or this server may not use it."""
        return next((one for one in await self.organizations() if one.id == organization_id), None)

    async def networks_of(self, organization_id: str) -> tuple[Network, ...]:
        """All networks of an organization; none when this server may not use it."""
        shelf = await self._network_shelf(organization_id)
        return shelf.things if shelf else ()

    async def devices_in(self, organization_id: str) -> tuple[Device, ...]:
        """All devices of an organization that are in a network; none when this server may not use it."""
        shelf = await self._device_shelf(organization_id)
        return shelf.things if shelf else ()

    async def templates_of(self, organization_id: str, *, fresh: bool = False) -> tuple[Template, ...]:
        """All configuration templates of an organization; none when this server may not use it."""
        if await self.organization(organization_id) is None:
            return ()
        shelf = await self._templates.get(organization_id, lambda: self._read_templates(organization_id), fresh=fresh)
        return shelf.things

    async def network(self, network_id: str) -> Network | None:
        """The network of that id; on a miss asked for once. None: unknown, not allowed here, or a template."""
        await self.organizations()
        known = self._kept(self._networks, network_id) or self._lone_networks.peek(network_id)
        is_settled = self._kept(self._templates, network_id) or self._was_missed("network", network_id)
        if known is not None or is_settled:
            return known
        found = await self._lone_networks.get(network_id, lambda: self._ask_network(network_id))
        if found is None:
            self._note_miss("network", network_id)
        return found

    async def device(self, serial: str) -> Device | None:
        """The device of that serial; on a miss asked for once. None: unknown, in no network, or not allowed here."""
        await self.organizations()
        known = self._kept(self._devices, serial) or self._lone_devices.peek(serial)
        if known is not None or self._was_missed("device", serial):
            return known
        found = await self._lone_devices.get(serial, lambda: self._ask_device(serial))
        if found is None:
            self._note_miss("device", serial)
        return found

    async def devices_of(self, network_id: str) -> tuple[Device, ...]:
        """The devices of a network; none when the network is not known here."""
        network = await self.network(network_id)
        if network is None:
            return ()
        shelf = await self._device_shelf(network.organization_id)
        return shelf.by_group.get(network_id, ()) if shelf else ()

    async def template(self, template_id: str) -> Template | None:
        """The configuration template of that id, looked for in every organization; None when there is none."""
        await self.organizations()
        kept = self._kept(self._templates, template_id)
        is_network = self._kept(self._networks, template_id) or self._lone_networks.peek(template_id)
        if kept is not None or is_network or self._was_missed("template", template_id):
            return kept
        templates, unread = await self._everywhere(lambda owner: self.templates_of(owner, fresh=True))
        found = next((one for one in templates if one.id == template_id), None)
        if found is None and not unread:
            self._note_miss("template", template_id)
        return found

    async def bound_networks(self, template_id: str) -> tuple[Network, ...]:
        """The networks bound to a template; none for any other id."""
        template = await self.template(template_id)
        if template is None:
            return ()
        shelf = await self._network_shelf(template.organization_id)
        return shelf.by_group.get(template_id, ()) if shelf else ()

    async def find(self, what: str, query: str, limit: int) -> Mapping[str, Json]:
        """Networks or devices by name, tag, model, id or serial: {matches, total}, best first, texts made inert.

        ``unread_organizations`` names those that could not be read. InvalidArguments when ``what`` is neither.
        """
        if what == "networks":
            networks, unread = await self._everywhere(self.networks_of)
            return answer(network_hits(query, networks), limit, unread)
        if what == "devices":
            devices, unread = await self._everywhere(self.devices_in)
            return answer(device_hits(query, devices), limit, unread)
        raise InvalidArguments(f"what is {clean(what, 40)!r}.", "Give networks or devices.")

    async def candidates(self, name: str, kind: str = "network") -> list[Mapping[str, Json]]:
        """What a name given instead of an id may mean: {kind, id, name, organization_id, organization}.

        Those of exactly that name, in every organization; else those that come near. ``kind`` is organization,
        network, device or template.
        """
        owners = {one.id: one.name for one in await self.organizations()}
        best = ranked(name, await self._named(kind), lambda thing: Words(thing[1], thing[0]))
        exact = [thing for value, thing in best if value == 0]
        return [
            {
                "kind": kind,
                "id": id_,
                "name": clean(own, NAME_CHARS),
                "organization_id": owner,
                "organization": clean(owners.get(owner, ""), NAME_CHARS),
            }
            for id_, own, owner in (exact or [thing for _, thing in best])[:_CANDIDATES]
        ]

    def forget(self) -> None:
        """Drop everything that is kept: the next question is answered by the cloud."""
        for kept in (self._networks, self._devices, self._templates, self._lone_networks, self._lone_devices):
            kept.drop()
        self.credentials.drop()
        self._missed.clear()
        self._alone.clear()

    async def _named(self, kind: str) -> Sequence[tuple[str, str, str]]:
        """Id, name and organization id of everything of that kind that can be read."""
        if kind == "organization":
            return [(one.id, one.name, one.id) for one in await self.organizations()]
        if kind == "device":
            devices, _ = await self._everywhere(self.devices_in)
            return [(one.serial, one.name, one.organization_id) for one in devices]
        if kind == "template":
            templates, _ = await self._everywhere(self.templates_of)
            return [(one.id, one.name, one.organization_id) for one in templates]
        networks, _ = await self._everywhere(self.networks_of)
        return [(one.id, one.name, one.organization_id) for one in networks]

    async def _ask_network(self, network_id: str) -> Network | None:
        found = await self._source.network(network_id)
        if found is None or not await self.organization(found.organization_id):
            return None
        lately = self._networks.peek(found.organization_id) is not None  # it was not listed then: new, or a template
        templates = await self.templates_of(found.organization_id, fresh=lately)
        if any(one.id == network_id for one in templates):
            return None
        await self._list_after_some(found.organization_id)
        return found

    async def _list_after_some(self, organization_id: str) -> None:
        """Who asks for many networks one after another gets the rest from the organization's list."""
        asked = self._alone.get(organization_id, 0) + 1
        self._alone[organization_id] = 0 if asked >= _ALONE else asked
        if asked >= _ALONE:
            try:
                await self._network_shelf(organization_id)
            except (MerakiError, AccessError):
                return  # the network that was asked for is known without it; the next ones are asked for alone again

    async def _ask_device(self, serial: str) -> Device | None:
        found = await self._source.device(serial)
        network = await self.network(found.network_id) if found is not None and found.network_id else None
        if found is None or network is None:
            return None
        return replace(found, organization_id=network.organization_id)

    async def _everywhere(self, of: Callable[[str], Awaitable[Sequence[T]]]) -> tuple[list[T], list[str]]:
        """Everything in every usable organization, and those that could not be read; raises when none could."""
        organizations = await self.organizations()
        found: dict[str, Sequence[T]] = {}
        failures: dict[str, MerakiError | AccessError] = {}
        limiter = anyio.CapacityLimiter(_AT_ONCE)

        async def ask(organization_id: str) -> None:
            async with limiter:
                try:
                    found[organization_id] = await of(organization_id)
                except (MerakiError, AccessError) as error:
                    failures[organization_id] = error

        async with anyio.create_task_group() as group:
            for organization in organizations:
                group.start_soon(ask, organization.id)
        bad_key = next((error for error in failures.values() if isinstance(error, NotAuthenticated)), None)
        if bad_key is not None or (failures and not found):
            raise bad_key or next(iter(failures.values()))
        return [thing for one in organizations for thing in found.get(one.id, ())], sorted(failures)

    async def _network_shelf(self, organization_id: str) -> Shelf[Network] | None:
        if await self.organization(organization_id) is None:
            return None
        return await self._networks.get(organization_id, lambda: self._read_networks(organization_id))

    async def _device_shelf(self, organization_id: str) -> Shelf[Device] | None:
        if await self.organization(organization_id) is None:
            return None
        return await self._devices.get(organization_id, lambda: self._read_devices(organization_id))

    async def _read_networks(self, organization_id: str) -> Shelf[Network]:
        return shelved(await self._source.networks(organization_id), lambda one: one.id, lambda one: one.template_id)

    async def _read_devices(self, organization_id: str) -> Shelf[Device]:
        return shelved(await self._source.devices(organization_id), lambda one: one.serial, lambda one: one.network_id)

    async def _read_templates(self, organization_id: str) -> Shelf[Template]:
        return shelved(await self._source.templates(organization_id), lambda one: one.id, lambda _: None)

    def _kept(self, shelves: Kept[Shelf[T]], id_: str) -> T | None:
        """The thing of that id, when it is kept of a usable organization."""
        shelves_kept = (shelves.peek(one.id) for one in self.credentials.peek() or () if self._may_use(one.id))
        return next((shelf.by_id[id_] for shelf in shelves_kept if shelf and id_ in shelf.by_id), None)

    def _may_use(self, organization_id: str) -> bool:
        return not self._allowed or organization_id in self._allowed

    def _was_missed(self, kind: str, id_: str) -> bool:
        at = self._missed.get(f"{kind} {id_}")
        return at is not None and self._clock.monotonic() - at < _MISS_AGE_S

    def _note_miss(self, kind: str, id_: str) -> None:
        now = self._clock.monotonic()
        self._missed = {one: at for one, at in self._missed.items() if now - at < _MISS_AGE_S}
        self._missed[f"{kind} {id_}"] = now
