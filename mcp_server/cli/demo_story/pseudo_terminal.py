"""Runs a real command on a terminal of its own and types into it, as a person would.

The command's /dev/tty is this terminal: it leads a session of its own, which takes the pseudo-terminal as its
controlling one. A hidden prompt is answered only once the command has switched the echo off, because switching it off
drops what was typed before.
"""

import os
import sys
import termios
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import anyio
from anyio.abc import Process

from mcp_server.cli.demo_story.telling import StoryStopped

_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_LIMIT_S = 120.0  #: at most, for a program that hangs
_MASK = "••••••••"


@dataclass(frozen=True, slots=True)
class Typed:
    """What is typed when the terminal shows ``prompt``; ``text`` may be read off the screen first."""

    prompt: str
    text: str | Callable[[str], str]
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and what stood on its terminal; hidden input is shown as dots."""

    exit_code: int
    screen: str


async def run_on_terminal(
    command: Sequence[str], environment: Mapping[str, str], answers: Sequence[Typed], limit_s: float = _LIMIT_S
) -> Ran:
    """The end of the command; StoryStopped when it does not ask what was expected, or not in time."""
    master, slave = os.openpty()
    os.set_blocking(master, False)
    session = _Session(master)
    try:
        async with _started(command, environment, slave) as process:
            with anyio.fail_after(limit_s):
                await session.play(answers)
                code = await process.wait()
    except TimeoutError:
        raise StoryStopped(f"{command[-1]} did not go on within {limit_s:.0f} s: {session.screen[-200:]!r}") from None
    finally:
        os.close(master)
    return Ran(code, session.screen.strip("\n"))


@asynccontextmanager
async def _started(command: Sequence[str], environment: Mapping[str, str], slave: int) -> AsyncIterator[Process]:
    """The command's process on the terminal; killed when it is still there at the end."""
    try:
        process = await anyio.open_process(
            [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(environment),
            start_new_session=True,
        )
    finally:
        os.close(slave)
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await process.wait()
        await process.aclose()


class _Session:
    """The person's side of the terminal."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._seen = b""
        self._asked_at = 0  #: how far the text was when the last answer was typed
        self._is_over = False

    @property
    def screen(self) -> str:
        """All that stood on the terminal."""
        return self._seen.decode("utf-8", "replace").replace("\r\n", "\n")

    async def play(self, answers: Sequence[Typed]) -> None:
        """Type each answer when it is asked for, then take in what comes until the command lets go of the terminal."""
        for answer in answers:
            await self._type(answer)
        while not self._is_over:
            await self._listen()

    async def _type(self, answer: Typed) -> None:
        """Wait for the prompt, then type; StoryStopped when the command ended before."""
        prompt = answer.prompt.encode()
        while prompt not in self._seen[self._asked_at :]:
            if self._is_over:
                raise StoryStopped(f"The command ended before it asked {answer.prompt!r}: {self.screen[-300:]}")
            await self._listen()
        self._asked_at = len(self._seen)
        while answer.hidden and termios.tcgetattr(self._master)[3] & termios.ECHO:  # noqa: ASYNC110 - nobody tells when it goes off
            await anyio.sleep(0.01)
        text = answer.text if isinstance(answer.text, str) else answer.text(self.screen)
        os.write(self._master, text.encode() + b"\n")
        if answer.hidden:
            self._seen += _MASK.encode()

    async def _listen(self) -> None:
        await anyio.wait_readable(self._master)
        try:
            part = os.read(self._master, 65536)
        except BlockingIOError:
            return
        except OSError:  # EIO: nobody holds the other end any more
            part = b""
        self._is_over = not part
        self._seen += part
