"""From what a caller asks for to checked touches."""

from typing import Any

import pytest

from mcp_server.catalogue.expand import MOST_SHOWN, OUTSIDE, carries_operations, expand, read_touch
from mcp_server.domain.call import Touch
from mcp_server.errors import InvalidArguments, Refused
from tests.support.shipped import CATALOGUE

PORT = {"operation": "updateDeviceSwitchPort", "params": {"serial": "Q2XX-1"}, "body": {"vlan": 10}}
VLAN = {
    "operation": "createNetworkApplianceVlan",
    "params": {"networkId": "N_1"},
    "body": {"id": "10", "name": "Guest"},
}


def ports(touches: tuple[Touch, ...]) -> list[Any]:
    """Which ports the touches reach, in order."""
    return [touch.params["portId"] for touch in touches]


def refused(*operations: Any) -> list[str]:
    """The faults of a request."""
    with pytest.raises(InvalidArguments) as wrong:
        expand(CATALOGUE, operations)
    found = wrong.value.details["faults"]
    assert isinstance(found, list)
    return found


def test_an_operation_becomes_one_touch() -> None:
    """A write, with what the caller accepts."""
    (touch,) = expand(CATALOGUE, [{**VLAN, "irreversible": True}])
    assert touch == Touch(VLAN["operation"], VLAN["params"], VLAN["body"], is_write=True, irreversible=True)  # type: ignore[arg-type]  # a dict of mixed values
    assert not expand(CATALOGUE, [VLAN])[0].irreversible


def test_for_each_spreads_ranges_and_values_in_order() -> None:
    """Ranges of numbers become ids as text, each target once."""
    touches = expand(CATALOGUE, [{**PORT, "for_each": {"portId": ["2-4", "30", 3, 7, "1_1_4"]}}])
    assert ports(touches) == ["2", "3", "4", "30", 7, "1_1_4"]
    assert all(touch.params["serial"] == "Q2XX-1" and touch.body == {"vlan": 10} for touch in touches)


def test_for_each_combines_several_keys() -> None:
    """The last key turns fastest."""
    asked = {
        "operation": PORT["operation"],
        "body": {"vlan": 10},
        "for_each": {"serial": ["A", "B"], "portId": ["1-2"]},
    }
    assert [tuple(touch.params.values()) for touch in expand(CATALOGUE, [asked])] == [
        ("A", "1"), ("A", "2"), ("B", "1"), ("B", "2"),
    ]  # fmt: skip


def test_for_each_may_list_targets_with_their_own_body() -> None:
    """Its fields are merged over the shared ones."""
    each = [{"portId": "1"}, {"portId": "2", "body": {"vlan": 20, "name": "AP"}}]
    touches = expand(CATALOGUE, [{**PORT, "for_each": each}])
    assert [touch.body for touch in touches] == [{"vlan": 10}, {"vlan": 20, "name": "AP"}]
    assert ports(touches) == ["1", "2"]


@pytest.mark.parametrize(
    ("for_each", "words"),
    [
        ({"portId": ["24-1"]}, "runs backwards"), ({"portId": []}, "no values"), ({}, "not empty"), ([], "not empty"),
        ("1-24", "takes {"), ({"portId": [True]}, "takes ids"), ({"portId": [["1"]]}, "takes ids"),
        ({"portId": [1.5]}, "takes ids"), (["1"], "no object"), ([{}], "no object"),
        ([{"portId": "1", "body": 7}], "body"),
        ({"portId": ["1-1001"]}, "at most 1000"), ({"portId": ["1-999999999"]}, "at most 1000"),
        ({"portId": ["1-100"], "serial": [str(n) for n in range(11)]}, "at most 1000"),
        ([{"portId": "1"}] * 1001, "1001"),
    ],
)  # fmt: skip
def test_a_for_each_that_cannot_be_spread_is_refused(for_each: Any, words: str) -> None:
    """Before anything large is built."""
    (fault,) = refused({**PORT, "for_each": for_each})
    assert words in fault


def test_a_plan_reaches_at_most_a_thousand_targets() -> None:
    """All operations together."""
    each = {**PORT, "for_each": {"portId": ["1-600"]}}
    assert len(expand(CATALOGUE, [{**PORT, "for_each": {"portId": ["1-1000"]}}])) == 1000
    assert "more than 1000" in refused(each, each)[0]


