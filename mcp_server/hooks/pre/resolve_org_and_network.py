"""Step 2: every id that a call names is checked, and given its name and its owner.

Rules: nothing is guessed, a name instead of an id is answered with candidates; one organization for each plan; a
template is a target of its own, never a network; a network bound to one takes its settings from it (facts: templates).
"""

from dataclasses import dataclass, field
from typing import Final, Never

from mcp_server.domain.call import Allow, Attempt, Blocked, Device, Json, Named, Network, Refuse, Touch, Verdict
from mcp_server.domain.operation import Operation
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused
from mcp_server.hooks.pre.targets import body_serials, first_few, path_serial, texts_at
from mcp_server.inventory import Template
from mcp_server.world import World

_FEW: Final = 3  #: more ids of one kind than that are looked up in one list of the organization
_PLACED: Final = {"organizationId", "networkId", "serial"}
#: Below /networks/{networkId}: what stays the network's own when it is bound to a template.
_OWN_PATHS: Final = (
    "/bind", "/unbind", "/split", "/devices", "/clients", "/floorPlans", "/sm/", "/pii", "/webhooks/webhookTests",
)  # fmt: skip


@dataclass(slots=True)
class _Places:
    """What the ids of a call stand for, each looked up once."""

    world: World
    organizations: dict[str, Named] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)

    async def organization(self, id_: str) -> Named:
        """The organization; Refused with candidates when the key does not see it."""
        if id_ not in self.organizations:
            found = await self.world.inventory.organization(id_)
            self.organizations[id_] = found or await self._refuse("organization", id_)
        return self.organizations[id_]

    async def network(self, id_: str) -> Network | Template:
        """The network or the configuration template; Refused with candidates when it is neither."""
        if id_ in self.templates:
            return self.templates[id_]
        if id_ not in self.networks:
            found = await self.world.inventory.network(id_)
            if found is None:
                return await self.template(id_, kind="network")
            self.networks[id_] = found
        return self.networks[id_]

    async def template(self, id_: str, *, kind: str = "template") -> Template:
        """The configuration template; Refused with candidates when it is none."""
        if id_ not in self.templates:
            found = await self.world.inventory.template(id_)
            self.templates[id_] = found or await self._refuse(kind, id_)
        return self.templates[id_]

    async def device(self, serial: str) -> Device:
        """The device, its network known too; Refused with candidates when the key does not see it."""
        if serial not in self.devices:
            found = await self.world.inventory.device(serial)
            device = found or await self._refuse("device", serial)
            if device.network_id:
                await self.network(device.network_id)
            self.devices[serial] = device
        return self.devices[serial]

    async def _refuse(self, kind: str, given: str) -> Never:
        candidates = await self.world.inventory.candidates(given, kind)
        if kind == "network" and not candidates:
            candidates = await self.world.inventory.candidates(given, "template")
        shown = clean(given, 60)
        if candidates:  # whole names and organizations stand in the details
            ids = first_few([f"{one['id']} ({clean(one['name'], 24)})" for one in candidates], most=2)
            raise Refused(
                f"{shown!r} is the id of no {kind}; perhaps {ids}.",
                "Give one of the ids in candidates.",
                code="ambiguous_or_name",
                details={"given": shown, "candidates": candidates},
            )
        raise Refused(
            f"No {kind} {shown!r} is visible to this API key and allowed here"
            f"{', or it is in no network' if kind == 'device' else ''}.",
            "Find its id with meraki_search.",
            code=f"unknown_{kind}",
            details={"given": shown, "candidates": []},
        )


async def resolve_org_and_network(attempt: Attempt, world: World) -> Verdict:
    """Sets organization, networks, devices and the touches blocked by a template; Refused for ids that do not fit."""
    if not attempt.touches:
        return Allow()
    places = _Places(world)
    await _look_up_together(attempt, places)
    owners: dict[str, None] = {}
    blocked: list[Blocked] = []
    for index, touch in enumerate(attempt.touches):
        operation = world.catalogue.find(touch.operation)
        own = await _owners(touch, operation, places)
        if touch.is_write:
            blocked += _template_bound(
                index, operation, places.networks.get(str(touch.params.get("networkId"))), attempt
            )
        owners |= dict.fromkeys(own)
        if len(own) > 1 or (attempt.writes and len(owners) > 1):
            return await _mixed(list(owners), places)
    refusal = _not_in_its_api(attempt, world, next(iter(owners))) if len(owners) == 1 else None
    if refusal is not None:
        return refusal
    return Allow({
        "organization": await places.organization(next(iter(owners))) if len(owners) == 1 else None,
        "networks": tuple(places.networks.values()),
        "devices": tuple(places.devices.values()),
        "blocked": (*attempt.facts.blocked, *blocked),
    })  # fmt: skip


