"""The Dockerfile: what it copies is there, what it runs exists, and nobody in it is root."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")


def lines(word: str) -> list[str]:
    """What follows an instruction, for each of its lines."""
    return re.findall(rf"^{word} +(.*)$", DOCKERFILE, re.MULTILINE)


def test_everything_that_is_copied_is_let_through_and_nothing_else_is_sent() -> None:
    """The ignore file refuses all but what the build copies from the checkout."""
    copied = {name for line in lines("COPY") if "--from" not in line for name in line.split()[:-1]}
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*"
    assert {name.removeprefix("!") for name in ignored if name.startswith("!")} == copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_what_is_installed_comes_from_the_locks_with_hashes() -> None:
    """No install without hashes, but of the wheel that was just built."""
    installs = [part for line in lines("RUN") for part in line.split("&&") if "pip install" in part]
    assert len(installs) == 3
    assert all("--require-hashes" in one or "--no-deps /dist/" in one for one in installs)


def test_both_stages_stand_on_one_base_that_can_be_exchanged() -> None:
    """What was compiled for one Python runs on no other; the default is one that the package allows."""
    (base,) = lines("ARG")
    assert [line.split()[0] for line in lines("FROM")] == ["${BASE}", "${BASE}"]
    found = re.fullmatch(r"BASE=python:3\.(\d+)-slim", base)
    assert found, base
    assert int(found[1]) >= 11


def test_a_container_as_documented_outlives_a_change_that_is_under_way_and_can_be_started_twice() -> None:
    """Docker kills ten seconds after it asks for the end, which is before a change was read back and watched.

    A fixed name would be taken while the former server still ends its change.
    """
    guide = (ROOT / "docs/howto/run-in-a-container.md").read_text("utf-8")
    (told,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    run = json.loads(told)["mcpServers"]["meraki"]["args"]
    default = Settings(home=Path("unused"))
    assert int(run[run.index("--stop-timeout") + 1]) >= 2 * (default.settle_s + default.health_settle_s)
    assert "--name" not in run
    in_words = re.findall(r"docker run .*?--stop-timeout (\d+)", (ROOT / "Dockerfile").read_text("utf-8"))
    assert in_words == [run[run.index("--stop-timeout") + 1]]


def test_the_server_does_not_run_as_root() -> None:
    """The last user is one that was made, by number (which says "not root" without the image's account file).

    The data directory is theirs alone.
    """
    (made,) = re.findall(r"useradd .*--uid (\d+) --user-group", DOCKERFILE)
    assert lines("USER") == [f"{made}:{made}"]
    assert int(made) > 0
    assert DOCKERFILE.index("useradd") < DOCKERFILE.index("USER ") < DOCKERFILE.index("ENTRYPOINT")
    assert "--owner meraki --group meraki --mode 0700 /data" in DOCKERFILE


@pytest.mark.parametrize("where", ["fresh", "written"])
def test_the_health_check_is_a_command_that_says_yes_and_no(tmp_path: Path, where: str) -> None:
    """Exit status 0 for a data directory in order; another when the directory cannot be the server's own."""
    (told,) = lines("HEALTHCHECK")
    command = json.loads(told.split("CMD", 1)[1])
    assert command[0] == json.loads(lines("ENTRYPOINT")[0])[0] == "meraki-specialist"
    home = tmp_path / "data"
    if where == "written":
        home.write_text("a file, no directory")
    environ = {"PATH": os.environ["PATH"], "MERAKI_SPECIALIST_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "mcp_server", *command[1:]], env=environ, capture_output=True, check=False
    )
    assert (done.returncode == 0) == (where == "fresh"), done.stdout + done.stderr
