"""meraki-specialist doctor: is everything here that the server needs, and if not, what to do."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import anyio
import click

from mcp_server import __version__
from mcp_server.assembly import Server, running
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.refreshed.own import OwnApi
from mcp_server.cli.local import log_to_stderr
from mcp_server.cli.views.printing import line, progress, shown
from mcp_server.domain.actor import Actor, Role
from mcp_server.domain.call import Json
from mcp_server.domain.holds.freeze import sentence, those_on
from mcp_server.domain.record import AuditEntry, Freeze
from mcp_server.domain.redaction import clean
from mcp_server.errors import MerakiMcpError, SettingsError
from mcp_server.gate.keys import Enrolled
from mcp_server.gate.signatures import SignedApprovals
from mcp_server.settings import SETTINGS, Settings, load, open_home, origins

_BUILT: Final = datetime(2026, 1, 1, tzinfo=UTC)  #: no clock that is right shows an earlier time
_WAY_OUT: Final = (
    "The log says why. No HTTP proxy is asked; where the way out inspects TLS, name its certificates in "
    "MERAKI_SPECIALIST_CA_FILE."
)
_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}
_LITTLE_ROOM_BYTES: Final = 200_000_000
_DUTIES_READ: Final = 500  #: the newest rows of evidence about background duties


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, ok, warn or fail, and what was found."""

    what: str
    level: str
    found: str


