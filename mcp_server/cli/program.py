"""The command line's root: global options, and one group of commands a file, each imported when it is used.

Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 needs approval.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from mcp_server import __version__
from mcp_server.errors import AccessError, CallerError, MerakiMcpError, SettingsError

#: command -> the module of mcp_server.cli that declares it under the name with _ for -
COMMANDS: Final = {
    "serve": "serve",
    "demo": "demo",
    "approve": "approve",
    "reject": "approve",
    "audit-respond": "approve",
    "key": "keys",
    "secret": "keys",
}


class Lazy(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mcp_server.cli.{COMMANDS[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        return command if isinstance(command, click.Command) else None


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path), help="Data directory (store, keys, config.toml).")
@click.version_option(__version__, prog_name="meraki-specialist")
@click.pass_context
def program(ctx: click.Context, home: Path | None) -> None:
    """Plan, approve, apply, verify and undo changes to Cisco Meraki networks."""
    ctx.obj = {"home": home}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit with its code; errors are one line on stderr, never a traceback."""
    try:
        program.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except click.Abort:
        click.echo("Aborted.", err=True)
        sys.exit(1)
    except SettingsError as wrong:
        click.echo(f"Setting {wrong}", err=True)
        sys.exit(2)
    except CallerError as refused:
        click.echo(f"Refused: {refused.message} {refused.remedy}".rstrip(), err=True)
        sys.exit(3)
    except AccessError as denied:
        click.echo(f"Refused: {type(denied).sentence}", err=True)
        sys.exit(3)
    except MerakiMcpError as failed:
        click.echo(f"Failed: {type(failed).sentence} ({failed})", err=True)
        sys.exit(1)
