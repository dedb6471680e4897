"""References follow a resource that came back under another id."""

from typing import Any

import pytest

from mcp_server.catalogue.related.references import (
    REFERENCES,
    Moved,
    mentions,
    refers,
    repointed,
    repointed_params,
)
from tests.support.shipped import CATALOGUE, OVERLAY

POLICY = Moved("createNetworkGroupPolicy", "/networks/{networkId}/groupPolicies", "101", "step-2.groupPolicyId")
OBJECT = Moved("createOrganizationPolicyObject", "/organizations/{organizationId}/policyObjects", "12", "step-1.id")


@pytest.mark.parametrize(
    ("maker", "value"),
    [
        ("createNetworkGroupPolicy", {"vlan": {"groupPolicyId": "7"}}),
        ("createNetworkWirelessRfProfile", {"rfProfileId": "7"}),
        ("createNetworkWebhooksHttpServer", {"defaultDestinations": {"httpServerIds": ["7", "8"]}}),
        ("createNetworkWebhooksHttpServer", {"alerts": [{"alertDestinations": {"httpServerIds": ["7"]}}]}),
        ("createNetworkWebhooksPayloadTemplate", {"payloadTemplate": {"payloadTemplateId": "7"}}),
        ("createOrganizationAdaptivePolicyGroup", {"sourceGroup": {"id": "7"}}),
        ("createOrganizationAdaptivePolicyGroup", {"adaptivePolicyGroupId": "7"}),
        ("createOrganizationAdaptivePolicyAcl", {"acls": [{"id": "7", "name": "x"}]}),
        ("createNetworkSwitchQosRule", {"ruleIds": ["3", "7"]}),
        ("createNetworkSwitchPortSchedule", {"portScheduleId": "7"}),
        ("createNetworkSwitchAccessPolicy", {"accessPolicyNumber": 7}),
        ("createNetworkSwitchLinkAggregation", {"linkAggregationId": "7"}),
        ("createNetworkSwitchStack", {"switchStackId": "7"}),
        ("createOrganizationPolicyObject", {"objectIds": ["7"]}),
        ("createOrganizationPolicyObjectsGroup", {"groupIds": ["7"]}),
    ],
)
def test_each_kind_of_reference_is_rewritten_and_nothing_else(maker: str, value: Any) -> None:
    """A field of another name with the same value stays."""
    moved = Moved(maker, "", "7", "99", is_name=False)
    new = repointed({**value, "other": "7"}, [moved])
    assert mentions({name: new[name] for name in value}, "99")
    assert not mentions({name: new[name] for name in value}, "7")
    assert new["other"] == "7"
    assert refers(value, maker, "7")
    assert not refers(value, maker, "70")


def test_an_id_that_is_not_known_yet_becomes_a_reference_to_the_step_that_makes_it() -> None:
    """Filled in when it is sent."""
    assert repointed({"groupPolicyId": 101}, [POLICY]) == {"groupPolicyId": {"$ref": "step-2.groupPolicyId"}}


def test_an_object_inside_a_text_is_replaced_and_its_neighbours_are_not() -> None:
    """Two names in one text; ``OBJ(12)`` is not ``OBJ(123)``."""
    group = Moved("createOrganizationPolicyObjectsGroup", "", "12", "step-4.id")
    rule = {"destCidr": "OBJ(12),OBJ(123),GRP(12),10.0.0.0/8"}
    assert repointed(rule, [OBJECT, group]) == {
        "destCidr": {"$text": "OBJ({step-1.id}),OBJ(123),GRP({step-4.id}),10.0.0.0/8"}
    }
    known = Moved("createOrganizationPolicyObject", "", "12", "44", is_name=False)
    assert repointed(rule, [known])["destCidr"] == "OBJ(44),OBJ(123),GRP(12),10.0.0.0/8"


def test_the_path_of_what_was_made_again_has_its_new_id() -> None:
    """Under the same list alone: the same id elsewhere is another thing."""
    own = repointed_params(CATALOGUE, "updateNetworkGroupPolicy", {"networkId": "N", "groupPolicyId": "101"}, [POLICY])
    assert own == {"networkId": "N", "groupPolicyId": {"$ref": "step-2.groupPolicyId"}}
    other = {"networkId": "101", "vlanId": "101"}
    assert repointed_params(CATALOGUE, "updateNetworkApplianceVlan", other, [POLICY]) == other


def test_every_maker_is_an_operation_that_creates_under_an_id_of_the_cloud() -> None:
    """A name that is none of the catalogue would never be found."""
    for maker in REFERENCES:
        assert CATALOGUE.find(maker).method == "POST", maker
        assert not OVERLAY.row(maker).client_keyed, maker
