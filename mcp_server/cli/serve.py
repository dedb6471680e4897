"""meraki-specialist serve: the MCP server itself."""

import sys
from collections.abc import Mapping
from typing import Any

import anyio
import click

from mcp_server.logs import configure
from mcp_server.settings import Settings, load


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
    # imported here: the SDK and the assembly take half a second, which --help need not pay
    from mcp_server.assembly import running  # noqa: PLC0415
    from mcp_server.transport import http, stdio  # noqa: PLC0415

    async with running(settings, channel=transport, **how) as server:
        if transport == "stdio":
            await stdio.serve(server.host)
        else:
            await http.serve(server.host, transport, address)
