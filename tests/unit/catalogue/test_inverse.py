"""The way back from every kind of write."""

from typing import Any

import pytest

from mcp_server.catalogue.expected import expected_state
from mcp_server.catalogue.inverse import inverse_of
from mcp_server.catalogue.overlay.templates import Gap, filled, turns
from mcp_server.domain.plan import Inverse, Write
from mcp_server.errors import InvalidArguments
from tests.support.shipped import CATALOGUE, OVERLAY, write


def _inverse(operation: str, body: Any, before: Any, **params: Any) -> Inverse:
    touch = write(operation, body, **params)
    return inverse_of(CATALOGUE, OVERLAY, touch, before, expected_state(CATALOGUE, OVERLAY, touch, before))


def test_an_update_is_undone_by_the_whole_before_state() -> None:
    """Never by a part of it, and never with fields that only the GET has."""
    before = {"portId": "1", "name": "a", "vlan": 10, "enabled": True, "schedule": {"id": "5", "name": "x"}}
    inverse = _inverse("updateDeviceSwitchPort", {"vlan": 20}, before, serial="Q", portId="1")
    assert inverse == Inverse(
        "reversible",
        "put_before",
        (Write("updateDeviceSwitchPort", {"serial": "Q", "portId": "1"}, {"name": "a", "vlan": 10, "enabled": True}),),
        evidence="sandbox",
    )


def test_a_field_that_had_no_value_is_cleared() -> None:
    """An explicit null puts it back to nothing."""
    inverse = _inverse("updateDeviceSwitchPort", {"voiceVlan": 5}, {"name": "a"}, serial="Q", portId="1")
    assert inverse.writes[0].body == {"name": "a", "voiceVlan": None}


def test_a_field_that_cannot_be_cleared_is_said_so() -> None:
    """A switch that was not there before stays as it is set."""
    inverse = _inverse("updateDeviceSwitchPort", {"poeEnabled": False}, {"name": "a"}, serial="Q", portId="1")
    assert inverse.undo_class == "with_caveats"
    assert inverse.caveats == ("poeEnabled had no value before and cannot be cleared",)


def test_an_enabled_ssid_slot_goes_back_to_its_old_name_and_off() -> None:
    """An SSID is never deleted (specialist protocol, rollback of a created SSID)."""
    before = {
        "number": 3, "name": "Unconfigured SSID 4", "enabled": False, "authMode": "open", "splashPage": "None",
        "ipAssignmentMode": "NAT mode",
    }  # fmt: skip
    body = {"name": "Guest", "enabled": True, "authMode": "psk", "psk": "a-long-password"}
    inverse = _inverse("updateNetworkWirelessSsid", body, before, networkId="N_1", number=3)
    assert inverse.how == "put_before"
    assert inverse.writes[0].body == {
        "name": "Unconfigured SSID 4", "enabled": False, "authMode": "open", "splashPage": "None",
        "ipAssignmentMode": "NAT mode",
    }  # fmt: skip


def test_a_firewall_list_goes_back_without_the_default_rule() -> None:
    """The cloud appends its own."""
    rule = {"comment": "a", "policy": "deny", "protocol": "any", "srcCidr": "Any", "destCidr": "Any"}
    before = {"rules": [rule, {"comment": "Default rule", "policy": "allow"}]}
    inverse = _inverse("updateNetworkApplianceFirewallL3FirewallRules", {"rules": []}, before, networkId="N_1")
    assert inverse.writes[0].body == {"rules": [rule]}


def test_a_replaced_write_only_secret_is_a_caveat() -> None:
    """Its old value is nowhere."""
    before = {"id": "h", "name": "a", "url": "https://h"}
    changed = _inverse(
        "updateNetworkWebhooksHttpServer", {"sharedSecret": "s"}, before, networkId="N", httpServerId="h"
    )
    assert changed.caveats == ("sharedSecret is never read back: it must be given again",)
    renamed = _inverse("updateNetworkWebhooksHttpServer", {"name": "b"}, before, networkId="N", httpServerId="h")
    assert renamed.undo_class == "reversible"
    assert "sharedSecret" not in renamed.writes[0].body


