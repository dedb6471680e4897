"""Alert settings, SNMP, syslog and webhooks."""

import pytest

from tests.support.simulated import Json, Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A new world."""
    return Simulated()


def _at(cloud: Simulated, tail: str) -> str:
    return f"/networks/{cloud.campus}/{tail}"


def test_an_alert_is_written_by_its_type_and_the_others_stay(cloud: Simulated) -> None:
    """One alert switched on; all types are still there."""
    path = _at(cloud, "alerts/settings")
    before = cloud.get(path)["alerts"]
    after = cloud.put(path, {"alerts": [{"type": "portDown", "enabled": True}]})["alerts"]
    assert [one["type"] for one in after] == [one["type"] for one in before]
    assert [one["type"] for one in after if one["enabled"]] == ["portDown"]


@pytest.mark.parametrize(
    "body",
    [
        {"alerts": [{"type": "moonPhase", "enabled": True}]},
        {"defaultDestinations": {"httpServerIds": ["unknown"]}},
        {"defaultDestinations": {"emails": ["nobody"]}},
    ],
)
def test_an_unknown_type_receiver_or_address_is_refused(cloud: Simulated, body: Json) -> None:
    """400, nothing changed."""
    cloud.get(_at(cloud, "alerts/settings"))
    cloud.refused("PUT", _at(cloud, "alerts/settings"), body)


def test_snmp_shows_what_its_kind_of_access_has(cloud: Simulated) -> None:
    """The community string while access is community, users while it is users."""
    path = _at(cloud, "snmp")
    assert cloud.get(path) == {"access": "none"}
    cloud.refused("PUT", path, {"access": "community"})
    cloud.refused("PUT", path, {"access": "users", "users": [{"username": "noc", "passphrase": "short"}]})
    assert cloud.put(path, {"access": "community", "communityString": "c0mm"})["communityString"] == "c0mm"
    assert cloud.put(path, {"access": "none"}) == {"access": "none"}


def test_snmp_of_the_organization_never_shows_its_passwords(cloud: Simulated) -> None:
    """Version 3 needs them and keeps them."""
    path = f"/organizations/{cloud.organization}/snmp"
    cloud.get(path)
    cloud.refused("PUT", path, {"v3Enabled": True})
    secrets = {
        "v3AuthMode": "SHA",
        "v3AuthPass": "auth-secret-1",
        "v3PrivMode": "AES128",
        "v3PrivPass": "priv-secret-1",
    }
    shown = cloud.put(path, {"v3Enabled": True} | secrets)
    assert shown["v3Enabled"] is True
    assert "secret-1" not in str(shown)


def test_syslog_roles_come_back_in_the_clouds_spelling(cloud: Simulated) -> None:
    """Lower case is taken; an unknown role is not."""
    path = _at(cloud, "syslogServers")
    server = {"host": "10.10.0.9", "port": 514, "roles": ["urls", "FLOWS"]}
    assert cloud.put(path, {"servers": [server]})["servers"][0]["roles"] == ["Flows", "URLs"]
    cloud.refused("PUT", path, {"servers": [server | {"roles": ["gossip"]}]})
    cloud.refused("PUT", path, {"servers": [server | {"port": 0}]})


def test_a_receiver_is_known_by_its_url_and_hides_its_secret(cloud: Simulated) -> None:
    """The same url is refused, and made again has the same id; plain HTTP is refused."""
    path = _at(cloud, "webhooks/httpServers")
    body = {"name": "NOC", "url": "https://hooks.example.com/noc", "sharedSecret": "shared-1"}
    made = cloud.post(path, body)
    assert "shared-1" not in str(made)
    assert "taken" in cloud.refused("POST", path, body)
    cloud.refused("POST", path, body | {"url": "http://hooks.example.com"})
    cloud.put(f"{path}/{made['id']}", {"name": "NOC 2"})
    assert cloud.world.get(f"{path}/{made['id']}")["sharedSecret"] == "shared-1"
    cloud.delete(f"{path}/{made['id']}")
    assert cloud.post(path, body)["id"] == made["id"]


def test_a_deleted_receiver_leaves_the_alert_settings(cloud: Simulated) -> None:
    """No dangling id."""
    made = cloud.post(_at(cloud, "webhooks/httpServers"), {"name": "NOC", "url": "https://hooks.example.com/noc"})
    cloud.put(_at(cloud, "alerts/settings"), {"defaultDestinations": {"httpServerIds": [made["id"]]}})
    cloud.delete(_at(cloud, f"webhooks/httpServers/{made['id']}"))
    assert cloud.get(_at(cloud, "alerts/settings"))["defaultDestinations"]["httpServerIds"] == []


def test_a_payload_template_in_use_or_included_stays(cloud: Simulated) -> None:
    """400 for both; a free one goes, and comes back under another id."""
    path = _at(cloud, "webhooks/payloadTemplates")
    included = cloud.get(path)[0]["payloadTemplateId"]
    cloud.refused("DELETE", f"{path}/{included}")
    made = cloud.post(path, {"name": "Slack", "body": "{}"})["payloadTemplateId"]
    receiver = {"name": "N", "url": "https://h.example.com", "payloadTemplate": {"payloadTemplateId": made}}
    server = cloud.post(_at(cloud, "webhooks/httpServers"), receiver)
    cloud.refused("DELETE", f"{path}/{made}")
    cloud.delete(_at(cloud, f"webhooks/httpServers/{server['id']}"))
    cloud.delete(f"{path}/{made}")
    assert cloud.post(path, {"name": "Slack", "body": "{}"})["payloadTemplateId"] != made
