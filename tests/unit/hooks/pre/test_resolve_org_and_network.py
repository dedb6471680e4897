"""Step 2: every id is checked, named and given its owner."""

from dataclasses import replace
from typing import Any

import pytest

from mcp_server.domain.call import Allow, Attempt, Named, Touch
from mcp_server.errors import Refused
from mcp_server.hooks.pre.resolve_org_and_network import resolve_org_and_network
from tests.support.hook_world import (
    ACME,
    AP,
    BETA,
    BOUND,
    BOUND_MS,
    CORE,
    MANAGED,
    MONITORED,
    MS,
    SITE,
    TEMPLATE,
    TWIN,
    attempt,
    port_write,
    read,
    resolved,
    world,
)
from tests.support.shipped import write


def ssid(network_id: Any) -> Touch:
    """A write to an SSID of a network."""
    return write("updateNetworkWirelessSsid", {"name": "x"}, networkId=network_id, number="1")


async def refusal(tried: Attempt, **limits: Any) -> Refused:
    """The refusal that an attempt meets."""
    seen, _ = world(**limits)
    with pytest.raises(Refused) as caught:
        await resolve_org_and_network(tried, seen)
    return caught.value


async def test_an_attempt_without_targets_is_left_alone() -> None:
    """Nothing is read for it."""
    seen, api = world()
    assert await resolve_org_and_network(attempt(), seen) == Allow()
    assert api.requests == []


async def test_organization_network_and_device_are_known_by_id_and_name() -> None:
    """A device brings its network along."""
    seen, _ = world()
    facts = (await resolved(attempt(port_write(MS, "1")), seen)).facts
    assert facts.organization == Named(ACME, "Acme")
    assert [(one.id, one.name) for one in facts.networks] == [(SITE, "Site")]
    assert [(one.serial, one.name) for one in facts.devices] == [(MS, "SW 1")]


@pytest.mark.parametrize(
    ("touch", "ids"),
    [
        (ssid("Site"), [SITE, TWIN]),
        (ssid("shop"), [BOUND]),
        (ssid("Shops"), [TEMPLATE]),
        (port_write("SW core", "1"), [CORE]),
        (write("createOrganizationNetwork", {"name": "n", "productTypes": ["switch"]}, organizationId="Acme"), [ACME]),
        (read("getOrganizationDevices", organizationId=ACME, networkIds=["Shop"]), [BOUND]),
        (write("combineOrganizationNetworks", {"name": "n", "networkIds": ["Shop"]}, organizationId=ACME), [BOUND]),
    ],
)
async def test_a_name_instead_of_an_id_is_answered_with_the_ids_it_may_mean(touch: Touch, ids: list[str]) -> None:
    """Of all organizations, in path, query and body; nothing is guessed even when there is only one."""
    refused = await refusal(attempt(touch))
    assert refused.reason == "ambiguous_or_name"
    assert [one["id"] for one in refused.details["candidates"]] == ids  # type: ignore[attr-defined]  # plain JSON


@pytest.mark.parametrize(
    ("touch", "code"),
    [
        (ssid("L_404"), "unknown_network"),
        (ssid(404), "unknown_network"),
        (port_write("Q9ZZ", "1"), "unknown_device"),
        (read("getOrganizationNetworks", organizationId="1"), "unknown_organization"),
        (
            write("updateOrganizationConfigTemplate", {"name": "n"}, organizationId=ACME, configTemplateId="L_404"),
            "unknown_template",
        ),
    ],
)
async def test_an_id_that_nobody_knows_is_refused(touch: Touch, code: str) -> None:
    """With the way to find the right one."""
    refused = await refusal(attempt(touch))
    assert refused.reason == code
    assert "meraki_search" in refused.remedy
    assert ("in no network" in refused.message) == (code == "unknown_device")


async def test_what_belongs_to_an_organization_that_is_not_allowed_is_unknown() -> None:
    """A network, a device and an organization alike, also in a body."""
    allowed = frozenset({BETA})
    assert (await refusal(attempt(ssid(BOUND)), organizations=allowed)).reason == "unknown_network"
    assert (await refusal(attempt(port_write(MS, "1")), organizations=allowed)).reason == "unknown_device"
    move = write("moveOrganizationLicenses", {"destOrganizationId": "1", "organizationId": ACME}, organizationId=BETA)
    assert (await refusal(attempt(move), organizations=allowed)).reason == "unknown_organization"


