"""The servers of a run as whoever drives them sees them: born, told, stopped, killed, ended.

Rule: whoever forks has no threads and no event loop.
"""

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from mcp_server.settings import Settings
from tests.faults.machine.clock import SharedClock
from tests.faults.machine.life import be_born
from tests.support.forked import live_and_end

Json = Any
Fate = Literal["told", "stopped", "killed"]
LONGEST_S: Final = 60.0


class ServerFell(AssertionError):
    """A server ended by itself, or never answered."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of telling a server something: its answer, or that it was stopped or killed on the way."""

    fate: Fate
    told: Json = None


@dataclass
class LiveServer:
    """One server process. ``waits_for`` is what it was told when it was stopped."""

    child: int
    line: socket.socket
    errors: Path  #: what it writes on standard error
    is_stopped: bool = False
    is_gone: bool = False
    waits_for: Mapping[str, Json] = field(default_factory=dict)
    _heard: bytes = b""

    def tell(self, what: str, *, armed: str = "", **more: Json) -> Came:
        """What came of it."""
        asked = {"what": what, "arm": armed, **more}
        self.line.sendall(json.dumps(asked).encode() + b"\n")
        return self._await(asked)

    def _await(self, asked: Mapping[str, Json]) -> Came:
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            if (answer := self._hear()) is not None:
                self.waits_for = {}
                return Came("told", answer.get("told"))
            ended, status = os.waitpid(self.child, os.WNOHANG | os.WUNTRACED)
            if ended and os.WIFSTOPPED(status):
                self.is_stopped, self.waits_for = True, asked
                return Came("stopped")
            if ended:
                return self._gone(status)
        raise ServerFell(f"no answer to {asked}")

    def _hear(self) -> Mapping[str, Json] | None:
        """A line that the server said; None when it said nothing for a moment."""
        if select.select([self.line], [], [], 0.002)[0]:
            self._heard += self.line.recv(2**20)
        said, end, rest = self._heard.partition(b"\n")
        if not end:
            return None
        self._heard = rest
        answer: Mapping[str, Json] = json.loads(said)
        return answer

    def _gone(self, status: int) -> Came:
        self.is_gone, self.is_stopped = True, False
        self.line.close()
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return Came("killed")
        told = self.errors.read_text("utf-8", "replace")[-4000:] if self.errors.exists() else ""
        raise ServerFell(f"a server ended by itself with status {status}: {told}")

    def resume(self) -> Came:
        """Let a stopped server go on; what came of what it had been told."""
        self.is_stopped = False
        os.kill(self.child, signal.SIGCONT)
        return self._await(self.waits_for)

    def kill(self) -> None:
        """End the process at once, whatever it does; the system gives back what it held."""
        if not self.is_gone:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            self.is_gone, self.is_stopped = True, False
            self.line.close()

    def end(self) -> None:
        """Let it finish what is under way, and end."""
        self.tell("end")
        _, status = os.waitpid(self.child, 0)
        self.is_gone = True
        self.line.close()
        if status:
            raise ServerFell(f"a server that was to end did so with status {status}")


def born(settings: Settings, clock: SharedClock, armed: str = "") -> tuple[LiveServer, Came]:
    """A server, and whether it lived through its start: it goes on at once with what others left behind."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            ours.close()
        live_and_end(partial(be_born, settings, clock, theirs, armed))
    theirs.close()
    server = LiveServer(child, ours, settings.home.parent / "stderr")
    return server, server._await({"what": "be born"})
