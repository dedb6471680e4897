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
from mcp_server.private_files import write_private
from mcp_server.store.evidence.exporting import json_lines
from mcp_server.store.evidence.retention import archived, seal_before
from mcp_server.store.evidence.statements import Statement
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

    A signed tombstone stays: the chain that is left still verifies, and so does the archive.
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
    tombstone, rows = await local.store.export(lambda rows, signed: _sealable(rows, signed, day))
    if tombstone is None:
        return "Nothing to prune: no signed segment is that old."
    if not write_private(archive, rows.encode("ascii")):
        raise Refused(f"{archive} is there already.", "Name a new file.", code="file_exists")
    sealed = replace(tombstone, at=moment(local.clock.now()), by=local.user, reason=reason)
    detail = {"first": sealed.first, "last": sealed.seq, "hash": sealed.hash, "reason": reason}
    await local.store.declare(sealed, local.entry("prune", "done", detail=detail))
    signed = await local.store.export(lambda _, said: "".join(json_lines((), archived(said, sealed), __version__)))
    write_private(archive, (rows + signed).encode("ascii"), replace=True)
    return f"Rows {sealed.first} to {sealed.seq} are sealed, archived in {archive}, and no longer in the store."


def _sealable(rows: Iterator[Line], statements: Sequence[Statement], day: str) -> tuple[Statement | None, str]:
    """What can be sealed, and its rows as JSON Lines."""
    tombstone = seal_before(statements, day)
    if tombstone is None:
        return None, ""
    return tombstone, "".join(json_lines((line for line in rows if line[0] <= tombstone.seq), (), __version__))
