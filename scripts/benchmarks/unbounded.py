"""The product's server with a request budget that never waits: what is measured is our own time.

Over stdio, or with a port as argument over Streamable HTTP.
"""

import sys

import anyio

from mcp_server.assembly import running
from mcp_server.settings import load
from tests.support.stage import FreeBudget


async def main() -> None:
    """Serve until the input ends, or until the process is told to stop."""
    channel = "http" if sys.argv[1:] else "stdio"
    async with running(load(), channel=channel, budget=FreeBudget()) as server:
        if channel == "http":
            from mcp_server.transport import http  # noqa: PLC0415  kept out of what is measured over stdio

            await http.serve(server.host, channel, ("127.0.0.1", int(sys.argv[1])))
        else:
            from mcp_server.transport import stdio  # noqa: PLC0415  as above

            await stdio.serve(server.host)


anyio.run(main)
