"""MCP over the process's standard input and output. Nothing else is ever written to stdout."""

import signal
import sys

import anyio

from mcp_server.transport.host import Host
from mcp_server.transport.sdk_bridge import Bridge, open_stdio


async def serve(host: Host) -> None:
    """Serve the one client until its input ends, or until the process is told to stop."""
    async with anyio.create_task_group() as group:
        if sys.platform != "win32":
            group.start_soon(_stop_when_told, group.cancel_scope)
        await Bridge(host, "stdio").serve(open_stdio())
        group.cancel_scope.cancel()


async def _stop_when_told(scope: anyio.CancelScope) -> None:
    """End on SIGTERM as at the end of the input, for whoever comes after: the chain is signed, changes are finished.

    As process 1 of a container nothing else would end it (man 7 pid_namespaces: no default action there).
    """
    with anyio.open_signal_receiver(signal.SIGTERM) as told:
        async for _ in told:
            scope.cancel()
