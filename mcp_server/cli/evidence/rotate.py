"""meraki-specialist audit rotate-key: exchange the key that signs the chain, for a new one that the old one names."""

from pathlib import Path
from typing import Any

import anyio
import click

from mcp_server.assembly import evidence_key, open_store
from mcp_server.cli.local import told_by
from mcp_server.clock import SystemClock
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused, StoreError
from mcp_server.settings import load, open_home
from mcp_server.store.evidence.signing import SigningKey, write_seed
from mcp_server.store.evidence.statements import ROTATION, Statement
from mcp_server.store.evidence.verifying import Claims
from mcp_server.store.evidence.witness import LOCAL, statements_in
from mcp_server.store.records import moment
from mcp_server.store.sqlite_store import SqliteStore


@click.command("rotate-key")
@click.option("--reason", required=True, help="Recorded and signed.")
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False),
              help="A new file (mode 0600) for the seed, when it is to come from the environment.")  # fmt: skip
@click.pass_obj
def rotate_key(home: dict[str, Any], reason: str, target: Path | None) -> None:
    """Exchange the key that signs the record: the old one signs which one follows, and both verifiers follow it.

    Servers that run find the new key by themselves, unless it is to come from the environment.
    """
    settings = load(overrides=dict(home))
    directory = open_home(settings)
    if settings.evidence_key and target is None:
        raise Refused(
            "The key that signs the record comes from the environment.",
            "Give --to FILE; then set MERAKI_SPECIALIST_EVIDENCE_KEY to what is in it, and start the servers again.",
            code="key_in_environment",
        )
    key = evidence_key(settings, directory)
    clock = SystemClock()

    async def work() -> str:
        store = open_store(settings, directory, clock, key=key)
        try:
            await _whole(store, directory)
            return await _exchanged(store, key, clock, directory, (clean(reason, 200), target))
        finally:
            await anyio.to_thread.run_sync(store.close)  # the new key signs at once: proof that it is there

    click.echo(anyio.run(work))


async def _whole(store: SqliteStore, directory: Path) -> None:
    """Raises Refused when the chain is not whole."""
    judged = await store.verify(Claims(anchored=statements_in(directory / LOCAL)))
    if judged.problem is not None:
        raise Refused(
            f"Row {judged.problem.seq} is not as written: {judged.problem.reason}.",
            "The key of a chain that is not whole is not exchanged; see 'audit verify'.",
            code="not_whole",
        )


async def _exchanged(
    store: SqliteStore, key: SigningKey, clock: SystemClock, directory: Path, about: tuple[str, Path | None]
) -> str:
    """The new key is on disk before the old one names it; what was done, in words."""
    reason, target = about
    path, seed = write_seed(directory, target)
    new = key.add(seed)
    row = told_by(clock, "key", "exchanged", detail={"of": "record", "new": new, "reason": reason})
    said = Statement(ROTATION, 0, "", moment(clock.now()), by=row.entry.owner, reason=reason, next_key=new)
    try:
        (receipt,) = await store.declare(said, row)
    except StoreError:
        path.unlink()
        raise
    then = (
        "Set MERAKI_SPECIALIST_EVIDENCE_KEY to what is in it, and start the servers again."
        if target
        else ("Keep a copy of it apart, as of all of keys/.")
    )
    return f"Rows after {receipt.seq} are signed by {new}; its seed is in {path}. {then}"
