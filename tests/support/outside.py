"""The outside truth of a call: what the sandbox saw and holds, and what the audit says, whatever the answer claims."""

import getpass
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp_server.domain.record import AuditEntry
from tests.support.canonical import assert_same, canonical
from tests.support.stage import Stage
from tests.support.story import Payload


@asynccontextmanager
async def untouched(stage: Stage, *, http: bool = True) -> AsyncIterator[None]:
    """Fail when the block wrote to the cloud, changed its state, or (``http`` false) asked it anything at all."""
    journal = stage.sandbox.world.journal
    before, writes, requests = canonical(stage.sandbox.world), len(stage.writes()), len(journal)
    yield
    assert stage.writes()[writes:] == []
    assert http or journal[requests:] == []
    assert all(entry["key_ok"] for entry in journal[requests:])
    assert_same(before, canonical(stage.sandbox.world))


async def rows_of(stage: Stage, **where: Any) -> list[AuditEntry]:
    """The audit's rows, oldest first."""
    async with stage.store() as store:
        return list(reversed(await store.list(AuditEntry, where, limit=1000)))


async def refused(stage: Stage, tool: str, *, http: bool = True, status: str = "refused", **arguments: Any) -> Payload:
    """The error of a call that was refused: nothing sent, nothing changed, a remedy told, and one row that says so."""
    known = len(await rows_of(stage, event="call"))
    async with untouched(stage, http=http):
        answer = await stage.call(tool, **arguments)
    assert answer["status"] == status, answer
    error: Payload = answer["error"]
    assert error["message"], error
    assert error["remedy"], error
    rows = (await rows_of(stage, event="call"))[known:]
    assert [(row.tool, row.status, row.detail["error"]) for row in rows] == [(tool, status, error["code"])]
    assert answer["receipt"] == {"seq": answer["receipt"]["seq"], "hash": answer["receipt"]["hash"]}
    return error


def requester(stage: Stage) -> str:
    """Who the stage's caller is: nobody known over HTTP, over stdio whoever runs the server."""
    return "anonymous" if stage.address else getpass.getuser()


def plain(value: Any) -> str:
    """The value as the text in which words are looked for."""
    return json.dumps(value, ensure_ascii=False)
