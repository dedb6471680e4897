"""Start-up, the first call and idle memory: both servers as processes, in turn, medians."""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

import anyio

from scripts.benchmarks.peers import bare_command
from scripts.benchmarks.rows import Row

ROUNDS = 7
_LISTED: Final = 0.7  #: of the bare server's time
_CALLED: Final = 2.25
_ASK = (
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}},
)


def asked() -> bytes:
    """The lines that open a session and ask for the tools."""
    return b"".join(json.dumps(message).encode() + b"\n" for message in _ASK)


def environments(home: str) -> tuple[dict[str, str], dict[str, str]]:
    """The product's environment with its data in ``home``, and the bare server's."""
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    return {**bare, "MERAKI_SPECIALIST_HOME": f"{home}/data", "MERAKI_DASHBOARD_API_KEY": "k" * 40}, bare


def started(
    command: Sequence[str], env: Mapping[str, str], errors: int | IO[bytes] = subprocess.DEVNULL
) -> tuple[float, float]:
    """Seconds from spawn to the tools/list reply, and resident MiB once the server is whole; ``errors`` is its stderr.

    Whole: a server may list its tools before it has loaded what it needs for anything else, such as a ping.
    """
    with _talking(command, env, errors) as (server, answered):
        took = answered(2)
        _ask_more(server, "ping", {})
        answered(3)
        return took, resident_mib(server.pid)


def called(command: Sequence[str], env: Mapping[str, str], tool: str, arguments: Mapping[str, Any]) -> float:
    """Seconds from spawn to the answer of a call that comes together with the first questions."""
    with _talking(command, env, subprocess.DEVNULL) as (server, answered):
        _ask_more(server, "tools/call", {"name": tool, "arguments": arguments})
        return answered(3)


@contextmanager
def _talking(
    command: Sequence[str], env: Mapping[str, str], errors: int | IO[bytes]
) -> Iterator[tuple["subprocess.Popen[bytes]", Callable[[int], float]]]:
    """A server that was sent the first questions, and what waits for an answer: seconds since spawn."""
    began = time.perf_counter()
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=dict(env))
    if server.stdin is None or server.stdout is None:
        raise RuntimeError("the server has no pipes")
    output = server.stdout

    def answered(number: int) -> float:
        while json.loads(output.readline()).get("id") != number:
            pass
        return time.perf_counter() - began

    try:
        server.stdin.write(asked())
        server.stdin.flush()
        yield server, answered
    finally:
        server.stdin.close()
        server.wait(30)


def _ask_more(server: "subprocess.Popen[bytes]", method: str, params: Mapping[str, Any]) -> None:
    if server.stdin is None:
        raise RuntimeError("the server has no input")
    server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 3, "method": method, "params": params}).encode() + b"\n")
    server.stdin.flush()


@asynccontextmanager
async def listening(command: Callable[[int], Sequence[str]], env: Mapping[str, str]) -> AsyncIterator[tuple[int, int]]:
    """Port and process id of a server that answers HTTP on a port that was free; ended when the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = await anyio.open_process(command(port), env=dict(env), stdout=None, stderr=subprocess.DEVNULL)
    try:
        with anyio.fail_after(60):
            await _until_it_answers(port)
        yield port, server.pid
    finally:
        server.terminate()
        await server.wait()


async def _until_it_answers(port: int) -> None:
    """Once a connection is taken; each try waits for the kernel's answer, and a little more."""
    for _ in range(600):
        try:
            await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
        except OSError:
            await anyio.sleep(0.1)
        else:
            return


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used, threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int, *, peak: bool = False) -> float:
    """MiB of a process in memory now, or at most so far."""
    name = "VmHWM:" if peak else "VmRSS:"
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith(name)) / 1024


def rows() -> list[Row]:
    """Start-up, the first call and memory, as ratios to the bare server."""
    ours, bare = [], []
    with TemporaryDirectory() as home:
        mine, env = environments(home)
        command = [sys.executable, "-m", "mcp_server", "serve"]
        started(command, mine)
        for _ in range(ROUNDS):
            first = called(command, mine, "meraki_search", {"query": "update ssid"})
            ours.append((*started(command, mine), first))
            bare.append((*started(bare_command(), env), called(bare_command(), env, "echo", {"text": "x"})))
    listed, memory, call = (statistics.median(column) for column in zip(*ours, strict=True))
    bare_listed, bare_memory, bare_call = (statistics.median(column) for column in zip(*bare, strict=True))
    return [
        _row("spawn to tools/list reply, stdio", (listed * 1e3, bare_listed * 1e3), "ms", _LISTED),
        _row("spawn to the first call's answer, stdio", (call * 1e3, bare_call * 1e3), "ms", _CALLED),
        _row("idle memory", (memory, bare_memory), "MiB", 1.35),
    ]


def _row(what: str, beside: tuple[float, float], unit: str, bound: float) -> Row:
    """The row of a figure and its peer's; the bound is a ratio."""
    ours, peer = beside
    told = f"{ours / peer:.2f} of {bound} x"
    return Row(what, f"{ours:.0f} {unit}", f"{peer:.0f} {unit}", told, ours <= bound * peer)
