"""Start-up and idle memory: both servers as processes, in turn, medians."""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import anyio

from scripts.benchmarks.peers import bare_command
from scripts.benchmarks.rows import Row

ROUNDS = 7
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
    """Seconds from spawn to the tools/list reply, and resident MiB then; ``errors`` takes its stderr."""
    began = time.perf_counter()
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=dict(env))
    if server.stdin is None or server.stdout is None:
        raise RuntimeError("the server has no pipes")
    try:
        server.stdin.write(asked())
        server.stdin.flush()
        while json.loads(server.stdout.readline()).get("id") != 2:
            pass
        took = time.perf_counter() - began
        return took, resident_mib(server.pid)
    finally:
        server.stdin.close()
        server.wait(30)


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
    """Start-up and memory, as ratios to the bare server."""
    ours, bare = [], []
    with TemporaryDirectory() as home:
        mine, env = environments(home)
        command = [sys.executable, "-m", "mcp_server", "serve"]
        started(command, mine)
        for _ in range(ROUNDS):
            ours.append(started(command, mine))
            bare.append(started(bare_command(), env))
    start, peer = (statistics.median(one[0] for one in found) for found in (ours, bare))
    memory, peer_memory = (statistics.median(one[1] for one in found) for found in (ours, bare))
    return [
        Row(
            "spawn to tools/list reply, stdio",
            f"{start * 1000:.0f} ms",
            f"{peer * 1000:.0f} ms",
            f"{start / peer:.2f} of 1.25 x",
            start <= 1.25 * peer,
        ),
        Row(
            "idle memory",
            f"{memory:.0f} MiB",
            f"{peer_memory:.0f} MiB",
            f"{memory / peer_memory:.2f} of 1.35 x",
            memory <= 1.35 * peer_memory,
        ),
    ]
