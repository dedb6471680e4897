"""The two places where requests go wrong: the line to the cloud, and the cloud; both go by the schedule."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio

from mcp_server.sandbox.app import SandboxApp
from mcp_server.sandbox.faults import Fault, Faults
from scripts.faulting.soaking.schedule import CLOUD, CLOUD_WRITES, LINE, Schedule
from tests.faults import proxy as line
from tests.support.forked import live_and_end

Json = Any
#: How long reads stay behind a write: less than a server waits for what it wrote to be seen.
STALE_S: Final = 1.0


@dataclass(slots=True)
class Troubled(Faults):
    """The cloud's faults by the schedule, until a time (of the machine's monotonic clock); ``log`` is added to."""

    app: SandboxApp | None = None
    schedule: Schedule = field(default_factory=lambda: Schedule(0))
    until: float = 0.0
    log: Path = Path()
    asked: int = 0
    behind: dict[str, tuple[float, Fault]] = field(default_factory=dict)

    def take(self, method: str, path: str, operation: str) -> Fault | None:
        """The fault of this request, or None."""
        now, is_write = time.monotonic(), method != "GET"
        if now >= self.until:
            return None
        held_until, held = self.behind.get(path, (0.0, None))
        if not is_write and now < held_until:
            return held
        self.asked += 1
        name = self.schedule.in_the_cloud(self.asked, is_write=is_write)
        if not name or (name == "stored otherwise" and operation != "updateNetworkWirelessSsid"):
            return None
        note(self.log, "cloud", name)
        given = (CLOUD_WRITES if is_write else CLOUD)[name]
        fault = Fault(self.asked, given["kind"], given, 1, 0)
        if fault.kind == "stale":
            fault.snapshot = self.app.world.snapshot() if self.app is not None else ""
            self.behind[path] = (now + STALE_S, fault)
            return None
        return fault


def troubled(schedule: Schedule, until: float, log: Path) -> Any:
    """What is done to a cloud so that it fails by the schedule."""

    def prepare(app: SandboxApp) -> None:
        app.faults = Troubled(app=app, schedule=schedule, until=until, log=log)

    return prepare


@dataclass
class BadLine(line.Proxy):
    """A line that fails by the schedule until a time."""

    schedule: Schedule = field(default_factory=lambda: Schedule(0))
    until: float = 0.0
    log: Path = Path()
    asked: int = 0

    def take(self, line_: str) -> line.Fault | None:
        """The fault of a request with that first line, or None."""
        if time.monotonic() >= self.until:
            return None
        self.asked += 1
        method = line_.partition(" ")[0]
        name = self.schedule.on_the_line(self.asked, is_write=method != "GET")
        if not name:
            return None
        note(self.log, "line", name)
        kind, direction, after_bytes, seconds = LINE[name]
        return line.Fault(kind, direction, after_bytes, seconds, method)  # type: ignore[arg-type]  # names of the table


@contextmanager
def lined(url: str, schedule: Schedule, until: float, log: Path) -> Iterator[str]:
    """The base URL of a bad line to the cloud at that URL, in a process of its own, until the block ends."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        bad = BadLine(line.address(url), schedule=schedule, until=until, log=log)
        live_and_end(partial(_serve, writer, bad, url))
    os.close(writer)
    with os.fdopen(reader) as told:
        address = told.readline().strip()
    try:
        yield address
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _serve(writer: int, proxy: BadLine, url: str) -> None:
    """Serve in this process until it is killed; the address goes to ``writer``."""

    async def run() -> None:
        async with line.proxied(url, proxy):
            os.write(writer, f"{proxy.url}\n".encode())
            await anyio.sleep_forever()

    asyncio.run(run())


def note(log: Path, where: str, name: str) -> None:
    """One line more; short enough that lines of several processes do not mix."""
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps([where, name]) + "\n")
