"""Waits for a condition, bounded; no test sleeps for a time that was guessed."""

from collections.abc import Callable
from typing import Any

import anyio

from mcp_server.domain.record import AuditEntry
from tests.support.longest import LONGEST_S
from tests.support.stage import Stage


async def wait_until(holds: Callable[[], bool]) -> None:
    """Until the condition holds; TimeoutError after LONGEST_S."""
    with anyio.fail_after(LONGEST_S):
        while not holds():  # noqa: ASYNC110  what is waited for is the sandbox's state, which sets no event
            await anyio.sleep(0.01)


async def wait_for_end(stage: Stage, change_id: str = "") -> dict[str, Any]:
    """The record, as ``history`` tells it, of the only change (or that one) once it has ended."""
    with anyio.fail_after(LONGEST_S):
        while True:
            found = (await stage.call("history"))["changes"]
            ended = [one for one in found if one["change_id"] == (change_id or one["change_id"])]
            if ended and ended[0]["status"] != "applying":
                whole: dict[str, Any] = await stage.call("history", change_id=ended[0]["change_id"])
                return dict(whole["change"])
            await anyio.sleep(0.02)


async def wait_for_row(stage: Stage, **where: str) -> AuditEntry:
    """The newest line of evidence of that kind, once there is one; of whichever server of the data directory."""
    async with stage.store() as store:
        with anyio.fail_after(LONGEST_S):
            while not (found := await store.list(AuditEntry, where, limit=1)):  # noqa: ASYNC110  a store sends no event
                await anyio.sleep(0.02)
    return found[0]
