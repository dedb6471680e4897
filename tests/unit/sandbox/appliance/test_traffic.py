"""Traffic shaping and uplink selection behave as the cloud's."""

import pytest

from tests.support.simulated import Json, Simulated

HOST = {"definitions": [{"type": "host", "value": "example.com"}]}
FILTER = {"type": "custom", "value": {"protocol": "any", "source": {"cidr": "any"}, "destination": {"cidr": "any"}}}


def test_limits_of_a_client_merge(cloud: Simulated) -> None:
    """The one left out stays; a negative one is refused."""
    path = cloud.mx("trafficShaping")
    shown = cloud.put(path, {"globalBandwidthLimits": {"limitUp": 512}})
    assert shown == {"globalBandwidthLimits": {"limitUp": 512, "limitDown": 0}}
    assert "negative" in cloud.refused("PUT", path, {"globalBandwidthLimits": {"limitUp": -1}})


def test_bandwidth_of_an_uplink_may_be_unlimited(cloud: Simulated) -> None:
    """Null is a value there and is shown."""
    path = cloud.mx("trafficShaping/uplinkBandwidth")
    shown = cloud.put(path, {"bandwidthLimits": {"wan1": {"limitUp": None}}})
    assert shown["bandwidthLimits"]["wan1"] == {"limitUp": None, "limitDown": 1_000_000}
    assert shown["bandwidthLimits"]["wan2"]["limitUp"] == 50_000


def test_default_rules_count_against_the_eight(cloud: Simulated) -> None:
    """Four own rules fit beside them, five do not, eight fit without them."""
    path = cloud.mx("trafficShaping/rules")
    assert "maximum of 8" in cloud.refused("PUT", path, {"rules": [HOST] * 5})
    assert len(cloud.put(path, {"rules": [HOST] * 4})["rules"]) == 4
    assert len(cloud.put(path, {"defaultRulesEnabled": False, "rules": [HOST] * 8})["rules"]) == 8
    assert cloud.put(path, {"rules": None})["rules"] == []


@pytest.mark.parametrize(
    "rule",
    [
        {"definitions": []},
        {"definitions": [{"type": "moon", "value": "x"}]},
        {"definitions": [{"type": "port", "value": "x"}]},
        {"definitions": [{"type": "application", "value": {"id": "unknown"}}]},
        HOST | {"priority": "urgent"},
        HOST | {"dscpTagValue": 64},
        HOST | {"perClientBandwidthLimits": {"settings": "custom"}},
        HOST | {"perClientBandwidthLimits": {"settings": "none"}},
    ],
)
def test_a_shaping_rule_that_does_not_fit_is_refused(cloud: Simulated, rule: Json) -> None:
    """Definitions, priority, tag and limits are checked."""
    assert "rules[0]" in cloud.refused("PUT", cloud.mx("trafficShaping/rules"), {"rules": [rule]})


def test_an_application_in_a_shaping_rule_shows_its_name(cloud: Simulated) -> None:
    """Given by id, read as object."""
    rule = {"definitions": [{"type": "application", "value": {"id": "meraki:layer7/application/2703"}}]}
    shown = cloud.put(cloud.mx("trafficShaping/rules"), {"rules": [rule]})["rules"][0]
    assert shown["definitions"][0]["value"] == {"id": "meraki:layer7/application/2703", "name": "Zoom"}
    assert shown["priority"] == "normal"


def test_internet_preferences_are_cleared_in_one_place_only(cloud: Simulated) -> None:
    """An empty list has no effect in uplinkSelection (Terraform provider #84 and PR #260)."""
    selection, policies = cloud.mx("trafficShaping/uplinkSelection"), cloud.mx("sdwan/internetPolicies")
    row = {"preferredUplink": "wan2", "trafficFilters": [FILTER]}
    cloud.put(policies, {"wanTrafficUplinkPreferences": [row]})
    assert len(cloud.put(selection, {"wanTrafficUplinkPreferences": []})["wanTrafficUplinkPreferences"]) == 1
    cloud.put(policies, {"wanTrafficUplinkPreferences": []})
    assert cloud.get(selection)["wanTrafficUplinkPreferences"] == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"defaultUplink": "wan3"}, "defaultUplink"),
        ({"vpnTrafficUplinkPreferences": [{"preferredUplink": "moon", "trafficFilters": [FILTER]}]}, "preferredUplink"),
        (
            {"vpnTrafficUplinkPreferences": [{
                "preferredUplink": "wan1", "trafficFilters": [FILTER],
                "performanceClass": {"type": "custom", "customPerformanceClassId": "1"}}]},
            "performance class",
        ),
        (
            {"vpnTrafficUplinkPreferences": [{
                "preferredUplink": "wan1", "trafficFilters": [{"type": "custom", "value": {"source": {"vlan": 99}}}]}]},
            "VLAN 99",
        ),
        (
            {"vpnTrafficUplinkPreferences": [{
                "preferredUplink": "wan1",
                "trafficFilters": [{"type": "custom", "value": {"source": {"cidr": "10.250.0.0/24"}}}]}]},
            "does not apply to any configured subnets.",
        ),
    ],
)  # fmt: skip
def test_a_preference_that_cannot_apply_is_refused(cloud: Simulated, body: Json, text: str) -> None:
    """Uplinks, classes, VLANs and sources must exist."""
    for row in body.get("vpnTrafficUplinkPreferences", []):
        row["vrf"] = {"id": "0"}
    assert text in cloud.refused("PUT", cloud.mx("trafficShaping/uplinkSelection"), body)


def test_a_performance_class_is_kept_while_it_is_used(cloud: Simulated) -> None:
    """Its name is unique, its id of the server."""
    path = cloud.mx("trafficShaping/customPerformanceClasses")
    made = cloud.post(path, {"name": "Voice", "maxLatency": 100})
    key = made["customPerformanceClassId"]
    assert "already been taken" in cloud.refused("POST", path, {"name": "Voice"})
    assert "maxLossPercentage" in cloud.refused("PUT", f"{path}/{key}", {"maxLossPercentage": 101})
    row = {
        "preferredUplink": "wan1", "trafficFilters": [FILTER], "vrf": {"id": "0"},
        "performanceClass": {"type": "custom", "customPerformanceClassId": key},
    }  # fmt: skip
    cloud.put(cloud.mx("trafficShaping/uplinkSelection"), {"vpnTrafficUplinkPreferences": [row]})
    assert "in use" in cloud.refused("DELETE", f"{path}/{key}")
    cloud.put(cloud.mx("trafficShaping/uplinkSelection"), {"vpnTrafficUplinkPreferences": None})
    cloud.delete(f"{path}/{key}")
    assert cloud.get(path) == []
    assert cloud.ask("GET", f"{path}/{key}").status == 404
