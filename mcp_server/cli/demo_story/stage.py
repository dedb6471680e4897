"""The stage of the demo: a simulated cloud over TCP, the real server as a process, a real client, a throw-away home.

Everything is gone when the stage is left, however it is left: the server's process, the listener, the data directory.
"""

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

import mcp_server
from mcp_server.assembly import SANDBOX_KEY
from mcp_server.cli.demo_story.person import OWNER, Person
from mcp_server.cli.demo_story.telling import Claim, StoryStopped, Telling
from mcp_server.cli.demo_story.witness import Look, Witness
from mcp_server.clock import SystemClock
from mcp_server.sandbox.app import SandboxApp, create_app
from mcp_server.sandbox.server import serving
from mcp_server.transport.demo_client import CallFailed, DemoClient, connected

Json = Any
Meddler = Callable[[str, SandboxApp], None]
#: waits of the server, shorter than its defaults; the sandbox notices a lost device after 1 s instead of 5
WAITS: Final = {"HEALTH_SETTLE_S": "2.5", "HEALTH_POLL_S": "0.5", "SETTLE_POLL_S": "0.1"}
NOTICED_AFTER_S: Final = 1.0
LOG_NAME: Final = "server.log"
_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TERM", "USER", "LOGNAME", "TMPDIR")


def _untouched(_scene: str, _sandbox: SandboxApp) -> None:
    """Nobody meddles with the sandbox."""


@dataclass
class Stage:
    """What the stories play on."""

    home: Path
    sandbox: SandboxApp
    witness: Witness
    person: Person
    telling: Telling
    meddle: Meddler = _untouched
    agreed_at: datetime | None = None  #: when the person last said yes
    asked: Look | None = None  #: the sandbox at the moment of the last question
    client: DemoClient | None = None

    async def call(self, tool: str, arguments: Mapping[str, Json], *expected: str) -> Mapping[str, Json]:
        """The answer of a tool, shown; StoryStopped when its status is none of ``expected`` (default: ok)."""
        self.telling.tell("call", tool, arguments=dict(arguments))
        try:
            if self.client is None:
                raise CallFailed("there is no connection to the server")
            answer = await self.client.call(tool, arguments)
        except CallFailed as failed:
            raise StoryStopped(str(failed)) from None
        self.telling.tell("answer", str(answer.get("summary", "")), status=answer.get("status"))
        if answer.get("status") not in (expected or ("ok",)):
            error = answer.get("error") or {}
            raise StoryStopped(f"{tool} answered {answer.get('status')}: {error.get('message', answer.get('summary'))}")
        return answer

    async def answer(self, question: str, form: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """What the person says to a question in the client."""
        self.asked = await self.witness.look()
        self.telling.tell("question", question, played=self.person.is_played)
        said = await self.person.answer(question, form)
        self.agreed_at = self.sandbox.world.now()
        return said

    async def approve(self, waiting: Mapping[str, Json]) -> None:
        """The person approves a plan with the very command that the server printed."""
        command = shlex.split(waiting["approve_with"])
        shown = _shortened(command)
        self.telling.tell("terminal", shown, played=self.person.is_played, screen="")
        ran = await self.person.approve(command, environment())
        self.agreed_at = self.sandbox.world.now()
        if ran.screen:
            self.telling.tell("terminal", "", played=self.person.is_played, screen=ran.screen)
        if ran.exit_code != 0:
            raise StoryStopped(f"{shown} ended with exit code {ran.exit_code}")

    async def enroll(self) -> None:
        """The person makes the approver key."""
        command = [*entry(), "--home", str(self.home), "key", "enroll", "--role", "approver", "--owner", OWNER]
        self.telling.tell("terminal", _shortened(command), played=self.person.is_played, screen="")
        ran = await self.person.enroll(command, environment())
        if ran.screen:
            self.telling.tell("terminal", "", played=self.person.is_played, screen=ran.screen)
        if ran.exit_code != 0:
            raise StoryStopped(f"No approver key: exit code {ran.exit_code}")

    async def look(self, scene: str = "") -> Look:
        """The sandbox's own word now; a meddler (tests) may have been at it."""
        if scene:
            self.meddle(scene, self.sandbox)
        return await self.witness.look()

    def claim(self, *claims: Claim) -> None:
        """Say these, true or not."""
        for claim in claims:
            self.telling.claim(claim)

    def log_tail(self, lines: int = 5) -> list[str]:
        """The last lines that the server logged."""
        return (self.home / LOG_NAME).read_text("utf-8", "replace").splitlines()[-lines:]

    @property
    def yes_at(self) -> datetime:
        """When the person last said yes; StoryStopped when nobody was asked."""
        if self.agreed_at is None:
            raise StoryStopped("Nobody was asked.")
        return self.agreed_at


@asynccontextmanager
async def staged(person: Person, telling: Telling, meddle: Meddler | None = None) -> AsyncIterator[Stage]:
    """A stage, ready to play on; cleaned up at the end."""
    sandbox = create_app(api_key=SANDBOX_KEY, clock=SystemClock().now)
    sandbox.world.settle_s = NOTICED_AFTER_S
    with _throw_away_home() as home, (home / LOG_NAME).open("w", encoding="utf-8") as log:
        async with serving(sandbox) as base:
            witness = Witness(base, SANDBOX_KEY)
            stage = Stage(home, sandbox, witness, person, telling, meddle or _untouched)
            async with _connected(stage, base, log) as stage.client:
                yield stage


@contextmanager
def _throw_away_home() -> Iterator[Path]:
    """A data directory of mode 0700; gone at the end."""
    home = Path(tempfile.mkdtemp(prefix="meraki-specialist-demo-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _connected(stage: Stage, base: str, log: TextIO) -> AbstractAsyncContextManager[DemoClient]:
    ours = {f"MERAKI_SPECIALIST_{name}": value for name, value in WAITS.items()}
    ours |= {"MERAKI_DASHBOARD_API_KEY": SANDBOX_KEY, "MERAKI_BASE_URL": base, "MERAKI_SPECIALIST_ALLOW_LOOPBACK": "1"}
    ours |= {"MERAKI_SPECIALIST_HOME": str(stage.home)}
    wait_s = 60.0 if stage.person.is_played else 900.0
    return connected([*entry(), "serve"], {**environment(), **ours}, stage.answer, log=log, wait_s=wait_s)


def entry() -> list[str]:
    """How this program was started, so that its children are the same program."""
    program = sys.argv[0]
    return [program] if Path(program).name == "meraki-specialist" else [sys.executable, "-m", "mcp_server"]


def environment() -> dict[str, str]:
    """The environment of every child: nothing of the reader's Meraki settings or keys gets into it."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return kept | {"PYTHONPATH": str(Path(mcp_server.__file__).parents[1])}


def _shortened(command: list[str]) -> str:
    """The command as a person reads it: without the program's and the directory's long paths."""
    words = command[command.index("--home") + 2 :]
    return f"meraki-specialist --home … {shlex.join(words)}"
