"""A sample as stored JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.health.signals import Finding, Signals, from_json, to_json
from tests.support.fake_clock import START

FULL = Signals(
    "549236",
    START,
    scope="gate",
    devices={"Q2": "online"},
    uplinks={"Q2/wan1": "active"},
    vpn_peers={"L_1/L_2": "reachable"},
    ports={"Q2/1": "Connected"},
    port_errors={"Q2/1": ("CRC",)},
    alerts={"7": "critical"},
    alert_serials={"7": ("Q2",)},
    loss_percent={"Q2/wan1": 0.5},
    latency_ms={"Q2/wan1": 12.0},
    clients={"L_1": 3},
    upgrades=("L_1",),
    open_ssids=("L_1/3",),
    any_rules=("L_1",),
    empty_networks=("L_2",),
    unknown={"clients": "not read"},
)


def test_a_stored_sample_comes_back_as_it_was() -> None:
    """Through real JSON text, every part of it."""
    assert from_json(json.loads(json.dumps(to_json(FULL)))) == FULL


@given(st.dictionaries(st.text(max_size=8), st.sampled_from(["online", "offline"])), st.lists(st.text(max_size=5)))
def test_any_sample_comes_back_as_it_was(devices: dict[str, str], upgrades: list[str]) -> None:
    """Whatever the ids look like."""
    signals = Signals("1", START, devices=devices, upgrades=tuple(upgrades))
    assert from_json(json.loads(json.dumps(to_json(signals)))) == signals


def test_empty_parts_are_not_stored() -> None:
    """A plan with a baseline stays small."""
    assert to_json(Signals("1", START)) == {"organization_id": "1", "read_at": START.isoformat(), "scope": "all"}


@pytest.mark.parametrize("stored", [{}, {"read_at": "now"}, {"read_at": START.isoformat()}, {"read_at": 5}])
def test_what_is_no_sample_is_refused(stored: dict[str, object]) -> None:
    """It never becomes an empty and therefore healthy one."""
    with pytest.raises(ValueError, match=r"."):
        from_json(stored)


def test_a_finding_is_plain_json() -> None:
    """Kind, severity, target and message."""
    finding = Finding("device_offline", "high", "Q2", "Q2 is offline")
    assert finding.to_json() == {
        "kind": "device_offline",
        "severity": "high",
        "target": "Q2",
        "message": "Q2 is offline",
    }
