"""What the two packages say wrongly of a body, with the place that says better.

A correction that finds nothing to correct is an error: the packages caught up, and it must go.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from mcp_server.domain.call import Json

_RULES: Final = ("rules", "value")
_SHAPING: Final = ("rules", "definitions", "value")
_POLICY: Final = ("firewallAndTrafficShaping",)
_POLICY_VALUES: Final = (
    (*_POLICY, "l7FirewallRules", "value"),
    (*_POLICY, "trafficShapingRules", "definitions", "value"),
)
#: Fields that are text, an object or a list by their neighbour ``type``: an application is ``{"id": ...}``, countries
#: are a list of codes (parameter texts of the official SDK 4.7.0).
ANY_KIND: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    "updateNetworkApplianceFirewallL7FirewallRules": (_RULES,),
    "updateNetworkWirelessSsidFirewallL7FirewallRules": (_RULES,),
    "updateNetworkApplianceTrafficShapingRules": (_SHAPING,),
    "updateNetworkWirelessSsidTrafficShapingRules": (_SHAPING,),
    "createNetworkGroupPolicy": _POLICY_VALUES,
    "updateNetworkGroupPolicy": _POLICY_VALUES,
}
#: Fields that the cloud takes, and demands, though the packages lack them: the POST has it, the PUT answers 400
#: without it (Terraform provider #121).
ADDED: Final[Mapping[str, Sequence[tuple[Sequence[str], str]]]] = {
    "updateNetworkApplianceVlan": ((("ipv6", "prefixAssignments", "disabled"), "b"),),
}


def corrected(operation: str, body: Json) -> Json:
    """The body tree with what the packages say wrongly put right; ValueError when nothing was wrong any more."""
    for path in ANY_KIND.get(operation, ()):
        body = _set(body, path, "any", operation, was="s")
    for path, leaf in ADDED.get(operation, ()):
        body = _set(body, path, leaf, operation, was=None)
    return body


def _set(tree: Json, path: Sequence[str], leaf: str, operation: str, *, was: str | None) -> Json:
    """The tree with the leaf at the path; ``was`` is what must stand there now."""
    if isinstance(tree, list):
        return [_set(tree[0], path, leaf, operation, was=was)]
    keys = {name.removesuffix("!"): name for name in tree} if isinstance(tree, dict) else {}
    key = keys.get(path[0], path[0])
    found = tree.get(key) if isinstance(tree, dict) else None
    if len(path) > 1 and found is not None:
        return {**tree, key: _set(found, path[1:], leaf, operation, was=was)}
    if len(path) > 1 or found != was:
        raise ValueError(f"{operation}: the correction of {'.'.join(path)} finds {found!r} instead of {was!r}")
    return {**tree, key: leaf}
