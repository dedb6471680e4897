"""Step 4: which licence level do the switches have, and does the change need more?

Adaptive policy needs Advanced (on Catalyst: Advantage or Premier). A level that cannot be read refuses only the
feature that needs it; for everything else it is unknown, and said so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.domain.call import Allow, Attempt, Blocked, Device, Json, Refuse, Touch, Verdict, Warned
from mcp_server.errors import BadAnswer, MerakiError, NotAllowed, Rejected
from mcp_server.hooks.pre.targets import device_label, switch_devices
from mcp_server.world import World

ADVANCED: Final = "advanced"
ENTERPRISE: Final = "enterprise"
UNKNOWN: Final = "unknown"
_ADVANCED_WORDS: Final = ("advanced", "advantage", "premier")
_FIELDS: Final = ("adaptivePolicyGroupId", "adaptivePolicyGroup", "adaptivePolicyGroups", "peerSgtCapable")
_NOT_PER_DEVICE: Final = 400  #: of getOrganizationLicenses in an organization with co-termination licences


@dataclass(frozen=True, slots=True)
class _Levels:
    """Level by serial, and the best of the organization."""

    by_serial: Mapping[str, str]
    best: str

    def of(self, devices: Sequence[Device]) -> str:
        """The lowest level of these devices; the organization's best when there are none."""
        levels = [self.by_serial.get(device.serial, UNKNOWN) for device in devices] or [self.best]
        return next((level for level in (UNKNOWN, ENTERPRISE) if level in levels), ADVANCED)


async def check_license(attempt: Attempt, world: World) -> Verdict:
    """Sets the level of every switch that is written to; blocks adaptive policy without Advanced."""
    writes = [index for index, touch in enumerate(attempt.touches) if touch.is_write]
    switches = {index: found for index, found in switch_devices(attempt, world).items() if index in writes}
    needing = [index for index in writes if needs_advanced(attempt.touches[index])]
    organization = attempt.facts.organization
    if organization is None or not (switches or needing):
        return Allow()
    devices = {device.serial: device for found in switches.values() for device in found}
    homes = {device.network_id for device in devices.values()}
    network_id = homes.pop() if len(homes) == 1 and all(index in switches for index in needing) else None
    levels = await _levels(world, organization.id, tuple(devices), network_id)
    found = {index: levels.of(switches.get(index, ())) for index in needing}
    if UNKNOWN in found.values():
        return Refuse(
            "check_failed",
            "The licences could not be read, and adaptive policy needs an Advanced one.",
            "Check that the API key may read licences (meraki_read getOrganizationLicenses), and try again.",
        )
    blocked = [_lacking(i, switches.get(i, ()), organization.id) for i, level in found.items() if level != ADVANCED]
    return Allow({
        "license_levels": {**attempt.facts.license_levels, **levels.by_serial},
        "blocked": (*attempt.facts.blocked, *blocked),
        "warnings": (*attempt.facts.warnings, *_unread(levels)),
    })  # fmt: skip


def needs_advanced(touch: Touch) -> bool:
    """Whether a write sets up adaptive policy; taking it away needs no licence."""
    if touch.operation.startswith(("delete", "remove")):
        return False
    return "AdaptivePolicy" in touch.operation or _sets(touch.body)


def _sets(value: Json) -> bool:
    """Whether a field of adaptive policy has a value anywhere in a body; null and false take it away."""
    if isinstance(value, Mapping):
        return any(
            (name in _FIELDS and inner not in (None, False, [], {})) or _sets(inner) for name, inner in value.items()
        )
    return isinstance(value, list) and any(_sets(inner) for inner in value)


async def _levels(world: World, organization_id: str, serials: tuple[str, ...], network_id: str | None) -> _Levels:
    """Per device where licences are; else the organization's switch edition for all (Cisco: co-termination)."""
    try:
        return await _per_device(world, organization_id, serials, network_id)
    except Rejected as error:
        if error.status != _NOT_PER_DEVICE:
            return _Levels(dict.fromkeys(serials, UNKNOWN), UNKNOWN)
    except (MerakiError, NotAllowed):
        return _Levels(dict.fromkeys(serials, UNKNOWN), UNKNOWN)
    try:
        level = await _of_organization(world, organization_id)
    except (MerakiError, NotAllowed):
        level = UNKNOWN
    return _Levels(dict.fromkeys(serials, level), level)


async def _per_device(world: World, organization_id: str, serials: tuple[str, ...], network_id: str | None) -> _Levels:
    params = {"organizationId": organization_id, "networkId": network_id}
    rows = _rows((await world.reads.read("getOrganizationLicenses", params)).data)
    owned: dict[str, list[str]] = {}
    for row in rows:
        owned.setdefault(str(row.get("deviceSerial")), []).append(str(row.get("licenseType")))
    everything = [kind for kinds in owned.values() for kind in kinds]
    return _Levels({serial: _level(owned.get(serial, ())) for serial in serials}, _level(everything))


async def _of_organization(world: World, organization_id: str) -> str:
    params = {"organizationId": organization_id}
    rows = _rows((await world.reads.read("getOrganizationLicensingCotermLicenses", params)).data)
    valid = [row for row in rows if not row.get("expired") and not row.get("invalidated")]
    editions = [edition for row in valid for edition in _rows(row.get("editions") or [])]
    return _level(str(one.get("edition")) for one in editions if "switch" in str(one.get("productType")).casefold())


def _rows(value: Json) -> Sequence[Mapping[str, Json]]:
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise BadAnswer("the licences are no list of objects", sent=True)
    return value


def _level(names: Iterable[str]) -> str:
    return ADVANCED if any(word in name.casefold() for name in names for word in _ADVANCED_WORDS) else ENTERPRISE


def _lacking(index: int, switches: Sequence[Device], organization_id: str) -> Blocked:
    target = ", ".join(device_label(device) for device in switches[:3]) or f"organization {organization_id}"
    return Blocked(
        index,
        target,
        "license",
        "adaptive policy (SGT) is not available with its Enterprise licence",
        "upgrade to an Advanced licence, or use a classic ACL (updateNetworkSwitchAccessControlLists)",
    )


def _unread(levels: _Levels) -> list[Warned]:
    if UNKNOWN not in levels.by_serial.values():
        return []
    return [
        Warned("license_level", "info", "The licence level of the switches could not be read; this change needs none.")
    ]
