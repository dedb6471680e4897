"""What a server leaves behind that is told to stop while its client is still there."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import anyio
import httpx
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.support.longest import LONGEST_S
from tests.support.stage import KEY

_LONGEST: Final = 10_000_000  #: bytes of a line
_HELLO: Final = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
_AS_THE_FIRST: Final = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
_LISTENS: Final = re.compile(r"serving at (http://127\.0\.0\.1:\d+/mcp)\b")
_SEARCH: Final = {"name": "meraki_search", "arguments": {"query": "update ssid"}}


def _message(method: str, params: dict[str, Any], number: int | None) -> bytes:
    named = {} if number is None else {"id": number}
    return json.dumps({"jsonrpc": "2.0", **named, "method": method, "params": params}).encode() + b"\n"


def _can_be_the_first() -> bool:
    """Whether this machine lets a process be the first of its own process namespace, as in a container."""
    try:
        return subprocess.run([*_AS_THE_FIRST, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _first_of(process_id: int) -> int:
    """The process that ``unshare`` started."""
    return int(Path(f"/proc/{process_id}/task/{process_id}/children").read_text("ascii").split()[0])


@pytest.mark.parametrize("is_first", [False, True], ids=["a process", "the first process of a container"])
@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
async def test_a_server_that_is_told_to_stop_signs_what_it_wrote(tmp_path: Path, *, is_first: bool) -> None:
    """SIGTERM ends it in order while its input is open: the last signed statement names the last row.

    The kernel does not end the first process of a namespace on a signal that it does not take itself.
    """
    if is_first and not _can_be_the_first():
        pytest.skip("no process namespaces here")
    given = {**os.environ, "MERAKI_SPECIALIST_HOME": str(tmp_path), "MERAKI_DASHBOARD_API_KEY": KEY}
    command = [*(_AS_THE_FIRST if is_first else ()), sys.executable, "-m", "mcp_server", "serve", "--sandbox"]
    with anyio.fail_after(LONGEST_S):
        async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None, env=given) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            answers = BufferedByteReceiveStream(server.stdout)
            await server.stdin.send(_message("initialize", _HELLO, 1))
            await answers.receive_until(b"\n", _LONGEST)
            await server.stdin.send(_message("notifications/initialized", {}, None))
            await server.stdin.send(_message("tools/call", _SEARCH, 2))
            answer = json.loads(await answers.receive_until(b"\n", _LONGEST))
            os.kill(_first_of(server.pid) if is_first else server.pid, signal.SIGTERM)
            assert await server.wait() == 0
    row = answer["result"]["structuredContent"]["receipt"]
    signed = [json.loads(line) for line in (tmp_path / "anchors.jsonl").read_text("utf-8").splitlines()]
    assert (signed[-1]["seq"], signed[-1]["hash"]) == (row["seq"], row["hash"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
async def test_a_server_over_http_that_is_told_to_stop_signs_what_it_wrote(tmp_path: Path) -> None:
    """It says where it listens, and ends in order with a stream open too: exit status 0, the last row signed."""
    given = {**os.environ, "MERAKI_SPECIALIST_HOME": str(tmp_path), "MERAKI_DASHBOARD_API_KEY": KEY}
    command = [sys.executable, "-m", "mcp_server", "serve", "--sandbox", "--transport", "http", "--port", "0"]
    usual = {"Accept": "application/json, text/event-stream"}
    with anyio.fail_after(LONGEST_S):
        async with (
            await anyio.open_process(command, stdin=None, stdout=None, stderr=PIPE, env=given) as server,
            httpx.AsyncClient(trust_env=False, headers=usual, timeout=LONGEST_S) as web,
        ):
            assert server.stderr is not None
            said = ""
            while (listens := _LISTENS.search(said)) is None:
                said += (await server.stderr.receive()).decode()
            address = listens[1]
            hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _HELLO}
            begun = await web.post(address, json=hello)
            session = {"Mcp-Session-Id": begun.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
            call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": _SEARCH}
            answer = (await web.post(address, json=call, headers=session)).text
            async with web.stream("GET", address, headers=session):
                server.send_signal(signal.SIGTERM)
                assert await server.wait() == 0
            said += b"".join([chunk async for chunk in server.stderr]).decode()
    row = json.loads(answer.split("data: ", 1)[1])["result"]["structuredContent"]["receipt"]
    signed = [json.loads(line) for line in (tmp_path / "anchors.jsonl").read_text("utf-8").splitlines()]
    assert (signed[-1]["seq"], signed[-1]["hash"]) == (row["seq"], row["hash"])
    assert "Traceback" not in said
