"""Step 3: may the API write to this switch at all? By model and firmware (specialist protocol, Catalyst mode)."""

from typing import Final

from mcp_server.domain.call import Allow, Attempt, Blocked, Device, Verdict, Warned
from mcp_server.domain.redaction import clean
from mcp_server.hooks.pre.targets import device_label, switch_devices
from mcp_server.world import World

NATIVE: Final = "native_meraki"
MANAGED: Final = "managed"
MONITORED: Final = "monitored"
_BY_FIRMWARE: Final = ("C93", "C94")  #: managed with firmware "CS...", else monitored
_ALWAYS_MONITORED: Final = ("C92", "C95", "C96")
_CLOUD_FIRMWARE: Final = "CS"
_WAYS_OUT: Final = (
    "configure it by its command line or Catalyst Center; or migrate it to cloud management (managed mode: this "
    "factory-resets the switch); or choose another device"
)


async def detect_catalyst_mode(attempt: Attempt, world: World) -> Verdict:
    """Sets the mode of every switch; writes to a monitored one are blocked, an unknown model is warned of."""
    switches = switch_devices(attempt, world)
    if not switches:
        return Allow()
    devices = {device.serial: device for found in switches.values() for device in found}
    modes = {serial: mode_of(device.model, device.firmware) for serial, device in devices.items()}
    blocked = [
        _monitored(index, device)
        for index, found in switches.items()
        for device in found
        if attempt.touches[index].is_write and modes[device.serial] == MONITORED
    ]
    warnings = [_unknown_model(device) for device in devices.values() if attempt.writes and not is_known(device.model)]
    return Allow({
        "catalyst_modes": {**attempt.facts.catalyst_modes, **modes},
        "blocked": (*attempt.facts.blocked, *blocked),
        "warnings": (*attempt.facts.warnings, *warnings),
    })  # fmt: skip


def mode_of(model: str, firmware: str) -> str:
    """The word native_meraki, managed or monitored; a model that is not known counts as native_meraki."""
    name = model.upper().removeprefix("CATALYST ").strip()
    if name.startswith(_ALWAYS_MONITORED):
        return MONITORED
    if name.startswith(_BY_FIRMWARE):
        return MANAGED if firmware.upper().startswith(_CLOUD_FIRMWARE) else MONITORED
    return NATIVE


def is_known(model: str) -> bool:
    """Whether the table says anything of that model."""
    name = model.upper().removeprefix("CATALYST ").strip()
    return name.startswith(("MS", *_BY_FIRMWARE, *_ALWAYS_MONITORED))


def _monitored(index: int, device: Device) -> Blocked:
    reason = f"a {clean(device.model, 40)} with firmware {clean(device.firmware, 60) or 'not known'} is only monitored"
    return Blocked(
        index, device_label(device), "monitored_catalyst", f"{reason}: the API cannot write to it", _WAYS_OUT
    )


def _unknown_model(device: Device) -> Warned:
    text = (
        f"{device_label(device)}: model {clean(device.model, 40)} is not known here; taken for a native Meraki switch."
    )
    return Warned("catalyst_mode", "warning", text)
