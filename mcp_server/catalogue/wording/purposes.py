"""What each operation is for, in a sentence: loading the sentences and comparing questions with them.

A question and a sentence are compared by their roots: words without their ending, those that mean the same for a
network engineer (``kin.toml``, English and Portuguese together) taken as one.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path

from mcp_server.catalogue.wording.words import folded, hump_words, stem

SHIPPED = Path(__file__).with_name("purpose")
KIN = Path(__file__).with_name("kin.toml")
MOST_WORDS = 15  #: of a sentence
UNSAID = 0.02  #: what a word of the sentence that nobody asked for costs, in shares of its rarity
SHORT = 20.0  #: rarity of about five words; a shorter question does not make the unsaid words dearer
_WORD = re.compile(r"[a-z0-9]+")
_ENDINGS = ("ando", "endo", "indo", "ing", "ado", "ada", "ido", "ida", "ed", "ar", "er", "ir", "e", "a", "o")
_SHORTEST_ROOT = 4


@dataclass(frozen=True, slots=True)
class Purpose:
    """What one operation is for."""

    english: str
    portuguese: str


def load_purposes(folder: Path = SHIPPED) -> dict[str, Purpose]:
    """The sentences by operation id; OSError or ValueError when a file cannot be read."""
    found: dict[str, Purpose] = {}
    for file in sorted(folder.glob("*.tsv")):
        for line in file.read_text("utf-8").splitlines():
            id_, english, portuguese = line.split("\t")
            found[id_] = Purpose(english, portuguese)
    return found


class Roots:
    """From words to roots, the same for questions and sentences."""

    def __init__(self, ignored: frozenset[str], kin: Iterable[Iterable[str]] | None = None) -> None:
        """``ignored`` are stems without meaning; ``kin`` groups of words that mean the same, by default the shipped."""
        table = tomllib.loads(KIN.read_text("utf-8"))
        groups = table["groups"] if kin is None else kin
        self._ignored = ignored.union(table["ignored"])
        self._known: dict[str, str] = {}
        self._kin: dict[str, str] = {}
        for group in groups:
            roots = [_bare(stem(folded(word))) for word in group]
            self._kin.update(dict.fromkeys(roots, roots[0]))

    def of(self, text: str) -> list[str]:
        """The roots of a text in its order, words without meaning left out."""
        return [root for root in map(self.root, _WORD.findall(folded(text))) if root]

    @property
    def seen(self) -> frozenset[str]:
        """Every word that was asked for its root."""
        return frozenset(self._known)

    def root(self, word: str) -> str:
        """The root of one folded word; empty for a word without meaning."""
        known = self._known.get(word)
        if known is None:
            stemmed = stem(word)
            bare = _bare(stemmed)
            known = self._known[word] = "" if stemmed in self._ignored else self._kin.get(bare, bare)
        return known


def _bare(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_ROOT:
            return word[: -len(ending)]
    return word


@dataclass(frozen=True, slots=True)
class Sentences:
    """All sentences in roots, with the operation of each and the roots of its id."""

    rows: tuple[tuple[str, frozenset[str]], ...]
    named: Mapping[str, frozenset[str]]  #: by operation id
    words: frozenset[str]  #: every word of a sentence, as a stem

    @classmethod
    def of(cls, purposes: Mapping[str, Purpose], roots: Roots) -> "Sentences":
        """The sentences of the purposes given."""
        rows = tuple(
            (id_, frozenset(roots.of(sentence)))
            for id_, purpose in purposes.items()
            for sentence in (purpose.english, purpose.portuguese)
        )
        named = {id_: frozenset(filter(None, map(roots.root, hump_words(id_)[1:]))) for id_ in purposes}
        return cls(rows, named, frozenset(map(stem, roots.seen)))


class Meanings:
    """Sentences ready to be compared with questions."""

    def __init__(self, sentences: Sentences, roots: Roots) -> None:
        """``roots`` are those that the sentences were made with."""
        self.roots = roots
        self._ids = [id_ for id_, _ in sentences.rows]
        self._holders: dict[str, list[int]] = {}
        for row, (id_, words) in enumerate(sentences.rows):
            for word in words | sentences.named[id_]:
                self._holders.setdefault(word, []).append(row)
        many = max(1, len(sentences.rows))
        self._rarity = {word: 1.0 + log(many / len(rows)) for word, rows in self._holders.items()}
        self._mass = [sum(map(self._rarity.__getitem__, words)) for _, words in sentences.rows]

    def compared(self, words: Iterable[str]) -> dict[str, float]:
        """By operation id, how much of the question its better sentence covers, from 0 to 1."""
        asked = {root for root in map(self.roots.root, words) if root}
        everything = sum(self._rarity.get(root, 3.0) for root in asked)
        weights = [0.0] * len(self._mass)
        touched: set[int] = set()
        for root in asked.intersection(self._holders):
            weight, holders = self._rarity[root], self._holders[root]
            touched.update(holders)
            for row in holders:
                weights[row] += weight
        dear = UNSAID / max(everything, SHORT)  # of a word that nobody asked for
        best: dict[str, float] = {}
        ids, mass = self._ids, self._mass
        for row in touched:
            id_, weight = ids[row], weights[row]
            unsaid = mass[row] - weight
            value = weight / everything - unsaid * dear if unsaid > 0 else weight / everything
            if value > best.get(id_, 0.0):
                best[id_] = value
        return best
