"""The peers: a bare server of the same SDK with one tool, and a direct GET."""

import sys

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


def bare_command() -> list[str]:
    """The command of the bare server over stdio."""
    return [sys.executable, "-c", _SERVER + _OVER_STDIO]


def bare_http_command(port: int) -> list[str]:
    """The command of the bare server over Streamable HTTP."""
    return [sys.executable, "-c", _SERVER + _OVER_HTTP, str(port)]
