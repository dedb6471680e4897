"""How a forked process ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.longest import LONGEST_S

PARENT = """
import os, sys
from tests.support.forked import live_and_end
print("begun", end="")
try:
    child = os.fork()
    if child == 0:
        live_and_end(lambda: {work})
    print("", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
finally:
    print("over")
"""


@pytest.mark.parametrize(("work", "code", "said"), [("None", 0, ""), ("3", 3, ""), ("1 / 0", 1, "ZeroDivisionError")])
def test_a_forked_process_ends_by_its_code_and_runs_nothing_of_its_parent(work: str, code: int, said: str) -> None:
    """A fault is told and is 1; what the parent has open is closed by the parent alone, what it says is said once."""
    command = [sys.executable, "-c", PARENT.format(work=work)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, cwd=Path.cwd(), check=True)
    assert done.stdout == f"begun {code}\nover\n"
    assert said in done.stderr
    assert bool(said) == bool(done.stderr)
