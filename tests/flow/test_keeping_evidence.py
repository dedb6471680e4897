"""Prune, back up and put back on the command line: the chain verifies at each step, and a loss is never silent."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner, Result

from mcp_server.assembly import open_store, running
from mcp_server.cli.program import program
from mcp_server.domain.ports import Append
from mcp_server.domain.record import AuditEntry
from mcp_server.errors import MerakiMcpError, StoreUnavailable
from mcp_server.settings import load
from mcp_server.store.evidence.backup import back_up, copy_into
from mcp_server.store.evidence.statements import EVERY_S
from mcp_server.store.evidence.witness import statements_in
from mcp_server.store.sqlite_store import SqliteStore
from mcp_server.upkeep.presence import Presence
from tests.support import records
from tests.support.evidence import second_opinion
from tests.support.fake_clock import FakeClock
from tests.support.tampering import altered

OLD = datetime(2026, 1, 10, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the data directory of the test."""
    monkeypatch.setenv("MERAKI_SPECIALIST_HOME", str(tmp_path / "home"))

    def invoke(*words: str | Path) -> Result:
        return CliRunner().invoke(program, [str(word) for word in words])

    return invoke


def written(tmp_path: Path, count: int, at: datetime = OLD) -> None:
    """So many rows by a server that lives for that long; its start and its end are signed and anchored."""
    asyncio.run(_written(tmp_path, count, at))


async def _written(tmp_path: Path, count: int, at: datetime) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    store = open_store(load({}, overrides={"home": home}), home, FakeClock(at))
    for _ in range(count):
        await store.commit(Append(records.an_entry(at)))
    store.close()


async def _restores(store: SqliteStore) -> Sequence[AuditEntry]:
    return await store.list(AuditEntry, {"event": "restore"})


def verified(run: Run, *words: str | Path, code: int = 0) -> Any:
    """What audit verify says."""
    done = run("audit", "verify", "--json", *words)
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def code_of(done: Result) -> str:
    """Why a command was refused."""
    assert isinstance(done.exception, MerakiMcpError), done.output
    return getattr(done.exception, "reason", "") or str(done.exception)


def test_old_segments_are_sealed_archived_and_pruned_and_all_that_is_left_verifies(run: Run, tmp_path: Path) -> None:
    """Twice: the chain, both archives, and the second verifier; an anchor of a pruned row still counts."""
    for month in (1, 2, 3):
        written(tmp_path, 3, OLD.replace(month=month))
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert "Rows 1 to 3 are sealed" in run("audit", "prune", "--before", "2026-02-01", "--archive", first).output
    assert "Rows 4 to 6 are sealed" in run("audit", "prune", "--before", "2026-03-01", "--archive", second).output
    assert "Nothing to prune" in run("audit", "prune", "--before", "2026-03-01", "--archive", tmp_path / "x").output
    found = verified(run)
    assert (found["whole"], found["first"], found["rows"]) == (True, 7, 11)
    assert "Rows 1 to 6 were sealed and pruned; the chain goes on from their last hash." in found["proves"]
    for archive, rows in ((first, (1, 3)), (second, (4, 6))):
        told = verified(run, "--export", archive)
        assert (told["first"], told["rows"], told["signed_to"]) == (*rows, rows[1])
        assert second_opinion(archive).stdout.startswith(f"WHOLE: rows {rows[0]} to {rows[1]} ")
    export = tmp_path / "export.jsonl"
    assert run("audit", "export", "--to", export).exit_code == 0
    assert second_opinion(export, tmp_path / "home" / "anchors.jsonl").stdout.startswith("WHOLE: rows 7 to 11 ")
    written(tmp_path, 1)
    assert verified(run)["rows"] == 12


