"""T2, switching: VLAN numbers, trunks, shut ports, access lists, SGT ports (numbers: specialist protocol, T2)."""

import re
from collections.abc import Iterable, Iterator

from mcp_server.domain.call import Json, Warned
from mcp_server.domain.redaction import clean
from mcp_server.domain.rules.facts import CRITICAL, WARNING, StepView, warned
from mcp_server.domain.rules.rule_lists import ACL_OPERATION, changed_rules

LAST_VLAN = 4094
PORT_OPERATIONS = frozenset({
    "updateDeviceSwitchPort", "updateNetworkAppliancePort", "updateOrganizationConfigTemplateSwitchProfilePort",
})  # fmt: skip
VLAN_OPERATIONS = frozenset({
    "createNetworkApplianceVlan", "updateNetworkApplianceVlan", "deleteNetworkApplianceVlan",
})  # fmt: skip
#: What decides whether a port still carries its neighbour's traffic.
_LINK_FIELDS = ("enabled", "type", "vlan", "nativeVlan", "allowedVlans", "profile", "portScheduleId", "poeEnabled")
_VLAN_FIELDS = ("vlan", "nativeVlan", "voiceVlan", "vlanId", "defaultVlanId")


def _vlan_numbers(view: StepView) -> Iterator[Json]:
    for name in _VLAN_FIELDS:
        yield view.sent.get(name)
    if view.operation == "createNetworkApplianceVlan":
        yield view.sent.get("id")
    allowed = view.sent.get("allowedVlans")
    if isinstance(allowed, str) and allowed.strip().lower() not in ("all", ""):
        yield from re.split(r"[\s,\-]+", allowed.strip())


def _number(value: Json) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,19}", text) else None


def vlan_range(view: StepView) -> Iterable[Warned]:
    """A VLAN number outside 1 to 4094."""
    numbers = [number for number in map(_number, _vlan_numbers(view)) if number is not None]
    wrong = next((number for number in numbers if not 1 <= number <= LAST_VLAN), None)
    if wrong is None:
        return ()
    return warned("t2_vlan_range", CRITICAL, f"VLAN {wrong} on {view.where} is out of range: 1 to {LAST_VLAN}.")


def vlan_1(view: StepView) -> Iterable[Warned]:
    """VLAN 1 made, changed or given to a port: on most switches it is the default that everything falls into."""
    own = view.sent.get("id") if view.operation == "createNetworkApplianceVlan" else view.params.get("vlanId")
    is_vlan = view.operation in VLAN_OPERATIONS and _number(own) == 1
    is_port = view.operation in PORT_OPERATIONS and _number(view.sent.get("vlan")) == 1 and view.changes("vlan")
    if is_vlan or is_port:
        text = f"{view.where} uses VLAN 1, the default VLAN; use another one for user or management traffic."
        return warned("t2_vlan_1", WARNING, text)
    return ()


def trunk_on_uplink(view: StepView) -> Iterable[Warned]:
    """A change to the trunk that connects the switch to the rest of the network."""
    if view.operation not in PORT_OPERATIONS or str(view.params.get("portId")) not in view.uplink_ports:
        return ()
    if "trunk" not in (view.after.get("type"), view.was.get("type")):
        return ()
    text = f"{view.where} is the uplink trunk of this device: a wrong VLAN here cuts everything behind it off."
    return warned("t2_trunk_on_uplink", WARNING, text)


def port_to_own_device(view: StepView) -> Iterable[Warned]:
    """A change to a port behind which another switch, access point or appliance of the organization hangs."""
    is_uplink = str(view.params.get("portId")) in view.uplink_ports
    if view.operation not in PORT_OPERATIONS or is_uplink or not view.neighbour or not view.changes(*_LINK_FIELDS):
        return ()
    text = f"{view.where} leads to {view.neighbour}: a wrong VLAN or a shut port cuts it and all behind it off."
    return warned("t2_port_to_own_device", WARNING, text)


def trunk_on_access_port(view: StepView) -> Iterable[Warned]:
    """An access port that becomes a trunk."""
    if view.operation not in PORT_OPERATIONS or view.was.get("type") != "access" or view.after.get("type") != "trunk":
        return ()
    allowed = clean(view.after.get("allowedVlans", "all"), 60)
    text = (
        f"{view.where} is an access port and becomes a trunk (VLANs {allowed}): what is plugged in may reach them all."
    )
    return warned("t2_trunk_on_access_port", WARNING, text)


def port_shutdown(view: StepView) -> Iterable[Warned]:
    """A port that is switched off."""
    if view.operation in PORT_OPERATIONS and view.sent.get("enabled") is False and view.was.get("enabled") is not False:
        return warned("t2_port_shutdown", CRITICAL, f"{view.where} is shut: whatever is connected to it goes offline.")
    return ()


def sgt_port(view: StepView) -> Iterable[Warned]:
    """A write to a port with SGT peering; the API answers "Peer SGT capable is read-only"."""
    if view.operation in PORT_OPERATIONS and view.was.get("peerSgtCapable") is True and view.sent:
        text = f"{view.where} peers with TrustSec/SGT and cannot be changed through the API; change it in ISE."
        return warned("t2_sgt_port", CRITICAL, text)
    return ()


def acl_without_final_allow(view: StepView) -> Iterable[Warned]:
    """An access list whose allow-all at the end is gone or is never reached."""
    if view.operation != ACL_OPERATION:
        return ()
    rules = changed_rules(view)
    if not (rules.hides_default or rules.default_changed):
        return ()
    text = f"The access list of {view.where} denies everything before its final allow-all: all other traffic stops."
    return warned("t2_acl_without_final_allow", CRITICAL, text)


def acl_allow_all_not_last(view: StepView) -> Iterable[Warned]:
    """An allow-all in front of other entries of an access list."""
    if view.operation != ACL_OPERATION:
        return ()
    behind = changed_rules(view).behind_allow_all
    if not behind:
        return ()
    text = f"In the access list of {view.where} {behind} entries behind an allow-all never match; it must be last."
    return warned("t2_acl_allow_all_not_last", CRITICAL, text)
