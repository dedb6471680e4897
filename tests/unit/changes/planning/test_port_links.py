"""Where a switch port leads, by what its neighbour says of itself."""

from typing import Any

import pytest

from mcp_server.changes.planning.port_links import addresses_of

MAC = "0c:8d:db:dd:ee:ff"


@pytest.mark.parametrize(
    ("port", "found"),
    [
        ({"lldp": {"chassisId": MAC}}, {MAC}),
        ({"lldp": {"chassisId": MAC.upper()}, "cdp": {"deviceId": "0c8ddbddee:ff"}}, {MAC}),
        ({"cdp": {"deviceId": "0c8ddbddee:ff"}}, {MAC}),
        ({"lldp": {"chassisId": "192.0.2.7"}, "cdp": {"deviceId": "SEP0011223344"}}, set()),
        ({"lldp": {"chassisId": 7}, "cdp": None}, set()),
        ({"lldp": None}, set()),
        ({}, set()),
    ],
)
def test_a_neighbours_address_is_read_in_the_forms_of_lldp_and_cdp(port: Any, found: set[str]) -> None:
    """Each in one form; a name, a phone or nothing is no address."""
    assert addresses_of(port) == found
