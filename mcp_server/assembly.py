"""Builds a server out of its parts; the only file that knows every adapter.

Clock and Ids are given in from here: nothing else asks for the time or for randomness.
"""

import getpass
import secrets
import shlex
import site
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import anyio

from mcp_server.call_path import Parts, handle
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.search import Search
from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.changes.carry_out import Changes
from mcp_server.changes.means import Means, Times
from mcp_server.changes.planning.planner import Planner
from mcp_server.desk.doctor import DoctorDesk
from mcp_server.desk.estate import EstateDesk
from mcp_server.desk.ledger import LedgerDesk
from mcp_server.desk.lookups import PROMPTS, lookups
from mcp_server.desk.operations import CatalogueDesk
from mcp_server.domain.actor import Actor, Profile
from mcp_server.domain.call import Attempt, Json, ToolCall
from mcp_server.domain.outcome import ToolResult
from mcp_server.domain.ports import Clock, Ids, MerakiApi, RateBudget
from mcp_server.errors import StoreUnavailable
from mcp_server.gate.keys import Keyring
from mcp_server.gate.signatures import SignedApprovals
from mcp_server.hooks.pipeline import post_task, pre_change
from mcp_server.hooks.session import update
from mcp_server.inventory import Inventory
from mcp_server.logs import bound
from mcp_server.meraki.client import HttpLimits, MerakiClient
from mcp_server.meraki.retry import RetryWaits
from mcp_server.recording import Recorder
from mcp_server.registry import Registry
from mcp_server.settings import Settings, open_home
from mcp_server.store.rate import StoreBudget
from mcp_server.store.seal import Seal, open_key
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.store.vault import Vault
from mcp_server.toolkit import Desk
from mcp_server.transport.host import Host
from mcp_server.world import Limits, World

_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_SPOKEN: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


class SystemClock:
    """The port Clock on this machine."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await anyio.sleep(seconds)


class RandomIds:
    """The port Ids with the operating system's randomness."""

    def new(self, prefix: str) -> str:
        """``prefix-`` and 26 random letters and digits: 130 bits."""
        return f"{prefix}-{_text(_ALPHABET, 26)}"

    def stamped(self, prefix: str, at: datetime) -> str:
        """``PREFIX-YYYYMMDD-HHMMSS-`` and 4 random letters and digits."""
        return f"{prefix}-{at:%Y%m%d-%H%M%S}-{_text(_ALPHABET, 4)}"

    def code(self) -> str:
        """Four letters and digits without the ones that sound or look alike."""
        return _text(_SPOKEN, 4)


def _text(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    settings: Settings
    parts: Parts
    host: Host
    store: SqliteStore
    keyring: Keyring
    vault: Vault
    clock: Clock
    ids: Ids
    changes: Changes
    world: Callable[[], World]


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    channel: str = "stdio",
    sandbox: bool = False,
    budget: RateBudget | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    output_schemas: bool = False,
    learn: Callable[[str], None] = lambda _secret: None,
    answer_bytes: int = 10_000_000,
) -> AsyncIterator[Server]:
    """A server until the block ends; changes under way are finished first. ``budget`` replaces the shared one.

    ``learn`` is told each secret that is used, so that the log can hide it; ``answer_bytes`` bounds one answer.
    """
    clock, ids = clock or SystemClock(), ids or RandomIds()
    home = open_home(settings)
    store = SqliteStore.open(home, Seal(lambda: open_key(home, "data")), clock)
    budget = budget or StoreBudget(home, clock, settings.rate_per_s)
    client = _client(settings, clock, budget, sandbox=sandbox, answer_bytes=answer_bytes)
    vault = Vault(home, Seal(lambda: open_key(home, "vault")))
    keyring = Keyring(home)
    means = _means(settings, lambda: open_key(home, "digest"), vault, keyring, learn)
    world = _worlds(settings, client, store, clock, ids, limits=_limits(settings, channel, sandbox=sandbox))
    async with anyio.create_task_group() as tasks:
        changes = Changes(tasks, means)
        recorder = Recorder(store, strict=settings.strict_audit)
        parts = Parts(Registry.load(lookups()), recorder, changes, world, _desks(settings, store, means))
        host = _host(parts, settings, clock, ids, _state_key(home))
        host = replace(host, output_schemas=output_schemas)
        try:
            yield Server(settings, parts, host, store, keyring, vault, clock, ids, changes, world)
        finally:
            with anyio.CancelScope(shield=True):
                await changes.finish()
                await client.close()
                store.close()


def _state_key(home: Path) -> bytes:
    """The key that seals the state of open questions; one for this run only when the directory cannot keep it."""
    try:
        return open_key(home, "state")
    except StoreUnavailable:
        return secrets.token_bytes(32)


def _worlds(
    settings: Settings, api: MerakiApi, store: SqliteStore, clock: Clock, ids: Ids, *, limits: Limits
) -> Callable[[], World]:
    """Makes a world for each call: its reads are shared within the call and never kept longer.

    Catalogue and overlay are loaded by the first call: tools/list needs neither.
    """

    @cache
    def known() -> tuple[Catalogue, Overlay, Inventory]:
        catalogue = Catalogue.load()
        return catalogue, Overlay.load(catalogue), Inventory(api, catalogue, clock, allowed=settings.organizations)

    def world() -> World:
        catalogue, overlay, inventory = known()
        reads = SharedReads(api, catalogue, clock)
        return World(reads, catalogue, overlay, inventory, store, api, clock, ids, limits)

    return world


