"""Stacks, managed devices, door locks, floor plans, captures, stages, themes, access points, clients."""

import pytest

from tests.support.simulated import Json, Simulated

LATER, SOON = "2027-02-18T00:00:00Z", "2026-12-01T00:00:00Z"


@pytest.fixture
def cloud() -> Simulated:
    """A fresh cloud."""
    return Simulated()


def _org(cloud: Simulated, tail: str) -> str:
    return f"/organizations/{cloud.organization}/{tail}"


def _net(cloud: Simulated, tail: str) -> str:
    return f"/networks/{cloud.campus}/{tail}"


def _all(cloud: Simulated, product: str) -> list[str]:
    return [str(one["serial"]) for one in cloud.world.devices_in(cloud.campus) if one["productType"] == product]


def _done(cloud: Simulated, path: str, body: Json = None) -> Json:
    answer = cloud.ask("POST", path, body)
    assert answer.status in (200, 201), answer
    return answer.body


def test_a_member_is_added_to_a_stack_and_removed_from_it(cloud: Simulated) -> None:
    """A switch is in one stack at most; the last member stays."""
    first, second, third = _all(cloud, "switch")[:3]
    home = _net(cloud, "switch/stacks")
    stack = cloud.post(home, {"name": "Núcleo", "serials": [first, second]})["id"]
    before = cloud.state()
    cloud.refused("POST", home, {"name": "Outra", "serials": [first]})
    _done(cloud, f"{home}/{stack}/add", {"serial": third})
    assert cloud.get(f"{home}/{stack}")["serials"] == [first, second, third]
    cloud.refused("POST", f"{home}/{stack}/add", {"serial": third})
    _done(cloud, f"{home}/{stack}/remove", {"serial": third})
    assert cloud.state() == before
    _done(cloud, f"{home}/{stack}/remove", {"serial": second})
    cloud.refused("POST", f"{home}/{stack}/remove", {"serial": first})
    cloud.refused("POST", f"{home}/{stack}/add", {"serial": _all(cloud, "wireless")[0]})


def test_tags_of_managed_devices_are_added_deleted_and_put_in_place(cloud: Simulated) -> None:
    """By id, serial or scope; a scope that fits nobody is a 400."""
    home, before = _net(cloud, "sm/devices"), cloud.state()
    device = cloud.get(home)[0]
    body = {"ids": [device["id"]], "tags": ["a"], "updateAction": "add"}
    _done(cloud, f"{home}/modifyTags", body)
    assert cloud.get(home)[0]["tags"] == [*device["tags"], "a"]
    _done(cloud, f"{home}/modifyTags", {**body, "updateAction": "delete"})
    assert cloud.state() == before
    assert (
        len(_done(cloud, f"{home}/modifyTags", {"scope": ["withAny", "frota"], "tags": [], "updateAction": "update"}))
        == 2
    )
    cloud.refused("POST", f"{home}/modifyTags", {"scope": ["withAny", "frota"], "tags": [], "updateAction": "update"})
    cloud.refused("POST", f"{home}/modifyTags", {**body, "updateAction": "merge"})
    cloud.put(f"{home}/fields", {"id": device["id"], "deviceFields": {"notes": "n"}})
    assert cloud.get(home)[0]["notes"] == "n"


def test_a_managed_device_moves_and_an_unenrolled_or_wiped_one_is_gone(cloud: Simulated) -> None:
    """Only to another network of Systems Manager."""
    home = _net(cloud, "sm/devices")
    first, second, third = (one["id"] for one in cloud.get(home))
    cloud.refused("POST", f"{home}/move", {"ids": [first], "newNetwork": cloud.branch})
    body = {"name": "Móveis", "productTypes": ["systemsManager"]}
    other = cloud.post(_org(cloud, "networks"), body)["id"]
    _done(cloud, f"{home}/move", {"ids": [first], "newNetwork": other})
    assert first in [one["id"] for one in cloud.get(f"/networks/{other}/sm/devices")]
    _done(cloud, f"{home}/{second}/unenroll")
    _done(cloud, f"{home}/wipe", {"id": third})
    assert cloud.get(home) == []
    assert cloud.ask("POST", f"{home}/{second}/unenroll").status == 404


