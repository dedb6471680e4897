"""The Dockerfile: what it copies is there, what it runs exists, and nobody in it is root."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
