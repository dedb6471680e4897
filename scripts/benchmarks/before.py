"""A whole change (plan, yes, apply, verify) in this build beside one of an earlier commit, turn by turn in one run.

Both builds run in a process and an environment of their own, in front of one and the same simulated cloud; the earlier
one is checked out and installed from its own lock file. What is compared is the median of the turns.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from scripts.benchmarks.rows import Row
from scripts.faulting.cloud import KEY, Cloud, clouded
from tests.support.places import NET

ROOT: Final = Path(__file__).resolve().parents[2]
COMMIT: Final = "3a37046"  #: the last one before crash safety: no failpoints, recovery, deadlines, or signed chain
_TURNS: Final = 40
_WARM: Final = 5
_BOUND: Final = 1.3
_INSTALL: Final = "source scripts/environment && use_environment before requirements.lock"
#: Understood by both builds: each line of input is one change of the SSID's name; the seconds of it are the answer.
_PROGRAM: Final = """
import sys, time, anyio
from dataclasses import replace
from mcp_server.assembly import running
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Answer
from mcp_server.settings import load

class Free:
    async def reserve(self, *_, **__): return 0.0
    async def penalize(self, *_, **__): return None
    async def estimate_s(self, *_, **__): return 0.0
    def answered(self, *_, **__): return None

async def called(host, tool, arguments):
    actor = Actor("bench", "stdio", client="bench")
    first = replace(host.new_call(tool, arguments, actor), can_ask=True)
    result = await host.handle(first)
    if result.asking is not None:
        code = result.asking.text.split("Apply plan ", 1)[1].split(" ", 1)[0]
        yes = Answer("accept", {"approve": True, "code": code})
        again = replace(host.new_call(tool, arguments, actor), can_ask=True, state=result.asking.state, answer=yes)
        result = await host.handle(again)
    return result.payload

async def changed(host, name):
    params = {"networkId": sys.argv[1], "number": "1"}
    asked = [{"operation": "updateNetworkWirelessSsid", "params": params, "body": {"name": name}}]
    plan = await called(host, "meraki_plan", {"operations": asked, "intent": "measured"})
    if plan["status"] != "ok":
        raise SystemExit(f"not planned: {plan}")
    done = await called(host, "meraki_apply", {"plan_id": plan["plan_id"]})
    if done["status"] != "applied":
        raise SystemExit(f"not applied: {done}")

async def main():
    async with running(load(), channel="stdio", budget=Free()) as server:
        print("ready", flush=True)
        while name := (await anyio.to_thread.run_sync(sys.stdin.readline)).strip():
            began = time.perf_counter()
            await changed(server.host, name)
            print(time.perf_counter() - began, flush=True)

anyio.run(main)
"""


def rows(commit: str = COMMIT) -> Sequence[Row]:
    """One row; raises CalledProcessError when the commit is not there or cannot be installed."""
    with TemporaryDirectory() as scratch, _checked_out(commit, Path(scratch) / "before") as tree, clouded() as cloud:
        now = _Build(Path(sys.executable), ROOT, Path(scratch) / "now-home", cloud)
        before = _Build(tree / ".venv-before" / "bin" / "python", tree, Path(scratch) / "before-home", cloud)
        with now.started() as one, before.started() as other:
            taken = [(_turn(one, f"now {n}"), _turn(other, f"before {n}")) for n in range(_WARM + _TURNS)][_WARM:]
    ours, theirs = (statistics.median(column) for column in zip(*taken, strict=True))
    ratio = ours / theirs
    what = f"a change, plan to verified, beside {commit[:7]}"
    return [Row(what, f"{ours * 1e3:.1f} ms = {ratio:.2f} x", f"{theirs * 1e3:.1f} ms", f"{_BOUND} x", ratio <= _BOUND)]


class _Build:
    """One build of the product: its interpreter, its source, a data directory, the cloud that both share."""

    def __init__(self, python: Path, source: Path, home: Path, cloud: Cloud) -> None:
        self._command = [str(python), "-c", _PROGRAM, NET]
        self._source = source
        self._home = home
        self._cloud = cloud

    @contextmanager
    def started(self) -> Iterator["subprocess.Popen[str]"]:
        """Its process until the block ends, ready for its first turn."""
        self._home.mkdir(mode=0o700)
        settings = {"HOME": self._home, "ALLOW_LOOPBACK": 1, "HEALTH_SETTLE_S": 0, "HEALTH_POLL_S": 0.01}
        env = {f"MERAKI_SPECIALIST_{name}": str(value) for name, value in settings.items()}
        env |= {"MERAKI_DASHBOARD_API_KEY": KEY, "MERAKI_BASE_URL": self._cloud.url, "PATH": os.environ["PATH"]}
        pipe = subprocess.PIPE
        with subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True, env=env, cwd=self._source) as process:
            try:
                if _line(process) != "ready":
                    raise RuntimeError(f"{self._source} did not start")
                yield process
            finally:
                process.kill()


def _turn(process: "subprocess.Popen[str]", name: str) -> float:
    """Seconds of one change."""
    if process.stdin is None:
        raise ValueError("no input")
    process.stdin.write(f"{name}\n")
    process.stdin.flush()
    seconds: float = json.loads(_line(process) or "null")
    return seconds


def _line(process: "subprocess.Popen[str]") -> str:
    return process.stdout.readline().strip() if process.stdout is not None else ""


@contextmanager
def _checked_out(commit: str, where: Path) -> Iterator[Path]:
    """The source of that commit with an environment of its own, until the block ends."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(where), commit], check=True)
    try:
        subprocess.run(["bash", "-c", _INSTALL], check=True, cwd=where)
        yield where
    finally:
        subprocess.run([*git, "remove", "--force", str(where)], check=True)
