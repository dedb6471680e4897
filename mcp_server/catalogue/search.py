"""Finding an operation by words: SQLite FTS5 picks the candidates, our own ranking orders them."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.wording.purposes import Meanings, Purpose, Roots, load_purposes
from mcp_server.catalogue.wording.ranking import MEANT, Entry, Wanted, score, unnamed
from mcp_server.catalogue.wording.spelling import Spelling
from mcp_server.catalogue.wording.thesaurus import Asked, Thesaurus, Words
from mcp_server.catalogue.wording.words import asked_words, hump_words

MOST_LETTERS, MOST_WORDS = 400, 40  #: of a question; the rest is not read
CANDIDATES = 250
TELLING = 2.5  #: rarity from which a word tells operations apart; with none in the question all of them are ranked
_SCHEMA = "CREATE VIRTUAL TABLE words USING fts5(head, id, path, fields, tokenize='ascii', detail=column, prefix='3')"
_MATCH = "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words, 8.0, 6.0, 4.0, 1.0) LIMIT ?"


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
        self._purposes: Mapping[str, Purpose] | None = None

    def purpose(self, operation_id: str) -> Purpose | None:
        """What an operation is for; None when nobody has said it. The sentences are read when first asked for."""
        return self._known_purposes().get(operation_id)

    def operations(self, query: str, limit: int = 8) -> list[Hit]:
        """The operations that answer a question in English or Portuguese, best first; [] when none does."""
        index = self._built()
        scored = index.answers(query)
        exact = next((id_ for id_ in self._catalogue.ids() if id_.casefold() == query.strip().casefold()), None)
        if exact:
            scored[exact] = max(scored.values(), default=0.0) + 10.0
        best = sorted(scored, key=lambda id_: (-scored[id_], id_))[: max(0, limit)]
        return [Hit(id_, *self._catalogue.place(id_), round(scored[id_], 2)) for id_ in best]

    def close(self) -> None:
        """Drop the index; the next question builds it again."""
        if self._index is not None:
            self._index.database.close()
            self._index = None

    def _built(self) -> "_Index":
        if self._index is None:
            self._index = _Index(self._catalogue, self._thesaurus or Thesaurus.load(), self._known_purposes())
        return self._index

    def _known_purposes(self) -> Mapping[str, Purpose]:
        if self._purposes is None:
            self._purposes = load_purposes()
        return self._purposes


class _Index:
    """The catalogue in words: FTS5 rows, and the same words for the ranking."""

    def __init__(self, catalogue: Catalogue, thesaurus: Thesaurus, purposes: Mapping[str, Purpose]) -> None:
        self.thesaurus = thesaurus
        writers = {catalogue.place(id_)[1]: id_ for id_ in catalogue.writes() if catalogue.place(id_)[0] == "PUT"}
        self.entries = [_entry(catalogue, id_, writers) for id_ in catalogue.ids()]
        self.rarity = _rarity(self.entries)
        self.meanings = Meanings(purposes, Roots(thesaurus.ignored | thesaurus.seeing))
        self.spelling = Spelling({*self.rarity, *self.meanings.words, *thesaurus.words})
        self.by_id = {entry.id: entry for entry in self.entries}
        # The server answers searches from worker threads, one at a time.
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.execute(_SCHEMA)
        self.database.executemany(
            "INSERT INTO words(rowid, head, id, path, fields) VALUES (?, ?, ?, ?, ?)", self._rows()
        )

    def _rows(self) -> Iterable[tuple[int, str, str, str, str]]:
        for row, entry in enumerate(self.entries):
            yield row, entry.head, " ".join(entry.id_words), " ".join(entry.path_words), " ".join(entry.field_words)

    def answers(self, query: str) -> dict[str, float]:
        """Score of every operation that answers, by its name, its fields or its purpose; more than 0 each."""
        words = [self.spelling.corrected(word) for word in asked_words(query[:MOST_LETTERS])[:MOST_WORDS]]
        asked = self._with_things(self.thesaurus.understand(" ".join(words)))
        named = dict(self._named(asked))
        meant = self.meanings.compared(words)
        total = {
            id_: (named.get(id_) or unnamed(self.by_id[id_], asked)) + MEANT * meant.get(id_, 0.0)
            for id_ in named.keys() | meant.keys()
        }
        return {id_: value for id_, value in total.items() if value > 0}

    def _named(self, asked: Asked) -> Iterable[tuple[str, float]]:
        """Id and score of every operation whose name, path or fields have one of the words."""
        words = {word for thing in asked.things for wording in thing for word in wording}
        if not words:
            return
        limit = CANDIDATES if max(self.rarity.get(word, 1.0) for word in words) >= TELLING else len(self.entries)
        match = " OR ".join(f'"{word}"*' if len(word) > 2 else f'"{word}"' for word in sorted(words | asked.verbs))
        wanted = Wanted.of(asked, self.rarity)
        for (row,) in self.database.execute(_MATCH, (match, limit)):
            entry = self.entries[row]
            yield entry.id, score(entry, wanted, is_common=entry.id in self.thesaurus.common)

    def _with_things(self, asked: Asked) -> Asked:
        things = tuple(self._in_api_words(thing) for thing in asked.things)
        if not things and asked.verbs:  # "reboot", "claim": the verb is all that was said
            things = tuple(((verb,),) for verb in sorted(asked.verbs))
        return Asked(asked.verbs, things)

    def _in_api_words(self, thing: tuple[Words, ...]) -> tuple[Words, ...]:
        return tuple(wording for wording in thing if all(word in self.rarity for word in wording)) or thing


def _entry(catalogue: Catalogue, operation_id: str, writers: Mapping[str, str]) -> Entry:
    method, path = catalogue.place(operation_id)
    names = catalogue.field_names(operation_id)
    if method == "GET" and path in writers:  # what can be written there can be read there
        names |= catalogue.field_names(writers[path])
    verb, *rest = hump_words(operation_id)
    segments = [part for part in path.split("/") if part and not part.startswith("{")]
    return Entry(
        operation_id,
        verb if verb != "bulk" else {"POST": "create", "PUT": "update"}.get(method, "get"),
        method == "GET" and path.endswith("}"),
        _head(rest),
        frozenset(rest) if method == "GET" or verb in ("create", "update", "delete") else frozenset((verb, *rest)),
        frozenset(word for part in segments for word in hump_words(part)),
        frozenset(word for name in names for word in hump_words(name)),
    )


def _head(words: list[str]) -> str:
    thing = words[: words.index("by")] if "by" in words[1:] else words
    return thing[-1] if thing else ""


def _rarity(entries: list[Entry]) -> dict[str, float]:
    """How rare each word is: 1 for one that every operation has, about 7 for one that a single operation has."""
    count: dict[str, int] = {}
    for entry in entries:
        for word in entry.id_words | entry.path_words | entry.field_words:
            count[word] = count.get(word, 0) + 1
    return {word: 1.0 + log(len(entries) / many) for word, many in count.items()}
