"""The reference pages are what the code says, and leave nothing out."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from mcp_server.cli.program import COMMANDS
from mcp_server.desk.lookups import PROMPTS
from mcp_server.domain.change_state import MOVES, STATUS, ChangeState
from mcp_server.domain.rules.order import OUTSIDE, PLAN_RULES, REFUSED, RULES, TYPED_CODE
from mcp_server.hooks.order import POST_TASK, PRE_CHANGE, PRE_TASK
from mcp_server.registry import ORDER
from mcp_server.sandbox import cloud
from mcp_server.sandbox.behaviour import BEHAVIOURS
from mcp_server.settings import SETTINGS
from scripts.reference import rules
from scripts.reference.change_states import diagram
from scripts.reference.errors import classes_of, codes_of
from scripts.reference.pages import FOLDER, names, outdated, pages
from tests.architecture.test_imports import LOWER
from tests.docs.blocks import ROOT

MEASURED = {"performance.md", "comparison.md"}


@cache
def made() -> dict[str, str]:
    """Every page, made once, and only where these tests run: that takes seconds."""
    return pages()


@pytest.mark.parametrize("name", names())
def test_a_page_is_what_the_code_says_today(name: str) -> None:
    """Otherwise: scripts/build docs."""
    assert name not in outdated(made()), "run scripts/build docs"


def test_every_page_there_is_is_made() -> None:
    """No page is left over from what no longer exists; measurements are written by hand."""
    assert {path.name for path in FOLDER.iterdir()} - MEASURED == set(names())


def test_every_setting_is_documented_with_its_name_and_meaning() -> None:
    """A setting without a row does not exist for whoever reads the page."""
    missing = [
        one.env for one in SETTINGS if one.env not in made()["settings.md"] or one.meaning not in made()["settings.md"]
    ]
    assert missing == []


def test_every_tool_hook_error_prompt_and_command_is_documented() -> None:
    """Each by its own name."""
    hooks = [hook.__name__ for hook in (*PRE_TASK, *PRE_CHANGE, *POST_TASK)]
    wanted = {
        "tools.md": [f"## {name}\n" for name in ORDER],
        "hooks.md": [f"### {name}\n" for name in hooks],
        "errors.md": [f"`{one.__name__}`" for one in classes_of()] + [code for code, _, _ in codes_of()],
        "prompts.md": [f"## {prompt['name']}\n" for prompt in PROMPTS],
        "command-line.md": [f"## meraki-specialist {name}\n" for name in COMMANDS],
        "sandbox.md": [f"`{name}`" for name in BEHAVIOURS],
    }
    assert cloud
    assert {page: [text for text in texts if text not in made()[page]] for page, texts in wanted.items()} == {
        page: [] for page in wanted
    }


def test_every_rule_is_documented_and_every_demand_belongs_to_a_rule() -> None:
    """What is refused, or asks for a code or another channel, names a rule that exists."""
    every: list[Callable[..., Any]] = [*RULES, *PLAN_RULES]
    names = {name for rule in every for name, _ in rules.ids(rule)}
    assert [name for name in names if f"`{name}`" not in made()["rules.md"]] == []
    assert names >= REFUSED | OUTSIDE | TYPED_CODE


def test_the_diagram_draws_every_state_and_every_move() -> None:
    """One line for each move of the table, no other."""
    lines = [line.strip() for line in diagram().splitlines()]
    drawn = {tuple(line.split(" --> ")) for line in lines if " --> " in line and "[*]" not in line}
    assert drawn == {(str(state), str(target)) for state, targets in MOVES.items() for target in targets}
    assert all(any(str(state) in line for line in lines) for state in ChangeState)


def test_every_status_of_a_change_has_its_meaning() -> None:
    """In the page that people look it up in, and no other one."""
    page = (ROOT / "docs" / "howto" / "read-the-history.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(STATUS.values())


def test_every_room_is_shown_with_what_it_may_import() -> None:
    """Room by room, as the architecture tests enforce it."""
    lines = made()["rooms.md"].splitlines()
    for room, lower in LOWER.items():
        told = ", ".join(f"`{name}`" for name in sorted(lower)) or "nothing"
        line = next((line for line in lines if line.startswith(f"| `{room}` |")), "")
        assert line.endswith(f"| {told} |"), room
