"""A call against its operation: what is refused, and in which words."""

from typing import Any

import pytest

from mcp_server.catalogue.validation import faults
from mcp_server.domain.call import Touch
from tests.support.shipped import CATALOGUE, sample
from tests.support.tokens import tokens

SSID = {"networkId": "N_1", "number": "3"}


def said(operation: str, params: dict[str, Any], body: Any = None) -> list[str]:
    """The faults as a caller reads them."""
    return [str(fault) for fault in faults(CATALOGUE.find(operation), Touch(operation, params, body))]


def ssid(body: Any) -> list[str]:
    """The faults of a body for one SSID."""
    return said("updateNetworkWirelessSsid", SSID, body)


def rules(value: Any) -> list[str]:
    """The faults of a list of L3 firewall rules."""
    return said("updateNetworkApplianceFirewallL3FirewallRules", {"networkId": "N_1"}, {"rules": value})


RULE = {"policy": "deny", "protocol": "any", "srcCidr": "Any", "destCidr": "10.0.0.0/8"}


def test_every_operation_accepts_a_body_made_of_its_own_schema() -> None:
    """No operation of the catalogue refuses what it describes itself."""
    for id_ in CATALOGUE.ids():
        operation = CATALOGUE.find(id_)
        params = dict.fromkeys(operation.path_params, "1") | {n: sample(s) for n, s in operation.query.items()}
        body = sample(operation.body) if operation.body else None
        assert said(id_, params, body) == []


def test_all_faults_are_told_at_once() -> None:
    """Parameters and body, every depth, in one go."""
    found = said(
        "updateNetworkWirelessSsid",
        {"networkid": "N_1", "number": "3"},
        {"nmae": "x", "authMode": "psk2", "enabled": "yes", "radiusServers": [{"port": "a"}]},
    )
    assert found == [
        "params.networkid: no such parameter (nearest: networkId)",
        "params.networkId: missing; the path needs it",
        "body.nmae: no such field (nearest: name)",
        ('body.authMode: not allowed, found string "psk2" (allowed: psk, 8021x-entra, 8021x-google and 13 more)'),
        'body.enabled: expects a boolean, found string "yes"',
        'body.radiusServers[0].port: expects an integer, found string "a"',
        "body.radiusServers[0].host: missing; the operation requires a string",
    ]


@pytest.mark.parametrize("value", ["3", 3, 3.0, "N_1", "aHR0cHM6Ly93d3cuZXhhbXBsZS5jb20=", {"$ref": "step-1.id"}])
def test_an_id_may_be_text_a_number_or_the_id_of_an_earlier_step(value: Any) -> None:
    """Path parameters are text in the end."""
    assert said("updateNetworkWirelessSsid", {"networkId": "N_1", "number": value}) == []


@pytest.mark.parametrize(
    "value", ["", " ", ".", "..", "../x", "x/../y", "x\\..", "x//y", None, True, 1.5, float("nan"), float("inf"), [],
              ["1"], {}, {"$ref": "1"}, "a\nb", "x" * 2001, 10**30, "********"]
)  # fmt: skip
def test_what_is_no_id_is_refused(value: Any) -> None:
    """Also what a client or proxy would fold into the path."""
    assert len(said("updateNetworkWirelessSsid", {"networkId": "N_1", "number": value})) == 1


@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"perPage": "ten"}, 'params.perPage: expects an integer, found string "ten"'),
        ({"perPage": 1.5}, "params.perPage: expects an integer, found number 1.5"),
        ({"isCatalyst": "yes"}, 'params.isCatalyst: expects a boolean, found string "yes"'),
        ({"includedEventTypes": "a"}, 'params.includedEventTypes: expects a list, found string "a"'),
        ({"includedEventTypes": [["a"]]}, "params.includedEventTypes[0]: expects a string, found list"),
        ({"clientMac": {"a": 1}}, "params.clientMac: expects a string, found object"),
    ],
)
def test_query_parameters_are_checked_by_kind(params: dict[str, Any], fault: str) -> None:
    """Each with what was found."""
    assert said("getNetworkEvents", {"networkId": "N_1", **params}) == [fault]


@pytest.mark.parametrize(
    "params", [{"perPage": "10"}, {"isCatalyst": "true"}, {"isCatalyst": False}, {"clientMac": None}, {"clientIp": 7}]
)
def test_a_query_parameter_may_be_given_as_text(params: dict[str, Any]) -> None:
    """It travels as text."""
    assert said("getNetworkEvents", {"networkId": "N_1", **params}) == []


