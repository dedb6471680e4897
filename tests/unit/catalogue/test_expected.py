"""What a write leaves behind."""

from typing import Any

from mcp_server.catalogue.expected import expected_state, with_sent_body
from tests.support.shipped import CATALOGUE, OVERLAY, write

DENY = {"comment": "Block", "policy": "deny", "protocol": "any", "srcCidr": "Any", "destCidr": "10.0.0.0/8"}
DEFAULT = {"comment": "Default rule", "policy": "allow", "protocol": "Any", "srcCidr": "Any", "destCidr": "Any"}


def _after(operation: str, body: Any, before: Any, **params: Any) -> Any:
    return expected_state(CATALOGUE, OVERLAY, write(operation, body, **params), before)


def test_an_update_merges_into_the_live_state() -> None:
    """Omitted fields stay, and so do fields that only the GET has."""
    before = {"portId": "1", "name": "a", "vlan": 10}
    assert _after("updateDeviceSwitchPort", {"vlan": 20}, before, serial="Q", portId="1") == {
        "portId": "1", "name": "a", "vlan": 20,
    }  # fmt: skip


def test_a_rule_list_ends_with_the_default_rule_as_it_reads_back() -> None:
    """Although the write does not carry it."""
    body = {"rules": {"$insert": [DENY], "at": "last"}}
    after = _after("updateNetworkApplianceFirewallL3FirewallRules", body, {"rules": [DEFAULT]}, networkId="N_1")
    assert after == {"rules": [DENY, DEFAULT]}


def test_logging_of_the_default_rule_shows_in_that_rule() -> None:
    """The field syslogDefaultRule itself is never read back."""
    rule = {**DEFAULT, "syslogEnabled": False}
    after = _after(
        "updateNetworkApplianceFirewallL3FirewallRules", {"syslogDefaultRule": True}, {"rules": [rule]}, networkId="N"
    )
    assert after == {"rules": [{**rule, "syslogEnabled": True}]}


def test_a_delete_leaves_nothing() -> None:
    """None, not an empty object."""
    assert _after("deleteNetworkApplianceVlan", None, {"id": 10}, networkId="N_1", vlanId="10") is None


def test_a_create_leaves_its_body_under_an_id_that_is_not_known_yet() -> None:
    """The cloud picks it."""
    after = _after("createNetworkGroupPolicy", {"name": "guest"}, None, networkId="N_1")
    assert after == {"groupPolicyId": {"$unknown": "groupPolicyId"}, "name": "guest"}


def test_a_create_whose_id_the_caller_picks_has_it_in_the_kind_it_is_read_in() -> None:
    """A VLAN id is sent as text and reads back as a number."""
    after = _after("createNetworkApplianceVlan", {"id": "10", "name": "x"}, None, networkId="N_1")
    assert after == {"id": 10, "name": "x"}


def test_a_create_does_not_merge_into_a_resource_of_the_same_name() -> None:
    """It makes another one, or is refused."""
    after = _after(
        "createNetworkGroupPolicy", {"name": "guest"}, {"groupPolicyId": "7", "name": "guest"}, networkId="N"
    )
    assert after["groupPolicyId"] == {"$unknown": "groupPolicyId"}


def test_secrets_and_fields_that_are_never_read_back_are_not_expected() -> None:
    """They would be missed when verified."""
    body = {"name": "a", "url": "https://h", "sharedSecret": "s"}
    after = _after("createNetworkWebhooksHttpServer", body, None, networkId="N_1")
    assert "sharedSecret" not in after
    ssid = _after(
        "updateNetworkWirelessSsid",
        {"apTagsAndVlanIds": [{"tags": ["a"], "vlanId": 5}]},
        {"name": "x"},
        networkId="N",
        number=0,
    )
    assert ssid == {"name": "x"}


def test_an_unreadable_field_that_is_read_after_all_is_expected() -> None:
    """The schema is known to be wrong in places: the live state is believed."""
    after = _after("updateNetworkWirelessSsid", {"vlanId": 20}, {"name": "x", "vlanId": 10}, networkId="N", number=0)
    assert after == {"name": "x", "vlanId": 20}


