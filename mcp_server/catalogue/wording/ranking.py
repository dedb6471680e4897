"""How well the names of an operation answer a question: which of its words are asked for, and which are not.

What a word counts for is looked up the other way round, from the word to the operations that have it: a question
then costs as much as its words are common, not as much as there are operations.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import fsum, log

from mcp_server.catalogue.wording.thesaurus import Asked, Words

IN_ID, IN_PATH, IN_FIELDS, BEGINS_WORD = 1.0, 0.9, 0.45, 0.6  #: how much a match counts, by place
PARTLY = 0.6  #: of a wording of which some words are missing
SCOPES = frozenset({"network", "organization", "device"})  #: said by nearly every id
SCOPE_COST, FAMILY_COST, WORD_COST = 0.05, 0.12, 0.5  #: of a word of the id that nobody asked for
VERB_RIGHT, VERB_WRONG, COMMON, HEAD, ITEM = 2.0, -1.5, 2.0, 0.7, 0.1
MEANT = 17.0  #: of a purpose that says the whole question
#: with no verb in the question; a person who plans changes means those
UNASKED, UNASKED_OTHER = {"update": 0.8, "get": 0.2, "create": 0.0, "delete": -0.3}, -0.1
#: verbs of the API that do what another one says
ALIKE = {"delete": ("remove", "disconnect", "detach"), "create": ("add", "provision"), "update": ("set", "modify")}
FAMILIES = frozenset({"appliance", "switch", "wireless", "camera", "sm", "sensor", "cellular", "gateway"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation in words; all are stems."""

    id: str
    verb: str
    is_item_read: bool  #: reads one element of a list that has its own read
    head: str  #: the thing itself: the id's last word, or the one before ``By``
    id_words: frozenset[str]  #: without the verb
    path_words: frozenset[str]
    field_words: frozenset[str]


class Names:
    """All operations by the words of their ids, paths and fields. An operation is its row, from 0."""

    def __init__(self, entries: Sequence[Entry], common: frozenset[str]) -> None:
        """``common`` are the ids that are meant most often."""
        self._places: dict[str, dict[int, float]] = {}  #: of each word the rows, with the best place it has there
        self._gains: dict[str, dict[int, float]] = {}  #: of each word of an id the rows, with what it gains them
        self._with_verb: dict[str, list[int]] = {}
        self._fits: dict[str, Sequence[float]] = {}  #: of each verb that was asked for, by row
        for row, entry in enumerate(entries):
            for place, words in ((IN_FIELDS, entry.field_words), (IN_PATH, entry.path_words), (IN_ID, entry.id_words)):
                for word in words:
                    self._places.setdefault(word, {})[row] = place
            for word in entry.id_words:
                self._gains.setdefault(word, {})[row] = _cost(word) + (HEAD if word == entry.head else 0.0)
            self._with_verb.setdefault(entry.verb, []).append(row)
        self._id_words = sorted(self._gains)
        #: of each row, what it loses when no word of its id was said
        self._unsaid = [-fsum(map(_cost, entry.id_words)) for entry in entries]
        self._extra = [COMMON * (entry.id in common) - ITEM * entry.is_item_read for entry in entries]
        self._unasked = [UNASKED.get(entry.verb, UNASKED_OTHER) for entry in entries]
        #: how rare each word is: 1 for one that every operation has, about 7 for one that a single operation has
        self.rarity = {word: 1.0 + log(len(entries) / len(rows)) for word, rows in self._places.items()}

    def scores(self, asked: Asked) -> dict[int, float]:
        """By row, the higher the better, of all that have a word of the question."""
        shares = self._shares(asked)
        by_names = self._by_names(sorted({word for thing in asked.things for words in thing for word in words}))
        by_verb, extra = self._by_verb(asked.verbs), self._extra
        return {row: 10 * share + by_names[row] + extra[row] + by_verb[row] for row, share in shares.items()}

    def unsaid(self, asked: Asked, rows: Iterable[int]) -> dict[int, float]:
        """By row, the score of those that have no word of the question; none is above ``VERB_RIGHT``."""
        by_verb = self._by_verb(asked.verbs)
        return {row: self._unsaid[row] + by_verb[row] for row in rows}

    def _by_names(self, said: Iterable[str]) -> Sequence[float]:
        """Of each row: what the unsaid words of its id cost, and what it gains when the thing itself was said."""
        gained = list(self._unsaid)
        for word in said:
            for row, gain in self._gains.get(word, {}).items():
                gained[row] += gain
        return gained

    def _by_verb(self, verbs: frozenset[str]) -> Sequence[float]:
        """Of each row, how well its verb answers those that were said."""
        if not verbs:
            return self._unasked
        each = [self._fits.get(verb) or self._fitting(verb) for verb in verbs]
        return each[0] if len(each) == 1 else list(map(max, *each))

    def _fitting(self, verb: str) -> Sequence[float]:
        """The same for one verb; kept, as the thesaurus has few."""
        fits = self._fits[verb] = [VERB_WRONG] * len(self._unasked)
        same = [self._with_verb.get(one, ()) for one in (verb, *ALIKE.get(verb, ()))]
        for row in set().union(*same, self._gains.get(verb, ())):
            fits[row] = VERB_RIGHT
        return fits

    def _shares(self, asked: Asked) -> dict[int, float]:
        """How much of the question stands in an operation's names, from 0 to 1, by row; the rare words weigh more."""
        weights = [min(self._weight(words) for words in thing) for thing in asked.things]
        everything = sum(weights)
        shares: dict[int, float] = {}
        for thing, weight in zip(asked.things, weights, strict=True):
            for row, strength in self._best(thing).items():
                shares[row] = shares.get(row, 0.0) + weight * strength / everything
        return shares

    def _weight(self, words: Words) -> float:
        return sum(self.rarity.get(word, 1.0) for word in words) / len(words)

    def _best(self, thing: Sequence[Words]) -> Mapping[int, float]:
        """By row, the strength of the wording that fits best."""
        best, *others = map(self._strengths, thing)
        for strengths in others:
            best = {row: max(best.get(row, 0.0), strengths.get(row, 0.0)) for row in best.keys() | strengths.keys()}
        return best

    def _strengths(self, words: Words) -> Mapping[int, float]:
        """By row, from 0 to 1: the mean over the words of one wording; less when some are missing."""
        places = [self._found(word) for word in words]
        if len(places) == 1:
            return places[0]
        whole = set(places[0]).intersection(*places[1:])
        return {
            row: sum(found.get(row, 0.0) for found in places) / len(places) * (1.0 if row in whole else PARTLY)
            for row in set().union(*places)
        }

    def _found(self, word: str) -> Mapping[int, float]:
        """The rows that have the word, and those that have one in the id that begins so."""
        exact = self._places.get(word, {})
        if len(word) <= 2:
            return exact
        known = self._id_words
        longer = takewhile(lambda one: one.startswith(word), known[bisect_right(known, word) :])
        begun = set().union(*map(self._gains.__getitem__, longer))
        return {**dict.fromkeys(begun, BEGINS_WORD), **exact} if begun else exact


def _cost(word: str) -> float:
    return SCOPE_COST if word in SCOPES else FAMILY_COST if word in FAMILIES else WORD_COST
