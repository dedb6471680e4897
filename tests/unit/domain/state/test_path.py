"""Paths as words."""

import pytest

from mcp_server.domain.state.path import is_named, parsed, pattern, rendered


def test_plain_names_and_indexes_read_as_one_expects() -> None:
    """The usual path needs no quotes."""
    assert rendered(("rules", 2, "destCidr")) == "rules[2].destCidr"
    assert parsed("rules[2].destCidr") == ("rules", 2, "destCidr")


def test_odd_names_are_quoted() -> None:
    """A field name with a dot is one name."""
    assert rendered(("00:11", "a.b", "")) == '00:11["a.b"][""]'
    assert parsed('00:11["a.b"][""]') == ("00:11", "a.b", "")


def test_a_text_that_is_no_path_is_refused() -> None:
    """Half a bracket is an error, not a guess."""
    with pytest.raises(ValueError, match="not a path"):
        parsed("rules[")


def test_a_name_counts_anywhere_and_a_pattern_only_in_its_place() -> None:
    """Overlay rows name fields both ways."""
    path = ("peers", 3, "network", "names")
    assert pattern(path) == "peers[].network.names"
    assert is_named(path, frozenset({"names"}))
    assert is_named(path, frozenset({"peers[].network.names"}))
    assert not is_named(path, frozenset({"network.names", "peers"}))
