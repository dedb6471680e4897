"""scripts/faults syscalls where there is no strace: loud by hand, a failure where CI=true."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.longest import LONGEST_S

ROOT: Final = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("environment", "code"), [({}, 0), ({"CI": "true"}, 1)])
def test_without_strace_nothing_is_run_and_that_is_said(tmp_path: Path, environment: dict[str, str], code: int) -> None:
    """One line on standard error, and the exit code that the place asks for; an empty PATH has no strace."""
    command = [sys.executable, "-m", "scripts.faulting", "syscalls", "--quick"]
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    given = {**kept, "PATH": str(tmp_path), **environment}
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == "NOT RUN: no system call was made to fail, because strace is not installed.\n"