def test_apps_are_installed_and_uninstalled(cloud: Simulated) -> None:
    """An app that is not there cannot be taken away."""
    home = _net(cloud, "sm/devices")
    path = f"{home}/{cloud.get(home)[0]['id']}"
    before = cloud.state()
    cloud.refused("POST", f"{path}/uninstallApps", {"appIds": ["2"]})
    _done(cloud, f"{path}/installApps", {"appIds": ["2"]})
    assert [one["appId"] for one in cloud.get(f"{path}/softwares")] == ["1", "2"]
    _done(cloud, f"{path}/uninstallApps", {"appIds": ["2"]})
    assert cloud.state() == before


def test_a_door_lock_is_enrolled_at_a_gateway_and_disenrolled_for_good(cloud: Simulated) -> None:
    """A second enrolment gives another id; an access point that is no gateway enrols nobody."""
    first, second = _all(cloud, "wireless")[:2]
    jobs = f"/devices/{first}/wireless/zigbee/enrollments"
    made = _done(cloud, jobs)
    (lock,) = [one["doorLockId"] for one in made["doorLocks"]]
    assert lock in [one["doorLockId"] for one in cloud.get(_org(cloud, "wireless/zigbee/doorLocks"))]
    assert cloud.get(f"{jobs}/{made['enrollmentId']}")["doorLocks"][0]["doorLockId"] == lock
    cloud.refused("POST", f"/devices/{second}/wireless/zigbee/enrollments")
    gone = _done(cloud, _org(cloud, "wireless/zigbee/disenrollments"), {"doorLockIds": [lock]})
    assert cloud.get(_org(cloud, f"wireless/zigbee/disenrollments/{gone['disenrollmentId']}"))["status"] == "complete"
    cloud.refused("POST", _org(cloud, "wireless/zigbee/disenrollments"), {"doorLockIds": [lock]})
    before = cloud.state()
    home = _org(cloud, f"wireless/zigbee/devices/{second}")
    cloud.put(home, {"enrolled": True, "channel": "15"})
    rows = {one["gateway"]["serial"]: one["enrolled"] for one in cloud.get(_org(cloud, "wireless/zigbee/devices"))}
    assert rows[second] is True
    cloud.put(home, {"enrolled": False, "channel": "11"})
    assert cloud.state() == before


def test_devices_stand_on_a_floor_plan_until_it_is_deleted(cloud: Simulated) -> None:
    """A published job puts them where it says."""
    plan = cloud.get(_net(cloud, "floorPlans"))[0]["floorPlanId"]
    radio, before = _all(cloud, "wireless")[0], cloud.state()
    row = {"serial": radio, "floorPlan": {"id": plan}}
    _done(cloud, _net(cloud, "floorPlans/devices/batchUpdate"), {"assignments": [row]})
    rows = {one["serial"]: one["floorPlan"]["id"] for one in cloud.get(_org(cloud, "floorPlans/autoLocate/devices"))}
    assert rows[radio] == plan
    _done(cloud, _net(cloud, "floorPlans/devices/batchUpdate"), {"assignments": [{**row, "floorPlan": {"id": ""}}]})
    assert cloud.state() == before
    jobs = _net(cloud, "floorPlans/autoLocate/jobs")
    (job,) = _done(cloud, f"{jobs}/batch", {"jobs": [{"floorPlanId": plan}]})["jobs"]
    cloud.refused("POST", f"{jobs}/batch", {"jobs": [{"floorPlanId": plan}]})
    _done(cloud, f"{jobs}/{job['id']}/recalculate")
    _done(cloud, f"{jobs}/{job['id']}/publish", {"devices": [{"serial": radio, "lat": 1.5, "lng": 2.5}]})
    assert (cloud.world.devices[radio]["lat"], cloud.world.devices[radio]["floorPlanId"]) == (1.5, plan)
    cloud.refused("POST", f"{jobs}/{job['id']}/cancel")
    cloud.delete(_net(cloud, f"floorPlans/{plan}"))
    assert cloud.world.devices[radio]["floorPlanId"] is None


