"""The witness: a statement with the rows it covers, anchored when on disk; an anchor that fails is told, not hidden."""

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from mcp_server.domain.ports import Append
from mcp_server.domain.record import AuditEntry
from mcp_server.errors import RecordConflict, StoreUnavailable
from mcp_server.store.evidence.statements import EVERY_ROWS, EVERY_S, Statement, is_due, standing, statement_of
from mcp_server.store.evidence.verifying import Claims
from mcp_server.store.evidence.witness import Witness
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support import records
from tests.support.evidence import Kept, witnessed
from tests.support.fake_clock import FakeClock


class Broken(Kept):
    """An anchor that cannot be reached until it is mended."""

    is_mended = False

    def append(self, line: str) -> None:
        """Keep the line, or fail."""
        if not self.is_mended:
            raise StoreUnavailable("nobody is there")
        super().append(line)


async def append(store: SqliteStore, count: int = 1) -> None:
    """So many rows, in as few groups as may be."""
    await asyncio.gather(*[store.commit(Append(records.an_entry())) for _ in range(count)])


async def anchored(kept: Kept) -> list[int]:
    """The rows that the anchor holds, once as many statements are there as were made."""
    return [one.seq for line in kept.lines if (one := statement_of(line))]


@pytest.mark.parametrize(
    ("rows", "seconds", "due"),
    [
        (0, EVERY_S * 9, False),
        (1, EVERY_S - 1, False),
        (1, EVERY_S, True),
        (EVERY_ROWS - 1, 0, False),
        (EVERY_ROWS, 0, True),
        (1, -1, True),
        (0, -1, False),
    ],
)
def test_a_checkpoint_is_due_after_so_many_rows_or_so_long_with_traffic(rows: int, seconds: float, due: bool) -> None:
    """A clock that was set back counts as time; without a new row there is nothing to sign."""
    assert is_due(rows, seconds) is due


async def test_the_chain_is_signed_at_its_start_by_rows_by_time_and_at_the_end(tmp_path: Path) -> None:
    """And each statement reaches the anchor, in order."""
    kept, clock = Kept(), FakeClock()
    store = witnessed(tmp_path, kept, clock=clock)
    await append(store)
    await append(store, EVERY_ROWS - 1)
    await append(store)  # row 1,001: so many since the first statement
    await append(store)
    clock.advance(EVERY_S)
    await store.attest()  # row 1,002, though nobody writes now
    await store.attest()
    await append(store)
    store.close()
    assert await anchored(kept) == [1, 1001, 1002, 1003]


async def test_a_process_that_wrote_nothing_signs_nothing(tmp_path: Path) -> None:
    """Reading and upkeep leave the store as it was."""
    kept = Kept()
    store = witnessed(tmp_path, kept)
    await store.attest()
    store.close()
    assert (kept.lines, list(tmp_path.iterdir())) == ([], [])  # noqa: ASYNC240 - nothing else runs


async def test_two_processes_continue_one_chain_of_statements(tmp_path: Path) -> None:
    """Each reads the last statement under the lock before it signs."""
    first, second = Kept(), Kept()
    one, other = witnessed(tmp_path, first), witnessed(tmp_path, second)
    for _ in range(3):
        await append(one)
        await append(other)
    await asyncio.to_thread(one.close)
    await append(other)
    other.close()
    assert (await anchored(first), await anchored(second)) == ([1, 6], [7])
    again = witnessed(tmp_path)
    judged = await again.verify(Claims(anchored=[_found(line) for line in (*first.lines, *second.lines)]))
    again.close()
    assert (judged.problem, judged.anchored and judged.anchored.seq) == (None, 7)


async def test_an_anchor_that_fails_is_told_and_tried_again_and_delays_nobody(tmp_path: Path) -> None:
    """The rows are committed all the same; the other anchor holds; the next statement covers what was missed."""
    kept, broken = Kept(), Broken("far away")
    store = witnessed(tmp_path, kept, broken)
    await append(store, 3)
    store.close()
    assert await anchored(kept) in ([1, 3], [3])
    again = witnessed(tmp_path, kept, broken)
    told = {one["name"]: one for one in (await again.status())["anchors"]}
    assert (told["kept"]["seq"], told["kept"]["problem"]) == (3, "")
    assert (told["far away"]["seq"], told["far away"]["problem"]) == (0, "nobody is there")
    broken.is_mended = True
    await append(again)
    again.close()
    assert await anchored(broken) == [4]
    broken.is_mended = False
    again = witnessed(tmp_path, kept, broken)
    await append(again)
    again.close()
    after = witnessed(tmp_path, kept, broken)  # has used no anchor yet: it tells what is on record
    told = {one.name: one for one in await after._anchors()}
    assert (told["far away"].seq, told["far away"].problem) == (4, "nobody is there")
    after.close()


