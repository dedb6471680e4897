"""meraki-specialist catalogue: which operations this version knows, and how an organization's own API differs."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import anyio
import click

from mcp_server.catalogue.builder.openapi import Difference
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.refreshed.own import OwnApi, own_api
from mcp_server.catalogue.search import Search
from mcp_server.cli.views.printing import line, lines, progress, row, shown, table
from mcp_server.desk.operations import CatalogueDesk
from mcp_server.domain.call import Json
from mcp_server.domain.redaction import clean
from mcp_server.errors import BadAnswer, MerakiMcpError, Refused
from mcp_server.settings import Settings, load

_SPEC_BYTES: Final = 60_000_000
_SHOWN: Final = 40
_KEPT: Final = (
    "Kept: search, schema, validation and plans follow it for this organization from now on. A new write is critical"
    " until its inverse is proven."
)


@click.group()
def catalogue() -> None:
    """The operations of the Dashboard API that this version knows."""


@catalogue.command("info")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def about(*, as_json: bool) -> None:
    """Version and counts."""
    found = _about(Catalogue.load())

    def draw(out: Any) -> None:
        out.print(line(f"Dashboard API {found['api_version']}: {found['operations']} operations, "
                       f"{found['writes']} of them write.", "bold"))  # fmt: skip
        lines(out, [f"  {word}: {count}" for word, count in found["methods"].items()])
        lines(out, [f"undo {word}: {count}" for word, count in found["undo"].items()])
        lines(out, [f"  {word}: {count}" for word, count in found["families"].items()])

    shown(found, is_json=as_json, draw=draw)


def _about(known: Catalogue) -> dict[str, Json]:
    overlay = Overlay.load(known)
    operations = [known.find(name) for name in known.ids()]
    writes = known.writes()
    return {
        "api_version": known.version,
        "operations": len(operations),
        "writes": len(writes),
        "methods": dict(sorted(Counter(one.method for one in operations).items())),
        "undo": dict(sorted(Counter(overlay.row(name).undo for name in writes).items())),
        "families": dict(sorted(Counter(one.family for one in operations).items())),
    }


@catalogue.command()
@click.argument("words", nargs=-1)
@click.option("--operation", help="The whole schema of one operation instead.")
@click.option("--limit", type=click.IntRange(1, 50), default=8, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def search(words: tuple[str, ...], *, operation: str | None, limit: int, as_json: bool) -> None:
    """Operations by words in English or Portuguese, as the tool meraki_search finds them."""
    if bool(words) == (operation is not None):
        raise click.UsageError("Give words or --operation ID.")
    known = Catalogue.load()
    desk = CatalogueDesk(known, Overlay.load(known), Search(known))
    if operation is not None:
        described = dict(desk.describe(operation))
        # a schema holds names and types, no secret: the field named psk stays readable
        click.echo(json.dumps(described, ensure_ascii=True, indent=2))
        return
    found = desk.search(" ".join(words), limit)
    shown({"operations": [dict(one) for one in found]}, is_json=as_json, draw=lambda out: _draw_found(out, found))


def _draw_found(out: Any, found: Any) -> None:
    if not found:
        out.print(line("No operation fits these words."))
        return
    made = table("operation", "", "path", "risk", "undo")
    for one in found:
        made.add_row(*row(one["id"], one["method"], one["path"], one.get("risk"), one.get("undo")))
    out.print(made)


@catalogue.command()
@click.option("--strict", is_flag=True, help="Exit 1 when there is one.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def check(*, strict: bool, as_json: bool) -> None:
    """The writes whose undo class rests on a guess: the schema alone, tried neither in the sandbox nor in a lab."""
    known = Catalogue.load()
    overlay = Overlay.load(known)
    overlay.check()
    found = guesses(known, overlay)

    def draw(out: Any) -> None:
        out.print(line(f"{len(found)} of {len(known.writes())} writes rest on a guess.", "bold"))
        made = table("operation", "undo", "evidence", "row", "why")
        for one in found:
            made.add_row(*row(one["operation"], one["undo"], one["evidence"], one["row"], one["why"]))
        out.print(made)

    shown({"writes": len(known.writes()), "guesses": found}, is_json=as_json, draw=draw)
    if strict and found:
        raise SystemExit(1)


def guesses(known: Catalogue, overlay: Overlay) -> list[dict[str, Json]]:
    """A row for each write whose class nobody has tried, by operation id; what is never undone promises nothing."""
    found: list[dict[str, Json]] = []
    for name in sorted(known.writes()):
        one = overlay.row(name)
        if one.carrier or (one.proven and (one.evidence != "schema" or one.undo == "none")):
            continue
        why = "computed from the schema; critical until proven" if not one.proven else "stated, and not tried"
        told = "overlay" if one.proven else "none"
        found.append({"operation": name, "undo": one.undo, "evidence": one.evidence, "row": told, "why": why})
    return found


@catalogue.command()
def build() -> None:
    """Where the shipped catalogue is made (development only)."""
    script = Path(__file__).resolve().parents[2] / "scripts" / "build"
    if not script.is_file():
        raise Refused(
            "The catalogue is built in a checkout of the source, not in an installation.",
            "To see what is new in an organization's API: catalogue refresh --organization ID.",
            code="not_a_checkout",
        )
    click.echo(f"Development only. Run: {script} catalogue")


@catalogue.command()
@click.option("--organization", "organization_id", required=True, help="Id of the organization whose API to look at.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def refresh(home: dict[str, Any], organization_id: str, *, as_json: bool) -> None:
    """Read the organization's own OpenAPI document: what is new, gone or changed; used for it from then on."""
    settings = load(overrides=home)
    if settings.organizations and organization_id not in settings.organizations:
        raise Refused("That organization is not on the list of this server.", "Name another.", code="scope")
    if not settings.api_key:
        raise Refused("No API key is set.", "Set MERAKI_DASHBOARD_API_KEY.", code="no_key")
    progress("Reading the organization's OpenAPI document ...")
    found = anyio.run(_refreshed, settings, organization_id)
    if isinstance(found, MerakiMcpError):
        raise found
    own, difference = found
    early = {name: row["s"] for name, row in own.rows.items() if "s" in row}
    view = {**_difference(difference), "early_access": early, "fetched_at": own.fetched_at.isoformat(), "note": _KEPT}
    shown(view, is_json=as_json, draw=lambda out: _draw_difference(out, view))


