"""What got worse between two samples."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_server.health.compare import delta
from mcp_server.health.signals import Signals
from tests.support.fake_clock import START


def sample(**parts: Any) -> Signals:
    """A sample of these parts."""
    return Signals("1", START, **parts)


def kinds(findings: Any) -> list[tuple[str, str]]:
    """Kind and target of each."""
    return [(one.kind, one.target) for one in findings]


@pytest.mark.parametrize(
    ("part", "was", "now", "kind"),
    [
        ("devices", {"A": "online"}, {"A": "offline"}, "device_lost"),
        ("devices", {"A": "online"}, {"A": "alerting"}, "device_lost"),
        ("devices", {"A": "online"}, {"A": "dormant"}, "device_lost"),
        ("devices", {"A": "alerting"}, {"A": "offline"}, "device_lost"),
        ("uplinks", {"A": "active"}, {"A": "failed"}, "uplink_lost"),
        ("uplinks", {"A": "ready"}, {"A": "not connected"}, "uplink_lost"),
        ("vpn_peers", {"A": "reachable"}, {"A": "unreachable"}, "vpn_lost"),
        ("ports", {"A": "Connected"}, {"A": "Disconnected"}, "port_down"),
    ],
)
def test_what_worked_and_no_longer_does_is_hard(part: str, was: Any, now: Any, kind: str) -> None:
    """Devices, uplinks, VPN peers and ports."""
    found = delta(sample(**{part: was}), sample(**{part: now}))
    assert kinds(found.hard) == [(kind, "A")]
    assert (found.soft, found.ignored, found.unknown) == ((), (), ())


@pytest.mark.parametrize(
    ("part", "status"),
    [
        ("devices", "offline"),
        ("devices", "alerting"),
        ("uplinks", "failed"),
        ("vpn_peers", "unreachable"),
        ("ports", "Disconnected"),
    ],
)
def test_what_was_bad_before_is_ignored(part: str, status: str) -> None:
    """It is told as such, and no reason to undo."""
    found = delta(sample(**{part: {"A": status}}), sample(**{part: {"A": status}}))
    assert found.hard == ()
    assert [one.target for one in found.ignored] == ["A"]


@pytest.mark.parametrize(
    ("part", "was", "now"),
    [("devices", "offline", "online"), ("uplinks", "active", "ready"), ("ports", "Disconnected", "Connected")],
)
def test_what_is_as_good_or_better_is_nothing(part: str, was: str, now: str) -> None:
    """A failover to a ready uplink neither."""
    found = delta(sample(**{part: {"A": was}}), sample(**{part: {"A": now}}))
    assert (found.hard, found.soft, found.ignored) == ((), (), ())


@pytest.mark.parametrize("expected", ["SW/7", "SW"])
def test_a_port_that_the_plan_takes_down_is_no_fault(expected: str) -> None:
    """By port, or by the whole device; its neighbour is."""
    before, after = sample(ports={"SW/7": "Connected"}), sample(ports={"SW/7": "Disconnected"})
    assert delta(before, after, expected_down=[expected]).hard == ()
    assert kinds(delta(before, after, expected_down=["SW/8", "SX"]).hard) == [("port_down", "SW/7")]


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_part_that_one_sample_could_not_read_is_unknown_not_fine(side: str) -> None:
    """Nothing is said of it, and the comparison says that it is blind there."""
    good, bad = {"devices": {"A": "online"}}, {"devices": {"A": "offline"}}
    was = sample(**good, unknown={"devices": "403"} if side == "before" else {})
    now = sample(**bad, unknown={"devices": "403"} if side == "after" else {})
    found = delta(was, now)
    assert found.hard == ()
    assert found.unknown == ("devices",)
    assert found.is_blind


def test_nothing_is_said_of_unknown_ports_and_alerts() -> None:
    """What is still in the sample of a part that failed is not compared."""
    before = sample(ports={"A/1": "Connected"}, port_errors={})
    after = sample(port_errors={"A/1": ("x",)}, alerts={"7": "critical"}, unknown={"ports": "x", "alerts": "x"})
    found = delta(before, after)
    assert (found.hard, found.soft) == ((), ())


def test_an_unknown_soft_part_leaves_the_hard_ones_to_be_seen() -> None:
    """Clients that could not be counted do not blind the gate."""
    found = delta(sample(devices={"A": "online"}), sample(devices={"A": "offline"}, unknown={"clients": "x"}))
    assert len(found.hard) == 1
    assert not found.is_blind


def test_a_new_critical_alert_about_a_watched_device_is_hard() -> None:
    """About another device, or less than critical, it is soft; one that was there before is nothing."""
    after = sample(
        devices={"A": "online"},
        alerts={"old": "critical", "own": "critical", "other": "critical", "mild": "warning"},
        alert_serials={"old": ("A",), "own": ("A",), "other": ("B",), "mild": ("A",)},
    )
    found = delta(sample(devices={"A": "online"}, alerts={"old": "critical"}), after)
    assert kinds(found.hard) == [("new_alert", "own")]
    assert [one.severity for one in (*found.hard, *found.soft)] == ["critical", "medium", "medium"]
    assert kinds(found.soft) == [("new_alert", "other"), ("new_alert", "mild")]


def test_alerts_are_not_compared_with_a_sample_that_has_none_to_show() -> None:
    """A gate sample does not read them: all would look new."""
    before = sample(scope="gate", devices={"A": "online"})
    after = sample(devices={"A": "online"}, alerts={"7": "critical"}, alert_serials={"7": ("A",)})
    found = delta(before, after)
    assert (found.hard, found.soft) == ((), ())


@pytest.mark.parametrize(
    ("part", "was", "now", "is_worse"),
    [
        ("loss_percent", 1.0, 6.1, True),
        ("loss_percent", 1.0, 6.0, False),
        ("latency_ms", 50.0, 76.0, True),
        ("latency_ms", 50.0, 75.0, False),
        ("latency_ms", 10.0, 29.0, False),
        ("latency_ms", 10.0, 30.0, False),
        ("latency_ms", 10.0, 30.1, True),
        ("clients", 10, 6, True),
        ("clients", 10, 7, False),
        ("clients", 9, 0, False),
    ],
)
def test_loss_latency_and_clients_are_soft_beyond_their_thresholds(
    part: str, was: Any, now: Any, is_worse: bool
) -> None:
    """5 points; 1.5 times and 20 ms; under 70 % of at least 10."""
    found = delta(sample(**{part: {"A": was}}), sample(**{part: {"A": now}}))
    assert bool(found.soft) is is_worse
    assert found.hard == ()


def test_new_errors_of_a_port_are_soft_and_old_ones_nothing() -> None:
    """Error by error."""
    before = sample(port_errors={"A": ("CRC",)})
    assert delta(before, before).soft == ()
    assert kinds(delta(before, sample(port_errors={"A": ("CRC", "loop")})).soft) == [("port_errors", "A")]


def test_a_thing_that_is_no_longer_listed_is_soft() -> None:
    """It may have been moved or removed on purpose."""
    assert kinds(delta(sample(devices={"A": "online"}), sample()).soft) == [("no_longer_listed", "A")]


def test_a_new_thing_that_is_bad_is_no_fault_of_the_change() -> None:
    """There is nothing to compare it with."""
    found = delta(sample(), sample(devices={"A": "offline"}))
    assert (found.hard, found.soft, found.ignored) == ((), (), ())


STATUS = st.dictionaries(st.text("ABC", min_size=1, max_size=2), st.sampled_from(["online", "alerting", "offline"]))


@given(STATUS)
def test_a_sample_compared_with_itself_is_never_worse(devices: dict[str, str]) -> None:
    """However bad it is."""
    found = delta(sample(devices=devices), sample(devices=devices))
    assert (found.hard, found.soft) == ((), ())


@given(STATUS, STATUS)
def test_a_thing_is_hard_or_ignored_and_never_both(was: dict[str, str], now: dict[str, str]) -> None:
    """Each key once."""
    found = delta(sample(devices=was), sample(devices=now))
    targets = [one.target for one in (*found.hard, *found.ignored)]
    assert len(targets) == len(set(targets))