@pytest.mark.parametrize(
    ("servers", "at_stake"),
    [
        ([{"host": "1.1.1.1", "port": 1812}, {"host": "2.2.2.2", "port": 1812}], False),
        (
            [{"host": "1.1.1.1", "port": 1812}, {"host": "3.3.3.3", "port": 1812}, {"host": "2.2.2.2", "port": 1812}],
            False,
        ),
        ([{"host": "1.1.1.1", "port": 1812}], True),
        ([{"host": "1.1.1.1", "port": 1645}, {"host": "2.2.2.2", "port": 1812}], True),
        ([{"host": "1.1.1.1", "port": 1812, "secret": "new"}, {"host": "2.2.2.2", "port": 1812}], True),
        ([], True),
        (None, True),
    ],
)
def test_a_radius_secret_is_at_stake_when_its_server_is_replaced(servers: Any, at_stake: bool) -> None:
    """It is kept while host and port stay, and lost with its element."""
    before = {"name": "p", "radiusServers": [{"host": "1.1.1.1", "port": 1812}, {"host": "2.2.2.2", "port": 1812}]}
    inverse = _inverse(
        "updateNetworkSwitchAccessPolicy", {"radiusServers": servers}, before, networkId="N", accessPolicyNumber="1"
    )
    assert any("radiusServers[].secret" in caveat for caveat in inverse.caveats) is at_stake


def test_a_field_that_is_never_read_back_is_a_caveat() -> None:
    """Its old value is not known."""
    inverse = _inverse("updateNetworkApplianceVlan", {"uplinks": []}, {"id": 1, "name": "x"}, networkId="N", vlanId="1")
    assert "uplinks is never read back: its old value is not known" in inverse.caveats


def test_a_created_resource_is_undone_by_deleting_the_id_in_the_answer() -> None:
    """The id is not known before."""
    inverse = _inverse("createNetworkGroupPolicy", {"name": "x"}, None, networkId="N_1")
    assert inverse.how == "delete_created"
    assert inverse.writes == (
        Write("deleteNetworkGroupPolicy", {"networkId": "N_1", "groupPolicyId": {"$created": "groupPolicyId"}}),
    )


def test_a_created_resource_whose_id_the_caller_picked_is_deleted_by_it() -> None:
    """No answer is needed for that."""
    inverse = _inverse("createNetworkApplianceVlan", {"id": "10", "name": "x"}, None, networkId="N_1")
    assert inverse.writes == (Write("deleteNetworkApplianceVlan", {"networkId": "N_1", "vlanId": "10"}),)


def test_a_created_network_is_deleted_at_another_path() -> None:
    """The overlay names the inverse."""
    inverse = _inverse("createOrganizationNetwork", {"name": "n", "productTypes": ["switch"]}, None, organizationId="1")
    assert inverse.writes == (Write("deleteNetwork", {"networkId": {"$created": "id"}}),)


def test_a_deleted_resource_comes_back_under_a_new_id() -> None:
    """And the plan says so."""
    before = {"id": "5", "name": "x", "subnet": "10.0.0.0/8", "gatewayIp": "1.1.1.1", "networkId": "N_1"}
    inverse = _inverse("deleteNetworkApplianceStaticRoute", None, before, networkId="N_1", staticRouteId="5")
    assert (inverse.undo_class, inverse.how) == ("new_id", "recreate")
    assert inverse.writes == (
        Write(
            "createNetworkApplianceStaticRoute",
            {"networkId": "N_1"},
            {"name": "x", "subnet": "10.0.0.0/8", "gatewayIp": "1.1.1.1"},
        ),
    )
    assert "new id" in inverse.caveats[0]


