"""List edits of the plan language."""

from typing import Any

import pytest

from mcp_server.domain.state.list_edit import explicit, fits, has_edits, resolved
from mcp_server.errors import InvalidArguments

A, B = {"comment": "a", "policy": "deny"}, {"comment": "b", "policy": "allow"}
NEW = {"comment": "new", "policy": "deny"}
DEFAULT = {"comment": "Default rule", "policy": "allow"}
LIVE = {"rules": [A, B, DEFAULT]}
LAST = {"comment": "Default rule"}


def _rules(edit: Any) -> Any:
    return resolved(LIVE, {"rules": edit}, last=LAST)["rules"]


def test_an_edit_is_found_wherever_it_stands() -> None:
    """Whole bodies have none."""
    assert has_edits({"a": {"b": [{"$remove": {"x": 1}}]}})
    assert not has_edits({"rules": [A], "name": "$insert"})


def test_last_is_in_front_of_the_default_rule() -> None:
    """An appended rule would never match behind an allow-any."""
    assert _rules({"$insert": [NEW], "at": "last"}) == [A, B, NEW, DEFAULT]


def test_last_is_the_end_where_no_default_rule_stands() -> None:
    """Other lists simply grow."""
    assert resolved({"l": [A]}, {"l": {"$insert": [NEW], "at": "last"}}) == {"l": [A, NEW]}


def test_several_implicit_rules_stay_at_the_end() -> None:
    """An SSID shows two of them."""
    lan = {"comment": "LAN", "destCidr": "Local LAN"}
    live = {"rules": [A, lan, DEFAULT]}
    last = ({"destCidr": "Local LAN"}, LAST)
    assert resolved(live, {"rules": {"$insert": [NEW], "at": "last"}}, last=last)["rules"] == [A, NEW, lan, DEFAULT]
    assert explicit(live["rules"], last) == [A]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ({"$insert": [NEW], "at": "first"}, [NEW, A, B, DEFAULT]),
        ({"$insert": [NEW], "before": {"comment": "b"}}, [A, NEW, B, DEFAULT]),
        ({"$insert": [NEW], "after": {"comment": "a"}}, [A, NEW, B, DEFAULT]),
        ({"$insert": [NEW], "before": LAST}, [A, B, NEW, DEFAULT]),
        ({"$remove": {"comment": "a"}}, [B, DEFAULT]),
        ({"$update": {"comment": "a"}, "set": {"policy": "allow"}}, [{**A, "policy": "allow"}, B, DEFAULT]),
        ([{"$remove": {"comment": "a"}}, {"$insert": [NEW], "at": "first"}], [NEW, B, DEFAULT]),
    ],
)
def test_an_edit_gives_the_whole_edited_list(edit: Any, expected: Any) -> None:
    """Each verb and place; several edits apply in order."""
    assert _rules(edit) == expected


def test_plain_values_are_matched_by_equality() -> None:
    """Tags can be edited too."""
    live = {"tags": ["a", "b"]}
    assert resolved(live, {"tags": [{"$remove": "a"}, {"$insert": ["c"], "at": "last"}]}) == {"tags": ["b", "c"]}


def test_a_list_inside_an_element_can_be_edited() -> None:
    """An update may hold an edit of the element's own list."""
    live = {"servers": [{"host": "h", "roles": ["Flows"]}]}
    edit = {"$update": {"host": "h"}, "set": {"roles": {"$insert": ["URLs"], "at": "last"}}}
    assert resolved(live, {"servers": edit}) == {"servers": [{"host": "h", "roles": ["Flows", "URLs"]}]}


def test_a_match_that_fits_nothing_is_refused_with_the_candidates() -> None:
    """The caller sees what could have been meant."""
    with pytest.raises(InvalidArguments) as refused:
        _rules({"$remove": {"comment": "nope"}})
    assert refused.value.reason == "match_not_found"
    assert refused.value.details["field"] == "rules"
    assert refused.value.details["candidates"] == [
        {"position": 0, "element": {"comment": "a"}},
        {"position": 1, "element": {"comment": "b"}},
        {"position": 2, "element": {"comment": "Default rule"}},
    ]


def test_a_match_that_fits_two_is_refused_with_those_two() -> None:
    """An ambiguous edit is never guessed."""
    with pytest.raises(InvalidArguments) as refused:
        _rules({"$remove": {"policy": "allow"}})
    assert refused.value.reason == "match_not_unique"
    assert refused.value.details["total"] == 2


def test_candidates_never_show_a_secret() -> None:
    """Not even when the match itself names the field."""
    live = {"peers": [{"name": "hq", "secret": "hunter2222"}, {"name": "dc", "secret": "swordfish"}]}
    with pytest.raises(InvalidArguments) as refused:
        resolved(live, {"peers": {"$remove": {"secret": "x"}}})
    assert "hunter2222" not in str(refused.value.details)


@pytest.mark.parametrize(
    "edit",
    [
        {"$remove": LAST},
        {"$update": LAST, "set": {"policy": "deny"}},
        {"$insert": [NEW], "after": LAST},
    ],
)
def test_the_implicit_default_rule_cannot_be_touched(edit: Any) -> None:
    """It is the cloud's: the refusal says to put a rule in front of it."""
    with pytest.raises(InvalidArguments, match="implicit default rule") as refused:
        _rules(edit)
    assert "in front" in refused.value.remedy


@pytest.mark.parametrize(
    "edit",
    [
        {"$insert": [NEW]},
        {"$insert": [NEW], "at": "middle"},
        {"$insert": [NEW], "at": "first", "before": {"comment": "a"}},
        {"$insert": [], "at": "first"},
        {"$insert": NEW, "at": "first"},
        {"$remove": {}},
        {"$update": {"comment": "a"}},
        {"$update": {"comment": "a"}, "set": {}},
        {"$remove": {"comment": "a"}, "$insert": [NEW]},
        {"$remove": {"comment": "a"}, "where": 1},
        [{"$remove": {"comment": "a"}}, NEW],
    ],
)
def test_a_malformed_edit_is_refused(edit: Any) -> None:
    """Each with the field and a remedy."""
    with pytest.raises(InvalidArguments, match="rules") as refused:
        _rules(edit)
    assert refused.value.remedy


def test_a_field_that_is_no_list_cannot_be_edited() -> None:
    """A missing one counts as empty."""
    with pytest.raises(InvalidArguments, match="not a list"):
        resolved({"name": "x"}, {"name": {"$remove": "x"}})
    assert resolved({}, {"tags": {"$insert": ["a"], "at": "last"}}) == {"tags": ["a"]}


def test_the_live_state_is_left_alone() -> None:
    """Edits work on a copy."""
    _rules({"$update": {"comment": "a"}, "set": {"policy": "allow"}})
    assert LIVE["rules"] == [A, B, DEFAULT]


def test_a_partial_object_fits_by_its_own_fields_only() -> None:
    """Nested objects too; a missing field never fits, not even null."""
    assert fits({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1}})
    assert not fits({"a": 1}, {"b": None})
    assert not fits({"a": True}, {"a": 1})
