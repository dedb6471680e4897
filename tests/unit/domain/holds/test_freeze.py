"""The kill switch: which switch holds back what, and when one is off."""

from dataclasses import replace

from mcp_server.domain.holds.freeze import (
    freeze_key,
    freeze_keys,
    organization_of,
    sentence,
    those_on,
    unfreeze_words,
    view,
)
from tests.support.fake_clock import START
from tests.support.records import a_freeze


def test_a_change_is_held_back_by_the_switch_of_everything_and_by_its_own_organizations() -> None:
    """And the command that lifts it names the same organization."""
    assert freeze_keys("549236") == (freeze_key(), freeze_key("549236"))
    one = a_freeze(freeze_key("549236"))
    assert organization_of(one) == "549236"
    assert organization_of(a_freeze()) == ""
    assert unfreeze_words("549236") == ("unfreeze", "--organization", "549236")
    assert unfreeze_words("") == ("unfreeze",)


def test_a_switch_is_off_only_when_a_genuine_signature_lifted_it() -> None:
    """What is not there is off; a lifting that nobody signed leaves it on."""
    on, lifted = a_freeze(), a_freeze("organization:1", lifted_at=START, lifted_by="Bea")
    assert those_on([None, on, lifted], lambda _freeze: True) == (on,)
    assert those_on([None, on, lifted], lambda _freeze: False) == (on, lifted)


def test_who_froze_what_since_when_and_why_is_told_without_control_characters() -> None:
    """Reason and name are somebody's text."""
    hostile = replace(a_freeze("organization:1"), reason="stop\x1b[2J\u202e", frozen_by="ana\n")
    told = sentence(hostile)
    assert "organization 1" in told
    assert START.isoformat(timespec="seconds") in told
    assert told.isprintable()
    assert view(hostile)["what"] == "organization:1"
    assert view(replace(hostile, reason=""))["reason"] is None
