"""Port forwarding, 1:1 and 1:many NAT behave as the cloud's."""

import pytest

from tests.support.simulated import Json, Simulated

FORWARD = {
    "name": "Web", "lanIp": "192.168.20.5", "uplink": "both", "publicPort": "8080", "localPort": "80",
    "allowedIps": ["any"], "protocol": "tcp",
}  # fmt: skip
ONE = {"name": "Mail", "publicIp": "203.0.113.9", "lanIp": "192.168.20.6", "uplink": "internet1"}
PORT = {
    "name": "p", "protocol": "tcp", "publicPort": "9443", "localIp": "192.168.20.7", "localPort": "443",
    "allowedIps": ["any"],
}  # fmt: skip
MANY = {"publicIp": "203.0.113.10", "uplink": "internet1", "portRules": [PORT]}


@pytest.mark.parametrize(
    ("name", "rule"), [("portForwardingRules", FORWARD), ("oneToOneNatRules", ONE), ("oneToManyNatRules", MANY)]
)
def test_a_put_replaces_the_whole_list(cloud: Simulated, name: str, rule: Json) -> None:
    """What was there before is gone; defaults are filled in."""
    path = cloud.mx(f"firewall/{name}")
    cloud.get(path)
    shown = cloud.put(path, {"rules": [rule]})
    assert shown == cloud.get(path)
    assert len(shown["rules"]) == 1
    assert shown["rules"][0].items() >= rule.items()


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("portForwardingRules", [FORWARD | {"protocol": "icmp"}]),
        ("portForwardingRules", [FORWARD | {"publicPort": "0"}]),
        ("portForwardingRules", [FORWARD | {"lanIp": "10.250.0.1"}]),
        ("portForwardingRules", [FORWARD | {"uplink": "internet3"}]),
        ("portForwardingRules", [FORWARD | {"allowedIps": []}]),
        ("portForwardingRules", [FORWARD, FORWARD | {"localPort": "81"}]),
        ("oneToOneNatRules", [ONE, ONE]),
        ("oneToOneNatRules", [ONE | {"publicIp": "x"}]),
        ("oneToOneNatRules", [ONE | {"lanIp": "10.250.0.1"}]),
        ("oneToOneNatRules", [ONE | {"uplink": "wan1"}]),
        ("oneToOneNatRules", [ONE | {"allowedInbound": [{"protocol": "gre", "allowedIps": ["any"]}]}]),
        ("oneToOneNatRules", [ONE | {"allowedInbound": [{"destinationPorts": ["x"], "allowedIps": ["any"]}]}]),
        ("oneToManyNatRules", [MANY, MANY]),
        ("oneToManyNatRules", [MANY | {"publicIp": "x"}]),
        ("oneToManyNatRules", [MANY | {"portRules": [PORT | {"protocol": "any"}]}]),
        ("oneToManyNatRules", [MANY | {"portRules": [PORT | {"localPort": "x"}]}]),
        ("oneToManyNatRules", [MANY | {"portRules": [PORT | {"localIp": "10.250.0.1"}]}]),
        ("portForwardingRules", None),
    ],
)
def test_a_rule_that_cannot_work_is_refused(cloud: Simulated, name: str, rules: Json) -> None:
    """Ports, protocols, uplinks, local addresses and doubles are checked."""
    assert cloud.refused("PUT", cloud.mx(f"firewall/{name}"), {"rules": rules})
