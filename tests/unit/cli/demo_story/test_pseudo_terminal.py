"""A real command on a terminal of its own: what it asks is answered, what is hidden stays hidden."""

import os
import sys
from pathlib import Path

import anyio
import pytest

from mcp_server.cli.demo_story.pseudo_terminal import Typed, run_on_terminal
from mcp_server.cli.demo_story.stage import environment
from mcp_server.cli.demo_story.telling import StoryStopped
from tests.support.longest import LONGEST_S
from tests.support.loop_time import let_pass
from tests.support.waiting import wait_until

ASKS = """
from mcp_server.cli.local import Terminal
terminal = Terminal()
name = terminal.ask("Name: ")
word = terminal.ask("Word: ", hidden=True)
terminal.say(f"{name} knows {len(word)} letters\\n")
raise SystemExit(7)
"""


def command(script: str) -> list[str]:
    """A Python process that runs the script."""
    return [sys.executable, "-c", script]


async def test_prompts_are_answered_and_hidden_input_never_shows() -> None:
    """The command got both answers through /dev/tty; the screen has dots where the secret was typed."""
    ran = await run_on_terminal(command(ASKS), environment(), [Typed("Name:", "Ana"), Typed("Word:", "segredo", True)])
    assert ran.exit_code == 7
    assert "Ana knows 7 letters" in ran.screen
    assert "segredo" not in ran.screen
    assert "Word: ••••••••" in ran.screen


async def test_an_answer_can_be_read_off_the_screen() -> None:
    """As a person reads a code before typing it."""
    script = "print('code 4711'); print('got', input('Code: '))"
    ran = await run_on_terminal(command(script), environment(), [Typed("Code:", lambda screen: screen.split()[1])])
    assert "got 4711" in ran.screen


async def test_a_command_that_does_not_ask_stops_the_story() -> None:
    """What it said instead is in the message."""
    with pytest.raises(StoryStopped, match="no such plan"):
        await run_on_terminal(command("print('no such plan')"), environment(), [Typed("Name:", "Ana")])


async def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    """After the limit its process is gone and the story is stopped."""
    said = tmp_path / "pid"
    script = f"import os, time; open({str(said)!r}, 'w').write(f'{{os.getpid()}}.'); time.sleep(600)"

    async def end_its_time() -> None:
        await wait_until(lambda: said.exists() and said.read_text("ascii").endswith("."))
        let_pass(LONGEST_S)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end_its_time)
        with pytest.raises(StoryStopped, match="did not go on within 120 s"):
            await run_on_terminal(command(script), environment(), [Typed("Name:", "Ana")], limit_s=LONGEST_S)
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text("ascii").rstrip(".")), 0)
