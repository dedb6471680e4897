"""What a network says of its own health at one moment: plain facts by id, and what could not be read.

One rule: a part that could not be read is ``unknown`` with its reason, never an empty and therefore healthy one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Final

from mcp_server.domain.call import Json

#: The parts that a change is judged by at once (facts: health deltas, hard fails).
GATE_PARTS: Final = ("devices", "uplinks", "vpn_peers", "ports")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``severity``: critical, high, medium, low, info or unknown."""

    kind: str  #: device_offline, uplink_failed, port_down ...
    severity: str
    target: str  #: serial, serial/port, network id, alert id ...
    message: str

    def to_json(self) -> dict[str, Json]:
        """The finding as plain JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Signals:
    """One sample. Keys are ids, so that two samples can be compared thing by thing."""

    organization_id: str
    read_at: datetime
    scope: str = "all"  #: all, or gate: only what a change is judged by at once
    devices: Mapping[str, str] = field(default_factory=dict)  #: serial -> online, alerting, offline or dormant
    uplinks: Mapping[str, str] = field(default_factory=dict)  #: serial/interface -> active, ready, failed ...
    vpn_peers: Mapping[str, str] = field(default_factory=dict)  #: network/peer -> reachable or unreachable
    ports: Mapping[str, str] = field(default_factory=dict)  #: serial/port -> Connected or Disconnected ...
    port_errors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: serial/port -> errors, when any
    alerts: Mapping[str, str] = field(default_factory=dict)  #: active alert's id -> critical, warning or informational
    alert_serials: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: alert's id -> devices it is about
    loss_percent: Mapping[str, float] = field(default_factory=dict)  #: serial/uplink -> mean of up to 5 min
    latency_ms: Mapping[str, float] = field(default_factory=dict)  #: serial/uplink -> mean of up to 5 min
    clients: Mapping[str, int] = field(default_factory=dict)  #: network -> clients seen in the last hour
    upgrades: tuple[str, ...] = ()  #: networks in which a firmware upgrade is running
    open_ssids: tuple[str, ...] = ()  #: network/number of enabled SSIDs without authentication
    any_rules: tuple[str, ...] = ()  #: networks with a rule of their own that allows any to any
    empty_networks: tuple[str, ...] = ()  #: networks of the scope without a device
    unknown: Mapping[str, str] = field(default_factory=dict)  #: part that could not be read -> why


def to_json(signals: Signals) -> dict[str, Json]:
    """The sample as plain JSON; empty parts are left out."""
    plain = {name: value for name, value in asdict(signals).items() if value not in ({}, ())}
    return plain | {"read_at": signals.read_at.isoformat()}


def from_json(stored: Mapping[str, Json]) -> Signals:
    """The sample that ``to_json`` gave; ValueError when it is none."""
    try:
        known = {one.name: stored[one.name] for one in fields(Signals) if one.name in stored}
        known["read_at"] = datetime.fromisoformat(known["read_at"])
        for name in ("upgrades", "open_ssids", "any_rules", "empty_networks"):
            known[name] = tuple(known.get(name, ()))
        for name in ("port_errors", "alert_serials"):
            known[name] = {key: tuple(values) for key, values in known.get(name, {}).items()}
        return Signals(**known)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("these are no stored health signals") from error
