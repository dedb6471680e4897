"""Templates of the overlay: lists with an item more or less."""

import pytest

from mcp_server.catalogue.overlay.templates import Gap, filled
from tests.support.shipped import write

TOUCH = write("addNetworkSwitchStack", {"serial": "Q-3"}, networkId="N", switchStackId="1")


def test_an_item_is_added_to_a_list_of_the_state_once() -> None:
    """Also when it stands there already."""
    template = {"serials": {"$add": ["$before.serials", "$body.serial"]}}
    assert filled(template, TOUCH, {"serials": ["Q-1"]}) == {"serials": ["Q-1", "Q-3"]}
    assert filled(template, TOUCH, {"serials": ["Q-3", "Q-1"]}) == {"serials": ["Q-1", "Q-3"]}


def test_an_item_is_taken_out_of_a_list_of_the_state() -> None:
    """The others keep their order."""
    template = {"$remove": ["$before.serials", "$body.serial"]}
    assert filled(template, TOUCH, {"serials": ["Q-2", "Q-3", "Q-1"]}) == ["Q-2", "Q-1"]


def test_a_list_that_is_not_known_is_a_gap() -> None:
    """No list is made up."""
    with pytest.raises(Gap, match=r"before\.serials"):
        filled({"$add": ["$before.serials", "$body.serial"]}, TOUCH, {})
