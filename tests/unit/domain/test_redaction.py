"""Secrets are masked by name and by value; text from outside is shown inert."""

import base64
from urllib.parse import quote

import pytest

from mcp_server.catalogue.operations import Catalogue
from mcp_server.domain.redaction import (
    MASK,
    clean,
    cleaned,
    counted,
    is_secret_field,
    is_secret_path,
    listed,
    numbers,
    redacted,
    without_tags,
)

SECRET = "pläin sécret/+&<47>"


@pytest.mark.parametrize(
    "name",
    [
        "psk", "secret", "sharedSecret", "shared_secret", "passphrase", "password", "communityString", "apiKey",
        "X-Cisco-Meraki-API-Key", "Authorization", "v3AuthPass", "v2CommunityString", "privateKey", "licenseKey",
        "radiusSecret", "claimKey", "vppServiceToken", "pin",
    ],
)  # fmt: skip
def test_fields_that_hold_secrets_are_known_however_they_are_written(name: str) -> None:
    """Case and separators make no difference."""
    assert is_secret_field(name)
    assert redacted({name: "value"}) == {name: MASK}


@pytest.mark.parametrize(
    "name", ["name", "key", "authMode", "pinned", "minimumPasswordLength", "certificate", "tokens"]
)
def test_fields_that_sound_alike_stay(name: str) -> None:
    """A mask where no secret is would hide what a person must see."""
    assert not is_secret_field(name)
    assert redacted({name: "value"}) == {name: "value"}


def test_a_secret_is_masked_at_any_depth_and_only_its_value() -> None:
    """What surrounds it stays readable; switches, null and empty text are no secrets."""
    value = {"ssid": [{"name": "a", "psk": "12345678", "radiusServers": [{"host": "h", "secret": "s"}]}]}
    assert redacted(value) == {"ssid": [{"name": "a", "psk": MASK, "radiusServers": [{"host": "h", "secret": MASK}]}]}
    assert redacted({"password": None, "secret": "", "psk": True}) == {"password": None, "secret": "", "psk": True}
    assert redacted({"secret": {"a": ["x", 7, {"b": "y"}], "on": False}}) == {
        "secret": {"a": [MASK, MASK, {"b": MASK}], "on": False}
    }


def test_placeholders_stay_for_they_are_no_secrets() -> None:
    """A person must see that a secret will be put in; a placeholder that could hold one is masked."""
    body = {"psk": {"$generate": 20}, "secret": {"$secret": "RADIUS"}}
    assert redacted(body) == body
    assert redacted({"psk": {"$secret": "two words"}}) == {"psk": {"$secret": MASK}}
    assert redacted({"psk": {"$secret": "RADIUS"}}, ["RADIUS"]) == {"psk": {"$secret": MASK}}


def test_a_difference_that_names_a_secret_field_hides_its_values() -> None:
    """The name of the field stands in one place, its values in others."""
    shown = redacted([{"path": "radiusServers[0].secret", "before": "old", "after": "new", "how": "set"}])
    assert shown == [{"path": "radiusServers[0].secret", "before": MASK, "after": MASK, "how": "set"}]
    assert redacted({"field": "psk", "planned": "a", "found": "b"}) == {"field": "psk", "planned": MASK, "found": MASK}
    assert redacted({"path": "name", "before": "a", "after": "b"}) == {"path": "name", "before": "a", "after": "b"}
    assert is_secret_path("ldap.credentials.password")


def test_key_material_is_masked_where_a_key_is_one() -> None:
    """API keys, licence keys and authorization headers, but no ordinary key."""
    assert redacted({"api": {"key": "abc"}, "licenses": [{"key": "k"}]}) == {
        "api": {"key": MASK}, "licenses": [{"key": MASK}],
    }  # fmt: skip
    assert redacted({"key": "Z2AA-BBBB-CCCC"}) == {"key": MASK}
    assert redacted({"gre": {"key": 7}}) == {"gre": {"key": 7}}
    assert redacted("got Authorization: Bearer abcdef0123456789 back") == f"got Authorization: Bearer {MASK} back"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"before {SECRET} after",
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"ab{SECRET}cd".encode()).decode(),
        f"https://h/?p={quote(SECRET, safe='')}",
        f"https://h/?p={quote(SECRET, safe='').lower()}",
        SECRET.encode().hex(),
        "pläin sécret/+&amp;&lt;47&gt;",
        "pl\\u00e4in s\\u00e9cret/+&<47>",
    ],
)
def test_a_known_secret_is_found_in_other_text_and_in_its_encoded_forms(text: str) -> None:
    """As it is, in base64 at any place, in hexadecimal, URL, HTML and JSON form; in values and in keys."""
    assert redacted(text, [SECRET]) != text
    assert MASK in redacted(text, [SECRET])
    assert MASK in next(iter(redacted({text: 1}, [SECRET])))
    assert redacted(text) == text


def test_a_very_short_secret_is_masked_as_a_whole_value_only() -> None:
    """Three characters stand in too many words."""
    assert redacted({"a": "abc", "b": "abcd", "c": 471}, ["abc", "471"]) == {"a": MASK, "b": "abcd", "c": MASK}


def test_masking_two_keys_keeps_both_entries() -> None:
    """Nothing disappears because two names became alike."""
    assert list(redacted({"abcd": 1, "x": 2, MASK: 3}, ["abcd"])) == [MASK, "x", f"{MASK}~2"]


