"""Requests made of an operation and its parameters."""

import pytest

from mcp_server.catalogue.requests import filled, request_for
from mcp_server.errors import InvalidArguments
from tests.support.shipped import CATALOGUE

EVENTS = CATALOGUE.find("getNetworkEvents")
SSID = CATALOGUE.find("updateNetworkWirelessSsid")


def test_path_and_query_parameters_are_told_apart() -> None:
    """Path parameters go into the path, lists into ``name[]``, None is not sent."""
    request = request_for(EVENTS, {"networkId": "N_1", "includedEventTypes": ["a"], "perPage": 3, "clientMac": None})
    assert request.path == "/networks/N_1/events"
    assert dict(request.query) == {"includedEventTypes[]": ["a"], "perPage": 3}


def test_a_value_cannot_leave_its_path_segment() -> None:
    """Slashes, question marks and the like are quoted."""
    assert request_for(EVENTS, {"networkId": "a/../b?x=1#y"}).path == "/networks/a%2F..%2Fb%3Fx%3D1%23y/events"


@pytest.mark.parametrize("value", [".", "..", "", None, True, ["N_1"], {"$ref": "step-1.id"}])
def test_what_is_no_id_makes_no_request(value: object) -> None:
    """Dots would be folded into the path, placeholders are not filled in yet."""
    with pytest.raises(InvalidArguments):
        request_for(EVENTS, {"networkId": value})


def test_a_parameter_of_another_operation_makes_no_request() -> None:
    """Nothing is sent that the operation does not know."""
    with pytest.raises(InvalidArguments, match="serial is not a parameter"):
        request_for(EVENTS, {"networkId": "N_1", "serial": "Q2"})


def test_a_value_that_looks_like_a_parameter_is_not_filled_in() -> None:
    """A network called ``{number}`` does not take the number's place."""
    assert filled(SSID, {"networkId": "{number}", "number": 3}) == "/networks/%7Bnumber%7D/wireless/ssids/3"


def test_an_id_of_an_earlier_step_stays_a_placeholder_in_the_path() -> None:
    """A plan shows the path of a step whose id does not exist yet."""
    assert filled(SSID, {"networkId": {"$ref": "step-1.id"}}) == "/networks/{step-1.id}/wireless/ssids/{number}"


def test_the_organization_is_taken_from_the_path_when_it_is_not_given() -> None:
    """So that the request uses the right budget."""
    networks = CATALOGUE.find("getOrganizationNetworks")
    assert request_for(networks, {"organizationId": 12}).organization_id == "12"
    assert request_for(EVENTS, {"networkId": "N_1"}, organization_id="7").organization_id == "7"