def _not_in_its_api(attempt: Attempt, world: World, organization_id: str) -> Refuse | None:
    """A refusal when a call does not fit the API that this organization has."""
    faults = [fault for touch in attempt.touches for fault in world.catalogue.faults_in(organization_id, touch)]
    if not faults:
        return None
    return Refuse(
        "not_in_this_api",
        f"Not in the API of organization {organization_id}: {first_few([clean(fault, 200) for fault in faults])}.",
        "Look at the operation with meraki_search; catalogue refresh reads the organization's own API again.",
        {"faults": [clean(fault, 200) for fault in faults[:20]]},
    )


async def _owners(touch: Touch, operation: Operation, places: _Places) -> list[str]:
    """The organizations of everything that a touch names, each once; Refused when something does not fit."""
    params = touch.params
    owners: list[str] = []
    if "organizationId" in operation.path_params:
        owners.append((await places.organization(str(params["organizationId"]))).id)
    owners += [(await places.network(network_id)).organization_id for network_id in _network_ids(touch)]
    template_id = params.get("configTemplateId")
    if isinstance(template_id, str):
        owners.append((await places.template(template_id)).organization_id)
    is_by_organization = "organizationId" in operation.path_params  # the inventory of one also has unused devices
    serial = None if is_by_organization else path_serial(touch)
    for one in (*([serial] if serial else []), *body_serials(touch, operation)):
        device = await places.device(one)
        owners.append(device.organization_id)
        _belongs(device, touch)
    in_body = [(await places.organization(one)).id for one in texts_at(touch.body, ("organizationId",))]
    if not _PLACED & set(operation.path_params):  # a claim names its organization in the body alone
        owners += in_body  # else it is a second organization, which must at least be allowed
    return list(dict.fromkeys(owners))


def _network_ids(touch: Touch) -> list[str]:
    """Network ids of path, query and body; ids that an earlier step will create are no texts, and left out."""
    names = ("networkId", "networkIds", "copyFromNetworkId")
    params = {name: str(value) if isinstance(value, int | float) else value for name, value in touch.params.items()}
    return list(dict.fromkeys([*texts_at(params, names), *texts_at(touch.body, names)]))


def _belongs(device: Device, touch: Touch) -> None:
    """A device that a network's operation names must be in that network."""
    network_id = touch.params.get("networkId")
    if isinstance(network_id, str) and device.network_id != network_id:
        raise Refused(
            f"{device.serial} is not in network {clean(network_id, 60)}, it is in {device.network_id}.",
            "Give a device of that network; meraki_search lists them.",
            code="device_of_another_network",
            details={"serial": device.serial, "network_id": device.network_id},
        )


def _template_bound(index: int, operation: Operation, network: Network | None, attempt: Attempt) -> list[Blocked]:
    """A write to a setting that the network takes from its template (facts: most of them answer 400)."""
    own_path = operation.path.partition("/networks/{networkId}")[2]
    if network is None or network.template_id is None or not own_path or own_path.startswith(_OWN_PATHS):
        return []
    earlier = attempt.touches[:index]
    if any(one.operation == "unbindNetwork" and one.params.get("networkId") == network.id for one in earlier):
        return []
    return [
        Blocked(
            index,
            f"network {clean(network.name, 60)} ({network.id})",
            "template_bound",
            f"its settings come from configuration template {network.template_id}",
            f"change the template (networkId {network.template_id}: every network bound to it changes too), "
            "or unbind the network first (unbindNetwork, retainConfigs true)",
        )
    ]


async def _look_up_together(attempt: Attempt, places: _Places) -> None:
    """Many devices or networks are read as one list of the first one's organization, instead of one by one."""
    if len(attempt.touches) <= _FEW:
        return
    serials = list(dict.fromkeys(serial for touch in attempt.touches if (serial := path_serial(touch))))
    if len(serials) > _FEW:
        await places.world.inventory.devices_in((await places.device(serials[0])).organization_id)
    named = (touch.params.get("networkId") for touch in attempt.touches)
    ids = list(dict.fromkeys(one for one in named if isinstance(one, str)))
    if len(ids) > _FEW:
        await places.world.inventory.networks_of((await places.network(ids[0])).organization_id)


async def _mixed(owners: list[str], places: _Places) -> Refuse:
    named: list[Json] = []
    for organization_id in owners:
        organization = await places.organization(organization_id)
        named.append({"id": organization.id, "name": clean(organization.name, 60)})
    return Refuse(
        "mixed_organizations",
        f"These targets belong to {len(owners)} organizations; a plan is for one.",
        "Make one plan for each organization.",
        {"organizations": named},
    )
