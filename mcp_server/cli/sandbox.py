"""meraki-specialist sandbox: the simulated API over TCP, for a server or any other client to use."""

import json
from datetime import UTC, datetime
from typing import Final

import anyio
import click

from mcp_server.assembly import SANDBOX_KEY
from mcp_server.cli.views.printing import console, lines, progress
from mcp_server.domain.call import Json
from mcp_server.errors import Refused
from mcp_server.sandbox.app import SandboxApp, create_app
from mcp_server.sandbox.server import serving

_HOST: Final = "127.0.0.1"


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--networks", type=click.IntRange(6, 2000), default=6, show_default=True)
@click.option("--devices", type=click.IntRange(40, 20_000), default=40, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same organizations.")
@click.option("--no-rate-limit", is_flag=True, help="Never answer 429.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def sandbox(port: int, networks: int, devices: int, seed: int, *, no_rate_limit: bool, as_json: bool) -> None:
    """Serve the simulated Dashboard API on this machine until Ctrl-C; its state is in memory."""
    app = create_app(
        seed, networks, devices, rate_limit=not no_rate_limit, api_key=SANDBOX_KEY, clock=lambda: datetime.now(UTC)
    )
    try:
        anyio.run(_serve, app, port, as_json)
    except KeyboardInterrupt:
        progress("Stopped.")
    except OSError as problem:
        raise Refused(
            f"Port {port} cannot be used: {problem.strerror}.", "Give another --port.", code="port"
        ) from problem


async def _serve(app: SandboxApp, port: int, as_json: bool) -> None:
    async with serving(app, _HOST, port) as url:
        given = environment(url)
        if as_json:  # at once, for it goes on serving, and whole: the key opens nothing but this sandbox
            click.echo(json.dumps({"url": url, "environment": given}, indent=2))
        else:
            exports = [f"export {name}={value}" for name, value in given.items()]
            says = [
                f"Simulated Dashboard API: {url}",
                "",
                "Point a server at it with:",
                *exports,
                "",
                "Ctrl-C ends it.",
            ]
            lines(console(), says)
        await anyio.sleep_forever()


def environment(url: str) -> dict[str, Json]:
    """The settings that point a server at the sandbox; each of them is in the table of settings."""
    return {
        "MERAKI_BASE_URL": url,
        "MERAKI_DASHBOARD_API_KEY": SANDBOX_KEY,
        "MERAKI_SPECIALIST_ALLOW_LOOPBACK": "1",
    }
