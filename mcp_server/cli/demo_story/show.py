"""The demo from curtain to curtain: both stories, each claim, the time it took."""

import json
import signal
from typing import Final

import anyio
import click

from mcp_server.cli.demo_story import evidence, lost_uplink, two_changes
from mcp_server.cli.demo_story.person import Person
from mcp_server.cli.demo_story.screen import Screen
from mcp_server.cli.demo_story.stage import Meddler, Stage, staged
from mcp_server.cli.demo_story.telling import Claim, StoryStopped, Telling
from mcp_server.clock import SystemClock
from mcp_server.transport.demo_client import CallFailed

_LIMIT_S: Final = 600.0  #: of the whole demo when nobody has to answer: only one that hangs is ended


def exit_code(person: Person, screen: Screen | None, *, as_json: bool, meddle: Meddler | None = None) -> int:
    """0 when both stories were told and every claim holds, else 1; ``meddle`` may spoil the sandbox (tests)."""
    telling, seconds = anyio.run(_shown, person, screen, meddle)
    if as_json:
        told = {"person_played": person.is_played, "seconds": round(seconds, 1), **telling.as_data()}
        click.echo(json.dumps(told, ensure_ascii=False, indent=2, default=str))
    return 0 if telling.all_hold else 1


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