def test_an_enum_of_a_query_is_checked() -> None:
    """The nearest value is named first."""
    assert said("getNetworkEvents", {"networkId": "N_1", "productType": "swich"}) == [
        ('params.productType: not allowed, found string "swich" (allowed: switch, appliance, camera and 6 more)')
    ]


def test_a_required_query_parameter_must_be_there() -> None:
    """The cloud refuses without it."""
    assert said("getOrganizationClientsSearch", {"organizationId": "1"}) == [
        "params.mac: missing; the operation requires a string"
    ]


def test_a_name_in_the_wrong_place_is_told_to_move() -> None:
    """A parameter in the body and a field in the params."""
    found = said("updateNetworkWirelessSsid", {"networkId": "N_1", "name": "x"}, {"number": 3})
    assert "params.name: is a field of the body; move it to body" in found
    assert "body.number: is a parameter; move it to params" in found


def test_a_body_where_there_is_none_is_refused() -> None:
    """{} and null are a body that was not given."""
    assert said("deleteNetwork", {"networkId": "N_1"}, {"name": "x"}) == ["body: the operation takes no body"]
    assert said("deleteNetwork", {"networkId": "N_1"}, {}) == []


def test_required_fields_count_also_without_a_body() -> None:
    """A create without its body is told what it needs."""
    assert said("createNetworkApplianceVlan", {"networkId": "N_1"}) == [
        "body.id: missing; the operation requires a string",
        "body.name: missing; the operation requires a string",
    ]


@pytest.mark.parametrize("body", [[], "text", 7, [{"name": "x"}]])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    """Whatever else it is."""
    assert len(ssid(body)) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"name": 7}, {"enabled": 1}, {"enabled": "true"}, {"vlanId": "7"}, {"vlanId": True}, {"vlanId": 7.5},
        {"minBitrate": "11"}, {"radiusServers": {}}, {"dot11w": []}, {"dot11w": "on"}, {"walledGardenRanges": [7]},
        {"radiusServers": [None]}, {"radiusServers": ["x"]}, {"minBitrate": float("nan")}, {"vlanId": 10**30},
        {"name": "\ud800"}, {"name": b"x"}, {"minBitrate": float("-inf")},
    ],
)  # fmt: skip
def test_a_field_of_another_kind_is_refused(body: Any) -> None:
    """Once, with what was expected."""
    assert len(ssid(body)) == 1


@pytest.mark.parametrize("body", [{"vlanId": 7.0}, {"minBitrate": 11}, {"name": ""}, {"radiusServers": []}])
def test_a_number_may_be_written_either_way(body: Any) -> None:
    """7.0 is an integer in JSON, 11 is a number."""
    assert ssid(body) == []


def test_null_clears_any_field() -> None:
    """Facts 1.3: an explicit null is what clears a value."""
    fields = CATALOGUE.find("updateNetworkWirelessSsid").body
    assert fields is not None
    assert ssid(dict.fromkeys(fields.fields)) == []


def test_an_integer_for_a_text_is_told_how_to_be_written() -> None:
    """VLAN ids are text in a create."""
    found = said("createNetworkApplianceVlan", {"networkId": "N_1"}, {"id": 100, "name": "Guest"})
    assert found == ['body.id: expects a string, found integer 100; write "100"']


def test_an_enum_of_whole_numbers_takes_numbers() -> None:
    """And refuses the others."""
    operation = "updateNetworkWirelessSsidSplashSettings"
    assert said(operation, SSID, {"splashTimeout": 60}) == []
    assert said(operation, SSID, {"splashTimeout": 60.0}) == []
    assert "not allowed, found integer 61" in said(operation, SSID, {"splashTimeout": 61})[0]
    assert "expects an integer" in said(operation, SSID, {"splashTimeout": "60"})[0]


@pytest.mark.parametrize(
    "masked",
    ["****", "********", "••••••", "<redacted>", "[REDACTED]", "(hidden)", "***REMOVED***", "<masked>", "{secret}",
     "REDACTED", "<hidden by policy>"],
)  # fmt: skip
def test_a_masked_value_is_a_fault_in_any_field(masked: str) -> None:
    """It would overwrite the real one."""
    for body in ({"psk": masked}, {"name": masked}, {"radiusServers": [{"host": "h", "secret": masked}]}):
        assert [fault for fault in ssid(body) if "masked" in fault]


@pytest.mark.parametrize("masked", ["abc****", "****1234", "xxxx", "hidden", "....", "*"])
def test_a_secret_field_takes_nothing_that_looks_masked(masked: str) -> None:
    """Half a mask is a mask there, and plain text elsewhere."""
    assert [fault for fault in ssid({"psk": masked}) if "masked" in fault]
    assert ssid({"name": masked}) == []


