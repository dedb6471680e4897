"""Builds a server out of its parts; the only file that knows every adapter.

Clock and Ids are given in from here: nothing else asks for the time or for randomness.
"""

import contextlib
import shlex
import site
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import anyio
from anyio.abc import TaskGroup

from mcp_server.anchors.targets import anchors
from mcp_server.call_path import Parts, handle
from mcp_server.catalogue.operations import Catalogue
from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.refreshed.own import MergedCatalogue, OwnApi
from mcp_server.catalogue.shared_reads import SharedReads
from mcp_server.changes.carry_out import Changes
from mcp_server.changes.keeping.tend import Tender
from mcp_server.changes.means import Means, Times
from mcp_server.changes.recovery.duty import Recovery
from mcp_server.clock import ALPHABET, RandomIds, SystemClock, owner_of, random_text
from mcp_server.desk.doctor import Background
from mcp_server.desk.lookups import PROMPTS, lookups
from mcp_server.desk.services import Services
from mcp_server.domain.actor import Actor, Profile
from mcp_server.domain.call import ToolCall
from mcp_server.domain.holds.freeze import unfreeze_words
from mcp_server.domain.outcome import ToolResult
from mcp_server.domain.ports import Breakers, Clock, Ids, MerakiApi, RateBudget, Servers
from mcp_server.domain.recovery.safe_end import Policy
from mcp_server.domain.redaction import KnownSecrets
from mcp_server.errors import StoreUnavailable
from mcp_server.failpoints import arm, parse
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
from mcp_server.store.evidence.signing import SigningKey, seeds_in
from mcp_server.store.evidence.statements import EVERY_S
from mcp_server.store.evidence.witness import LOCAL, Witness
from mcp_server.store.limits.breakers import StoreBreakers
from mcp_server.store.limits.budget import StoreBudget
from mcp_server.store.limits.rate_file import RateFile
from mcp_server.store.own_apis import OwnApis
from mcp_server.store.seal import Seal, open_key, question_key
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.store.vault import Vault
from mcp_server.transport.host import Host
from mcp_server.upkeep import Duty, Upkeep
from mcp_server.upkeep.presence import Presence
from mcp_server.world import Limits, World


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
    client: MerakiClient
    world: Callable[[], World]
    upkeep: Upkeep
    shared: RateFile  #: where servers share each organization's limits
    breakers: StoreBreakers
    presence: Presence
    recovery: Recovery
    means: Means
    own_apis: OwnApis

    async def close(self) -> None:
        """Finish the changes under way, then close what is open."""
        await self.changes.finish()
        self.upkeep.stop()
        await self.client.close()
        self.shared.close()
        self.store.close()
        self.presence.close()


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    channel: str = "stdio",
    sandbox: bool = False,
    budget: RateBudget | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    learn: Callable[[str], None] = lambda _secret: None,
    answer_bytes: int = 10_000_000,
    overlay: Path | None = None,
) -> AsyncIterator[Server]:
    """A server until the block ends; changes under way are finished first. ``budget`` replaces the shared one.

    ``learn`` is told each secret that is used, so that the log can hide it; ``answer_bytes`` bounds one answer;
    ``overlay`` is a folder of overlay files to use instead of the shipped ones.
    """
    clock, ids = clock or SystemClock(), ids or RandomIds()
    async with anyio.create_task_group() as tasks:
        server = assembled(
            settings,
            tasks,
            channel=channel,
            sandbox=sandbox,
            budget=budget,
            clock=clock,
            ids=ids,
            learn=learn,
            answer_bytes=answer_bytes,
            overlay=overlay,
        )
        try:
            yield server
        finally:
            with anyio.CancelScope(shield=True):
                await server.close()


