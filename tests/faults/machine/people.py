"""What people do in a terminal beside the servers: sign, judge, resolve, pull the kill switch, lift it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, cast

from mcp_server.assembly import Server, running
from mcp_server.changes.recovery.resolve import Said
from mcp_server.cli.approve import _judge, _open_audit, _open_plan, _sign
from mcp_server.cli.gate.freeze import _freeze
from mcp_server.cli.gate.resolve import _decided
from mcp_server.cli.local import Local, Terminal, opened
from mcp_server.domain.actor import Role
from mcp_server.domain.holds.freeze import freeze_key
from mcp_server.domain.ports import Clock, Put
from mcp_server.domain.record import Change, Freeze, StoredPlan
from mcp_server.errors import Refused
from mcp_server.failpoints import arm, parse
from mcp_server.gate.keys import Keyring, Signer
from mcp_server.gate.signatures import signed
from tests.faults.machine.clock import SharedClock
from tests.support.approving import _QUICK_SCRYPT_N, APPROVER, PASSPHRASE
from tests.support.stage import FreeBudget

AUDITOR: Final = "otto"


@asynccontextmanager
async def _terminal(server: Server, clock: Clock) -> AsyncIterator[tuple[Local, Signer]]:
    """The data directory as a command opens it, and the approver's key, enrolled when there is none yet."""
    async with opened({"home": server.settings.home, "profile": "solo"}) as found:
        local = replace(found, clock=clock)
        ring = Keyring(local.settings.home, scrypt_n=_QUICK_SCRYPT_N)
        if ring.find(APPROVER) is None:
            ring.enroll(Role.APPROVER, APPROVER, PASSPHRASE, now=local.clock.now(), ids=local.ids)
        yield local, ring.unlock(APPROVER, PASSPHRASE)


async def sign(server: Server, clock: SharedClock, plan_id: str) -> None:
    """The signed approval of a plan, or of keeping what it changed."""
    async with _terminal(server, clock) as (local, signer):
        await _sign(local, await _open_plan(local, plan_id), signer)


async def judge(server: Server, clock: SharedClock, audit_id: str, said: str) -> None:
    """An auditor's signed verdict, approve or reject."""
    async with _terminal(server, clock) as (local, _):
        ring = Keyring(local.settings.home, scrypt_n=_QUICK_SCRYPT_N)
        if ring.find(AUDITOR) is None:
            signer = (APPROVER, PASSPHRASE)
            ring.enroll(Role.AUDITOR, AUDITOR, PASSPHRASE, signed_by=signer, now=local.clock.now(), ids=local.ids)
        audit, stored = await _open_audit(local, audit_id)
        await _judge(local, audit, stored, ring.unlock(AUDITOR, PASSPHRASE), (said, "tried by a harness"))


class _Typed:
    """A terminal at which the approver types what is asked for: a passphrase where nothing is shown, else the code."""

    def __init__(self, code: str) -> None:
        self._code = code

    def say(self, text: str) -> None:
        """What is shown is read by nobody."""

    def ask(self, _text: str, *, hidden: bool = False) -> str:
        """What is typed."""
        return PASSPHRASE if hidden else self._code


async def resolve(server: Server, clock: Clock, change_id: str, said: str, armed: str) -> str:
    """What the command says of a change in doubt of which a person says that; a process of its own, as it were."""
    async with _terminal(server, clock) as (local, _):
        change = await local.store.get(Change, change_id)
        stored = await local.store.get(StoredPlan, change.plan_id) if change else None
        typed = cast("Terminal", _Typed(stored.plan.code if stored else ""))
        async with running(server.settings, channel="cli", clock=clock, budget=FreeBudget()) as own:
            own.upkeep.stop()
            arm(parse(armed), None)
            try:
                return await _decided(own, local, typed, (change_id, cast("Said", said), APPROVER))
            except Refused as refused:
                return refused.reason


async def freeze(server: Server, clock: SharedClock) -> None:
    """The kill switch of every organization is on."""
    async with _terminal(server, clock) as (local, _):
        await _freeze(local, "", "tried by a harness")


async def unfreeze(server: Server, clock: SharedClock) -> None:
    """It is lifted by an approver."""
    async with _terminal(server, clock) as (local, signer):
        standing = await local.store.get(Freeze, freeze_key(""))
        if standing is not None and standing.lifted_at is None:
            lifted = signed(replace(standing, lifted_at=local.clock.now(), lifted_by=signer.owner), signer)
            expected = {"frozen_at": standing.frozen_at, "signature": standing.signature}
            await local.store.commit(Put(lifted, expected), local.entry("freeze", "lifted"))
