"""Archives and backups have their name only when they are whole, on every disk, and what was cut short is finished."""

import errno
import os
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.errors import StoreUnavailable
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
