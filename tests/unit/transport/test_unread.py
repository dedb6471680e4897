"""A client that asks and does not read: so many answers are kept for it, and then it is not read on."""

import anyio

from mcp_server.transport.unread import Outgoing
from tests.support.longest import LONGEST_S


async def test_whoever_asks_is_read_on_once_few_enough_answers_wait() -> None:
    """At once while they are few; one that is taken, or whose call is cancelled, makes room."""
    send, receive = anyio.create_memory_object_stream[str]()
    outgoing = Outgoing(send, 2)
    done: list[str] = []

    leaving = anyio.CancelScope()

    async def ask(name: str) -> None:
        await outgoing.wait_taken()
        done.append(name)

    async def answer_and_leave() -> None:
        with leaving:
            await outgoing.send("c")

    with anyio.fail_after(LONGEST_S):
        async with send, receive, anyio.create_task_group() as tasks:
            tasks.start_soon(outgoing.send, "a")
            tasks.start_soon(outgoing.send, "b")
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(ask, "few")
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(answer_and_leave)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(ask, "once one left")
            await anyio.wait_all_tasks_blocked()
            assert done == ["few"]
            leaving.cancel()
            await anyio.wait_all_tasks_blocked()
            assert done == ["few", "once one left"]
            tasks.start_soon(outgoing.send, "d")
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(ask, "once one was taken")
            await anyio.wait_all_tasks_blocked()
            assert done == ["few", "once one left"]
            assert await receive.receive() == "a"
            await anyio.wait_all_tasks_blocked()
            assert done == ["few", "once one left", "once one was taken"]
            tasks.cancel_scope.cancel()
