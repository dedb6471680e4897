"""What a pre-task hook sees: a small estate in a fake cloud, and attempts to change it."""

from collections.abc import Mapping
from typing import Any, cast

from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.domain.actor import Actor, Role
from mcp_server.domain.call import Attempt, Effect, Facts, ToolCall, Touch
from mcp_server.domain.ports import Store
from mcp_server.hooks.pre.resolve_org_and_network import resolve_org_and_network
from mcp_server.inventory import Inventory
from mcp_server.world import Limits, World
from tests.support.fake_api import FakeApi
from tests.support.fake_clock import FakeClock, FakeIds
from tests.support.shipped import CATALOGUE, OVERLAY

ACME, BETA = "549236", "998877"
SITE, BOUND, TWIN, TEMPLATE = "L_1", "L_2", "L_3", "L_9"
MS, CORE, MANAGED, MONITORED, BOUND_MS, AP = "Q2MS", "Q2CO", "Q2CM", "Q2CX", "Q2BM", "Q2AP"


def port(port_id: str, **more: Any) -> dict[str, Any]:
    """An access port that may be written."""
    plain = {"portId": port_id, "name": f"port {port_id}", "enabled": True, "type": "access", "vlan": 10}
    return plain | {"peerSgtCapable": False, "adaptivePolicyGroupId": None, "profile": {"enabled": False}} | more


def estate() -> dict[str, Any]:
    """Two organizations; Acme has a site, a network bound to a template, and switches of every mode."""
    networks: list[dict[str, Any]] = [
        {"id": SITE, "organizationId": ACME, "name": "Site", "productTypes": ["switch", "wireless", "appliance"]},
        {"id": BOUND, "organizationId": ACME, "name": "Shop", "configTemplateId": TEMPLATE} | _BOUND,
    ]
    twin = {"id": TWIN, "organizationId": BETA, "name": "Site", "productTypes": ["switch"]}
    devices = [
        _device(MS, "SW 1", "MS225-24P", SITE),
        _device(CORE, "SW core", "MS250-48", SITE),
        _device(MANAGED, "SW cat", "C9300-24T", SITE, "CS17"),
        _device(MONITORED, "SW old", "C9300-24T", SITE, "17.9.1"),
        _device(BOUND_MS, "SW shop", "MS120-8", BOUND),
        _device(AP, "AP 1", "MR46", SITE),
    ]
    answers: dict[str, Any] = {
        "/organizations": [{"id": ACME, "name": "Acme"}, {"id": BETA, "name": "Beta"}],
        f"/organizations/{ACME}/networks": networks,
        f"/organizations/{BETA}/networks": [twin],
        f"/organizations/{ACME}/devices": devices,
        f"/organizations/{BETA}/devices": [],
        f"/organizations/{ACME}/configTemplates": [{"id": TEMPLATE, "name": "Shops", "productTypes": ["switch"]}],
        f"/organizations/{BETA}/configTemplates": [],
        f"/organizations/{ACME}/licenses": [_license(one["serial"], "ENT") for one in devices],
    }
    answers |= {f"/networks/{row['id']}": row for row in [*networks, twin]}
    answers |= {f"/devices/{row['serial']}": row for row in devices}
    answers |= {f"/devices/{row['serial']}/switch/ports": [port("1"), port("2"), port("3")] for row in devices}
    return answers | {
        f"/devices/{s}/switch/ports/{p}": port(p) for s in (MS, MANAGED, BOUND_MS) for p in ("1", "2", "3")
    }


_BOUND = {"isBoundToConfigTemplate": True, "productTypes": ["switch"]}


def _device(serial: str, name: str, model: str, network: str, firmware: str = "") -> dict[str, Any]:
    kind = "wireless" if model.startswith("MR") else "switch"
    row = {"serial": serial, "name": name, "model": model, "networkId": network, "firmware": firmware}
    return row | {"productType": kind, "tags": []}


def _license(serial: str, kind: str) -> dict[str, Any]:
    return {"deviceSerial": serial, "licenseType": kind, "state": "active"}


def world(answers: Mapping[str, Any] | None = None, **limits: Any) -> tuple[World, FakeApi]:
    """A world over the estate with these answers besides; ``limits`` are fields of Limits."""
    api, clock = FakeApi({**estate(), **(answers or {})}), FakeClock()
    bounds = Limits(**limits)
    inventory = Inventory(api, CATALOGUE, clock, allowed=bounds.organizations)
    store = cast("Store", None)  # pre-task hooks never ask it
    reads = SharedReads(api, CATALOGUE, clock)
    return World(reads, CATALOGUE, OVERLAY, inventory, store, api, clock, FakeIds(), bounds), api


def attempt(
    *touches: Touch,
    effect: Effect = Effect.READ,
    roles: frozenset[Role] = frozenset({Role.PLANNER}),
    tool: str = "meraki_plan",
    **more: Any,
) -> Attempt:
    """An attempt of those touches; ``more`` are fields of Attempt, or of its facts."""
    call = ToolCall("call-1", tool, {}, Actor("ana", "stdio", roles=roles), "corr-1")
    facts = {name: more.pop(name) for name in list(more) if name in Facts.__dataclass_fields__}
    return Attempt(call, effect, {}, touches, facts=Facts(**facts), **more)


async def resolved(tried: Attempt, seen: World) -> Attempt:
    """The attempt after step 2."""
    verdict = await resolve_org_and_network(tried, seen)
    return tried.with_facts(**verdict.facts)  # type: ignore[union-attr]  # a refusal fails the test right here


def read(operation: str, **params: Any) -> Touch:
    """A read of one operation."""
    return Touch(operation, params)


def port_write(serial: str, port_id: str, **body: Any) -> Touch:
    """A write to one switch port."""
    return Touch("updateDeviceSwitchPort", {"serial": serial, "portId": port_id}, body or {"name": "x"}, is_write=True)
