"""Group commit: many waiters share one sync, and each hears only of what is on disk."""

import asyncio
import sqlite3
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread

import pytest

from mcp_server.domain.call import Receipt
from mcp_server.domain.ports import Append, Put
from mcp_server.domain.record import AuditEntry
from mcp_server.errors import RecordConflict, StoreError, StoreUnavailable
from mcp_server.store.chain import line_of
from mcp_server.store.connection import QUICK_S, FileLock
from mcp_server.store.journal import Journal, Write
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.store.writer import GROUP_LIMIT, Commit, Receipts, Writer
from tests.support import records
from tests.support.fake_clock import FakeClock
from tests.unit.store.conftest import KEY, open_store
from tests.unit.store.test_file_lock import somebody_waits


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where each group was written: "loop" or "thread"."""
    found: list[str] = []
    close_head = Journal.close_head

    def noted(journal: Journal) -> None:
        found.append("loop" if current_thread() is main_thread() else "thread")
        close_head(journal)

    monkeypatch.setattr(Journal, "close_head", noted)
    return found


async def test_commits_that_wait_together_are_synced_together(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred waiting commits take a few groups, not a hundred syncs."""
    await store.commit(Append(records.an_entry()))
    groups: list[int] = []
    close_head = Journal.close_head

    def counted(journal: Journal) -> None:
        groups.append(1)
        close_head(journal)

    monkeypatch.setattr(Journal, "close_head", counted)
    await asyncio.gather(*[store.commit(Append(records.an_entry())) for _ in range(100)])
    assert len(groups) < 50
    assert await store.verify_chain() is None


async def test_a_group_holds_no_more_than_its_limit(tmp_path: Path) -> None:
    """A flood is cut into groups; all of it is written."""
    store = open_store(tmp_path)
    number = GROUP_LIMIT + 10
    receipts = await asyncio.gather(*[store.commit(Append(records.an_entry())) for _ in range(number)])
    assert sorted(receipt.seq for (receipt,) in receipts) == list(range(1, number + 1))
    store.close()


async def test_nobody_is_left_waiting_when_the_writer_itself_fails(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of our own in the writer's thread is an error to every waiter and stands in the log; the next works."""
    await store.commit(Append(records.an_entry()))

    def broken(_: Journal) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "close_head", broken)
        results = await asyncio.gather(
            *[store.commit(Append(records.an_entry())) for _ in range(3)], return_exceptions=True
        )
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert all(isinstance(result.__cause__, ZeroDivisionError) for result in results if isinstance(result, Exception))
    assert "ZeroDivisionError" in caplog.text
    (receipt,) = await store.commit(Append(records.an_entry()))
    assert receipt.seq == 2
    assert await store.verify_chain() is None


