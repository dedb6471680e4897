"""The store on a disk that fails, beside processes that hold it, and shared by many."""

import asyncio
import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mcp_server.domain.call import Receipt
from mcp_server.domain.ports import Append, Put
from mcp_server.domain.record import AuditEntry, Usage
from mcp_server.errors import StoreUnavailable
from mcp_server.store import connection as connections
from mcp_server.store.database import SCHEMA_VERSION
from mcp_server.store.evidence.signing import SigningKey
from mcp_server.store.evidence.witness import Witness
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support import records
from tests.support.evidence import seeds
from tests.support.fake_clock import FakeClock
from tests.support.longest import LONGEST_S
from tests.unit.store.conftest import KEY, open_store


def work(task: str, directory: Path, number: int = 0) -> "subprocess.Popen[str]":
    """A second process that does the task on the directory."""
    command = [sys.executable, "-m", "tests.support.store_worker", task, str(directory), str(number)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def finished(process: "subprocess.Popen[str]") -> list[str]:
    """The lines that it printed; it must have ended well within a minute."""
    printed, _ = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0
    return printed.splitlines()


def test_a_directory_that_may_not_be_written_makes_every_commit_unavailable() -> None:
    """A read-only data directory: the store says so and why, and nothing is written."""
    with tempfile.TemporaryDirectory() as above:  # not under tmp_path, which other accounts may not enter
        home = Path(above) / "home"
        home.mkdir()
        if os.geteuid() == 0:
            os.chown(home, 65534, 65534)
        home.chmod(0o555)
        Path(above).chmod(0o755)
        said, writable = finished(work("append_as_nobody", home))
        assert said.endswith("cannot be locked: this account may not write there / PermissionError")
        assert writable == "False"
        assert list(home.iterdir()) == []


def test_a_full_disk_refuses_the_commit_and_is_left_behind_once_there_is_room(tmp_path: Path) -> None:
    """No line is half written: the chain goes on without a gap, and verifies."""
    said, after = finished(work("append_until_full", tmp_path, 300_000))
    assert said.startswith("the store cannot be written: the disk")
    assert after == "1 None"


async def test_a_store_held_by_another_process_is_unavailable_until_it_lets_go(tmp_path: Path) -> None:
    """The wait is bounded, reads and writes say who is in the way, and both work again afterwards."""
    holder = work("hold_lock", tmp_path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    store = SqliteStore.open(tmp_path, Seal(KEY), FakeClock(), wait_s=0.05)
    with pytest.raises(StoreUnavailable, match="another process holds the database"):
        await store.commit(Put(records.a_usage()))
    with pytest.raises(StoreUnavailable, match="another process holds the database"):
        await store.get(Usage, "call-1/1")
    assert (await store.status())["writable"] is False
    await asyncio.to_thread(holder.communicate, "\n", 60)
    await store.commit(Put(records.a_usage()))
    assert await store.get(Usage, "call-1/1") == records.a_usage()
    store.close()


async def test_a_database_locked_by_a_foreign_program_is_unavailable(tmp_path: Path) -> None:
    """A program that does not know our file lock but locks the database is waited for, and named."""
    store = SqliteStore.open(tmp_path, Seal(KEY), FakeClock(), wait_s=0.05)
    await store.commit(Put(records.a_usage()))
    foreign = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process") as fault:
        await store.commit(Put(records.a_usage("call-2/1")))
    assert isinstance(fault.value.__cause__, sqlite3.OperationalError)
    assert await store.get(Usage, "call-1/1") == records.a_usage()
    foreign.execute("ROLLBACK")
    foreign.close()
    await store.commit(Put(records.a_usage("call-2/1")))
    store.close()


async def test_a_database_of_a_newer_version_is_refused_untouched(store: SqliteStore, tmp_path: Path) -> None:
    """An older server neither reads nor writes what a newer one made."""
    await store.commit(Append(records.an_entry()))
    store.close()
    newer = sqlite3.connect(tmp_path / "store.db")
    newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    newer.close()
    older = open_store(tmp_path)
    for ask in (older.commit(Append(records.an_entry())), older.list(AuditEntry), older.verify_chain()):
        with pytest.raises(StoreUnavailable, match="newer version"):
            await ask
    older.close()


async def test_a_damaged_file_is_unavailable(tmp_path: Path) -> None:
    """Something else under the database's name is refused and left as it is."""
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database" * 100)
    store = open_store(tmp_path)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await store.commit(Append(records.an_entry()))
    with pytest.raises(StoreUnavailable, match="not a database"):
        await store.list(AuditEntry)
    store.close()
    assert path.read_bytes() == b"not a database" * 100


@pytest.mark.parametrize("is_replaced", [False, True])
async def test_a_file_that_was_taken_away_while_open_closes_the_store_for_writing(
    store: SqliteStore, tmp_path: Path, is_replaced: bool
) -> None:
    """Evidence is never written into a file that nobody can find again."""
    await store.commit(Append(records.an_entry()))
    (tmp_path / "store.db").rename(tmp_path / "gone.db")
    if is_replaced:
        (tmp_path / "store.db").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.commit(Append(records.an_entry()))
    kept = tmp_path / "store.db"
    assert kept.exists() == is_replaced
    assert not is_replaced or kept.read_bytes() == b""


async def test_a_log_that_was_taken_away_while_open_loses_no_row_that_has_a_receipt(
    store: SqliteStore, tmp_path: Path
) -> None:
    """What was committed is saved, nothing more is promised, and what is left on a crash is the whole chain."""
    for _ in range(3):
        await store.commit(Append(records.an_entry()))
    (tmp_path / "store.db-wal").unlink()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.commit(Append(records.an_entry()))
    left = tmp_path / "left"
    left.mkdir(mode=0o700)
    shutil.copy(tmp_path / "store.db", left)  # as after a kill -9 at this moment
    after = open_store(left)
    assert len(await after.list(AuditEntry)) == 3
    assert await after.verify_chain() is None
    (receipt,) = await after.commit(Append(records.an_entry()))
    assert receipt.seq == 4
    after.close()


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("name", ["store.db", "store.lock"])
async def test_a_symbolic_link_in_place_of_a_file_is_not_followed(tmp_path: Path, name: str, is_there: bool) -> None:
    """Nothing outside the data directory is opened, made or written to."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir(mode=0o700)
    (home / name).symlink_to(elsewhere)
    if is_there:
        elsewhere.touch(mode=0o600)
    store = open_store(home)
    with pytest.raises(StoreUnavailable):
        await store.commit(Append(records.an_entry()))
    store.close()
    assert elsewhere.exists() == is_there
    assert not is_there or elsewhere.read_bytes() == b""


def test_two_processes_and_four_threads_make_one_chain_without_gaps(tmp_path: Path) -> None:
    """Every writer re-reads the head under the lock: seqs are 1 to 300, each given once, and the chain verifies."""

    def append_here(_: int) -> list[int]:
        async def append() -> list[int]:
            store = open_store(tmp_path)
            receipts: list[Receipt] = []
            for _ in range(50):
                receipts += await store.commit(Append(records.an_entry()))
            store.close()
            return [receipt.seq for receipt in receipts]

        return asyncio.run(append())

    processes = [work("append", tmp_path, 50) for _ in range(2)]
    with ThreadPoolExecutor(4) as threads:
        seqs = [seq for found in threads.map(append_here, range(4)) for seq in found]
    for process in processes:
        seqs += [int(seq) for line in finished(process) for seq in line.split()]
    assert sorted(seqs) == list(range(1, 301))
    store = open_store(tmp_path)
    assert asyncio.run(store.verify_chain()) is None
    store.close()


def test_every_error_of_sqlite_becomes_a_store_error_that_says_what_is_wrong() -> None:
    """One table; no error of SQLite or of the operating system passes it, and the cause is kept."""
    faults = [sqlite3.OperationalError("x"), sqlite3.IntegrityError("x"), sqlite3.InterfaceError("x")]
    faults += [sqlite3.DatabaseError("x"), sqlite3.ProgrammingError("x"), sqlite3.NotSupportedError("x")]
    for fault in (*faults, OSError(errno.ENOSPC, "x"), OSError(errno.EIO, "x"), PermissionError(errno.EACCES, "x")):
        with pytest.raises(StoreUnavailable) as raised, connections.translated("the store cannot be written"):
            raise fault
        assert raised.value.__cause__ is fault


@pytest.mark.parametrize(
    "name", ["BUSY_SNAPSHOT", "FULL", "READONLY_DIRECTORY", "IOERR_FSYNC", "CORRUPT_INDEX", "CANTOPEN_SYMLINK"]
)
def test_extended_error_names_are_known_by_their_start(name: str) -> None:
    """The words do not fall back to SQLite's own."""
    fault = sqlite3.OperationalError("their words")
    fault.sqlite_errorname = f"SQLITE_{name}"
    assert "their words" not in str(connections.unavailable("the store", fault))


async def test_a_store_whose_keys_cannot_be_made_says_so_though_its_file_can_be_written(tmp_path: Path) -> None:
    """In a new home on a full disk: no row could be sealed or signed, so the store is not writable."""

    def full(*, make: bool = True) -> bytes:
        raise StoreUnavailable(f"the key cannot be written: No space left on device ({make=})")

    def none(*, make: bool) -> Sequence[bytes]:
        return [full(make=make)]

    for seal, signing in ((Seal(full), SigningKey(seeds(KEY))), (Seal(KEY), SigningKey(none))):
        witness = Witness(signing, FakeClock(), ())
        store = SqliteStore.open(tmp_path, seal, FakeClock(), witness=witness)
        status = await store.status()
        assert (status["writable"], "No space left" in status["problem"]) == (False, True)
        store.close()