def test_a_keyed_map_is_expected_as_it_was_sent() -> None:
    """The map fixedIpAssignments replaces as a whole."""
    before = {"id": 1, "fixedIpAssignments": {"aa": {"ip": "1"}}}
    after = _after("updateNetworkApplianceVlan", {"fixedIpAssignments": {}}, before, networkId="N", vlanId="1")
    assert after["fixedIpAssignments"] == {}


def test_an_action_changes_what_the_overlay_says() -> None:
    """A bound network shows its template."""
    before = {"id": "N_1", "isBoundToConfigTemplate": False}
    assert _after("bindNetwork", {"configTemplateId": "L_1"}, before, networkId="N_1") == {
        "id": "N_1", "isBoundToConfigTemplate": True, "configTemplateId": "L_1",
    }  # fmt: skip
    assert _after("rebootDevice", None, None, serial="Q") is None


def test_an_action_whose_template_has_a_gap_changes_nothing_that_is_known() -> None:
    """Without a template id in the body nothing can be said."""
    before = {"id": "N_1"}
    assert _after("bindNetwork", {}, before, networkId="N_1") == before


def test_the_live_state_is_left_alone() -> None:
    """The expected state shares nothing with it."""
    before = {"tags": ["a"], "name": "x"}
    after = _after("updateNetwork", {"name": "y"}, before, networkId="N_1")
    after["tags"].append("b")
    assert before == {"tags": ["a"], "name": "x"}


def test_a_touch_can_be_had_with_the_body_that_is_sent() -> None:
    """Edits resolved; a touch without body stays as it is."""
    touch = write("updateNetwork", {"tags": {"$insert": ["b"], "at": "last"}}, networkId="N_1")
    assert with_sent_body(OVERLAY, touch, {"tags": ["a"]}).body == {"tags": ["a", "b"]}
    reboot = write("rebootDevice", serial="Q")
    assert with_sent_body(OVERLAY, reboot, None) is reboot


def test_a_rewritten_list_keeps_what_only_the_get_tells_of_its_elements() -> None:
    """Ids and names do not look removed because a PUT cannot carry them."""
    before = {
        "radiusServers": [{"id": "7", "host": "1.1.1.1", "port": 1812}, {"id": "8", "host": "2.2.2.2", "port": 1812}]
    }
    body = {"radiusServers": [{"host": "2.2.2.2", "port": 1812, "secret": "s"}, {"host": "3.3.3.3", "port": 1812}]}
    after = _after("updateNetworkWirelessSsid", body, before, networkId="N", number=0)
    assert after["radiusServers"] == [{"id": "8", "host": "2.2.2.2", "port": 1812}, {"host": "3.3.3.3", "port": 1812}]


def test_an_ssid_loses_the_fields_of_the_mode_that_it_leaves() -> None:
    """They are not missed when it is read back."""
    before = {
        "authMode": "psk",
        "psk": "x",
        "encryptionMode": "wpa",
        "splashPage": "None",
        "ipAssignmentMode": "NAT mode",
    }
    after = _after("updateNetworkWirelessSsid", {"authMode": "open"}, before, networkId="N", number=0)
    assert after == {"authMode": "open", "splashPage": "None", "ipAssignmentMode": "NAT mode"}


def test_an_action_on_rows_changes_those_that_it_names() -> None:
    """Or ends them; a row that is not there changes nothing."""
    rows = [{"serial": "A", "vlanProfile": {"iname": "x"}}, {"serial": "B", "vlanProfile": {"iname": "y"}}]
    body = {"vlanProfile": {"iname": "new"}, "serials": ["B"], "stackIds": []}
    reassign = write("reassignNetworkVlanProfilesAssignments", body, networkId="N_1")
    assert expected_state(CATALOGUE, OVERLAY, reassign, rows) == [
        rows[0],
        {"serial": "B", "vlanProfile": {"iname": "new"}},
    ]
    delete = "createOrganizationApplianceDnsLocalProfilesAssignmentsBulkDelete"
    live = [{"assignmentId": "1"}, {"assignmentId": "2"}]
    gone = write(delete, {"items": [{"assignmentId": "1"}]}, organizationId="1")
    assert expected_state(CATALOGUE, OVERLAY, gone, live) == [{"assignmentId": "2"}]
    odd = write(delete, {"items": [{"assignmentId": "7"}]}, organizationId="1")
    assert expected_state(CATALOGUE, OVERLAY, odd, live) == live
