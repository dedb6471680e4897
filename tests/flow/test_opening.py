"""A server process over stdio before the SDK is there: what it answers, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from tests.support.longest import LONGEST_S
from tests.support.stage import measuring
from tests.unit.transport.test_opening import INITIALIZED, hello, request

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "mcp_server", "serve", "--sandbox"]
CALL = request("tools/call", {"name": "meraki_search", "arguments": {"query": "ssid"}}, 3)


def _lines(*messages: object) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def _environment(home: Path, *before: Path) -> dict[str, str]:
    path = os.pathsep.join(str(one) for one in (*before, ROOT))
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "MERAKI_SPECIALIST_HOME": str(home), **measuring()}


def test_the_tools_are_listed_before_the_sdk_is_imported(tmp_path: Path) -> None:
    """Here it cannot be imported at all: the lists are answered, and the call ends the server with the reason."""
    (tmp_path / "mcp").mkdir()
    (tmp_path / "mcp" / "__init__.py").write_text("raise ImportError('no SDK today')")
    sent = _lines(hello(), INITIALIZED, request("tools/list", number=2), CALL)
    environ = _environment(tmp_path / "data", tmp_path)
    done = subprocess.run(
        COMMAND, input=sent, env=environ, cwd=ROOT, capture_output=True, timeout=LONGEST_S, check=False
    )
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1, 2]
    assert done.returncode == 1
    assert "no SDK today" in done.stderr.decode()


def test_input_that_ends_after_the_handshake_ends_the_server_in_order(tmp_path: Path) -> None:
    """One answer, nothing on stderr, and nothing made that nobody asked for."""
    environ = _environment(tmp_path)
    done = subprocess.run(
        COMMAND, input=_lines(hello()), env=environ, cwd=ROOT, capture_output=True, timeout=LONGEST_S, check=False
    )
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [1]
    assert (done.returncode, done.stderr) == (0, b"")
    assert not (tmp_path / "store.db").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
def test_a_server_that_is_told_to_stop_before_the_first_call_ends_in_order(tmp_path: Path) -> None:
    """SIGTERM while its input is open, and while the SDK is being loaded: exit status 0."""
    with subprocess.Popen(COMMAND, stdin=PIPE, stdout=PIPE, env=_environment(tmp_path), cwd=ROOT) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(_lines(hello(), INITIALIZED, request("tools/list", number=2)))
        server.stdin.flush()
        assert [json.loads(server.stdout.readline())["id"] for _ in range(2)] == [1, 2]
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0


@pytest.mark.parametrize("asked", [(hello(),), (hello(), CALL)], ids=["before the SDK", "by the SDK"])
def test_a_client_that_no_longer_reads_ends_the_server_in_order(tmp_path: Path, asked: tuple[object, ...]) -> None:
    """An assistant that was closed is no fault: exit status 0, and one line that says so instead of a traceback."""
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "wb") as nobody:
        environ = _environment(tmp_path)
        done = subprocess.run(
            COMMAND,
            input=_lines(*asked),
            env=environ,
            cwd=ROOT,
            stdout=nobody,
            stderr=PIPE,
            timeout=LONGEST_S,
            check=False,
        )
    assert done.returncode == 0
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == [
        "the client is gone: an answer could not be written"
    ]
