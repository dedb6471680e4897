"""meraki-specialist demo: the main job, shown in the sandbox through a real client, each claim recomputed."""

import sys

import click
from rich.console import Console

from mcp_server.clock import RandomIds


@click.command()
@click.option("--interactive", is_flag=True, help="You are the person: answer the questions and type the approvals.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output instead of the story.")
def demo(*, interactive: bool, as_json: bool) -> None:
    """Show the main job in a simulated network; needs no key. Exit code 1 when a claim does not hold."""
    if interactive and not sys.stdin.isatty():
        raise click.UsageError("--interactive needs a terminal.")
    # imported here: client, server and sandbox take a second, which --help need not pay
    from mcp_server.cli.demo_story.person import LivePerson, Person, PlayedPerson  # noqa: PLC0415
    from mcp_server.cli.demo_story.screen import WIDTH, Screen  # noqa: PLC0415
    from mcp_server.cli.demo_story.show import exit_code  # noqa: PLC0415

    console = _console(WIDTH, as_json=as_json)
    person: Person = LivePerson(console) if interactive else PlayedPerson(RandomIds().new("demo"))
    screen = Screen(console) if interactive or not as_json else None
    sys.exit(exit_code(person, screen, as_json=as_json))


def _console(width: int, *, as_json: bool) -> Console:
    """At most ``width`` columns; on standard error when standard output carries the JSON."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 still gets the words
    console = Console(stderr=as_json, highlight=False)
    console.width = min(console.width, width) if console.is_terminal else width
    return console
