"""What a safety rule sees of one planned step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mcp_server.domain.call import Device, Json, Network, Warned
from mcp_server.domain.redaction import clean

INFO = "info"
WARNING = "warning"
CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as planned: ``before`` and ``expected`` are whole states, ``body`` is what would be sent."""

    operation: str
    kind: str  #: create, update, delete or action
    resource: str  #: the protocol's word: ssid, vlan, acl, firewall_l3, port ...
    task: str  #: T1 to T6; T5 for a step that undoes something
    params: Mapping[str, Json]
    before: Json
    expected: Json
    body: Json
    network: Network | None = None
    device: Device | None = None
    uplink_ports: frozenset[str] = frozenset()  #: port ids of this device that lead to the rest of the network
    neighbour: str = ""  #: the organization's own device at the other end of the port, for people; "" none is known
    bound_networks: int = 0  #: networks bound to the configuration template that this step changes
    devices: int = 0  #: devices that this step reaches

    @property
    def was(self) -> Mapping[str, Json]:
        """The state before, empty when there is none or it is not an object."""
        return self.before if isinstance(self.before, Mapping) else {}

    @property
    def sent(self) -> Mapping[str, Json]:
        """The body, empty when there is none or it is not an object."""
        return self.body if isinstance(self.body, Mapping) else {}

    @property
    def after(self) -> Mapping[str, Json]:
        """The state after: as expected, else what is sent; empty after a delete."""
        if self.kind == "delete":
            return {}
        return self.expected if isinstance(self.expected, Mapping) else self.sent

    @property
    def where(self) -> str:
        """The target for people, names escaped: "SSID 3 of 'Store 12'"."""
        own = next((f"{word} {clean(self.params[name], 40)}" for name, word in _IDS if name in self.params), "")
        if self.device is not None:
            place = clean(self.device.name or self.device.serial, 60)
            place = place if place == self.device.serial else f"{place} ({clean(self.device.serial, 40)})"
        elif self.network is not None:
            place = f"'{clean(self.network.name, 60)}'"
        else:
            place = clean(self.params.get("networkId") or self.params.get("organizationId") or "", 60)
        return " of ".join(part for part in (own, place) if part) or clean(self.operation, 80)

    def changes(self, *names: str) -> bool:
        """Whether one of these fields is sent and will differ from what it was."""
        return any(name in self.sent and self.after.get(name) != self.was.get(name) for name in names)


_IDS = (("number", "SSID"), ("portId", "port"), ("vlanId", "VLAN"), ("groupPolicyId", "group policy"))


def warned(rule: str, severity: str, message: str) -> Iterable[Warned]:
    """One warning."""
    return (Warned(rule, severity, message),)


def items(value: Json, name: str) -> tuple[Mapping[str, Json], ...]:
    """The objects of the list field of that name; empty when there is no such list."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return tuple(item for item in found if isinstance(item, Mapping)) if isinstance(found, list | tuple) else ()


def part(value: Json, *path: str) -> Json:
    """The value below those field names, or None."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def secret_length(value: Json) -> int | None:
    """How long a secret will be; None when there is none, or it is only known when it is sent.

    A ``$secret`` carries it beside its name as ``length``, never the secret itself.
    """
    if isinstance(value, str) and value:
        return len(value)
    lengths = [value.get(name) for name in ("$generate", "length")] if isinstance(value, Mapping) else []
    return next((length for length in lengths if isinstance(length, int)), None)