async def test_a_plan_over_two_organizations_is_refused() -> None:
    """Both are named."""
    seen, _ = world()
    verdict = await resolve_org_and_network(attempt(ssid(SITE), ssid(TWIN)), seen)
    assert getattr(verdict, "code", "") == "mixed_organizations"
    assert [one["id"] for one in verdict.details["organizations"]] == [ACME, BETA]  # type: ignore[union-attr]  # as said


async def test_a_claim_belongs_to_the_organization_that_its_body_names() -> None:
    """Its path names none; beside a step of another organization the plan is refused."""
    claim = write("claimAdministeredLicensingSubscriptionSubscriptions", {"claimKey": "k", "organizationId": BETA})
    seen, _ = world()
    organization = (await resolved(attempt(claim), seen)).facts.organization
    assert organization is not None
    assert organization.id == BETA
    mixed = await resolve_org_and_network(attempt(claim, ssid(SITE)), seen)
    assert getattr(mixed, "code", "") == "mixed_organizations"


async def test_a_network_in_the_body_must_belong_to_the_organization_in_the_path() -> None:
    """Also within one operation."""
    seen, _ = world()
    combine = write("combineOrganizationNetworks", {"name": "n", "networkIds": [SITE, TWIN]}, organizationId=ACME)
    assert getattr(await resolve_org_and_network(attempt(combine), seen), "code", "") == "mixed_organizations"


async def test_what_a_new_network_is_copied_from_must_belong_to_its_organization() -> None:
    """A network or a template of another one is no source; an id that nobody knows is refused."""
    seen, _ = world()
    made = write("createOrganizationNetwork", {"name": "n", "copyFromNetworkId": TWIN}, organizationId=ACME)
    assert getattr(await resolve_org_and_network(attempt(made), seen), "code", "") == "mixed_organizations"
    own = write("createOrganizationConfigTemplate", {"name": "n", "copyFromNetworkId": TEMPLATE}, organizationId=ACME)
    assert (await resolved(attempt(own), seen)).facts.organization == Named(ACME, "Acme")
    unknown = write("createOrganizationNetwork", {"name": "n", "copyFromNetworkId": "N_9"}, organizationId=ACME)
    assert (await refusal(attempt(unknown))).reason == "unknown_network"


async def test_a_network_in_a_query_must_belong_to_the_organization_in_the_path() -> None:
    """A read cannot be asked across organizations either."""
    seen, _ = world()
    look = read("getOrganizationDevices", organizationId=ACME, networkIds=[TWIN])
    assert getattr(await resolve_org_and_network(attempt(look), seen), "code", "") == "mixed_organizations"


async def test_reads_of_two_organizations_in_one_call_have_no_single_organization() -> None:
    """They are not refused: only a plan is for one."""
    seen, _ = world()
    looks = (read("getNetwork", networkId=SITE), read("getNetwork", networkId=TWIN))
    facts = (await resolved(attempt(*looks), seen)).facts
    assert facts.organization is None
    assert [one.id for one in facts.networks] == [SITE, TWIN]


async def test_a_device_may_be_named_for_a_network_that_an_earlier_step_creates() -> None:
    """It cannot be in it yet."""
    seen, _ = world()
    stack = write("createNetworkSwitchStack", {"name": "s", "serials": [MS]}, networkId={"$ref": "step-1.id"})
    assert [one.serial for one in (await resolved(attempt(stack), seen)).facts.devices] == [MS]


async def test_a_device_in_a_body_must_be_in_the_network_of_the_path() -> None:
    """A stack of a switch that stands elsewhere is refused."""
    stack = write("createNetworkSwitchStack", {"name": "s", "serials": [MS, BOUND_MS]}, networkId=SITE)
    refused = await refusal(attempt(stack))
    assert refused.reason == "device_of_another_network"
    assert refused.details == {"serial": BOUND_MS, "network_id": BOUND}


async def test_a_serial_that_is_claimed_need_not_be_known() -> None:
    """It is in no network yet."""
    seen, _ = world()
    claim = write("claimNetworkDevices", {"serials": ["Q9ZZ"]}, networkId=SITE)
    assert (await resolved(attempt(claim), seen)).facts.devices == ()