def test_captures_are_taken_stopped_and_deleted(cloud: Simulated) -> None:
    """Bulk writes are all or nothing."""
    home, switch = _org(cloud, "devices/packetCapture/captures"), _all(cloud, "switch")[0]
    cloud.refused("POST", f"{home}/bulkCreate", {"name": "x", "devices": [{"serial": switch}, {"serial": "Q2XX"}]})
    (made,) = _done(cloud, f"{home}/bulkCreate", {"name": "x", "devices": [{"serial": switch}]})["items"]
    path = f"{home}/{made['captureId']}"
    cloud.refused("POST", f"{path}/stop", {"serials": ["Q2XX"]})
    _done(cloud, f"{path}/stop", {"serials": [switch]})
    cloud.refused("POST", f"{path}/stop", {"serials": [switch]})
    before = cloud.state()
    _done(cloud, f"{path}/downloadUrl/generate")
    assert cloud.state() == before
    cloud.refused("POST", f"{home}/bulkDelete", {"captureIds": [made["captureId"], "404"]})
    _done(cloud, f"{home}/bulkDelete", {"captureIds": [made["captureId"]]})
    assert made["captureId"] not in [one["captureId"] for one in cloud.get(home)["items"]]


def test_schedules_have_the_priorities_that_they_are_given(cloud: Simulated) -> None:
    """No two of a request the same."""
    home, switch = _org(cloud, "devices/packetCapture/schedules"), _all(cloud, "switch")[0]
    ids = [cloud.post(home, {"devices": [{"serial": switch}], "name": n})["scheduleId"] for n in ("a", "b")]
    order = [{"scheduleId": ids[0], "priority": 9}, {"scheduleId": ids[1], "priority": 8}]
    _done(cloud, f"{home}/reorder", {"order": order})
    rows = {one["scheduleId"]: one["priority"] for one in cloud.get(home)["items"]}
    assert (rows[ids[0]], rows[ids[1]]) == (9, 8)
    cloud.refused("POST", f"{home}/reorder", {"order": [{**one, "priority": 3} for one in order]})
    cloud.refused("POST", home, {"devices": [{"serial": "Q2XX"}]})


def test_a_staged_upgrade_is_planned_deferred_and_turned_back(cloud: Simulated) -> None:
    """One at a time, for groups that exist, in the future; a rollback names a known reason."""
    home = _net(cloud, "firmwareUpgrades/staged/events")
    group = cloud.get(_net(cloud, "firmwareUpgrades/staged/groups"))[0]["groupId"]
    stages = [{"group": {"id": group}, "milestones": {"scheduledFor": SOON}}]
    cloud.refused("POST", f"{home}/defer")
    cloud.refused(
        "POST", home, {"stages": [{"group": {"id": group}, "milestones": {"scheduledFor": "2020-01-01T00:00:00Z"}}]}
    )
    cloud.post(home, {"stages": stages})
    cloud.refused("POST", home, {"stages": stages})
    _done(cloud, f"{home}/defer")
    assert cloud.get(home)["stages"][0]["milestones"]["scheduledFor"] == "2026-12-08T00:00:00Z"
    cloud.refused("POST", f"{home}/rollbacks", {"stages": stages, "reasons": [{"category": "?", "comment": ""}]})
    _done(cloud, f"{home}/rollbacks", {"stages": stages, "reasons": [{"category": "testing", "comment": ""}]})
    assert cloud.get(home)["reasons"] == [{"category": "testing", "comment": ""}]
    back = {"product": "switch", "time": LATER, "reasons": [{"category": "testing", "comment": ""}]}
    _done(cloud, _net(cloud, "firmwareUpgrades/rollbacks"), back)
    assert cloud.get(_net(cloud, "firmwareUpgrades"))["products"]["switch"]["nextUpgrade"]["time"] == LATER


def test_the_files_of_a_theme_go_with_it(cloud: Simulated) -> None:
    """A system theme stays as it is."""
    home, before = _org(cloud, "splash/themes"), cloud.state()
    theme = cloud.post(home, {"name": "Recepção", "baseTheme": "modern"})
    made = _done(cloud, f"{home}/{theme['id']}/assets", {"name": "a.css", "content": "Yg=="})
    cloud.refused("POST", f"{home}/modern/assets", {"name": "a.css", "content": "Yg=="})
    cloud.refused("POST", f"{home}/{theme['id']}/assets", {"name": "a.css", "content": "Yg=="})
    assert cloud.get(_org(cloud, f"splash/assets/{made['id']}"))["fileData"] == "Yg=="
    shown = next(one for one in cloud.get(home) if one["id"] == theme["id"])
    assert [one["name"] for one in shown["themeAssets"]] == ["page.html", "a.css"]
    cloud.delete(f"{home}/{theme['id']}")
    assert cloud.ask("GET", _org(cloud, f"splash/assets/{made['id']}")).status == 404
    assert cloud.state() == before


