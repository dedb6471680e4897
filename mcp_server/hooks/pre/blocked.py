"""What becomes of blocked targets, decided in one place once all of them are known."""

from collections.abc import Sequence
from typing import Final

from mcp_server.domain.call import Attempt, Blocked, Refuse
from mcp_server.domain.redaction import clean
from mcp_server.errors import BadAnswer
from mcp_server.hooks.pre.targets import first_few
from mcp_server.world import World

_SHOWN: Final = 10  #: of the targets, each once: an answer is paid for by the token
_VLANS: Final = "/networks/{networkId}/appliance/vlans"


async def vlans_disabled(attempt: Attempt, world: World) -> tuple[Blocked, ...]:
    """The writes to VLANs of networks that have VLANs switched off; raises what the API raised."""
    places = [(index, touch, world.catalogue.find(touch.operation).path) for index, touch in enumerate(attempt.touches)]
    aimed = [
        (index, str(touch.params.get("networkId")))
        for index, touch, path in places
        if touch.is_write and path.startswith(_VLANS) and not path.endswith("/settings")
    ]
    off = {network_id for network_id in dict.fromkeys(id_ for _, id_ in aimed) if await _is_off(network_id, world)}
    names = {network.id: network.name for network in attempt.facts.networks}
    return tuple(
        Blocked(
            index,
            f"network {clean(names.get(network_id, ''), 60)} ({network_id})",
            "vlans_disabled",
            "VLANs are switched off in it",
            "switch them on first, in a plan of its own (updateNetworkApplianceVlansSettings, vlansEnabled true)",
        )
        for index, network_id in aimed
        if network_id in off
    )


async def _is_off(network_id: str, world: World) -> bool:
    settings = (await world.reads.read("getNetworkApplianceVlansSettings", {"networkId": network_id})).data
    if not isinstance(settings, dict) or not isinstance(settings.get("vlansEnabled"), bool):
        raise BadAnswer("getNetworkApplianceVlansSettings: the answer does not say whether VLANs are on", sent=True)
    return not settings["vlansEnabled"]


def refusal_of(blocked: Sequence[Blocked], attempt: Attempt) -> Refuse | None:
    """The refusal of an attempt with these blocked targets; None when they may be left out, or there are none.

    ``skip_blocked`` leaves them out of a plan as long as something is left; when a plan is applied it means nothing.
    """
    if not blocked:
        return None
    stopped = {one.touch for one in blocked}
    left = sum(touch.is_write and index not in stopped for index, touch in enumerate(attempt.touches))
    if left and attempt.skip_blocked and not attempt.is_apply:
        return None
    causes = first_few(list(dict.fromkeys(f"{one.target}: {one.reason}" for one in blocked)))
    ways = list(dict.fromkeys(one.remedy for one in blocked))
    may_skip = "; or plan with skip_blocked=true, which leaves them out" if left and not attempt.is_apply else ""
    return Refuse(
        "blocked",
        f"{len(blocked)} of {len(attempt.writes)} targets may not be changed: {causes}.",
        f"Way out: {'; or '.join(ways[:3])}{may_skip}.",
        {"blocked": _listed(blocked), "blocked_count": len(blocked), "left": left},
    )


def _listed(blocked: Sequence[Blocked]) -> list[dict[str, str | int]]:
    """The first of them, a target and reason that come again left out."""
    once = {(one.target, one.code, one.reason): one for one in reversed(blocked)}
    return [_told(one) for one in sorted(once.values(), key=lambda one: one.touch)[:_SHOWN]]


def _told(one: Blocked) -> dict[str, str | int]:
    return {
        "operation": one.touch + 1,
        "target": one.target,
        "code": one.code,
        "reason": one.reason,
        "remedy": one.remedy,
    }