@pytest.mark.parametrize("form", ["jsonl", "csv", "ocsf"])
def test_a_row_with_any_name_is_exported(run: Run, tmp_path: Path, form: str) -> None:
    """Into a file and to standard output, which need not be able to show it; people see the name as it is."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    store = open_store(load({}, overrides={"home": home}), home, FakeClock(OLD))
    named = replace(records.an_entry(OLD), owner="jos\u00e9", client="\u65e5\u672c")
    asyncio.run(store.commit(Append(named)))
    store.close()
    target = tmp_path / "export"
    assert run("audit", "export", "--format", form, "--to", target).exit_code == 0
    said = run("audit", "export", "--format", form)
    assert said.exit_code == 0
    assert said.stdout_bytes.endswith(target.read_bytes())
    names = ("jos\u00e9", "\u65e5\u672c") if form == "csv" else ("jos\\u00e9", "\\u65e5\\u672c")
    assert all(name in target.read_text("utf-8") for name in names)


def test_the_rows_of_the_newest_signature_are_never_pruned(run: Run, tmp_path: Path) -> None:
    """However late the day: the chain keeps a row behind its last signature."""
    for month in (1, 2):
        written(tmp_path, 3, OLD.replace(month=month))
    prune = ("audit", "prune", "--before", "2027-01-01", "--archive", tmp_path / "archive.jsonl")
    assert "Rows 1 to 4 are sealed" in run(*prune).output


def test_a_damaged_copy_gets_no_name(run: Run, tmp_path: Path) -> None:
    """A page that no question of ours reads is looked at too."""
    written(tmp_path, 3)
    database, copy = tmp_path / "home" / "store.db", tmp_path / "copy.db"
    connection = sqlite3.connect(database)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'plans_owner'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert "the copy is damaged" in code_of(run("backup", copy))
    assert not copy.exists()


def test_what_a_crash_left_beside_the_store_is_not_read_into_the_copy(run: Run, tmp_path: Path) -> None:
    """The log of the store that is replaced goes aside with it."""
    home, copy = tmp_path / "home", tmp_path / "copy.db"
    written(tmp_path, 3)
    assert run("backup", copy).exit_code == 0
    store = open_store(load({}, overrides={"home": home}), home, FakeClock(OLD))
    asyncio.run(store.commit(Append(records.an_entry(OLD))))
    log = (home / "store.db-wal").read_bytes()
    store.close()
    (home / "store.db").write_bytes(b"damaged")
    (home / "store.db-wal").write_bytes(log)
    assert run("restore", copy, "--accept-loss", "a test").exit_code == 0
    assert verified(run)["rows"] == 4
    assert [one.read_bytes() == log for one in home.glob("store.db.before-*-wal")] == [True]


def test_an_anchor_that_fell_behind_a_pruning_does_not_stop_the_store(run: Run, tmp_path: Path) -> None:
    """The last row that it holds was sealed and pruned: it says nothing of the rows that are left."""
    for month in (1, 2):
        written(tmp_path, 3, OLD.replace(month=month))
    anchors = tmp_path / "home" / "anchors.jsonl"
    behind = anchors.read_text().splitlines(keepends=True)[:1]  # row 1
    prune = ("audit", "prune", "--before", "2026-02-01", "--archive", tmp_path / "archive.jsonl")
    assert "Rows 1 to 3 are sealed" in run(*prune).output
    anchors.write_text("".join(behind))
    written(tmp_path, 1, OLD.replace(month=3))
    assert verified(run)["rows"] == 8


def test_what_was_given_and_could_not_be_compared_is_told(run: Run, tmp_path: Path) -> None:
    """A receipt of a row that is not here, in a pruned store or a part; a file of anchors in which none can be read."""
    for month in (1, 2):
        written(tmp_path, 3, OLD.replace(month=month))
    part, wrong = tmp_path / "part.jsonl", tmp_path / "wrong.txt"
    assert run("audit", "export", "--since", 4, "--to", part).exit_code == 0
    prune = ("audit", "prune", "--before", "2026-02-01", "--archive", tmp_path / "archive.jsonl")
    assert "Rows 1 to 3 are sealed" in run(*prune).output
    claim = f"2:{'a' * 64}"
    for where in ((), ("--export", part, "--since", 4)):
        found = verified(run, "--receipt", claim, *where)
        assert any(one.startswith("That row 2 is the one of its receipt") for one in found["does_not_prove"])
    assert verified(run, "--receipt", claim, "--export", tmp_path / "archive.jsonl", code=1)["first_bad_row"] == 2
    contrary = verified(run, "--receipt", f"1:{'a' * 64}", code=1)  # pruned, and a signed statement names it
    assert (contrary["first_bad_row"], contrary["why"]) == (1, "two witnesses name different hashes for it")
    wrong.write_text("no statement here\n")
    assert code_of(run("audit", "verify", "--anchors", wrong)) == "no_anchors"


def test_a_chain_that_is_not_whole_is_not_pruned(run: Run, tmp_path: Path) -> None:
    """Nor is an archive written over a file; evidence of tampering is not swept away."""
    written(tmp_path, 3)
    written(tmp_path, 3, OLD.replace(month=2))
    archive = tmp_path / "archive.jsonl"
    archive.write_text("mine")
    prune = ("audit", "prune", "--before", "2026-02-01", "--archive")
    assert code_of(run(*prune, archive)) == "file_exists"
    altered(
        tmp_path / "home" / "store.db", "UPDATE audit SET doc = replace(doc, 'call-1', 'call-2') WHERE seq = ?", [2]
    )
    assert code_of(run(*prune, tmp_path / "other.jsonl")) == "not_whole"
    assert archive.read_text() == "mine"
    assert not (tmp_path / "other.jsonl").exists()


def test_rows_that_no_tombstone_seals_cannot_be_deleted_and_a_forged_tombstone_is_found(
    run: Run, tmp_path: Path
) -> None:
    """The trigger lets only sealed rows go; a seal without the key's signature is reported."""
    written(tmp_path, 4)
    database = tmp_path / "home" / "store.db"
    forged = json.dumps({"kind": "tombstone", "seq": 2})
    altered(database, "INSERT INTO statements (seq, kind, doc) VALUES (2, 'tombstone', ?)", [forged])
    altered(database, "DELETE FROM audit WHERE seq = ?", [1])
    assert verified(run, code=1)["whole"] is False


