"""Every example that is marked runnable is run in the sandbox; every JSON block is JSON.

``json runnable`` is one tool call, ``json answer`` what its answer holds at least; ``$PLAN_ID`` and ``$CHANGE_ID``
stand for the latest ones of the page. ``console runnable`` has commands after ``$`` and lines that their output holds,
``…`` for anything. ``python runnable`` is a program that ends well.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters

from tests.docs.blocks import ROOT, Block, blocks, pages
from tests.support.longest import LONGEST_S
from tests.support.stage import staged

ALL = [block for page in pages() for block in blocks(page)]
RUNNABLE = {
    language: [block for block in ALL if (block.language, block.mark) == (language, "runnable")]
    for language in ("console", "json", "python")
}
TOLD = {
    page: [block for block in ALL if block.page == page and block.mark in ("runnable", "answer")] for page in pages()
}
CALLING = [page for page, told in TOLD.items() if any(block.language == "json" for block in told)]


def environment(home: Path) -> dict[str, str]:
    """A person's environment with a data directory of its own and no key."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MERAKI_SPECIALIST_HOME": str(home),
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }


def agreeing(message: str) -> types.ElicitResult:
    """A person who reads the question and says yes."""
    code = re.search(r"(?:Apply|Keep what) plan (\w{4}) ", message)
    assert code, message
    return types.ElicitResult(action="accept", content={"approve": True, "code": code[1]})


@pytest.mark.parametrize("block", [one for one in ALL if one.language == "json"], ids=lambda block: str(block.where))
def test_a_json_block_is_json(block: Block) -> None:
    """What a reader pastes can be read by what they paste it into."""
    json.loads(block.text)


def test_there_are_examples_of_each_kind() -> None:
    """A renamed mark would otherwise let every example pass unseen."""
    assert len(RUNNABLE["console"]) >= 5
    assert len(RUNNABLE["json"]) >= 20
    assert len(RUNNABLE["python"]) >= 2
    assert {block.mark for block in ALL} <= {"", "runnable", "answer"}


@pytest.mark.parametrize("page", CALLING, ids=lambda page: str(page.relative_to(ROOT)))
async def test_the_tool_calls_of_a_page_answer_as_it_says(tmp_path: Path, page: Path) -> None:
    """One person, one sandbox, the page from top to bottom."""
    known: dict[str, str] = {}
    answer: dict[str, Any] = {}
    async with staged(tmp_path / "home", answer=agreeing) as stage:
        for block in TOLD[page]:
            if block.language != "json":
                continue
            if block.mark == "answer":
                assert_holds(answer, json.loads(block.text), block.where)
                continue
            call = json.loads(_filled(block.text, known))
            answer = await stage.call(call["tool"], **call["arguments"])
            known |= {f"${name.upper()}": answer[name] for name in ("plan_id", "change_id") if name in answer}


def _filled(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(name, value)
    assert "$PLAN_ID" not in text
    assert "$CHANGE_ID" not in text
    return text


def assert_holds(answer: Any, expected: Any, where: str) -> None:
    """Every field that the page shows is so; a shown element of a list is the one at its place, or any of them."""
    if isinstance(expected, dict):
        assert isinstance(answer, dict), where
        for name, value in expected.items():
            assert name in answer, f"{where}: no {name} in {sorted(answer)}: {answer.get('summary')}"
            assert_holds(answer[name], value, f"{where} {name}")
    elif isinstance(expected, list) and expected:
        assert any(_holds(one, expected[0]) for one in answer), f"{where}: {answer}"
    else:
        assert answer == expected, where


def _holds(answer: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(
            name in answer and _holds(answer[name], value) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(answer, list) and all(any(_holds(one, want) for one in answer) for want in expected)
    return bool(answer == expected)


@pytest.mark.parametrize("block", RUNNABLE["console"], ids=lambda block: str(block.where))
def test_a_console_example_prints_what_the_page_says(tmp_path: Path, block: Block) -> None:
    """Each command ends well, and its output holds the lines shown under it."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        words = shlex.split(command)
        assert words[0] == "meraki-specialist", block.where
        result = subprocess.run(
            [sys.executable, "-m", "mcp_server", *words[1:]],
            cwd=tmp_path,
            env=environment(home),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_S,
        )
        printed = result.stdout + result.stderr
        assert result.returncode == 0, f"{block.where}: {printed}"
        for line in filter(None, shown):
            pattern = ".*".join(re.escape(piece) for piece in line.split("…"))
            assert re.search(pattern, printed), f"{block.where}: {line}: {printed}"


@pytest.mark.parametrize("block", RUNNABLE["python"], ids=lambda block: str(block.where))
def test_a_python_example_runs(tmp_path: Path, block: Block) -> None:
    """As a file of its own, in an empty folder."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    program = tmp_path / "example.py"
    # a child of the SDK's client inherits only a few names of the environment, so the example's server is told the rest
    told = repr(environment(home))
    program.write_text(
        block.text.replace("StdioServerParameters(command", f"StdioServerParameters(env={told}, command")
    )
    result = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )
    assert result.returncode == 0, f"{block.where}: {result.stderr}"
    assert result.stdout.strip(), block.where


async def test_the_first_json_of_the_readme_starts_a_server(tmp_path: Path) -> None:
    """The arguments that it says to paste, with this interpreter in place of the installed program."""
    block = next(one for one in blocks(ROOT / "README.md") if one.language == "json")
    (entry,) = json.loads(block.text)["mcpServers"].values()
    assert entry["command"].endswith("/.venv-demo/bin/meraki-specialist")
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_server", *entry["args"]], env=environment(home), cwd=str(tmp_path)
    )
    async with Client(server, read_timeout_seconds=60) as client:
        assert len((await client.list_tools()).tools) == 8
