"""The sentences that say what each operation is for."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest

from mcp_server.catalogue.wording.purposes import (
    KIN,
    MOST_WORDS,
    SHIPPED,
    Meanings,
    Purpose,
    Roots,
    Sentences,
    load_purposes,
)
from mcp_server.catalogue.wording.thesaurus import Thesaurus
from mcp_server.catalogue.wording.words import folded, hump_words, stem
from tests.support.shipped import CATALOGUE

PURPOSES = load_purposes()
ROWS = [line for file in SHIPPED.glob("*.tsv") for line in file.read_text("utf-8").splitlines()]
SENTENCES = [(id_, text) for id_, one in PURPOSES.items() for text in (one.english, one.portuguese)]
PLAIN = Roots(Thesaurus.load().ignored, [])  # words as they are: no two taken as one
OWN_WORDS = 2  # at least; a sentence says this much more than the id


def test_every_operation_says_what_it_is_for_in_both_languages() -> None:
    """Once each, and nothing is said of operations that do not exist."""
    assert set(PURPOSES) == set(CATALOGUE.ids())
    assert len(ROWS) == len(PURPOSES)
    assert all(one.english.strip() and one.portuguese.strip() for one in PURPOSES.values())


def test_no_sentence_is_longer_than_fifteen_words() -> None:
    """A row of search results stays short."""
    assert [text for _, text in SENTENCES if len(text.split()) > MOST_WORDS] == []


@pytest.mark.parametrize("language", ["english", "portuguese"])
def test_no_two_operations_are_for_the_same(language: str) -> None:
    """A sentence that fits two operations decides nothing."""
    said = Counter(getattr(one, language).casefold() for one in PURPOSES.values())
    assert [text for text, times in said.items() if times > 1] == []


def test_each_sentence_says_more_than_the_id() -> None:
    """Words of the id alone would add nothing to the search."""
    poor = []
    for id_, text in SENTENCES:
        own = set(PLAIN.of(text)) - {PLAIN.root(word) for word in hump_words(id_)}
        if len(own) < OWN_WORDS:
            poor.append((id_, text))
    assert poor == []


def test_reading_and_writing_one_resource_are_worded_differently() -> None:
    """Not by an ending or a plural: the meaningful words differ."""
    alike = []
    for id_, purpose in PURPOSES.items():
        if id_.startswith("update") and (reading := PURPOSES.get("get" + id_.removeprefix("update"))):
            alike += [id_] * (set(PLAIN.of(reading.english)) == set(PLAIN.of(purpose.english)))
    assert alike == []


def test_a_word_has_one_kin_only() -> None:
    """A word of two groups would join them by accident."""
    plain = Roots(frozenset(), [])
    groups = [{plain.root(folded(word)) for word in group} for group in tomllib.loads(KIN.read_text("utf-8"))["groups"]]
    told = Counter(root for group in groups for root in group)
    assert [root for root, times in told.items() if times > 1] == []


def test_kin_words_are_one_root_in_both_languages() -> None:
    """Whoever says visitante finds what is said of guests."""
    roots = Roots(frozenset())
    assert roots.of("guests") == roots.of("visitantes") == roots.of("Convidado")
    assert roots.of("blocked") == roots.of("bloquear")


def test_the_better_of_the_two_sentences_counts() -> None:
    """A question in one language is not held against the other."""
    roots = Roots(frozenset({"the", "o"}), [])
    meanings = Meanings(Sentences.of({"one": Purpose("feed the cat", "alimentar o gato")}, roots), roots, ["one"])
    assert meanings.compared(["gato"])[0] > 0.9
    assert meanings.compared(["gato", "cat"])[0] < 0.6
    assert meanings.compared(["dog"]) == {}


def test_what_cannot_cover_the_least_is_not_compared() -> None:
    """Unless it is asked for by its row."""
    roots = Roots(frozenset({"the", "o"}), [])
    purposes = {"cat": Purpose("feed the cat", "-"), "dog": Purpose("feed the dog", "-")}
    meanings = Meanings(Sentences.of(purposes, roots), roots, ["cat", "dog"])
    assert set(meanings.compared(["feed", "cat"])) == {0, 1}
    assert set(meanings.compared(["feed", "cat"], least=0.9)) == {0}
    assert set(meanings.compared(["feed", "cat"], [1], least=0.9)) == {0, 1}


def test_a_broken_row_is_not_passed_over(tmp_path: Path) -> None:
    """A sentence that is lost silently would be missed by nobody."""
    (tmp_path / "broken.tsv").write_text("oneOperation\tonly English\n", "utf-8")
    with pytest.raises(ValueError, match="not enough values"):
        load_purposes(tmp_path)


def test_words_without_meaning_have_no_root() -> None:
    """Neither the ignored of the thesaurus nor the small change of questions."""
    roots = Roots(frozenset({stem("meraki")}))
    assert roots.of("Meraki, who is us?") == ["is"]
