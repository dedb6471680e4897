"""A sample is read from the cloud in few requests, and what fails is named."""

from typing import Any

import pytest

from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.errors import NotAllowed, Rejected, Unreachable
from mcp_server.health.reader import read_signals
from mcp_server.health.signals import GATE_PARTS
from tests.support.fake_api import FakeApi
from tests.support.fake_clock import START, FakeClock
from tests.support.shipped import CATALOGUE

ORG = "549236"
BASE = f"/organizations/{ORG}"
DEVICES = f"{BASE}/devices/availabilities"
UPLINKS = f"{BASE}/uplinks/statuses"
VPN = f"{BASE}/appliance/vpn/statuses"
PORTS = f"{BASE}/switch/ports/statuses/bySwitch"
ALERTS = f"{BASE}/assurance/alerts"
LOSS = f"{BASE}/devices/uplinksLossAndLatency"
UPGRADES = f"{BASE}/firmware/upgrades"


def device(serial: str, network: str, status: str = "online", product: str = "switch") -> dict[str, Any]:
    """One row of the availabilities."""
    return {"serial": serial, "network": {"id": network}, "status": status, "productType": product}


def cloud() -> dict[str, Any]:
    """A network L_1 with a switch, an access point and an appliance; L_2 with another switch."""
    mx_uplinks = [{"interface": "wan1", "status": "active"}, {"interface": "wan2", "status": "not connected"}]
    peers = [{"networkId": "L_2", "reachability": "reachable"}]
    third = [{"name": "aws", "publicIp": "203.0.113.9", "reachability": "unreachable"}]
    series = [{"lossPercent": 1.0, "latencyMs": 10.0}, {"lossPercent": 3.0, "latencyMs": 30.0}, {"lossPercent": None}]
    ports = [
        {"portId": "1", "status": "Connected", "errors": []},
        {"portId": "2", "status": "Disconnected", "errors": ["b", "Port disconnected", "a"]},
    ]
    return {
        DEVICES: [
            device("SW1", "L_1"),
            device("AP1", "L_1", "alerting", "wireless"),
            device("MX1", "L_1", product="appliance"),
            device("SW2", "L_2", "offline"),
        ],
        UPLINKS: [{"networkId": "L_1", "serial": "MX1", "uplinks": mx_uplinks}],
        VPN: [{"networkId": "L_1", "deviceSerial": "MX1", "merakiVpnPeers": peers, "thirdPartyVpnPeers": third}],
        PORTS: [
            {"serial": "SW1", "network": {"id": "L_1"}, "ports": ports},
            {"serial": "SW2", "network": {"id": "L_2"}, "ports": ports},
        ],
        ALERTS: [
            {"id": "7", "network": {"id": "L_1"}, "severity": "critical", "scope": {"devices": [{"serial": "SW1"}]}},
            {"id": "8", "network": {"id": "L_2"}, "severity": "warning", "scope": None},
        ],
        LOSS: [
            {"networkId": "L_1", "serial": "MX1", "uplink": "wan1", "timeSeries": series},
            {"networkId": "L_1", "serial": "MX1", "uplink": "wan1", "timeSeries": series[:1]},
        ],
        UPGRADES: [
            {"network": {"id": "L_1"}, "status": "Started"},
            {"network": {"id": "L_1"}, "status": "Completed"},
            {"network": {"id": "L_2"}, "status": "Started"},
        ],
        "/networks/L_1/clients/overview": {"counts": {"total": 12}},
        "/networks/L_1/wireless/ssids": [
            {"number": 0, "enabled": True, "authMode": "open"},
            {"number": 1, "enabled": False, "authMode": "open"},
            {"number": 2, "enabled": True, "authMode": "psk"},
        ],
        "/networks/L_1/appliance/firewall/l3FirewallRules": {
            "rules": [
                {"comment": "wide", "policy": "allow", "protocol": "any", "srcCidr": "Any", "destCidr": "Any"},
                {"comment": "Default rule", "policy": "allow", "protocol": "Any", "srcCidr": "Any", "destCidr": "Any"},
            ]
        },
    }


