"""Each claim of the demo is as false as it can be true."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mcp_server.cli.demo_story import claims
from mcp_server.cli.demo_story.witness import Look

NOON = datetime(2026, 8, 1, 12, 0, tzinfo=UTC)
PORT = "/devices/Q2XX/switch/ports/51"
RULES = [{"comment": "one"}, {"comment": "two"}]


def look(
    *writes: tuple[str, float],
    resources: Mapping[str, Any] | None = None,
    gone: tuple[tuple[str, str, float], ...] = (),
) -> Look:
    """A look with writes (path, seconds past noon) and devices that went (serial, new state, seconds past noon)."""
    rows = [
        {"method": "PUT", "path": path, "status": 200, "took_effect": True, "at": _at(after_s)}
        for path, after_s in writes
    ]
    devices = {"Q2YY": {"name": "Recepção"}}
    moved = [{"serial": serial, "new": new, "at": _at(s), "reason": "cut"} for serial, new, s in gone]
    return Look(NOON, 40 + len(rows), tuple(rows), {"devices": devices, "resources": resources or {}}, tuple(moved))


def _at(after_s: float) -> str:
    return (NOON + timedelta(seconds=after_s)).isoformat()


def test_no_write_is_claimed_only_when_the_journal_has_no_new_one() -> None:
    """A write between the looks makes it false; an older one does not."""
    assert claims.nothing_left(look((PORT, 1)), look((PORT, 1)), "then").holds
    assert not claims.nothing_left(look(), look((PORT, 1)), "then").holds


def test_one_write_has_to_be_one_to_that_path_and_after_the_yes() -> None:
    """None, two, another path, and a write before the yes are each false."""
    assert claims.one_write(look(), look((PORT, 1)), NOON, PORT).holds
    assert not claims.one_write(look(), look(), NOON, PORT).holds
    assert not claims.one_write(look(), look((PORT, 1), (PORT, 2)), NOON, PORT).holds
    assert not claims.one_write(look(), look(("/elsewhere", 1)), NOON, PORT).holds
    assert not claims.one_write(look(), look((PORT, -1)), NOON, PORT).holds


def test_planned_fields_have_to_be_the_only_ones_that_moved() -> None:
    """A field with another value, and a field that nobody planned, are each false."""
    before = {"down": 0, "name": "Visitantes", "dns": {"enabled": False}}
    assert claims.only_fields(before, {**before, "down": 5}, {"down": 5}).holds
    assert not claims.only_fields(before, {**before, "down": 6}, {"down": 5}).holds
    assert not claims.only_fields(before, {**before, "down": 5, "dns": {"enabled": True}}, {"down": 5}).holds


def test_a_rule_stands_before_its_neighbour_only_right_in_front_of_it() -> None:
    """At the end, missing, or with the others out of order it does not."""
    new = {"comment": "new"}
    assert claims.rule_stands_before(RULES, [RULES[0], new, RULES[1]], "new", "two").holds
    assert not claims.rule_stands_before(RULES, [*RULES, new], "new", "two").holds
    assert not claims.rule_stands_before(RULES, RULES, "new", "two").holds
    assert not claims.rule_stands_before(RULES, [RULES[1], new, RULES[0]], "new", "one").holds


def test_another_changed_resource_is_noticed() -> None:
    """The paths that moved are named; one more than planned makes the claim false."""
    now = look(resources={"/a": 1, "/b": 1})
    assert claims.only_resources(look(), now, ["/a", "/b"]).holds
    assert not claims.only_resources(look(), now, ["/a"]).holds


def test_states_are_equal_byte_for_byte_or_the_difference_is_named() -> None:
    """The order of keys does not count; a value does."""
    assert claims.as_before(look(resources={"/a": {"x": 1, "y": 2}}), look(resources={"/a": {"y": 2, "x": 1}})).holds
    differs = claims.as_before(look(resources={"/a": 1}), look(resources={"/a": 2}))
    assert not differs.holds
    assert differs.evidence.endswith("; differs in /a")


def test_a_lost_device_is_told_with_its_reason_until_it_is_back() -> None:
    """Lost and not back, then lost and back; no loss is no damage."""
    lost = look((PORT, 1), gone=(("Q2YY", "offline", 2),))
    back = look((PORT, 1), gone=(("Q2YY", "offline", 2), ("Q2YY", "online", 4)))
    assert not claims.nobody_went_offline(look(), lost).holds
    assert claims.nobody_went_offline(look(), look()).holds
    assert claims.went_offline(look(), lost).evidence == "Recepção, 1.0 s after the write; cut"
    assert not claims.went_offline(look(), look()).holds
    assert not claims.back_online(look(), lost).holds
    assert claims.back_online(look(), back).holds
    assert not claims.back_online(look(), look()).holds


def test_an_undo_by_itself_is_exactly_one_more_write_to_the_same_path() -> None:
    """One write, three, or the second one elsewhere are each false."""
    assert claims.undone_by_itself(look(), look((PORT, 1), (PORT, 3)), NOON, PORT).holds
    assert not claims.undone_by_itself(look(), look((PORT, 1)), NOON, PORT).holds
    assert not claims.undone_by_itself(look(), look((PORT, 1), (PORT, 2), (PORT, 3)), NOON, PORT).holds
    assert not claims.undone_by_itself(look(), look((PORT, 1), ("/elsewhere", 3)), NOON, PORT).holds


def test_a_write_without_an_earlier_intent_or_a_later_outcome_is_not_on_record() -> None:
    """Lines that are missing or in the wrong order make it false."""
    writes = look((PORT, 1)).writes
    early, late = [NOON], [NOON + timedelta(seconds=2)]
    assert claims.on_record(writes, early, late).holds
    assert not claims.on_record(writes, late, late).holds
    assert not claims.on_record(writes, early, early).holds
    assert not claims.on_record(writes, [], late).holds
    assert not claims.on_record((), [], []).holds