def test_every_secret_of_the_catalogue_is_known_by_its_name() -> None:
    """The facts list 40 write-only and 9 readable secrets; none may be shown."""
    catalogue = Catalogue.load()
    for operation, path in (
        ("updateNetworkWirelessSsid", "psk"),
        ("updateNetworkWirelessSsid", "ldap.credentials.password"),
        ("updateNetworkWirelessSsid", "radiusServers.secret"),
        ("updateNetworkSnmp", "communityString"),
        ("updateOrganizationSnmp", "v3PrivPass"),
        ("updateNetworkSwitchRoutingOspf", "md5AuthenticationKey.passphrase"),
        ("updateOrganizationApplianceVpnThirdPartyVPNPeers", "peers.secret"),
        ("updateOrganizationCellularGatewayEsimsServiceProvidersAccount", "apiKey"),
        ("createNetworkWebhooksHttpServer", "sharedSecret"),
    ):
        node = catalogue.find(operation).body
        for name in path.split("."):
            node = node.items if node is not None and node.items is not None else node
            assert node is not None
            assert name in node.fields, (operation, path)
            node = node.fields[name]
        assert is_secret_path(path)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Store 12 – São Paulo 日本", "Store 12 – São Paulo 日本"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x1b[2Jx", "\\u001b[2Jx"),
        ("a\u202eb\u2066c\u200bd\ufeffe", "a\\u202eb\\u2066c\\u200bd\\ufeffe"),
        ("\u2028\u2029\x85", "\\u2028\\u2029\\u0085"),
        ("\U000e0041\ufe01\u3164", "\\U000e0041\\ufe01\\u3164"),
        ("\ud800", "\\ud800"),
        (None, "None"),
        (7, "7"),
    ],
)
def test_unseen_characters_are_shown_as_escapes(text: object, shown: str) -> None:
    """Control, bidi, zero-width, separator, tag, filler and lone surrogate characters; ordinary text stays."""
    assert clean(text) == shown


def test_long_text_is_capped_with_a_sign_that_it_was() -> None:
    """At most the limit, whatever the escapes make of it; exactly the limit stays whole."""
    assert clean("x" * 200) == "x" * 200
    assert clean("x" * 201) == "x" * 199 + "…"
    assert clean("\n" * 150) == "\\n" * 99 + "…"
    assert clean("\u202e" * 4096, 10) == "\\u202e…"


def test_all_texts_of_a_value_are_cleaned_keys_too() -> None:
    """Types stay; two keys that become alike are both kept."""
    assert cleaned({"a\x00": ["b\u202e", 1, None, True, {"c": 2.5}]}) == {
        "a\\u0000": ["b\\u202e", 1, None, True, {"c": 2.5}]
    }
    assert cleaned({"a\n": 1, "a\\n": 2}) == {"a\\n": 1, "a\\n~2": 2}
    assert len(cleaned(["x" * 5000])[0]) == 1000


def test_a_long_list_of_names_is_shortened_with_its_rest_counted() -> None:
    """Three names and how many more."""
    assert listed(["a", "b\n", "c"]) == "a, b\\n, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


@pytest.mark.parametrize(
    "name",
    [
        "apiKey", "Authorization", "claimKey", "communityString", "contentToken", "credential", "hashedToken", "iPsk",
        "keyMaterial", "licenseKey", "passphrase", "passwd", "password", "pin", "pinCode", "preSharedKey",
        "private_key", "privateKeyPem", "psk", "radSecret", "secret", "secretKey", "snmpCommunity", "token",
        "v3AuthPass", "v3PrivPass", "wepKey", "X-Cisco-Meraki-API-Key", "myApiKey", "oauthAccessToken",
        "someAuthToken", "theBearerToken", "snmpCommunityString", "wifiPassphrase", "adminPassword", "rsaPrivateKey",
        "ssidPsk", "oauthRefreshToken", "pushServiceToken", "radiusSharedKey", "vpnSharedSecret", "oauthClientSecret",
        "my_radius_secret", "aws_secret_key",
    ],
)  # fmt: skip
def test_every_name_under_which_meraki_keeps_a_secret_is_known(name: str) -> None:
    """However it is written; the value is masked, whatever it is."""
    assert redacted({name: "value-of-it", "other": 1}) == {name: MASK, "other": 1}


@pytest.mark.parametrize(
    "name", ["pinned", "tokenId", "secretary", "keyId", "passwordPolicyEnabled", "pskGroup", "authorizationMode", "key"]
)
def test_a_name_that_only_sounds_alike_hides_nothing(name: str) -> None:
    """A mask over what is no secret would blind the reader."""
    assert redacted({name: "plain"}) == {name: "plain"}


def test_a_refusal_opens_no_tag_of_markup() -> None:
    """Keys, values and what lies inside; comparisons and arrows stay as they are."""
    given = {"<b>": ["<script>alert(1)</script>", {"deep": "a < b, <= c, -> d"}], "count": 3}
    assert without_tags(given) == {
        "\\u003cb>": ["\\u003cscript>alert(1)\\u003c/script>", {"deep": "a < b, <= c, -> d"}],
        "count": 3,
    }


def test_names_that_repeat_are_told_once_with_how_often() -> None:
    """Six VLANs of one network are six steps of one name."""
    assert counted(["vlan of A", "port 1", "vlan of A", "vlan of A"]) == ["vlan of A (3 times)", "port 1"]
    assert counted([]) == []
    assert listed(counted(["x" * 90, "x" * 90])).endswith("… (2 times)")


def test_numbers_read_as_ranges() -> None:
    """1, 2, 3, 7 is 1-3, 7."""
    assert numbers([1, 2, 3, 7]) == "1-3, 7"
    assert numbers([]) == ""
