"""The words of operations and sentences, cut up: most of what the first question would wait for is done beforehand.

Rule: the file (``scripts/build words``) is what ``cut`` makes of the shipped catalogue, synonyms and sentences, and a
test holds it to that; for anything else that is searched the words are cut when they are first needed.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.wording.purposes import Purpose, Roots, Sentences, load_purposes
from mcp_server.catalogue.wording.ranking import Entry
from mcp_server.catalogue.wording.thesaurus import Thesaurus
from mcp_server.catalogue.wording.words import hump_words

SHIPPED = Path(__file__).with_name("prepared.json.gz")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is searched, in words: the names of the operations, in the order of the catalogue, and what they are for."""

    entries: tuple[Entry, ...]
    sentences: Sentences


def cut(catalogue: Catalogue, purposes: dict[str, Purpose], roots: Roots) -> Prepared:
    """The words of a catalogue and of the sentences about it; takes some 50 ms for the shipped ones."""
    return Prepared(_entries(catalogue), Sentences.of(purposes, roots))


def cut_shipped() -> Prepared:
    """What the file should hold."""
    thesaurus = Thesaurus.load()
    return cut(Catalogue.load(), load_purposes(), Roots(thesaurus.ignored | thesaurus.seeing))


def load(path: Path = SHIPPED) -> Prepared:
    """What was written; OSError or ValueError when it cannot be read."""
    entries, rows, named, words = json.loads(gzip.decompress(path.read_bytes()))
    return Prepared(
        tuple(
            Entry(*plain, *map(_set, texts))
            for *plain, in_id, in_path, in_fields in entries
            for texts in [(in_id, in_path, in_fields)]
        ),
        Sentences(
            tuple((id_, _set(text)) for id_, text in rows),
            {id_: _set(text) for id_, text in named.items()},
            _set(words),
        ),
    )


def write(prepared: Prepared, path: Path = SHIPPED) -> None:
    """Write it; without a time stamp inside."""
    entries = [
        [one.id, one.verb, one.is_item_read, one.head, *map(_text, (one.id_words, one.path_words, one.field_words))]
        for one in prepared.entries
    ]
    sentences = prepared.sentences
    rows = [[id_, _text(words)] for id_, words in sentences.rows]
    named = {id_: _text(words) for id_, words in sentences.named.items()}
    text = json.dumps([entries, rows, named, _text(sentences.words)], separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _text(words: frozenset[str]) -> str:
    return " ".join(sorted(words))


def _entries(catalogue: Catalogue) -> tuple[Entry, ...]:
    """Every operation in words; what can be written at a path can be read there, so its reads have those fields too."""
    places = {id_: catalogue.place(id_) for id_ in catalogue.ids()}
    fields = {id_: frozenset(w for name in catalogue.field_names(id_) for w in hump_words(name)) for id_ in places}
    written = {path: fields[id_] for id_, (method, path) in places.items() if method == "PUT"}
    return tuple(
        _entry(id_, *place, fields[id_] | written.get(place[1], frozenset()) if place[0] == "GET" else fields[id_])
        for id_, place in places.items()
    )


def _entry(operation_id: str, method: str, path: str, field_words: frozenset[str]) -> Entry:
    verb, *rest = hump_words(operation_id)
    segments = [part for part in path.split("/") if part and not part.startswith("{")]
    return Entry(
        operation_id,
        verb if verb != "bulk" else {"POST": "create", "PUT": "update"}.get(method, "get"),
        method == "GET" and path.endswith("}"),
        _head(rest),
        frozenset(rest) if method == "GET" or verb in ("create", "update", "delete") else frozenset((verb, *rest)),
        frozenset(word for part in segments for word in hump_words(part)),
        field_words,
    )


def _head(words: list[str]) -> str:
    thing = words[: words.index("by")] if "by" in words[1:] else words
    return thing[-1] if thing else ""
