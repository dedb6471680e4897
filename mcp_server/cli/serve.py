"""meraki-specialist serve: the MCP server itself."""

import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread
import click

from mcp_server.clock import RandomIds, SystemClock, owner_of
from mcp_server.desk.lookups import PROMPTS, lookups
from mcp_server.domain.call import ToolCall
from mcp_server.domain.outcome import ToolResult
from mcp_server.domain.ports import Clock
from mcp_server.logs import configure
from mcp_server.registry import Registry
from mcp_server.settings import Settings, load, open_home
from mcp_server.store.seal import question_key
from mcp_server.transport import stdio
from mcp_server.transport.host import Host
from mcp_server.transport.loading import load as load_module

if TYPE_CHECKING:
    from mcp_server.assembly import Server

STORE: Final = "store.db"  #: of the data directory; its own module, which need not be loaded yet, calls it FILE
_FIRST_S: Final = 1.0  #: in which the client asks for the tools


@click.command()
@click.option("--transport", type=click.Choice(["stdio", "http", "sse"]), default="stdio", show_default=True)
@click.option("--sandbox", is_flag=True, help="Serve a simulated organization; needs no key and no network.")
@click.option("--read-only", is_flag=True, default=None, help="Refuse every change.")
@click.option("--profile", type=click.Choice(["solo", "team"]), help="Who has to agree to a change.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind (http, sse).")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--output-schemas", is_flag=True, help="Announce output schemas, for typed clients.")
@click.pass_context
def serve(ctx: click.Context, /, transport: str, *, sandbox: bool, output_schemas: bool, **given: Any) -> None:
    """Serve MCP over stdio, Streamable HTTP or HTTP+SSE."""
    address = (given.pop("host"), given.pop("port"))
    settings = load(overrides={**ctx.obj, **given})
    learn = configure(settings, sys.stderr).learn
    anyio.run(
        _serve,
        settings,
        transport,
        address,
        {"sandbox": sandbox or settings.sandbox, "output_schemas": output_schemas, "learn": learn},
    )


async def _serve(settings: Settings, transport: str, address: tuple[str, int], how: Mapping[str, Any]) -> None:
    if transport == "stdio":
        async with _hosted(settings, transport, **how) as host:
            await stdio.serve(host)
        return
    # imported here: the SDK takes half a second, which --help and the first answers over stdio need not pay
    from mcp_server.transport import http  # noqa: PLC0415

    async with _hosted(settings, transport, **how) as host:
        await http.serve(host, transport, address)


@asynccontextmanager
async def _hosted(
    settings: Settings, channel: str, *, sandbox: bool, output_schemas: bool, learn: Callable[[str], None]
) -> AsyncIterator[Host]:
    """What the transport needs, at once: the tools can be listed before store, client and engine are assembled.

    The first call assembles them, or soon after the start an older store does; at the end changes under way are
    finished.
    """
    home, clock, ids = open_home(settings), SystemClock(), RandomIds()
    registry = Registry.load(lookups())
    async with anyio.create_task_group() as tasks:

        @cache
        def server() -> "Server":
            from mcp_server.assembly import assembled  # noqa: PLC0415 - a third of a second that tools/list need not wait

            return assembled(settings, tasks, channel=channel, sandbox=sandbox, clock=clock, ids=ids, learn=learn)

        async def answered(call: ToolCall) -> ToolResult:
            return await server().host.handle(call)

        async def refused(call: ToolCall) -> ToolResult:
            return await server().host.refuse(call)

        host = Host(
            handle=answered,
            refuse=refused,
            listed=registry.listed,
            ids=ids,
            owner=owner_of,
            prompts=PROMPTS,
            state_key=question_key(home),
            question_s=settings.question_s,
            output_schemas=output_schemas,
        )
        woken = anyio.CancelScope()
        tasks.start_soon(_wake, woken, home, clock, server)
        try:
            yield host
        finally:
            woken.cancel()
            await _close(server() if server.cache_info().currsize else None)


async def _wake(scope: anyio.CancelScope, home: Path, clock: Clock, server: Callable[[], object]) -> None:
    """Assemble the server when there is a store, though nobody calls: what was left open there is its duty."""
    with scope:
        await clock.sleep(_FIRST_S)
        if (home / STORE).exists():
            await anyio.to_thread.run_sync(load_module, "mcp_server.assembly")
            if not scope.cancel_called:  # whoever closes the server has found none, and would wait for its duties
                server()


async def _close(server: "Server | None") -> None:
    """Changes under way come to their end, whatever ends this server; nothing was assembled when nothing was called."""
    if server is not None:
        with anyio.CancelScope(shield=True):
            await server.close()