def test_a_backup_made_while_the_store_is_used_is_put_back(run: Run, tmp_path: Path) -> None:
    """Nothing is lost, so nothing has to be accepted; the store before it stays beside it."""
    written(tmp_path, 3)
    copy = tmp_path / "copy.db"
    assert run("backup", copy).exit_code == 0
    assert copy.stat().st_mode & 0o777 == 0o600
    assert code_of(run("backup", copy)) == "file_exists"
    (tmp_path / "home" / "anchors.jsonl").unlink()  # nobody knows of the row that told of the backup
    for part in ("", "-wal", "-shm"):
        (tmp_path / "home" / f"store.db{part}").unlink(missing_ok=True)
    assert run("restore", copy).exit_code == 0
    found = verified(run)
    assert (found["rows"], found["whole"]) == (4, True)


def test_a_copy_older_than_the_anchors_is_put_back_only_when_the_loss_is_accepted_and_that_is_told_for_ever(
    run: Run, tmp_path: Path
) -> None:
    """Refused first; then signed, anchored, and a sentence of every later verdict."""
    written(tmp_path, 3)
    copy = tmp_path / "copy.db"
    assert run("backup", copy).exit_code == 0
    written(tmp_path, 2)
    refused = run("restore", copy)
    assert code_of(refused) == "rolled_back"
    assert verified(run)["rows"] == 6
    (tmp_path / "home" / "store.db").write_bytes(b"damaged")
    assert code_of(run("restore", copy)) == "rolled_back"  # the anchors know, though the store cannot tell
    assert run("restore", copy, "--accept-loss", "the disk died").exit_code == 0
    found = verified(run)
    assert (found["whole"], found["rows"]) == (True, 4)
    assert any("put the store back to row 3, rows to 6 were lost: the disk died" in one for one in found["proves"])
    export = tmp_path / "export.jsonl"
    assert run("audit", "export", "--to", export).exit_code == 0
    assert second_opinion(export, tmp_path / "home" / "anchors.jsonl").returncode == 0
    written(tmp_path, 1)
    assert verified(run)["rows"] == 5
    home = tmp_path / "home"
    store = open_store(load({}, overrides={"home": home}), home, FakeClock())
    (entry,) = asyncio.run(_restores(store))
    store.close()
    assert (entry.detail["lost_to"], entry.detail["reason"]) == (6, "the disk died")


