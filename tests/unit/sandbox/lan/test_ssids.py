"""SSIDs: what each mode has, hides and refuses."""

import pytest

from tests.support.simulated import Json, Simulated

RADIUS = {"host": "10.10.0.53", "port": 1812}


@pytest.fixture
def cloud() -> Simulated:
    """A new world."""
    return Simulated()


def _at(cloud: Simulated, number: int, tail: str = "") -> str:
    return f"/networks/{cloud.campus}/wireless/ssids/{number}{tail}"


def test_there_are_fifteen_slots_and_no_sixteenth(cloud: Simulated) -> None:
    """Numbers 0 to 14."""
    assert [one["number"] for one in cloud.get(f"/networks/{cloud.campus}/wireless/ssids")] == list(range(15))
    assert cloud.ask("GET", _at(cloud, 15)).status == 404


@pytest.mark.parametrize(
    ("number", "body"),
    [
        (0, {"psk": "short"}),
        (3, {"authMode": "psk"}),
        (1, {"psk": "long-enough-psk"}),
        (1, {"wpaEncryptionMode": "WPA2 only"}),
        (2, {"encryptionMode": "wpa-eap"}),
        (0, {"radiusServers": [RADIUS | {"secret": "x"}]}),
        (3, {"authMode": "8021x-radius"}),
        (3, {"authMode": "8021x-radius", "radiusServers": [RADIUS]}),
        (1, {"useVlanTagging": True}),
        (0, {"defaultVlanId": 5000}),
        (0, {"ipAssignmentMode": "Bridge"}),
        (0, {"adultContentFilteringEnabled": True}),
        (0, {"bandSelection": "2.4 GHz"}),
        (0, {"minBitrate": 7}),
        (0, {"name": ""}),
        (0, {"walledGardenRanges": ["10.0.0.0/8"]}),
        (0, {"enabled": "yes"}),
    ],
)
def test_a_field_that_the_mode_does_not_have_refuses_all(cloud: Simulated, number: int, body: Json) -> None:
    """400 and nothing changed."""
    cloud.get(_at(cloud, number))
    cloud.refused("PUT", _at(cloud, number), body)


def test_what_a_get_shows_of_an_8021x_ssid_cannot_all_be_sent_back(cloud: Simulated) -> None:
    """The encryptionMode wpa-eap is shown and refused, the rest is taken."""
    shown = cloud.get(_at(cloud, 2))
    assert shown["encryptionMode"] == "wpa-eap"
    cloud.refused("PUT", _at(cloud, 2), shown)
    assert cloud.put(_at(cloud, 2), {n: v for n, v in shown.items() if n != "encryptionMode"}) == shown


def test_a_radius_secret_is_never_shown_and_stays_with_its_server(cloud: Simulated) -> None:
    """The same host and port keeps it; another host without one is refused."""
    path = _at(cloud, 2)
    assert "secret" not in str(cloud.get(path))
    cloud.put(path, {"radiusServers": [RADIUS]})
    assert cloud.world.get(path)["radiusServers"][0]["secret"] == "seeded-ssid-secret"
    assert "secret" in cloud.refused("PUT", path, {"radiusServers": [RADIUS | {"host": "10.10.0.99"}]})


def test_a_change_of_mode_drops_what_the_new_mode_does_not_have(cloud: Simulated) -> None:
    """The PSK is gone with psk; the servers and their secrets with 802.1X."""
    opened = cloud.put(_at(cloud, 0), {"authMode": "open"})
    assert not {"psk", "encryptionMode", "wpaEncryptionMode"} & set(opened)
    cloud.put(_at(cloud, 2), {"authMode": "psk", "psk": "another-long-psk"})
    assert "seeded-ssid-secret" not in str(cloud.world.dump()["configuration"])


def test_the_layer_3_rules_end_with_the_lan_rule_and_the_default(cloud: Simulated) -> None:
    """Two implicit rules; the first follows allowLanAccess; sent along they are stored as explicit ones."""
    path = _at(cloud, 0, "/firewall/l3FirewallRules")
    rule = {"policy": "deny", "protocol": "tcp", "destPort": "22", "destCidr": "10.0.0.0/8", "comment": "ssh"}
    shown = cloud.put(path, {"rules": [rule], "allowLanAccess": False})["rules"]
    assert [(one["comment"], one["policy"]) for one in shown] == [
        ("ssh", "deny"), ("Wireless clients accessing LAN", "deny"), ("Default rule", "allow"),
    ]  # fmt: skip
    assert len(cloud.put(path, {"rules": shown})["rules"]) == 5


@pytest.mark.parametrize(
    "rule",
    [
        {"policy": "permit", "protocol": "tcp", "destCidr": "any"},
        {"policy": "deny", "protocol": "any", "destPort": "80", "destCidr": "any"},
        {"policy": "deny", "protocol": "tcp", "destCidr": "10.0.0.0/99"},
        {"policy": "deny", "destCidr": "any"},
    ],
)
def test_a_layer_3_rule_that_does_not_fit_is_refused(cloud: Simulated, rule: Json) -> None:
    """400 and nothing changed."""
    path = _at(cloud, 0, "/firewall/l3FirewallRules")
    cloud.get(path)
    cloud.refused("PUT", path, {"rules": [rule]})


def test_layer_7_rules_only_deny(cloud: Simulated) -> None:
    """A host is taken, an allow is not."""
    path = _at(cloud, 0, "/firewall/l7FirewallRules")
    cloud.put(path, {"rules": [{"policy": "deny", "type": "host", "value": "example.com"}]})
    cloud.refused("PUT", path, {"rules": [{"policy": "allow", "type": "host", "value": "example.com"}]})


def test_the_splash_page_shows_the_checksum_of_its_image_only(cloud: Simulated) -> None:
    """What was uploaded cannot be read back."""
    path = _at(cloud, 1, "/splash/settings")
    image = {"image": {"format": "png", "contents": "aGVsbG8="}}
    shown = cloud.put(path, {"splashLogo": image, "splashTimeout": 60})
    assert set(shown["splashLogo"]) == {"md5", "extension"}
    assert (shown["splashTimeout"], shown["splashPage"]) == (60, "Click-through splash page")
    cloud.refused("PUT", path, {"useSplashUrl": True})


def test_phones_are_lost_when_their_network_changes_its_key_or_mode(cloud: Simulated) -> None:
    """They come back when the old key does."""

    def count(status: str) -> int:
        clients = cloud.ask("GET", f"/networks/{cloud.campus}/clients", None, perPage="1000").body
        return sum(one["status"] == status and one["ssid"] == "Corporativo" for one in clients)

    before = count("Online")
    cloud.put(_at(cloud, 0), {"psk": "somebody-else-key"})
    assert (count("Online"), count("Offline")) == (0, before)
    cloud.put(_at(cloud, 0), {"psk": "seeded-corporate-psk"})
    assert (count("Online"), before > 0) == (before, True)
