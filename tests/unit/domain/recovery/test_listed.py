"""What a list says of a create whose answer is lost: one new element that is all of it, or a person decides."""

from typing import Any

import pytest

from mcp_server.domain.plan import Reader
from mcp_server.domain.record import Asked, Listed
from mcp_server.domain.recovery.listed import ids_in, newcomer
from mcp_server.domain.recovery.settle import Settled

OLD = {"id": "1", "vlan": 10, "dscp": 0}
MADE = {"id": "2", "vlan": 20, "dscp": 46, "added": "by the cloud"}
LISTED = Listed(Reader("getNetworkSwitchQosRules", {"networkId": "N_1"}), "id", ("1",))


def asked(**given: Any) -> Asked:
    """A rule for VLAN 20 was sent; one rule was there before."""
    expected = {"id": {"$unknown": "id"}, "vlan": 20, "dscp": 46}
    return Asked("createNetworkSwitchQosRule", None, None, given.pop("expected", expected), listed=LISTED, **given)


@pytest.mark.parametrize(
    ("live", "settled"),
    [
        ([OLD, MADE], Settled.APPLIED),
        ([MADE], Settled.APPLIED),  # somebody deleted the old one: that says nothing of the new one
        ([OLD], Settled.NOT_APPLIED),
        ([], Settled.NOT_APPLIED),
        ([OLD, MADE, {**MADE, "id": "3"}], Settled.DRIFTED),
        ([OLD, MADE, {"id": "3", "vlan": 99}], Settled.DRIFTED),
        ([OLD, {**MADE, "dscp": 0}], Settled.DRIFTED),
        ([OLD, {"vlan": 20, "dscp": 46}], Settled.UNKNOWN),
        (None, Settled.UNKNOWN),
        ({"items": []}, Settled.UNKNOWN),
    ],
)
def test_only_one_new_element_with_every_field_that_was_sent_is_what_was_made(live: Any, settled: Settled) -> None:
    """No new one: not made; several, part of it, no ids or no list: a person decides, and is told why."""
    seen = newcomer(asked(), live)
    assert seen.settled is settled
    assert bool(seen.why) == (settled in (Settled.DRIFTED, Settled.UNKNOWN))
    assert (seen.element == MADE) == (settled is Settled.APPLIED)


def test_an_element_of_which_nothing_that_was_sent_is_read_back_is_nobodys() -> None:
    """Secrets and ids alone prove nothing."""
    seen = newcomer(asked(expected={"id": {"$unknown": "id"}, "psk": {"$secret": "PSK"}}), [OLD, MADE])
    assert (seen.settled, seen.element) == (Settled.DRIFTED, MADE)
    assert newcomer(asked(ignore=("vlan", "dscp")), [OLD, MADE]).settled is Settled.DRIFTED


def test_whoever_decides_is_told_up_to_five_fields_that_differ() -> None:
    """By name, so that they know what to look at."""
    sent = {f"field{number}": number for number in range(7)}
    seen = newcomer(asked(expected=sent), [OLD, {"id": "2", **dict.fromkeys(sent, 99)}])
    assert seen.why.endswith(": field0, field1, field2, field3, field4")


def test_ids_are_texts_and_a_list_in_which_one_is_missing_has_none() -> None:
    """It could not be told then which element is new."""
    assert ids_in([{"id": 7}, {"id": "8"}], "id") == ("7", "8")
    assert ids_in([{"id": 7}, {"name": "x"}], "id") is None
    assert ids_in([{"id": 7}, {"id": ""}], "id") is None
    assert ids_in([{"id": 7}, "text"], "id") is None
    assert ids_in({"id": 7}, "id") is None
    assert newcomer(Asked("x", None, None, {}), []).settled is Settled.UNKNOWN