def assembled(
    settings: Settings,
    tasks: TaskGroup,
    *,
    channel: str,
    sandbox: bool,
    clock: Clock,
    ids: Ids,
    learn: Callable[[str], None],
    budget: RateBudget | None = None,
    answer_bytes: int = 10_000_000,
    overlay: Path | None = None,
) -> Server:
    """A server whose changes run in ``tasks``; whoever made it closes it."""
    arm(parse(settings.failpoint), settings.failpoint_trace)
    home = open_home(settings)
    store = open_store(settings, home, clock)
    shared = RateFile(home, clock)
    breakers = StoreBreakers(shared, clock)
    pace = Pace(budget or StoreBudget(shared, clock, settings.rate_per_s), breakers)
    client = _client(settings, clock, pace, sandbox=sandbox, answer_bytes=answer_bytes)
    vault = Vault(home, Seal(lambda: open_key(home, "vault")))
    keyring = Keyring(home)
    known = KnownSecrets(settings.secret_values, vault.values, learn)
    presence = Presence(home, ids.new("server"))
    means = _means(settings, lambda: open_key(home, "digest"), vault, keyring, known.learn, servers=presence)
    own_apis = OwnApis(home)
    limits = _limits(settings, channel, sandbox=sandbox)
    world = _worlds(settings, client, store, clock, ids, limits=limits, overlay=overlay, owns=own_apis)
    changes = Changes(tasks, means)
    recorder = Recorder(store, strict=settings.strict_audit, known=known)
    registry = Registry.load(lookups())
    recovery = Recovery(changes, means, world)
    tender = Tender(store, clock, world, means, changes)
    upkeep = Upkeep(_duties(settings, store, tender, recovery), store, clock, presence.name)
    services = _services(settings, store, means, breakers, lambda: Background(upkeep.troubles(), recovery.behind))
    parts = Parts(registry, recorder, changes, world, services.desk)
    host = _host(parts, settings, home, ids)
    with contextlib.suppress(StoreUnavailable):  # told by whoever needs it; reads are served all the same
        presence.enter()
    upkeep.start(tasks)
    return Server(
        settings,
        parts,
        host,
        store,
        keyring,
        vault,
        clock,
        ids,
        changes,
        client,
        world,
        upkeep,
        shared,
        breakers,
        presence,
        recovery,
        means,
        own_apis,
    )


def _host(parts: Parts, settings: Settings, home: Path, ids: Ids) -> Host:
    """What a transport needs of the server."""
    return Host(
        handle=lambda call: _answered(parts, call),
        refuse=lambda call: parts.recorder.refuse(call, parts.world()),
        listed=parts.registry.listed,
        ids=ids,
        owner=owner_of,
        prompts=PROMPTS,
        state_key=question_key(home),
        question_s=settings.question_s,
    )


def _duties(settings: Settings, store: SqliteStore, tender: Tender, recovery: Recovery) -> Sequence[Duty]:
    """What the server does by itself, and how often."""
    return (
        Duty("leases", settings.lease_s / 3, recovery.keep_leases),
        Duty("recovery", settings.recover_every_s, recovery.go_on),
        Duty("deadlines", settings.keep_look_s, tender.tend),
        Duty("sign the audit chain", EVERY_S, store.attest),
    )


def evidence_key(settings: Settings, home: Path) -> SigningKey:
    """The key that signs the chain of the data directory; looked for when it is first needed."""
    return SigningKey(seeds_in(home, settings.evidence_key))


def open_store(
    settings: Settings,
    home: Path,
    clock: Clock,
    *,
    keys_of: Path | None = None,
    is_checked: bool = True,
    key: SigningKey | None = None,
) -> SqliteStore:
    """The store of the data directory, with whoever signs and anchors its chain.

    ``keys_of`` is the data directory whose keys it was made with, when it is another; ``is_checked``: whether a store
    that is older than its anchors is refused, as it should be but while one is put back; ``key`` signs instead of the
    one that is found.
    """
    owner = keys_of or home
    beside = owner / LOCAL
    places = anchors(settings.anchors, beside, allow_loopback=settings.allow_loopback)
    key = key or evidence_key(settings, owner)
    seal = Seal(lambda: open_key(owner, "data"))
    witness = Witness(key, clock, places, beside if is_checked else None)
    reserve = settings.disk_reserve_mb * 1_000_000
    return SqliteStore.open(home, seal, clock, wait_s=settings.store_wait_s, witness=witness, reserve_bytes=reserve)


async def _answered(parts: Parts, call: ToolCall) -> ToolResult:
    with bound(correlation_id=call.correlation_id, call_id=call.call_id):
        return await handle(parts, call)


