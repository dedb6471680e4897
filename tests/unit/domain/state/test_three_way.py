"""Undoing after somebody else's edit."""

from typing import Any

from mcp_server.domain.state.three_way import Conflict, three_way


def _rule(name: str, **more: Any) -> dict[str, Any]:
    return {"comment": name, "policy": "deny", **more}


def test_their_later_edit_of_another_field_stays() -> None:
    """Ours goes back, theirs stays."""
    merge = three_way({"name": "new", "vlan": 10}, {"name": "old", "vlan": 10}, {"name": "new", "vlan": 20})
    assert merge.result == {"name": "old", "vlan": 20}
    assert merge.conflicts == ()


def test_both_touching_one_field_is_a_conflict_and_theirs_stays() -> None:
    """Nothing of theirs is overwritten without a person's word."""
    merge = three_way({"name": "new"}, {"name": "old"}, {"name": "other"})
    assert merge.result == {"name": "other"}
    assert merge.conflicts == (Conflict("name", "new", "old", "other"),)


def test_removing_our_rule_keeps_the_rule_they_added() -> None:
    """The usual undo of a firewall change."""
    a, ours, theirs = _rule("a"), _rule("ours"), _rule("theirs")
    merge = three_way([a, ours], [a], [a, theirs, ours])
    assert merge.result == [a, theirs]
    assert merge.conflicts == ()


def test_a_rule_that_we_removed_comes_back_behind_its_neighbour() -> None:
    """Order is kept as well as it can be."""
    a, b, c = _rule("a"), _rule("b"), _rule("c")
    theirs = {**c, "policy": "allow"}
    assert three_way([a, c], [a, b, c], [a, theirs]).result == [a, b, theirs]


def test_their_edit_of_our_new_rule_is_a_conflict() -> None:
    """We would delete what they just changed."""
    a, ours = _rule("a"), _rule("ours", destPort="80")
    edited = {**ours, "destPort": "443"}
    merge = three_way([a, ours], [a], [a, edited])
    assert merge.result == [a, edited]
    assert [conflict.path for conflict in merge.conflicts] == ["[1]"]
    assert merge.conflicts[0].ours is None


def test_a_rule_that_they_removed_and_we_would_change_is_a_conflict() -> None:
    """It stays removed until a person decides."""
    ours = _rule("a", destPort="80")
    merge = three_way([_rule("a", destPort="443")], [ours], [])
    assert merge.result == []
    assert len(merge.conflicts) == 1


def test_both_sides_putting_a_rule_in_one_place_is_a_conflict() -> None:
    """In a rule list the order decides what matches."""
    a, b = _rule("a"), _rule("b")
    merge = three_way([a, b], [a, _rule("ours"), b], [a, _rule("theirs"), b])
    assert [rule["comment"] for rule in merge.result] == ["a", "ours", "theirs", "b"]
    assert "same place" in merge.conflicts[0].note


def test_in_an_unordered_list_the_same_place_means_nothing() -> None:
    """Tags of both sides are simply all there."""
    merge = three_way({"tags": ["a"]}, {"tags": ["a", "b"]}, {"tags": ["a", "c"]}, unordered=("tags",))
    assert sorted(merge.result["tags"]) == ["a", "b", "c"]
    assert merge.conflicts == ()


def test_our_order_goes_back_when_only_we_moved_something() -> None:
    """Their edit inside an element stays."""
    a, b = _rule("a", id=1), _rule("b", id=2)
    edited = {**b, "policy": "allow"}
    merge = three_way([b, a], [a, b], [edited, a])
    assert merge.result == [a, edited]
    assert merge.conflicts == ()


def test_two_different_new_orders_are_a_conflict() -> None:
    """Theirs stays."""
    a, b, c = _rule("a", id=1), _rule("b", id=2), _rule("c", id=3)
    merge = three_way([a, b, c], [b, a, c], [c, a, b])
    assert merge.result == [c, a, b]
    assert merge.conflicts[0].note == "both changed the order"


def test_an_element_added_by_both_alike_is_there_once() -> None:
    """The same rule put in twice is one rule."""
    new = _rule("new")
    assert three_way([], [new], [new]).result == [new]


def test_a_field_that_only_they_added_stays() -> None:
    """Also when ours removes another."""
    assert three_way({"ours": 1}, {}, {"ours": 1, "theirs": 2}).result == {"theirs": 2}
