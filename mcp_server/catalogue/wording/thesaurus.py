"""From a question in English or Portuguese to what is asked for, in the words of the API."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp_server.catalogue.wording.words import asked_words

SHIPPED = Path(__file__).with_name("synonyms.toml")
LONGEST_SAYING = 5  #: words, the ignored ones not counted
MOST_WORDS = 24  #: of a question; the rest is not read

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question understood: the verbs it may mean, and its things, each with one or more API wordings."""

    verbs: frozenset[str]
    things: tuple[tuple[Words, ...], ...]


@dataclass(frozen=True, slots=True)
class Thesaurus:
    """The synonym table, in stems."""

    ignored: frozenset[str]
    verbs: Mapping[Words, str]  #: saying -> verb of the API
    sayings: Mapping[Words, tuple[Words, ...]]  #: saying -> API wordings
    common: frozenset[str]  #: ids that are meant most often
    openings: tuple[Words, ...]  #: how a question begins that only asks to see something

    @classmethod
    def load(cls, path: Path = SHIPPED) -> "Thesaurus":
        """The table of a file; OSError or ValueError when it cannot be read."""
        table = tomllib.loads(path.read_text("utf-8"))
        ignored = frozenset(table["ignored"])
        sayings: dict[Words, list[Words]] = {}
        for wording, said in table["words"].items():
            for saying in said:
                sayings.setdefault(_kept(saying, ignored), []).append(_kept(wording, frozenset()))
        verbs = {_kept(saying, ignored): verb for verb, said in table["verbs"].items() for saying in said}
        both = {saying: tuple(wordings) for saying, wordings in sayings.items()}
        openings = tuple(asked_words(opening) for opening in table["openings"])
        return cls(ignored, verbs, both, frozenset(table["common"]["operations"]), openings)

    @property
    def words(self) -> frozenset[str]:
        """Every word the table knows, as a stem."""
        sayings = {word for saying in (*self.sayings, *self.verbs, *self.openings) for word in saying}
        return self.ignored | sayings

    @property
    def seeing(self) -> frozenset[str]:
        """The single words that only ask to see something: list, show, mostrar."""
        return frozenset(saying[0] for saying, verb in self.verbs.items() if verb == "get" and len(saying) == 1)

    def understand(self, question: Words) -> Asked:
        """What a question, in stems, asks for; sayings are taken greedily, the longest first."""
        words = tuple(word for word in question if word not in self.ignored)[:MOST_WORDS]
        verbs: set[str] = set()
        things: list[tuple[Words, ...]] = []
        at = 0
        while at < len(words):
            length, verb, wordings = self._longest(words[at : at + LONGEST_SAYING])
            if verb:
                verbs.add(verb)
            if wordings:
                things.append(wordings)
            at += length
        if self._only_asks(question):
            verbs = {"get"}
        return Asked(frozenset(verbs), tuple(dict.fromkeys(things)))

    def _only_asks(self, question: Words) -> bool:
        return any(question[: len(opening)] == opening for opening in self.openings)

    def _longest(self, words: Sequence[str]) -> tuple[int, str, tuple[Words, ...]]:
        """How many words the longest saying at the start has, its verb, its wordings."""
        for length in range(len(words), 0, -1):
            saying = tuple(words[:length])
            verb, wordings = self.verbs.get(saying, ""), self.sayings.get(saying, ())
            if verb or wordings:
                literal = (saying,) if length == 1 and not verb else ()
                return length, verb, (*wordings, *literal)
        return 1, "", ((words[0],),)


def _kept(text: str, ignored: frozenset[str]) -> Words:
    return tuple(word for word in asked_words(text) if word not in ignored)
