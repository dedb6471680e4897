"""What a server leaves behind that is told to stop while its client is still there."""

import json
import os
import signal
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.support.stage import KEY

_LONGEST: Final = 10_000_000  #: bytes of a line
_HELLO: Final = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
_SEARCH: Final = {"name": "meraki_search", "arguments": {"query": "update ssid"}}


def _message(method: str, params: dict[str, Any], number: int | None) -> bytes:
    named = {} if number is None else {"id": number}
    return json.dumps({"jsonrpc": "2.0", **named, "method": method, "params": params}).encode() + b"\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
async def test_a_server_that_is_told_to_stop_signs_what_it_wrote(tmp_path: Path) -> None:
    """SIGTERM ends it in order while its input is open: the last signed statement names the last row."""
    given = {**os.environ, "MERAKI_SPECIALIST_HOME": str(tmp_path), "MERAKI_DASHBOARD_API_KEY": KEY}
    command = [sys.executable, "-m", "mcp_server", "serve", "--sandbox"]
    with anyio.fail_after(60):
        async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None, env=given) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            answers = BufferedByteReceiveStream(server.stdout)
            await server.stdin.send(_message("initialize", _HELLO, 1))
            await answers.receive_until(b"\n", _LONGEST)
            await server.stdin.send(_message("notifications/initialized", {}, None))
            await server.stdin.send(_message("tools/call", _SEARCH, 2))
            answer = json.loads(await answers.receive_until(b"\n", _LONGEST))
            server.send_signal(signal.SIGTERM)
            assert await server.wait() == 0
    row = answer["result"]["structuredContent"]["receipt"]
    signed = [json.loads(line) for line in (tmp_path / "anchors.jsonl").read_text("utf-8").splitlines()]
    assert (signed[-1]["seq"], signed[-1]["hash"]) == (row["seq"], row["hash"])
