"""Search rows and descriptions of operations."""

import pytest

from mcp_server.catalogue.search import Search
from mcp_server.desk.operations import CatalogueDesk
from tests.support.shipped import CATALOGUE, OVERLAY


@pytest.fixture(scope="module")
def desk() -> CatalogueDesk:
    """The shipped catalogue."""
    return CatalogueDesk(CATALOGUE, OVERLAY, Search(CATALOGUE))


def test_every_search_row_says_what_the_operation_is_for(desk: CatalogueDesk) -> None:
    """In English, so that a model can choose between reading and writing without a second look."""
    rows = desk.search("captive portal", 5)
    assert rows
    for row in rows:
        purpose = desk.index.purpose(row["id"])
        assert purpose is not None
        assert row["purpose"] == purpose.english


def test_a_description_says_what_the_operation_is_for(desk: CatalogueDesk) -> None:
    """Also without a search before it."""
    assert "estart" in desk.describe("rebootDevice")["purpose"]