@pytest.mark.parametrize("plain", ["*", "**", "*.example.com", "Redacted Corp", "secret garden", "xxx", "S3cr3t!pass"])
def test_ordinary_text_is_not_taken_for_a_mask(plain: str) -> None:
    """Wildcards and names pass."""
    assert ssid({"name": plain}) == []


def test_the_value_of_a_secret_is_never_shown() -> None:
    """Whatever is wrong with it."""
    canary = "hunter2-hunter2"
    bodies: list[Any] = [
        {"psk": [canary]}, {"psk": {"value": canary}}, {"radiusServers": [{"host": "h", "secret": 77123}]},
        {"activeDirectory": {"credentials": {"password": [canary]}}},
        {"ldap": {"credentials": {"distinguishedName": 77123}}},
        {"radiusServers": [{"port": 1, "secret": canary}]},
        {"encryptionMode": "wep", "psk": 5551212},
    ]  # fmt: skip
    for body in bodies:
        text = " ".join(ssid(body))
        assert text
        assert canary not in text
        assert "77123" not in text
        assert "5551212" not in text


def test_a_fault_fits_in_sixty_tokens() -> None:
    """Whatever the caller typed: long names, control characters, other scripts."""
    wild = "\u202e\u0000\n名前🦆" * 50
    bodies: list[Any] = [
        {wild: 1}, {"name": [wild]}, {"authMode": wild}, {"enabled": wild}, {"x" * 5000: 1},
        {"dot11w": {wild: {wild: 1}}},
        {"radiusServers": [{"host": "h"}] * 300 + [{wild: 1}]}, {"vlanId": 10**30}, {"splashPage": "9" * 400},
    ]  # fmt: skip
    for body in bodies:
        for fault in ssid(body):
            assert fault.isascii()
            assert fault.isprintable()
            assert tokens(fault) <= 60, fault


def test_depth_is_bounded_where_the_catalogue_says_nothing() -> None:
    """A free map may be 64 levels deep and no deeper."""

    def nested(levels: int) -> Any:
        value: Any = "x"
        for _ in range(levels):
            value = {"a": value}
        return value

    params = {"networkId": "N_1", "staticRouteId": "1"}
    operation = "updateNetworkApplianceStaticRoute"
    assert said(operation, params, {"fixedIpAssignments": nested(60)}) == []
    assert len(said(operation, params, {"fixedIpAssignments": nested(5000)})) == 1


def test_free_maps_are_still_walked() -> None:
    """For masks, NaN and unknown words of the plan language."""
    operation, params = "updateNetworkApplianceStaticRoute", {"networkId": "N_1", "staticRouteId": "1"}
    for value in ({"ip": "********"}, {"ip": float("nan")}, {"ip": {"$reff": "step-1.id"}}, {"ip": {"$ref": "x"}}):
        assert len(said(operation, params, {"fixedIpAssignments": {"22:33:44:55:66:77": value}})) == 1
    assert said(operation, params, {"fixedIpAssignments": {"22:33:44:55:66:77": {"ip": "1.2.3.4", "name": None}}}) == []


def test_the_number_of_faults_is_bounded() -> None:
    """A flood of unknown names costs neither the caller nor the server."""
    assert len(ssid({f"field{number}": 1 for number in range(50_000)})) == 200


@pytest.mark.parametrize(
    "body",
    [
        {"psk": {"$secret": "GUEST_PSK"}}, {"psk": {"$generate": 20}}, {"name": {"$ref": "step-1.name"}},
        {"vlanId": {"$ref": "step-2.id"}}, {"enabled": {"$ref": "step-2.enabled"}},
        {"walledGardenRanges": [{"$ref": "step-1.rules[0].destCidr"}]},
        {"radiusServers": [{"host": "h", "secret": {"$secret": "radius.main"}}]},
        {"name": {"$text": "OBJ({step-1.id}),10.0.0.0/8,GRP({step-12.id})"}},
    ],
)  # fmt: skip
def test_placeholders_stand_for_values(body: Any) -> None:
    """A secret and a generated text for a string, an earlier step's field for any scalar."""
    assert ssid(body) == []


