"""A server that nobody calls: what an older store left open is its duty all the same."""

from pathlib import Path

import anyio
import pytest

from mcp_server.cli import serve
from mcp_server.settings import load
from mcp_server.store import sqlite_store
from mcp_server.transport import loading
from tests.support.fake_clock import SteppedClock
from tests.support.longest import LONGEST_S


@pytest.mark.parametrize("has_store", [True, False])
async def test_a_server_with_an_older_store_wakes_up_though_nobody_calls(tmp_path: Path, *, has_store: bool) -> None:
    """Soon after the start, the client's first questions passed; without a store there is nothing to look after."""
    assert serve.STORE == sqlite_store.FILE
    settings = load({}, overrides={"home": tmp_path})
    if has_store:
        (settings.home / serve.STORE).touch()
    clock, woken, scope = SteppedClock(), list[str](), anyio.CancelScope()
    with anyio.fail_after(LONGEST_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve._wake, scope, settings.home, clock, lambda: woken.append("assembled"))
            await anyio.wait_all_tasks_blocked()
            assert woken == []
            clock.advance(1)
    assert woken == ["assembled"] * has_store


async def test_a_server_that_ends_while_it_wakes_up_is_not_assembled_any_more(tmp_path: Path) -> None:
    """Nobody would close it: its duties would keep the process from ending."""
    settings = load({}, overrides={"home": tmp_path})
    (settings.home / serve.STORE).touch()
    clock, woken, scope = SteppedClock(), list[str](), anyio.CancelScope()
    with anyio.fail_after(LONGEST_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve._wake, scope, settings.home, clock, lambda: woken.append("assembled"))
            await anyio.wait_all_tasks_blocked()
            with loading._ALONE:  # held by whoever else is loading
                clock.advance(1)
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
    assert woken == []