def test_what_the_post_does_not_take_follows_in_a_put() -> None:
    """Reserved ranges of a route; the PUT goes to the id of the re-created one."""
    ranges = [{"start": "10.0.0.1", "end": "10.0.0.9", "comment": "x"}]
    before = {"id": "5", "name": "x", "subnet": "10.0.0.0/8", "gatewayIp": "1.1.1.1", "reservedIpRanges": ranges}
    inverse = _inverse("deleteNetworkApplianceStaticRoute", None, before, networkId="N_1", staticRouteId="5")
    assert [write.operation for write in inverse.writes] == [
        "createNetworkApplianceStaticRoute", "updateNetworkApplianceStaticRoute",
    ]  # fmt: skip
    assert inverse.writes[1].params == {"networkId": "N_1", "staticRouteId": {"$created": "id"}}
    assert inverse.writes[1].body["reservedIpRanges"] == ranges


def test_a_deleted_vlan_comes_back_under_its_own_id() -> None:
    """VLAN ids are the caller's."""
    before = {
        "id": 10,
        "name": "x",
        "subnet": "10.0.0.0/24",
        "applianceIp": "10.0.0.1",
        "dnsNameservers": "upstream_dns",
    }
    inverse = _inverse("deleteNetworkApplianceVlan", None, before, networkId="N_1", vlanId="10")
    assert inverse.undo_class == "with_caveats"
    assert inverse.writes[0].body["id"] == "10"
    assert inverse.writes[1].params == {"networkId": "N_1", "vlanId": "10"}
    assert inverse.writes[1].body["dnsNameservers"] == "upstream_dns"


def test_a_deleted_holder_of_a_write_only_secret_needs_it_again() -> None:
    """The re-created webhook has none."""
    before = {"id": "h", "name": "a", "url": "https://h", "networkId": "N_1"}
    inverse = _inverse("deleteNetworkWebhooksHttpServer", None, before, networkId="N_1", httpServerId="h")
    assert any(caveat.startswith("sharedSecret") for caveat in inverse.caveats)


def test_what_needs_an_unreadable_field_to_be_created_cannot_be_undone() -> None:
    """A floor plan without its image is none."""
    before = {"floorPlanId": "1", "name": "Ground"}
    inverse = _inverse("deleteNetworkFloorPlan", None, before, networkId="N_1", floorPlanId="1")
    assert inverse.undo_class == "none"
    assert "imageContents" in inverse.caveats[0]


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("updateNetwork", {"networkId": "N_1"}),
        ("deleteNetworkGroupPolicy", {"networkId": "N_1", "groupPolicyId": "1"}),
    ],
)
def test_without_a_before_state_there_is_no_way_back(operation: str, params: dict[str, str]) -> None:
    """It is never made up."""
    inverse = _inverse(operation, {"name": "x"} if operation == "updateNetwork" else None, None, **params)
    assert inverse.undo_class == "none"
    assert "was not read" in inverse.caveats[0]


def test_a_masked_before_state_is_refused() -> None:
    """It cannot be restored."""
    with pytest.raises(InvalidArguments, match="communityString"):
        _inverse(
            "updateNetworkSnmp", {"access": "none"}, {"access": "community", "communityString": "*****"}, networkId="N"
        )


def test_binding_is_undone_by_unbinding_with_the_settings_kept() -> None:
    """Else the network would fall back to defaults."""
    inverse = _inverse("bindNetwork", {"configTemplateId": "L_1"}, {"id": "N_1"}, networkId="N_1")
    assert inverse.writes == (Write("unbindNetwork", {"networkId": "N_1"}, {"retainConfigs": True}),)
    assert inverse.undo_class == "with_caveats"


def test_unbinding_is_undone_with_the_template_of_before() -> None:
    """Without it there is no way back."""
    bound = {"id": "N_1", "configTemplateId": "L_1"}
    assert _inverse("unbindNetwork", {}, bound, networkId="N_1").writes == (
        Write("bindNetwork", {"networkId": "N_1"}, {"configTemplateId": "L_1"}),
    )
    lost = _inverse("unbindNetwork", {}, {"id": "N_1"}, networkId="N_1")
    assert lost.undo_class == "none"
    assert "before.configTemplateId" in lost.caveats[0]


