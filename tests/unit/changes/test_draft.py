"""The first half of a plan: what each step finds, and what needs no way back of its own."""

import pytest

from mcp_server.changes.planning.draft import WITH_CREATION, draft_all, reader_key
from mcp_server.domain.call import Touch
from mcp_server.domain.plan import Reader
from mcp_server.errors import Refused
from tests.support.hook_world import ACME, SITE, world

VLANS = f"/networks/{SITE}/appliance/vlans"
POLICIES = f"/networks/{SITE}/groupPolicies"
CREATED = Touch("createNetworkApplianceVlan", {"networkId": SITE}, {"id": "77", "name": "Film"}, is_write=True)


def vlan_changed(vlan_id: str) -> Touch:
    """A write to a VLAN."""
    params = {"networkId": SITE, "vlanId": vlan_id}
    return Touch("updateNetworkApplianceVlan", params, {"dnsNameservers": "opendns"}, is_write=True)


def test_one_resource_has_one_key_whether_its_id_is_text_or_a_number() -> None:
    """The cloud answers 77 for what a path calls "77"."""
    text, number = (Reader("getNetworkApplianceVlan", {"networkId": "N", "vlanId": id_}) for id_ in ("77", 77))
    assert reader_key(text) == reader_key(number)
    assert reader_key(text) != reader_key(Reader("getNetworkApplianceVlan", {"networkId": "N", "vlanId": "78"}))


async def test_a_step_may_fill_in_what_an_earlier_one_creates_under_a_chosen_id() -> None:
    """It starts from what that leaves, and goes with it."""
    seen, _ = world({VLANS: []})
    created, filled_in = await draft_all([CREATED, vlan_changed("77")], seen, ACME)
    assert created.inverse.how == "delete_created"
    assert (filled_in.inverse.how, filled_in.inverse.writes) == (WITH_CREATION, ())
    assert filled_in.before["name"] == "Film"


async def test_a_step_that_writes_to_what_nobody_creates_is_refused() -> None:
    """Another VLAN than the one that the plan makes."""
    seen, _ = world({VLANS: []})
    with pytest.raises(Refused) as refused:
        await draft_all([CREATED, vlan_changed("78")], seen, ACME)
    assert refused.value.reason == "target_not_found"


async def test_a_step_that_refers_to_what_an_earlier_one_creates_goes_with_it() -> None:
    """One that refers to a step that creates nothing has no way back."""
    made = Touch("createNetworkGroupPolicy", {"networkId": SITE}, {"name": "Lab"}, is_write=True)
    params = {"networkId": SITE, "groupPolicyId": {"$ref": "step-1.groupPolicyId"}}
    used = Touch("updateNetworkGroupPolicy", params, {"splashAuthSettings": "bypass"}, is_write=True)
    seen, _ = world({POLICIES: [], f"{VLANS}/20": {"id": 20, "name": "Guest"}})
    drafts = await draft_all([made, used], seen, ACME)
    assert [one.inverse.how for one in drafts] == ["delete_created", WITH_CREATION]
    alone = await draft_all([vlan_changed("20"), used], seen, ACME)
    assert [one.inverse.how for one in alone] == ["put_before", "none"]