async def test_nothing_is_signed_or_pruned_that_names_another_row_or_that_nobody_signs(tmp_path: Path) -> None:
    """A seal about a row that is not as it says takes no row away."""
    store = witnessed(tmp_path, Kept())
    await append(store, 3)
    seal = Statement("tombstone", 2, "0" * 64, "2026-11-21T12:00:00.000000+00:00", first=1)
    with pytest.raises(RecordConflict, match="audit 2"):
        await store.declare(seal)
    store.close()
    store = SqliteStore.open(tmp_path, Seal(b"k" * 32), FakeClock())
    row = await store.get(AuditEntry, "2")
    assert row is not None
    with pytest.raises(RecordConflict, match="nobody signs"):
        await store.declare(replace(seal, hash=row.hash))
    assert len(await store.list(AuditEntry)) == 3
    store.close()


async def test_what_was_signed_in_a_commit_that_failed_is_never_anchored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An anchor of a statement that no store holds would call a whole chain falsified for ever."""
    kept = Kept()
    store = witnessed(tmp_path, kept)

    def doomed(_: Witness, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA defer_foreign_keys = ON")  # so that it is the COMMIT that fails
        connection.execute("INSERT INTO snapshots (plan_id, number, sealed) VALUES ('none', 1, x'00')")

    with monkeypatch.context() as patch:
        patch.setattr(Witness, "note", doomed)  # after the first checkpoint was signed
        with pytest.raises(StoreUnavailable):
            await append(store)
    await append(store, 2)
    store.close()
    assert await anchored(kept) == [2]
    store = witnessed(tmp_path, Kept())
    assert (await store.verify(Claims(anchored=[_found(line) for line in kept.lines]))).problem is None
    store.close()


async def test_an_anchor_that_was_never_reached_is_told_too(tmp_path: Path) -> None:
    """Set and not yet used is not the same as fine."""
    store = witnessed(tmp_path, Kept())
    assert (await store.status())["anchors"] == [{"name": "kept", "seq": 0, "at": "", "problem": "nothing yet"}]
    store.close()


async def test_a_store_that_was_put_back_to_an_older_copy_is_not_written_to(tmp_path: Path) -> None:
    """The file beside it knows a row that it does not hold: changes stop, and the reason is told."""
    memory = tmp_path / "anchors.jsonl"
    kept = _FileOf(memory)
    home = tmp_path / "home"
    home.mkdir()
    store = witnessed(home, kept, memory=memory)
    await append(store, 2)
    store.close()
    copy = (home / "store.db").read_bytes()
    store = witnessed(home, kept, memory=memory)
    await append(store, 2)
    store.close()
    (home / "store.db").write_bytes(copy)
    older = witnessed(home, kept, memory=memory)
    with pytest.raises(StoreUnavailable, match=r"row 4 was anchored .* older copy"):
        await append(older)
    status = await older.status()
    assert (status["writable"], "older copy" in status["problem"]) == (False, True)
    problem = (await older.verify(Claims(anchored=[_found(line) for line in kept.lines]))).problem
    assert problem is not None
    assert problem.seq == 3
    older.close()


async def test_a_store_in_which_an_anchored_row_is_another_one_is_not_written_to(tmp_path: Path) -> None:
    """It has as many rows, and was rewritten."""
    memory, home = tmp_path / "anchors.jsonl", tmp_path / "home"
    home.mkdir()
    store = witnessed(home, _FileOf(memory), memory=memory)
    await append(store, 2)
    store.close()
    last = _found(memory.read_text().splitlines()[-1])
    memory.write_text(replace(last, hash="0" * 64).text() + "\n")
    store = witnessed(home, memory=memory)
    with pytest.raises(StoreUnavailable, match="row 2 was anchored"):
        await append(store)
    store.close()


def test_a_line_of_a_log_gives_back_its_statement_and_other_lines_none() -> None:
    """Whatever stands in front of it."""
    one = Statement("checkpoint", 1, "a" * 64, "2026-11-21T12:00:00.000000+00:00", "key")
    assert statement_of(f"Nov 21 host meraki-specialist: {one.text()}\n") == one
    assert statement_of(f'{{"host": "a"}} {one.text()}\n') == one
    changed = [one.text()[:-1], one.text().replace("/1", "/2"), one.text().replace('"seq":1', '"seq":true')]
    exchange = replace(one, kind="rotation", next_key="other").text()
    assert statement_of(exchange) is not None
    changed.append(exchange.replace('"next_key":"other"', '"next_key":""'))
    for line in ("", "{", "{}", "[1]", *changed, one.text().replace('"kind"', '"king"')):
        assert statement_of(line) is None


def test_a_restore_makes_void_what_was_said_before_it_about_its_row_and_later_ones() -> None:
    """And nothing else: it names its row itself."""
    said = [Statement("checkpoint", seq, "a", f"2026-11-21T12:0{seq}", "key") for seq in (1, 2, 3)]
    back = Statement("restore", 2, "b", "2026-11-21T12:05", "key", lost_to=3)
    later = Statement("checkpoint", 4, "c", "2026-11-21T12:06", "key")
    assert standing([later, back, *said]) == [said[0], back, later]


class _FileOf(Kept):
    """An anchor that is a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path

    def append(self, line: str) -> None:
        super().append(line)
        with self.path.open("a") as file:
            file.write(line + "\n")


def _found(line: str) -> Statement:
    found = statement_of(line)
    assert found is not None
    return found