def test_a_target_given_twice_is_refused() -> None:
    """Neither of the two is taken silently."""
    params = {"serial": "Q2XX-1", "portId": "1"}
    assert refused({**PORT, "params": params, "for_each": {"portId": ["2"]}}) == [
        "operations[0] updateDeviceSwitchPort: portId: given in params and in for_each"
    ]


def test_a_fault_of_every_target_is_said_once() -> None:
    """48 ports do not make 48 lines."""
    assert refused({**PORT, "body": {"vlann": 1}, "for_each": {"portId": ["1-48"]}}) == [
        "operations[0] updateDeviceSwitchPort: body.vlann: no such field (nearest: vlan)"
    ]


def test_the_faults_of_all_operations_come_together() -> None:
    """Each says which operation it is of."""
    found = refused(
        {"operation": "getNetwork", "params": {"networkId": "N_1"}},
        {"operation": "updateNetworkSsid"},
        {**PORT, "bodi": {}, "irreversible": "yes"},
        {"params": {}},
        "deleteNetwork",
        {**VLAN, "params": ["N_1"]},
    )
    assert found == [
        "operations[0] getNetwork: is a read; use meraki_read",
        (
            "operations[1]: There is no operation 'updateNetworkSsid' in v1.75.1. "
            "Did you mean updateNetwork, updateNetworkSnmp, updateNetworkWirelessSsid?"
        ),
        "operations[2] updateDeviceSwitchPort: bodi: no such field (nearest: body)",
        "operations[2] updateDeviceSwitchPort: irreversible: expects true or false",
        "operations[2] updateDeviceSwitchPort: params.portId: missing; the path needs it",
        'operations[3] needs "operation", the id of an operation',
        'operations[4] needs "operation", the id of an operation',
        "operations[5] createNetworkApplianceVlan: params: expects an object",
        "operations[5] createNetworkApplianceVlan: params.networkId: missing; the path needs it",
    ]


@pytest.mark.parametrize("operations", [[], "deleteNetwork", None, {}])
def test_a_plan_needs_operations(operations: Any) -> None:
    """An empty request is no plan."""
    with pytest.raises(InvalidArguments):
        expand(CATALOGUE, operations)


def test_a_flood_of_faults_is_cut() -> None:
    """The rest is counted."""
    found = refused(*[{**VLAN, "body": {"id": "1", "name": f"n{number}", "mask": "x"}} for number in range(100)])
    assert len(found) == MOST_SHOWN + 1
    assert found[-1] == "and 60 more faults"


@pytest.mark.parametrize(
    "operation", ["createOrganizationActionBatch", "updateOrganizationActionBatch", "deleteOrganizationActionBatch"]
)
def test_an_operation_that_carries_others_is_refused(operation: str) -> None:
    """Whatever else is in the plan: a batch would pass every check by."""
    with pytest.raises(Refused) as no:
        expand(CATALOGUE, [VLAN, {"operation": operation}])
    assert no.value.reason == "carrier_operation"


@pytest.mark.parametrize("operation", sorted(OUTSIDE))
def test_what_acts_outside_every_organization_is_refused_with_what_a_person_does(operation: str) -> None:
    """Also beside a step that names an organization: its plan would not watch over it."""
    with pytest.raises(Refused) as no:
        expand(CATALOGUE, [VLAN, {"operation": operation}])
    assert no.value.reason == "no_organization"
    assert operation in no.value.message
    assert "dashboard" in no.value.remedy


def test_every_write_names_its_organization_or_is_refused() -> None:
    """By its path, or by an id in its body: whatever does neither is in the table of refusals."""
    writes = [CATALOGUE.find(id_) for id_ in CATALOGUE.writes()]
    homeless = [one for one in writes if not {"organizationId", "networkId", "serial"} & set(one.path_params)]
    named = {one.id for one in homeless if one.body and {"organizationId", "networkIds"} & set(one.body.fields)}
    assert {one.id for one in homeless} - named == set(OUTSIDE)


def test_only_action_batches_carry_operations() -> None:
    """No other write of the catalogue has a list of resource and operation, and reading batches is harmless."""
    carriers = [id_ for id_ in CATALOGUE.ids() if carries_operations(CATALOGUE.find(id_))]
    assert carriers == [
        "createOrganizationActionBatch",
        "updateOrganizationActionBatch",
        "deleteOrganizationActionBatch",
    ]


