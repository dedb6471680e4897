"""The command that a person is given to run."""

import shlex
import sys
from pathlib import Path

import pytest

import mcp_server
from mcp_server.assembly import approve_command, command_line
from mcp_server.settings import Settings

SETTINGS = Settings(home=Path("/data of ana/x"))


def test_an_installed_script_is_named_by_its_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever directory the person is in; the data directory's spaces are quoted."""
    monkeypatch.setattr(sys, "argv", ["bin/meraki-specialist", "serve"])
    words = shlex.split(approve_command(SETTINGS, "plan-1"))
    assert words == [str(Path.cwd() / "bin/meraki-specialist"), "--home", "/data of ana/x", "approve", "plan-1"]


def test_a_package_that_is_not_installed_says_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter of a bundle or a checkout finds it from any directory."""
    monkeypatch.setattr(sys, "argv", ["/anything/__main__.py"])
    words = shlex.split(command_line(SETTINGS, "audit-respond", "audit-1"))
    root = Path(mcp_server.__file__).resolve().parent.parent
    assert words[:2] == ["env", f"PYTHONPATH={root}"]
    assert words[2:5] == [sys.executable, "-m", "mcp_server"]
    assert words[-2:] == ["audit-respond", "audit-1"]


def test_an_installed_package_needs_no_more_than_its_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment is set where none is needed."""
    root = Path(mcp_server.__file__).resolve().parent.parent
    monkeypatch.setattr(sys, "argv", ["/anything/__main__.py"])
    monkeypatch.setattr("site.getsitepackages", lambda: [str(root)])
    assert shlex.split(command_line(SETTINGS, "plans"))[0] == sys.executable
