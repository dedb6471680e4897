"""One sample of a network's health, read in parallel: whole-organization lists where there is one.

A read that fails makes its part unknown, by name and reason; nothing here raises for it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Literal

import anyio

from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.domain.call import Json
from mcp_server.errors import AccessError, MerakiError
from mcp_server.health import parts
from mcp_server.health.parts import Parts, Scope
from mcp_server.health.signals import Signals

_MOST_IDS: Final = 100  #: in one query; with more the whole organization is read and filtered here
_MOST_NETWORKS: Final = 5  #: networks whose clients, SSIDs and rules are read: one request each
_LOSS_S: Final = 300  #: the longest window of loss and latency (Cisco documentation, uplinksLossAndLatency, 2026)
_CLIENTS_S: Final = 3600
_AT_ONCE: Final = 8


async def read_signals(
    reads: SharedReads,
    organization_id: str,
    network_ids: Iterable[str],
    serials: Iterable[str],
    *,
    scope: Literal["all", "gate"] = "all",
) -> Signals:
    """The health of these networks and devices now (neither: of the organization); what failed is in ``unknown``.

    ``gate`` reads only what a change is judged by at once: availability, uplinks, VPN peers, switch ports.
    """
    seen = Scope(frozenset(network_ids), frozenset(serials))
    sample = _Sample(reads, organization_id, seen)
    await sample.gate()
    if scope == "all":
        await sample.rest()
    return Signals(
        organization_id=organization_id, read_at=reads.now(), scope=scope, unknown=sample.unknown, **sample.found
    )


class _Sample:
    """The parts read so far."""

    def __init__(self, reads: SharedReads, organization_id: str, scope: Scope) -> None:
        self.found: dict[str, Any] = {}
        self.unknown: dict[str, str] = {}
        self._reads = reads
        self._organization_id = organization_id
        self._scope = scope
        self._availabilities: Json = None

    async def gate(self) -> None:
        """The hard signals."""
        by_device = self._filter(ports_only=True)
        async with anyio.create_task_group() as group:
            group.start_soon(self._devices)
            group.start_soon(self._part, "uplinks", "getOrganizationUplinksStatuses", self._filter(), parts.uplinks)
            group.start_soon(
                self._part, "vpn_peers", "getOrganizationApplianceVpnStatuses", self._networks(), parts.vpn_peers
            )
            group.start_soon(self._part, "ports", "getOrganizationSwitchPortsStatusesBySwitch", by_device, parts.ports)

    async def rest(self) -> None:
        """Everything else; needs to know which networks have which products."""
        window = {"timespan": _LOSS_S}
        async with anyio.create_task_group() as group:
            group.start_soon(self._part, "alerts", "getOrganizationAssuranceAlerts", {"active": True}, parts.alerts)
            group.start_soon(
                self._part, "loss_latency", "getOrganizationDevicesUplinksLossAndLatency", window, parts.loss_latency
            )
            group.start_soon(self._part, "upgrades", "getOrganizationFirmwareUpgrades", {}, parts.upgrades)
            group.start_soon(self._each_network)

    async def _devices(self) -> None:
        operation = "getOrganizationDevicesAvailabilities"
        await self._part("devices", operation, self._filter(), self._keep_devices)

    def _keep_devices(self, rows: Json, scope: Scope) -> Parts:
        found = parts.devices(rows, scope)
        self._availabilities = rows  # only once they have the shape of a list of devices
        return found

    async def _part(
        self, name: str, operation: str, query: Mapping[str, Json], take: Callable[[Json, Scope], Parts]
    ) -> None:
        """Read one list of the organization into the sample."""
        params = {"organizationId": self._organization_id, **query}
        await self._read(name, operation, params, lambda answer: take(answer, self._scope))

    async def _each_network(self) -> None:
        """Clients, open SSIDs and any-to-any rules, one request for each network; of a few networks only."""
        if self._availabilities is None:
            self._unread("clients", "the networks' devices are unknown")
            self._unread("configuration", "the networks' devices are unknown")
            return
        wireless, appliance = (
            parts.products(self._availabilities, self._scope, one) for one in ("wireless", "appliance")
        )
        networks = sorted(self._scope.network_ids)
        limiter = anyio.CapacityLimiter(_AT_ONCE)

        async def one(part: str, operation: str, network_id: str, take: Callable[[Json, str], Parts]) -> None:
            params: dict[str, Json] = {"networkId": network_id}
            params |= {"timespan": _CLIENTS_S} if part == "clients" else {}
            async with limiter:
                await self._read(part, operation, params, lambda answer: take(answer, network_id))

        async with anyio.create_task_group() as group:
            for network_id in self._few("clients", networks):
                group.start_soon(one, "clients", "getNetworkClientsOverview", network_id, parts.clients)
            for network_id in self._few("configuration", wireless):
                group.start_soon(one, "configuration", "getNetworkWirelessSsids", network_id, parts.open_ssids)
            for network_id in self._few("configuration", appliance):
                operation = "getNetworkApplianceFirewallL3FirewallRules"
                group.start_soon(one, "configuration", operation, network_id, parts.any_rules)

    def _few(self, part: str, network_ids: Collection[str]) -> Collection[str]:
        """The networks themselves when they are few; otherwise none, and the part is unknown."""
        if len(network_ids) <= _MOST_NETWORKS:
            return network_ids
        self._unread(part, f"not read for more than {_MOST_NETWORKS} networks")
        return ()

    async def _read(self, name: str, operation: str, params: Mapping[str, Json], take: Callable[[Json], Parts]) -> None:
        try:
            reply = await self._reads.read(operation, params, organization_id=self._organization_id)
            self._merge(take(reply.data))
        except (MerakiError, AccessError) as error:
            self._unread(name, f"{operation}: {error.code}")

    def _merge(self, found: Parts) -> None:
        for name, value in found.items():
            old = self.found.get(name)
            if isinstance(value, dict):
                self.found[name] = {**(old or {}), **value}
            else:
                self.found[name] = (*(old or ()), *value)

    def _unread(self, name: str, why: str) -> None:
        self.unknown[name] = why

    def _filter(self, *, ports_only: bool = False) -> dict[str, Json]:
        """Ask for the networks of the scope, or for its devices when it names no network."""
        networks, serials = sorted(self._scope.network_ids), sorted(self._scope.serials)
        if serials and (ports_only or not networks):
            return {"serials": serials} if len(serials) <= _MOST_IDS else {}
        return self._networks()

    def _networks(self) -> dict[str, Json]:
        networks = sorted(self._scope.network_ids)
        return {"networkIds": networks} if 0 < len(networks) <= _MOST_IDS else {}