def test_a_ref_names_an_earlier_step() -> None:
    """Steps are counted over the spread plan, from 1."""
    many = {**PORT, "for_each": {"portId": ["1-3"]}}
    route = {"operation": "createNetworkApplianceStaticRoute", "params": {"networkId": "N_1"}}
    good = {"name": "r", "subnet": "10.0.0.0/8", "gatewayIp": "1.1.1.1", "gatewayVlanId": {"$ref": "step-4.id"}}
    assert len(expand(CATALOGUE, [many, VLAN, {**route, "body": good}])) == 5
    bad = {**good, "gatewayVlanId": {"$ref": "step-5.id"}}
    assert "only an earlier step can be named, this is step-5" in refused(many, VLAN, {**route, "body": bad})[0]


def test_a_ref_in_a_parameter_is_checked_for_every_target() -> None:
    """Also where the body is shared."""
    touches = expand(CATALOGUE, [VLAN, {"operation": "deleteNetworkApplianceVlan",
                                        "params": {"networkId": "N_1", "vlanId": {"$ref": "step-1.id"}}}])  # fmt: skip
    assert touches[1].params["vlanId"] == {"$ref": "step-1.id"}
    wrong = {"operation": "deleteNetworkApplianceVlan", "params": {"networkId": "N_1", "vlanId": {"$ref": "step-2.id"}}}
    assert "only an earlier step" in refused(VLAN, wrong)[0]


def test_a_ref_to_a_delete_is_refused() -> None:
    """A delete answers nothing."""
    gone = {"operation": "deleteNetworkApplianceVlan", "params": {"networkId": "N_1", "vlanId": "10"}}
    found = refused(gone, {**VLAN, "body": {"id": {"$ref": "step-1.id"}, "name": "x"}})
    assert "returns nothing" in found[0]


def test_a_text_names_an_earlier_step_that_makes_such_a_thing() -> None:
    """An object as ``OBJ``, a group as ``GRP``; anything else would be refused by the cloud, after other steps."""
    thing = {"operation": "createOrganizationPolicyObject", "params": {"organizationId": "1"},
             "body": {"name": "p", "category": "network", "type": "cidr"}}  # fmt: skip
    rule = {"policy": "deny", "protocol": "any", "srcCidr": "any"}
    firewall = {"operation": "updateNetworkApplianceFirewallL3FirewallRules", "params": {"networkId": "N_1"}}

    def rules(text: str) -> dict[str, Any]:
        return {**firewall, "body": {"rules": [{**rule, "destCidr": {"$text": text}}]}}

    assert len(expand(CATALOGUE, [thing, rules("OBJ({step-1.id}),10.0.0.0/8")])) == 2
    (ahead,) = refused(thing, rules("OBJ({step-2.id})"))
    assert "only an earlier step can be named, this is step-2" in ahead
    (other,) = refused(thing, rules("GRP({step-1.id})"))
    assert other.endswith("$text names step-1, which is no createOrganizationPolicyObjectsGroup")


def test_a_read_is_checked_and_is_no_write() -> None:
    """For meraki_read."""
    touch = read_touch(CATALOGUE, "getNetwork", {"networkId": "N_1"})
    assert touch == Touch("getNetwork", {"networkId": "N_1"})
    with pytest.raises(InvalidArguments, match=r"params\.networkId: missing"):
        read_touch(CATALOGUE, "getNetwork", {})


def test_a_whole_number_is_written_as_one_in_an_address() -> None:
    """3.0 is 3 in JSON; port 3.0 is nowhere."""
    touch = read_touch(CATALOGUE, "getDeviceSwitchPort", {"serial": "Q2XX-1", "portId": 3.0})
    assert (touch.params["portId"], type(touch.params["portId"])) == (3, int)
    (write,) = expand(CATALOGUE, [{**PORT, "params": {"serial": "Q2XX-1", "portId": 3.0}}])
    assert type(write.params["portId"]) is int


def test_a_write_is_not_read() -> None:
    """And is told where it belongs."""
    with pytest.raises(InvalidArguments) as wrong:
        read_touch(CATALOGUE, "deleteNetwork", {"networkId": "N_1"})
    assert wrong.value.reason == "not_a_read"
    assert "meraki_plan" in wrong.value.remedy
