"""The peers: a bare server of the same SDK with one tool, and a direct GET."""

import sys

BARE = """
import anyio, mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

async def list_tools(ctx, params):
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    return types.ListToolsResult(tools=[types.Tool(name="echo", input_schema=schema)])

async def call_tool(ctx, params):
    text = types.TextContent(text=str((params.arguments or {}).get("text", "")))
    return types.CallToolResult(content=[text])

server = Server("bare", on_list_tools=list_tools, on_call_tool=call_tool)

async def main():
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

anyio.run(main)
"""


def bare_command() -> list[str]:
    """The command of the bare server."""
    return [sys.executable, "-c", BARE]
