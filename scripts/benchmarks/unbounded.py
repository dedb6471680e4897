"""The product's server over stdio with a request budget that never waits: what is measured is our own time."""

import anyio

from mcp_server.assembly import running
from mcp_server.settings import load
from mcp_server.transport import stdio
from tests.support.stage import FreeBudget


async def main() -> None:
    """Serve until the input ends."""
    async with running(load(), budget=FreeBudget()) as server:
        await stdio.serve(server.host)


anyio.run(main)
