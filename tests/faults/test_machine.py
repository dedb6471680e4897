"""Real servers on one data directory, and whatever may happen to them, in any order."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


def test_whatever_happens_in_whatever_order_nothing_is_lost_doubled_or_told_wrong() -> None:
    """A few runs, always the same; about 20 s. By hand, longer and different each time: scripts/faults machine."""
    command = [sys.executable, "-m", "scripts.faulting", "machine", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for happened in ("killed", "stopped", "meraki_apply applied", "ended rolled_back"):
        assert f" {happened}" in done.stdout, done.stdout