async def _refreshed(settings: Settings, organization_id: str) -> tuple[OwnApi, Difference] | MerakiMcpError:
    """What was kept, and the difference; an error comes back as a value, for a task group would wrap it."""
    # imported here: info and search need no server
    from mcp_server.assembly import running  # noqa: PLC0415
    from mcp_server.cli.local import log_to_stderr, told_by  # noqa: PLC0415

    log_to_stderr(settings)
    async with running(settings, channel="cli", answer_bytes=_SPEC_BYTES) as server:
        world, status = server.world(), "failed"
        try:
            asked = {"organizationId": organization_id, "version": 3}
            reply = await world.reads.read("getOrganizationOpenapiSpec", asked)
            found = own_api(Catalogue.load(), organization_id, reply.data, server.clock.now())
            server.own_apis.keep(found[0])
            status = "ok"
        except ValueError as odd:
            return BadAnswer(f"the document cannot be compared: {clean(odd)}", sent=True)
        except MerakiMcpError as error:
            return error
        finally:
            detail = {"organization": clean(organization_id, 40)}
            await server.store.commit(told_by(server.clock, "catalogue_refresh", status, detail=detail))
    return found


def _difference(found: Difference) -> dict[str, Json]:
    return {
        "shipped": found.shipped,
        "document": found.document,
        "added": [{"id": one, "request": place} for one, place in found.added.items()],
        "removed": list(found.removed),
        "changed": [{"id": one, "what": list(what)} for one, what in found.changed.items()],
    }


def _draw_difference(out: Any, view: Mapping[str, Json]) -> None:
    out.print(line(f"Shipped: Dashboard API {view['shipped']}; the organization's: {view['document']}.", "bold"))
    texts: dict[str, list[str]] = {
        "added": [f"+ {one['id']}  {one['request']}" for one in view["added"]],
        "removed": [f"- {one}" for one in view["removed"]],
        "changed": [f"~ {one['id']}: {'; '.join(one['what'])}" for one in view["changed"]],
    }
    colours = {"added": "green", "removed": "red", "changed": "yellow"}
    for name, found in texts.items():
        out.print(line(f"{len(found)} {name}"))
        lines(out, found[:_SHOWN], colours[name])
        if len(found) > _SHOWN:
            out.print(line(f"  and {len(found) - _SHOWN} more (--json shows all)"))
    out.print(line(view["note"]))
