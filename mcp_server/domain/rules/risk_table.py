"""How dangerous a step is: what its operation is worth, raised by what the after-state would mean.

One rule: nothing here lowers a risk; the higher of all findings counts, and each raise says why.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from mcp_server.domain.call import Json
from mcp_server.domain.risk import Risk, highest
from mcp_server.domain.rules.facts import StepView, items
from mcp_server.domain.rules.monitoring import RECEIVER_OPERATIONS, SNMP_OPERATIONS, SYSLOG_OPERATIONS
from mcp_server.domain.rules.rule_lists import ACL_OPERATION, L7_OPERATIONS, LIST_OPERATIONS, changed_rules
from mcp_server.domain.rules.security import GLOBAL_RULE_OPERATIONS, VPN_OPERATIONS
from mcp_server.domain.rules.switching import PORT_OPERATIONS
from mcp_server.domain.rules.wireless import SSID_OPERATIONS, is_open

BATCH_OVER = 10  #: devices
SELF_ISOLATING = "self-isolating: it may cut the device off from the cloud"
MANAGEMENT_OPERATIONS = frozenset({
    "updateDeviceManagementInterface", "updateNetworkSwitchAlternateManagementInterface",
    "updateNetworkWirelessAlternateManagementInterface", "updateDeviceApplianceUplinksSettings",
    "updateDeviceWirelessAlternateManagementInterfaceIpv6",
    "updateDeviceCellularGatewayLan",
})  # fmt: skip
_UPLINK_FIELDS = ("enabled", "type", "vlan", "nativeVlan", "allowedVlans", "profile", "portScheduleId")
_TAG_FIELDS = ("tags", "availabilityTags", "availableOnAllAps")
_SENT_TO: Mapping[str, str] = {  #: the field that names the host to which records or readings go
    "updateNetworkNetflow": "collectorIp", "createNetworkMqttBroker": "host", "updateNetworkMqttBroker": "host",
}  # fmt: skip
TAG_OPERATIONS = frozenset({"updateDevice", "updateNetwork", "modifyNetworkSmDevicesTags"}) | SSID_OPERATIONS


@dataclass(frozen=True, slots=True)
class Found:
    """One reason why a step is at least that dangerous."""

    risk: Risk
    reason: str


Check = Callable[[StepView], Iterator[Found]]


def cuts_itself_off(view: StepView) -> bool:
    """Whether the step may end this server's own way to the device.

    So do: an uplink port's state or VLANs (its native VLAN too), a management interface, the management VLAN.
    """
    if view.operation in PORT_OPERATIONS and str(view.params.get("portId")) in view.uplink_ports:
        return view.changes(*_UPLINK_FIELDS)
    if view.operation == "cycleDeviceSwitchPorts":
        return bool(view.uplink_ports & {str(port) for port in view.sent.get("ports") or ()})
    if view.operation == "updateNetworkSwitchSettings":
        return view.changes("vlan")  # the management VLAN of all switches of the network
    return view.operation in MANAGEMENT_OPERATIONS


def _firewall(view: StepView) -> Iterator[Found]:
    if view.operation in LIST_OPERATIONS | {ACL_OPERATION}:
        rules = changed_rules(view)
        if any(line.is_any_any and line.policy == "allow" for line in rules.new):
            yield Found(Risk.CRITICAL, "a rule allows any to any")
        if any(line.policy == "deny" for line in rules.new):
            yield Found(Risk.CRITICAL, "a new deny rule")
        if any(line.policy == "deny" and line not in rules.after for line in rules.before):
            yield Found(Risk.CRITICAL, "a deny rule is removed or changed")
        if rules.default_changed or rules.allow_all_removed:
            yield Found(Risk.CRITICAL, "the default rule is changed")
    elif view.operation in L7_OPERATIONS:
        if items(view.was, "rules") != items(view.after, "rules"):
            yield Found(Risk.CRITICAL, "deny rules of layer 7 change")
    elif view.operation in GLOBAL_RULE_OPERATIONS and "deny" in (view.was.get("policy"), view.after.get("policy")):
        yield Found(Risk.CRITICAL, "a deny rule of the organization changes")
    if view.changes("syslogDefaultRule") or view.changes("allowLanAccess"):
        yield Found(Risk.HIGH, "how the default rule treats or logs traffic changes")


def _vpn(view: StepView) -> Iterator[Found]:
    if view.operation in VPN_OPERATIONS:
        yield Found(Risk.CRITICAL, "a VPN change")


def _template(view: StepView) -> Iterator[Found]:
    if view.bound_networks > 1:
        yield Found(Risk.CRITICAL, f"a configuration template with {view.bound_networks} bound networks")


def _batch(view: StepView) -> Iterator[Found]:
    if view.devices > BATCH_OVER:
        yield Found(Risk.CRITICAL, f"{view.devices} devices are reached")


def _ssid(view: StepView) -> Iterator[Found]:
    if view.operation not in SSID_OPERATIONS:
        return
    if is_open(view.after) and not is_open(view.was):
        yield Found(Risk.HIGH, "the SSID becomes open")
    if _lost_isolation(view.was, view.after):
        yield Found(Risk.HIGH, "the SSID loses its isolation from the LAN")


def _lost_isolation(was: Mapping[str, Json], after: Mapping[str, Json]) -> bool:
    lan = was.get("lanIsolationEnabled") is True and after.get("lanIsolationEnabled") is False
    mode = was.get("ipAssignmentMode") == "NAT mode" and after.get("ipAssignmentMode") not in (None, "NAT mode")
    return lan or mode


def _receivers(view: StepView) -> Iterator[Found]:
    if view.operation in SYSLOG_OPERATIONS and _hosts(view.after) - _hosts(view.was):
        yield Found(Risk.HIGH, "syslog is sent to a new host")
    if view.operation in RECEIVER_OPERATIONS and view.after.get("url") not in (None, view.was.get("url")):
        yield Found(Risk.HIGH, "events are sent to a new host")
    where = _SENT_TO.get(view.operation)
    if where and view.after.get(where) not in (None, "", view.was.get(where)):
        yield Found(Risk.HIGH, "records are sent to a new host")
    if view.operation in SNMP_OPERATIONS and _snmp_opens(view):
        yield Found(Risk.HIGH, "SNMP is opened or answers to somebody new")


def _hosts(state: Mapping[str, Json]) -> set[str]:
    return {str(server.get("host")) for server in items(state, "servers")}


def _snmp_opens(view: StepView) -> bool:
    was, after = view.was, view.after
    access = after.get("access") not in (None, "none") and view.changes("access", "communityString", "users")
    versions = any(after.get(name) is True and was.get(name) is not True for name in ("v2cEnabled", "v3Enabled"))
    return access or versions or view.changes("peerIps")


def _tags(view: StepView) -> Iterator[Found]:
    if view.operation in TAG_OPERATIONS and view.changes(*_TAG_FIELDS):
        yield Found(Risk.HIGH, "tags select which SSIDs and policies apply")


def _delete(view: StepView) -> Iterator[Found]:
    if view.kind == "delete":
        yield Found(Risk.HIGH, "something is deleted")


CHECKS: tuple[Check, ...] = (_firewall, _vpn, _template, _batch, _ssid, _receivers, _tags, _delete)


def step_risk(
    base: Risk, view: StepView, *, proven: bool, irreversible: bool, self_isolating: bool
) -> tuple[Risk, tuple[str, ...]]:
    """The risk of a step and why it is above ``base``, the risk of its operation; that it cuts itself off in any case.

    ``proven`` False: no row says how it is undone. ``self_isolating`` True: the caller knows that it cuts itself off.
    """
    found = [one for check in CHECKS for one in check(view)]
    found += _given(view, proven=proven, irreversible=irreversible, self_isolating=self_isolating)
    reasons = dict.fromkeys(one.reason for one in found if one.risk > base or one.reason == SELF_ISOLATING)
    return highest([base, *(one.risk for one in found)]), tuple(reasons)


def _given(view: StepView, *, proven: bool, irreversible: bool, self_isolating: bool) -> Iterable[Found]:
    if irreversible:
        yield Found(Risk.CRITICAL, "it cannot be undone")
    if self_isolating or cuts_itself_off(view):
        yield Found(Risk.CRITICAL, SELF_ISOLATING)
    if not proven:
        yield Found(Risk.CRITICAL, "its undo is not proven")
