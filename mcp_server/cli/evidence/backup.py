"""meraki-specialist backup, restore: a copy of the store while it is used, and putting one back."""

from pathlib import Path
from typing import Any

import anyio
import click

from mcp_server.assembly import evidence_key, open_store
from mcp_server.cli.local import Local, on_local, opened, told_by
from mcp_server.clock import SystemClock
from mcp_server.domain.call import Receipt
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused, StoreError
from mcp_server.settings import load, open_home
from mcp_server.store.evidence.backup import back_up, copy_into, put_in_place
from mcp_server.store.evidence.signing import SigningKey
from mcp_server.store.evidence.statements import RESTORE, Statement, standing
from mcp_server.store.evidence.verifying import Claims
from mcp_server.store.evidence.witness import LOCAL, statements_in
from mcp_server.store.records import moment
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.upkeep.presence import Presence

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=_FILE)
@click.pass_obj
def backup(home: dict[str, Any], file: Path) -> None:
    """Copy the store to a new FILE while servers go on. The keys are not in it: keep keys/ apart."""

    async def copy(local: Local) -> int:
        size = await anyio.to_thread.run_sync(back_up, local.settings.home, file)
        await local.store.commit(local.entry("backup", "done", detail={"file": clean(file.name, 100), "bytes": size}))
        return size

    click.echo(f"{on_local(home, copy)} bytes in {file}. It opens with keys/data.key of this data directory only.")


@click.command()
@click.argument("file", type=_FILE)
@click.option("--anchors", type=_FILE, multiple=True, help="More statements that were anchored elsewhere.")
@click.option("--accept-loss", "reason", default="", help="Put back a copy older than the anchors, and say why.")
@click.pass_obj
def restore(home: dict[str, Any], file: Path, anchors: tuple[Path, ...], reason: str) -> None:
    """Put a backup in place of the store, which is kept beside it. Stop the servers first.

    Refused when the copy is not whole, and when rows were anchored or written that it does not hold, unless you accept
    that loss: it is signed, anchored, and told by every later verification.
    """
    settings = load(overrides=dict(home))
    directory = open_home(settings)
    clock = SystemClock()

    async def work() -> str:
        _refuse_while_servers_run(directory)
        made = copy_into(directory, file)
        anchored = [one for path in (directory / LOCAL, *anchors) for one in statements_in(path)]
        key = evidence_key(settings, directory)
        copy = open_store(settings, made, clock, keys_of=directory, is_checked=False, key=key)
        try:
            head = await _whole(copy, file)
            await _signable(copy, key)
            lost_to = await _known_to(home, copy, anchored)
        finally:
            copy.close()
        if lost_to > head.seq and not reason:
            raise Refused(
                f"{file} ends at row {head.seq}, and rows up to {lost_to} were written.",
                "Find a newer copy; or say why the loss is accepted: --accept-loss REASON.",
                code="rolled_back",
            )
        _refuse_while_servers_run(directory)
        aside = put_in_place(directory, made, f"before-{clock.now():%Y%m%d-%H%M%S}")
        store = open_store(settings, directory, clock, is_checked=False)
        try:
            await _recorded(store, clock, head, lost_to if lost_to > head.seq else 0, (file.name, clean(reason, 300)))
        finally:
            store.close()
        kept = f" The store before it is {aside}." if aside else ""
        return f"The store is put back to row {head.seq}.{kept}"

    click.echo(anyio.run(work))


def _refuse_while_servers_run(directory: Path) -> None:
    """Refused while a server holds its lock in the data directory: it would go on with rows that are gone."""
    living = Presence(directory, "").list_others()
    if living:
        raise Refused(
            f"{len(living)} server(s) run on {directory}: {clean(', '.join(living), 300)}.",
            "Stop them (close the clients that started them), then restore again.",
            code="server_runs",
        )


async def _whole(copy: SqliteStore, file: Path) -> Receipt:
    """Where the copy's chain ends. Raises Refused when it is not whole."""
    judged = await copy.verify(Claims())
    if judged.problem is not None:
        raise Refused(
            f"Row {judged.problem.seq} of {file} is not as written: {judged.problem.reason}.",
            "Find another copy.",
            code="not_whole",
        )
    if judged.last.seq == 0:
        raise Refused(f"{file} holds no row.", "Find another copy.", code="not_whole")
    return judged.last


async def _signable(copy: SqliteStore, key: SigningKey) -> None:
    """Raises StoreUnavailable when the key that signs the copy on is not here: one from before an exchange, say."""
    statements = await copy.export(lambda _, signed: signed)
    if statements:
        key.use(statements[-1].successor)


async def _known_to(home: dict[str, Any], copy: SqliteStore, anchored: list[Statement]) -> int:
    """The last row that anybody knows of and that the copy does not hold as it was; 0 when it holds all."""
    judged = await copy.verify(Claims(anchored=anchored))
    known = max((one.seq for one in standing(anchored)), default=0) if judged.problem else 0
    try:
        async with opened(home) as local:
            return max(known, (await local.store.verify(Claims())).last.seq)
    except StoreError:
        return known  # the store that is to be replaced cannot be read


async def _recorded(
    store: SqliteStore, clock: SystemClock, head: Receipt, lost_to: int, about: tuple[str, str]
) -> None:
    """The row of the restore; with a loss also the signed statement that makes later anchors void."""
    name, reason = about
    detail = {"file": clean(name, 100), "to": head.seq, "lost_to": lost_to, "reason": reason}
    entry = told_by(clock, "restore", "done", detail=detail)
    if not lost_to:
        await store.commit(entry)
        return
    at, by = moment(clock.now()), entry.entry.owner
    said = Statement(RESTORE, head.seq, head.hash, at, lost_to=lost_to, by=by, reason=reason)
    await store.declare(said, entry)
