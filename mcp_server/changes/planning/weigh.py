"""The second half of a plan: who is reached, what to warn of, how dangerous each step is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.changes.planning.draft import Draft
from mcp_server.changes.planning.placeholders import texts_shown
from mcp_server.changes.planning.port_links import links
from mcp_server.domain.call import Attempt, Device, Json, Named, Network
from mcp_server.domain.plan import Impact
from mcp_server.domain.redaction import clean
from mcp_server.domain.rules.facts import StepView
from mcp_server.errors import MerakiError
from mcp_server.world import World

_DOWNTIME: Final = ("none", "brief", "moderate", "extended")
_PRODUCTS: Final = {
    "wireless": "wireless",
    "switch": "switch",
    "appliance": "appliance",
    "camera": "camera",
    "sensor": "sensor",
    "cellularGateway": "cellularGateway",
}


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom one step reaches."""

    network: Network | None
    device: Device | None
    devices: tuple[Device, ...]
    template_networks: tuple[Named, ...]
    uplink_ports: frozenset[str] = frozenset()
    neighbour: str = ""  #: the organization's own device at the other end of the port that is written


NOWHERE: Final = Reach(None, None, (), ())  #: of an undo: weighed already with what it undoes


async def reach_of(draft: Draft, attempt: Attempt, world: World) -> Reach:
    """Whom the step reaches: one device, the network's devices of its product, or a template's networks."""
    params = draft.touch.params
    device = await world.inventory.device(str(params["serial"])) if "serial" in params else None
    if device is not None:
        network = await world.inventory.network(device.network_id) if device.network_id else None
        uplinks, neighbour = await links(draft, device, world)
        return Reach(network, device, (device,), (), uplinks, neighbour)
    target = str(params.get("networkId") or params.get("configTemplateId") or "")
    if not target:
        return Reach(None, None, (), ())
    bound = await world.inventory.bound_networks(target)
    networks = bound or tuple(network for network in attempt.facts.networks if network.id == target)
    reached = [device for network in networks for device in await world.inventory.devices_of(network.id)]
    product = _PRODUCTS.get(draft.operation.family)
    reached = reached if draft.row.reaches_devices else []
    devices = tuple(device for device in reached if product is None or device.product_type == product)
    first = None if bound or not networks else networks[0]
    return Reach(first, None, devices, tuple(Named(network.id, network.name) for network in bound))


def step_view(draft: Draft, reach: Reach) -> StepView:
    """What the safety rules look at."""
    body = draft.touch.body
    return StepView(
        operation=draft.operation.id,
        kind=draft.kind,
        resource=draft.row.resource,
        task=draft.row.task,
        params=draft.touch.params,
        before=texts_shown(draft.before),
        expected=texts_shown(draft.expected),
        body=dict(texts_shown(body)) if body is not None else {},
        network=reach.network,
        device=reach.device,
        uplink_ports=reach.uplink_ports,
        neighbour=reach.neighbour,
        bound_networks=len(reach.template_networks),
        devices=len(reach.devices),
    )


async def impact_of(drafts: Sequence[Draft], reaches: Sequence[Reach], world: World, *, isolating: bool) -> Impact:
    """Whom the whole plan reaches. Steps that change nothing reach nobody."""
    live = [
        (draft, reach) for draft, reach in zip(drafts, reaches, strict=True) if draft.changes or draft.kind == "action"
    ]
    serials = dict.fromkeys(device.serial for _, reach in live for device in reach.devices)
    networks = {reach.network.id: reach.network for _, reach in live if reach.network}
    expanded = {named.id: named for _, reach in live for named in reach.template_networks}
    named = tuple(Named(network.id, network.name) for network in networks.values()) + tuple(expanded.values())
    downtime = max((draft.row.downtime for draft, _ in live), key=_DOWNTIME.index, default="none")
    clients = await _clients([entry.id for entry in named], world) if downtime != "none" else None
    return Impact(
        devices=len(serials),
        device_serials=tuple(serials),
        networks=named,
        clients=clients,
        downtime=downtime,
        self_isolating=isolating,
        expanded_from_template=tuple(expanded.values()),
    )


async def _clients(network_ids: Sequence[str], world: World) -> int | None:
    """How many clients are connected now; None when one of the networks does not say."""
    total = 0
    for network_id in network_ids[:5]:
        try:
            reply = await world.reads.read("getNetworkClientsOverview", {"networkId": network_id})
        except MerakiError:
            return None
        counts: Json = reply.data.get("counts") if isinstance(reply.data, dict) else None
        if not isinstance(counts, dict) or not isinstance(counts.get("total"), int):
            return None
        total += counts["total"]
    return total if len(network_ids) <= 5 else None


def label_of(draft: Draft, reach: Reach) -> str:
    """The step in a person's words: what and where. Names are cleaned."""
    params = draft.touch.params
    skip = ("networkId", "organizationId", "serial", "configTemplateId")
    own = " ".join(str(value) for name, value in params.items() if name not in skip and not isinstance(value, dict))
    if reach.device is not None:
        place = f"{clean(reach.device.name or reach.device.model, 60)} ({reach.device.serial})"
    elif reach.network is not None:
        place = clean(reach.network.name, 60)
    elif reach.template_networks:
        place = f"template {params.get('networkId') or params.get('configTemplateId')}"
    else:
        place = "the organization"
    word = draft.row.resource.replace("_", " ")
    return f"{draft.kind} {word} {clean(own, 60)} of {place}".replace("  ", " ")
