"""Values filled in when a step is sent."""

import pytest

from mcp_server.changes.planning.placeholders import Sources, filled, filled_path, placeholders, renumbered, texts_shown
from mcp_server.errors import Refused

SOURCES = Sources(
    secret={"PSK": "s3cret-value"}.get,
    generate=lambda length: "g" * length,
    created={1: {"id": "42", "nested": {"deep": 7}}},
    own={"groupPolicyId": "101"},
)


def test_every_kind_of_placeholder_is_filled_anywhere_in_a_body() -> None:
    """Secrets, generated values, references and own ids, in objects and lists."""
    body = {
        "psk": {"$secret": "PSK"},
        "list": [{"passphrase": {"$generate": 20}}, {"$ref": "step-1.nested.deep"}],
        "id": {"$created": "groupPolicyId"},
        "plain": {"a": 1},
    }
    expected = {"psk": "s3cret-value", "list": [{"passphrase": "g" * 20}, 7], "id": "101", "plain": {"a": 1}}
    assert filled(body, SOURCES) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"$secret": "OTHER"}, "secret_missing"),
        ({"$ref": "step-2.id"}, "reference_missing"),
        ({"$ref": "step-1.name"}, "reference_missing"),
        ({"$ref": "nonsense"}, "reference_missing"),
        ({"$created": "id"}, "created_id_unknown"),
    ],
)
def test_a_value_that_cannot_be_filled_refuses_with_its_own_code(value: dict[str, str], code: str) -> None:
    """Nothing is sent with a placeholder in it."""
    with pytest.raises(Refused) as refused:
        filled({"x": value}, SOURCES)
    assert refused.value.reason == code
    assert refused.value.remedy


def test_a_text_gets_the_ids_that_it_names() -> None:
    """The rest of it stays; before it is sent the rules see it as it stands."""
    text = {"$text": "OBJ({step-1.id}),10.0.0.0/8"}
    assert filled({"rules": [{"destCidr": text}]}, SOURCES) == {"rules": [{"destCidr": "OBJ(42),10.0.0.0/8"}]}
    assert texts_shown({"rules": [{"destCidr": text}]}) == {"rules": [{"destCidr": text["$text"]}]}


def test_a_path_gets_the_id_that_an_earlier_step_created() -> None:
    """{step-1.id} in a path is replaced."""
    assert filled_path("/networks/N_1/groupPolicies/{step-1.id}", SOURCES) == "/networks/N_1/groupPolicies/42"


def test_placeholders_are_found_by_name_wherever_they_stand() -> None:
    """The names of the secrets that a body needs."""
    body = {"a": [{"$secret": "ONE"}], "b": {"c": {"$secret": "TWO"}}, "d": {"$generate": 8}}
    assert placeholders(body, "$secret") == ("ONE", "TWO")


def test_references_follow_their_step_when_others_are_left_out() -> None:
    """With step 1 left out step 2 becomes step 1, and a reference to what is left out is refused."""
    assert renumbered({"a": [{"$ref": "step-2.id"}], "b": 1}, {2: 1}) == {"a": [{"$ref": "step-1.id"}], "b": 1}
    with pytest.raises(Refused) as refused:
        renumbered({"$ref": "step-1.id"}, {2: 1})
    assert refused.value.reason == "reference_blocked"
