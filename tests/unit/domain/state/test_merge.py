"""The API's merge rules."""

from mcp_server.domain.state.merge import merged


def test_omitted_fields_keep_their_values() -> None:
    """A PUT of one field leaves the others."""
    assert merged({"name": "a", "enabled": True}, {"name": "b"}) == {"name": "b", "enabled": True}


def test_nested_objects_merge() -> None:
    """The rule holds inside objects."""
    before = {"dot11w": {"enabled": True, "required": False}}
    assert merged(before, {"dot11w": {"required": True}}) == {"dot11w": {"enabled": True, "required": True}}


def test_lists_are_replaced() -> None:
    """A list is never joined with the old one."""
    assert merged({"tags": ["a", "b"]}, {"tags": ["c"]}) == {"tags": ["c"]}


def test_keyed_maps_are_replaced_as_a_whole() -> None:
    """A named map loses the keys that the body does not have."""
    before = {"fixedIpAssignments": {"aa": {"ip": "1"}, "bb": {"ip": "2"}}}
    body = {"fixedIpAssignments": {"cc": {"ip": "3"}}}
    assert merged(before, body, ("fixedIpAssignments",)) == body
    assert len(merged(before, body)["fixedIpAssignments"]) == 3


def test_null_clears() -> None:
    """An explicit null is the new value."""
    assert merged({"vlan": 10}, {"vlan": None}) == {"vlan": None}


def test_nothing_becomes_the_body() -> None:
    """Without a state the body is the state, and a copy of it."""
    body = {"tags": ["a"]}
    result = merged(None, body)
    result["tags"].append("b")
    assert body == {"tags": ["a"]}
