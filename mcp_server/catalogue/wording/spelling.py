"""Typing errors: the known word that a person most likely meant."""

from collections.abc import Iterable
from difflib import get_close_matches

SHORTEST = 4  #: letters; shorter words have too many neighbours
LIKE_ENOUGH = 0.75  #: share of letters in common, as difflib counts
MOST_LETTERS_OFF = 2


class Spelling:
    """All words that are known, by their first letter."""

    def __init__(self, words: Iterable[str]) -> None:
        self._known = frozenset(words)
        self._by_letter: dict[str, list[str]] = {}
        for word in sorted(self._known):
            self._by_letter.setdefault(word[:1], []).append(word)

    def corrected(self, word: str) -> str:
        """The word itself when it is known, begins a known word or has no neighbour; else its nearest neighbour."""
        if len(word) < SHORTEST or word in self._known or not word.isalpha():
            return word
        near = self._by_letter.get(word[0], [])
        if any(known.startswith(word) for known in near):
            return word
        alike = [known for known in near if abs(len(known) - len(word)) <= MOST_LETTERS_OFF]
        return next(iter(get_close_matches(word, alike, n=1, cutoff=LIKE_ENOUGH)), word)
