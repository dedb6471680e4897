"""meraki-specialist demo: the main job, shown in the sandbox through a real client, each claim recomputed."""

import json
import signal
import sys
from typing import Any, Final

import anyio
import click
from rich.console import Console

from mcp_server.cli.demo_story import evidence, lost_uplink, two_changes
from mcp_server.cli.demo_story.person import LivePerson, Person, PlayedPerson
from mcp_server.cli.demo_story.screen import WIDTH, Screen
from mcp_server.cli.demo_story.stage import Meddler, Stage, staged
from mcp_server.cli.demo_story.telling import Claim, StoryStopped, Telling
from mcp_server.clock import RandomIds, SystemClock
from mcp_server.transport.demo_client import CallFailed

Json = Any
_LIMIT_S: Final = 150.0  #: of the whole demo when nobody has to answer


@click.command()
@click.option("--interactive", is_flag=True, help="You are the person: answer the questions and type the approvals.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output instead of the story.")
def demo(*, interactive: bool, as_json: bool) -> None:
    """Show the main job in a simulated network; needs no key. Exit code 1 when a claim does not hold."""
    if interactive and not sys.stdin.isatty():
        raise click.UsageError("--interactive needs a terminal.")
    console = _console(as_json=as_json)
    person: Person = LivePerson(console) if interactive else PlayedPerson(RandomIds().new("demo"))
    screen = Screen(console) if interactive or not as_json else None
    sys.exit(exit_code(person, screen, as_json=as_json))


def exit_code(person: Person, screen: Screen | None, *, as_json: bool, meddle: Meddler | None = None) -> int:
    """0 when both stories were told and every claim holds, else 1; ``meddle`` may spoil the sandbox (tests)."""
    telling, seconds = anyio.run(_shown, person, screen, meddle)
    if as_json:
        told = {"person_played": person.is_played, "seconds": round(seconds, 1), **telling.as_data()}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=str))
    return 0 if telling.all_hold else 1


def _console(*, as_json: bool) -> Console:
    """At most WIDTH columns; on standard error when standard output carries the JSON."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 still gets the words
    console = Console(stderr=as_json, highlight=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    return console


async def _shown(person: Person, screen: Screen | None, meddle: Meddler | None) -> tuple[Telling, float]:
    """The telling and how many seconds it took."""
    clock = SystemClock()
    started_at = clock.monotonic()
    telling = Telling(screen.show if screen else lambda _event: None)
    if screen:
        screen.open(is_played=person.is_played)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_on_signal, tasks.cancel_scope, telling)
        await _told(person, telling, meddle)
        tasks.cancel_scope.cancel()
    seconds = clock.monotonic() - started_at
    if screen:
        screen.close(telling.claims, seconds)
    return telling, seconds


async def _end_on_signal(scope: anyio.CancelScope, telling: Telling) -> None:
    """Leave in good order when asked to end, so that no child and no directory stays behind."""
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            telling.claim(Claim("The demo could run to its end", holds=False, evidence="it was told to stop"))
            scope.cancel()


async def _told(person: Person, telling: Telling, meddle: Meddler | None) -> None:
    """Tell both stories; whatever stops one becomes a claim that does not hold."""
    limit_s = _LIMIT_S if person.is_played else None
    try:
        with anyio.fail_after(limit_s):
            async with staged(person, telling, meddle) as stage:
                await _played(stage)
    except TimeoutError:
        telling.claim(Claim("The demo could run to its end", holds=False, evidence=f"stopped after {limit_s:.0f} s"))
    except (CallFailed, OSError) as failed:
        telling.claim(Claim("The stage could be set", holds=False, evidence=str(failed)))


async def _played(stage: Stage) -> None:
    try:
        await two_changes.play(stage)
        await lost_uplink.play(stage)
        await evidence.check(stage)
    except StoryStopped as stopped:
        stopped_at = str(stopped)
    except (LookupError, TypeError, ValueError, OSError) as surprise:
        stopped_at = f"an answer was not as expected: {type(surprise).__name__} {surprise}"
    else:
        return
    stage.telling.claim(Claim("The story could be told to its end", holds=False, evidence=stopped_at))
    if tail := stage.log_tail():
        stage.telling.tell("rows", "The server's log ends with", rows=[["", line] for line in tail])
