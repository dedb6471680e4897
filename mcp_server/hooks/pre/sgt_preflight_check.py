"""Step 5: which switch ports may be written? Read from the ports themselves, never probed by writing.

Rules: one GET for each switch; a port with TrustSec peering or an adaptive policy group is locked, one bound to a
port profile takes its settings from it; a check that cannot be made refuses the change (specialist protocol, SGT).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import anyio

from mcp_server.domain.call import Allow, Attempt, Blocked, Json, Refuse, Verdict
from mcp_server.domain.redaction import clean, listed
from mcp_server.errors import AccessError, BadAnswer, MerakiError, NotAuthenticated
from mcp_server.hooks.pre.detect_catalyst_mode import MANAGED
from mcp_server.hooks.pre.targets import PortTarget, device_label, first_few, port_targets, switch_devices
from mcp_server.world import World

Ports = Mapping[str, Mapping[str, Json]]  #: port id -> port as the API answers it

#: What may be changed on a port bound to a profile (facts: Terraform provider #164; merakiBackupAndRestore #8).
_FREE_FIELDS: Final = frozenset({"name", "enabled", "linkNegotiation", "portScheduleId", "profile"})
_REASON: Final = "SGT/TrustSec peering"
_SGT_REMEDY: Final = "change the policy in ISE, or remove TrustSec (adaptive policy) from the port in the dashboard"
_AT_ONCE: Final = 8


async def sgt_preflight_check(attempt: Attempt, world: World) -> Verdict:
    """Sets a report for each managed Catalyst and each switch with ports to be written; blocks the locked ports.

    Refuses when every target port is locked, when a port does not exist, and when the ports cannot be read.
    """
    given_up = {one.touch for one in attempt.facts.blocked if one.code == "monitored_catalyst"}
    targets = [target for target in port_targets(attempt) if target.touch not in given_up]
    serials = dict.fromkeys([target.serial for target in targets] + _managed(attempt, world, given_up))
    if not serials:
        return Allow()
    try:
        ports = await _read_ports(list(serials), world)
        profiled = await _profile_bound_switches(attempt, targets, world)
    except NotAuthenticated:
        raise  # the key itself: a failure of the class ``auth``
    except (MerakiError, AccessError) as error:
        return Refuse(
            "check_failed",
            f"The ports of {listed(serials)} could not be checked for SGT locks ({error.code}).",
            "Nothing is changed unchecked; try again, or leave these switches out.",
        )
    missing = [target for target in targets if target.port_id not in ports[target.serial]]
    if missing:
        return _no_such_port(missing[0], ports[missing[0].serial])
    labels = {device.serial: device_label(device) for device in attempt.facts.devices}
    locked = [target for target in targets if _keeps_out(ports[target.serial][target.port_id], target, attempt)]
    reports = {serial: report(serial, found) for serial, found in ports.items()}
    if targets and len(locked) == len(targets):
        return _all_locked([_label(target, labels) for target in targets], targets, reports)
    blocked = [_sgt_blocked(target, labels) for target in locked]
    free = [target for target in targets if target not in locked]
    blocked += [_bound(one, labels) for one in free if _is_bound(one, attempt, ports, profiled)]
    return Allow({
        "sgt": {**attempt.facts.sgt, **reports},
        "blocked": (*attempt.facts.blocked, *blocked),
    })  # fmt: skip


def is_locked(port: Mapping[str, Json]) -> bool:
    """Whether TrustSec peering or an adaptive policy group makes the port read-only."""
    return port.get("peerSgtCapable") is True or bool(
        port.get("adaptivePolicyGroupId") or port.get("adaptivePolicyGroup")
    )


def _keeps_out(port: Mapping[str, Json], target: PortTarget, attempt: Attempt) -> bool:
    """Whether the lock stops this write: one that takes the port out of its adaptive policy group is the way back."""
    body = attempt.touches[target.touch].body or {}
    leaves_group = "adaptivePolicyGroupId" in body and body["adaptivePolicyGroupId"] is None
    return is_locked(port) and (port.get("peerSgtCapable") is True or not leaves_group)


def report(serial: str, ports: Ports) -> dict[str, Json]:
    """What may be written on one switch, in the words of the specialist protocol."""
    writable = [port_id for port_id, port in ports.items() if not is_locked(port)]
    locked = [
        {"portId": port_id, "name": clean(port.get("name") or "", 60), "reason": _REASON}
        for port_id, port in ports.items()
        if is_locked(port)
    ]
    return {
        "serial": serial,
        "total_ports": len(ports),
        "writable_ports": writable,
        "writable_count": len(writable),
        "read_only_ports": locked,
        "read_only_count": len(locked),
        "has_sgt_restriction": bool(locked),
        "fully_locked": not writable,
        "ratio_writable": f"{round(100 * len(writable) / len(ports)) if ports else 0}%",
    }


def _managed(attempt: Attempt, world: World, given_up: set[int]) -> list[str]:
    """Serials of the managed Catalyst switches that are written to."""
    modes = attempt.facts.catalyst_modes
    return [
        device.serial
        for index, devices in switch_devices(attempt, world).items()
        for device in devices
        if attempt.touches[index].is_write and index not in given_up and modes.get(device.serial) == MANAGED
    ]


async def _read_ports(serials: Sequence[str], world: World) -> dict[str, Ports]:
    """The ports of each switch; raises what the first failed read raised."""
    found: dict[str, Ports] = {}
    limiter = anyio.CapacityLimiter(_AT_ONCE)

    async def read(serial: str) -> None:
        async with limiter:
            found[serial] = _by_id((await world.reads.read("getDeviceSwitchPorts", {"serial": serial})).data, serial)

    try:
        async with anyio.create_task_group() as group:
            for serial in serials:
                group.start_soon(read, serial)
    except* (MerakiError, AccessError) as failures:
        raise _first(failures) from failures
    return {serial: found[serial] for serial in serials}


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _by_id(rows: Json, serial: str) -> Ports:
    if (
        not isinstance(rows, list)
        or not rows
        or not all(isinstance(row, Mapping) and row.get("portId") for row in rows)
    ):
        raise BadAnswer(f"getDeviceSwitchPorts {serial}: the answer is no list of ports", sent=True)
    return {str(row["portId"]): row for row in rows}


async def _profile_bound_switches(attempt: Attempt, targets: Sequence[PortTarget], world: World) -> frozenset[str]:
    """The target switches in template-bound networks that have a switch profile: it overrides their ports."""
    bound = {network.id for network in attempt.facts.networks if network.template_id}
    homes = {device.serial: device.network_id for device in attempt.facts.devices}
    candidates = dict.fromkeys(target.serial for target in targets if homes.get(target.serial) in bound)
    found = {serial: (await world.reads.read("getDevice", {"serial": serial})).data for serial in candidates}
    return frozenset(serial for serial, device in found.items() if _has_profile(device, serial))


def _has_profile(device: Json, serial: str) -> bool:
    if not isinstance(device, Mapping):
        raise BadAnswer(f"getDevice {serial}: the answer is no object", sent=True)
    return bool(device.get("switchProfileId"))


def _is_bound(target: PortTarget, attempt: Attempt, ports: Mapping[str, Ports], profiled: frozenset[str]) -> bool:
    """Whether a profile keeps this write from its port; taking the binding away is allowed, with what comes along."""
    if target.serial in profiled:
        return True
    profile = ports[target.serial][target.port_id].get("profile")
    if not isinstance(profile, Mapping) or not profile.get("enabled"):
        return False
    touch = attempt.touches[target.touch]
    wanted = touch.body or {}
    unbinds = isinstance(wanted.get("profile"), Mapping) and wanted["profile"].get("enabled") is False
    return touch.operation != "updateDeviceSwitchPort" or not (unbinds or set(wanted) <= _FREE_FIELDS)


def _sgt_blocked(target: PortTarget, labels: Mapping[str, str]) -> Blocked:
    return Blocked(target.touch, _label(target, labels), "sgt_locked", f"it is locked by {_REASON}", _SGT_REMEDY)


def _bound(target: PortTarget, labels: Mapping[str, str]) -> Blocked:
    return Blocked(
        target.touch,
        _label(target, labels),
        "profile_bound",
        "it takes its settings from a profile",
        'change the profile, or remove the binding first ("profile": {"enabled": false}); name, enabled, '
        "linkNegotiation and portScheduleId may be changed as it is",
    )


def _label(target: PortTarget, labels: Mapping[str, str]) -> str:
    return f"port {clean(target.port_id, 40)} of {labels.get(target.serial, target.serial)}"


def _no_such_port(target: PortTarget, ports: Ports) -> Refuse:
    return Refuse(
        "target_not_found",
        f"{target.serial} has no port {clean(target.port_id, 40)}.",
        "Give one of its ports.",
        {"serial": target.serial, "ports": list(ports)[:100]},
    )


def _all_locked(
    names: Sequence[str], targets: Sequence[PortTarget], reports: Mapping[str, Mapping[str, Json]]
) -> Refuse:
    touched = [reports[serial] for serial in dict.fromkeys(target.serial for target in targets)]
    counts = "; ".join(f"{one['serial']}: {one['writable_count']} of {one['total_ports']} writable" for one in touched)
    return Refuse(
        "sgt_locked",
        f"Every port that would be changed is locked by {_REASON}: {first_few(names)} ({counts}).",
        f"{_SGT_REMEDY[0].upper()}{_SGT_REMEDY[1:]}; the API cannot write to them.",
        {"sgt": [dict(one) for one in touched]},
    )
