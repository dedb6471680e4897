"""How well an operation answers a question: which of its words are asked for, and which are not."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcp_server.catalogue.wording.thesaurus import Asked, Words

IN_ID, IN_PATH, IN_FIELDS, BEGINS_WORD = 1.0, 0.9, 0.45, 0.6  #: how much a match counts, by place
SCOPES = frozenset({"network", "organization", "device"})  #: said by nearly every id
SCOPE_COST, FAMILY_COST, WORD_COST = 0.05, 0.12, 0.5  #: of a word of the id that nobody asked for
VERB_RIGHT, VERB_WRONG, COMMON, HEAD, ITEM = 2.0, -1.5, 2.0, 0.7, 0.1
MEANT = 17.0  #: of a purpose that says the whole question
#: with no verb in the question; a person who plans changes means those
UNASKED = {"update": 0.8, "get": 0.2, "create": 0.0, "delete": -0.3}
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question ready to be compared: each thing with its weight."""

    asked: Asked
    weights: tuple[float, ...]

    @classmethod
    def of(cls, asked: Asked, rarity: Mapping[str, float]) -> "Wanted":
        """Rare words weigh more, a thing as much as its commonest wording; ``rarity`` of a word is at least 1."""
        weights = tuple(
            min(sum(rarity.get(word, 1.0) for word in words) / len(words) for words in thing) for thing in asked.things
        )
        return cls(asked, weights)


def score(entry: Entry, wanted: Wanted, *, is_common: bool) -> float:
    """The higher the better; 0 or less is no answer."""
    matched: set[str] = set()
    total = 0.0
    for thing, weight in zip(wanted.asked.things, wanted.weights, strict=True):
        strengths = [_strength(entry, words) for words in thing]
        total += weight * max(strengths)
        matched.update(word for words, strength in zip(thing, strengths, strict=True) if strength for word in words)
    everything = sum(wanted.weights)
    share = total / everything if everything else 0.0
    if share == 0.0:
        return 0.0
    extra = COMMON * is_common + HEAD * (entry.head in matched) - ITEM * entry.is_item_read
    return 10 * share - _cost(entry, matched) + _verb_score(entry, wanted.asked.verbs) + extra


def unnamed(entry: Entry, asked: Asked) -> float:
    """What an operation starts from when only its purpose has a word of the question."""
    return _verb_score(entry, asked.verbs) - _cost(entry, set())


def _strength(entry: Entry, words: Words) -> float:
    """From 0 to 1: the mean over the words of one wording; less when some are missing."""
    places = [_place(entry, word) for word in words]
    mean = sum(places) / len(places)
    return mean if all(places) else mean * 0.6


def _place(entry: Entry, word: str) -> float:
    if word in entry.id_words:
        return IN_ID
    if word in entry.path_words:
        return IN_PATH
    if word in entry.field_words:
        return IN_FIELDS
    begins = len(word) > 2 and any(known.startswith(word) for known in entry.id_words)
    return BEGINS_WORD if begins else 0.0


def _cost(entry: Entry, matched: set[str]) -> float:
    cost = 0.0
    for word in entry.id_words - matched:
        is_scope, is_family = word in SCOPES, word in FAMILIES
        cost += SCOPE_COST if is_scope else FAMILY_COST if is_family else WORD_COST
    return cost


def _verb_score(entry: Entry, verbs: frozenset[str]) -> float:
    if not verbs:
        return UNASKED.get(entry.verb, -0.1)
    if entry.verb in verbs or verbs & entry.id_words or any(entry.verb in ALIKE.get(verb, ()) for verb in verbs):
        return VERB_RIGHT
    return VERB_WRONG
