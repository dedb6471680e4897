"""The soak: its decisions are its seed's, all that its tables name comes up, and a run with something wrong fails."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import pytest

from mcp_server.failpoints import POINTS
from mcp_server.sandbox.faults import KINDS
from scripts.faulting.soaking import deeds
from scripts.faulting.soaking.schedule import (
    CLOUD,
    CLOUD_WRITES,
    DEEDS,
    FOR_A_WRITE,
    KILLS,
    LEAST,
    LINE,
    MOST,
    Schedule,
)
from tests.faults import proxy
from tests.support.places import NET

ROOT: Final = Path(__file__).resolve().parents[2]
MANY: Final = 8000


def test_a_seed_makes_the_same_decisions_in_another_process_and_another_seed_others() -> None:
    """Stories, faults and kills; what Python hashes by chance has no part in it."""
    code = "from scripts.faulting.soaking.schedule import Schedule; print(Schedule(7).digest(3, 50))"
    printed = {
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert printed == {f"{Schedule(7).digest(3, 50)}\n"}
    assert Schedule(7).digest(3, 50) != Schedule(8).digest(3, 50)
    again, first = Schedule(7).deed(1, 3), Schedule(7).deed(1, 3)
    Schedule(7).deed(2, 9)
    assert (again, again.chance.random()) == (first, first.chance.random())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_so_many_requests_go_wrong_as_the_share_says(seed: int) -> None:
    """Half of them on the line, half in the cloud; 2 to 10 % of the reads, more of the writes, which are few."""
    schedule = Schedule(seed)
    assert LEAST <= schedule.share <= MOST
    for is_write, share in ((False, schedule.share), (True, FOR_A_WRITE * schedule.share)):
        line = sum(bool(schedule.on_the_line(number, is_write=is_write)) for number in range(MANY))
        cloud = sum(bool(schedule.in_the_cloud(number, is_write=is_write)) for number in range(MANY))
        assert (line + cloud) / MANY == pytest.approx(share, rel=0.15)
        assert line / cloud == pytest.approx(1.0, rel=0.3)


def test_every_story_every_fault_and_every_point_comes_up() -> None:
    """No row of a table is there for nothing, and each is one that is known where it is done."""
    schedule = Schedule(1)
    done = Counter(schedule.deed(worker, turn).kind for worker in range(3) for turn in range(400))
    assert set(done) == {*DEEDS, "unkept"} == set(deeds.DEEDS)
    assert done["unkept"] == 1
    assert {schedule.on_the_line(number, is_write=True) for number in range(MANY)} == {*LINE, ""}
    assert {schedule.in_the_cloud(number, is_write=True) for number in range(MANY)} == {*CLOUD_WRITES, ""}
    assert {schedule.in_the_cloud(number, is_write=False) for number in range(MANY)} == {*CLOUD, ""}
    points = {schedule.kill(1, life).partition(":")[0] for life in range(2000)}
    assert points == {*KILLS, ""}
    assert {schedule.kill(0, life) for life in range(50)} == {""}
    assert set(KILLS) <= set(POINTS)
    assert {given["kind"] for given in CLOUD_WRITES.values()} <= KINDS
    kinds = get_args(get_type_hints(proxy.Fault)["kind"])
    assert {kind for kind, *_ in LINE.values()} == set(kinds) - {"hold"}  # a test lets it go


def test_a_soak_in_which_somebody_writes_past_the_servers_fails_says_why_and_keeps_the_evidence(tmp_path: Path) -> None:
    """The shortest soak there is, 10 s: one server, one unannounced write; the oracle can be asked again."""
    command = [sys.executable, "-m", "scripts.faulting", "soak", "--seconds", "1", "--servers", "1", "--seed", "5"]
    given: dict[str, Any] = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 200}
    done = subprocess.run([*command, "--violate"], check=False, env={**os.environ, "TMPDIR": str(tmp_path)}, **given)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "seed 5 (decisions " in done.stdout
    assert "BROKEN I1: nobody announced PUT" in done.stdout
    assert "took effect and is on no record" in done.stdout
    assert re.search(rf"cloud    \d+ PUT /networks/{NET}/wireless/ssids/9 .*took effect", done.stdout)
    [kept] = re.findall(r"kept in (\S+); python (.+)", done.stdout)
    assert Path(kept[0]).parent == tmp_path
    again = subprocess.run([sys.executable, *kept[1].split()], check=False, **given)
    assert again.returncode == 1
    assert "BROKEN I1: nobody announced PUT" in again.stdout
