"""Evidence on read-only media, or where this account may write nothing: it is looked at, verified and taken along."""

import asyncio
import contextlib
import errno
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import filelock
import pytest

from mcp_server.assembly import open_store
from mcp_server.cli.program import main
from mcp_server.domain.ports import Append
from mcp_server.settings import load
from mcp_server.store.evidence import read_only
from tests.support import records
from tests.support.fake_clock import FakeClock
from tests.support.poor_disk import full_disk, unwritable_home
from tests.support.tampering import altered

NOW: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)
ROWS: Final = 3
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a data directory: its exit code, and what it printed."""

    def invoke(home: Path, *words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setenv("MERAKI_SPECIALIST_HOME", str(home))
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, out, err

    return invoke


@contextmanager
def _written(tmp_path: Path, run: Run, commands: Sequence[Sequence[str]]) -> Iterator[Path]:
    """A data directory with some rows, all of them in the log alone, while its server lives.

    The commands have run on it before, so that all that they load is loaded.
    """
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    store = open_store(load({}, overrides={"home": home}), home, FakeClock(NOW))
    for words in commands:
        run(home, *words)
    for _ in range(ROWS):
        asyncio.run(store.commit(Append(records.an_entry(NOW))))
    try:
        yield home
    finally:
        store.close()


def _inside(home: Path) -> dict[str, bytes]:
    return {str(file.relative_to(home)): file.read_bytes() for file in sorted(home.rglob("*")) if file.is_file()}


def test_a_chain_whose_end_is_in_the_log_alone_is_verified_and_exported_where_nothing_may_be_written(
    tmp_path: Path, run: Run
) -> None:
    """All its rows count, the copy's files stay as they are, and nothing is left in the place for copies."""
    looks = [("audit", "verify", "--json"), ("audit", "export"), ("audit", "tail"), ("changes",), ("history",)]
    with _written(tmp_path, run, looks) as written, unwritable_home(written) as home:
        alone = sqlite3.connect(f"file:{home}/store.db?immutable=1", uri=True)
        assert alone.execute("SELECT count(*) FROM audit").fetchone()[0] < ROWS, "the rows are not in the log alone"
        alone.close()
        before = _inside(home)
        code, out, err = run(home, "audit", "verify", "--json")
        found: dict[str, Any] = json.loads(out)
        assert (code, found["whole"], found["rows"] >= ROWS) == (0, True, True), err
        assert not any("an export ends" in one for one in found["does_not_prove"])
        code, out, err = run(home, "audit", "export")
        assert (code, sum('"seq"' in one for one in out.splitlines()) >= ROWS) == (0, True), err
        for words in looks[2:]:
            assert run(home, *words)[0] == 0
        assert _inside(home) == before


def test_a_backup_is_made_from_where_nothing_may_be_written_and_says_that_it_is_not_on_record(
    tmp_path: Path, run: Run
) -> None:
    """It holds every row; without a place for the file, that is what is told."""
    with (
        _written(tmp_path, run, [("backup", str(tmp_path / "first.db"))]) as written,
        unwritable_home(written) as home,
        tempfile.TemporaryDirectory() as place,
    ):
        code, out, err = run(home, "backup", Path(place) / "copy.db")
        assert (code, "not on record" in err) == (0, True), (out, err)
        copy = sqlite3.connect(Path(place) / "copy.db")
        assert copy.execute("SELECT count(*) FROM audit").fetchone()[0] >= ROWS
        copy.close()
        code, _, err = run(home, "backup", home / "copy.db")
        assert (code, "copy.db cannot be written" in err) == (5, True), err


def test_a_chain_that_is_not_whole_is_told_with_another_code_than_a_store_that_cannot_be_read(
    tmp_path: Path, run: Run
) -> None:
    """1 for a row that is not as written; 5 for a file that nobody can open; 3 where there is none."""
    with _written(tmp_path, run, [("audit", "verify")]) as written:
        pass
    altered(written / "store.db", "UPDATE audit SET hash = ? WHERE seq = 2", ("0" * 64,))
    with unwritable_home(written) as home:
        assert run(home, "audit", "verify")[0] == 1
    (written / "store.db").write_bytes(b"no database at all" * 400)
    with unwritable_home(written) as home:
        assert run(home, "audit", "verify")[0] == 5
    with unwritable_home() as home:
        assert run(home, "audit", "verify")[0] == 3


def test_without_the_key_of_the_record_a_copy_is_judged_like_an_export(tmp_path: Path, run: Run) -> None:
    """An auditor is given the store and its anchors, not the keys: that its end is the end is then not proven."""
    with _written(tmp_path, run, [("audit", "verify", "--json")]) as written:
        shutil.rmtree(written / "keys")
        with unwritable_home(written) as home:
            code, out, err = run(home, "audit", "verify", "--json")
        assert code == 0, err
        assert any("an export ends" in one for one in json.loads(out)["does_not_prove"])
        assert "without the seal of its end" in err


def test_a_copy_waits_for_whoever_writes_and_is_given_up_when_they_never_end(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writers' own lock is asked for, which needs no right to write."""
    monkeypatch.setattr(read_only, "_PAUSE_S", 0.001)
    with _written(tmp_path, run, [("audit", "verify")]) as written, unwritable_home(written) as home:
        with (home / "store.lock").open("rb") as lock:
            assert filelock.lock_descriptor(lock.fileno(), blocking=False)
            code, _, err = run(home, "audit", "verify")
            assert (code, "is being written all the time" in err) == (5, True), err
        assert run(home, "audit", "verify")[0] == 0


@pytest.mark.parametrize("lacks", ["a place", "room"])
def test_where_no_private_copy_can_be_written_that_is_told(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    """As in a container whose own files are read-only: no place at all, or none that takes the copy."""
    with (
        _written(tmp_path, run, [("audit", "verify")]) as written,
        unwritable_home(written) as home,
        monkeypatch.context() as without,
        full_disk(home) if lacks == "room" else contextlib.nullcontext(),
    ):
        if lacks == "a place":
            without.setattr(tempfile, "tempdir", None)
            without.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(home)])
        code, _, err = run(home, "audit", "verify")
    assert (code, "Name a place with room in TMPDIR" in err) == (5, True), err


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_log_that_its_last_server_takes_away_meanwhile_is_no_fault(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """What it held is in the database by then, at whichever look it is gone."""
    stat, looks = Path.stat, list[Path]()

    def closing(path: Path, **how: Any) -> os.stat_result:
        if path.name == "store.db-wal":
            looks.append(path)
            if len(looks) >= at:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return stat(path, **how)

    with _written(tmp_path, run, [("audit", "verify", "--json")]) as written:
        connection = sqlite3.connect(written / "store.db")
        connection.execute("PRAGMA wal_checkpoint")
        connection.close()
        with unwritable_home(written) as home:
            monkeypatch.setattr(Path, "stat", closing)
            code, out, err = run(home, "audit", "verify", "--json")
    assert (code, json.loads(out)["rows"] >= ROWS, len(looks) >= at) == (0, True, True), err