def test_a_copy_of_what_a_restore_gave_up_is_not_put_back(run: Run, tmp_path: Path) -> None:
    """It is longer than what stands, and still lacks rows of it: neither they nor the restore are lost in silence."""
    written(tmp_path, 3)
    short, long = tmp_path / "short.db", tmp_path / "long.db"
    assert run("backup", short).exit_code == 0
    written(tmp_path, 9)
    assert run("backup", long).exit_code == 0
    assert run("restore", short, "--accept-loss", "a test").exit_code == 0
    written(tmp_path, 2, datetime.now(UTC))
    before = verified(run)
    assert code_of(run("restore", long)) == "another_branch"
    assert code_of(run("restore", long, "--accept-loss", "a test")) == "another_branch"
    anchors = tmp_path / "home" / "anchors.jsonl"
    kept = anchors.read_text()
    anchors.unlink()
    assert code_of(run("restore", long, "--accept-loss", "a test")) == "another_branch"  # the store knows it alone
    anchors.write_text(kept)
    assert verified(run)["rows"] == before["rows"] == 6
    (tmp_path / "home" / "store.db").write_bytes(b"damaged")
    assert code_of(run("restore", long, "--accept-loss", "a test")) == "another_branch"  # and so do the anchors


def test_one_copy_is_put_back_twice(run: Run, tmp_path: Path) -> None:
    """The second restore makes void what was said since the first, the first itself included."""
    written(tmp_path, 3)
    copy = tmp_path / "copy.db"
    assert run("backup", copy).exit_code == 0
    for reason in ("once", "twice"):
        assert run("restore", copy, "--accept-loss", reason).exit_code == 0
        found = verified(run)
        assert (found["whole"], found["rows"]) == (True, 4)
        assert any(f"rows to 4 were lost: {reason}" in one for one in found["proves"])
    export = tmp_path / "export.jsonl"
    assert run("audit", "export", "--to", export).exit_code == 0
    assert second_opinion(export, tmp_path / "home" / "anchors.jsonl").returncode == 0


def test_a_copy_that_holds_every_row_but_not_its_last_signature_is_put_back_whole(run: Run, tmp_path: Path) -> None:
    """What was signed and anchored of the last row after the copy was made is made void by the restore; no row is."""
    home = tmp_path / "home"
    written(tmp_path, 1)
    copy = tmp_path / "copy.db"
    store = open_store(load({}, overrides={"home": home}), home, FakeClock(OLD))
    asyncio.run(store.commit(Append(records.an_entry(OLD))))
    back_up(home, copy)
    store.close()  # signs row 2
    (home / "store.db").write_bytes(b"damaged")
    assert run("restore", copy).exit_code == 0
    found = verified(run)
    assert (found["whole"], found["rows"]) == (True, 3)
    assert any(one.endswith("put the store back to row 2, no row was lost.") for one in found["proves"])


def test_a_restore_waits_for_a_clock_that_was_set_back(run: Run, tmp_path: Path) -> None:
    """Signed now it would seem to come before what it makes void, and the chain would not be whole for ever."""
    written(tmp_path, 3)
    copy = tmp_path / "copy.db"
    assert run("backup", copy).exit_code == 0
    written(tmp_path, 2, datetime.now(UTC) + timedelta(days=1))
    assert code_of(run("restore", copy, "--accept-loss", "a test")) == "clock_behind"
    found = verified(run)
    assert (found["whole"], found["rows"]) == (True, 6)