@pytest.mark.parametrize(
    ("operation", "body", "said"),
    [
        ("deleteNetwork", None, "every setting"),
        ("rebootDevice", None, "interruption"),
        ("createDeviceLiveToolsPing", {"target": "1.1.1.1"}, "changes no configuration"),
        ("protectionNetworkApplianceUmbrella", {"enabled": True}, "nothing reads"),
        ("cloneOrganization", {"name": "x"}, "no inverse action"),
    ],
)
def test_what_cannot_be_undone_says_why(operation: str, body: Any, said: str) -> None:
    """In words for the plan."""
    params = dict.fromkeys(CATALOGUE.find(operation).path_params, "1")
    inverse = _inverse(operation, body, {"id": "1"}, **params)
    assert (inverse.undo_class, inverse.how, inverse.writes) == ("none", "none", ())
    assert said in inverse.caveats[0]


def test_switching_vlans_off_is_undone_with_a_caveat() -> None:
    """The VLANs are gone with the switch; what brings them back are its dependants."""
    operation = "updateNetworkApplianceVlansSettings"
    off = _inverse(operation, {"vlansEnabled": False}, {"vlansEnabled": True}, networkId="N")
    assert (off.how, off.undo_class) == ("put_before", "with_caveats")
    assert "deletes every VLAN" in off.caveats[0]


def test_a_template_is_filled_from_body_params_and_before() -> None:
    """And names what is missing."""
    touch = write("claimNetworkDevices", {"serials": ["A", "B"], "x": {"y": 1}}, networkId="N_1")
    template = {"a": "$body.x.y", "b": ["$param.networkId"], "c": "$before.id", "d": "plain", "e": 5}
    assert filled(template, touch, {"id": 7}) == {"a": 1, "b": ["N_1"], "c": 7, "d": "plain", "e": 5}
    with pytest.raises(Gap, match=r"body\.nothing"):
        filled("$body.nothing", touch, None)


def test_each_turns_a_list_into_one_call_for_every_element() -> None:
    """Serials are claimed together and removed one by one."""
    touch = write("claimNetworkDevices", {"serials": ["A", "B"]}, networkId="N_1")
    template = {"serial": "$each.serials"}
    assert [filled(template, turn, None) for turn in turns(template, touch)] == [{"serial": "A"}, {"serial": "B"}]
    assert turns({"x": ["$body.y"]}, touch) == [touch]


def test_leaving_radius_puts_its_secrets_at_stake() -> None:
    """The cloud drops them with the mode; they cannot be read before."""
    modes = {"splashPage": "None", "ipAssignmentMode": "NAT mode"}
    radius = {"authMode": "8021x-radius", "radiusServers": [{"host": "1.1.1.1", "port": 1812}], **modes}
    inverse = _inverse("updateNetworkWirelessSsid", {"authMode": "open"}, radius, networkId="N", number=0)
    assert inverse.caveats == ("radiusServers[].secret is never read back: it must be given again",)
    assert inverse.writes[0].body["radiusServers"] == [{"host": "1.1.1.1", "port": 1812}]


def test_leaving_a_mode_whose_secrets_nothing_shows_is_said_of_the_mode() -> None:
    """LDAP settings are not in the GET at all."""
    ldap = {"authMode": "open", "splashPage": "Password-protected with LDAP", "ipAssignmentMode": "NAT mode"}
    inverse = _inverse("updateNetworkWirelessSsid", {"splashPage": "None"}, ldap, networkId="N", number=0)
    assert inverse.caveats == ("splashPage: what the old mode kept secret must be given again",)


def test_an_override_comes_back_at_the_path_that_its_state_names() -> None:
    """The delete knows it by its id alone."""
    before = {"overrideId": "9", "policy": {"id": "p"}, "rule": {"id": "r"}, "action": "block"}
    operation = "deleteOrganizationApplianceSecurityIntrusionRulesOverride"
    inverse = _inverse(operation, None, before, organizationId="1", overrideId="9")
    assert inverse.writes == (
        Write(
            "createOrganizationApplianceSecurityIntrusionPolicyRuleOverride",
            {"organizationId": "1", "policyId": "p", "ruleId": "r"},
            {"override": {"action": "block"}},
        ),
    )
    gone = _inverse(operation, None, {"overrideId": "9", "action": "block"}, organizationId="1", overrideId="9")
    assert gone.undo_class == "none"
    assert "before.policy.id" in gone.caveats[0]


