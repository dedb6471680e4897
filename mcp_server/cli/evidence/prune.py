"""meraki-specialist audit prune: seal old segments of the chain and take their rows away."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mcp_server import __version__
from mcp_server.cli.local import Local, on_local
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused
from mcp_server.private_files import is_there, read_private, write_private
from mcp_server.store.evidence.exporting import json_lines, row_in
from mcp_server.store.evidence.retention import archived, seal_before
from mcp_server.store.evidence.statements import TOMBSTONE, Statement
from mcp_server.store.evidence.verifying import Claims, Line
from mcp_server.store.evidence.witness import LOCAL, statements_in
from mcp_server.store.records import moment


@click.command()
@click.option("--before", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Rows signed before this day (UTC).")
@click.option("--archive", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A new file for them.")
@click.option("--reason", default="retention", show_default=True, help="Recorded and signed.")
@click.pass_obj
def prune(home: dict[str, Any], before: datetime, archive: Path, reason: str) -> None:
    """Seal whole segments of the chain, archive their rows as JSON Lines, and take them out of the store.

    A signed tombstone stays: the chain that is left still verifies, and so does the archive. Until the archive has its
    name, whole, its rows are in FILE.part; cut short, the same command finishes it.
    """
    day = before.strftime("%Y-%m-%dT00:00:00.000000+00:00")
    click.echo(on_local(home, lambda local: _pruned(local, day, archive, clean(reason, 200))))


async def _pruned(local: Local, day: str, archive: Path, reason: str) -> str:
    judged = await local.store.verify(Claims(anchored=statements_in(local.settings.home / LOCAL)))
    if judged.problem is not None:
        raise Refused(
            f"Row {judged.problem.seq} is not as written: {judged.problem.reason}.",
            "A chain that is not whole is not pruned; see 'audit verify'.",
            code="not_whole",
        )
    kept = archive.with_name(f"{archive.name}.part")
    if (text := await _finished(local, archive, kept)) is not None:
        return text
    tombstone, rows = await local.store.export(lambda rows, signed: _sealable(rows, signed, day))
    if tombstone is None:
        return "Nothing to prune: no signed segment is that old."
    _keep(rows, kept, archive)
    sealed = replace(tombstone, at=moment(local.clock.now()), by=local.user, reason=reason)
    detail = {"first": sealed.first, "last": sealed.seq, "hash": sealed.hash, "reason": reason}
    await local.store.declare(sealed, local.entry("prune", "done", detail=detail))
    return await _archived(local, archive, kept, (rows, sealed))


async def _finished(local: Local, archive: Path, kept: Path) -> str | None:
    """What was done about a prune of that archive that did not come to its end; None when none has sealed anything.

    Its rows are in the store no longer, so what it kept of them is never written over.
    """
    content = read_private(kept)
    if content is None:
        return None
    rows = content.decode("ascii", "replace")
    named = _ends(rows)
    signed = await local.store.export(lambda _, said: list(said))
    for one in signed:
        if one.kind == TOMBSTONE and named == (one.first, one.seq, one.hash):
            return await _archived(local, archive, kept, (rows, one))
    pruned_to = max((one.seq for one in signed if one.kind == TOMBSTONE), default=0)
    if named is None or named[0] <= pruned_to:
        raise is_there(kept)
    return None


async def _archived(local: Local, archive: Path, kept: Path, pruned: tuple[str, Statement]) -> str:
    """The archive under its name, whole: the rows that were taken away, and the statements up to their seal."""
    rows, sealed = pruned
    signed = await local.store.export(lambda _, said: "".join(json_lines((), archived(said, sealed), __version__)))
    _name(rows + signed, kept, archive)
    return f"Rows {sealed.first} to {sealed.seq} are sealed, archived in {archive}, and no longer in the store."


def _keep(rows: str, kept: Path, archive: Path) -> None:
    """The rows on disk before they leave the store."""
    if archive.exists():
        raise is_there(archive)
    write_private(kept, rows.encode("ascii"), replace=True)


def _name(text: str, kept: Path, archive: Path) -> None:
    """The archive with this content; it may be there already, when only taking away what was kept was cut short."""
    content = text.encode("ascii")
    if not write_private(archive, content) and read_private(archive) != content:
        raise is_there(archive)
    kept.unlink()


def _ends(rows: str) -> tuple[int, int, str] | None:
    """First and last row, and the last one's hash; None for what is no archive's rows."""
    lines = rows.splitlines()
    try:
        first, last = row_in(lines[0]), row_in(lines[-1])
    except (IndexError, ValueError):
        return None
    return first[0], last[0], last[2]


def _sealable(rows: Iterator[Line], statements: Sequence[Statement], day: str) -> tuple[Statement | None, str]:
    """What can be sealed, and its rows as JSON Lines."""
    tombstone = seal_before(statements, day)
    if tombstone is None:
        return None, ""
    return tombstone, "".join(json_lines((line for line in rows if line[0] <= tombstone.seq), (), __version__))
