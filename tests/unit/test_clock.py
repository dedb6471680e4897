"""Randomness of this machine."""

import re

from mcp_server.clock import ALPHABET, RandomIds, random_text


def test_an_id_has_its_prefix_and_26_letters_and_digits_that_never_come_again() -> None:
    """130 bits: nobody guesses one, and no two are alike."""
    made = [RandomIds().new("call") for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(re.fullmatch(f"call-[{ALPHABET}]{{26}}", one) for one in made)


def test_every_letter_stands_in_every_place() -> None:
    """No place is poorer than the others, the first and the last neither."""
    made = [random_text("abc", 5) for _ in range(400)]
    assert all({text[place] for text in made} == set("abc") for place in range(5))
