"""The words that were cut up beforehand."""

from pathlib import Path

import pytest

from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.search import Search
from mcp_server.catalogue.wording import prepared
from mcp_server.catalogue.wording.thesaurus import Thesaurus
from tests.support.shipped import CATALOGUE


@pytest.fixture(scope="module")
def made() -> prepared.Prepared:
    """Made now."""
    return prepared.cut_shipped()


def test_the_shipped_words_are_those_of_the_catalogue_the_synonyms_and_the_sentences(made: prepared.Prepared) -> None:
    """When this fails, one of them has changed: scripts/build words."""
    assert prepared.load() == made


def test_what_is_written_is_read_back(made: prepared.Prepared, tmp_path: Path) -> None:
    """Whole, and the same bytes each time."""
    prepared.write(made, tmp_path / "a")
    prepared.write(made, tmp_path / "b")
    assert prepared.load(tmp_path / "a") == made
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_another_catalogue_is_searched_by_its_own_words() -> None:
    """An organization's own operations are found, and none that it has not."""
    search = Search(Catalogue([{"id": "updateNetworkTeapot", "m": "put", "p": "/networks/{networkId}/teapot"}]))
    assert [hit.id for hit in search.operations("teapot")] == ["updateNetworkTeapot"]
    assert search.operations("vlan") == []


def test_other_synonyms_are_taken_at_their_word() -> None:
    """What is prepared holds for the shipped ones only."""
    plain = Thesaurus(frozenset(), {}, {("kettle",): (("vlan",),)}, frozenset(), ())
    assert "updateNetworkApplianceVlan" in [hit.id for hit in Search(CATALOGUE, plain).operations("kettle", 20)]
