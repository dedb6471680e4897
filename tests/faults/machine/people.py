"""What people do in a terminal beside the servers: sign a plan, pull the kill switch, lift it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from mcp_server.assembly import Server
from mcp_server.cli.approve import _open_plan, _sign
from mcp_server.cli.gate.freeze import _freeze
from mcp_server.cli.local import Local, opened
from mcp_server.domain.actor import Role
from mcp_server.domain.holds.freeze import freeze_key
from mcp_server.domain.ports import Put
from mcp_server.domain.record import Freeze
from mcp_server.gate.keys import Keyring, Signer
from mcp_server.gate.signatures import signed
from tests.faults.machine.clock import SharedClock
from tests.support.approving import _QUICK_SCRYPT_N, APPROVER, PASSPHRASE


@asynccontextmanager
async def _terminal(server: Server, clock: SharedClock) -> AsyncIterator[tuple[Local, Signer]]:
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
