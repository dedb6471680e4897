"""Real servers on one data directory, and whatever may happen to them, in any order."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]


def test_whatever_happens_in_whatever_order_nothing_is_lost_doubled_or_told_wrong() -> None:
    """A few runs, always the same; about 20 s. By hand, longer and different each time: scripts/faults machine."""
    done = _machine("--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    for happened in (
        "killed",
        "stopped",
        "meraki_apply applied",
        "ended rolled_back",
        "resolve not-applied contradicted",
    ):
        assert f" {happened}" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("mutant", "seed", "told"),
    [
        ("by-the-clock", 23, "held it"),
        ("sent-again", 2, "reached the cloud 2 times"),
        ("overwritten", 28, "was taken back, and it is not as before"),
        ("unheeded", 15, "somebody could say that it is not"),
    ],
)
def test_the_machine_notices_a_rule_that_was_taken_out(mutant: str, seed: int, told: str) -> None:
    """A lease that ends by the clock alone, a write sent again, an undo that looks at nobody's edit, a word unheeded.

    The seeds are those that show it at once: 5 s each.
    """
    done = _machine("--runs", "20", "--turns", "14", "--seed", str(seed), "--mutant", mutant)
    assert done.returncode == 1, done.stdout
    assert told in done.stderr, done.stderr


def _machine(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "scripts.faulting", "machine", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