async def test_a_transaction_that_is_gone_before_its_end_is_no_success(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite may roll back on its own (lang_transaction, 2.3): what followed would be said to be on disk."""
    await store.commit(Append(records.an_entry()))
    close_head = Journal.close_head

    def gone(journal: Journal) -> None:
        close_head(journal)
        journal._connection.rollback()

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "close_head", gone)
        with pytest.raises(StoreUnavailable, match="no transaction is active"):
            await store.commit(Append(records.an_entry()))
    (receipt,) = await store.commit(Append(records.an_entry()))
    assert receipt.seq == 2
    assert await store.verify_chain() is None


async def test_those_who_write_again_come_into_one_group(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight who write row after row cost one disk sync for eight rows, whichever thread is quicker."""
    sizes: list[int] = []
    next_group = Writer._next_group

    def counted(writer: Writer, group: "list[Commit]") -> None:
        sizes.append(len(group))
        next_group(writer, group)

    async def ten_rows() -> None:
        for _ in range(10):
            Event().wait(0.002)  # busy: a thread that looked already at the first of them would find it alone
            await store.commit(Append(records.an_entry()))

    monkeypatch.setattr(Writer, "_next_group", counted)
    await asyncio.gather(*(ten_rows() for _ in range(8)))
    assert sizes == [8] * 10


async def test_what_came_while_a_group_was_written_is_written_too(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who hands something in while the thread is at work is forgotten."""
    begun, go_on = Event(), Event()
    next_group = Writer._next_group

    def slow(writer: Writer, group: "list[Commit]") -> None:
        begun.set()
        go_on.wait(5)
        next_group(writer, group)

    monkeypatch.setattr(Writer, "_next_group", slow)
    first = asyncio.ensure_future(store.commit(Append(records.an_entry())))
    assert await asyncio.to_thread(begun.wait, 5)
    others = [asyncio.ensure_future(store.commit(Append(records.an_entry()))) for _ in range(3)]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait_for(asyncio.gather(first, *others), 30)
    assert len(await store.list(AuditEntry)) == 4


async def test_close_finishes_what_waits(tmp_path: Path) -> None:
    """Closing right after asking loses nothing."""
    store = open_store(tmp_path)
    waiting = [asyncio.ensure_future(store.commit(Append(records.an_entry()))) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.to_thread(store.close)
    assert len(await asyncio.gather(*waiting)) == 20
    again = open_store(tmp_path)
    assert len(await again.list(AuditEntry)) == 20
    again.close()


async def test_a_conflict_in_a_group_leaves_the_chain_as_if_it_had_not_been(store: SqliteStore) -> None:
    """Lines of a refused commit use up no seq, whatever stands around it in the group."""
    await store.commit(Put(records.a_usage()))
    results = await asyncio.gather(
        store.commit(Append(records.an_entry(call_id="a"))),
        store.commit(Append(records.an_entry(call_id="b")), Put(records.a_usage())),
        store.commit(Append(records.an_entry(call_id="c"))),
        return_exceptions=True,
    )
    assert isinstance(results[1], RecordConflict)
    assert [(entry.seq, entry.call_id) for entry in await store.list(AuditEntry)] == [(2, "c"), (1, "a")]
    assert await store.verify_chain() is None


async def test_a_commit_that_was_cancelled_before_its_group_began_is_not_made(
    tmp_path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the queue: nothing of it is written."""
    begun, go_on = Event(), Event()
    gathered = Writer._gathered

    def slow(writer: Writer) -> object:
        begun.set()
        go_on.wait(5)
        return gathered(writer)

    monkeypatch.setattr(Writer, "_gathered", slow)
    answer = store._writer.submit((line_of(records.an_entry()),))
    assert await asyncio.to_thread(begun.wait, 5)
    assert answer.cancel()
    go_on.set()
    monkeypatch.undo()
    (receipt,) = await store.commit(Append(records.an_entry()))  # whatever was in the queue has had its turn
    assert receipt.seq == 1


def test_a_loop_that_ended_before_its_answer_came_harms_nobody(tmp_path: Path, store: SqliteStore) -> None:
    """The line is written; the store serves the next loop."""

    async def leave() -> None:
        store._writer.submit((line_of(records.an_entry()),))

    asyncio.run(leave())
    (receipt,) = asyncio.run(store.commit(Append(records.an_entry())))
    assert receipt.seq in (1, 2)  # the first was cancelled with its loop, or was on its way
    assert asyncio.run(store.verify_chain()) is None


async def test_a_group_is_written_on_the_event_loop_while_nothing_stands_in_its_way(
    store: SqliteStore, places: list[str]
) -> None:
    """The database is opened in the thread; then no time goes to changing threads."""
    for _ in range(3):
        await store.commit(Append(records.an_entry()))
    assert places == ["thread", "loop", "loop"]


async def test_the_event_loop_goes_on_while_another_process_has_the_store(
    store: SqliteStore, places: list[str], tmp_path: Path
) -> None:
    """Whoever holds the lock, this server answers meanwhile, and the row is written once the lock is free."""
    await store.commit(Append(records.an_entry()))
    other = FileLock(tmp_path / "store.lock")
    with other.held():
        waiting = asyncio.ensure_future(store.commit(Append(records.an_entry())))
        while not somebody_waits(tmp_path / "store.lock"):
            assert not waiting.done()
            await asyncio.sleep(0)  # the loop turns: it does not stand before the lock itself
    await waiting
    await store.commit(Append(records.an_entry()))
    assert places[:2] == ["thread", "thread"]
    other.close()


async def test_a_slow_disk_does_not_stop_the_event_loop_a_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: list[str]
) -> None:
    """After a group that took long the next ones are the thread's, until one was quick."""
    clock = FakeClock()
    store = SqliteStore.open(tmp_path, Seal(KEY), clock)
    await store.commit(Append(records.an_entry()))
    carry_out = Journal.carry_out

    async def commit(took_s: float) -> None:
        def slow(journal: Journal, writes: tuple[Write, ...]) -> tuple[Receipt, ...]:
            clock.advance(took_s)
            return carry_out(journal, writes)

        monkeypatch.setattr(Journal, "carry_out", slow)
        await store.commit(Append(records.an_entry()))

    for took_s in (0.0, 2 * QUICK_S, 2 * QUICK_S, 0.0, 0.0):
        await commit(took_s)
    assert places == ["thread", "loop", "loop", "thread", "thread", "loop"]
    store.close()


async def test_a_store_that_has_failed_is_left_to_the_thread(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, places: list[str]
) -> None:
    """A disk in trouble may stall at any moment, and must not stop the event loop."""

    def full(_: Writer) -> None:
        raise StoreUnavailable("the disk is full")

    for _ in range(2):
        await store.commit(Append(records.an_entry()))
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_opened", full)
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            await store.commit(Append(records.an_entry()))
    for _ in range(3):
        await store.commit(Append(records.an_entry()))
    assert places == ["thread", "loop", "thread", "thread", "thread"]


async def test_a_connection_that_failed_is_not_used_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who knows what it still holds open: the next group has another one."""
    await store.commit(Append(records.an_entry()))
    failed = store._writer._connection

    def broken(_: Journal) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "close_head", broken)
        with pytest.raises(StoreUnavailable):
            await store.commit(Append(records.an_entry()))
    (receipt,) = await store.commit(Append(records.an_entry()))
    assert receipt.seq == 2
    assert failed is not None
    assert store._writer._connection is not failed
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        failed.execute("SELECT 1")


async def test_closing_waits_for_what_is_written_on_the_event_loop(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken from under a group, and nothing is opened again after it."""
    await store.commit(Append(records.an_entry()))
    begun, ended = Event(), []
    committed, drop = Writer._committed, Writer._drop_connection

    def closed() -> None:
        begun.wait(5)
        store.close()
        ended.append("closed")

    def dropped(writer: Writer) -> None:
        ended.append("taken away" if writer._is_here else "dropped")
        drop(writer)

    def long(writer: Writer, group: list[Commit]) -> list[Receipts | StoreError]:
        begun.set()
        while not (ended or writer._turn._waiters):  # type: ignore[attr-defined]  # until ``close`` waits in its thread
            Event().wait(0.001)
        results = committed(writer, group)
        ended.append("written")
        return results

    monkeypatch.setattr(Writer, "_committed", long)
    monkeypatch.setattr(Writer, "_drop_connection", dropped)
    closing = Thread(target=closed)
    closing.start()
    (receipt,) = await store.commit(Append(records.an_entry()))
    await asyncio.to_thread(closing.join)
    assert (receipt.seq, ended) == (2, ["written", "dropped", "closed"])
    assert not store._writer.is_open
