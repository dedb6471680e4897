"""Operations ranked by the words of their names."""

import pytest

from mcp_server.catalogue.wording.ranking import (
    BEGINS_WORD,
    IN_FIELDS,
    IN_ID,
    IN_PATH,
    PARTLY,
    VERB_RIGHT,
    VERB_WRONG,
    Entry,
    Names,
)
from mcp_server.catalogue.wording.thesaurus import Asked


def entry(id_: str, words: str = "", *, path: str = "", fields: str = "", verb: str = "get") -> Entry:
    """An operation with those words."""
    named = words.split()
    places = frozenset(named), frozenset(path.split()), frozenset(fields.split())
    return Entry(id_, verb, False, named[-1] if named else "", *places)


def asked(*things: str, verb: str = "") -> Asked:
    """A question for those things, each with one wording."""
    return Asked(frozenset({verb} if verb else ()), tuple((tuple(thing.split()),) for thing in things))


def shares(entries: list[Entry], question: Asked) -> dict[str, float]:
    """How much of the question each operation answers, by id."""
    names = Names(entries, frozenset())
    return {entries[row].id: round(share, 6) for row, share in names._shares(question).items()}


def test_a_word_counts_by_its_best_place() -> None:
    """Id before path before fields; a word that only begins one of the id counts too."""
    entries = [
        entry("id", "port", path="port", fields="port"), entry("path", "x", path="port", fields="port"),
        entry("field", "x", fields="port"), entry("begins", "portal"), entry("none", "vlan"),
    ]  # fmt: skip
    wanted = {"id": IN_ID, "path": IN_PATH, "field": IN_FIELDS, "begins": BEGINS_WORD}
    assert shares(entries, asked("port")) == wanted


def test_a_field_of_that_name_is_not_taken_for_the_beginning_of_another_word() -> None:
    """The exact word stands there: what begins like it does not count."""
    assert shares([entry("both", "portal", fields="port")], asked("port")) == {"both": IN_FIELDS}


def test_short_words_begin_nothing() -> None:
    """``ip`` is no beginning of ``ipsk``."""
    assert shares([entry("ipsk", "ipsk")], asked("ip")) == {}


def test_a_wording_of_several_words_counts_less_when_one_is_missing() -> None:
    """Half of it is less than half."""
    entries = [entry("whole", "access policy"), entry("half", "policy object")]
    found = shares(entries, asked("access policy"))
    assert found["whole"] == IN_ID
    assert found["half"] == IN_ID / 2 * PARTLY


def test_the_best_wording_of_a_thing_counts() -> None:
    """One of several ways to say it is enough."""
    thing = ((("guest",), ("splash",)),)
    assert shares([entry("splash", "splash")], Asked(frozenset(), thing)) == {"splash": IN_ID}


def test_rare_words_weigh_more() -> None:
    """A question is answered by what sets operations apart."""
    entries = [entry("rare", "network nat"), *(entry(f"common{number}", "network") for number in range(20))]
    found = shares(entries, asked("network", "nat"))
    assert found["rare"] == 1.0
    assert found["common1"] < 0.25


def test_words_that_nobody_asked_for_cost() -> None:
    """The plainer name comes first; words of the family cost little."""
    entries = [entry("plain", "vlan"), entry("family", "switch vlan"), entry("more", "vlan profile")]
    scores = Names(entries, frozenset()).scores(asked("vlan"))
    assert scores[0] > scores[1] > scores[2]


def test_the_verb_decides_between_equals() -> None:
    """Also by a verb that means the same, and by one that is part of the id; without a verb a change is meant."""
    entries = [entry("read", "tag"), entry("write", "tag", verb="update"), entry("drop", "remove tag", verb="remove")]
    names = Names(entries, frozenset())
    scored = {verb: names.scores(asked("tag", verb=verb)) for verb in ("get", "update", "delete", "")}
    best = {verb: max(scores, key=scores.__getitem__) for verb, scores in scored.items()}
    assert best == {"get": 0, "update": 1, "delete": 2, "": 1}


def test_an_operation_that_is_meant_most_often_comes_first() -> None:
    """Of two with the same words."""
    entries = [entry("one", "ssid"), entry("two", "ssid")]
    scores = Names(entries, frozenset({"two"})).scores(asked("ssid"))
    assert scores[1] > scores[0]


def test_others_are_scored_without_a_word_of_theirs_being_said() -> None:
    """They start from what their unsaid words cost."""
    names = Names([entry("vlan", "vlan"), entry("portal", "splash")], frozenset())
    assert names.scores(asked("vlan"))[0] > 0
    assert names.unsaid(asked("vlan"), [1])[1] < 0


@pytest.mark.parametrize("verb", ["get", "update", "delete", ""])
def test_without_a_word_of_theirs_none_is_above_what_a_right_verb_gives(verb: str) -> None:
    """The search leaves out whoever could not catch up from there."""
    names = Names([entry("plain", verb="get"), entry("write", "tag", verb="update")], frozenset())
    assert max(names.unsaid(asked("vlan", verb=verb), [0, 1]).values()) <= VERB_RIGHT


def test_several_verbs_fit_what_either_fits() -> None:
    """Whoever says set and remove means both."""
    entries = [entry("read"), entry("write", verb="update"), entry("drop", verb="delete")]
    question = Asked(frozenset({"update", "delete"}), ())
    assert Names(entries, frozenset()).unsaid(question, [0, 1, 2]) == {0: VERB_WRONG, 1: VERB_RIGHT, 2: VERB_RIGHT}
