"""The person of the story: played by the demo, or the reader at their own terminal."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import anyio
from rich.console import Console

from mcp_server.cli.demo_story.pseudo_terminal import Ran, Typed, run_on_terminal
from mcp_server.cli.demo_story.telling import StoryStopped

Json = Any
OWNER: Final = "the approver"
_CODE_BEFORE: Final = "Apply plan "


class Person(Protocol):
    """Who answers questions and types into terminals."""

    is_played: bool

    async def answer(self, question: str, form: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """What is filled into the client's form; None is no."""
        ...

    async def enroll(self, command: Sequence[str], environment: Mapping[str, str]) -> Ran:
        """Make the approver key."""
        ...

    async def approve(self, command: Sequence[str], environment: Mapping[str, str]) -> Ran:
        """Approve a plan outside the client."""
        ...


def code_in(text: str) -> str:
    """The code of the plan that the text asks about last."""
    return text.rpartition(_CODE_BEFORE)[2].split(" ", 1)[0]


class PlayedPerson:
    """The demo itself; it says so wherever it answers."""

    is_played = True

    def __init__(self, passphrase: str) -> None:
        """``passphrase`` is for the throw-away key."""
        self._passphrase = passphrase

    async def answer(self, question: str, form: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """Yes, with the code that stands in the question when the form asks for it."""
        return {"approve": True, **({"code": code_in(question)} if "code" in form.get("properties", {}) else {})}

    async def enroll(self, command: Sequence[str], environment: Mapping[str, str]) -> Ran:
        """The passphrase, twice."""
        twice = [Typed("New passphrase", self._passphrase, hidden=True), Typed("again", self._passphrase, hidden=True)]
        return await run_on_terminal(command, environment, twice)

    async def approve(self, command: Sequence[str], environment: Mapping[str, str]) -> Ran:
        """The code that the terminal shows, then the passphrase."""
        typed = [Typed("Type the plan's code", code_in), Typed("Passphrase", self._passphrase, hidden=True)]
        return await run_on_terminal(command, environment, typed)

    async def pipe_passphrase(self, command: Sequence[str], environment: Mapping[str, str], code: str) -> Ran:
        """What a program without a terminal gets when it pipes both into the same command."""
        with anyio.fail_after(30):
            tried = await anyio.run_process(
                list(command),
                input=f"{code}\n{self._passphrase}\n".encode(),
                env=dict(environment),
                check=False,
                start_new_session=True,
            )
        return Ran(tried.returncode, (tried.stdout + tried.stderr).decode("utf-8", "replace").strip())


class LivePerson:
    """The reader, on the terminal that the demo runs on."""

    is_played = False

    def __init__(self, console: Console) -> None:
        """Questions are asked on ``console``."""
        self._console = console

    async def answer(self, question: str, form: Mapping[str, Json]) -> Mapping[str, Json] | None:  # noqa: ARG002 - it was shown
        """Yes or no, and the code when the form asks for it."""
        said = await self._asked("Your answer (yes/no): ")
        if said.strip().lower() not in ("y", "yes", "s", "sim"):
            return None
        needs_code = "code" in form.get("properties", {})
        return {"approve": True, **({"code": await self._asked("The plan's code: ")} if needs_code else {})}

    async def enroll(self, command: Sequence[str], environment: Mapping[str, str]) -> Ran:
        """The reader types a passphrase of their own."""
        return await self._run(command, environment)

    async def approve(self, command: Sequence[str], environment: Mapping[str, str]) -> Ran:
        """The reader types code and passphrase into the real command."""
        return await self._run(command, environment)

    async def _asked(self, prompt: str) -> str:
        self._console.print(prompt, end="", style="bold")
        await anyio.wait_readable(sys.stdin)  # a whole line: the terminal gives it when Enter is pressed
        return sys.stdin.readline()

    async def _run(self, command: Sequence[str], environment: Mapping[str, str]) -> Ran:
        try:
            done = await anyio.run_process(
                list(command), stdin=None, stdout=sys.stderr, stderr=None, env=dict(environment), check=False
            )
        except OSError as missing:
            raise StoryStopped(f"{command[0]} could not be started: {missing.strerror}") from None
        return Ran(done.returncode, "")
