"""meraki-specialist backup, restore: a copy of the store while it is used, and putting one back."""

from pathlib import Path
from typing import Any

import anyio
import click

from mcp_server.assembly import evidence_key, open_store
from mcp_server.cli.local import Local, on_local, opened, told_by
from mcp_server.cli.views.printing import progress
from mcp_server.clock import SystemClock
from mcp_server.domain.call import Receipt
from mcp_server.domain.record import AuditEntry
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused, StoreError
from mcp_server.settings import load, open_home
from mcp_server.store.evidence.backup import back_up, copy_into, put_in_place
from mcp_server.store.evidence.signing import SigningKey
from mcp_server.store.evidence.statements import RESTORE, TOMBSTONE, Statement, standing
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
        size = await anyio.to_thread.run_sync(back_up, local.copied_to or local.settings.home, file)
        if local.copied_to is not None:
            progress(f"It is not on record there: this account may not write in {clean(local.settings.home)}.")
            return size
        await local.store.commit(local.entry("backup", "done", detail={"file": clean(file.name, 100), "bytes": size}))
        return size

    size = on_local(home, copy, reads_only=True)
    click.echo(f"{size} bytes in {file}. It opens with keys/data.key of this data directory only.")


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
            unheld = await _unheld(copy, anchored)
            _refuse_branch(unheld, head)
            _refuse_before(clock, unheld)
            lost_to = max([await _standing_to(home, copy, head, anchored), *(one.seq for one in unheld)])
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
            about = (file.name, clean(reason, 300))
            await _recorded(store, clock, head, max(lost_to, head.seq) if unheld or lost_to > head.seq else 0, about)
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


async def _unheld(copy: SqliteStore, anchored: list[Statement]) -> list[Statement]:
    """The statements that were anchored, that no restore has made void, and that the copy does not hold."""
    own = await copy.export(lambda _, signed: list(signed))
    held = {one.digest() for one in own}
    return [one for one in standing([*anchored, *own]) if one.digest() not in held]


def _refuse_branch(unheld: list[Statement], head: Receipt) -> None:
    """Raises Refused when a signed row stands in the copy as another one: then it is no older state of this store.

    A copy that goes beyond a row holds what was signed of it, except a seal, and what an earlier restore said.
    """
    for one in unheld:
        if one.kind != TOMBSTONE and (one.seq < head.seq or (one.seq == head.seq and one.hash != head.hash)):
            raise _another_branch(one.seq)


def _another_branch(seq: int) -> Refused:
    return Refused(
        f"The copy is no older state of this store: what it holds of row {seq} and later is not what is known of them. "
        "It goes back to what an earlier restore gave up, or what stands was written anew.",
        "Find a copy made since that restore. If the copy is right and the store is not: move store.db and the "
        "anchors aside, keep them, then restore again.",
        code="another_branch",
    )


def _refuse_before(clock: SystemClock, unheld: list[Statement]) -> None:
    """Raises Refused when a restore signed now would seem to come before what it makes void."""
    now = moment(clock.now())
    later = max((one.at for one in unheld), default="")
    if later >= now:
        raise Refused(
            f"The clock says {now}, and a row was anchored at {later}.",
            "Set the clock right, then restore again.",
            code="clock_behind",
        )


async def _standing_to(home: dict[str, Any], copy: SqliteStore, head: Receipt, anchored: list[Statement]) -> int:
    """The last row of the store that is to be replaced; 0 when it cannot be read.

    Raises Refused when it is whole, and a row of it stands in the copy as another one.
    """
    try:
        async with opened(home) as local:
            judged = await local.store.verify(Claims(anchored=anchored))
            key = str(min(judged.last.seq, head.seq))
            own = await local.store.get(AuditEntry, key) if judged.problem is None else None
    except StoreError:
        return 0
    row = await copy.get(AuditEntry, key)
    if own is not None and row is not None and own.hash != row.hash:
        raise _another_branch(row.seq or 0)
    return judged.last.seq


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
