"""Start-up and idle memory: both servers as processes, in turn, medians."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

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


def _started(command: Sequence[str], env: Mapping[str, str]) -> tuple[float, float]:
    """Seconds from spawn to the tools/list reply, and resident MiB then."""
    began = time.perf_counter()
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(env)
    )
    if server.stdin is None or server.stdout is None:
        raise RuntimeError("the server has no pipes")
    try:
        for message in _ASK:
            server.stdin.write(json.dumps(message).encode() + b"\n")
        server.stdin.flush()
        while json.loads(server.stdout.readline()).get("id") != 2:
            pass
        took = time.perf_counter() - began
        pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
        return took, pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    finally:
        server.stdin.close()
        server.wait(30)


def rows() -> list[Row]:
    """Start-up and memory, as ratios to the bare server."""
    ours, bare = [], []
    root = str(Path(__file__).resolve().parents[2])
    with TemporaryDirectory() as home:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": root}
        mine = {**env, "MERAKI_SPECIALIST_HOME": f"{home}/data", "MERAKI_DASHBOARD_API_KEY": "k" * 40}
        command = [sys.executable, "-m", "mcp_server", "serve"]
        _started(command, mine)
        for _ in range(ROUNDS):
            ours.append(_started(command, mine))
            bare.append(_started(bare_command(), env))
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