@pytest.mark.parametrize(
    "body",
    [
        {"psk": {"$secret": ""}}, {"psk": {"$secret": "a b"}}, {"psk": {"$secret": 7}}, {"psk": {"$generate": 4}},
        {"psk": {"$generate": True}}, {"psk": {"$generate": "20"}}, {"name": {"$ref": "step-0.id"}},
        {"name": {"$ref": "step-1"}}, {"name": {"$ref": "1.id"}}, {"name": {"$ref": 1}},
        {"psk": {"$secret": "A", "extra": 1}}, {"vlanId": {"$secret": "A"}}, {"enabled": {"$generate": 20}},
        {"authMode": {"$secret": "A"}}, {"dot11w": {"$ref": "step-1.id"}}, {"radiusServers": {"$ref": "step-1.id"}},
        {"$ref": "step-1.id"}, {"name": {"$reff": "step-1.id"}},
        {"name": {"$text": "10.0.0.0/8"}}, {"name": {"$text": "{step-1.id}"}}, {"name": {"$text": 7}},
        {"name": {"$text": "OBJ({step-1.name})"}}, {"name": {"$text": "OBJ({step-1.id}),{step-1.name}"}},
        {"name": {"$text": "OBJ({step-1.id})", "x": 1}}, {"vlanId": {"$text": "OBJ({step-1.id})"}},
        {"authMode": {"$text": "OBJ({step-1.id})"}},
    ],
)  # fmt: skip
def test_a_malformed_or_misplaced_placeholder_is_refused(body: Any) -> None:
    """Once."""
    assert len(ssid(body)) == 1


@pytest.mark.parametrize(
    "edit",
    [
        {"$insert": [RULE], "before": {"comment": "Block guest"}}, {"$insert": [RULE], "after": {"policy": "deny"}},
        {"$insert": [RULE, RULE], "at": "first"}, {"$insert": [RULE], "at": "last"}, {"$remove": {"comment": "old"}},
        {"$update": {"comment": "old"}, "set": {"policy": "allow"}},
        [{"$remove": {"comment": "old"}}, {"$insert": [RULE], "at": "last"}],
        {"$remove": {"id": "7"}},
    ],
)  # fmt: skip
def test_a_list_may_be_an_edit_of_the_live_list(edit: Any) -> None:
    """A match is partial: nothing is required in it, and it may name the live element's id."""
    assert rules(edit) == []


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        ({"$insert": [RULE]}, 'body.rules: $insert needs one of "before", "after" or "at"'),
        ({"$insert": [RULE], "at": "end"}, 'body.rules: "at" is "first" or "last"'),
        ({"$insert": [RULE], "at": "last", "before": {"comment": "x"}}, ('body.rules: $insert needs one of "before", '
         '"after" or "at"')),
        ({"$insert": RULE, "at": "last"}, "body.rules: $insert takes a list of elements"),
        ({"$insert": [], "at": "last"}, "body.rules: $insert takes a list of elements"),
        ({"$insert": [{"policy": "deny"}], "at": "last"}, ("body.rules.$insert[0].destCidr: missing; the operation "
         "requires a string")),
        ({"$insert": [{**RULE, "polcy": "x"}], "at": "last"}, ("body.rules.$insert[0].polcy: no such field "
         "(nearest: policy)")),
        ({"$remove": {}}, "body.rules.$remove: needs a partial object that names one element"),
        ({"$remove": "x"}, "body.rules.$remove: needs a partial object that names one element"),
        ({"$remove": {"coment": "x"}}, "body.rules.$remove.coment: no such field (nearest: comment)"),
        ({"$remove": {"comment": "x"}, "$insert": [RULE]}, "body.rules: one of $insert, $remove, $update at a time"),
        ({"$remove": {"comment": "x"}, "set": {}}, "body.rules: $remove does not take 'set'"),
        ({"$update": {"comment": "x"}}, 'body.rules: $update needs "set" with the fields to change'),
        ({"$update": {"comment": "x"}, "set": {"policy": 7}},
         ('body.rules.set.policy: expects a string, found integer 7; '
         'write "7"')),
        ([RULE, {"$remove": {"comment": "x"}}], "body.rules[0]: a list holds either elements or edits, not both"),
        ({"add": [RULE]}, "body.rules: expects a list or an edit, found object (allowed: $insert, $remove, $update)"),
    ],
)  # fmt: skip
def test_a_malformed_edit_is_refused(edit: Any, fault: str) -> None:
    """With what it should be."""
    assert fault in rules(edit)


def test_a_list_of_plain_values_is_edited_by_value() -> None:
    """A tag is removed by being named; it has no fields to set."""
    params = {"networkId": "N_1"}
    assert said("updateNetwork", params, {"tags": {"$remove": "old"}}) == []
    assert said("updateNetwork", params, {"tags": {"$insert": ["new"], "at": "last"}}) == []
    assert len(said("updateNetwork", params, {"tags": {"$insert": [7], "at": "last"}})) == 1
    assert len(said("updateNetwork", params, {"tags": {"$update": "old", "set": {"a": 1}}})) == 1
    assert len(said("updateNetwork", params, {"tags": {"$remove": {"name": "old"}}})) == 1
