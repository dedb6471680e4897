"""Comparison by meaning for the read-back."""

from typing import Any

import pytest

from mcp_server.domain.plan import FieldChange
from mcp_server.domain.state.compare import differences, is_unknown


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"minBitrate": 11}, {"minBitrate": 11.0}),
        ({"vlan": "10"}, {"vlan": 10}),
        ({"mac": "AA-BB-CC-00-11-22"}, {"mac": "aa:bb:cc:00:11:22"}),
        ({"destCidr": "any"}, {"destCidr": "Any"}),
        ({"vlan": None}, {}),
        ({"notes": None}, {"notes": ""}),
        ({"tags": []}, {"tags": None}),
        ({"name": "a"}, {"name": "a", "url": "https://x"}),
        ({"psk": {"$secret": "GUEST"}}, {"psk": "whatever"}),
        ({"id": {"$unknown": "id"}}, {"id": "123"}),
    ],
)
def test_what_means_the_same_does_not_differ(expected: Any, actual: Any) -> None:
    """The cloud's way of writing a value is not a difference."""
    assert differences(expected, actual) == ()


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"enabled": True}, {"enabled": 1}),
        ({"enabled": False}, {"enabled": None}),
        ({"enabled": True}, {}),
        ({"name": "Guest"}, {"name": "guest"}),
        ({"vlan": None}, {"vlan": 0}),
        ({"port": "080"}, {"port": 80}),
        ({"rules": [1, 2]}, {"rules": [2, 1]}),
        ({"id": "575897802350012000"}, {"id": "575897802350012001"}),
        ({"text": "1" * 5000}, {"text": "1" * 4999}),
    ],
)
def test_what_means_something_else_differs(expected: Any, actual: Any) -> None:
    """Leniency never hides a change of meaning."""
    assert differences(expected, actual) != ()


def test_a_difference_says_expected_and_found() -> None:
    """``before`` is what was expected, ``after`` what is there."""
    assert differences({"a": {"b": 1}}, {"a": {"b": 2}}) == (FieldChange("a.b", 1, 2, "set"),)


def test_volatile_fields_do_not_count_anywhere() -> None:
    """By bare name, or in one place by its pattern."""
    expected = {"updatedAt": "1", "peers": [{"id": 1, "status": "up"}]}
    actual = {"updatedAt": "2", "peers": [{"id": 1, "status": "down"}]}
    assert differences(expected, actual, ignore=("updatedAt", "peers[].status")) == ()
    assert len(differences(expected, actual, ignore=("updatedAt",))) == 1


def test_an_unordered_list_is_compared_as_a_set() -> None:
    """Order is free, membership and number are not."""
    assert differences({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, unordered=("tags",)) == ()
    changes = differences({"tags": ["a", "b"]}, {"tags": ["b", "c", "b"]}, unordered=("tags",))
    assert sorted(change.how for change in changes) == ["added", "added", "removed"]


def test_an_unordered_list_inside_an_element_is_compared_as_a_set() -> None:
    """Also when the lists around it have to be aligned first."""
    one, two = {"host": "a", "roles": ["x", "y"]}, {"host": "b", "roles": ["z"]}
    found = [{"host": "a", "roles": ["y", "x"]}]
    changes = differences([one, two], found, unordered=("roles",))
    assert [(change.path, change.how) for change in changes] == [("[1]", "removed")]


def test_a_missing_rule_is_one_difference_not_one_for_each_rule_below() -> None:
    """Lists of different length are aligned, and fields the cloud adds still do not count."""
    expected = [{"comment": "a"}, {"comment": "b"}, {"comment": "c"}]
    actual = [{"comment": "b", "hits": 1}, {"comment": "c", "hits": 2}]
    changes = differences({"rules": expected}, {"rules": actual})
    assert [(change.path, change.how) for change in changes] == [("rules[0]", "removed")]


def test_one_wrong_field_of_one_rule_is_named_exactly() -> None:
    """Same length and one difference: no alignment needed."""
    changes = differences({"rules": [{"p": "allow"}, {"p": "deny"}]}, {"rules": [{"p": "allow"}, {"p": "allow"}]})
    assert changes == (FieldChange("rules[1].p", "deny", "allow", "set"),)


def test_only_a_lone_placeholder_is_unknown() -> None:
    """An object that happens to have such a field among others is a value."""
    assert is_unknown({"$ref": "step-1.id"})
    assert not is_unknown({"$ref": "x", "name": "y"})
    assert not is_unknown("$ref")
