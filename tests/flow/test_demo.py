"""The demo as a new user runs it: both stories, every claim; and what it says when the cloud is not as claimed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mcp_server.cli.demo_story.person import PlayedPerson, code_in
from mcp_server.cli.demo_story.pseudo_terminal import Typed, run_on_terminal
from mcp_server.cli.demo_story.show import exit_code
from mcp_server.sandbox.app import SandboxApp

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 700  #: longer than the demo gives itself, so that it is the demo that says what did not go on


def environment(scratch: Path) -> dict[str, str]:
    """A new user's environment; temporary files go to ``scratch``. A key that must never be used lies in it."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch), "LANG": "C.UTF-8"}
    return {**given, "HOME": str(scratch), "MERAKI_DASHBOARD_API_KEY": "r" * 40, "TERM": "xterm"}


def run(scratch: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """The demo as a process without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "mcp_server", "demo", *words],
        env=environment(scratch),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        start_new_session=True,
    )


def left_in(scratch: Path) -> list[str]:
    """What the demo left in the directory of temporary files."""
    return [path.name for path in scratch.iterdir()]


def failing(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    """The texts of the claims that do not hold."""
    return [str(claim["text"]) for claim in claims if not claim["holds"]]


def test_both_stories_are_told_without_a_terminal_and_every_claim_holds(tmp_path: Path) -> None:
    """Exit 0, one JSON document, nothing on standard error, nothing left behind."""
    ran = run(tmp_path, "--json")
    assert ran.stderr == ""
    told = json.loads(ran.stdout)
    assert failing(told["claims"]) == []
    assert ran.returncode == 0
    assert (told["ok"], told["person_played"], len(told["stories"])) == (True, True, 3)
    texts = [claim["text"] for claim in told["claims"]]
    assert texts.count("Exactly 1 write reached the cloud, after the person's yes") == 4
    assert texts.count("The state is byte-equal to the one before") == 2
    assert any(text.startswith("2 writes reached the cloud") for text in texts)
    assert any(text.startswith("The audit chain verifies") for text in texts)
    events = [event for story in told["stories"] for event in story["events"]]
    assert sum(event["kind"] == "question" for event in events) == 2
    assert sum("approve plan-" in event["text"] for event in events if event["kind"] == "terminal") == 3
    assert left_in(tmp_path) == []


def test_a_spoiled_cloud_makes_claims_fail_and_the_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the sandbox is spoiled: a stray write, a rule at the wrong place, an edit that stays."""

    def meddle(scene: str, sandbox: SandboxApp) -> None:
        world = sandbox.world
        network_id = next(iter(world.networks))
        if scene == "ssid":
            stray = {**world.journal[-1], "method": "PUT", "path": "/stray", "took_effect": True, "status": 200}
            world.journal.append(stray)
            world.resources[f"/networks/{network_id}/wireless/ssids"]["1"]["minBitrate"] = 54
        if scene == "back":
            sandbox.edit(f"/networks/{network_id}", {"notes": "somebody else was here"})

    assert exit_code(PlayedPerson("a passphrase"), None, as_json=True, meddle=meddle) == 1
    assert failing(json.loads(capsys.readouterr().out)["claims"]) == [
        "Exactly 1 write reached the cloud, after the person's yes",
        "The cloud holds the 2 planned values and nothing else moved",
        "The state is byte-equal to the one before",
        "Each write was announced in the audit store before it left, and its outcome recorded after",
    ]


async def test_the_reader_can_be_the_person_at_their_own_terminal(tmp_path: Path) -> None:
    """With --interactive the questions, the key and each approval wait for the reader's typing."""
    word = "a passphrase"
    yes = [Typed("Your answer (yes/no)", "yes")]
    key = [Typed("New passphrase", word, hidden=True), Typed("again", word, hidden=True)]
    approval = [Typed("Type the plan's code", code_in), Typed("Passphrase", word, hidden=True)]
    command = [sys.executable, "-m", "mcp_server", "demo", "--interactive"]
    typed = [*yes, *key, *approval, *approval, *yes, *approval]
    ran = await run_on_terminal(command, environment(tmp_path), typed, limit_s=LIMIT_S)
    assert ran.exit_code == 0, ran.screen[-2000:]
    assert "Where a person is asked, that is you." in ran.screen
    assert "✗" not in ran.screen
    assert left_in(tmp_path) == []


def test_interactive_without_a_terminal_is_refused_at_once(tmp_path: Path) -> None:
    """Exit code 2, as any wrong usage, and a sentence."""
    ran = run(tmp_path, "--interactive")
    assert ran.returncode == 2
    assert "needs a terminal" in ran.stderr
