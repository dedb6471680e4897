"""Archives and backups have their name only when they are whole, on every disk, and what was cut short is finished.

An export that cannot be written whole is taken away.
"""

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.cli.program import main
from mcp_server.errors import StoreUnavailable
from mcp_server.store.evidence.exporting import FORMS
from tests.flow.test_keeping_evidence import OLD, Run, code_of, run, verified, written
from tests.support.evidence import second_opinion

__all__ = ["run"]  # a fixture
PRUNE: Final = ("audit", "prune", "--before", "2026-02-01", "--archive")


def _refusing(monkeypatch: pytest.MonkeyPatch, code: int, name: str) -> None:
    """No file gets that name by a link any more."""
    link = os.link

    def refuse(source: Any, target: Any, **how: Any) -> None:
        if Path(target).name == name:
            raise OSError(code, os.strerror(code))
        link(source, target, **how)

    monkeypatch.setattr(os, "link", refuse)


def _three_months(tmp_path: Path) -> Path:
    for month in (1, 2, 3):
        written(tmp_path, 3, OLD.replace(month=month))
    return tmp_path / "archive.jsonl"


def test_an_archive_has_its_name_only_with_its_signatures_and_a_prune_cut_short_is_finished(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are in the store no longer: they wait beside it until the same command gives them their name."""
    archive = _three_months(tmp_path)
    with monkeypatch.context() as cut:
        _refusing(cut, errno.ENOSPC, archive.name)
        stopped = run(*PRUNE, archive)
        assert isinstance(stopped.exception, StoreUnavailable)
    assert not archive.exists()
    assert verified(run)["first"] == 4
    assert "Rows 1 to 3 are sealed" in run(*PRUNE, archive).output
    assert (verified(run, "--export", archive)["rows"], second_opinion(archive).stdout[:6]) == (3, "WHOLE:")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["archive.jsonl", "home"]
    part = tmp_path / "archive.jsonl.part"  # as it stands when only taking it away was cut short
    part.write_text("".join(archive.read_text().splitlines(keepends=True)[:3]))
    part.chmod(0o600)
    assert "Rows 1 to 3 are sealed" in run(*PRUNE, archive).output
    assert not part.exists()
    assert code_of(run(*PRUNE[:2], "--before", "2026-03-01", "--archive", archive)) == "file_exists"


def test_rows_kept_by_a_prune_that_sealed_nothing_are_kept_anew(run: Run, tmp_path: Path) -> None:
    """They are all in the store still."""
    archive, part = _three_months(tmp_path), tmp_path / "archive.jsonl.part"
    assert run("audit", "export", "--to", part).exit_code == 0
    part.write_text("".join(part.read_text().splitlines(keepends=True)[:2]))
    assert "Rows 1 to 3 are sealed" in run(*PRUNE, archive).output
    assert verified(run, "--export", archive)["rows"] == 3
    assert not part.exists()


@pytest.mark.parametrize("content", ["mine", ""])
def test_what_is_no_prune_of_ours_is_never_written_over(run: Run, tmp_path: Path, content: str) -> None:
    """Nor what holds rows that are in no store any more, under a seal that is not theirs."""
    archive, part = _three_months(tmp_path), tmp_path / "archive.jsonl.part"
    part.write_text(content)
    part.chmod(0o600)
    assert code_of(run(*PRUNE, archive)) == "file_exists"
    assert (part.read_text(), archive.exists(), verified(run)["first"]) == (content, False, 1)
    part.unlink()
    other = tmp_path / "other.jsonl"
    assert run(*PRUNE, other).exit_code == 0
    part.write_text("".join(other.read_text().splitlines(keepends=True)[:2]))
    part.chmod(0o600)
    assert code_of(run(*PRUNE, archive)) == "file_exists"


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_disk_without_hard_links_takes_backups_and_archives_and_still_none_is_written_over(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As on FAT, or a share: the name is taken first."""
    archive, copy = _three_months(tmp_path), tmp_path / "copy.db"
    for path, command in ((copy, ("backup",)), (archive, PRUNE)):
        _refusing(monkeypatch, code, path.name)
        done = run(*command, path)
        assert done.exit_code == 0, done.output
        assert path.stat().st_mode & 0o777 == 0o600
    assert verified(run, "--export", archive)["rows"] == 3
    assert run("restore", copy, "--accept-loss", "a test").exit_code == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["archive.jsonl", "copy.db", "home"]


@pytest.mark.parametrize("code", [errno.EEXIST, errno.EPERM])
def test_a_backup_gives_way_to_a_file_that_came_meanwhile(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """With hard links and without."""
    written(tmp_path, 3)
    copy, link = tmp_path / "copy.db", os.link

    def late(source: Any, target: Any, **how: Any) -> None:
        if Path(target) == copy:
            copy.write_text("mine")
            raise OSError(code, os.strerror(code))
        link(source, target, **how)

    monkeypatch.setattr(os, "link", late)
    assert code_of(run("backup", copy)) == "file_exists"
    assert copy.read_text() == "mine"


def test_an_export_that_does_not_become_whole_is_taken_away(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place for it is named as what failed; the store is well."""
    written(tmp_path, 3)
    target, whole = tmp_path / "export", FORMS["jsonl"]

    def cut(*given: Any) -> Iterator[str]:
        yield from list(whole(*given))[:2]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setitem(FORMS, "jsonl", cut)
    for words, place in ((("--to", target), str(target)), ((), "standard output")):
        done = run("audit", "export", *words)
        assert code_of(done) == "no_file"
        assert f"{place} cannot be written: No space left on device." in str(done.exception)
        assert not target.exists()


def test_an_export_of_which_no_more_is_read_ends_without_a_word(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As in a pipe to ``head``: neither the store nor a setting is at fault."""
    assert run("plans").exit_code == 0
    written(tmp_path, 30)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        with pytest.raises(SystemExit) as ended:
            main(["audit", "export"])
    assert (ended.value.code, capfd.readouterr().err) == (1, "")


def test_a_file_without_a_row_is_not_called_whole(run: Run, tmp_path: Path) -> None:
    """By neither verifier; a store that holds none yet proves nothing."""
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert code_of(run("audit", "verify", "--export", empty)) == "not_whole"
    assert second_opinion(empty).returncode == 1
    found = verified(run)
    assert (found["whole"], found["rows"], found["proves"]) == (True, 0, [])
    assert found["does_not_prove"][0] == "That no row was ever written: none is here."
