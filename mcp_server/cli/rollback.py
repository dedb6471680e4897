"""meraki-specialist rollback: the tool of that name, called in this process: same path, same rules, same record."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import anyio
import click

from mcp_server.assembly import Server, running
from mcp_server.changes.question import question_of
from mcp_server.cli.approve import approve_plan
from mcp_server.cli.local import Local, log_to_stderr
from mcp_server.cli.views.changes import style_of
from mcp_server.cli.views.printing import line, progress, shown
from mcp_server.clock import RandomIds, SystemClock
from mcp_server.domain.actor import Actor, Role
from mcp_server.domain.call import Json
from mcp_server.domain.outcome import ToolResult
from mcp_server.domain.record import StoredPlan
from mcp_server.errors import MerakiMcpError
from mcp_server.settings import Settings, load

_A_DAY_S: Final = 86_400.0
_DONE: Final = ("ok", "applied", "unchanged", "rolled_back", "pending_keep")
_HELD: Final = ("needs_approval", "needs_audit")
_SAID_NO: Final = ("refused", "busy", "stale", "expired", "declined")


class Numbers(click.ParamType[list[int]]):
    """Step numbers from 1, separated by commas."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """The numbers; a usage error when one is none."""
        if isinstance(value, list):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
            self.fail("example: 1,2", param, ctx)
        return [int(part) for part in parts]


@click.command()
@click.argument("change_id", required=False)
@click.option("--last", type=click.IntRange(1, 20), help="Undo your last N changes instead of a named one.")
@click.option("--steps", type=Numbers(), help="Only these steps of the change, as 1,2.")
@click.option("--reason", default="", help="Why.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def rollback(ctx: click.Context, /, change_id: str | None, *, last: int | None, as_json: bool, **more: Any) -> None:
    """Undo a change of yours, or your last N: planned, approved, applied and verified like any other."""
    if (change_id is None) == (last is None):
        raise click.UsageError("Give CHANGE_ID or --last N.")
    given = {"change_id": change_id, "last": last, "steps": more["steps"], "reason": more["reason"][:500]}
    arguments = {name: value for name, value in given.items() if value}
    is_asked = not as_json and sys.stdin.isatty() and sys.stdout.isatty()
    result, question = anyio.run(_rolled_back, load(overrides=ctx.obj), arguments, is_asked)
    shown(dict(result.payload), is_json=as_json, draw=lambda out: _draw(out, result.payload, question))
    ctx.exit(exit_code(str(result.payload["status"])))


def exit_code(status: str) -> int:
    """0 done, 3 refused, 4 needs approval, else 1: failed, or nobody knows."""
    if status in _DONE:
        return 0
    return 4 if status in _HELD else 3 if status in _SAID_NO else 1


async def _rolled_back(settings: Settings, arguments: Mapping[str, Json], is_asked: bool) -> tuple[ToolResult, str]:
    """The tool's result, and the question that a person has to answer elsewhere when there is one.

    ``is_asked``: a person sits at this terminal, and may approve it here by code and passphrase. A mere yes would not
    do: a model with a shell can make itself a terminal.
    """
    redactor = log_to_stderr(settings)

    async def report(done: float, total: float | None, message: str) -> None:
        progress(f"{done:g}/{total:g} {message}" if total else message)

    patient = replace(settings, apply_wait_s=_A_DAY_S)  # nobody else is told when it ends
    async with running(patient, channel="cli", learn=redactor.learn) as server:
        actor = Actor(server.host.owner("cli"), "cli", client="command line")
        progress("Reading the live state ...")
        call = server.host.new_call("rollback", arguments, actor, report=report)
        result = await server.host.handle(call)
        if result.payload["status"] == "needs_approval" and is_asked and _can_approve(server):
            local = Local(settings, server.store, server.keyring, server.vault, SystemClock(), RandomIds())
            await approve_plan(local, str(result.payload["plan_id"]))
            again = server.host.new_call("rollback", arguments, actor, report=report)
            result = await server.host.handle(again)
        question = await _question(server.store, result) if result.payload["status"] in _HELD else ""
    return result, question


def _can_approve(server: Server) -> bool:
    return any(key.role is Role.APPROVER for key in server.keyring.list())


async def _question(store: Any, result: ToolResult) -> str:
    """What a person is asked about the plan of the result; "" when the plan cannot be read."""
    try:
        stored = await store.get(StoredPlan, str(result.payload.get("plan_id", "")))
    except MerakiMcpError:
        return ""
    return question_of(stored.plan) if stored else ""


def _draw(out: Any, payload: Mapping[str, Json], question: str) -> None:
    for text in question.splitlines():
        out.print(line(text))
    out.print(line(payload["summary"], style_of(str(payload["status"]))))
    for warning in payload["warnings"]:
        out.print(line(f"! {warning['message']}", "yellow"))
    if "approve_with" in payload:
        out.print(line("Approve it, then give this command again:"))
        out.print(line(f"  {payload['approve_with']}", "bold"))
    elif "error" in payload:
        out.print(line(payload["error"].get("remedy", "")))
    for residue in payload.get("residue") or ():
        is_row = isinstance(residue, dict)
        text = f"in the log, not of this change: {residue}" if is_row else f"not restored: {residue}"
        out.print(line(text, "yellow" if is_row else "red"))
