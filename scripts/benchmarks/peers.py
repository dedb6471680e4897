"""The peers: a bare server of the same SDK with one tool, and a direct GET; and the cloud that both sides ask."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.stage import KEY

_SERVER = """
import sys, anyio, mcp_types as types
from mcp.server.lowlevel import Server

async def list_tools(ctx, params):
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    return types.ListToolsResult(tools=[types.Tool(name="echo", input_schema=schema)])

async def call_tool(ctx, params):
    text = types.TextContent(text=str((params.arguments or {}).get("text", "")))
    return types.CallToolResult(content=[text])

server = Server("bare", on_list_tools=list_tools, on_call_tool=call_tool)
"""
_OVER_STDIO = """
from mcp.server.stdio import stdio_server

async def main():
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

anyio.run(main)
"""
_OVER_HTTP = """
import uvicorn

uvicorn.run(server.streamable_http_app(), port=int(sys.argv[1]), log_level="warning", access_log=False)
"""

_SANDBOX = f"""
import sys, anyio
from datetime import UTC, datetime
from mcp_server.sandbox.app import create_app
from mcp_server.sandbox.server import serving

async def main():
    app = create_app(api_key="{KEY}", rate_limit=False, clock=lambda: datetime.now(UTC))
    async with serving(app) as base:
        print(base, next(iter(app.world.organizations)), flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)

anyio.run(main)
"""


def bare_command() -> list[str]:
    """The command of the bare server over stdio."""
    return [sys.executable, "-c", _SERVER + _OVER_STDIO]


def bare_http_command(port: int) -> list[str]:
    """The command of the bare server over Streamable HTTP."""
    return [sys.executable, "-c", _SERVER + _OVER_HTTP, str(port)]


@contextmanager
def sandboxed() -> Iterator[tuple[str, str]]:
    """A sandbox's address and an organization's id, while it serves in a process of its own.

    As the cloud does: in the process of whoever asks directly, that one's requests would never change process.
    """
    root = str(Path(__file__).resolve().parents[2])
    env = {**os.environ, "PYTHONPATH": root}
    command = [sys.executable, "-c", _SANDBOX]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as sandbox:
        if sandbox.stdout is None or sandbox.stdin is None:
            raise RuntimeError("the sandbox has no pipes")
        base, organization = sandbox.stdout.readline().split()
        try:
            yield base, organization
        finally:
            sandbox.stdin.close()
