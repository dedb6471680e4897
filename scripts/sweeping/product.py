"""The product as its callers have it: tool calls, and a person who signs plans outside the client."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from mcp_server.assembly import Server, running
from mcp_server.cli.approve import _open_plan, _sign
from mcp_server.cli.local import Local, opened
from mcp_server.domain.actor import Actor, Role
from mcp_server.domain.ports import RateBudget
from mcp_server.gate.keys import Keyring, Signer
from mcp_server.settings import Settings, load
from tests.support.approving import APPROVER, PASSPHRASE
from tests.support.stage import QUICK

Payload = Mapping[str, Any]
FAMILIES: Final = frozenset({"admins", "saml", "api_keys", "sm_wipe_lock", "licenses"})
_QUICKER: Final = {"health_settle_s": 0.0, "health_poll_s": 0.01, "settle_s": 0.2, "late_s": 0.0, "settle_poll_s": 0.01}
_ASKED: Final = re.compile(r"The secret '(UNDO_\w+)' is not set")
_MOST_SECRETS: Final = 8
_QUICK_SCRYPT_N: Final = 2**10
_PLANNER: Final = Actor("sweep", "stdio", "scripts/sweep")


class Product:
    """A running server and the approver beside it."""

    def __init__(self, server: Server, local: Local, signer: Signer) -> None:
        """``local`` is the approver's side of the same data directory."""
        self.server = server
        self._local = local
        self._signer = signer

    async def call(self, tool: str, **arguments: Any) -> Payload:
        """The payload of a tool call."""
        host = self.server.host
        return (await host.handle(host.new_call(tool, arguments, _PLANNER))).payload

    async def confirmed(self, tool: str, **arguments: Any) -> Payload:
        """The end of a change: when it needs approval, a person signs it as at the terminal, and it is called again."""
        answer = await self.call(tool, **arguments)
        if answer["status"] != "needs_approval":
            return answer
        await _sign(self._local, await _open_plan(self._local, answer["plan_id"]), self._signer)
        return await self.call(tool, **arguments)

    async def taken_back(self, change_id: str) -> Payload:
        """The end of a rollback; a secret that it asks for is set as a person sets it, and it is called again."""
        for _ in range(_MOST_SECRETS):
            back = await self.confirmed("rollback", change_id=change_id)
            asked = _ASKED.search(str((back.get("error") or {}).get("message", "")))
            if asked is None:
                break
            self._local.vault.set(asked.group(1), "a-long-Secret1")
        return back


def settings_of(home: Path, base_url: str, key: str) -> Settings:
    """Settings in front of a cloud on loopback that answers at once, every family on."""
    given = {"home": home, "base_url": base_url, "api_key": key, "allow_loopback": True, "profile": "solo"}
    return load({}, overrides={**QUICK, **_QUICKER, "families": FAMILIES, **given})


@asynccontextmanager
async def product(
    settings: Settings, *, budget: RateBudget | None = None, overlay: Path | None = None
) -> AsyncIterator[Product]:
    """The product under those settings, an approver enrolled."""
    home = settings.home
    home.mkdir(mode=0o700, exist_ok=True)
    async with (
        running(settings, budget=budget, overlay=overlay) as server,
        opened({"home": home, "profile": "solo"}) as local,
    ):
        ring = Keyring(home, scrypt_n=_QUICK_SCRYPT_N)
        ring.enroll(Role.APPROVER, APPROVER, PASSPHRASE, now=local.clock.now(), ids=local.ids)
        yield Product(server, local, ring.unlock(APPROVER, PASSPHRASE))