@pytest.mark.parametrize("last", ["seal", "clock"])
def test_an_older_copy_is_not_written_on_whatever_was_anchored_last(run: Run, tmp_path: Path, last: str) -> None:
    """The furthest row that was anchored counts, though a seal of old rows came after it, or a clock was put right."""
    home, copy = tmp_path / "home", tmp_path / "copy.db"
    years = (2026, 2026) if last == "seal" else (2031, 2026)
    written(tmp_path, 3, OLD.replace(year=years[0]))
    written(tmp_path, 3, OLD.replace(year=years[1], month=2))
    copy.write_bytes((home / "store.db").read_bytes())
    written(tmp_path, 3, OLD.replace(month=3))
    if last == "seal":
        prune = ("audit", "prune", "--before", "2026-02-01", "--archive", tmp_path / "archive.jsonl")
        assert "sealed" in run(*prune).output
        anchors = home / "anchors.jsonl"
        lines = anchors.read_text().splitlines(keepends=True)
        place = next(number for number, line in enumerate(lines) if '"tombstone"' in line)
        anchors.write_text("".join(lines[: place + 1]))  # killed before it signed its own end
    (home / "store.db").write_bytes(copy.read_bytes())
    with pytest.raises(StoreUnavailable, match="row 9 was anchored"):
        written(tmp_path, 1, OLD.replace(month=4))


def test_a_copy_that_was_edited_or_is_no_store_is_never_put_back(run: Run, tmp_path: Path) -> None:
    """The store stays as it is."""
    written(tmp_path, 3)
    copy, other = tmp_path / "copy.db", tmp_path / "other.db"
    assert run("backup", copy).exit_code == 0
    altered(copy, "UPDATE audit SET doc = replace(doc, 'call-1', 'call-2') WHERE seq = ?", [2])
    assert code_of(run("restore", copy, "--accept-loss", "x")) == "not_whole"
    other.write_bytes(b"nonsense" * 100)
    assert "not a database" in code_of(run("restore", other))
    assert code_of(run("restore", tmp_path / "none")) == "no_file"
    assert verified(run)["rows"] == 4


async def test_a_store_is_not_put_back_under_a_server_that_runs(run: Run, tmp_path: Path) -> None:
    """Refused with how many run and what to do, nothing moved; once it is gone, it goes through."""
    home, copy = tmp_path / "home", tmp_path / "copy.db"
    async with running(load({}, overrides={"home": home}), channel="http") as server:
        await server.store.commit(Append(records.an_entry(OLD)))
        assert (await anyio.to_thread.run_sync(run, "backup", copy)).exit_code == 0
        refused = await anyio.to_thread.run_sync(run, "restore", copy)
        assert code_of(refused) == "server_runs"
        assert str(refused.exception).startswith(f"1 server(s) run on {home}")
        assert sorted(home.glob("store.db.*")) == []
        await server.store.commit(Append(records.an_entry(OLD)))
    done = await anyio.to_thread.run_sync(run, "restore", copy, "--accept-loss", "tried")
    assert done.exit_code == 0, done.output


