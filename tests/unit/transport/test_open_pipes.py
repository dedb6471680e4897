"""Messages over two pipes: each one whole and in turn, whoever sends it and however slowly the other side reads."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types as types
import pytest
from mcp.shared.message import SessionMessage

from mcp_server.transport.pipes import Lines, Output
from mcp_server.transport.sdk_bridge import open_pipes

BIG = 300_000


async def _nothing() -> AsyncIterator[str]:
    return
    yield ""


@asynccontextmanager
async def _opened(writing: int) -> AsyncIterator[Any]:
    async with open_pipes(_nothing(), Output(writing), "ours-1") as (_, answers):
        try:
            yield answers
        finally:
            await answers.aclose()


def _answer(number: int | str, text: str) -> SessionMessage:
    return SessionMessage(types.JSONRPCResponse(jsonrpc="2.0", id=number, result={"text": text}))


async def _read(reading: int, got: list[Any]) -> None:
    async for line in Lines(reading):
        answer = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
        got.append((answer.id, len(answer.result["text"])))  # type: ignore[union-attr]  # only answers were sent


async def test_an_answer_does_not_overtake_one_that_waits_for_the_pipe() -> None:
    """A short one would fit between two pieces of a long one."""
    reading, writing = os.pipe()
    got: list[Any] = []
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group, _opened(writing) as answers:
            await answers.send(_answer(1, "x"))
            for number, size in ((2, BIG), (3, 1), (4, BIG), (5, 1)):
                group.start_soon(answers.send, _answer(number, "x" * size))
            await anyio.wait_all_tasks_blocked()
            group.start_soon(_read, reading, got)
            while len(got) < 5:
                await anyio.wait_all_tasks_blocked()
            os.close(writing)
    os.close(reading)
    assert got == [(1, 1), (2, BIG), (3, 1), (4, BIG), (5, 1)]


async def test_an_answer_is_whole_though_its_sender_goes_away() -> None:
    """A request that is cancelled while its answer waits for the pipe leaves no half of a line there."""
    reading, writing = os.pipe()
    got: list[Any] = []
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group, _opened(writing) as answers:
            async with anyio.create_task_group() as sending:
                sending.start_soon(answers.send, _answer(1, "x" * BIG))
                await anyio.wait_all_tasks_blocked()
                sending.cancel_scope.cancel()
            group.start_soon(answers.send, _answer(2, "x"))
            group.start_soon(_read, reading, got)
            while len(got) < 2:
                await anyio.wait_all_tasks_blocked()
            os.close(writing)
    os.close(reading)
    assert got == [(1, BIG), (2, 1)]


async def test_only_the_answer_to_the_id_of_ours_stays_inside() -> None:
    """What merely holds its text somewhere goes out, as does what has no id."""
    reading, writing = os.pipe()
    told = types.JSONRPCNotification(jsonrpc="2.0", method="ours-1")
    failed = types.JSONRPCError(jsonrpc="2.0", id=None, error=types.ErrorData(code=1, message="ours-1"))
    async with _opened(writing) as answers:
        for message in (_answer("ours-1", "x"), _answer("ours-12", "x"), _answer(9, "ours-1"), _answer("", "x")):
            await answers.send(message)
        await answers.send(SessionMessage(told))
        await answers.send(SessionMessage(failed))
    os.close(writing)
    got = [json.loads(line) async for line in Lines(reading)]
    os.close(reading)
    assert [one.get("id", "none") for one in got] == ["ours-12", 9, "", "none", None]


async def test_an_answer_is_whole_though_the_other_side_takes_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a socket may that stands in a pipe's place; nothing of it comes twice, and nobody writes in between."""
    reading, writing = os.pipe()
    write = os.write

    def cut(descriptor: int, data: bytes) -> int:
        return write(descriptor, data[:30] if descriptor == writing else data)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", cut)
        async with _opened(writing) as answers:
            await anyio.wait_all_tasks_blocked()
            for number in (1, 2):
                await answers.send(_answer(number, "é" * 50))
    os.close(writing)
    got: list[Any] = []
    await _read(reading, got)
    os.close(reading)
    assert got == [(1, 50), (2, 50)]