def test_an_air_marshal_rule_is_listed_changed_and_deleted_by_its_id(cloud: Simulated) -> None:
    """Two that match the same cannot be."""
    home, before = _net(cloud, "wireless/airMarshal/rules"), cloud.state()
    body = {"type": "block", "match": {"type": "exact", "string": "Rogue"}}
    id_ = _done(cloud, home, body)["ruleId"]
    cloud.refused("POST", home, body)
    cloud.refused("POST", home, {**body, "match": {"type": "looks like", "string": "x"}})
    cloud.put(f"{home}/{id_}", {"type": "allow"})
    (row,) = cloud.get(_org(cloud, "wireless/airMarshal/rules"))["items"]
    assert (row["ruleId"], row["type"], row["network"]["id"]) == (id_, "allow", cloud.campus)
    cloud.delete(f"{home}/{id_}")
    assert cloud.ask("DELETE", f"{home}/{id_}").status == 404
    assert cloud.state() == before


def test_deployments_migrations_and_authorities_refuse_what_they_do_not_know(cloud: Simulated) -> None:
    """A trusted authority stays trusted; a device migrates once."""
    home, radio = _org(cloud, "wireless/devices/provisioning/deployments"), _all(cloud, "wireless")[0]
    row = {"devices": {"new": {"serial": radio}}, "status": "scheduled", "type": "deploy"}
    cloud.refused("POST", home, {"items": [{**row, "devices": {"new": {"serial": "Q2XX"}}}]})
    (made,) = _done(cloud, home, {"items": [row]})["items"]
    cloud.put(home, {"items": [{**row, "deploymentId": made["deploymentId"], "type": "replace"}]})
    assert cloud.get(home)[0]["items"][0]["type"] == "replace"
    cloud.delete(f"{home}/{made['deploymentId']}")
    assert cloud.ask("DELETE", f"{home}/{made['deploymentId']}").status == 404
    moves = _org(cloud, "devices/controller/migrations")
    _done(cloud, moves, {"serials": [radio], "target": "wirelessController"})
    cloud.refused("POST", moves, {"serials": [radio], "target": "wirelessController"})
    home = _org(cloud, "wireless/devices/radsec/certificates/authorities")
    authority = _done(cloud, home)["certificateAuthorityId"]
    cloud.refused("PUT", home, {"certificateAuthorityId": "404", "status": "trusted"})
    cloud.put(home, {"certificateAuthorityId": authority, "status": "trusted"})
    assert cloud.get(home)[0]["status"] == "trusted"


def test_provisioned_clients_have_the_policy_that_they_were_given(cloud: Simulated) -> None:
    """A group policy must be there, and an address be one."""
    path, mac = _net(cloud, "clients/provision"), "22:33:44:aa:bb:cc"
    body = {"clients": [{"mac": mac, "name": "Impressora"}], "devicePolicy": "Blocked"}
    _done(cloud, path, body)
    assert cloud.get(_net(cloud, f"clients/{mac}/policy"))["devicePolicy"] == "Blocked"
    cloud.refused("POST", path, {**body, "devicePolicy": "Group policy", "groupPolicyId": "404"})
    cloud.refused("POST", path, {**body, "clients": [{"mac": "not one"}]})


def test_details_of_devices_are_put_beside_those_that_are_there(cloud: Simulated) -> None:
    """An empty value removes one; an unknown device refuses all."""
    path, switch = _org(cloud, "devices/details/bulkUpdate"), _all(cloud, "switch")[0]
    before = cloud.state()
    cloud.refused("POST", path, {"serials": [switch, "Q2XX"], "details": [{"name": "a", "value": "b"}]})
    _done(cloud, path, {"serials": [switch], "details": [{"name": "a", "value": "b"}]})
    assert {"name": "a", "value": "b"} in cloud.get(f"/devices/{switch}")["details"]
    _done(cloud, path, {"serials": [switch], "details": [{"name": "a", "value": ""}]})
    assert cloud.state() == before
