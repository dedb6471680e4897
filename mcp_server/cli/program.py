"""The command line's root: global options, and one group of commands a file, each imported when it is used.

Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 needs approval, 5 the store cannot be used here.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from mcp_server import __version__
from mcp_server.domain.redaction import clean
from mcp_server.errors import AccessError, CallerError, MerakiMcpError, SettingsError, StoreUnavailable

#: command -> the module of mcp_server.cli that declares it under the name with _ for -, and what the root's help says
COMMANDS: Final = {
    "serve": ("serve", "Serve MCP over stdio, Streamable HTTP or HTTP+SSE."),
    "demo": ("demo", "Show the main job in a simulated network; needs no key."),
    "sandbox": ("sandbox", "Serve the simulated Dashboard API on this machine until Ctrl-C."),
    "plans": ("records", "Open plans and what each waits for."),
    "approve": ("approve", "Show a plan and approve it with a key's passphrase."),
    "reject": ("approve", "Close a plan: it can no longer be approved or applied."),
    "audit-respond": ("approve", "Answer an audit with a verdict signed by an auditor key."),
    "history": ("records", "Changes, newest first."),
    "show": ("records", "The whole record of a change, a plan or an audit."),
    "rollback": ("rollback", "Undo a change of yours, or your last N."),
    "changes": ("gate.resolve", "The last changes; with --in-doubt what waits for a person."),
    "resolve": ("gate.resolve", "Say what became of a change in doubt, with an approver key's passphrase."),
    "freeze": ("gate.freeze", "Stop new changes at once, on every server of this data directory."),
    "unfreeze": ("gate.freeze", "Lift a freeze with an approver key's passphrase."),
    "key": ("keys", "Approver and auditor keys."),
    "secret": ("keys", 'Named secrets for {"$secret": "NAME"} in plans.'),
    "audit": ("audit", "The hash-chained record of every call and every write."),
    "backup": ("evidence.backup", "Copy the store to a new FILE while servers go on."),
    "restore": ("evidence.backup", "Put a backup in place of the store; refused when rows would be lost."),
    "doctor": ("doctor", "Check settings, key, data directory, store, catalogue, clock and approve keys."),
    "catalogue": ("catalogue", "The operations of the Dashboard API that this version knows."),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order of the table."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """The commands in the help, without importing one of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"mcp_server.cli.{COMMANDS[cmd_name][0]}")
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
        code = program.main(args=list(arguments) if arguments is not None else None, standalone_mode=False)
        sys.stdout.flush()
    except (click.ClickException, click.Abort, MerakiMcpError, OSError, BaseExceptionGroup) as error:
        code = _told(error)
        _drop_unprinted()
    sys.exit(code if isinstance(code, int) else 0)


def _drop_unprinted() -> None:
    """What standard output does not take goes nowhere: Python would try it once more at its end, and say so."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _told(error: BaseException) -> int:
    """The exit code of an error that has been told on stderr; raises what is no error of ours."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]  # a task group wraps what is raised inside it
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, BrokenPipeError):
        return 1  # whoever reads has seen enough
    code, text = _words(error)
    click.echo(clean(text, 2_000), err=True)
    return code


def _words(error: BaseException) -> tuple[int, str]:
    """The exit code of an error, and its line; raises what is no error of ours."""
    if isinstance(error, click.Abort):
        return 1, "Aborted."
    if isinstance(error, SettingsError):
        return 2, f"Setting {error}"
    if isinstance(error, CallerError):
        return 3, f"Refused: {error.message} {error.remedy}".rstrip()
    if isinstance(error, AccessError):
        return 3, f"Refused: {type(error).sentence}"
    if isinstance(error, StoreUnavailable):
        return 5, f"Failed: the store cannot be used here ({error})"
    if isinstance(error, OSError):  # one that nobody below expects: as a rule, the disk of standard output is full
        return 1, f"Failed: {error.strerror or error}" + (f" ({error.filename})" if error.filename else "")
    if isinstance(error, MerakiMcpError):
        return 1, f"Failed: {type(error).sentence} ({error})"
    raise error