def opened(answers: dict[str, Any] | None = None) -> tuple[SharedReads, FakeApi]:
    """Reads over the cloud with these answers besides."""
    api = FakeApi({**cloud(), **(answers or {})})
    return SharedReads(api, CATALOGUE, FakeClock()), api


async def test_a_whole_sample_of_a_network_holds_every_part_by_id() -> None:
    """Only what belongs to the network."""
    reads, _ = opened()
    found = await read_signals(reads, ORG, ["L_1"], [])
    assert found.read_at == START
    assert found.devices == {"SW1": "online", "AP1": "alerting", "MX1": "online"}
    assert found.uplinks == {"MX1/wan1": "active", "MX1/wan2": "not connected"}
    assert found.vpn_peers == {"L_1/L_2": "reachable", "L_1/203.0.113.9": "unreachable"}
    assert found.ports == {"SW1/1": "Connected", "SW1/2": "Disconnected"}
    assert found.port_errors == {"SW1/2": ("a", "b")}
    assert (found.alerts, found.alert_serials) == ({"7": "critical"}, {"7": ("SW1",)})
    assert (found.loss_percent, found.latency_ms) == ({"MX1/wan1": 2.0}, {"MX1/wan1": 20.0})
    assert found.clients == {"L_1": 12}
    assert found.upgrades == ("L_1",)
    assert found.open_ssids == ("L_1/0",)
    assert found.any_rules == ("L_1",)
    assert found.unknown == {}


async def test_the_default_rule_alone_is_no_finding() -> None:
    """Every firewall ends with it."""
    default = cloud()["/networks/L_1/appliance/firewall/l3FirewallRules"]["rules"][1:]
    reads, _ = opened({"/networks/L_1/appliance/firewall/l3FirewallRules": {"rules": default}})
    assert (await read_signals(reads, ORG, ["L_1"], [])).any_rules == ()


async def test_a_gate_sample_is_four_requests() -> None:
    """Availability, uplinks, VPN peers, ports: filtered by the cloud."""
    reads, api = opened()
    found = await read_signals(reads, ORG, ["L_1"], ["SW1"], scope="gate")
    assert sorted(api.paths) == sorted([DEVICES, UPLINKS, VPN, PORTS])
    assert (found.scope, found.alerts, found.clients) == ("gate", {}, {})
    asked = {request.path: request.query for request in api.requests}
    assert asked[DEVICES] == {"networkIds[]": ["L_1"]}
    assert asked[PORTS] == {"serials[]": ["SW1"]}


async def test_ports_are_watched_on_the_devices_named_only() -> None:
    """A laptop pulled out of another switch is nobody's fault."""
    reads, _ = opened()
    found = await read_signals(reads, ORG, ["L_1", "L_2"], ["SW2"], scope="gate")
    assert set(found.ports) == {"SW2/1", "SW2/2"}
    assert set(found.devices) == {"SW1", "AP1", "MX1", "SW2"}


async def test_devices_alone_are_a_scope_too() -> None:
    """No network is needed."""
    reads, api = opened()
    found = await read_signals(reads, ORG, [], ["SW2"], scope="gate")
    assert (found.devices, set(found.ports)) == ({"SW2": "offline"}, {"SW2/1", "SW2/2"})
    assert {request.path: request.query for request in api.requests}[DEVICES] == {"serials[]": ["SW2"]}


async def test_without_a_scope_the_whole_organization_is_read() -> None:
    """All devices of both networks."""
    reads, _ = opened()
    found = await read_signals(reads, ORG, [], [], scope="gate")
    assert set(found.devices) == {"SW1", "AP1", "MX1", "SW2"}


