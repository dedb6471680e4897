"""What is refused before anything is read."""

from typing import Any

import pytest

from mcp_server.domain.actor import Role
from mcp_server.domain.call import Allow, Effect, Refuse
from mcp_server.domain.operation import Operation
from mcp_server.hooks.pre.guard import guard
from tests.support.hook_world import ACME, BETA, SITE, attempt, read, world
from tests.support.shipped import CATALOGUE, OVERLAY, write

SSID = write("updateNetworkWirelessSsid", {"name": "x"}, networkId=SITE, number="1")
ADMIN = write("createOrganizationAdmin", {"email": "a@b.c", "name": "a", "orgAccess": "full"}, organizationId=ACME)


async def verdict_of(tried: Any, **limits: Any) -> Any:
    """The verdict; the cloud must not have been asked."""
    seen, api = world(**limits)
    verdict = await guard(tried, seen)
    assert api.requests == []
    return verdict


async def test_a_plan_and_a_read_pass() -> None:
    """Nothing stands against them."""
    assert await verdict_of(attempt(SSID)) == Allow()
    assert await verdict_of(attempt(read("getNetwork", networkId=SITE))) == Allow()


async def test_a_server_that_is_not_read_only_lets_apply() -> None:
    """By a planner."""
    assert await verdict_of(attempt(SSID, is_apply=True, effect=Effect.CHANGE)) == Allow()


async def test_an_organization_given_by_name_is_left_to_be_answered_with_its_id() -> None:
    """Step 2 says what the name may mean, or that it is not allowed."""
    tried = attempt(read("getOrganizationNetworks", organizationId="Acme"))
    assert await verdict_of(tried, organizations=frozenset({BETA})) == Allow()


async def test_a_write_to_a_network_passes_under_an_allow_list() -> None:
    """Whose the network is shows in step 2."""
    assert await verdict_of(attempt(SSID), organizations=frozenset({BETA})) == Allow()


async def test_a_read_only_server_lets_plan_but_not_apply() -> None:
    """Applying is refused by is_apply as well as by the tool's effect."""
    assert await verdict_of(attempt(SSID), read_only=True) == Allow()
    for tried in (attempt(SSID, is_apply=True), attempt(effect=Effect.CHANGE), attempt(effect=Effect.DESTROY)):
        refused = await verdict_of(tried, read_only=True)
        assert refused.code == "read_only"
        assert "MERAKI_SPECIALIST_READ_ONLY" in refused.remedy


async def test_without_a_key_whatever_touches_meraki_is_refused_with_the_remedy() -> None:
    """A call that touches nothing still passes."""
    refused = await verdict_of(attempt(read("getOrganizations")), has_key=False)
    assert refused.code == "no_api_key"
    assert "MERAKI_DASHBOARD_API_KEY" in refused.remedy
    assert await verdict_of(attempt(), has_key=False) == Allow()


async def test_an_organization_outside_the_allow_list_is_refused_by_id() -> None:
    """For reads as well as for changes."""
    tried = attempt(read("getOrganizationNetworks", organizationId=ACME))
    refused = await verdict_of(tried, organizations=frozenset({BETA}))
    assert refused.code == "organization_not_allowed"
    assert ACME in refused.reason
    assert await verdict_of(tried, organizations=frozenset({ACME})) == Allow()


async def test_a_write_that_belongs_to_no_organization_is_refused_under_an_allow_list() -> None:
    """Nobody can tell whose it would be."""
    tried = attempt(write("createOrganization", {"name": "New"}))
    assert (await verdict_of(tried, organizations=frozenset({ACME}))).code == "organization_not_allowed"
    assert await verdict_of(tried) == Allow()


async def test_a_claim_names_its_organization_in_its_body() -> None:
    """Whether it is an allowed one is looked up in step 2."""
    claim = write("claimAdministeredLicensingSubscriptionSubscriptions", {"claimKey": "k", "organizationId": ACME})
    families = frozenset({OVERLAY.row(claim.operation).family})
    assert await verdict_of(attempt(claim), organizations=frozenset({ACME}), families=families) == Allow()


async def test_a_family_that_is_off_is_refused_naming_the_setting() -> None:
    """Switched on by the operator, it passes."""
    refused = await verdict_of(attempt(SSID, ADMIN))
    assert isinstance(refused, Refuse)
    assert refused.code == "family_off"
    assert "MERAKI_SPECIALIST_FAMILIES=admins" in refused.remedy
    assert refused.details["operations"] == ["createOrganizationAdmin"]
    assert await verdict_of(attempt(SSID, ADMIN), families=frozenset({"admins"})) == Allow()


async def test_a_write_whose_way_back_is_in_a_family_that_is_off_is_refused() -> None:
    """Releasing a device is undone by a claim: nothing may be planned whose undo would pass a closed gate."""
    release = write("releaseFromOrganizationInventory", {"serials": ["Q2QN-9J8L-SLPD"]}, organizationId=ACME)
    refused = await verdict_of(attempt(release))
    assert refused.code == "family_off"
    assert refused.details["operations"] == ["claimIntoOrganizationInventory"]
    assert await verdict_of(attempt(release), families=frozenset({"licenses"})) == Allow()


def test_every_other_write_is_undone_within_its_own_family() -> None:
    """An inverse that the paths give, not a row, is on the same resource."""
    strangers = [
        (name, inverse.id)
        for name in CATALOGUE.writes()
        if (inverse := _found_by_path(name)) and OVERLAY.row(inverse.id).family != OVERLAY.row(name).family
    ]
    assert strangers == []


def _found_by_path(name: str) -> Operation | None:
    row, operation = OVERLAY.row(name), CATALOGUE.find(name)
    if row.inverse or row.undo not in ("delete_created", "recreate"):
        return None
    item = OVERLAY.places.item("DELETE", operation.path)
    return (
        OVERLAY.places.parent("POST", operation)
        if row.undo == "recreate"
        else CATALOGUE.get(item.operation if item else "")
    )


async def test_reading_a_family_that_is_off_is_allowed() -> None:
    """Only its writes are off."""
    assert await verdict_of(attempt(read("getOrganizationAdmins", organizationId=ACME))) == Allow()


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.APPROVER])
async def test_only_a_planner_may_plan_or_apply(role: Role) -> None:
    """Auditors and approvers read."""
    roles = frozenset({role})
    assert (await verdict_of(attempt(SSID, roles=roles))).code == "role_missing"
    assert (await verdict_of(attempt(effect=Effect.CHANGE, roles=roles))).code == "role_missing"
    assert await verdict_of(attempt(read("getNetwork", networkId=SITE), roles=roles)) == Allow()
