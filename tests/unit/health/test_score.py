"""The score, its band and its findings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.health.score import Weights, score
from mcp_server.health.signals import Signals
from tests.support.fake_clock import START


def sample(**parts: Any) -> Signals:
    """A sample of these parts."""
    return Signals("1", START, **parts)


FINE = {"devices": {"A": "online", "B": "online"}, "uplinks": {"A/wan1": "active", "A/wan2": "ready"}}


def test_a_network_in_order_has_100_and_no_findings() -> None:
    """The band is healthy; good measurements and reachable peers are no findings."""
    measured = {"loss_percent": {"A/wan1": 0.1}, "latency_ms": {"A/wan1": 9.0}, "vpn_peers": {"L_1/L_2": "reachable"}}
    found = score(sample(**FINE, **measured))
    assert (found.value, found.band, found.findings) == (100, "healthy", ())


@pytest.mark.parametrize(
    ("parts", "value", "band"),
    [
        ({"devices": {"A": "online", "B": "offline"}}, 75, "degraded"),
        ({"devices": {"A": "online", "B": "alerting"}}, 88, "healthy"),
        ({"devices": {"A": "online", "B": "dormant"}}, 100, "healthy"),
        ({"devices": {"A": "offline", "B": "offline"}}, 50, "degraded"),
        ({"uplinks": {"A/wan1": "active", "A/wan2": "failed"}}, 85, "healthy"),
        ({"uplinks": {"A/wan1": "active", "A/wan2": "not connected"}}, 100, "healthy"),
        ({"uplinks": {"A/wan1": "not connected", "A/wan2": "not connected"}}, 70, "degraded"),
        ({"loss_percent": {"A/wan1": 5.1}}, 92, "healthy"),
        ({"latency_ms": {"A/wan1": 150.1}}, 92, "healthy"),
        ({"loss_percent": {"A/wan1": 5.0}, "latency_ms": {"A/wan1": 150.0}}, 100, "healthy"),
        ({"alerts": {"1": "critical"}}, 95, "healthy"),
        ({"alerts": {"1": "warning", "2": "informational", "3": "odd"}}, 97, "healthy"),
        ({"alerts": {str(n): "critical" for n in range(9)}}, 80, "healthy"),
        ({"devices": {"A": "offline", "B": "offline"}, "uplinks": {"A/wan1": "failed"}}, 20, "critical"),
        ({"uplinks": {}}, 100, "healthy"),
        ({"uplinks": {}, "devices": {"A": "online", "B": "offline"}}, 64, "degraded"),
    ],
)
def test_the_score_follows_the_documented_formula(parts: dict[str, Any], value: int, band: str) -> None:
    """0.5 devices + 0.3 uplinks + 0.2 alerts; bands from 80 and 50."""
    found = score(sample(**{**FINE, **parts}))
    assert (found.value, found.band) == (value, band)


@pytest.mark.parametrize("part", ["uplinks", "alerts"])
def test_a_part_that_could_not_be_read_makes_healthy_unknown(part: str) -> None:
    """What was not seen is not fine, and is said."""
    found = score(sample(**{**FINE, part: {"A/wan1": "failed"}}, unknown={part: "403"}))
    assert (found.value, found.band) == (100, "unknown")
    assert found.findings[-1].to_json()["kind"] == "not_read"
    assert (found.findings[-1].severity, found.findings[-1].target) == ("unknown", part)


def test_a_bad_network_stays_bad_when_a_part_is_unknown() -> None:
    """The band of what was seen counts."""
    found = score(sample(devices={"A": "offline"}, unknown={"uplinks": "403"}))
    assert found.band == "critical"


def test_without_devices_there_is_no_score() -> None:
    """Neither when there are none nor when they are unknown."""
    assert score(sample()).value is None
    found = score(sample(**FINE, unknown={"devices": "500"}))
    assert (found.value, found.band) == (None, "unknown")


@pytest.mark.parametrize(
    ("parts", "kind", "severity"),
    [
        ({"devices": {"A": "offline"}}, "device_offline", "high"),
        ({"devices": {"A": "alerting"}}, "device_alerting", "medium"),
        ({"devices": {"A": "dormant"}}, "device_dormant", "low"),
        ({"uplinks": {"A/wan1": "failed"}}, "uplink_failed", "high"),
        ({"loss_percent": {"A/wan1": 9.0}}, "uplink_degraded", "medium"),
        ({"latency_ms": {"A/wan1": 200.0}}, "uplink_degraded", "medium"),
        ({"vpn_peers": {"L_1/L_2": "unreachable"}}, "vpn_unreachable", "high"),
        ({"port_errors": {"A/1": ("CRC",)}}, "port_errors", "medium"),
        ({"alerts": {"7": "critical"}}, "alert", "critical"),
        ({"alerts": {"7": "warning"}}, "alert", "medium"),
        ({"alerts": {"7": "informational"}}, "alert", "info"),
        ({"empty_networks": ("L_1",)}, "network_empty", "low"),
        ({"open_ssids": ("L_1/0",)}, "ssid_open", "high"),
        ({"any_rules": ("L_1",)}, "rule_any_any", "medium"),
        ({"upgrades": ("L_1",)}, "upgrade_running", "info"),
    ],
)
def test_each_fault_is_a_finding_with_its_severity(parts: dict[str, Any], kind: str, severity: str) -> None:
    """As the specialist protocol grades them."""
    (found,) = score(sample(**parts)).findings
    assert (found.kind, found.severity) == (kind, severity)


def test_findings_come_worst_first() -> None:
    """Critical before high before medium, unknown last."""
    parts = {"devices": {"A": "alerting", "B": "offline"}, "alerts": {"7": "critical"}, "unknown": {"clients": "403"}}
    assert [one.severity for one in score(sample(**parts)).findings] == ["critical", "high", "medium", "unknown"]


def test_alerts_that_are_unknown_do_not_count_as_none() -> None:
    """The other parts weigh more instead."""
    parts = {"devices": {"A": "online", "B": "offline"}, "unknown": {"alerts": "403"}}
    assert score(sample(**parts)).value == 50
    assert score(sample(devices=parts["devices"])).value == 64


def test_without_any_weight_there_is_no_score() -> None:
    """Nothing that counts is known."""
    found = score(sample(**FINE), Weights(devices=0.0, uplinks=0.0, alerts=0.0))
    assert (found.value, found.band) == (None, "unknown")


def test_weights_and_bands_can_be_set() -> None:
    """Devices alone, with bands of one's own."""
    weights = Weights(devices=1.0, uplinks=0.0, alerts=0.0, healthy=90, degraded=70)
    found = score(sample(devices={"A": "online", "B": "alerting"}, alerts={"1": "critical"}), weights)
    assert (found.value, found.band) == (75, "degraded")


STATUSES = st.sampled_from(["online", "alerting", "offline", "dormant"])
SEVERITIES = st.sampled_from(["critical", "warning", "informational", "odd"])


@given(
    st.dictionaries(st.text("AB", max_size=3), STATUSES, max_size=6),
    st.dictionaries(st.text("AB", max_size=3), st.sampled_from(["active", "failed", "not connected"]), max_size=6),
    st.dictionaries(st.text("12", max_size=3), SEVERITIES, max_size=12),
)
def test_the_score_stays_between_0_and_100(
    devices: dict[str, str], uplinks: dict[str, str], alerts: dict[str, str]
) -> None:
    """Whatever the network says."""
    found = score(sample(devices=devices, uplinks=uplinks, alerts=alerts))
    assert found.value is None or 0 <= found.value <= 100
    assert found.band in {"healthy", "degraded", "critical", "unknown"}
