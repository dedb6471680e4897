"""meraki-specialist audit: prove the chain of evidence, take it elsewhere, watch it grow."""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import anyio
import click

from mcp_server.cli.local import Local, on_local
from mcp_server.cli.views.changes import draw_evidence, evidence_row
from mcp_server.cli.views.printing import as_json as json_text
from mcp_server.cli.views.printing import console, line, progress, shown
from mcp_server.domain.call import Json, Receipt
from mcp_server.domain.record import AuditEntry
from mcp_server.errors import Refused
from mcp_server.store.records import moment

_PAGE: Final = 500
_LOOK_S: Final = 1.0


class Anchor(click.ParamType[Receipt]):
    """A receipt that somebody kept: SEQ:HASH."""

    name = "seq:hash"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Receipt:
        """The receipt; a usage error when it is none."""
        seq, _, found = str(value).partition(":")
        if not (seq.isascii() and seq.isdigit() and len(found) == 64):
            self.fail("example: 12:8c1f... (64 hexadecimal digits)", param, ctx)
        return Receipt(int(seq), found.lower())


@click.group()
def audit() -> None:
    """The hash-chained record of every call and every write."""


@audit.command()
@click.option("--receipt", "receipts", type=Anchor(), multiple=True, help="A receipt kept elsewhere, to compare with.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def verify(ctx: click.Context, receipts: tuple[Receipt, ...], *, as_json: bool) -> None:
    """Walk the whole chain; names the first row that is not as written (exit 1)."""

    async def walk(local: Local) -> dict[str, Json]:
        progress("Walking the chain ...")
        problem = await local.store.verify_chain(receipts)
        if problem is not None:
            return {"whole": False, "first_bad_row": problem.seq, "why": problem.reason}
        head = await local.store.list(AuditEntry, {}, limit=1)
        return {"whole": True, "rows": head[0].seq if head else 0, "head": head[0].hash if head else None}

    found = on_local(ctx.obj, walk)
    shown(found, is_json=as_json, draw=lambda out: out.print(_told(found)))
    ctx.exit(0 if found["whole"] else 1)


def _told(found: Mapping[str, Json]) -> Any:
    if found["whole"]:
        return line(f"The chain is whole: {found['rows']} rows, head {found['head']}.", "green")
    return line(f"NOT WHOLE: the first bad row is {found['first_bad_row']}: {found['why']}.", "bold red")


@audit.command()
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="A new file (mode 0600).")
@click.option("--since", "first", type=click.IntRange(1), default=1, show_default=True, help="First row.")
@click.pass_obj
def export(home: dict[str, Any], target: Path | None, first: int) -> None:
    """Every row as JSON Lines, lossless: each row's hash can be computed again from its line."""
    count = on_local(home, lambda local: _export(local, target, first))
    progress(f"{count} rows.")


async def _export(local: Local, target: Path | None, first: int) -> int:
    if target is None:
        return await _written(local, first, sys.stdout.write)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as there:
        raise Refused(f"{target} is there already.", "Name a new file.", code="file_exists") from there
    except OSError as problem:
        raise Refused(
            f"{target} cannot be written: {problem.strerror}.", "Name another file.", code="no_file"
        ) from problem
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        return await _written(local, first, file.write)


async def _written(local: Local, first: int, write: Callable[[str], int]) -> int:
    count = 0
    async for entry in _ascending(local, first):
        write(export_line(entry) + "\n")
        count += 1
        if count % 10_000 == 0:
            progress(f"{count} rows ...")
    return count


async def _ascending(local: Local, first: int) -> AsyncIterator[AuditEntry]:
    """The rows from ``first`` on, oldest first; the ones that come meanwhile are left for the next time."""
    newest = await local.store.list(AuditEntry, {}, limit=1)
    last = newest[0].seq if newest else 0
    for start in range(first, last + 1, _PAGE):
        end = min(start + _PAGE, last + 1)
        for entry in reversed(await local.store.list(AuditEntry, {}, limit=end - start, before=str(end))):
            yield entry


def export_line(entry: AuditEntry) -> str:
    """The row as one line of JSON in ASCII. Its RFC 8785 form without ``hash`` is what the hash is made over."""
    values = {item.name: getattr(entry, item.name) for item in fields(entry)}
    return json.dumps(values, ensure_ascii=True, separators=(",", ":"), default=_moment)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@audit.command()
@click.option("-n", "--lines", "count", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="For programs: JSON Lines with --follow.")
@click.pass_obj
def tail(home: dict[str, Any], count: int, *, follow: bool, as_json: bool) -> None:
    """The newest rows."""
    try:
        on_local(home, lambda local: _tail(local, count, follow, as_json))
    except KeyboardInterrupt:
        return  # the way to end it


async def _tail(local: Local, count: int, follow: bool, as_json: bool) -> None:
    found = list(reversed(await local.store.list(AuditEntry, {}, limit=count)))
    if as_json and not follow:
        sys.stdout.write(json_text({"rows": [evidence_row(one) for one in found]}) + "\n")
        return
    _print_rows(found, as_json=as_json)
    last = found[-1].seq if found else 0
    while follow:
        await anyio.sleep(_LOOK_S)
        newer = [one for one in await local.store.list(AuditEntry, {}, limit=_PAGE) if one.seq > last]
        last = max((one.seq for one in newer), default=last)
        _print_rows(list(reversed(newer)), as_json=as_json)


def _print_rows(found: list[AuditEntry], *, as_json: bool) -> None:
    if not as_json:
        if found:
            draw_evidence(console(), [evidence_row(one) for one in found])
    else:
        for entry in found:
            sys.stdout.write(export_line(entry) + "\n")
    sys.stdout.flush()
