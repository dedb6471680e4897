"""MCP over the process's standard input and output. Nothing else is ever written to stdout."""

from mcp_server.transport.host import Host
from mcp_server.transport.sdk_bridge import Bridge, open_stdio


async def serve(host: Host) -> None:
    """Serve the one client until its input ends."""
    await Bridge(host, "stdio").serve(open_stdio())