@click.command()
@click.option("--offline", is_flag=True, help="Do not ask the cloud whether it accepts the key.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_context
def doctor(ctx: click.Context, *, offline: bool, as_json: bool) -> None:
    """Check settings, key, data directory, store, catalogue, clock and approve keys."""
    checks = _checks(ctx.obj, offline=offline)
    failed = any(check.level == "fail" for check in checks)
    view = {"ok": not failed, "checks": [{"what": c.what, "level": c.level, "found": c.found} for c in checks]}

    def draw(out: Any) -> None:
        for check in checks:
            text = line(f"{check.level:4} ", _COLOURS[check.level])
            out.print(text.append_text(line(f"{check.what}: {check.found}")))

    shown(view, is_json=as_json, draw=draw)
    ctx.exit(1 if failed else 0)


def _checks(given: Mapping[str, Any], *, offline: bool) -> list[Check]:
    """All lines; those that need what an earlier one found missing are left out."""
    checks = [Check("version", "ok", __version__), catalogue_check()]
    try:
        settings = load(overrides=dict(given))
    except SettingsError as wrong:
        return [*checks, Check("settings", "fail", str(wrong))]
    checks += setting_checks(settings, origins(overrides=dict(given)))
    try:
        home = open_home(settings)
    except SettingsError as wrong:
        return [*checks, Check("data directory", "fail", str(wrong))]
    checks.append(Check("data directory", "ok", f"{home}, mode {home.stat().st_mode & 0o777:04o}"))
    checks.append(room_check(shutil.disk_usage(home).free))
    return [*checks, *anyio.run(_on_server, settings, offline)]


async def _on_server(settings: Settings, offline: bool) -> list[Check]:
    """What only an opened store, keyring and client can tell."""
    hasty = replace(
        settings, retry_rate_tries=2, retry_server_tries=1, retry_timeout_tries=1, retry_connection_tries=1,
        http_total_s=min(settings.http_total_s, 15.0),
    )  # fmt: skip
    log_to_stderr(settings, quiet=offline)  # why the cloud was not reached is told there
    try:
        async with running(hasty, channel="cli") as server:
            checks = store_checks(await server.store.status())
            checks.append(limits_check(await server.breakers.list_open(), server.shared.problem))
            checks.append(await _frozen(server))
            checks += own_catalogue_checks(server.own_apis.all(), server.own_apis.damaged(), server.clock.now())
            newest = await _newest(server)
            checks.append(clock_check(server.clock.now(), newest))
            checks.append(await _duties(server))
            checks.append(await _keys(server))
            checks.append(await _api_key(server, settings, offline=offline))
            return checks
    except MerakiMcpError as error:
        return [Check("server", "fail", clean(error, 300))]


async def _newest(server: Server) -> datetime | None:
    """The time of the newest audit row, when there is one that can be read."""
    try:
        rows = await server.store.list(AuditEntry, {}, limit=1)
    except MerakiMcpError:
        return None
    return rows[0].at if rows else None


async def _frozen(server: Server) -> Check:
    """Whether a kill switch is on."""
    try:
        standing = await server.store.list(Freeze, {}, limit=200)
    except MerakiMcpError as error:
        return Check("kill switch", "fail", clean(error, 300))
    return freeze_check(those_on(standing, SignedApprovals(server.keyring).is_genuine))


def freeze_check(on: Sequence[Freeze]) -> Check:
    """The kill switches that are on, or that none is."""
    told = " ".join(sentence(freeze) for freeze in on)
    return Check("kill switch", "warn", told) if on else Check("kill switch", "ok", "off")


async def _duties(server: Server) -> Check:
    """What the servers that live now have put on record of their background duties."""
    try:
        rows = await server.store.list(AuditEntry, {"event": "duty"}, limit=_DUTIES_READ)
    except MerakiMcpError as error:
        return Check("background duties", "fail", clean(error, 300))
    return duties_check(rows, server.presence.is_alive)


def duties_check(rows: Sequence[AuditEntry], is_alive: Callable[[str], bool]) -> Check:
    """The duties of living servers whose newest row (``rows`` are newest first) says that they fail."""
    newest: dict[tuple[str, str], AuditEntry] = {}
    for row in rows:
        newest.setdefault((str(row.detail.get("server", "")), str(row.detail.get("duty"))), row)
    bad = [f"{duty} has failed since {row.at.isoformat(timespec='seconds')} ({row.detail.get('error')})"
           for (name, duty), row in newest.items() if row.status == "failed" and is_alive(name)]  # fmt: skip
    if not bad:
        return Check("background duties", "ok", "none fails on a server that runs")
    return Check("background duties", "warn", clean("; ".join(bad), 400) + "; health_check of that server says more")


async def _keys(server: Server) -> Check:
    try:
        return keys_check(server.keyring.enrolled())
    except MerakiMcpError as error:
        return Check("approve keys", "fail", clean(error, 300))


async def _api_key(server: Server, settings: Settings, *, offline: bool) -> Check:
    """Whether the cloud accepts the key: a read of the organizations on the server's own path, recorded like any."""
    if not settings.api_key:
        return Check("API key", "warn", "none: only serve --sandbox works; set MERAKI_DASHBOARD_API_KEY")
    if offline:
        return Check("API key", "ok", "present, not tried")
    progress(f"Asking {settings.base_url} ...")
    actor = Actor(server.host.owner("cli"), "cli", client="command line")
    arguments = {"operation": "getOrganizations", "params": {}, "fields": ["id"], "max_tokens": 50_000}
    result = await server.host.handle(server.host.new_call("meraki_read", arguments, actor))
    return accepted_check(result.payload)


def accepted_check(payload: Mapping[str, Json]) -> Check:
    """What the cloud said to the key."""
    if payload["status"] != "ok":
        error = payload.get("error") or {}
        remedy = _WAY_OUT if error.get("code") == "unreachable" else error.get("remedy", "")
        return Check("API key", "fail", f"{error.get('message', payload['summary'])} {remedy}".strip())
    return Check("API key", "ok", f"accepted; sees {len(payload['data'])} organization(s)")


def catalogue_check() -> Check:
    """The shipped catalogue's version and size."""
    try:
        known = Catalogue.load()
    except (OSError, ValueError) as problem:
        return Check("catalogue", "fail", f"cannot be read: {clean(problem, 200)}")
    return Check("catalogue", "ok", f"Dashboard API {known.version}, {len(known.ids())} operations")


def own_catalogue_checks(found: Sequence[OwnApi], damaged: Sequence[str], now: datetime) -> list[Check]:
    """How old what was read of the organizations' own APIs is; nothing when none was read."""
    checks = [Check("own catalogue", "warn", f"{clean(name, 80)} cannot be read: catalogue refresh again")
              for name in damaged]  # fmt: skip
    for own in found:
        age = f"{clean(own.organization_id, 40)}: Dashboard API {own.version}, {(now - own.fetched_at).days} days old"
        again = f": catalogue refresh --organization {clean(own.organization_id, 40)}" if own.is_stale(now) else ""
        checks.append(Check("own catalogue", "warn" if own.is_stale(now) else "ok", age + again))
    return checks


def setting_checks(settings: Settings, found: Mapping[str, str]) -> list[Check]:
    """Each setting that is not left at its default and where it comes from; secrets by their length only."""
    checks = []
    for setting in SETTINGS:
        if found.get(setting.name, "default") != "default":
            value = getattr(settings, setting.name)
            text = _masked(value) if setting.is_secret else clean(value, 200)
            checks.append(Check(f"setting {setting.name}", "ok", f"{text} (from {found[setting.name]})"))
    count = len(SETTINGS) - len(checks)
    locale = Check("locale", "ok", settings.locale)
    return [*checks, Check("settings", "ok", f"{count} at their default"), locale]


def _masked(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{clean(name, 64)} ({len(secret)} characters)" for name, secret in value.items())
    return f"{len(value)} characters"


def room_check(free: int) -> Check:
    """Whether the disk has room for records; without it no change is made."""
    level = "warn" if free < _LITTLE_ROOM_BYTES else "ok"
    return Check("disk", level, f"{free // 1_000_000} MB free")


def store_checks(status: Mapping[str, Json]) -> list[Check]:
    """The store, and the hazard of an old SQLite."""
    if status["writable"]:
        rows = status["rows"]
        level = "warn" if status.get("refuses") else "ok"
        text = f"no change is begun: {status['refuses']}; " if status.get("refuses") else ""
        first = Check(
            "store", level, f"{text}writable; {rows.get('audit', 0)} audit rows, {rows.get('changes', 0)} changes"
        )
    else:
        first = Check("store", "fail", f"changes are refused: {clean(status['problem'], 300)}")
    told = [first, *anchor_checks(status.get("anchors", ()))]
    version = status["sqlite"]
    if status["wal_hazard"]:
        why = f"{version} is older than 3.51.3, which mends the WAL-reset bug; a file lock keeps our own programs apart"
        return [*told, Check("SQLite", "warn", f"{why}: open store.db with no other program")]
    return [*told, Check("SQLite", "ok", str(version))]


def limits_check(left_alone: Mapping[str, datetime], problem: str) -> Check:
    """Whether the organizations' limits are shared with other servers, and which organizations are left alone."""
    if problem:
        return Check("request limits", "warn", clean(problem, 300))
    if not left_alone:
        return Check("request limits", "ok", "shared; every circuit breaker is closed")
    told = ", ".join(f"{clean(name, 40)} until {at.isoformat(timespec='seconds')}" for name, at in left_alone.items())
    return Check("request limits", "warn", f"circuit breaker open, no changes: organization {told}")


def anchor_checks(anchors: Sequence[Mapping[str, Json]]) -> list[Check]:
    """A line an anchor that failed, and one for those that hold."""
    failed = [one for one in anchors if one["problem"] and one["seq"] + len(one["at"])]
    found = [Check("anchor", "warn", f"{one['name']}: {clean(one['problem'], 200)}") for one in failed]
    held = [f"{one['name']} holds row {one['seq']}" for one in anchors if not one["problem"]]
    if held:
        only = "; all on this machine: set MERAKI_SPECIALIST_ANCHORS to keep one elsewhere" if len(anchors) == 1 else ""
        found.append(Check("anchors", "ok", clean("; ".join(held), 300) + only))
    return found


def clock_check(now: datetime, newest: datetime | None) -> Check:
    """Whether this machine's time can be right: expiry of plans and approvals rests on it."""
    text = now.astimezone(UTC).isoformat(timespec="seconds")
    if now < _BUILT:
        return Check("clock", "fail", f"{text} is before this version was made")
    if newest is not None and newest > now:
        return Check("clock", "fail", f"{text} is before the newest audit row ({newest.isoformat(timespec='seconds')})")
    return Check("clock", "ok", text)


def keys_check(enrolled: Enrolled) -> Check:
    """Whether somebody can approve; enrolments that do not hold."""
    if enrolled.problems:
        return Check("approve keys", "fail", clean("; ".join(enrolled.problems), 400))
    roles: Sequence[Role] = [key.role for key in enrolled.keys]
    approvers, auditors = roles.count(Role.APPROVER), roles.count(Role.AUDITOR)
    if not approvers:
        remedy = "meraki-specialist key enroll --role approver --owner NAME"
        return Check("approve keys", "warn", f"none: plans of high risk cannot be approved; run: {remedy}")
    return Check("approve keys", "ok", f"{approvers} approver, {auditors} auditor")
