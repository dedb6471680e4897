"""How each answer of the cloud becomes facts by id, and what is left out."""

from typing import Any

import pytest

from mcp_server.errors import BadAnswer
from mcp_server.health import parts
from mcp_server.health.parts import Scope

SITE = Scope(frozenset({"L_1"}), frozenset())
ONE = Scope(frozenset(), frozenset({"A"}))
EVERYTHING = Scope(frozenset(), frozenset())


def of(network: str, serial: str, **more: Any) -> dict[str, Any]:
    """A row that says its network both ways in which the API does."""
    return {"networkId": network, "network": {"id": network}, "serial": serial, "deviceSerial": serial, **more}


@pytest.mark.parametrize(
    ("take", "row", "name"),
    [
        (parts.devices, {"status": "online"}, "devices"),
        (parts.uplinks, {"uplinks": [{"interface": "wan1", "status": "active"}]}, "uplinks"),
        (parts.vpn_peers, {"merakiVpnPeers": [{"networkId": "L_9", "reachability": "reachable"}]}, "vpn_peers"),
        (parts.ports, {"ports": [{"portId": "1", "status": "Connected"}]}, "ports"),
        (parts.loss_latency, {"uplink": "wan1", "timeSeries": [{"lossPercent": 1.0}]}, "loss_percent"),
    ],
)
def test_every_part_keeps_what_is_in_scope_and_nothing_else(take: Any, row: dict[str, Any], name: str) -> None:
    """By network, by device, and everything when neither is named."""
    rows = [of("L_1", "A", **row), of("L_2", "B", **row)]
    assert len(take(rows, EVERYTHING)[name]) == 2
    for scope in (SITE, ONE):
        (key,) = take(rows, scope)[name]
        assert key.startswith(("A", "L_1"))


@pytest.mark.parametrize(
    ("take", "row", "name"),
    [
        (parts.uplinks, {"uplinks": None}, "uplinks"),
        (parts.vpn_peers, {"merakiVpnPeers": None, "thirdPartyVpnPeers": None}, "vpn_peers"),
        (parts.ports, {"ports": None}, "ports"),
        (parts.loss_latency, {"timeSeries": None}, "loss_percent"),
        (parts.loss_latency, {"timeSeries": [{"lossPercent": None}]}, "loss_percent"),
        (parts.devices, {"serial": None, "status": "online"}, "devices"),
    ],
)
def test_a_row_that_has_nothing_of_the_kind_adds_nothing(take: Any, row: dict[str, Any], name: str) -> None:
    """Null is no fault, and no value."""
    assert take([{**of("L_1", "A"), **row}], SITE)[name] == {}


@pytest.mark.parametrize(
    "take", [parts.devices, parts.uplinks, parts.vpn_peers, parts.ports, parts.alerts, parts.upgrades]
)
@pytest.mark.parametrize("answer", [None, {}, {"errors": []}, "html", ["text"]])
def test_an_answer_of_another_shape_is_an_error(take: Any, answer: Any) -> None:
    """It never counts as: nothing is wrong."""
    with pytest.raises(BadAnswer):
        take(answer, SITE)


def test_ports_come_bare_or_wrapped_in_items() -> None:
    """Both forms of the answer are read."""
    rows = [of("L_1", "A", ports=[{"portId": "1", "status": "Connected"}])]
    assert parts.ports(rows, SITE) == parts.ports({"items": rows}, SITE)
    assert parts.ports(rows, SITE)["ports"] == {"A/1": "Connected"}


def test_a_third_party_peer_without_an_address_goes_by_its_name() -> None:
    """Two peers never share a key."""
    peers = [{"name": "aws", "reachability": "reachable"}, {"publicIp": "203.0.113.9", "reachability": "reachable"}]
    found = parts.vpn_peers([of("L_1", "A", thirdPartyVpnPeers=peers)], SITE)
    assert set(found["vpn_peers"]) == {"L_1/aws", "L_1/203.0.113.9"}


def test_an_alert_counts_by_its_network_or_by_a_device_it_is_about() -> None:
    """One of another network about a watched device is in scope."""
    about = {"devices": [{"serial": "A"}, {"name": "no serial"}]}
    rows = [
        {"id": "1", "network": {"id": "L_2"}, "severity": "critical", "scope": about},
        {"id": "2", "network": {"id": "L_2"}, "severity": "critical", "scope": {"devices": None}},
        {"id": "3", "network": {"id": "L_1"}, "severity": "warning"},
    ]
    found = parts.alerts(rows, Scope(frozenset({"L_1"}), frozenset({"A"})))
    assert found == {"alerts": {"1": "critical", "3": "warning"}, "alert_serials": {"1": ("A",), "3": ()}}


def test_only_running_upgrades_of_known_networks_count() -> None:
    """One that is over does not."""
    rows = [
        {"network": {"id": "L_1"}, "status": "Started"},
        {"network": {"id": "L_3"}, "status": "In progress"},
        {"network": {"id": "L_4"}, "status": "Completed"},
        {"network": {"id": None}, "status": "Started"},
        {"status": "Started"},
    ]
    assert parts.upgrades(rows, EVERYTHING) == {"upgrades": ("L_1", "L_3")}


WIDE = {"comment": "", "policy": "allow", "protocol": "Any", "srcCidr": "Any", "destCidr": "Any", "destPort": "Any"}


@pytest.mark.parametrize(
    ("rule", "is_found"),
    [
        ({}, True),
        ({"policy": "deny"}, False),
        ({"protocol": "tcp"}, False),
        ({"srcCidr": "10.0.0.0/8"}, False),
        ({"destCidr": "10.0.0.0/8"}, False),
        ({"destPort": "443"}, False),
        ({"comment": "Default rule"}, False),
    ],
)
def test_a_rule_is_any_to_any_only_when_all_of_it_is(rule: dict[str, str], is_found: bool) -> None:
    """The implicit last one is not counted."""
    assert parts.any_rules({"rules": [{**WIDE, **rule}]}, "L_1") == {"any_rules": ("L_1",) if is_found else ()}


@pytest.mark.parametrize("answer", [None, [], {"rules": None}])
def test_rules_that_cannot_be_read_are_an_error(answer: Any) -> None:
    """They are not no rules."""
    with pytest.raises(BadAnswer):
        parts.any_rules(answer, "L_1")


def test_networks_by_product_are_those_of_the_scope() -> None:
    """One of another product, another network or none does not count."""
    rows = [of("L_1", "A", productType="wireless"), of("L_2", "B", productType="wireless"), of("L_1", "C")]
    rows.append({"serial": "D", "productType": "wireless"})
    assert parts.products(rows, SITE, "wireless") == ("L_1",)
    assert parts.products(rows, EVERYTHING, "wireless") == ("L_1", "L_2")


def test_errors_of_a_port_are_texts_and_an_empty_socket_is_none() -> None:
    """A single text counts like a list of one."""
    ports = [{"portId": "1", "errors": "loop"}, {"portId": "2", "errors": ["Port disconnected"]}, {"portId": "3"}]
    assert parts.ports([of("L_1", "A", ports=ports)], SITE)["port_errors"] == {"A/1": ("loop",)}
