"""The product's server with a request budget that is kept but never used up: what is measured is our own time.

Over stdio, or with a port as argument over Streamable HTTP.
"""

import sys
from contextlib import closing
from typing import Final

import anyio

from mcp_server.assembly import running
from mcp_server.clock import SystemClock
from mcp_server.settings import load
from mcp_server.store.limits.budget import StoreBudget
from mcp_server.store.limits.rate_file import RateFile

_PLENTY_PER_S: Final = 1e6


async def main() -> None:
    """Serve until the input ends, or until the process is told to stop."""
    channel = "http" if sys.argv[1:] else "stdio"
    settings, clock = load(), SystemClock()
    with closing(RateFile(settings.home, clock)) as shared:
        budget = StoreBudget(shared, clock, _PLENTY_PER_S)
        async with running(settings, channel=channel, budget=budget) as server:
            if channel == "http":
                from mcp_server.transport import http  # noqa: PLC0415  kept out of what is measured over stdio

                await http.serve(server.host, channel, ("127.0.0.1", int(sys.argv[1])))
            else:
                from mcp_server.transport import stdio  # noqa: PLC0415  as above

                await stdio.serve(server.host)


anyio.run(main)
