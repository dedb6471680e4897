"""Randomness of this machine, and who its user is."""

import os
import re

import pytest

from mcp_server.clock import ALPHABET, RandomIds, account, id_at, random_text


def test_an_id_has_its_prefix_and_26_letters_and_digits_that_never_come_again() -> None:
    """80 bits in the same millisecond: nobody guesses one, and no two are alike."""
    made = [RandomIds().new("call") for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(re.fullmatch(f"call-[{ALPHABET}]{{26}}", one) for one in made)


def test_ids_sort_by_age() -> None:
    """The store's keys grow at one end, until long after this server."""
    moments = [0, 1, 31, 32, 1_000, 1_795_283_765_000, 1_795_283_765_001, 32**10 - 1]
    made = [id_at("call", moment_ms) for moment_ms in moments]
    assert made == sorted(made)


def test_every_letter_stands_in_every_place() -> None:
    """No place is poorer than the others, the first and the last neither."""
    made = [random_text("abc", 5) for _ in range(400)]
    assert all({text[place] for text in made} == set("abc") for place in range(5))


def test_a_user_without_a_name_is_told_by_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that is given a user of its own has no account for it, and nothing in the environment names one."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1_000_670_000)
    account.cache_clear()
    try:
        assert account() == "uid 1000670000"
    finally:
        account.cache_clear()
