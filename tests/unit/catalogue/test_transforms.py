"""From what is read to what is written, and what is sent of a requested body."""

from typing import Any

import pytest

from mcp_server.catalogue.overlay import Row
from mcp_server.catalogue.transforms import (
    body_to_send,
    coerced,
    has,
    named,
    pruned,
    refuse_masked,
    restorable,
    to_read,
    to_write,
    without,
)  # fmt: skip
from mcp_server.domain.operation import Kind, Schema
from mcp_server.errors import InvalidArguments
from tests.support.shipped import CATALOGUE, OVERLAY, sample, write

L3 = "updateNetworkApplianceFirewallL3FirewallRules"
SSID_L3 = "updateNetworkWirelessSsidFirewallL3FirewallRules"
DENY = {"comment": "Block", "policy": "deny", "protocol": "any", "srcCidr": "Any", "destCidr": "10.0.0.0/8"}
DEFAULT = {
    "comment": "Default rule", "policy": "allow", "protocol": "Any", "srcCidr": "Any", "destCidr": "Any",
    "syslogEnabled": False,
}  # fmt: skip
LAN = {"comment": "Wireless clients accessing LAN", "policy": "allow", "protocol": "Any", "destCidr": "Local LAN"}


def _row(operation: str) -> Row:
    return OVERLAY.row(operation)


def _body(operation: str, state: Any, over: Any = None) -> Any:
    return restorable(CATALOGUE, OVERLAY, operation, state, over=over)


def test_the_implicit_default_rule_is_not_written_back() -> None:
    """Sent as an explicit rule it would stand twice; whether it is logged has a field of its own."""
    assert _body(L3, {"rules": [DENY, DEFAULT]}) == {"rules": [DENY], "syslogDefaultRule": DEFAULT["syslogEnabled"]}


def test_a_rule_of_that_name_that_is_not_last_is_kept() -> None:
    """Only what stands at the end is implicit."""
    odd = {**DENY, "comment": "Default rule"}
    assert _body(L3, {"rules": [odd, DENY, DEFAULT]})["rules"] == [odd, DENY]


def test_both_implicit_rules_of_an_ssid_are_left_out() -> None:
    """The LAN rule is set by allowLanAccess."""
    state = {
        "rules": [{"policy": "deny", "protocol": "tcp", "destCidr": "1.1.1.1/32"}, LAN, DEFAULT],
        "allowLanAccess": True,
    }
    assert len(_body(SSID_L3, state)["rules"]) == 1
    assert _body(SSID_L3, state)["allowLanAccess"] is True


def test_the_default_rules_read_back_as_the_body_asks() -> None:
    """Logging of the default rule and LAN access show in the implicit rules."""
    row = _row(L3)
    read = to_read({"rules": [DENY], "syslogDefaultRule": True}, row, {"rules": [DEFAULT]})
    assert read["rules"] == [DENY, {**DEFAULT, "syslogEnabled": True}]
    ssid = to_read({"allowLanAccess": False}, _row(SSID_L3), {"rules": [LAN, DEFAULT]})
    assert ssid["rules"] == [{**LAN, "policy": "deny"}, DEFAULT]


def test_a_list_without_implicit_rules_gets_none() -> None:
    """What the live state does not show is not made up."""
    assert to_read({"rules": [DENY]}, _row(L3), {"rules": []}) == {"rules": [DENY]}


def test_categories_are_read_as_objects_and_written_as_ids() -> None:
    """Content filtering; the known names come back when read."""
    row = _row("updateNetworkApplianceContentFiltering")
    state = {"blockedUrlCategories": [{"id": "c/1", "name": "Adult"}]}
    assert to_write(state, row) == {"blockedUrlCategories": ["c/1"]}
    assert to_read({"blockedUrlCategories": ["c/1", "c/2"]}, row, state) == {
        "blockedUrlCategories": [{"id": "c/1", "name": "Adult"}, {"id": "c/2"}]
    }


