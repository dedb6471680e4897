"""meraki-specialist audit: prove the chain of evidence, take it elsewhere, watch it grow."""

import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import anyio
import click

from mcp_server import __version__
from mcp_server.cli.evidence.prune import prune
from mcp_server.cli.evidence.rotate import rotate_key
from mcp_server.cli.local import Local, on_local
from mcp_server.cli.views.changes import draw_evidence, evidence_row
from mcp_server.cli.views.printing import as_json as json_text
from mcp_server.cli.views.printing import console, line, progress, shown
from mcp_server.domain.call import Json, Receipt
from mcp_server.domain.record import AuditEntry
from mcp_server.domain.redaction import clean
from mcp_server.errors import Refused, StoreUnavailable
from mcp_server.private_files import is_there
from mcp_server.store.evidence.exporting import FORMS, row_in
from mcp_server.store.evidence.statements import Statement, statement_of
from mcp_server.store.evidence.verifying import Claims, Verdict, verdict
from mcp_server.store.evidence.witness import LOCAL, statements_in
from mcp_server.store.records import moment

_PAGE: Final = 500
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
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
@click.option("--anchors", type=_FILE, multiple=True, help="A file of statements that were anchored elsewhere.")
@click.option("--export", "exported", type=_FILE, help="An export (JSON Lines) instead of the store.")
@click.option("--since", "first", type=click.IntRange(1), help="The first row of an export of a part.")
@click.option("--key", default="", help="The signer's public key (base64), when you know it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def verify(ctx: click.Context, /, *, as_json: bool, **given: Any) -> None:
    """Walk the whole chain; names the first row that is not as written (exit 1), and what the result proves."""
    claims = Claims(receipts=given["receipts"], key=given["key"], first=given["first"] or 0)
    claims = replace(claims, anchored=[one for path in given["anchors"] for one in _anchored(path)])
    progress("Walking the chain ...")
    if given["exported"]:
        judged = _on_export(given["exported"], claims)
    else:
        judged = on_local(ctx.obj, _on_store(claims), reads_only=True)
    found = _seen(judged)
    shown(found, is_json=as_json, draw=lambda out: _draw(out, found))
    ctx.exit(0 if found["whole"] else 1)


def _anchored(path: Path) -> Sequence[Statement]:
    """The statements in the file. Refused when there is none: whoever gives anchors means them to be compared."""
    found = statements_in(path)
    if not found:
        raise Refused(
            f"{path} holds no signed statement that can be read.",
            "Name a file of anchors: lines of anchors.jsonl, with or without a log's own words before them.",
            code="no_anchors",
        )
    return found


def _on_store(claims: Claims) -> Callable[[Local], Awaitable[Verdict]]:
    async def walk(local: Local) -> Verdict:
        beside = statements_in(local.settings.home / LOCAL)
        known = replace(claims, anchored=[*claims.anchored, *beside])
        try:
            return await local.store.verify(known)
        except StoreUnavailable as problem:
            if local.copied_to is None:
                raise
            progress(f"Judged like an export, without the seal of its end: {clean(problem, 500)}.")
            return await local.store.export(lambda rows, said: verdict(rows, replace(known, statements=said)))

    return walk


def _on_export(path: Path, claims: Claims) -> Verdict:
    """The verdict on an export; neither store nor settings are needed. Refused for one that holds nothing to judge."""
    with path.open(encoding="ascii", errors="replace") as file:
        statements = [found for line in file if (found := statement_of(line))]
    with path.open(encoding="ascii", errors="replace") as file:
        first = _first(file)
    with path.open(encoding="ascii", errors="replace") as file:
        judged = verdict(_rows(file, first - 1), replace(claims, statements=statements))
    if judged.problem is None and not judged.has_rows:
        raise Refused(f"{path} holds no row.", "Find another copy.", code="not_whole")
    return judged


def _first(file: Iterable[str]) -> int:
    """The place of an export's first row, by the first one that can be read."""
    for unread, text in enumerate(file):
        with suppress(ValueError):
            return row_in(text.rstrip("\n"))[0] - unread
    return 1


def _rows(file: Iterable[str], seq: int) -> Iterator[tuple[int, str, str]]:
    """The rows of an export, behind that place; a line that is no row, nor a statement, is told as one without hash."""
    for text in file:
        try:
            row = row_in(text.rstrip("\n"))
        except ValueError:
            if statement_of(text):
                continue
            row = (seq + 1, text, "")
        seq = row[0]
        yield row


def _seen(judged: Verdict) -> dict[str, Json]:
    """What --json shows."""
    view: dict[str, Json] = {
        "whole": judged.problem is None,
        "proves": judged.proves(),
        "does_not_prove": judged.does_not_prove(),
    }
    if judged.problem is not None:
        return {**view, "first_bad_row": judged.problem.seq, "why": judged.problem.reason}
    return {
        **view,
        "first": judged.first,
        "rows": judged.last.seq,
        "head": judged.last.hash if judged.last.seq else None,
        "signed_to": judged.signed.seq if judged.signed else 0,
        "anchored_to": judged.anchored.seq if judged.anchored else 0,
        "key": judged.signed.public_key if judged.signed else "",
    }


def _draw(out: Any, found: Mapping[str, Json]) -> None:
    if found["whole"]:
        out.print(line(f"The chain is whole: {found['rows']} rows, head {found['head'] or '-'}.", "green"))
    else:
        out.print(line(f"NOT WHOLE: the first bad row is {found['first_bad_row']}: {found['why']}.", "bold red"))
    for title, name in (("Proven", "proves"), ("Not proven", "does_not_prove")):
        for sentence in found[name]:
            out.print(line(f"{title}: {sentence}"))


@audit.command()
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="A new file (mode 0600).")
@click.option("--since", "first", type=click.IntRange(1), default=1, show_default=True, help="First row.")
@click.option("--format", "form", type=click.Choice(list(FORMS)), default="jsonl", show_default=True,
              help="jsonl: lossless, can be verified again; csv: for people; ocsf: for a SIEM.")  # fmt: skip
