"""A person at a terminal: runs a command on a pseudo-terminal that is its /dev/tty, reads its screen, types.

And the opposite: a program that runs a command without any terminal, as an agent's shell does.
"""

import os
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import anyio
from anyio.abc import Process

from tests.support.longest import LONGEST_S

#: The parent made it lead a session of its own; it takes the terminal on its stdin as the controlling one and goes on
#: as the command.
#: Ctrl-C works there also when the tests themselves were started with it ignored, as a job in the background is.
_TAKE = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])"
)
PROGRAM: Sequence[str] = (sys.executable, "-m", "mcp_server")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str = ""


async def without_terminal(
    command: Sequence[str], environment: Mapping[str, str], *, given: str = "", cwd: str = "/"
) -> Ended:
    """The end of a command that has no terminal; ``given`` is piped into it."""
    with anyio.fail_after(LONGEST_S):
        done = await anyio.run_process(
            list(command),
            input=given.encode(),
            env=dict(environment),
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            check=False,
        )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


class Person:
    """Sits at the terminal."""

    def __init__(self, master: int, process: Process) -> None:
        self._master = master
        self._process = process
        self._seen = b""
        self._read_to = 0  #: how much of the screen was read when something was typed last
        self._is_over = False

    @property
    def screen(self) -> str:
        """All that stood on the terminal."""
        return self._seen.decode("utf-8", "replace").replace("\r\n", "\n")

    async def reads(self, words: str) -> str:
        """The new part of the screen, once it shows ``words``; AssertionError when the command ends before."""
        with anyio.fail_after(LONGEST_S):
            while words.encode() not in self._seen[self._read_to :]:
                assert not self._is_over, f"ended before it said {words!r}: {self.screen[-600:]!r}"
                await self._listen()
        new, self._read_to = self._seen[self._read_to :], len(self._seen)
        return new.decode("utf-8", "replace").replace("\r\n", "\n")

    async def types(self, text: str, *, hidden: bool = False) -> None:
        """Type a line; a hidden one once the echo is off, for switching it off drops what was typed before."""
        with anyio.fail_after(LONGEST_S):
            while hidden and self._echoes():  # noqa: ASYNC110  a terminal tells nobody when its echo goes off
                await anyio.sleep(0.005)
        os.write(self._master, text.encode() + b"\n")

    async def presses_ctrl_c(self) -> None:
        """What the terminal makes a signal of."""
        os.write(self._master, b"\x03")

    async def leaves(self) -> int:
        """The exit code of the command, once it has ended."""
        with anyio.fail_after(LONGEST_S):
            while not self._is_over:
                await self._listen()
            return await self._process.wait()

    def _echoes(self) -> bool:
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    async def _listen(self) -> None:
        await anyio.wait_readable(self._master)
        try:
            part = os.read(self._master, 65_536)
        except BlockingIOError:
            return
        except OSError:  # EIO: nobody holds the other end any more
            part = b""
        self._is_over = not part
        self._seen += part


@asynccontextmanager
async def at_terminal(
    command: Sequence[str], environment: Mapping[str, str], *, given: str = "", cwd: str = "/"
) -> AsyncIterator[Person]:
    """A person at the terminal of the command; ``given`` is piped into its stdin instead of the terminal."""
    master, slave = os.openpty()
    os.set_blocking(master, False)
    take = [sys.executable, "-I", "-S", "-c", _TAKE, *command]
    if given:  # the terminal is only /dev/tty then: taken on stdin, which then becomes the pipe
        take = [sys.executable, "-I", "-S", "-c", _TAKE, "sh", "-c", 'text=$1; shift; printf "%s" "$text" | "$@"', "sh",
                given, *command]  # fmt: skip
    try:
        process = await anyio.open_process(
            take, stdin=slave, stdout=slave, stderr=slave, env=dict(environment), cwd=cwd, start_new_session=True
        )
    finally:
        os.close(slave)
    try:
        yield Person(master, process)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await process.wait()
        await process.aclose()
        os.close(master)