def _desks(settings: Settings, store: SqliteStore, means: Means) -> Callable[[Attempt, World], Desk]:
    """Makes the services that a tool works with during one call."""
    index: list[Search] = []

    def desk(attempt: Attempt, world: World) -> Desk:
        if not index:
            index.append(Search(world.catalogue))  # built when first used: it costs start-up time
        planner = Planner(world, means)
        operations = CatalogueDesk(world.catalogue, world.overlay, index[0])
        doctor = DoctorDesk(world, store, settings.health_weights)
        return Desk(attempt, operations, EstateDesk(world), planner, LedgerDesk(world, planner), doctor)

    return desk


def _client(settings: Settings, clock: Clock, budget: RateBudget, *, sandbox: bool, answer_bytes: int) -> MerakiClient:
    waits = RetryWaits(**settings.group("retry"))
    limits = HttpLimits(**settings.group("http"), body_bytes=answer_bytes)
    if not sandbox:
        return MerakiClient(
            settings.base_url,
            settings.api_key,
            budget=budget,
            clock=clock,
            waits=waits,
            limits=limits,
            allow_loopback=settings.allow_loopback,
            ca_file=settings.ca_file,
        )
    # imported here: the simulated cloud costs start-up time only when it is asked for
    from mcp_server.meraki.asgi import transport_to  # noqa: PLC0415
    from mcp_server.sandbox.app import create_app  # noqa: PLC0415

    app = create_app(api_key=SANDBOX_KEY, clock=clock.now)
    return MerakiClient(
        "https://api.meraki.com/api/v1",
        SANDBOX_KEY,
        budget=budget,
        clock=clock,
        waits=waits,
        limits=limits,
        transport=transport_to(app),
    )


SANDBOX_KEY: Final = "sandbox-key-0000000000000000000000000000"


def _limits(settings: Settings, channel: str, *, sandbox: bool) -> Limits:
    profile = settings.profile or ("solo" if channel in ("stdio", "cli") else "team")
    return Limits(
        read_only=settings.read_only,
        profile=Profile(profile),
        organizations=settings.organizations,
        families=settings.families,
        locale=settings.locale,
        has_key=sandbox or bool(settings.api_key),
    )


def _means(
    settings: Settings,
    digest_key: Callable[[], bytes],
    vault: Vault,
    keyring: Keyring,
    learn: Callable[[str], None],
) -> Means:
    def secret(name: str) -> str | None:
        found = settings.secrets.get(name) or vault.get(name)
        if found:
            learn(found)
        return found

    def generate(length: int) -> str:
        made = _text(_ALPHABET + _ALPHABET.upper(), max(8, min(int(length), 128)))
        learn(made)
        return made

    return Means(
        digest_key=digest_key,
        secret=secret,
        generate=generate,
        approvals=SignedApprovals(keyring),
        approve_command=lambda plan_id: approve_command(settings, plan_id),
        session_id=_session_id,
        context=pre_change,
        after=post_task,
        named=lambda change_id: bound(change_id=change_id),
        times=Times(
            apply_wait_s=settings.apply_wait_s,
            question_s=settings.question_s,
            lease_s=settings.lease_s,
            settle_s=settings.settle_s,
            settle_poll_s=settings.settle_poll_s,
            health_settle_s=settings.health_settle_s,
            health_poll_s=settings.health_poll_s,
            plan_hours=settings.plan_hours,
            approval_hours=settings.approval_hours,
        ),
    )


async def _session_id(world: World, actor: Actor) -> str:
    """The id of the caller's session, heard of just now."""
    session = await update(world, actor, lambda one: replace(one, last_seen_at=world.clock.now()))
    return session.key


def approve_command(settings: Settings, plan_id: str) -> str:
    """The command that approves a plan on this installation, its data directory included."""
    return command_line(settings, "approve", plan_id)


def command_line(settings: Settings, *words: str) -> str:
    """The command line that runs this installation with those words, from any directory, on the same data."""
    return shlex.join([*_entry_point(), "--home", str(settings.home), *words])


def _entry_point() -> list[str]:
    """How this program is started: its script; or its interpreter, told where the package lies when it must be."""
    program = Path(sys.argv[0])
    if program.stem == "meraki-specialist":
        return [str(program.absolute())]
    root = Path(__file__).resolve().parent.parent
    is_installed = str(root) in {*site.getsitepackages(), site.getusersitepackages()}
    return [*(() if is_installed else ("env", f"PYTHONPATH={root}")), sys.executable, "-m", "mcp_server"]


def _host(parts: Parts, settings: Settings, clock: Clock, ids: Ids, state_key: bytes) -> Host:
    def new_call(tool: str, arguments: Mapping[str, Json], actor: Actor) -> ToolCall:
        call_id = ids.new("call")
        return ToolCall(call_id, tool, arguments, actor, clock.now(), correlation_id=call_id)

    async def answer_call(call: ToolCall) -> ToolResult:
        with bound(correlation_id=call.correlation_id, call_id=call.call_id):
            return await handle(parts, call)

    return Host(
        handle=answer_call,
        refuse=lambda call: parts.recorder.refuse(call, parts.world()),
        listed=parts.registry.listed,
        new_call=new_call,
        owner=owner_of,
        prompts=PROMPTS,
        state_key=state_key,
        question_s=settings.question_s,
    )


def owner_of(channel: str) -> str:
    """Who owns the calls of a channel: the operating system's user on stdio; over HTTP nobody is known yet."""
    return getpass.getuser() if channel in ("stdio", "cli") else "anonymous"