def test_a_bare_list_is_wrapped_for_the_write_and_unwrapped_when_read() -> None:
    """Staged firmware stages."""
    transform, argument = named("wrap:_json")
    row = _row("updateNetworkFirmwareUpgradesStagedStages")
    assert transform.to_write([1], argument, row) == {"_json": [1]}
    assert transform.to_read({"_json": [1]}, argument, row, None) == [1]
    assert transform.to_read({"_json": None}, argument, row, [1]) == []
    assert transform.to_read({}, argument, row, [1]) == [1]
    assert transform.to_write({"other": 1}, argument, row) == {"other": 1}


def test_a_dropped_field_is_not_written() -> None:
    """And reads back as it was."""
    transform, argument = named("drop:mode")
    row = _row("updateNetwork")
    assert transform.to_write({"mode": 1, "name": "x"}, argument, row) == {"name": "x"}
    assert transform.to_read({"name": "x"}, argument, row, None) == {"name": "x"}


OPEN_SSID = {
    "number": 0, "name": "Guest", "enabled": True, "authMode": "open", "splashPage": "None", "encryptionMode": "open",
    "wpaEncryptionMode": "WPA2 only", "psk": "x", "ipAssignmentMode": "NAT mode", "radiusServers": [], "visible": True,
    "walledGardenEnabled": False, "lanIsolationEnabled": False, "useVlanTagging": False, "oauth": {}, "gre": {},
    "campusGateway": {}, "localAuthFallback": {"enabled": False}, "speedBurst": {"enabled": True},
}  # fmt: skip


def test_an_ssid_is_restored_without_the_fields_of_other_modes() -> None:
    """A PUT refuses them (facts: encryptionMode for 802.1X and the like)."""
    body = _body("updateNetworkWirelessSsid", OPEN_SSID)
    assert body == {
        "name": "Guest", "enabled": True, "authMode": "open", "splashPage": "None", "ipAssignmentMode": "NAT mode",
        "visible": True, "speedBurst": {"enabled": True},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("modes", "field", "stays"),
    [
        ({"authMode": "psk"}, "psk", True),
        ({"authMode": "psk"}, "encryptionMode", True),
        ({"authMode": "psk"}, "radiusServers", False),
        ({"authMode": "8021x-radius"}, "radiusServers", True),
        ({"authMode": "8021x-radius"}, "encryptionMode", False),
        ({"authMode": "8021x-radius"}, "wpaEncryptionMode", True),
        ({"authMode": "8021x-localradius"}, "radiusServers", False),
        ({"splashPage": "Password-protected with custom RADIUS"}, "radiusServers", True),
        ({"splashPage": "Click-through splash page"}, "walledGardenEnabled", True),
        ({"splashPage": "Google OAuth"}, "oauth", True),
        ({"ipAssignmentMode": "Bridge mode"}, "lanIsolationEnabled", True),
        ({"ipAssignmentMode": "Bridge mode"}, "useVlanTagging", True),
        ({"ipAssignmentMode": "VPN"}, "useVlanTagging", True),
        ({"ipAssignmentMode": "VPN"}, "lanIsolationEnabled", False),
        ({"ipAssignmentMode": "Ethernet over GRE"}, "gre", True),
        ({"ipAssignmentMode": "Campus Gateway"}, "campusGateway", True),
    ],
)
def test_each_mode_of_an_ssid_keeps_its_own_fields(modes: dict[str, str], field: str, stays: bool) -> None:
    """By authMode, splashPage and ipAssignmentMode."""
    assert (field in _body("updateNetworkWirelessSsid", {**OPEN_SSID, **modes})) is stays


def test_a_partial_ssid_body_is_left_alone() -> None:
    """The caller's own words are for the cloud to judge."""
    touch = write("updateNetworkWirelessSsid", {"psk": "a-long-password"}, networkId="N_1", number=0)
    assert body_to_send(OVERLAY, touch, OPEN_SSID) == {"psk": "a-long-password"}


