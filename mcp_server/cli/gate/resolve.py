"""meraki-specialist changes, resolve: what waits for a person, and the person's word on what nobody can read."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, cast

import anyio
import click

from mcp_server.assembly import Server, running
from mcp_server.changes.execution.report import change_row
from mcp_server.changes.recovery.resolve import Doubt, Said, doubts_of, refuse_contradiction, refuse_early
from mcp_server.changes.recovery.resolve import resolve as carry_out
from mcp_server.changes.recovery.waiting import waiting, waiting_view
from mcp_server.cli.local import Local, Terminal, log_to_stderr, on_local, opened, refusals_recorded, unlocked
from mcp_server.cli.views.changes import draw_changes, style_of
from mcp_server.cli.views.printing import line, progress, shown
from mcp_server.domain.actor import Role, four_eyes
from mcp_server.domain.call import Json
from mcp_server.domain.record import Approval, Change, StoredPlan
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused
from mcp_server.gate.keys import Signer
from mcp_server.gate.signatures import must_approve, signed
from mcp_server.settings import load

_SAID: Final = ("applied", "not-applied")


@click.command()
@click.option("--in-doubt", is_flag=True, help="Only those that wait for a person, each with the command to run.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def changes(home: dict[str, Any], *, in_doubt: bool, as_json: bool) -> None:
    """The last changes; or those in doubt, half done or not taken back, which wait for a person."""
    if not in_doubt:
        found: Sequence[Change] = on_local(home, lambda local: local.store.list(Change, {}, limit=100), reads_only=True)
        shown(
            {"changes": [change_row(one) for one in found]}, is_json=as_json, draw=lambda out: draw_changes(out, found)
        )
        return
    rows = [waiting_view(one) for one in on_local(home, lambda local: waiting(local.store), reads_only=True)]
    shown({"changes": rows}, is_json=as_json, draw=lambda out: _draw(out, rows))


def _draw(out: Any, rows: Sequence[Mapping[str, Json]]) -> None:
    if not rows:
        out.print(line("No change waits for a person."))
    for one in rows:
        out.print(line(f"{one['change_id']}: {one['status']} since {one['since']}", f"bold {style_of(one['status'])}"))
        out.print(line(f"  {one['why']}"))
        for residue in one.get("residue", ()):
            out.print(line(f"  not restored: {residue}", "red"))
        out.print(line(f"  {one['next_command']}", "bold"))


@click.command()
@click.argument("change_id")
@click.option("--as", "said", type=click.Choice(_SAID), required=True, help="What became of the writes in doubt.")
@click.option("--key", "key_name", help="Id or owner of the approver key; needed when there are several.")
@click.pass_obj
def resolve(home: dict[str, Any], change_id: str, said: str, key_name: str | None) -> None:
    """Say what became of a change in doubt; signed with an approver key's passphrase, typed into this terminal."""
    status = anyio.run(_resolved, home, change_id, said, key_name)
    click.echo(f"{clean(change_id, 64)} is {status} now; who said so is on record.")


async def _resolved(home: Mapping[str, Any], change_id: str, said: str, key_name: str | None) -> str:
    """The status of the change afterwards."""
    settings = load(overrides=dict(home))
    log_to_stderr(settings, quiet=True)
    word = cast("Said", said)
    async with (
        opened(home) as local,
        running(settings, channel="cli") as server,
        refusals_recorded(local, "resolution", change_id=clean(change_id, 64)),
    ):
        server.upkeep.stop()  # else its own recovery might take the change under the person's hand for left behind
        terminal = Terminal()
        try:
            return await _decided(server, local, terminal, (change_id, word, key_name))
        finally:
            terminal.close()


async def _decided(server: Server, local: Local, terminal: Terminal, asked: tuple[str, Said, str | None]) -> str:
    change_id, said, key_name = asked
    world = server.world()
    progress("Reading the live state ...")
    change, doubts = await _looked_at(change_id, said, server)
    stored = await world.store.get(StoredPlan, change.plan_id)
    if stored is None:
        raise Refused("The plan of this change is not on record.", "See 'history'.", code="plan_unknown")
    terminal.say(_question(change, doubts, said))
    typed = terminal.ask("Type the plan's code to confirm it, anything else to stop: ")
    if typed.strip().upper() != stored.plan.code.upper():
        raise Refused("Not resolved: the code was not typed.", "Nothing was recorded.", code="code_not_typed")
    signer = unlocked(local, terminal, key_name, Role.APPROVER)
    approval = _signed(local, change, stored, signer, said)
    change, doubts = await _looked_at(change_id, said, server)  # the person took a while
    outcome = await carry_out(change, doubts, said, approval, world=world, means=server.means)
    return outcome.status


async def _looked_at(change_id: str, said: Said, server: Server) -> tuple[Change, Sequence[Doubt]]:
    """The change with what the cloud says of its doubts now. Refused when that cannot be said of it, or not yet."""
    change, doubts = await doubts_of(change_id, server.world())
    refuse_contradiction(doubts, said)
    refuse_early(doubts, said, server.world(), server.means)
    return change, doubts


def _question(change: Change, doubts: Sequence[Doubt], said: Said) -> str:
    """What the person is about to say, and what the cloud shows of it."""
    told = [f"\nChange {change.key} of {clean(change.owner, 60)}, begun {change.started_at.isoformat()}."]
    for doubt in doubts:
        request = f"{doubt.record.request.get('method')} {clean(str(doubt.record.request.get('path')), 200)}"
        told.append(f"  {doubt.record.phase} {doubt.record.number}: {request}: the live state reads as {doubt.found}")
    told.append(f"You are about to put on record that this is: {said}.")
    return "\n".join(told) + "\n"


def _signed(local: Local, change: Change, stored: StoredPlan, signer: Signer, said: Said) -> Approval:
    """The person's word; Refused when it is the requester's own in ``team``."""
    must_approve(signer)
    now = local.clock.now()
    word = Approval(
        key=local.ids.new("approval"),
        plan_id=stored.key,
        plan_hash=stored.plan.plan_hash,
        approver=signer.owner,
        channel=f"resolve {change.key} as {said}",
        approved_at=now,
        expires_at=now + timedelta(minutes=5),
        four_eyes=four_eyes(signer.owner, change.owner, local.settings.profile),
    )
    return signed(word, signer)
