"""The server that the conformance suite talks to: ``python -m tests.outside.conformance_server PORT HOME``."""

import sys
from pathlib import Path

import anyio

from mcp_server.assembly import running
from mcp_server.settings import load
from mcp_server.transport.http import serve
from tests.outside.fixtures import FixtureBridge


async def main(port: int, home: Path) -> None:
    """Serve the product with the suite's fixtures until the process is told to stop."""
    settings = load({"MERAKI_SPECIALIST_HOME": str(home)})
    async with running(settings, channel="http", sandbox=True) as server:
        await serve(server.host, "http", ("127.0.0.1", port), FixtureBridge)


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), Path(sys.argv[2]))
