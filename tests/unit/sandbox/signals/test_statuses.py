"""Statuses, loss and latency, alerts and the change log as the questions narrow them."""

import pytest

from tests.support.simulated import Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A new world in which a switch of the campus has been cut off for a while."""
    cloud = Simulated()
    core = next(one["serial"] for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "switch")
    cloud.put(f"/devices/{core}/switch/ports/51", {"enabled": False})
    cloud.world.advance(600)
    return cloud


def _ask(cloud: Simulated, tail: str, **query: object) -> list[dict[str, object]]:
    answer = cloud.ask("GET", f"/organizations/{cloud.organization}/{tail}", None, **query)
    assert answer.status == 200, answer
    rows: list[dict[str, object]] = answer.body
    return rows


def test_statuses_are_narrowed_by_status_network_and_product(cloud: Simulated) -> None:
    """Only offline ones, only access points, none of another network."""
    offline = _ask(cloud, "devices/availabilities", statuses=["offline"])
    assert {one["name"] for one in offline} == {"Switch Recepção", "AP Recepção", "Câmera Portaria"}
    aps = _ask(cloud, "devices/statuses", statuses=["offline"], productTypes=["wireless"])
    assert [one["name"] for one in aps] == ["AP Recepção"]
    assert _ask(cloud, "devices/availabilities", statuses=["offline"], networkIds=[cloud.branch]) == []


def test_the_overview_counts_what_the_list_shows(cloud: Simulated) -> None:
    """Three offline."""
    overview = cloud.get(f"/organizations/{cloud.organization}/devices/statuses/overview")
    assert overview["counts"]["byStatus"]["offline"] == 3


def test_loss_and_latency_end_two_minutes_ago_and_span_five_at_most(cloud: Simulated) -> None:
    """The blind spot of the cloud; a longer span is refused."""
    rows = _ask(cloud, "devices/uplinksLossAndLatency")
    series = rows[0]["timeSeries"]
    assert isinstance(series, list)
    assert series[-1]["ts"] <= "2026-11-02T08:08:00Z"
    cloud.refused("GET", f"/organizations/{cloud.organization}/devices/uplinksLossAndLatency", timespan="3600")


def test_alerts_are_dismissed_restored_and_resolved(cloud: Simulated) -> None:
    """Active until dismissed; back when restored; the network's own view agrees."""
    alerts = _ask(cloud, "assurance/alerts")
    assert len(alerts) == 3
    base = f"/organizations/{cloud.organization}/assurance/alerts"
    body = {"alertIds": [alerts[0]["id"]]}
    assert cloud.ask("POST", f"{base}/dismiss", body).status == 200
    assert len(_ask(cloud, "assurance/alerts")) == 2
    assert len(_ask(cloud, "assurance/alerts", active="false", dismissed="true")) == 1
    assert len(cloud.get(f"/networks/{cloud.campus}/health/alerts")) == 2
    cloud.ask("POST", f"{base}/restore", body)
    assert cloud.get(f"{base}/overview")["counts"]["total"] == 3
    assert cloud.ask("POST", f"{base}/dismiss", {"alertIds": ["1"]}).status == 404


def test_alert_ids_are_unique(cloud: Simulated) -> None:
    """Also for devices that were lost in the same second."""
    ids = [one["id"] for one in _ask(cloud, "assurance/alerts")]
    assert len(ids) == len(set(ids))


def test_the_change_log_is_narrowed_by_time_network_and_admin(cloud: Simulated) -> None:
    """What was changed ten minutes ago is not among the last minute's; a span over a year is refused."""
    tail = "configurationChanges"
    assert len(_ask(cloud, tail)) == 1
    assert _ask(cloud, tail, timespan="60") == []
    assert _ask(cloud, tail, networkId=cloud.branch) == []
    assert len(_ask(cloud, tail, t0="2026-11-02T07:00:00Z", networkId=cloud.campus)) == 1
    cloud.refused("GET", f"/organizations/{cloud.organization}/{tail}", t0="2020-01-01T00:00:00Z")
    cloud.refused("GET", f"/organizations/{cloud.organization}/{tail}", t0="yesterday")


def test_events_tell_who_went(cloud: Simulated) -> None:
    """In their own envelope."""
    events = cloud.get(f"/networks/{cloud.campus}/events")
    assert {one["type"] for one in events["events"]} == {"device_offline"}