def test_a_server_that_starts_while_the_copy_is_checked_stops_the_restore(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked for again before anything is moved."""
    home, copy = tmp_path / "home", tmp_path / "copy.db"
    written(tmp_path, 3)
    assert run("backup", copy).exit_code == 0
    server = Presence(home, "server-late")

    def checked(directory: Path, source: Path) -> Path:
        server.enter()
        return copy_into(directory, source)

    monkeypatch.setattr("mcp_server.cli.evidence.backup.copy_into", checked)
    assert code_of(run("restore", copy, "--accept-loss", "tried")) == "server_runs"
    assert sorted(home.glob("store.db.*")) == []
    server.close()


def _public(home: Path) -> set[str]:
    """The keys that signed statements in the anchors of the home."""
    return {one.public_key for one in statements_in(home / "anchors.jsonl")}


def test_the_key_that_signs_is_exchanged_and_both_verifiers_follow_it(run: Run, tmp_path: Path) -> None:
    """A server that runs signs on with the new key; old and new anchors, old and new key prove the same chain."""
    home, export = tmp_path / "home", tmp_path / "export.jsonl"
    written(tmp_path, 3)
    asyncio.run(_while_a_server_runs(home, run))
    written(tmp_path, 2)
    old, new = statements_in(home / "anchors.jsonl")[0].public_key, verified(run)["key"]
    assert old != new
    assert _public(home) == {old, new}
    assert run("audit", "export", "--to", export).exit_code == 0
    lines = (home / "anchors.jsonl").read_text().splitlines(keepends=True)
    for kept in (lines[:1], lines[-1:], lines):
        anchors = tmp_path / "kept"
        anchors.write_text("".join(kept))
        said = second_opinion(export, anchors)
        assert (said.returncode, said.stdout[:6]) == (0, "WHOLE:"), said
        assert f"signed by {old}, {new}" in said.stdout
    for key in (old, new):
        found = verified(run, "--export", export, "--key", key)
        assert (found["whole"], found["key"]) == (True, new)
        assert any(f"{old} signed that {new} follows: yearly" in one for one in found["proves"])


async def _while_a_server_runs(home: Path, run: Run) -> None:
    """A server writes before and after the exchange, and signs what it wrote."""
    clock = FakeClock(OLD)
    store = open_store(load({}, overrides={"home": home}), home, clock)
    await store.commit(Append(records.an_entry(OLD)))
    done = await anyio.to_thread.run_sync(run, "audit", "rotate-key", "--reason", "yearly")
    assert done.exit_code == 0, done.output
    assert "keys/evidence-2.key" in done.output
    clock.advance(EVERY_S)
    await store.commit(Append(records.an_entry(OLD)))
    store.close()


def test_a_key_from_the_environment_is_exchanged_for_one_that_the_environment_gives(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new seed goes to a file of the person's choice; with the old value nothing is written any more."""
    name, target = "MERAKI_SPECIALIST_EVIDENCE_KEY", tmp_path / "seed"
    monkeypatch.setenv(name, base64.b64encode(b"e" * 32).decode())
    assert run("audit", "prune", "--before", "2026-01-01", "--archive", tmp_path / "none").exit_code == 0
    assert run("backup", tmp_path / "one.db").exit_code == 0
    assert code_of(run("audit", "rotate-key", "--reason", "yearly")) == "key_in_environment"
    assert run("audit", "rotate-key", "--reason", "yearly", "--to", target).exit_code == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "home" / "keys" / "evidence.key").exists()
    assert "is not here" in code_of(run("backup", tmp_path / "two.db"))
    monkeypatch.setenv(name, target.read_text().strip())
    assert run("backup", tmp_path / "three.db").exit_code == 0
    assert verified(run)["whole"] is True


def test_a_copy_from_before_an_exchange_is_put_back_under_its_own_key_or_not_at_all(run: Run, tmp_path: Path) -> None:
    """The old key signs it on when it is still there; without it the store that stands is left alone."""
    home, copy = tmp_path / "home", tmp_path / "copy.db"
    written(tmp_path, 2)
    assert run("backup", copy).exit_code == 0
    assert run("audit", "rotate-key", "--reason", "yearly").exit_code == 0
    new = verified(run)["key"]
    old = (home / "keys" / "evidence.key").rename(tmp_path / "old.key")
    assert "is not here" in code_of(run("restore", copy, "--accept-loss", "tried"))
    assert verified(run)["key"] == new
    old.rename(home / "keys" / "evidence.key")
    assert run("restore", copy, "--accept-loss", "tried").exit_code == 0
    assert verified(run)["key"] in _public(home) - {new}
    assert run("audit", "rotate-key", "--reason", "again").exit_code == 0
    assert verified(run)["whole"] is True


def test_a_copy_from_before_a_pruning_is_put_back_and_verifies(run: Run, tmp_path: Path) -> None:
    """The tombstone that the anchors hold is of the time that was lost."""
    copy, archive = tmp_path / "copy.db", tmp_path / "old.jsonl"
    written(tmp_path, 3)
    written(tmp_path, 3, datetime(2026, 3, 1, tzinfo=UTC))
    assert run("backup", copy).exit_code == 0
    assert "are sealed" in run("audit", "prune", "--before", "2026-02-01", "--archive", archive).output
    assert run("restore", copy, "--accept-loss", "tried").exit_code == 0
    assert verified(run)["whole"] is True
    export = tmp_path / "export.jsonl"
    assert run("audit", "export", "--to", export).exit_code == 0
    assert second_opinion(export, tmp_path / "home" / "anchors.jsonl").returncode == 0
