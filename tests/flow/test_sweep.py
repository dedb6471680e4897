"""scripts/sweep finds a broken promise, and lets a kept one pass."""

import json
import shutil
from pathlib import Path

import pytest

from mcp_server.catalogue.overlay.book import FOLDER
from scripts.sweeping.__main__ import main

WRITES = ("updateNetworkApplianceContentFiltering", "deleteNetworkGroupPolicy", "rebootDevice")
#: what is broken, in which file, by what
RULES = {
    "a transform is missing": ("appliance.toml", 'transforms = ["ids_of:blockedUrlCategories"]', "transforms = []"),
}


def swept(report: Path, *more: str) -> int:
    """The exit status of a sweep over three operations, one body each."""
    return main(["--jobs", "1", "--most", "1", "--only", ",".join(WRITES), "--json", str(report), *more])


def test_promises_that_hold_exit_0_and_are_told_by_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of each: put back, made again under a new id, refused for want of a way back."""
    assert swept(tmp_path / "report.json") == 0
    told = {one["operation"]: one for one in json.loads((tmp_path / "report.json").read_text("utf-8"))}
    assert {name: (one["promised"], one["verdict"]) for name, one in told.items()} == {
        "updateNetworkApplianceContentFiltering": ("reversible", "kept"),
        "deleteNetworkGroupPolicy": ("new_id", "kept"),
        "rebootDevice": ("none", "refused"),
    }
    assert capsys.readouterr().out.splitlines()[-1].split() == ["all", "3", "2", "0", "1", "0", "0"]


@pytest.mark.parametrize("what", RULES)
def test_a_broken_rule_of_the_overlay_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    """The operation is named, and what was not restored."""
    name, right, wrong = RULES[what]
    shutil.copytree(FOLDER, tmp_path / "overlay", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = tmp_path / "overlay" / name
    text = file.read_text("utf-8")
    assert text.count(right) == 1
    file.write_text(text.replace(right, wrong), "utf-8")
    assert swept(tmp_path / "report.json", "--overlay", str(tmp_path / "overlay")) == 1
    assert f"BROKEN {WRITES[0]}" in capsys.readouterr().out
