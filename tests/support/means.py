"""What the change engine works with, for tests."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import fields
from typing import Any

from mcp_server.changes.means import Means, Times


class NobodySigned:
    """Approvals in which no signature is genuine."""

    def is_genuine(self, _record: Any) -> bool:
        """Never."""
        return False

    def signer(self, _key_id: str) -> str | None:
        """Nobody."""
        return None


class AloneHere:
    """Servers of which only this one lives."""

    def enter(self) -> str:
        """Its name."""
        return "server-1"

    def is_alive(self, name: str) -> bool:
        """Whether it is this one."""
        return name == "server-1"


async def _no_session(_world: Any, _actor: Any) -> str:
    return "SES-1"


async def _no_context(_attempt: Any, _plan: Any, _world: Any) -> Mapping[str, Any]:
    return {}


async def _as_it_is(_attempt: Any, outcome: Any, _world: Any) -> Any:
    return outcome


def means(**given: Any) -> Means:
    """Means without keys, secrets or hooks; ``given`` replaces parts."""
    parts: dict[str, Any] = {
        "digest_key": lambda: b"k" * 32,
        "secret": lambda _name: None,
        "generate": lambda length, _name: "g" * length,
        "approvals": NobodySigned(),
        "approve_command": lambda plan_id: f"meraki-specialist approve {plan_id}",
        "session_id": _no_session,
        "context": _no_context,
        "after": _as_it_is,
        "servers": AloneHere(),
        "named": lambda _change_id: nullcontext(),
        "times": Times(),
    }
    known = {one.name for one in fields(Means)}
    return Means(**{name: value for name, value in {**parts, **given}.items() if name in known})
