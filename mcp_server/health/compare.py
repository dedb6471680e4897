"""What got worse between two samples. Pure.

Hard: a change is undone for it at once. Soft: it is told. Ignored: it was bad before. What either sample could not
read is ``unknown``: nothing can be said of it, and nobody may take it for fine. Thresholds are ours, not Meraki's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from mcp_server.domain.redaction import clean
from mcp_server.health.score import GOOD_UPLINKS
from mcp_server.health.signals import GATE_PARTS, Finding, Signals

LOSS_RISE_POINTS: Final = 5.0
LATENCY_FACTOR: Final = 1.5
LATENCY_RISE_MS: Final = 20.0
CLIENTS_LEFT: Final = 0.7  #: of the baseline
CLIENTS_AT_LEAST: Final = 10  #: fewer clients than that come and go by themselves

_DEVICE_RANKS: Final = {"online": 0, "alerting": 1}  # anything else: lost


@dataclass(frozen=True, slots=True)
class Delta:
    """What got worse, and what cannot be said."""

    hard: tuple[Finding, ...]
    soft: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    unknown: tuple[str, ...] = ()  #: parts that one of the samples could not read

    @property
    def is_blind(self) -> bool:
        """Whether a part that a change is judged by could not be compared."""
        return any(part in self.unknown for part in GATE_PARTS)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of thing is compared. ``rank``: 0 good, higher is worse."""

    part: str
    name: str
    severity: str
    word: str
    rank: Callable[[str], int]


def _device_rank(status: str) -> int:
    return _DEVICE_RANKS.get(status, 2)


_KINDS: Final = (
    _Kind("devices", "device_lost", "critical", "device", _device_rank),
    _Kind("uplinks", "uplink_lost", "critical", "uplink", lambda status: int(status not in GOOD_UPLINKS)),
    _Kind("vpn_peers", "vpn_lost", "critical", "VPN peer", lambda status: int(status != "reachable")),
    _Kind("ports", "port_down", "high", "port", lambda status: int(status.casefold() != "connected")),
)


def delta(before: Signals, after: Signals, *, expected_down: Collection[str] = ()) -> Delta:
    """What is worse in ``after``; ``expected_down``: serials or serial/port that the plan itself takes down."""
    unknown = tuple(sorted({*before.unknown, *after.unknown}))
    hard: list[Finding] = []
    ignored: list[Finding] = []
    for kind in _KINDS:
        if kind.part not in unknown:
            worse, old = _states(kind, before, after, frozenset(expected_down))
            hard += worse
            ignored += old
    alerts_hard, alerts_soft = _alerts(before, after) if "alerts" not in unknown else ([], [])
    soft = [*_gone(before, after, unknown), *alerts_soft, *_links(before, after), *_clients(before, after)]
    return Delta(tuple(hard + alerts_hard), tuple(soft), tuple(ignored), unknown)


def _states(
    kind: _Kind, before: Signals, after: Signals, expected: frozenset[str]
) -> tuple[list[Finding], list[Finding]]:
    """The things of one kind that are worse than before, and those that are bad as they were."""
    was, is_now = _part(before, kind.part), _part(after, kind.part)
    worse: list[Finding] = []
    old: list[Finding] = []
    for key, status in is_now.items():
        if key not in was or kind.rank(status) == 0:
            continue
        words = f"{kind.word} {clean(key, 80)} was {clean(was[key], 40)} and is {clean(status, 40)}"
        finding = Finding(kind.name, kind.severity, key, words)
        is_worse = kind.rank(status) > kind.rank(was[key])
        is_meant = key in expected or key.partition("/")[0] in expected
        if is_worse and not is_meant:
            worse.append(finding)
        else:
            old.append(finding)
    return worse, old


def _alerts(before: Signals, after: Signals) -> tuple[list[Finding], list[Finding]]:
    """New alerts: hard when critical and about a device that is watched."""
    hard: list[Finding] = []
    soft: list[Finding] = []
    for id_, severity in after.alerts.items():
        if id_ in before.alerts or before.scope == "gate":  # a gate sample has no alerts to compare with
            continue
        about = after.alert_serials.get(id_, ())
        is_hard = severity == "critical" and any(serial in after.devices for serial in about)
        words = f"new {clean(severity, 20)} alert {clean(id_, 60)}"
        (hard if is_hard else soft).append(Finding("new_alert", "critical" if is_hard else "medium", id_, words))
    return hard, soft


def _gone(before: Signals, after: Signals, unknown: Collection[str]) -> Iterable[Finding]:
    """Things that are no longer listed, and errors that a port did not have."""
    for kind in _KINDS:
        missing = _part(before, kind.part).keys() - _part(after, kind.part).keys() if kind.part not in unknown else ()
        for key in sorted(missing):
            yield Finding("no_longer_listed", "medium", key, f"{kind.word} {clean(key, 80)} is no longer listed")
    if "ports" in unknown:
        return
    for key, errors in after.port_errors.items():
        fresh = [error for error in errors if error not in before.port_errors.get(key, ())]
        if fresh:
            yield Finding("port_errors", "medium", key, f"port {key}: {clean('; '.join(fresh), 120)}")


def _links(before: Signals, after: Signals) -> Iterable[Finding]:
    """Loss and latency of uplinks that both samples measured."""
    for key in sorted(before.loss_percent.keys() & after.loss_percent.keys()):
        was, now = before.loss_percent[key], after.loss_percent[key]
        if now - was > LOSS_RISE_POINTS:
            yield Finding("loss_up", "medium", key, f"loss of uplink {key} rose from {was} % to {now} %")
    for key in sorted(before.latency_ms.keys() & after.latency_ms.keys()):
        was, now = before.latency_ms[key], after.latency_ms[key]
        if now > was * LATENCY_FACTOR and now - was > LATENCY_RISE_MS:
            yield Finding("latency_up", "medium", key, f"latency of uplink {key} rose from {was} ms to {now} ms")


def _clients(before: Signals, after: Signals) -> Iterable[Finding]:
    for key in sorted(before.clients.keys() & after.clients.keys()):
        was, now = before.clients[key], after.clients[key]
        if was >= CLIENTS_AT_LEAST and now < was * CLIENTS_LEFT:
            yield Finding("clients_down", "medium", key, f"clients of network {key} fell from {was} to {now}")


def _part(signals: Signals, name: str) -> Mapping[str, str]:
    found: Mapping[str, str] = getattr(signals, name)
    return found