def test_an_inverse_may_take_what_the_answer_says() -> None:
    """Assignments have ids only once they are made."""
    operation = "bulkOrganizationApplianceDnsLocalProfilesAssignmentsCreate"
    inverse = _inverse(operation, {"items": [{"network": {"id": "N"}}]}, None, organizationId="1")
    assert inverse.writes[0].body == {"items": {"$created": "items"}}


def test_claiming_several_devices_is_undone_one_by_one() -> None:
    """Remove takes one serial."""
    inverse = _inverse("claimNetworkDevices", {"serials": ["A", "B"]}, None, networkId="N_1")
    assert [step.body for step in inverse.writes] == [{"serial": "A"}, {"serial": "B"}]


def test_an_inverse_action_sends_only_what_it_takes() -> None:
    """A state that is read has more fields than a body."""
    stage = {
        "group": {"id": "g", "name": "x"},
        "milestones": {"scheduledFor": "t", "startedAt": None},
        "status": "pending",
    }
    inverse = _inverse("deferNetworkFirmwareUpgradesStagedEvents", None, {"stages": [stage]}, networkId="N_1")
    assert inverse.writes[0].body == {"stages": [{"group": {"id": "g"}, "milestones": {"scheduledFor": "t"}}]}


def test_a_state_of_which_nothing_can_be_written_back_is_no_way_back() -> None:
    """Two ports of one number: which was meant is not known, and an empty body would undo nothing."""
    before = {"serial": "Q", "ports": [{"number": "1", "enabled": True}, {"number": "1", "enabled": True}]}
    inverse = _inverse("updateDeviceApplianceInterfacesPort", {"enabled": False}, before, serial="Q", number="1")
    assert inverse.undo_class == "none"
    assert "nothing of the state" in inverse.caveats[0]


def test_deleted_assignments_are_made_again_as_their_rows_were() -> None:
    """Their ids are all that the delete names; one that is not there has no old state."""
    operation = "createOrganizationApplianceDnsLocalProfilesAssignmentsBulkDelete"
    rows = [
        {"assignmentId": "1", "network": {"id": "N1"}, "profile": {"id": "P"}},
        {"assignmentId": "2", "network": {"id": "N2"}, "profile": {"id": "P"}},
    ]
    inverse = _inverse(operation, {"items": [{"assignmentId": "2"}]}, rows, organizationId="1")
    assert [(step.operation, step.body) for step in inverse.writes] == [
        (
            "bulkOrganizationApplianceDnsLocalProfilesAssignmentsCreate",
            {"items": [{"network": {"id": "N2"}, "profile": {"id": "P"}}]},
        )
    ]
    unknown = _inverse(operation, {"items": [{"assignmentId": "3"}]}, rows, organizationId="1")
    assert unknown.undo_class == "none"
    assert "the old state of 3" in unknown.caveats[0]


def test_devices_go_back_to_the_profile_that_each_one_had() -> None:
    """One call for each device."""
    rows = [
        {"serial": serial, "vlanProfile": {"iname": iname}} for serial, iname in (("A", "x"), ("B", "y"), ("C", "z"))
    ]
    body = {"vlanProfile": {"iname": "new"}, "serials": ["A", "B"], "stackIds": []}
    inverse = _inverse("reassignNetworkVlanProfilesAssignments", body, rows, networkId="N_1")
    assert [step.body for step in inverse.writes] == [
        {"vlanProfile": {"iname": "x"}, "serials": ["A"], "stackIds": []},
        {"vlanProfile": {"iname": "y"}, "serials": ["B"], "stackIds": []},
    ]


def test_an_id_in_the_body_of_a_put_is_no_reason_to_send_one() -> None:
    """A cellular data profile names itself in its PUT: the old id would be wrong, and all else is in the POST."""
    before = {"profileId": "5", "name": "10 GB", "description": "capped", "rules": []}
    operation = "deleteOrganizationDevicesCellularDataProfile"
    inverse = _inverse(operation, None, before, organizationId="1", profileId="5")
    assert [step.operation for step in inverse.writes] == ["createOrganizationDevicesCellularDataProfile"]
