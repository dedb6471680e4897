"""Finding an operation by words: by those of its names, and by those of what it is for."""

from dataclasses import dataclass

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.wording import prepared
from mcp_server.catalogue.wording.purposes import Meanings, Purpose, Roots, load_purposes
from mcp_server.catalogue.wording.ranking import MEANT, VERB_RIGHT, Names
from mcp_server.catalogue.wording.spelling import Spelling
from mcp_server.catalogue.wording.thesaurus import Asked, Thesaurus, Words
from mcp_server.catalogue.wording.words import asked_words

MOST_LETTERS, MOST_WORDS = 400, 40  #: of a question; the rest is not read


@dataclass(frozen=True, slots=True)
class Hit:
    """One operation found; a higher score is a better answer, comparable within one search only."""

    id: str
    method: str
    path: str
    score: float


class Search:
    """Ranked search over one catalogue. The index is built when it is first asked."""

    def __init__(self, catalogue: Catalogue, thesaurus: Thesaurus | None = None) -> None:
        """``thesaurus`` is the shipped one when not given."""
        self._catalogue = catalogue
        self._thesaurus = thesaurus
        self._index: _Index | None = None
        self._purposes: dict[str, Purpose] | None = None

    @property
    def catalogue(self) -> Catalogue:
        """What is searched."""
        return self._catalogue

    def purpose(self, operation_id: str) -> Purpose | None:
        """What an operation is for; None when nobody has said it. The sentences are read when first asked for."""
        return self._known_purposes().get(operation_id)

    def operations(self, query: str, limit: int = 8) -> list[Hit]:
        """The operations that answer a question in English or Portuguese, best first; [] when none does."""
        best = self._built().best(query, limit)
        return [Hit(id_, *self._catalogue.place(id_), round(score, 2)) for id_, score in best]

    def _built(self) -> "_Index":
        if self._index is None:
            thesaurus = self._thesaurus or Thesaurus.load()
            roots = Roots(thesaurus.ignored | thesaurus.seeing)
            is_shipped = self._catalogue.is_shipped and self._thesaurus is None
            words = prepared.load() if is_shipped else prepared.cut(self._catalogue, self._known_purposes(), roots)
            self._index = _Index(words, thesaurus, roots)
        return self._index

    def _known_purposes(self) -> dict[str, Purpose]:
        if self._purposes is None:
            self._purposes = load_purposes()
        return self._purposes


class _Index:
    """The catalogue in words. The row of an operation is its place among the ids in their order."""

    def __init__(self, words: prepared.Prepared, thesaurus: Thesaurus, roots: Roots) -> None:
        entries = sorted(words.entries, key=lambda entry: entry.id)
        self._thesaurus = thesaurus
        self._ids = [entry.id for entry in entries]
        self._folded = {id_.casefold(): row for row, id_ in enumerate(self._ids)}
        self._names = Names(entries, thesaurus.common)
        self._meanings = Meanings(words.sentences, roots, self._ids)
        self._spelling = Spelling({*self._names.rarity, *words.sentences.words, *thesaurus.words})

    def best(self, query: str, limit: int) -> list[tuple[str, float]]:
        """Ids and scores of the operations that answer best, at most ``limit``; of equals, by id."""
        scores = self._scores(query, limit)
        exact = self._folded.get(query.strip().casefold())
        if exact is not None:
            scores[exact] = max(scores.values(), default=0.0) + 10.0
        rows = sorted(sorted(scores), key=scores.__getitem__, reverse=True)[:limit]
        return [(self._ids[row], scores[row]) for row in rows]

    def _scores(self, query: str, limit: int) -> dict[int, float]:
        """By row, more than 0 each: of every operation that may be among the ``limit`` best, by names and purpose."""
        words = tuple(map(self._spelling.corrected, asked_words(query[:MOST_LETTERS])[:MOST_WORDS]))
        asked = self._with_things(self._thesaurus.understand(words))
        scores = self._names.scores(asked)
        floor = max([0.0, *sorted(scores.values(), reverse=True)[max(0, limit - 1) : limit]])
        meant = self._meanings.compared(words, scores, (floor - VERB_RIGHT) / MEANT)
        scores |= self._names.unsaid(asked, meant.keys() - scores.keys())
        total = {row: score + MEANT * meant.get(row, 0.0) for row, score in scores.items()}
        return {row: score for row, score in total.items() if score > 0}

    def _with_things(self, asked: Asked) -> Asked:
        things = tuple(self._in_api_words(thing) for thing in asked.things)
        if not things and asked.verbs:  # "reboot", "claim": the verb is all that was said
            things = tuple(((verb,),) for verb in sorted(asked.verbs))
        return Asked(asked.verbs, things)

    def _in_api_words(self, thing: tuple[Words, ...]) -> tuple[Words, ...]:
        known = self._names.rarity
        return tuple(wording for wording in thing if all(word in known for word in wording)) or thing
