"""The points at which tests stop the program: named once, told before they act, and nothing where nobody asked."""

import ast
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_server.errors import SettingsError
from mcp_server.failpoints import POINTS, Failed, Spec, arm, failpoint, parse
from mcp_server.settings import load
from tests.architecture.source import modules


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm((), None)


def named() -> set[str]:
    """Every name that the source gives to a failpoint."""
    calls = [node for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    found = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "failpoint"]
    return {str(argument.value) for argument in found if isinstance(argument, ast.Constant)}


def test_each_point_of_the_table_stands_in_the_source_and_no_other() -> None:
    """A point that nothing passes would be a test that proves nothing."""
    assert named() == set(POINTS)


def test_the_points_of_the_write_protocol_are_all_there() -> None:
    """K0 to K14 (safety facts 5.2)."""
    assert {f"K{number}" for number in range(15)} <= set(POINTS)


def test_a_point_that_nobody_armed_does_nothing() -> None:
    """Not even for a name that is none: it costs one look."""
    failpoint("K6")
    failpoint("nowhere")


def test_a_point_is_told_before_it_acts_and_acts_at_the_reach_that_was_asked_for(tmp_path: Path) -> None:
    """The second time, not the first."""
    trace = tmp_path / "trace"
    arm(parse("K6:fail:2"), trace)
    failpoint("K6")
    failpoint("K5")
    with pytest.raises(Failed, match="K6"):
        failpoint("K6")
    assert trace.read_text() == "K6 1\nK5 1\nK6 2\n"


def test_a_name_that_is_no_point_is_found_once_points_are_armed(tmp_path: Path) -> None:
    """Else a test would wait for a point that nothing ever reaches."""
    arm((), tmp_path / "trace")
    with pytest.raises(KeyError):
        failpoint("K99")


@pytest.mark.parametrize("text", ["K6", "K99:kill", "K6:burn", "K6:kill:0", "K6:kill:x", "K6:kill:1:1"])
def test_what_is_no_point_with_its_action_is_refused(text: str) -> None:
    """Named wrongly, it would never act, and a test would prove nothing."""
    with pytest.raises(ValueError, match=text):
        parse(text)
    with pytest.raises(SettingsError):
        load({"MERAKI_SPECIALIST_FAILPOINT": text, "MERAKI_SPECIALIST_ALLOW_LOOPBACK": "1"})


def test_several_points_may_be_armed_at_once() -> None:
    """As for a crash, and then another in the recovery of it; but each has its own reach."""
    assert parse("K6:kill, K9:stop:3") == (Spec("K6", "kill"), Spec("K9", "stop", 3))


@pytest.mark.parametrize("name", ["FAILPOINT", "FAILPOINT_TRACE"])
def test_points_are_refused_by_a_program_that_can_reach_the_real_cloud(name: str) -> None:
    """Only with the permission for an API on this machine, or with the sandbox; never from the file."""
    given = {f"MERAKI_SPECIALIST_{name}": "K6:kill"}
    with pytest.raises(SettingsError, match="MERAKI_SPECIALIST_FAILPOINT"):
        load(given)
    for switch in ("ALLOW_LOOPBACK", "SANDBOX"):
        load({**given, f"MERAKI_SPECIALIST_{switch}": "1"})


def test_points_do_not_come_from_the_settings_file(tmp_path: Path) -> None:
    """A file is for operators."""
    path = tmp_path / "config.toml"
    path.write_text('failpoint = "K6:kill"\n')
    with pytest.raises(SettingsError, match="failpoint"):
        load({"MERAKI_SPECIALIST_ALLOW_LOOPBACK": "1"}, path)


def test_a_kill_ends_the_process_at_the_point(tmp_path: Path) -> None:
    """By SIGKILL: nothing behind the point is done, and the trace has the point."""
    trace = tmp_path / "trace"
    code = (
        "from pathlib import Path; from mcp_server.failpoints import arm, failpoint, parse;"
        f"arm(parse('K6:kill'), Path({str(trace)!r})); failpoint('K6'); Path({str(tmp_path / 'after')!r}).touch()"
    )
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert trace.read_text() == "K6 1\n"
    assert not (tmp_path / "after").exists()
