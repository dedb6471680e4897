"""Typing errors in questions."""

import pytest

from mcp_server.catalogue.wording.spelling import Spelling

SPELLING = Spelling(["switch", "port", "status", "firewall", "temperature", "bandwidth", "vlan"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("swich", "switch"), ("fierwall", "firewall"), ("temprature", "temperature"), ("bandwith", "bandwidth"),
        ("staus", "status"),
    ],
)  # fmt: skip
def test_a_typing_error_becomes_the_nearest_known_word(typed: str, meant: str) -> None:
    """Letters left out, doubled or exchanged."""
    assert SPELLING.corrected(typed) == meant


@pytest.mark.parametrize("word", ["vlan", "temp", "porn", "xyz", "zzzzzz", "10.0.0.1", ""])
def test_a_word_is_left_alone(word: str) -> None:
    """Known, the beginning of a known word, too short, a number, or like nothing."""
    known = Spelling(["switch", "temperature", "vlan", "pornography"])
    assert known.corrected(word) == word
