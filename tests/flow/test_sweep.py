"""scripts/sweep finds a broken promise, and lets a kept one pass."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mcp_server.catalogue.overlay import Overlay
from mcp_server.catalogue.overlay.book import FOLDER
from mcp_server.sandbox.app import create_app
from scripts.sweeping.__main__ import main
from tests.support.places import ORG
from tests.support.sandbox_server import served
from tests.support.shipped import CATALOGUE, OVERLAY
from tests.support.stage import KEY, QUICK

WRITES = ("updateNetworkApplianceContentFiltering", "deleteNetworkGroupPolicy", "rebootDevice")
#: what is broken, in which file, by what
RULES = {
    "a transform is missing": ("appliance.toml", 'transforms = ["ids_of:blockedUrlCategories"]', "transforms = []"),
}


def copied(home: Path) -> Path:
    """A folder of its own with the shipped overlay."""
    return Path(shutil.copytree(FOLDER, home / "overlay", ignore=shutil.ignore_patterns("*.py", "__pycache__")))


def swept(report: Path, *more: str) -> int:
    """The exit status of a sweep over three operations, one body each."""
    return main(["--jobs", "1", "--quick", "--only", ",".join(WRITES), "--json", str(report), *more])


def test_promises_that_hold_exit_0_and_are_told_by_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of each: put back, made again under a new id, refused for want of a way back."""
    assert swept(tmp_path / "report.json") == 0
    told = {one["operation"]: one for one in json.loads((tmp_path / "report.json").read_text("utf-8"))}
    assert {name: (one["promised"], one["verdict"]) for name, one in told.items()} == {
        "updateNetworkApplianceContentFiltering": ("reversible", "kept"),
        "deleteNetworkGroupPolicy": ("new_id", "kept"),
        "rebootDevice": ("none", "refused"),
    }
    assert capsys.readouterr().out.splitlines()[-1].split() == ["all", "3", "2", "0", "1", "0", "0", "0"]


@pytest.mark.parametrize("what", RULES)
def test_a_broken_rule_of_the_overlay_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    """The operation is named, and what was not restored."""
    name, right, wrong = RULES[what]
    file = copied(tmp_path) / name
    text = file.read_text("utf-8")
    assert text.count(right) == 1
    file.write_text(text.replace(right, wrong), "utf-8")
    assert swept(tmp_path / "report.json", "--overlay", str(tmp_path / "overlay")) == 1
    assert f"BROKEN {WRITES[0]}" in capsys.readouterr().out


def test_a_lab_notes_the_day_for_what_was_undone_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox over TCP as if it were live: judged by the SDK alone; a plan then names lab and the day."""
    overlay = copied(tmp_path)
    app = create_app(api_key=KEY, rate_limit=False)
    quick = {name: str(value) for name, value in {**QUICK, "settle_s": 0.2, "health_settle_s": 0.0}.items()}
    with served(app) as base:
        for name, value in {**quick, "allow_loopback": "1"}.items():
            monkeypatch.setenv(f"MERAKI_SPECIALIST_{name.upper()}", value)
        monkeypatch.setenv("MERAKI_BASE_URL", base)
        monkeypatch.setenv("MERAKI_DASHBOARD_API_KEY", KEY)
        only = "updateNetworkNetflow,createNetworkGroupPolicy,deleteNetworkGroupPolicy"
        assert main(["--live", ORG, "--only", only, "--evidence", str(overlay / "evidence.toml")]) == 0
    assert {row["status"] for row in app.world.journal if row["method"] != "GET"} <= {200, 201, 204}
    rows = Overlay.load(CATALOGUE, overlay)
    day = r"lab \d{4}-\d\d-\d\d"
    assert re.fullmatch(day, rows.row("updateNetworkNetflow").evidence)
    assert re.fullmatch(day, rows.row("createNetworkGroupPolicy").evidence)
    assert rows.row("deleteNetworkGroupPolicy").evidence == OVERLAY.row("deleteNetworkGroupPolicy").evidence