async def test_a_network_without_devices_is_named() -> None:
    """Nothing says that it works."""
    reads, _ = opened()
    assert (await read_signals(reads, ORG, ["L_1", "L_5"], [], scope="gate")).empty_networks == ("L_5",)


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (DEVICES, "devices"), (UPLINKS, "uplinks"), (VPN, "vpn_peers"), (PORTS, "ports"), (ALERTS, "alerts"),
        (LOSS, "loss_latency"), (UPGRADES, "upgrades"), ("/networks/L_1/clients/overview", "clients"),
        ("/networks/L_1/wireless/ssids", "configuration"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "answer",
    [Unreachable("x", sent=False), Rejected("x", sent=True, status=403), NotAllowed("403"), {"errors": ["x"]}, "html"],
)
async def test_a_part_that_cannot_be_read_is_unknown_with_its_reason(path: str, part: str, answer: Any) -> None:
    """It is not empty and therefore fine, and the other parts are still there."""
    reads, _ = opened({path: answer})
    found = await read_signals(reads, ORG, ["L_1"], [])
    assert part in found.unknown
    assert ":" in found.unknown[part]
    if part != "uplinks":
        assert found.uplinks


async def test_when_nothing_can_be_read_everything_is_unknown() -> None:
    """Every part by name."""
    reads = SharedReads(FakeApi({}), CATALOGUE, FakeClock())
    found = await read_signals(reads, ORG, ["L_1"], [])
    others = {"alerts", "loss_latency", "clients", "upgrades", "configuration"}
    assert set(found.unknown) == {*GATE_PARTS, *others}
    gate = await read_signals(SharedReads(FakeApi({}), CATALOGUE, FakeClock()), ORG, ["L_1"], [], scope="gate")
    assert set(gate.unknown) == set(GATE_PARTS)


async def test_many_networks_are_not_asked_one_by_one() -> None:
    """What would cost a request each is said not to have been read."""
    reads, api = opened()
    found = await read_signals(reads, ORG, [f"L_{n}" for n in range(1, 9)], [])
    assert found.unknown == {"clients": "not read for more than 5 networks"}
    assert not [path for path in api.paths if path.endswith("/clients/overview")]


async def test_five_networks_are_asked_one_by_one_and_put_together() -> None:
    """Clients of the last hour, SSIDs and rules of each."""
    five = [f"L_{n}" for n in range(1, 6)]
    answers: dict[str, Any] = {f"/networks/{one}/clients/overview": {"counts": {"total": 1}} for one in five}
    answers[DEVICES] = [device(f"AP{one}", one, product="wireless") for one in five]
    answers |= {f"/networks/{one}/wireless/ssids": [{"number": 0, "enabled": True, "authMode": "open"}] for one in five}
    reads, api = opened(answers)
    found = await read_signals(reads, ORG, five, [])
    assert (found.clients, found.unknown) == (dict.fromkeys(five, 1), {})
    assert sorted(found.open_ssids) == [f"{one}/0" for one in five]
    asked = {request.path: request.query for request in api.requests}
    assert asked["/networks/L_1/clients/overview"] == {"timespan": 3600}
    assert asked["/networks/L_1/wireless/ssids"] == {}


async def test_devices_of_a_large_scope_are_filtered_here_too() -> None:
    """A hundred serials fit into a query, more do not."""
    for count, is_asked in ((100, True), (101, False)):
        reads, api = opened()
        await read_signals(reads, ORG, [], ["SW2", *(f"Q{n}" for n in range(count - 1))], scope="gate")
        asked = {request.path: request.query for request in api.requests}
        assert ("serials[]" in asked[DEVICES], "serials[]" in asked[PORTS]) == (is_asked, is_asked)


async def test_a_scope_of_more_ids_than_a_query_takes_is_filtered_here() -> None:
    """The whole organization is read instead, and the rest left out."""
    reads, api = opened()
    found = await read_signals(reads, ORG, ["L_1", *(f"N_{n}" for n in range(150))], [], scope="gate")
    assert {request.path: request.query for request in api.requests}[DEVICES] == {}
    assert set(found.devices) == {"SW1", "AP1", "MX1"}