async def test_an_id_that_an_earlier_step_creates_is_left_open() -> None:
    """It cannot be known yet."""
    seen, _ = world()
    made = write("createOrganizationNetwork", {"name": "n", "productTypes": ["wireless"]}, organizationId=ACME)
    facts = (await resolved(attempt(made, ssid({"$ref": "step-1.id"})), seen)).facts
    assert facts.organization == Named(ACME, "Acme")
    assert facts.networks == ()


async def test_a_setting_of_a_template_bound_network_is_blocked_with_two_ways_out() -> None:
    """The template is named."""
    seen, _ = world()
    tried = await resolved(attempt(ssid(SITE), ssid(BOUND)), seen)
    (blocked,) = tried.facts.blocked
    assert (blocked.touch, blocked.code) == (1, "template_bound")
    assert TEMPLATE in blocked.reason
    assert "unbindNetwork" in blocked.remedy
    assert TEMPLATE in blocked.remedy


@pytest.mark.parametrize(
    "touch",
    [
        write("updateDevice", {"name": "n"}, serial=BOUND_MS),
        write("updateNetwork", {"name": "n"}, networkId=BOUND),
        write("unbindNetwork", {"retainConfigs": True}, networkId=BOUND),
        write("claimNetworkDevices", {"serials": ["Q9ZZ"]}, networkId=BOUND),
        read("getNetworkWirelessSsids", networkId=BOUND),
    ],
)
async def test_what_a_template_does_not_hold_stays_allowed(touch: Touch) -> None:
    """Device settings, the network itself, its devices, and reads."""
    seen, _ = world()
    assert (await resolved(attempt(touch), seen)).facts.blocked == ()


async def test_a_network_that_the_same_plan_unbinds_first_is_free() -> None:
    """The order of the steps counts."""
    seen, _ = world()
    unbind = write("unbindNetwork", {"retainConfigs": True}, networkId=BOUND)
    assert (await resolved(attempt(unbind, ssid(BOUND)), seen)).facts.blocked == ()
    rename = write("updateNetwork", {"name": "n"}, networkId=BOUND)
    for earlier in (rename, replace(unbind, params={"networkId": SITE})):
        assert len((await resolved(attempt(earlier, ssid(BOUND), unbind), seen)).facts.blocked) == 1


async def test_a_template_is_a_target_of_its_own_and_no_network() -> None:
    """Its organization is known, and it is not among the networks; by networkId and by configTemplateId."""
    seen, api = world()
    api.answers[f"/networks/{TEMPLATE}"] = {"id": TEMPLATE, "organizationId": ACME, "name": "Shops"}
    own = write("updateOrganizationConfigTemplate", {"name": "n"}, organizationId=ACME, configTemplateId=TEMPLATE)
    for touch in (ssid(TEMPLATE), own):
        facts = (await resolved(attempt(touch), seen)).facts
        assert facts.organization == Named(ACME, "Acme")
        assert facts.networks == ()
        assert facts.blocked == ()


async def test_many_switches_are_looked_up_with_one_list() -> None:
    """Not one by one."""
    seen, api = world()
    await resolved(attempt(*(port_write(serial, "1") for serial in (MS, CORE, MANAGED, MONITORED, AP))), seen)
    assert f"/organizations/{ACME}/devices" in api.paths
    assert len([path for path in api.paths if path.startswith("/devices/")]) == 1


async def test_many_networks_are_looked_up_with_one_list() -> None:
    """Not one by one."""
    more = [{"id": f"L_{n}", "organizationId": ACME, "name": f"N{n}"} for n in range(20, 26)]
    seen, api = world({f"/organizations/{ACME}/networks": more, "/networks/L_20": more[0]})
    await resolved(attempt(*(ssid(one["id"]) for one in more)), seen)
    assert f"/organizations/{ACME}/networks" in api.paths
    assert [path for path in api.paths if path.startswith("/networks/")] == ["/networks/L_20"]


async def test_a_resolved_call_costs_nothing_the_second_time() -> None:
    """The inventory keeps what it looked up."""
    seen, api = world()
    await resolved(attempt(ssid(SITE)), seen)
    before = len(api.requests)
    await resolved(attempt(ssid(SITE)), seen)
    assert len(api.requests) == before


async def test_the_inventory_of_an_organization_is_asked_for_devices_in_no_network() -> None:
    """A read by organization and serial is not held up by a device that nobody placed yet."""
    seen, _ = world()
    touch = read("getOrganizationInventoryDevice", organizationId=ACME, serial="Q9ZZ")
    assert (await resolved(attempt(touch), seen)).facts.organization == Named(ACME, "Acme")
