"""The parts of a sample: how each answer of the cloud becomes plain facts by id.

Pure; an answer of another shape raises BadAnswer, so that it counts as unknown and not as healthy.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mcp_server.domain.call import Json
from mcp_server.errors import BadAnswer

Parts = dict[str, Json]
_RUNNING: Final = ("started", "in progress")
_ANY: Final = ("any", "")
_NO_ERRORS: Final = ("port disconnected", "port disabled")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at: these networks and these devices; neither: the whole organization."""

    network_ids: frozenset[str]
    serials: frozenset[str]

    def holds(self, network_id: Json, serial: Json = None) -> bool:
        """Whether a thing of that network or device belongs to it."""
        everything = not (self.network_ids or self.serials)
        return everything or str(network_id) in self.network_ids or str(serial) in self.serials

    def holds_port_of(self, network_id: Json, serial: Json) -> bool:
        """Ports count on the devices named; on all of the networks when no device is named."""
        return str(serial) in self.serials if self.serials else self.holds(network_id)


def devices(rows: Json, scope: Scope) -> Parts:
    """Status by serial, and the networks of the scope that have no device."""
    chosen = [row for row in _rows(rows) if scope.holds(_id_of(row, "network"), row.get("serial"))]
    inhabited = {_id_of(row, "network") for row in chosen}
    return {
        "devices": {str(row["serial"]): str(row.get("status")) for row in chosen if row.get("serial")},
        "empty_networks": tuple(sorted(scope.network_ids - inhabited)),
    }


def products(rows: Json, scope: Scope, product: str) -> tuple[str, ...]:
    """The networks of the scope that have a device of that product."""
    found = {_id_of(row, "network") for row in _rows(rows) if row.get("productType") == product}
    return tuple(sorted(one for one in found if one and scope.holds(one)))


def uplinks(rows: Json, scope: Scope) -> Parts:
    """Status by serial and interface."""
    chosen = [row for row in _rows(rows) if scope.holds(row.get("networkId"), row.get("serial"))]
    pairs = [(row, uplink) for row in chosen for uplink in _rows(row.get("uplinks") or [])]
    return {
        "uplinks": {
            f"{row.get('serial')}/{uplink.get('interface')}": str(uplink.get("status")) for row, uplink in pairs
        }
    }


def vpn_peers(rows: Json, scope: Scope) -> Parts:
    """Reachability by network and peer: a network id, or the address of a third-party peer."""
    found: dict[str, str] = {}
    for row in _rows(rows):
        if not scope.holds(row.get("networkId"), row.get("deviceSerial")):
            continue
        peers = [(peer.get("networkId"), peer) for peer in _rows(row.get("merakiVpnPeers") or [])]
        peers += [
            (peer.get("publicIp") or peer.get("name"), peer) for peer in _rows(row.get("thirdPartyVpnPeers") or [])
        ]
        found |= {f"{row.get('networkId')}/{name}": str(peer.get("reachability")) for name, peer in peers}
    return {"vpn_peers": found}


def ports(rows: Json, scope: Scope) -> Parts:
    """Status and errors by serial and port."""
    rows = rows.get("items") if isinstance(rows, Mapping) else rows  # wrapped or bare, by API version
    chosen = [row for row in _rows(rows) if scope.holds_port_of(_id_of(row, "network"), row.get("serial"))]
    pairs = [
        (f"{row.get('serial')}/{port.get('portId')}", port) for row in chosen for port in _rows(row.get("ports") or [])
    ]
    return {
        "ports": {key: str(port.get("status")) for key, port in pairs},
        "port_errors": {key: errors for key, port in pairs if (errors := _errors(port))},
    }


def alerts(rows: Json, scope: Scope) -> Parts:
    """Severity and devices by alert id."""
    severities, serials = {}, {}
    for row in _rows(rows):
        about = row.get("scope")
        named_devices = _rows(about.get("devices") or []) if isinstance(about, Mapping) else ()
        named = tuple(str(device["serial"]) for device in named_devices if device.get("serial"))
        if scope.holds(_id_of(row, "network")) or any(scope.holds(None, serial) for serial in named):
            severities[str(row.get("id"))] = str(row.get("severity"))
            serials[str(row.get("id"))] = named
    return {"alerts": severities, "alert_serials": serials}


def loss_latency(rows: Json, scope: Scope) -> Parts:
    """Mean loss and latency by serial and uplink; of several probes of one uplink the worst."""
    loss: dict[str, float] = {}
    latency: dict[str, float] = {}
    for row in _rows(rows):
        if not scope.holds(row.get("networkId"), row.get("serial")):
            continue
        key, series = f"{row.get('serial')}/{row.get('uplink')}", _rows(row.get("timeSeries") or [])
        for name, kept in (("lossPercent", loss), ("latencyMs", latency)):
            values = [float(point[name]) for point in series if isinstance(point.get(name), int | float)]
            if values:
                kept[key] = max(kept.get(key, 0.0), round(sum(values) / len(values), 2))
    return {"loss_percent": loss, "latency_ms": latency}


def upgrades(rows: Json, scope: Scope) -> Parts:
    """The networks in which an upgrade is running."""
    running = [row for row in _rows(rows) if str(row.get("status")).casefold() in _RUNNING]
    return {"upgrades": _sorted(_id_of(row, "network") for row in running if scope.holds(_id_of(row, "network")))}


def clients(answer: Json, network_id: str) -> Parts:
    """How many clients a network had in the last hour."""
    counts = answer.get("counts") if isinstance(answer, Mapping) else None
    total = counts.get("total") if isinstance(counts, Mapping) else None
    if not isinstance(total, int):
        raise BadAnswer("getNetworkClientsOverview: no count of clients", sent=True)
    return {"clients": {network_id: total}}


def open_ssids(rows: Json, network_id: str) -> Parts:
    """The enabled SSIDs of a network that ask for nothing."""
    found = [row for row in _rows(rows) if row.get("enabled") and row.get("authMode") == "open"]
    return {"open_ssids": tuple(f"{network_id}/{row.get('number')}" for row in found)}


def any_rules(answer: Json, network_id: str) -> Parts:
    """The network itself when a rule in front of the implicit last one allows any to any."""
    rules = _rows(answer.get("rules") if isinstance(answer, Mapping) else None)
    own = [rule for rule in rules if rule.get("comment") != "Default rule"]
    return {"any_rules": (network_id,) if any(_allows_all(rule) for rule in own) else ()}


def _allows_all(rule: Mapping[str, Json]) -> bool:
    wide = all(str(rule.get(name, "")).casefold() in _ANY for name in ("srcCidr", "destCidr", "destPort"))
    return wide and rule.get("policy") == "allow" and str(rule.get("protocol", "any")).casefold() == "any"


def _rows(value: Json) -> Sequence[Mapping[str, Json]]:
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise BadAnswer("a health signal is no list of objects", sent=True)
    return value


def _id_of(row: Mapping[str, Json], name: str) -> str:
    inner = row.get(name)
    return str(inner.get("id") or "") if isinstance(inner, Mapping) else ""


def _errors(port: Mapping[str, Json]) -> tuple[str, ...]:
    """What is wrong with a port; that nothing is plugged in, or that it is switched off, is no error."""
    errors = port.get("errors") or []
    texts = [str(error) for error in errors] if isinstance(errors, list) else [str(errors)]
    return tuple(sorted(text for text in texts if text.casefold() not in _NO_ERRORS))


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))
