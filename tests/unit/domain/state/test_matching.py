"""Which element is which."""

from mcp_server.domain.state.json_value import copied, label, same
from mcp_server.domain.state.matching import matched, staying


def test_equal_elements_are_matched_first_and_each_once() -> None:
    """Duplicates pair off in order."""
    assert matched(["a", "a", "b"], ["a", "b", "a"]) == {0: 0, 1: 2, 2: 1}


def test_an_identity_field_that_repeats_is_no_identity() -> None:
    """Two rules of one comment are told apart by something else, whatever else of them changed."""
    before = [{"comment": "x", "id": 1, "port": "1"}, {"comment": "x", "id": 2, "port": "2"}]
    after = [{"comment": "x", "id": 2, "port": "3"}, {"comment": "x", "id": 1, "port": "4"}]
    assert matched(before, after) == {0: 1, 1: 0}


def test_most_elements_stay_when_one_moves() -> None:
    """Only what left the order counts as moved."""
    assert staying({0: 3, 1: 0, 2: 1, 3: 2}) == {1, 2, 3}
    assert staying({}) == frozenset()


def test_elements_that_share_nothing_are_not_matched() -> None:
    """Different rules are removed and added, not turned into each other."""
    assert matched([{"a": 1, "b": 2}], [{"a": 9, "b": 8}]) == {}


def test_very_long_unlike_lists_are_not_compared_pair_by_pair() -> None:
    """Similarity is skipped where it would cost seconds."""
    before = [{"n": n, "x": 1, "y": 1} for n in range(300)]
    after = [{"n": -n - 1, "x": 1, "y": 1} for n in range(300)]
    assert matched(before, after) == {}


def test_a_label_falls_back_to_plain_fields() -> None:
    """An element without a name is told by its first values."""
    assert label({"policy": "deny", "tags": ["x"]}) == "'policy deny'"
    assert label([1]) == "'a list'"
    assert label(5) == "'5'"


def test_a_copy_shares_nothing() -> None:
    """Tuples become lists, as JSON has it."""
    original = {"a": ({"b": 1},)}
    copy = copied(original)
    copy["a"][0]["b"] = 2
    assert original == {"a": ({"b": 1},)}
    assert same(original, {"a": [{"b": 1.0}]})