def test_write_only_secrets_are_never_in_a_restored_body() -> None:
    """Not even when the state holds one: what was read is not what is stored."""
    state = {"name": "p", "radiusServers": [{"host": "1.2.3.4", "port": 1812, "secret": "x"}]}
    body = _body("updateNetworkSwitchAccessPolicy", state)
    assert body["radiusServers"] == [{"host": "1.2.3.4", "port": 1812}]


def test_a_masked_value_is_neither_restored_nor_sent() -> None:
    """Writing asterisks would destroy the secret."""
    with pytest.raises(InvalidArguments) as refused:
        _body("updateNetworkSnmp", {"access": "users", "users": [{"username": "a", "passphrase": "********"}]})
    assert refused.value.reason == "masked_value"
    assert refused.value.details["faults"] == ["users[0].passphrase is masked"]
    with pytest.raises(InvalidArguments):
        body_to_send(OVERLAY, write("updateNetworkSnmp", {"communityString": "<redacted>"}, networkId="N"), {})


@pytest.mark.parametrize("value", ["**", "a***b", "Guest *** WiFi", "", None, 3])
def test_ordinary_text_is_not_taken_for_a_mask(value: Any) -> None:
    """Only a text that is nothing but a mask."""
    refuse_masked({"name": value})


def test_what_the_live_state_has_and_the_old_one_had_not_is_cleared() -> None:
    """By an explicit null, or an empty list (Terraform provider #279)."""
    body = _body(
        "updateDeviceSwitchPort", {"name": "a"}, over={"name": "b", "voiceVlan": 5, "tags": ["x"], "portId": "1"}
    )
    assert body == {"name": "a", "voiceVlan": None, "tags": []}


def test_choices_and_switches_cannot_be_cleared_and_are_left_out() -> None:
    """The API refuses null for them."""
    over = {"name": "b", "udld": "Enforce", "poeEnabled": True, "profile": {"enabled": False}}
    assert _body("updateDeviceSwitchPort", {"name": "a"}, over=over) == {"name": "a"}


def test_a_state_is_pruned_to_the_schema_in_the_schemas_kinds() -> None:
    """A VLAN id is read as a number and written as text."""
    body = _body("createNetworkApplianceVlan", {"id": 10, "name": "x", "networkId": "N_1", "interfaceId": "9"})
    assert body == {"id": "10", "name": "x"}
    assert coerced("12", Kind.INTEGER) == 12
    assert coerced("12a", Kind.INTEGER) == "12a"
    assert coerced(True, Kind.STRING) is True


def test_null_is_kept_for_plain_fields_and_dropped_for_choices() -> None:
    """Null clears a text and is refused for an enum."""
    schema = Schema(Kind.OBJECT, fields={"a": Schema(Kind.STRING), "b": Schema(Kind.STRING, enum=("x",))})
    assert pruned({"a": None, "b": None, "c": 1}, schema) == {"a": None}


@pytest.mark.parametrize("operation", [id_ for id_ in CATALOGUE.writes() if id_.startswith("update")])
def test_every_restored_body_fits_its_schema(operation: str) -> None:
    """Whatever is read, the body has only fields that the write knows, and no write-only secret."""
    found = CATALOGUE.find(operation)
    schema = OVERLAY.places.read_schema(found)
    if schema is None or found.body is None:
        assert OVERLAY.row(operation).undo == "none" or found.body is None or OVERLAY.row(operation).reader
        return
    body = _body(operation, sample(schema))
    assert body == pruned(body, found.body)
    assert not [path for path in OVERLAY.row(operation).write_only if has(body, path)]


def test_an_edit_is_resolved_and_the_implicit_rules_are_left_out() -> None:
    """What is sent is the whole list without the default rule."""
    edit = {"rules": {"$insert": [{**DENY, "comment": "new"}], "at": "last"}}
    sent = body_to_send(OVERLAY, write(L3, edit, networkId="N_1"), {"rules": [DENY, DEFAULT]})
    assert [rule["comment"] for rule in sent["rules"]] == ["Block", "new"]


def test_a_default_rule_that_the_caller_repeats_is_left_out() -> None:
    """A list that was read, edited and sent back carries it."""
    sent = body_to_send(OVERLAY, write(L3, {"rules": [DENY, DEFAULT]}, networkId="N_1"), {"rules": [DEFAULT]})
    assert sent == {"rules": [DENY]}


