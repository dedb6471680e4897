"""What a touch is aimed at: ids in its path and body. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_server.domain.call import Attempt, Device, Json, Touch
from mcp_server.domain.operation import Operation
from mcp_server.domain.redaction import clean
from mcp_server.world import World

#: Names under which bodies carry serials of devices that they change.
SERIAL_FIELDS = ("serial", "serials", "targetSerials", "sourceSerial", "primarySerial", "spareSerial")
#: Families whose bodies only name devices that are already in the network; others claim or move them.
_RESIDENT_FAMILIES = ("switch", "appliance", "wireless", "campusGateway")


@dataclass(frozen=True, slots=True)
class PortTarget:
    """One switch port that a write changes. ``touch``: index in the attempt."""

    touch: int
    serial: str
    port_id: str


def path_serial(touch: Touch) -> str | None:
    """The serial in the path, when it is known by now."""
    serial = touch.params.get("serial")
    return str(serial) if isinstance(serial, str | int) else None


def body_serials(touch: Touch, operation: Operation) -> tuple[str, ...]:
    """The serials of resident devices that the body of a write names."""
    if not touch.is_write or operation.family not in _RESIDENT_FAMILIES:
        return ()
    return tuple(dict.fromkeys(texts_at(touch.body, SERIAL_FIELDS)))


def texts_at(value: Json, names: tuple[str, ...]) -> Iterator[str]:
    """Every text that stands anywhere in a body under one of those field names, alone or in a list."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in names:
                yield from (item for item in (inner if isinstance(inner, list) else [inner]) if isinstance(item, str))
            yield from texts_at(inner, names)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_at(inner, names)


def switch_devices(attempt: Attempt, world: World) -> dict[int, tuple[Device, ...]]:
    """The switches at which each touch is aimed, by the index of the touch."""
    found: dict[int, tuple[Device, ...]] = {}
    if not attempt.facts.devices:
        return found
    known = {device.serial: device for device in attempt.facts.devices}
    for index, touch in enumerate(attempt.touches):
        operation = world.catalogue.find(touch.operation)
        serials = [path_serial(touch), *body_serials(touch, operation)]
        devices = [known[serial] for serial in serials if serial in known]
        switches = tuple(one for one in devices if one.product_type == "switch" or operation.family == "switch")
        if switches:
            found[index] = switches
    return found


def port_targets(attempt: Attempt) -> tuple[PortTarget, ...]:
    """The switch ports whose configuration the writes change, one by one or as members of a link aggregation."""
    found: list[PortTarget] = []
    for index, touch in enumerate(attempt.touches):
        serial = path_serial(touch)
        if touch.operation == "updateDeviceSwitchPort" and serial:
            found.append(PortTarget(index, serial, str(touch.params.get("portId"))))
        elif touch.operation in ("createNetworkSwitchLinkAggregation", "updateNetworkSwitchLinkAggregation"):
            found += [PortTarget(index, *member) for member in _members(touch.body)]
    return tuple(found)


def _members(body: Json) -> Iterator[tuple[str, str]]:
    ports = body.get("switchPorts") if isinstance(body, Mapping) else None
    for port in ports if isinstance(ports, list) else ():
        if isinstance(port, Mapping):
            yield str(port.get("serial")), str(port.get("portId"))


def first_few(texts: Sequence[str], most: int = 3) -> str:
    """The first texts, which must be inert already, and how many more there are."""
    rest = f" and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + rest


def device_label(device: Device) -> str:
    """The device for people: "SW core (Q2XX-...)", its name made inert."""
    return f"{clean(device.name or device.model, 60)} ({device.serial})"
