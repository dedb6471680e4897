"""The representative stories on every transport and in both protocol eras."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.flow.rows import ROWS
from tests.support.approving import approve
from tests.support.canonical import assert_same, canonical
from tests.support.stage import ERAS, TRANSPORTS, accepting, declining, staged
from tests.support.story import applied, planned, taken_back

WAYS: Final = [(transport, era) for transport in TRANSPORTS for era in ERAS]
SSID, FIREWALL = ROWS["ssid updated"], ROWS["firewall rule inserted before another"]
pytestmark = pytest.mark.parametrize(("transport", "era"), WAYS)


async def test_an_ssid_is_changed_after_a_yes_in_the_client_and_taken_back(
    tmp_path: Path, transport: str, era: str
) -> None:
    """The question shows the field with its old and new value; two questions, two writes."""
    async with staged(tmp_path / "home", transport=transport, era=era, answer=accepting) as stage:
        before = canonical(stage.sandbox.world)
        done = await applied(stage, *SSID.operations)
        held = SSID.holds(stage.sandbox.world)
        await taken_back(stage, change_id=done["change_id"])
        after, asked, writes = canonical(stage.sandbox.world), stage.asked, stage.writes()
    assert held
    assert_same(before, after)
    assert len(asked) == len(writes) == 2
    assert "name: Visitantes -> Recepção" in asked[0]


async def test_a_firewall_rule_is_written_once_a_person_signed_it_outside_the_client(
    tmp_path: Path, transport: str, era: str
) -> None:
    """A deny rule is critical: the client is not even asked."""
    async with staged(tmp_path / "home", transport=transport, era=era, answer=accepting) as stage:
        plan = await planned(stage, *FIREWALL.operations)
        first = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        nothing = stage.writes()
        await approve(stage.settings.home, plan["plan_id"])
        second = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        held, asked = FIREWALL.holds(stage.sandbox.world), stage.asked
    assert (plan["risk"], first["status"], nothing) == ("critical", "needs_approval", [])
    assert plan["plan_id"] in first["approve_with"]
    assert (second["status"], held, asked) == ("applied", True, [])


async def test_a_declined_change_is_not_made_and_its_plan_stays_open(tmp_path: Path, transport: str, era: str) -> None:
    """A person elsewhere can still approve it, and then it is applied."""
    async with staged(tmp_path / "home", transport=transport, era=era, answer=declining) as stage:
        plan = await planned(stage, *SSID.operations)
        first = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        nothing = stage.writes()
        await approve(stage.settings.home, plan["plan_id"])
        second = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        held = SSID.holds(stage.sandbox.world)
    assert (first["status"], first["error"]["code"], nothing) == ("declined", "declined", [])
    assert (second["status"], held) == ("applied", True)


async def test_a_client_that_cannot_ask_gets_the_command_that_a_person_runs(
    tmp_path: Path, transport: str, era: str
) -> None:
    """The command names the data directory; nothing is sent."""
    async with staged(tmp_path / "home", transport=transport, era=era) as stage:
        plan = await planned(stage, *SSID.operations)
        answer: dict[str, Any] = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        writes, home = stage.writes(), str(stage.settings.home)
    assert (answer["status"], writes) == ("needs_approval", [])
    assert home in answer["approve_with"]
    assert answer["approve_with"].endswith(f"approve {plan['plan_id']}")
