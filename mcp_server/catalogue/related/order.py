"""Which order of steps is known to fail, and the order that works: referents first made, referrers first let go.

Rules, each refused by the cloud the other way round: a VLAN is made before a port, route or rule uses it, and let go
of by all that uses it before it is deleted; what the cloud gave an id is let go of before it is deleted; nothing is
written to what is deleted already; nothing that needs VLANs stands after they are switched off. (Facts, section 1.6:
"Vlan is in use", "VLANs are not enabled for this network"; Terraform provider #83, #166.)
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from ipaddress import ip_address, ip_network
from typing import Final

from mcp_server.catalogue.related.references import REFERENCES, refers
from mcp_server.domain.call import Json

GATE: Final = "updateNetworkApplianceVlansSettings"
_MAKES_VLAN: Final = "createNetworkApplianceVlan"
_DROPS_VLAN: Final = "deleteNetworkApplianceVlan"
_GATED: Final = ("/networks/{networkId}/appliance/vlans", "/networks/{networkId}/appliance/ports")
_NEED_VLAN: Final = ("/appliance/ports/", "/appliance/staticRoutes", "/appliance/firewall/")
_HOLD_VLAN: Final = (*_NEED_VLAN, "/appliance/ssids/", "/groupPolicies", "/appliance/trafficShaping/uplinkSelection")
_VLAN_FIELDS: Final = ("vlan", "vlanId", "gatewayVlanId", "defaultVlanId")


@dataclass(frozen=True, slots=True)
class Placed:
    """One step of a plan as the rules look at it."""

    operation: str
    path: str  #: template
    kind: str  #: create, update, delete or action
    params: Mapping[str, Json]
    before: Json
    after: Json
    maker: str = ""  #: of a delete: the operation that makes such a thing


@dataclass(frozen=True, slots=True)
class Wrong:
    """Two steps that stand the wrong way round; numbers from 1."""

    first: int  #: must come before ``second`` and does not
    second: int
    why: str


def wrong_order(steps: Sequence[Placed]) -> tuple[Wrong, ...]:
    """Every pair that stands the wrong way round."""
    weighty = [number for number, step in enumerate(steps) if _is_weighty(step)]
    pairs = {(min(one, other), max(one, other)) for one in weighty for other in range(len(steps)) if one != other}
    return tuple(
        Wrong(later + 1, earlier + 1, why)
        for earlier, later in sorted(pairs)
        for why in [_why_later_first(steps[earlier], steps[later])]
        if why
    )


def _is_weighty(step: Placed) -> bool:
    """Whether the step can stand wrong beside any other: most of a long plan cannot, and cost nothing."""
    return step.kind == "delete" or step.operation in (_MAKES_VLAN, GATE)


def working_order(steps: Sequence[Placed]) -> tuple[int, ...]:
    """The numbers (from 1) in an order that breaks no rule, as near to the given one as can be; () when none does."""
    after: dict[int, set[int]] = {number: set() for number in range(len(steps))}
    for pair in wrong_order(steps):
        after[pair.second - 1].add(pair.first - 1)
    for later, step in enumerate(steps):
        after[later] |= {number - 1 for number in _named(step) if number <= later}
        near = [one for one in range(later) if _is_weighty(step) or _is_weighty(steps[one])]
        after[later] |= {one for one in near if _why_later_first(step, steps[one])}
    ready = [number for number, needs in after.items() if not needs]
    heapify(ready)
    order: list[int] = []
    while ready:
        number = heappop(ready)
        order.append(number + 1)
        for other in [one for one, needs in after.items() if number in needs]:
            after[other].discard(number)
            if not after[other]:
                heappush(ready, other)
    return tuple(order) if len(order) == len(steps) else ()


def _why_later_first(earlier: Placed, later: Placed) -> str:
    """Why the later one must come first; "" when it need not."""
    return next((why for rule in RULES for why in [rule(earlier, later)] if why), "")


def vlan_made_after_its_use(earlier: Placed, later: Placed) -> str:
    """A port, route or rule uses a VLAN that a later step makes."""
    if later.operation != _MAKES_VLAN or not _is_near(earlier, later) or earlier.kind == "delete":
        return ""
    vlan = later.after if isinstance(later.after, Mapping) else {}
    used = _uses(earlier, earlier.after, vlan, _NEED_VLAN) and not _uses(earlier, earlier.before, vlan, _NEED_VLAN)
    return f"VLAN {vlan.get('id')} must be there before it is used" if used else ""


def vlan_deleted_while_used(earlier: Placed, later: Placed) -> str:
    """A VLAN is deleted while what a later step lets go of it still uses it."""
    if earlier.operation != _DROPS_VLAN or not _is_near(earlier, later):
        return ""
    vlan = earlier.before if isinstance(earlier.before, Mapping) else {}
    used = _uses(later, later.before, vlan, _HOLD_VLAN) and not _uses(later, later.after, vlan, _HOLD_VLAN)
    return f"VLAN {vlan.get('id')} can only be deleted once nothing uses it" if used else ""


def deleted_while_referred_to(earlier: Placed, later: Placed) -> str:
    """Something is deleted while the resource of a later step, which lets go of it, still names it."""
    if earlier.kind != "delete" or earlier.maker not in REFERENCES or earlier.operation == later.operation:
        return ""
    if _is_elsewhere(earlier, later):
        return ""
    id_ = _own_id(earlier)
    names = refers(later.before, earlier.maker, id_) and not refers(later.after, earlier.maker, id_)
    return f"{_thing(earlier)} can only be deleted once nothing names it" if names else ""


def written_after_its_end(earlier: Placed, later: Placed) -> str:
    """A later step writes to what an earlier one deletes, or to something in it."""
    if earlier.kind != "delete" or not earlier.path.endswith("}"):
        return ""
    is_inside = later.path == earlier.path or later.path.startswith(f"{earlier.path}/")
    own = {name: str(value) for name, value in earlier.params.items() if name in _in(earlier)}
    same = all(str(later.params.get(name)) == value for name, value in own.items())
    return f"{_thing(earlier)} is gone by then" if is_inside and same else ""


def vlans_off_before_their_use(earlier: Placed, later: Placed) -> str:
    """VLANs are switched off before a step that needs them."""
    after = earlier.after if isinstance(earlier.after, Mapping) else {}
    is_gated = later.path.startswith(_GATED) and later.operation != GATE
    if earlier.operation != GATE or after.get("vlansEnabled") is not False or not _is_near(earlier, later):
        return ""
    return "VLANs are switched off by then" if is_gated else ""


RULES: Final = (
    vlan_made_after_its_use,
    vlan_deleted_while_used,
    deleted_while_referred_to,
    written_after_its_end,
    vlans_off_before_their_use,
)


def _is_near(one: Placed, other: Placed) -> bool:
    network = one.params.get("networkId")
    return network is not None and network == other.params.get("networkId")


def _is_elsewhere(one: Placed, other: Placed) -> bool:
    """Whether the two belong to different networks: each numbers its own things, and the numbers are often alike."""
    networks = {step.params["networkId"] for step in (one, other) if isinstance(step.params.get("networkId"), str)}
    return len(networks) > 1


def _uses(step: Placed, state: Json, vlan: Mapping[str, Json], users: Sequence[str]) -> bool:
    if not any(part in f"{step.path}/" for part in users):
        return False
    return any(_is_use(name, value, vlan) for name, value in _leaves(state))


def _is_use(name: str, value: Json, vlan: Mapping[str, Json]) -> bool:
    id_, text = str(vlan.get("id")), str(value)
    if name in _VLAN_FIELDS:
        return text == id_
    if name == "allowedVlans":
        return id_ in [part.strip() for part in text.split(",")]
    if name == "gatewayIp":
        return _is_inside(text, str(vlan.get("subnet")))
    return re.search(rf"(?<!\w)VLAN\({re.escape(id_)}\)", text) is not None


def _is_inside(address: str, subnet: str) -> bool:
    try:
        return ip_address(address) in ip_network(subnet, strict=False)
    except ValueError:
        return False


def _leaves(value: Json, name: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    elif value is not None:
        yield name, value


def _named(step: Placed) -> set[int]:
    """The numbers of the steps that a step names by ``$ref``."""
    texts = [str(value) for name, value in _leaves([dict(step.params), step.after]) if name in ("$ref", "$text")]
    return {int(number) for text in texts for number in re.findall(r"(?<![\w-])step-(\d+)\.", text)}


def _in(step: Placed) -> list[str]:
    return [part[1:-1] for part in step.path.split("/") if part.startswith("{")]


def _own_id(step: Placed) -> str:
    names = _in(step)
    return str(step.params.get(names[-1])) if names else ""


def _thing(step: Placed) -> str:
    return f"what {step.operation} deletes ({_own_id(step)})"