def _worlds(
    settings: Settings,
    api: MerakiApi,
    store: SqliteStore,
    clock: Clock,
    ids: Ids,
    *,
    limits: Limits,
    overlay: Path | None,
    owns: OwnApis,
) -> Callable[[], World]:
    """Makes a world for each call: its reads are shared within the call and never kept longer.

    Catalogue and overlay are loaded by the first call: tools/list needs neither.
    """

    @cache
    def shipped() -> tuple[Catalogue, Inventory]:
        catalogue = Catalogue.load()
        return catalogue, Inventory(api, catalogue, clock, allowed=settings.organizations)

    made: list[tuple[tuple[OwnApi, ...], Catalogue, Overlay]] = []

    def known(of: tuple[OwnApi, ...]) -> tuple[Catalogue, Overlay]:
        if not made or made[0][0] is not of:
            catalogue = MergedCatalogue(shipped()[0], of) if of else shipped()[0]
            made[:] = [(of, catalogue, Overlay.load(catalogue, overlay))]
        return made[0][1:]

    def world() -> World:
        inventory = shipped()[1]
        catalogue, rows = known(owns.all())
        reads = SharedReads(api, catalogue, clock)
        return World(reads, catalogue, rows, inventory, store, api, clock, ids, limits)

    return world


def _services(
    settings: Settings, store: SqliteStore, means: Means, breakers: StoreBreakers, background: Callable[[], Background]
) -> Services:
    """What tools work with."""
    return Services(store, settings.health_weights, means, breakers, background)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the cloud is asked, and whether at all."""

    budget: RateBudget
    breakers: Breakers


def _client(settings: Settings, clock: Clock, pace: Pace, *, sandbox: bool, answer_bytes: int) -> MerakiClient:
    waits = RetryWaits(**settings.group("retry"))
    limits = HttpLimits(**settings.group("http"), body_bytes=answer_bytes)
    if not sandbox:
        return MerakiClient(
            settings.base_url,
            settings.api_key,
            budget=pace.budget,
            breakers=pace.breakers,
            clock=clock,
            waits=waits,
            limits=limits,
            allow_loopback=settings.allow_loopback,
            ca_file=settings.ca_file,
        )
    # imported here: the simulated cloud costs start-up time only when it is asked for
    from mcp_server.meraki.asgi import connections_to  # noqa: PLC0415
    from mcp_server.sandbox.app import create_app  # noqa: PLC0415

    app = create_app(api_key=SANDBOX_KEY, clock=clock.now)
    return MerakiClient(
        "https://api.meraki.com/api/v1",
        SANDBOX_KEY,
        budget=pace.budget,
        breakers=pace.breakers,
        clock=clock,
        waits=waits,
        limits=limits,
        connections=connections_to(app),
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
    *,
    servers: Servers,
) -> Means:
    def secret(name: str) -> str | None:
        found = settings.secrets.get(name) or vault.get(name)
        if found:
            learn(found)
        return found

    def generate(length: int, name: str) -> str:
        made = random_text(ALPHABET + ALPHABET.upper(), max(8, min(int(length), 128)))
        learn(made)
        vault.set(name, made)  # before it is sent: a secret that nobody could look up would lock people out
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
        servers=servers,
        policy=Policy(settings.recovery),
        command=lambda *words: command_line(settings, *words),
        audit_command=lambda audit_id: command_line(settings, "audit-respond", audit_id),
        unfreeze_command=lambda organization_id: command_line(settings, *unfreeze_words(organization_id)),
        named=lambda change_id: bound(change_id=change_id),
        times=Times(
            apply_wait_s=settings.apply_wait_s,
            question_s=settings.question_s,
            lease_s=settings.lease_s,
            settle_s=settings.settle_s,
            late_s=settings.late_s,
            settle_poll_s=settings.settle_poll_s,
            health_settle_s=settings.health_settle_s,
            health_poll_s=settings.health_poll_s,
            keep_sample_s=settings.keep_sample_s,
            plan_hours=settings.plan_hours,
            approval_hours=settings.approval_hours,
            recover_minutes=settings.recover_minutes,
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
