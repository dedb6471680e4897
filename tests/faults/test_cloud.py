"""The cloud misbehaves: whatever it does to a write, nothing is doubled and nothing is told better than it is."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.reference import faults
from tests.faults.matrix import ROWS
from tests.support.places import NET
from tests.support.stage import accepting, staged
from tests.support.story import confirmed, planned, step
from tests.support.witnesses import Witnesses

SSID: Final = f"/networks/{NET}/wireless/ssids/1"
_READS_BEFORE: Final = 2  #: of the resource in an apply: to ask, and to compare once it is approved
FAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    **{f"{status} before": {"kind": "status", "status": status} for status in (500, 502, 503, 504)},
    **{f"{status} after": {"kind": "status", "status": status, "when": "after"} for status in (500, 502, 503, 504)},
    "429 twice": {"kind": "status", "status": 429, "count": 2, "retry_after": 0},
    "dropped before": {"kind": "drop"},
    "dropped after": {"kind": "drop", "when": "after"},
    "cut": {"kind": "cut"},
    "a web page": {"kind": "html"},
    "broken JSON": {"kind": "malformed"},
    "nothing stored": {"kind": "not_applied"},
    "another value stored": {"kind": "normalised", "set": {"name": "Y"}},
}


@pytest.mark.parametrize(
    ("name", "method"),
    [*((name, "PUT") for name in FAULTS), *((name, "POST") for name in FAULTS if name != "another value stored")],
)
async def test_whatever_the_cloud_does_to_a_write_the_oracle_finds_nothing_broken(
    tmp_path: Path, name: str, method: str
) -> None:
    """For an update and a create; it is applied, failed, undone or unknown, as it really is."""
    vlan = {"id": "77", "name": "Cameras", "subnet": "10.77.0.0/24", "applianceIp": "10.77.0.1"}
    asked = (
        step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1")
        if method == "PUT"
        else step("createNetworkApplianceVlan", vlan, networkId=NET)
    )
    home = tmp_path / "home"
    async with staged(home, answer=accepting, given={"settle_s": 0.2}) as stage:
        witnesses = Witnesses(stage.sandbox, home)
        plan = await planned(stage, asked)
        stage.sandbox.add_fault({**FAULTS[name], "method": method})
        done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
        witnesses.note("meraki_apply", done)
        assert done["status"] in ("applied", "failed", "rolled_back", "unknown")
        verdict = await witnesses.verdict()
    assert verdict.broken == []
    assert verdict.exercised["I3"]


@pytest.mark.parametrize(("reads", "status"), [(4, "applied"), (99, None)])
async def test_a_read_back_that_is_stale_for_a_while_is_waited_for_and_one_for_ever_is_never_applied(
    tmp_path: Path, reads: int, status: str | None
) -> None:
    """Ten seconds of fifteen, at a tenth of the usual settle time; what is never seen is not claimed."""
    home = tmp_path / "home"
    given = {"settle_s": 1.5, "settle_poll_s": 0.05}
    async with staged(home, answer=accepting, given=given) as stage:
        witnesses = Witnesses(stage.sandbox, home)
        plan = await planned(stage, step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1"))
        stage.sandbox.add_fault({"kind": "stale", "path": SSID, "count": reads, "skip": _READS_BEFORE})
        done = await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])
        assert done["status"] == status or (status is None and done["status"] != "applied"), done
        witnesses.note("meraki_apply", done)
        if status is not None:
            assert (await witnesses.verdict()).broken == []


def test_a_row_that_nothing_reproduces_fails_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test named, a file that is not there, a function that is not there."""
    for tests in ((), ("tests/faults/test_nothing.py",), ("tests/faults/test_cloud.py::test_nothing",)):
        monkeypatch.setattr(faults, "ROWS", (*ROWS, replace(ROWS[0], tests=tests, commands=())))
        with pytest.raises(ValueError, match="nothing reproduces"):
            faults.page()
