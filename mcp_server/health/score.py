"""One number for a network's health, and what is wrong with it. Pure.

score = 0.5 x devices + 0.3 x uplinks + 0.2 x alerts, each from 0 to 100:
- devices: an online device counts 1, an alerting one 0.5, an offline one 0; dormant ones (unused) are left out;
- uplinks: active and ready count 1, half of it with loss over 5 % or latency over 150 ms; failed counts 0; those that
  are not connected are left out unless the device has no other;
- alerts: 100 less 25 for each critical, 10 for each warning, 2 for each other active alert, at least 0.
A part that does not exist (no uplinks in a network of access points) or could not be read is left out, the rest
weighs more; when one could not be read, ``healthy`` becomes ``unknown``: what was not seen is not fine.
Bands: 80 and more healthy, 50 to 79 degraded, under 50 critical. Weights and bands are settings, not Meraki's numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from mcp_server.domain.redaction import clean
from mcp_server.health.signals import Finding, Signals

GOOD_UPLINKS: Final = frozenset({"active", "ready"})
UNUSED_UPLINKS: Final = frozenset({"not connected"})
LOSS_LIMIT_PERCENT: Final = 5.0
LATENCY_LIMIT_MS: Final = 150.0
_ONLINE: Final = MappingProxyType({"online": 1.0, "alerting": 0.5, "offline": 0.0})
_SEVERITIES: Final = ("critical", "high", "medium", "low", "info", "unknown")
_ALERT_SEVERITIES: Final = MappingProxyType({"critical": "critical", "warning": "medium"})


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts how much; ``healthy`` and ``degraded`` are the lowest values of their bands."""

    devices: float = 0.5
    uplinks: float = 0.3
    alerts: float = 0.2
    healthy: int = 80
    degraded: int = 50
    penalties: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({"critical": 25.0, "warning": 10.0, "informational": 2.0})
    )


DEFAULT: Final = Weights()


@dataclass(frozen=True, slots=True)
class Score:
    """``value`` 0 to 100, None when nothing that counts is known; ``band`` healthy, degraded, critical or unknown."""

    value: int | None
    band: str
    findings: tuple[Finding, ...]  #: worst first


def score(signals: Signals, weights: Weights = DEFAULT) -> Score:
    """The score of a sample, as this module says."""
    parts = {
        "devices": (weights.devices, _devices(signals)),
        "uplinks": (weights.uplinks, _uplinks(signals)),
        "alerts": (weights.alerts, None if "alerts" in signals.unknown else _alerts(signals, weights)),
    }
    known = [(weight, share) for weight, share in parts.values() if share is not None]
    total = sum(weight for weight, _ in known)
    found = findings(signals)
    if total <= 0 or parts["devices"][1] is None:
        return Score(None, "unknown", found)
    value = round(100 * sum(weight * share for weight, share in known) / total)
    is_blind = any(name in signals.unknown for name in parts)
    return Score(value, _band(value, weights, is_blind=is_blind), found)


def _band(value: int, weights: Weights, *, is_blind: bool) -> str:
    if value < weights.degraded:
        return "critical"
    if value < weights.healthy:
        return "degraded"
    return "unknown" if is_blind else "healthy"


def _devices(signals: Signals) -> float | None:
    """The share of devices that work, None when there are none or they are unknown."""
    counted = [_ONLINE.get(status, 0.0) for status in signals.devices.values() if status != "dormant"]
    return sum(counted) / len(counted) if counted and "devices" not in signals.unknown else None


def _uplinks(signals: Signals) -> float | None:
    """The share of uplinks that work."""
    if "uplinks" in signals.unknown:
        return None
    used = {key.partition("/")[0] for key, status in signals.uplinks.items() if status not in UNUSED_UPLINKS}
    counted = {
        key: status
        for key, status in signals.uplinks.items()
        if status not in UNUSED_UPLINKS or key.partition("/")[0] not in used
    }
    shares = [_uplink(signals, key) if status in GOOD_UPLINKS else 0.0 for key, status in counted.items()]
    return sum(shares) / len(shares) if shares else None


def _uplink(signals: Signals, key: str) -> float:
    return 0.5 if _is_degraded(signals, key) else 1.0


def _is_degraded(signals: Signals, key: str) -> bool:
    lossy = signals.loss_percent.get(key, 0.0) > LOSS_LIMIT_PERCENT
    return lossy or signals.latency_ms.get(key, 0.0) > LATENCY_LIMIT_MS


def _alerts(signals: Signals, weights: Weights) -> float:
    least = min(weights.penalties.values(), default=0.0)
    penalty = sum(weights.penalties.get(severity, least) for severity in signals.alerts.values())
    return max(0.0, 100.0 - penalty) / 100.0


def findings(signals: Signals) -> tuple[Finding, ...]:
    """What is wrong in a sample, worst first (severities: specialist protocol, health check)."""
    found = [*_device_findings(signals), *_link_findings(signals), *_other_findings(signals)]
    found += [
        Finding("not_read", "unknown", part, f"{part} could not be read: {why}")
        for part, why in signals.unknown.items()
    ]
    return tuple(sorted(found, key=lambda one: (_SEVERITIES.index(one.severity), one.kind, one.target)))


def _device_findings(signals: Signals) -> list[Finding]:
    kinds = {"offline": ("device_offline", "high"), "alerting": ("device_alerting", "medium")}
    kinds["dormant"] = ("device_dormant", "low")
    return [
        Finding(*kinds[status], serial, f"{serial} is {status}")
        for serial, status in signals.devices.items()
        if status in kinds
    ]


def _link_findings(signals: Signals) -> list[Finding]:
    bad = [key for key, status in signals.uplinks.items() if status not in GOOD_UPLINKS | UNUSED_UPLINKS]
    found = [Finding("uplink_failed", "high", key, f"uplink {key} is {clean(signals.uplinks[key], 40)}") for key in bad]
    measured = sorted({*signals.loss_percent, *signals.latency_ms})
    for key in (key for key in measured if _is_degraded(signals, key)):
        loss, latency = signals.loss_percent.get(key), signals.latency_ms.get(key)
        found.append(Finding("uplink_degraded", "medium", key, f"uplink {key}: loss {loss} %, latency {latency} ms"))
    lost = [key for key, reach in signals.vpn_peers.items() if reach != "reachable"]
    found += [Finding("vpn_unreachable", "high", key, f"VPN peer {clean(key, 80)} is not reachable") for key in lost]
    for key, errors in signals.port_errors.items():
        found.append(Finding("port_errors", "medium", key, f"port {key}: {clean('; '.join(errors), 120)}"))
    return found


def _other_findings(signals: Signals) -> list[Finding]:
    found = [
        Finding("alert", _ALERT_SEVERITIES.get(severity, "info"), id_, f"active alert {clean(id_, 60)}")
        for id_, severity in signals.alerts.items()
    ]
    found += [Finding("network_empty", "low", one, f"network {one} has no devices") for one in signals.empty_networks]
    found += [Finding("ssid_open", "high", one, f"SSID {one} is enabled and open") for one in signals.open_ssids]
    found += [Finding("rule_any_any", "medium", one, f"network {one} allows any to any") for one in signals.any_rules]
    running = [Finding("upgrade_running", "info", one, f"a firmware upgrade runs in {one}") for one in signals.upgrades]
    return found + running
