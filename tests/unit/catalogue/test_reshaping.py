"""Resources whose read form and written form are built differently."""

from typing import Any

import pytest

from mcp_server.catalogue.overlay import Row
from mcp_server.catalogue.transforms import named
from mcp_server.domain.call import Json
from tests.support.shipped import OVERLAY

ROW: Row = OVERLAY.row("updateNetwork")


def _write(word: str, value: Json) -> Any:
    transform, argument = named(word)
    return transform.to_write(value, argument, ROW)


def _read(word: str, value: Json, before: Json = None) -> Any:
    transform, argument = named(word)
    return transform.to_read(value, argument, ROW, before)


def test_what_is_read_inside_a_field_is_written_without_it() -> None:
    """Cellular geolocation."""
    assert _write("inside:geo", {"serial": "Q", "geo": {"enabled": True}}) == {"enabled": True}
    assert _read("inside:geo", {"enabled": False}) == {"geo": {"enabled": False}}


def test_the_only_element_of_a_list_is_what_is_written() -> None:
    """One port of a device; what the body does not name stays as it reads."""
    state = {"serial": "Q", "ports": [{"number": "3", "enabled": True, "uplink": {"type": "wan1"}}]}
    assert _write("inside:ports", state) == state["ports"][0]
    read = _read("inside:ports", {"enabled": False}, state)
    assert read == {"ports": [{"number": "3", "enabled": False, "uplink": {"type": "wan1"}}]}


def test_a_list_of_several_is_not_taken_for_one() -> None:
    """Which one would be meant is not known."""
    state = {"ports": [{"number": "1"}, {"number": "2"}]}
    assert _write("inside:ports", state) == state


def test_what_is_read_bare_is_written_in_its_holder() -> None:
    """Intrusion policies and overrides."""
    assert _write("holder:policy", {"name": "x"}) == {"policy": {"name": "x"}}
    assert _read("holder:policy", {"policy": {"name": "x"}}) == {"name": "x"}


def test_elements_are_lifted_out_of_their_field_and_put_back() -> None:
    """Devices of a packet capture schedule."""
    assert _write("lift:devices[].device", {"devices": [{"device": {"serial": "Q"}}]}) == {"devices": [{"serial": "Q"}]}
    assert _read("lift:devices[].device", {"devices": [{"serial": "Q"}]}) == {"devices": [{"device": {"serial": "Q"}}]}


def test_rows_of_a_list_are_written_in_a_field_and_merged_by_their_keys() -> None:
    """Only rows that have every key can be written; the others stay."""
    live = [{"id": "1", "at": {"n": "a"}, "on": True}, {"id": "2", "at": {"n": "b"}, "on": True}, {"id": "3"}]
    assert _write("rows:items by id at.n", live) == {"items": live[:2]}
    read = _read("rows:items by id at.n", {"items": [{"id": "2", "at": {"n": "b"}, "on": False}]}, live)
    assert read == [live[0], {"id": "2", "at": {"n": "b"}, "on": False}, live[2]]


def test_rows_that_lack_what_the_write_requires_are_left_out() -> None:
    """A device on no floor plan has nothing to be written back."""
    live = [{"serial": "A", "floorPlan": {"id": "f"}}, {"serial": "B", "floorPlan": None}]
    assert _write("rows:assignments by serial having floorPlan.id", live) == {"assignments": live[:1]}


def test_a_virtual_address_is_read_as_the_address_of_its_uplink() -> None:
    """And written by number."""
    state = {"enabled": True, "uplinkMode": "virtual", "wan1": {"ip": "1.2.3.4", "subnet": "1.2.3.0/24"}}
    assert _write("warm_spare", state)["virtualIp1"] == "1.2.3.4"
    assert "virtualIp2" not in _write("warm_spare", state)
    assert _read("warm_spare", {"virtualIp1": "1.2.3.5", "enabled": True}) == {
        "wan1": {"ip": "1.2.3.5"},
        "enabled": True,
    }


def test_what_the_cloud_decides_of_a_spare_is_not_expected() -> None:
    """Its uplinks show their own addresses when none is virtual, and one that is off shows nothing of itself."""
    transform, argument = named("warm_spare")
    spare = {"enabled": True, "uplinkMode": "virtual", "spareSerial": "S", "wan1": {"ip": "1.2.3.4"}, "wan2": {}}
    assert transform.settled(spare, argument, ROW) == spare
    public = transform.settled({**spare, "uplinkMode": "public"}, argument, ROW)
    assert public == {"enabled": True, "uplinkMode": "public", "spareSerial": "S"}
    assert transform.settled({**spare, "enabled": False}, argument, ROW) == {"enabled": False}


def test_an_address_that_is_not_virtual_is_not_written_back() -> None:
    """With public addresses the uplinks show their own."""
    state = {"enabled": True, "uplinkMode": "public", "wan1": {"ip": "1.2.3.4"}}
    assert _write("warm_spare", state) == state


@pytest.mark.parametrize(
    ("word", "body"),
    [
        ("inside:geo", {"enabled": True}),
        ("holder:policy", {"policy": {"name": "x"}}),
        ("lift:devices[].device", {"devices": [{"serial": "Q"}]}),
        ("rows:items by id", {"items": [{"id": "1"}]}),
        ("warm_spare", {"enabled": True, "uplinkMode": "virtual", "virtualIp1": "1.2.3.4"}),
    ],
)
def test_a_body_in_the_written_form_stays_as_it_is(word: str, body: Json) -> None:
    """Requests are given in the form that the API documents."""
    assert _write(word, body) == body


@pytest.mark.parametrize(
    "word", ["inside:geo", "holder:policy", "lift:devices[].device", "rows:items by id", "warm_spare"]
)
def test_what_has_another_form_is_left_alone(word: str) -> None:
    """Nothing is made up for a state that is no object or list."""
    assert _write(word, None) is None
    assert _read(word, "x") in ("x", {"geo": "x"})
