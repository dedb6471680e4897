"""Content filtering, threat protection, warm spare and general settings behave as the cloud's."""

import pytest

from tests.support.simulated import Json, Simulated


def test_filter_categories_are_written_as_ids_and_read_as_objects(cloud: Simulated) -> None:
    """What was read cannot be sent back as it is."""
    path = cloud.mx("contentFiltering")
    read = cloud.get(path)
    assert all(set(row) == {"id", "name"} for row in read["blockedUrlCategories"])
    assert "must be a string" in cloud.refused("PUT", path, {"blockedUrlCategories": read["blockedUrlCategories"]})
    ids = [row["id"] for row in read["blockedUrlCategories"]]
    assert cloud.put(path, {"blockedUrlCategories": ids}) == read
    assert cloud.put(path, {"blockedUrlCategories": ids[::-1]})["blockedUrlCategories"][0]["id"] == ids[-1]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"blockedUrlCategories": ["nonsense"]}, "Invalid blocked URL category"),
        ({"urlCategoryListSize": "huge"}, "must be one of"),
        ({"allowedUrlPatterns": ["http://www.example.com/ads"]}, "both allowed and blocked"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(cloud: Simulated, body: Json, text: str) -> None:
    """Only ids of the list, and a pattern on one side only."""
    assert text in cloud.refused("PUT", cloud.mx("contentFiltering"), body)


def test_null_empties_a_filter(cloud: Simulated) -> None:
    """Null and the empty list are the same there."""
    assert cloud.put(cloud.mx("contentFiltering"), {"blockedUrlPatterns": None})["blockedUrlPatterns"] == []
    assert len(cloud.get(cloud.mx("contentFiltering/categories"))["categories"]) > 10


def test_lists_of_malware_protection_stay_when_they_are_left_out(cloud: Simulated) -> None:
    """The mode must be given, a digest must be one."""
    path, digest = cloud.mx("security/malware"), "ab" * 32
    cloud.put(path, {"mode": "enabled", "allowedFiles": [{"sha256": digest, "comment": "tool"}]})
    assert cloud.put(path, {"mode": "disabled"})["allowedFiles"][0]["sha256"] == digest
    assert "mode" in cloud.refused("PUT", path, {"allowedFiles": []})
    assert "SHA256" in cloud.refused("PUT", path, {"mode": "enabled", "allowedFiles": [{"sha256": "x", "comment": ""}]})


def test_protected_networks_are_for_passthrough_mode(cloud: Simulated) -> None:
    """Hidden and refused in routed mode."""
    path, networks = cloud.mx("security/intrusion"), {"useDefault": False, "includedCidr": ["10.0.0.0/8"]}
    assert "protectedNetworks" not in cloud.get(path)
    assert "passthrough" in cloud.refused("PUT", path, {"protectedNetworks": networks})
    cloud.put(cloud.mx("settings"), {"deploymentMode": "passthrough"})
    assert cloud.put(path, {"protectedNetworks": networks})["protectedNetworks"]["includedCidr"] == ["10.0.0.0/8"]
    assert "Invalid CIDR" in cloud.refused("PUT", path, {"protectedNetworks": {"includedCidr": ["x"]}})


def test_the_dynamic_dns_address_follows_the_prefix(cloud: Simulated) -> None:
    """The address is read-only."""
    path = cloud.mx("settings")
    shown = cloud.put(path, {"dynamicDns": {"prefix": "campus", "enabled": True, "url": "mine.example.com"}})
    assert shown["dynamicDns"]["url"].startswith("campus-")
    assert "prefix" in cloud.refused("PUT", path, {"dynamicDns": {"prefix": "no spaces"}})
    assert "must be one of" in cloud.refused("PUT", path, {"clientTrackingMethod": "Guess"})


def test_at_least_one_destination_is_monitored(cloud: Simulated) -> None:
    """And one of them at most is the default."""
    path = cloud.mx("connectivityMonitoringDestinations")
    assert cloud.refused("PUT", path, {"destinations": []})
    both = [{"ip": "1.1.1.1", "default": True}, {"ip": "8.8.8.8", "default": True}]
    assert cloud.refused("PUT", path, {"destinations": both})
    assert cloud.refused("PUT", path, {"destinations": [{"ip": "example.com"}]})
    shown = cloud.put(path, {"destinations": [{"ip": "1.1.1.1"}]})
    assert shown == {"destinations": [{"ip": "1.1.1.1", "description": "", "default": False}]}


def spare_of(cloud: Simulated, model: str) -> str:
    """The serial of a second appliance that now stands in the campus."""
    primary = cloud.get(cloud.mx("warmSpare"))["primarySerial"]
    serial = "Q2ZZ-SPAR-0001"
    cloud.world.devices[serial] = cloud.world.devices[primary] | {"serial": serial, "model": model}
    return serial


def test_virtual_addresses_of_a_spare_are_read_inside_its_uplinks(cloud: Simulated) -> None:
    """Written as virtualIp1 and 2, read as wan1.ip and wan2.ip."""
    path, serial = cloud.mx("warmSpare"), spare_of(cloud, "MX85")
    primary = cloud.get(path)["primarySerial"]
    body = {"enabled": True, "spareSerial": serial, "uplinkMode": "virtual"}
    assert "Virtual IPs" in cloud.refused("PUT", path, body)
    shown = cloud.put(path, body | {"virtualIp1": "203.0.113.4", "virtualIp2": "198.51.100.4"})
    assert (shown["wan1"]["ip"], shown["wan2"]["ip"]) == ("203.0.113.4", "198.51.100.4")
    assert "virtualIp1" not in shown
    swapped = cloud.ask("POST", f"{path}/swap").body
    assert (swapped["primarySerial"], swapped["spareSerial"]) == (serial, primary)


def test_a_spare_must_stand_in_the_network_and_be_of_the_model(cloud: Simulated) -> None:
    """Another model, another network or nothing is refused; swapping needs a spare."""
    path = cloud.mx("warmSpare")
    before = cloud.get(path)
    other = next(one["serial"] for one in cloud.world.devices_in(cloud.branch) if one["productType"] == "appliance")
    assert "another appliance" in cloud.refused("PUT", path, {"enabled": True})
    assert "another appliance" in cloud.refused("PUT", path, {"enabled": True, "spareSerial": other})
    assert "not enabled" in cloud.refused("POST", f"{path}/swap")
    assert cloud.put(path, {"enabled": False}) == before
    serial = spare_of(cloud, "MX250")
    assert "same model" in cloud.refused("PUT", path, {"enabled": True, "spareSerial": serial})
