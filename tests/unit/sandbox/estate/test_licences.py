"""Licences: one a device, seats, moves, renewals, co-term counts."""

import pytest

from tests.support.simulated import Json, Simulated


@pytest.fixture
def cloud() -> Simulated:
    """A fresh cloud."""
    return Simulated()


def _per_device(cloud: Simulated) -> str:
    return next(one for one in cloud.world.organizations if one != cloud.organization)


def _seats(cloud: Simulated) -> list[Json]:
    return [one for one in cloud.get(f"/organizations/{_per_device(cloud)}/licenses") if one["seatCount"] is not None]


def test_seats_that_are_assigned_leave_the_licence_they_come_from(cloud: Simulated) -> None:
    """They become a licence of their own in the network; more than there are is refused."""
    home = f"/organizations/{_per_device(cloud)}"
    made = cloud.post(f"{home}/networks", {"name": "Móveis", "productTypes": ["systemsManager"]})
    first = _seats(cloud)[0]
    body = {"licenseId": first["id"], "networkId": made["id"], "seatCount": 10}
    cloud.refused("POST", f"{home}/licenses/assignSeats", {**body, "seatCount": 26})
    assert cloud.ask("POST", f"{home}/licenses/assignSeats", body).status == 200
    counts = {one["id"]: (one["seatCount"], one["networkId"]) for one in _seats(cloud)}
    assert counts[first["id"]] == (15, None)
    assert (10, made["id"]) in counts.values()


def test_moved_licences_and_seats_belong_to_the_other_organization(cloud: Simulated) -> None:
    """Only to one of the same licensing model."""
    home = f"/organizations/{_per_device(cloud)}"
    other = cloud.ask("POST", f"{home}/clone", {"name": "Cópia"}).body["id"]
    licence = cloud.get(f"{home}/licenses")[0]
    body = {"destOrganizationId": other, "licenseIds": [licence["id"]]}
    cloud.refused("POST", f"{home}/licenses/move", {**body, "destOrganizationId": cloud.organization})
    assert cloud.ask("POST", f"{home}/licenses/move", body).status == 200
    assert cloud.ask("GET", f"{home}/licenses/{licence['id']}").status == 404
    seats = {"destOrganizationId": other, "licenseId": _seats(cloud)[0]["id"], "seatCount": 5}
    assert cloud.ask("POST", f"{home}/licenses/moveSeats", seats).status == 200
    moved = cloud.get(f"/organizations/{other}/licenses")
    assert [one["seatCount"] for one in moved if one["seatCount"] == 5] == [5]
    assert licence["licenseKey"] in [one["licenseKey"] for one in moved]


def test_a_renewal_uses_up_the_unused_licence(cloud: Simulated) -> None:
    """The renewed one lasts longer."""
    first, second = _seats(cloud)
    path = f"/organizations/{_per_device(cloud)}/licenses/renewSeats"
    body = {"licenseIdToRenew": first["id"], "unusedLicenseId": second["id"]}
    assert cloud.ask("POST", path, body).status == 200
    (left,) = _seats(cloud)
    assert left["totalDurationInDays"] == 2 * 1095


def test_counts_of_a_coterm_key_move_to_another_coterm_organization(cloud: Simulated) -> None:
    """What is left is the difference; more than the key has is refused."""
    home = f"/organizations/{cloud.organization}/licensing/coterm/licenses"
    other = cloud.post("/organizations", {"name": "Outra"})["id"]
    key = cloud.get(home)[0]
    some = key["counts"][0]
    body = {"destination": {"organizationId": other, "mode": "addDevices"}}
    one = {"key": key["key"], "counts": [{"model": some["model"], "count": 1}]}
    cloud.refused("POST", f"{home}/move", {**body, "licenses": [{**one, "counts": [{**some, "count": 999}]}]})
    assert cloud.ask("POST", f"{home}/move", {**body, "licenses": [one]}).status == 200
    left = {row["model"]: row["count"] for row in cloud.get(home)[0]["counts"]}
    assert left.get(some["model"], 0) == some["count"] - 1
    moved = cloud.get(f"/organizations/{other}/licensing/coterm/licenses")
    assert moved[0]["counts"] == [{"model": some["model"], "count": 1}]
