"""Fields that are read under another name than they are written, and ids deep inside a body."""

from typing import Any

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


def test_a_field_is_written_under_its_own_name_and_read_under_another() -> None:
    """Realms of Hotspot 2.0; the other fields stay, and twice is as once."""
    word = "rename:naiRealms[].realm by name"
    state = {"enabled": True, "naiRealms": [{"format": "1", "name": "example.net"}]}
    body = {"enabled": True, "naiRealms": [{"format": "1", "realm": "example.net"}]}
    assert _write(word, state) == body
    assert _write(word, body) == body
    assert _read(word, body) == state


def test_a_body_without_the_list_is_left_alone() -> None:
    """Nothing to rename."""
    assert _write("rename:naiRealms[].realm by name", {"enabled": True}) == {"enabled": True}
    assert _read("rename:naiRealms[].realm by name", ["x"]) == ["x"]


def test_ids_are_taken_out_of_objects_deep_inside_and_put_back() -> None:
    """Webhook recipients of an alert profile; a new one is known by its id alone."""
    word = "ids_of:to.webhook.recipients"
    live = {"to": {"webhook": {"enabled": True, "recipients": [{"id": "7", "name": "SOC"}]}}}
    assert _write(word, live) == {"to": {"webhook": {"enabled": True, "recipients": ["7"]}}}
    body = {"to": {"webhook": {"recipients": ["7", "8"]}}}
    assert _read(word, body, live) == {"to": {"webhook": {"recipients": [{"id": "7", "name": "SOC"}, {"id": "8"}]}}}


def test_a_body_that_does_not_name_the_deep_list_stays_as_it_is() -> None:
    """Its holder is not made up."""
    assert _write("ids_of:to.webhook.recipients", {"to": {"email": {}}}) == {"to": {"email": {}}}
    assert _read("ids_of:to.webhook.recipients", {"name": "x"}, None) == {"name": "x"}
