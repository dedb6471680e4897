"""What cannot be undone: refused until the step says it is meant, then critical, and never decided in the client."""

from typing import Any

import pytest

from mcp_server.sandbox.behaviour import Json
from tests.support.places import CORE, NET
from tests.support.stage import Stage
from tests.support.story import planned, step

STEPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "rebootDevice": ({"serial": CORE}, "an interruption cannot be taken back", "extended"),
    "deleteNetwork": ({"networkId": NET}, "deleting a network deletes every setting", "extended"),
}


def writes(stage: Stage) -> list[Json]:
    """What has reached the cloud beside reads."""
    return [one for one in stage.sandbox.world.journal if one["method"] != "GET"]


@pytest.mark.parametrize("operation", STEPS)
async def test_it_takes_a_word_in_the_plan_and_a_person_outside_the_client(stage: Stage, operation: str) -> None:
    """The client of this stage says yes to everything; that does not count here."""
    params, lost, downtime = STEPS[operation]
    refused = await stage.call("meraki_plan", operations=[step(operation, **params)], intent="try")
    assert (refused["status"], refused["error"]["code"]) == ("refused", "irreversible")
    assert lost in str(refused["error"]["details"]["lost"])
    plan = await planned(stage, step(operation, irreversible=True, **params))
    assert (plan["risk"], plan["impact"]["downtime_expected"]) == ("critical", downtime)
    assert lost in str(plan["undo"])
    assert any(lost in one["message"] for one in plan["warnings"])
    answer = await stage.call("meraki_apply", plan_id=plan["plan_id"])
    assert answer["status"] == "needs_approval"
    assert writes(stage) == []
