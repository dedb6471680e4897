"""Devices, inventory, licences and firmware."""

import pytest

from tests.support.simulated import Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A new world."""
    return Simulated()


def _spare(cloud: Simulated, product: str = "switch") -> str:
    rows = cloud.get(f"/organizations/{cloud.organization}/inventory/devices")
    return str(next(one["serial"] for one in rows if not one["networkId"] and one["productType"] == product))


def test_a_device_is_claimed_and_removed_and_is_in_the_inventory_all_the_time(cloud: Simulated) -> None:
    """Found in the network in between; asked for by itself only while it is in one."""
    serial = _spare(cloud)
    assert cloud.ask("GET", f"/devices/{serial}").status == 404
    assert cloud.ask("POST", f"/networks/{cloud.branch}/devices/claim", {"serials": [serial]}).status == 200
    assert cloud.get(f"/devices/{serial}")["networkId"] == cloud.branch
    assert serial in {one["serial"] for one in cloud.get(f"/networks/{cloud.branch}/devices")}
    assert cloud.ask("POST", f"/networks/{cloud.branch}/devices/remove", {"serial": serial}).status == 200
    assert cloud.ask("GET", f"/devices/{serial}").status == 404
    assert cloud.get(f"/organizations/{cloud.organization}/inventory/devices/{serial}")["networkId"] is None


def test_one_device_that_may_not_be_claimed_refuses_all(cloud: Simulated) -> None:
    """A device in another network, of another organization, unknown: 400 and the good one stays where it is."""
    good = _spare(cloud)
    twin = cloud.world.networks[cloud.twin]["organizationId"]
    foreign = next(
        one["serial"] for one in cloud.get(f"/organizations/{twin}/inventory/devices") if not one["networkId"]
    )
    used = cloud.world.devices_in(cloud.campus)[0]["serial"]
    for bad in (foreign, used, "Q2XX-XXXX-XXXX"):
        cloud.refused("POST", f"/networks/{cloud.branch}/devices/claim", {"serials": [good, bad]})


def test_a_device_in_a_network_is_not_released(cloud: Simulated) -> None:
    """400; a spare one is, and can be claimed into the other organization."""
    used, spare = cloud.world.devices_in(cloud.campus)[0]["serial"], _spare(cloud)
    path = f"/organizations/{cloud.organization}/inventory/release"
    cloud.refused("POST", path, {"serials": [spare, used]})
    assert cloud.ask("POST", path, {"serials": [spare]}).status == 200
    twin = cloud.world.networks[cloud.twin]["organizationId"]
    assert cloud.ask("POST", f"/organizations/{twin}/inventory/claim", {"serials": [spare]}).status == 200


def test_a_device_keeps_what_is_not_written_and_clears_what_is_null(cloud: Simulated) -> None:
    """Tags replace; the log has a row; the list shows when it was configured."""
    serial = cloud.world.devices_in(cloud.campus)[1]["serial"]
    cloud.world.advance(100)
    changed = cloud.put(f"/devices/{serial}", {"tags": ["núcleo"], "address": None, "model": "MX1"})
    assert (changed["tags"], changed["address"], changed["name"]) == (["núcleo"], None, "Núcleo São Paulo")
    rows = cloud.ask(
        "GET", f"/organizations/{cloud.organization}/devices", None, configurationUpdatedAfter="2026-11-01T00:00:00Z"
    ).body
    assert [one["serial"] for one in rows] == [serial]


def test_a_switch_profile_needs_a_bound_network(cloud: Simulated) -> None:
    """The cloud's own text."""
    switch = cloud.world.devices_in(cloud.branch)[1]["serial"]
    assert "must be bound to a configuration template" in cloud.refused(
        "PUT", f"/devices/{switch}", {"switchProfileId": "1"}
    )


def test_settings_of_another_product_are_refused(cloud: Simulated) -> None:
    """Switch ports of an appliance: 400, not a made-up list."""
    appliance = cloud.world.devices_in(cloud.campus)[0]["serial"]
    assert cloud.ask("GET", f"/devices/{appliance}/switch/ports").status == 400
    assert cloud.ask("GET", f"/networks/{cloud.branch}/camera/schedules").status == 400


def test_a_catalyst_tells_its_mode_by_its_firmware(cloud: Simulated) -> None:
    """CS for the managed one, IOS XE for the monitored one."""
    found = {one["firmware"][:3] for one in cloud.world.devices.values() if one["model"].startswith("C9300")}
    assert found == {"CS-", "ios"}


def test_each_organization_answers_for_its_own_kind_of_licence(cloud: Simulated) -> None:
    """Co-term keys and counts in the first, one licence a device in the second; the other question is a 400."""
    twin = cloud.world.networks[cloud.twin]["organizationId"]
    assert cloud.get(f"/organizations/{cloud.organization}/licenses/overview")["licensedDeviceCounts"]["MX85"] == 1
    keys = cloud.get(f"/organizations/{cloud.organization}/licensing/coterm/licenses")
    assert {"edition": "Advanced", "productType": "switch"} in keys[0]["editions"]
    assert "per-device" in cloud.refused("GET", f"/organizations/{cloud.organization}/licenses")
    assert cloud.get(f"/organizations/{twin}/licenses/overview")["states"]["expired"]["count"] == 0
    licence = cloud.get(f"/organizations/{twin}/licenses")[0]["id"]
    assert cloud.put(f"/organizations/{twin}/licenses/{licence}", {"deviceSerial": None})["state"] == "unused"


def test_an_upgrade_is_planned_runs_by_the_clock_and_ends(cloud: Simulated) -> None:
    """Scheduled, Started, Completed; not into the past and not to an unknown version."""
    path = f"/networks/{cloud.branch}/firmwareUpgrades"
    cloud.get(path)

    def wanted(version: str, time: str) -> dict[str, object]:
        return {"products": {"switch": {"nextUpgrade": {"time": time, "toVersion": {"id": version}}}}}

    cloud.refused("PUT", path, wanted("2317", "2020-01-01T00:00:00Z"))
    cloud.refused("PUT", path, wanted("1", "2026-11-02T09:00:00Z"))
    shown = cloud.put(path, wanted("2317", "2026-11-02T09:00:00Z"))
    assert shown["products"]["switch"]["nextUpgrade"]["toVersion"]["shortName"] == "MS 17.3"
    seen = []
    for seconds in (0, 3700, 900):
        cloud.world.advance(seconds)
        seen.append(cloud.get(f"/organizations/{cloud.organization}/firmware/upgrades")[0]["status"])
    assert seen == ["Scheduled", "Started", "Completed"]
