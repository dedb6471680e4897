"""Operations found by words."""

import tomllib
from pathlib import Path

import pytest

from mcp_server.catalogue.search import Search
from mcp_server.catalogue.wording.thesaurus import Thesaurus
from mcp_server.catalogue.wording.words import asked_words, hump_words, stem
from tests.support.shipped import CATALOGUE

QUESTIONS = tomllib.loads(Path(__file__).with_name("search_queries.toml").read_text("utf-8"))
SEARCH = Search(CATALOGUE)


def place(question: str, wanted: str) -> int:
    """Where an operation stands among the answers, from 1; 99 when it does not."""
    ids = [hit.id for hit in SEARCH.operations(question)]
    return ids.index(wanted) + 1 if wanted in ids else 99


@pytest.mark.parametrize("language", sorted(QUESTIONS))
def test_the_wanted_operation_is_among_the_first_three(language: str) -> None:
    """For at least 95 of 100 questions; the misses are named."""
    asked = QUESTIONS[language]
    missed = [case["asked"] for case in asked if place(case["asked"], case["wanted"]) > 3]
    assert len(asked) >= 60
    assert len(missed) <= len(asked) * 0.05, missed


@pytest.mark.parametrize(
    "case",
    [case for cases in QUESTIONS.values() for case in cases if case.get("first")],
    ids=lambda case: case["asked"],
)
def test_the_plain_questions_are_answered_first(case: dict[str, str]) -> None:
    """What everybody asks for is not second."""
    assert place(case["asked"], case["wanted"]) == 1


def test_an_exact_id_is_always_first() -> None:
    """Whoever knows the id finds it, whatever its letter case."""
    for id_ in CATALOGUE.ids()[::29]:
        assert SEARCH.operations(id_.upper())[0].id == id_


def test_accents_case_and_plural_do_not_count() -> None:
    """The same question is the same question."""
    plain = [hit.id for hit in SEARCH.operations("regra de saida")]
    assert plain == [hit.id for hit in SEARCH.operations("REGRAS de SAÍDA")]


def test_a_misspelt_word_is_taken_for_the_nearest() -> None:
    """A typing error does not empty the answer."""
    assert place("firewal", "updateNetworkApplianceFirewallL3FirewallRules") <= 3


@pytest.mark.parametrize("question", ["", "   ", "xyzzyqwv", '"', "a OR b) NOT", "ssid*", "\x00", "🦆", "de do da"])
def test_no_question_breaks_the_search(question: str) -> None:
    """Quotes, operators and brackets are no words."""
    assert isinstance(SEARCH.operations(question), list)


def test_a_question_without_meaning_has_no_answer() -> None:
    """An empty answer is better than a wrong one."""
    assert SEARCH.operations("xyzzyqwv") == []


def test_no_more_answers_than_asked_for() -> None:
    """``limit`` bounds the answer; scores do not rise."""
    hits = SEARCH.operations("vlan", limit=3)
    assert len(hits) == 3
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert SEARCH.operations("vlan", limit=0) == []


@pytest.mark.parametrize(
    "question", ["update ssid", "who changed the firewall", "get network clients", "guests, printers"]
)
def test_a_short_answer_is_the_beginning_of_a_long_one(question: str) -> None:
    """What is left out unseen could not have come so far up."""
    whole = SEARCH.operations(question, limit=2_000)
    assert len(whole) > 60
    for limit in (1, 8, 30):
        assert SEARCH.operations(question, limit) == whole[:limit]


def test_a_very_long_question_is_cut() -> None:
    """Nobody's text makes the search slow."""
    assert SEARCH.operations("vlan " * 50_000)[0].id == "updateNetworkApplianceVlan"


def test_every_synonym_leads_to_words_of_the_api() -> None:
    """A wording that no operation has is dead weight."""
    known = {word for id_ in CATALOGUE.ids() for word in hump_words(id_)}
    known |= {word for id_ in CATALOGUE.ids() for name in CATALOGUE.field_names(id_) for word in hump_words(name)}
    thesaurus = Thesaurus.load()
    dead = {word for wordings in thesaurus.sayings.values() for words in wordings for word in words} - known
    assert dead == set()
    assert thesaurus.common <= set(CATALOGUE.ids())
    assert len(thesaurus.sayings) + len(thesaurus.verbs) >= 150


@pytest.mark.parametrize(
    ("word", "stemmed"),
    [
        ("rules", "rule"), ("policies", "policy"), ("switches", "switch"), ("access", "access"), ("status", "status"),
        ("statuses", "status"), ("dns", "dns"), ("conexoes", "conexao"), ("administradores", "administrador"),
        ("tuneis", "tunel"), ("canais", "canal"), ("addresses", "address"),
    ],
)  # fmt: skip
def test_plurals_lose_their_ending(word: str, stemmed: str) -> None:
    """English and Portuguese; words that only look like a plural keep theirs."""
    assert stem(word) == stemmed


def test_identifiers_are_cut_at_their_humps() -> None:
    """Also inside a question."""
    assert hump_words("updateOrganizationApplianceVpnThirdPartyVPNPeers")[3:] == (
        "vpn",
        "third",
        "party",
        "vpn",
        "peer",
    )
    assert asked_words("mudar authMode") == ("mudar", "auth", "mode")


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("who changed what", "getOrganizationConfigurationChanges"),
        ("captive portal", "updateNetworkWirelessSsidSplashSettings"),
        ("empilhar switches", "createNetworkSwitchStack"),
        ("zero-touch rollout of APs", "createOrganizationWirelessDevicesProvisioningDeployment"),
    ],
)
def test_an_operation_is_found_by_what_it_is_for(question: str, wanted: str) -> None:
    """Also when its id has none of the words."""
    assert place(question, wanted) <= 3


def test_a_question_that_only_asks_prefers_what_reads() -> None:
    """Whoever says who, which or how many wants to change nothing."""
    for question in ("who is the root bridge", "which websites are blocked", "quantas portas estão livres"):
        assert SEARCH.operations(question)[0].method == "GET", question


def test_what_an_operation_is_for_can_be_asked_without_a_search() -> None:
    """One that is not in the catalogue has no purpose."""
    purpose = SEARCH.purpose("rebootDevice")
    assert purpose is not None
    assert "estart" in purpose.english
    assert SEARCH.purpose("doNothing") is None