@click.pass_obj
def export(home: dict[str, Any], target: Path | None, first: int, form: str) -> None:
    """Every row, oldest first; as JSON Lines also every signed statement, so that anybody can verify it."""

    async def write(local: Local) -> int:
        return await local.store.export(
            lambda rows, signed: _written(FORMS[form](rows, signed, __version__), target), first
        )

    progress(f"{on_local(home, write, reads_only=True)} lines.")


def _written(lines: Iterable[str], target: Path | None) -> int:
    """How many lines went to the file, or to standard output; a file that does not become whole is taken away."""
    if target is None:
        with _writable("standard output"):
            return _count(lines, sys.stdout.buffer)
    with _writable(target):
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as there:
            raise is_there(target) from there
        try:
            with os.fdopen(descriptor, "wb") as file:
                return _count(lines, file)
        except BaseException:
            target.unlink()
            raise


def _count(lines: Iterable[str], out: IO[bytes]) -> int:
    """How many lines were written, as UTF-8 whatever a terminal takes: a client may have any name."""
    count = sum(1 for text in lines if out.write(text.encode()))
    out.flush()
    return count


@contextmanager
def _writable(place: object) -> Iterator[None]:
    """What cannot be written is told as that: the store, which is being read meanwhile, is not at fault."""
    try:
        yield
    except BrokenPipeError:
        raise click.exceptions.Exit(1) from None  # whoever reads has seen enough
    except OSError as problem:
        raise Refused(
            f"{place} cannot be written: {problem.strerror}.", "Name another file.", code="no_file"
        ) from problem


def export_line(entry: AuditEntry) -> str:
    """The row as one line of JSON in ASCII."""
    values = {item.name: getattr(entry, item.name) for item in fields(entry)}
    return json.dumps(values, ensure_ascii=True, separators=(",", ":"), default=_moment)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


audit.add_command(prune)
audit.add_command(rotate_key)


@audit.command()
@click.option("-n", "--lines", "count", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="For programs: JSON Lines with --follow.")
@click.pass_obj
def tail(home: dict[str, Any], count: int, *, follow: bool, as_json: bool) -> None:
    """The newest rows."""
    try:
        on_local(home, lambda local: _tail(local, count, follow, as_json), reads_only=not follow)
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