@pytest.mark.parametrize("other", [{"policy": "deny"}, {"destCidr": "10.0.0.0/8"}, {"syslogEnabled": True}], ids=str)
def test_a_default_rule_that_says_something_else_is_refused(other: dict[str, Any]) -> None:
    """Left out in silence, the caller would believe that it holds."""
    touch = write(L3, {"rules": [DENY, {**DEFAULT, **other}]}, networkId="N_1")
    with pytest.raises(InvalidArguments) as caught:
        body_to_send(OVERLAY, touch, {"rules": [DEFAULT]})
    assert caught.value.details["field"] == "rules[1]"


def test_the_fields_beside_the_rules_speak_for_the_implicit_ones() -> None:
    """Logging and LAN access are asked for there, and may be repeated on the rule."""
    body = {"rules": [DENY, {**DEFAULT, "syslogEnabled": True}], "syslogDefaultRule": True}
    sent = body_to_send(OVERLAY, write(L3, body, networkId="N_1"), {"rules": [DEFAULT]})
    assert sent == {"rules": [DENY], "syslogDefaultRule": True}


def test_an_edit_of_categories_speaks_of_ids() -> None:
    """The live objects are turned into ids before the edit."""
    edit = {"blockedUrlCategories": [{"$remove": "c/1"}, {"$insert": ["c/3"], "at": "last"}]}
    live = {"blockedUrlCategories": [{"id": "c/1", "name": "A"}, {"id": "c/2", "name": "B"}]}
    touch = write("updateNetworkApplianceContentFiltering", edit, networkId="N_1")
    assert body_to_send(OVERLAY, touch, live) == {"blockedUrlCategories": ["c/2", "c/3"]}


def test_some_alerts_are_completed_to_the_whole_list() -> None:
    """It means the same whether the cloud merges or replaces."""
    live = {
        "alerts": [
            {"type": "gatewayDown", "enabled": False, "filters": {"timeout": 60}},
            {"type": "rogueAp", "enabled": True},
        ]
    }
    body = {"alerts": [{"type": "gatewayDown", "enabled": True}, {"type": "new", "enabled": True}]}
    sent = body_to_send(OVERLAY, write("updateNetworkAlertsSettings", body, networkId="N_1"), live)
    assert sent["alerts"] == [
        {"type": "gatewayDown", "enabled": True, "filters": {"timeout": 60}},
        {"type": "rogueAp", "enabled": True},
        {"type": "new", "enabled": True},
    ]


def test_a_write_without_body_sends_none() -> None:
    """A delete or a reboot."""
    assert body_to_send(OVERLAY, write("rebootDevice", serial="Q2AA-AAAA-AAAA"), None) is None


def test_fields_are_removed_wherever_their_path_leads() -> None:
    """In every element of a list; a path that is not there changes nothing."""
    value = {"servers": [{"host": "a", "secret": "1"}, {"host": "b"}], "secret": "2"}
    assert without(value, ("servers[].secret", "nothing.here")) == {
        "servers": [{"host": "a"}, {"host": "b"}], "secret": "2",
    }  # fmt: skip
    assert without({"tags": ["a"]}, ("tags[]",)) == {"tags": ["a"]}
    assert has(value, "servers[].secret")
    assert not has(value, "servers[].port")


def test_a_number_that_is_a_choice_stays_a_number() -> None:
    """The splash timeout is read and written as a number of minutes."""
    assert _body("updateNetworkWirelessSsidSplashSettings", {"splashTimeout": 1440}) == {"splashTimeout": 1440}


def test_an_object_without_what_it_requires_is_left_out() -> None:
    """No systems manager network is read as one without id, which a PUT refuses."""
    state = {"sentryEnrollment": {"systemsManagerNetwork": {"id": None}, "strength": "focused"}}
    body = _body("updateNetworkWirelessSsidSplashSettings", state)
    assert body == {"sentryEnrollment": {"strength": "focused"}}
