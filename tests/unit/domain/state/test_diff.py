"""Differences that people can read, and the way forward from them."""

from typing import Any

import pytest

from mcp_server.domain.plan import FieldChange
from mcp_server.domain.state.diff import diff, patch

GUEST = {"comment": "Block guest", "policy": "deny", "destCidr": "10.1.0.0/16"}
DNS = {"comment": "Allow DNS", "policy": "allow", "destCidr": "Any"}
DEFAULT = {"comment": "Default rule", "policy": "allow", "destCidr": "Any"}


def test_a_changed_field_is_named_by_its_dotted_path() -> None:
    """Nested fields are reported one by one."""
    assert diff({"dot11w": {"enabled": True, "required": False}}, {"dot11w": {"enabled": True, "required": True}}) == (
        FieldChange("dot11w.required", False, True, "set"),
    )


def test_an_added_and_a_removed_field_say_so() -> None:
    """A field that appears is not the same as one that was null."""
    assert diff({"a": 1}, {"b": None}) == (
        FieldChange("a", 1, None, "removed"),
        FieldChange("b", None, None, "added"),
    )


def test_true_is_not_one_but_one_is_one_point_zero() -> None:
    """Booleans and numbers differ, the form of a number does not matter."""
    assert diff({"enabled": True}, {"enabled": 1}) == (FieldChange("enabled", True, 1, "set"),)
    assert diff({"minBitrate": 11}, {"minBitrate": 11.0}) == ()


def test_an_inserted_rule_names_its_neighbours() -> None:
    """One insertion is one change, and says between which rules it stands."""
    assert diff({"rules": [DNS, DEFAULT]}, {"rules": [DNS, GUEST, DEFAULT]}) == (
        FieldChange("rules[1]", None, GUEST, "added", "'Block guest' between 'Allow DNS' and 'Default rule'"),
    )


def test_a_removed_rule_says_where_it_was() -> None:
    """A removal carries its index before and its old neighbours."""
    assert diff([GUEST, DEFAULT], [DEFAULT]) == (
        FieldChange("[0]", GUEST, None, "removed", "'Block guest' was first, before 'Default rule'"),
    )


def test_a_moved_rule_is_a_move_and_nothing_else() -> None:
    """Swapping two rules is one move with both places."""
    changes = diff([GUEST, DNS, DEFAULT], [DNS, GUEST, DEFAULT])
    assert [(c.how, c.before, c.after) for c in changes] == [("moved", 0, 1)]
    assert changes[0].note == ("'Block guest' from first, before 'Allow DNS' to between 'Allow DNS' and 'Default rule'")


def test_a_rule_edited_in_place_shows_only_its_field() -> None:
    """An element is recognized by its comment although another field changed."""
    after = [{**GUEST, "policy": "allow"}, DEFAULT]
    assert diff([GUEST, DEFAULT], after) == (FieldChange("[0].policy", "deny", "allow", "set", "in 'Block guest'"),)


def test_a_renamed_rule_is_recognized_by_the_rest() -> None:
    """Without an equal identity field similarity decides."""
    changes = diff([GUEST, DEFAULT], [{**GUEST, "comment": "Guests out"}, DEFAULT])
    assert [(c.path, c.how) for c in changes] == [("[0].comment", "set")]


def test_elements_with_different_ids_are_never_one_edited_element() -> None:
    """A port that is replaced by another is removed and added."""
    before, after = {"portId": "1", "vlan": 10, "enabled": True}, {"portId": "2", "vlan": 10, "enabled": True}
    assert sorted(change.how for change in diff([before], [after])) == ["added", "removed"]


def test_a_moved_and_edited_element_is_both() -> None:
    """Identity survives a move together with an edit."""
    before = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}]
    after = [{"id": 3, "name": "z"}, {"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    changes = diff(before, after)
    assert [(c.path, c.how) for c in changes] == [("[0]", "moved"), ("[0].name", "set")]
    assert patch(before, changes) == after


def test_a_created_object_is_said_field_by_field() -> None:
    """Nothing becoming an object lists its fields; an object becoming nothing is one change."""
    assert diff(None, {"id": "10", "name": "x"}) == (
        FieldChange("id", None, "10", "added"),
        FieldChange("name", None, "x", "added"),
    )
    assert diff({"id": 1}, None) == (FieldChange("", {"id": 1}, None, "set"),)


def test_notes_escape_control_characters_and_cap_long_names() -> None:
    """A name from the cloud cannot reorder or break the line that shows it."""
    (change,) = diff([], [{"comment": "a\u202eb\n" + "x" * 100}])
    assert "\\u202e" in change.note
    assert "\n" not in change.note
    assert len(change.note) < 100


def test_a_secret_never_names_an_element() -> None:
    """An element that has only a secret and a plain field is named by the plain one."""
    (change,) = diff([], [{"secret": "hunter22", "weight": 3}])
    assert "hunter22" not in change.note
    assert "weight 3" in change.note


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"a": 1}, FieldChange("b.c", 1, 2)),
        ({"a": "text"}, FieldChange("a.b", 1, 2)),
        ({"a": 1}, FieldChange("[0]", 1, 2)),
    ],
)
def test_changes_that_do_not_fit_the_state_are_refused(before: Any, change: FieldChange) -> None:
    """A patch never invents structure that is not there."""
    with pytest.raises(ValueError, match="do not fit"):
        patch(before, [change])
