"""The telling on a terminal."""

import io

from rich.console import Console

from mcp_server.cli.demo_story.screen import WIDTH, Screen
from mcp_server.cli.demo_story.telling import Claim, Telling


def told(width: int = WIDTH) -> tuple[Telling, io.StringIO, Screen]:
    """A telling, and the text that its screen wrote."""
    text = io.StringIO()
    screen = Screen(Console(file=text, width=width, highlight=False))
    return Telling(screen.show), text, screen


def test_each_kind_of_event_is_shown_within_the_width() -> None:
    """Long texts wrap; nothing runs over the edge, markup in names is inert."""
    telling, text, screen = told()
    screen.open(is_played=True)
    long = "[bold]palavra[/bold] " * 30
    telling.tell("story", "Story", about=long)
    telling.tell("scene", "Scene")
    telling.say(long)
    step = {"operation": "updateX", "body": {"rules": {"$insert": [{}], "before": {"comment": "x"}}}}
    telling.tell("call", "meraki_plan", arguments={"operations": [step], "intent": long})
    telling.tell("answer", long, status="ok")
    telling.tell("rows", "Rows", rows=[["a", long], ["warning", "w"], ["", "+ added"]])
    telling.tell("question", long, played=True)
    telling.tell("terminal", "meraki-specialist approve x", played=True, screen="")
    telling.tell("terminal", "", played=True, screen=long)
    telling.claim(Claim(long, holds=True, evidence=long))
    screen.close(telling.claims, 3.0)
    shown = text.getvalue()
    assert max(map(len, shown.splitlines())) <= WIDTH
    assert "[bold]palavra[/bold]" in shown
    assert "$ meraki-specialist approve x" in shown
    assert "The demo plays the person, and says yes." in shown
    assert "$insert 1 before={'comment': 'x'}" in shown
    assert "1 of 1 claims hold; 3 s." in shown


def test_a_claim_that_does_not_hold_is_marked_and_repeated_at_the_end() -> None:
    """✗ where it was made, ✗ in the sum, and the telling as a whole does not hold."""
    telling, text, screen = told()
    telling.tell("story", "Story", about="")
    telling.claim(Claim("Pigs fly", holds=False, evidence="0 pigs seen"))
    telling.claim(Claim("Water is wet", holds=True, evidence="touched"))
    screen.close(telling.claims, 1.0)
    assert text.getvalue().count("✗ Pigs fly") == 2
    assert "1 of 2 claims hold" in text.getvalue()
    assert not telling.all_hold


def test_nothing_claimed_is_not_taken_for_success() -> None:
    """A telling without claims does not hold."""
    assert not told()[0].all_hold


def test_as_data_the_claims_stand_beside_the_stories() -> None:
    """Each claim names its story; one made before any story is kept too."""
    telling, _, _ = told()
    telling.claim(Claim("early", holds=False, evidence=""))
    telling.tell("story", "Story", about="it")
    telling.say("word")
    telling.claim(Claim("late", holds=True, evidence="e"))
    data = telling.as_data()
    assert data["ok"] is False
    assert [(one["story"], one["text"], one["holds"]) for one in data["claims"]] == [
        ("", "early", False),
        ("Story", "late", True),
    ]
    assert data["stories"] == [{"title": "Story", "about": "it", "events": [{"kind": "say", "text": "word"}]}]
