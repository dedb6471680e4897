"""What each operation is for, in a sentence: loading the sentences and comparing questions with them.

A question and a sentence are compared by their roots: words without their ending, those that mean the same for a
network engineer (``kin.toml``, English and Portuguese together) taken as one.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, log
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
    """Sentences ready to be compared with questions. An operation is its row, from 0."""

    def __init__(self, sentences: Sentences, roots: Roots, ids: Sequence[str]) -> None:
        """``roots`` are those that the sentences were made with; ``ids`` the operations that are searched."""
        self.roots = roots
        rows = {id_: row for row, id_ in enumerate(ids)}
        said = [one for one in sentences.rows if one[0] in rows]
        self._row_of = [rows[id_] for id_, _ in said]  #: of each sentence
        self._sentences: dict[int, list[int]] = {}  #: of each row
        self._holders: dict[str, list[int]] = {}  #: of each root the sentences
        for sentence, (id_, words) in enumerate(said):
            self._sentences.setdefault(rows[id_], []).append(sentence)
            for word in words | sentences.named[id_]:
                self._holders.setdefault(word, []).append(sentence)
        self._rarity = {root: 1.0 + log(len(said) / len(found)) for root, found in self._holders.items()}
        self._mass = [fsum(map(self._rarity.__getitem__, words)) for _, words in said]
        self._begun: dict[str, dict[int, float]] = {}  #: of each root that was the commonest of a question, its sums

    def compared(self, words: Iterable[str], rows: Iterable[int] = (), least: float = 0.0) -> dict[int, float]:
        """By row, how much of the question the better sentence of an operation covers, from 0 to 1.

        Of the ``rows`` given, and of those of the others that may cover ``least`` or more of it.
        """
        asked = sorted({root for root in map(self.roots.root, words) if root})
        everything = sum(self._rarity.get(root, 3.0) for root in asked)
        common_first = sorted((root for root in asked if root in self._rarity), key=self._rarity.__getitem__)
        compared, missing = set(rows), least * everything
        for root in common_first:
            missing -= self._rarity[root]
            if missing <= 0:  # the commoner roots alone do not cover so much
                compared.update(map(self._row_of.__getitem__, self._holders[root]))
        return self._shares(compared, self._summed(common_first), everything)

    def _shares(self, rows: Iterable[int], weights: Mapping[int, float], everything: float) -> dict[int, float]:
        """By row, what its better sentence covers; those that cover nothing are left out."""
        dear = UNSAID / max(everything, SHORT)  # of a word that nobody asked for
        sentences, mass = self._sentences, self._mass
        shares: dict[int, float] = {}
        for row in rows:
            for sentence in sentences.get(row, ()):
                if sentence not in weights:
                    continue
                weight = weights[sentence]
                unsaid = mass[sentence] - weight
                share = weight / everything - unsaid * dear if unsaid > 0 else weight / everything
                if share > shares.get(row, 0.0):
                    shares[row] = share
        return shares

    def _summed(self, roots: Sequence[str]) -> dict[int, float]:
        """By sentence, the rarity of those of the roots that it has; the first root costs next to nothing."""
        if not roots:
            return {}
        first, *others = roots
        if first not in self._begun:
            self._begun[first] = dict.fromkeys(self._holders[first], self._rarity[first])
        weights = self._begun[first].copy()
        for root in others:
            weight = self._rarity[root]
            for sentence in self._holders[root]:
                weights[sentence] = weights.get(sentence, 0.0) + weight
        return weights
