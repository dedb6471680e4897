"""Operations without a behaviour of their own: state that is kept where it is written."""

import pytest

from mcp_server.sandbox.behaviour import BEHAVIOURS
from mcp_server.sandbox.routes import routes
from tests.support.simulated import Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A new world."""
    return Simulated()


def _mtu(cloud: Simulated) -> str:
    return f"/networks/{cloud.campus}/switch/mtu"


def test_a_generic_singleton_keeps_what_is_omitted_and_replaces_lists(cloud: Simulated) -> None:
    """Fields merge, a list replaces whole, unknown fields are ignored."""
    core = next(one["serial"] for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "switch")
    one = {"overrides": [{"switches": [core], "mtuSize": 1500}]}
    cloud.put(_mtu(cloud), {"defaultMtuSize": 9198} | one)
    assert cloud.put(_mtu(cloud), {"overrides": [], "nonsense": 1}) == {"defaultMtuSize": 9198, "overrides": []}


@pytest.mark.parametrize("body", [{"defaultMtuSize": "big"}, {"overrides": {}}, {"overrides": [{"switches": []}]}, [1]])
def test_a_body_of_another_shape_is_refused_with_a_text(cloud: Simulated, body: object) -> None:
    """Wrong types and missing required fields."""
    cloud.get(_mtu(cloud))
    assert cloud.refused("PUT", _mtu(cloud), body)


def test_a_generic_item_is_created_read_changed_and_removed(cloud: Simulated) -> None:
    """201 with an id, then by that id; 404 after; made again it has another id."""
    path = f"/networks/{cloud.campus}/mqttBrokers"
    body = {
        "name": "Broker",
        "host": "mqtt.example.com",
        "port": 8883,
        "authentication": {"username": "u", "password": "p1"},
    }
    made = cloud.post(path, body)
    assert "p1" not in str(made)
    own = f"{path}/{made['id']}"
    assert cloud.put(own, {"port": 1883})["host"] == "mqtt.example.com"
    assert cloud.get(own)["port"] == 1883
    assert cloud.world.get(own)["authentication"]["password"] == "p1"
    cloud.delete(own)
    assert cloud.ask("GET", own).status == 404
    assert cloud.ask("DELETE", own).status == 404
    assert cloud.post(path, body)["id"] != made["id"]


def test_what_is_written_without_a_reader_is_read_in_the_organizations_list(cloud: Simulated) -> None:
    """Air Marshal's policy is written by network and read by organization."""
    cloud.put(f"/networks/{cloud.campus}/wireless/airMarshal/settings", {"defaultPolicy": "block"})
    rows = cloud.get(f"/organizations/{cloud.organization}/wireless/airMarshal/settings/byNetwork")["items"]
    assert next(one for one in rows if one["networkId"] == cloud.campus)["defaultPolicy"] == "block"


def test_rows_of_a_report_are_about_the_devices_of_the_world(cloud: Simulated) -> None:
    """Serials exist, belong to the organization, and are of the product."""
    rows = cloud.get(f"/organizations/{cloud.organization}/wireless/devices/packetLoss/byDevice")
    serials = {one["device"]["serial"] for one in rows}
    assert serials == {
        serial
        for serial, one in cloud.world.devices.items()
        if one["productType"] == "wireless" and cloud.world.organization_of(one["networkId"]) == cloud.organization
    }


def test_every_behaviour_is_for_an_operation_that_exists() -> None:
    """A misspelt one would never be called."""
    assert set(BEHAVIOURS) <= set(routes().by_operation)


def test_what_a_generic_get_shows_can_be_put_back_and_changes_nothing(cloud: Simulated) -> None:
    """Each generic singleton of the campus: GET, PUT of the same, equal state; few misfits, the catalogue's own."""
    refused = []
    for operation, route in routes().by_operation.items():
        reader = routes().at.get(("GET", route.template))
        if operation in BEHAVIOURS or route.method != "PUT" or reader is None or reader.operation in BEHAVIOURS:
            continue
        if "{networkId}" not in route.template or route.template.count("{") > 1:
            continue
        path = route.template.replace("{networkId}", cloud.campus)
        shown = cloud.get(path)
        answer = cloud.ask("PUT", path, shown)
        if answer.status != 200:
            refused.append((operation, answer.body["errors"]))
            continue
        assert cloud.get(path) == shown, operation
    assert len(refused) <= 6, refused


def test_a_live_tool_is_started_polled_and_no_part_of_the_configuration(cloud: Simulated) -> None:
    """New when started, complete when asked for by its id; the canonical state does not move."""
    switch = next(one["serial"] for one in cloud.world.devices_in(cloud.campus) if one["productType"] == "switch")
    before = cloud.state()
    made = cloud.post(f"/devices/{switch}/liveTools/ping", {"target": "8.8.8.8"})
    assert made["status"] == "new"
    assert cloud.get(f"/devices/{switch}/liveTools/ping/{made['pingId']}")["status"] == "complete"
    assert cloud.state() == before


def test_a_list_that_is_written_in_a_wrapper_is_read_bare(cloud: Simulated) -> None:
    """The stages of a staged upgrade."""
    path = f"/networks/{cloud.campus}/firmwareUpgrades/staged/stages"
    cloud.put(path, {"_json": [{"group": {"id": "7"}}, {"group": {"id": "8"}}]})
    assert [one["group"]["id"] for one in cloud.get(path)] == ["7", "8"]


def test_mqtt_settings_are_written_by_network_and_read_together(cloud: Simulated) -> None:
    """Only the named network changes; one of another organization is not found."""
    path = f"/organizations/{cloud.organization}/wireless/mqtt/settings"
    cloud.put(path, {"network": {"id": cloud.branch}, "mqtt": {"enabled": True, "topic": "ap"}})
    rows = cloud.get(path)["items"]
    assert [one["network"]["id"] for one in rows if one["mqtt"]["enabled"]] == [cloud.branch]
    assert cloud.ask("PUT", path, {"network": {"id": cloud.twin}, "mqtt": {"enabled": True}}).status == 404
