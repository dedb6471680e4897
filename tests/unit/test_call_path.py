"""One call, one row, whatever happens: a fault of our own, a failed check, a caller that goes away."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from mcp_server.assembly import Server, running
from mcp_server.call_path import handle
from mcp_server.domain.actor import Actor
from mcp_server.domain.call import Effect, Json, ToolCall
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.record import AuditEntry
from mcp_server.registry import Registry
from mcp_server.settings import load
from mcp_server.toolkit import Desk, Hints, Tool, closed

_HINTS = Hints(read_only=True, destructive=False, idempotent=True, open_world=False)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server in front of the simulated cloud."""
    async with running(load({}, overrides={"home": tmp_path / "home"}), sandbox=True) as one:
        yield one


async def _called(server: Server, tool: Tool) -> tuple[Mapping[str, Json], bool]:
    parts = replace(server.parts, registry=Registry({tool.name: tool}))
    call = ToolCall("call-1", tool.name, {}, Actor("ana", "stdio"), "call-1")
    result = await handle(parts, call)
    return result.payload, result.is_error


def _tool(run: object) -> Tool:
    return Tool("t", "T", "A tool.", Effect.READ, _HINTS, closed({}), run=run)  # type: ignore[arg-type]  # any of ours


async def _rows(server: Server) -> list[AuditEntry]:
    return list(await server.store.list(AuditEntry, {"event": "call"}))


async def test_a_fault_of_our_own_is_answered_and_recorded(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """The answer shows nothing of the fault; the log does, under the call's id."""

    async def run(_desk: Desk, _arguments: Mapping[str, Json]) -> Outcome:
        raise KeyError("/home/ana/secret-place")

    payload, is_error = await _called(server, _tool(run))
    assert (payload["status"], payload["error"]["code"], is_error) == ("failed", "internal_error", True)
    assert "secret-place" not in str(payload)
    assert payload["receipt"]["seq"]
    assert [(row.status, row.detail["error"]) for row in await _rows(server)] == [("failed", "internal_error")]
    assert "call call-1 failed" in caplog.text


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
        ("a\ud800", "a?"),
        (["NaN", {"b": float("nan")}], ["NaN", {"b": "NaN"}]),
    ],
)
async def test_a_refused_argument_that_no_json_holds_leaves_its_row(server: Server, odd: Json, kept: Json) -> None:
    """A caller can spell these (1e999), and would else be the one whose call nobody finds."""

    async def run(_desk: Desk, _arguments: Mapping[str, Json]) -> Outcome:
        raise AssertionError

    parts = replace(server.parts, registry=Registry({"t": _tool(run)}))
    result = await handle(parts, ToolCall("call-1", "t", {"x": odd}, Actor("ana", "stdio"), "call-1"))
    assert (result.payload["status"], bool(result.payload["receipt"])) == ("refused", True)
    assert [row.detail["arguments"] for row in await _rows(server)] == [{"x": kept}]


async def test_a_caller_that_goes_away_leaves_one_row(server: Server) -> None:
    """Also when the tool is in the middle of its work."""
    started = anyio.Event()

    async def run(_desk: Desk, _arguments: Mapping[str, Json]) -> Outcome:
        started.set()
        await anyio.sleep_forever()
        raise AssertionError

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_called, server, _tool(run))
        await started.wait()
        tasks.cancel_scope.cancel()
    assert [row.status for row in await _rows(server)] == ["cancelled"]


async def test_a_caller_that_goes_away_while_the_row_is_written_leaves_the_row_of_the_answer(server: Server) -> None:
    """What was answered is on record, whether or not anybody was left to hear it."""

    async def run(_desk: Desk, _arguments: Mapping[str, Json]) -> Outcome:
        tasks.cancel_scope.cancel()
        return Outcome("ok", "done")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_called, server, _tool(run))
    assert len(await _rows(server)) == 1
