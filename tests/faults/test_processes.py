"""Eight servers on one data directory: a serial history for each network, nothing lost, one rate for all."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SERVERS, PLANS = 8, 16


@pytest.mark.skipif(
    "RUN_EIGHT_SERVERS" not in os.environ,
    reason="run by hand with RUN_EIGHT_SERVERS=1 or scripts/faults processes: on busy cores the harness's reads were "
    "refused, and one run of several met 429 answers; it has not been steady often enough for every run",
)
def test_eight_servers_change_four_networks_together_and_nothing_is_lost_or_doubled() -> None:
    """They meet, and every plan is applied once; the oracle finds nothing broken, the cloud never has to answer 429.

    A process of its own, for it forks the servers; 50 s, nearly all of it spent waiting for the rate. By hand with 50
    plans: scripts/faults processes.
    """
    command = [sys.executable, "-m", "scripts.faulting", "processes", "--servers", str(SERVERS), "--plans", str(PLANS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SERVERS} servers, {PLANS} changes applied" in done.stdout
    assert " 0 answered 429" in done.stdout
    for invariant in ("I3", "I8", "I9", "I11", "I16"):
        exercised = re.search(rf"^{invariant} +(\d+)  ", done.stdout, re.MULTILINE)
        assert exercised is not None, done.stdout
        assert int(exercised.group(1)) >= PLANS
