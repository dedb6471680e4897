"""A key that loses its permission in the middle of a change: what is told, what is left, what a person does."""

from typing import Any

import pytest

from mcp_server.domain.record import AuditEntry, Change, Lease
from tests.support.canonical import assert_same, canonical
from tests.support.places import NET
from tests.support.stage import Stage
from tests.support.story import Payload, confirmed, planned, step, taken_back

SSID = f"/networks/{NET}/wireless/ssids"
FIVE = tuple(
    step("updateNetworkWirelessSsid", {"name": f"Rede {number}"}, networkId=NET, number=str(number))
    for number in range(5)
)
SAID = {401: "Meraki did not accept the API key, or no key is set.", 403: "The API key has no permission for this."}


async def five(stage: Stage, *faults: dict[str, Any]) -> Payload:
    """The end of a change of five steps whose key loses its permission as the faults say."""
    plan = await planned(stage, *FIVE)
    for fault in faults:
        stage.sandbox.add_fault({"kind": "status", "count": 999, **fault})
    return await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"])


def steps_of(answer: Payload) -> list[tuple[str, int, str, int]]:
    """Each step's record: phase, number, state, HTTP status."""
    return [(one["phase"], one["step"], one["state"], one["http_status"]) for one in answer["steps"]]


async def waits_for_a_person(stage: Stage, done: Payload) -> None:
    """Told in the answer, in health_check and in an alert; nobody else is kept out of the network."""
    assert done["next_command"].endswith(f"rollback {done['change_id']}")
    assert done["rollback"]["available"]
    [listed] = (await stage.call("health_check"))["server"]["waiting_for_a_person"]
    assert (listed["change_id"], listed["residue"]) == (done["change_id"], done["residue"])
    assert stage.server is not None
    [alert] = await stage.server.store.list(AuditEntry, {"event": "alert"})
    assert (alert.status, alert.detail["residue"]) == ("rollback_failed", done["residue"])
    [change] = await stage.server.store.list(Change, {})
    assert (change.state, change.ended_at is not None) == ("rollback_failed", True)
    assert list(await stage.server.store.list(Lease)) == []


@pytest.mark.parametrize("status", [401, 403])
async def test_permission_lost_for_one_step_takes_back_what_was_done(stage: Stage, status: int) -> None:
    """Between the second and the third of five: nothing is tried again, the first two are undone."""
    before = canonical(stage.sandbox.world)
    done = await five(stage, {"status": status, "method": "PUT", "path": f"{SSID}/2"})
    assert (done["status"], done["error"]["message"]) == ("rolled_back", SAID[status])
    assert "API key" in done["error"]["remedy"]
    assert steps_of(done) == [
        ("apply", 1, "applied", 200), ("apply", 2, "applied", 200), ("apply", 3, "failed", status),
        ("undo", 2, "applied", 200), ("undo", 1, "applied", 200),
    ]  # fmt: skip
    assert (done["residue"], [write["path"][-1] for write in stage.writes()]) == ([], ["0", "1", "2", "1", "0"])
    assert_same(before, canonical(stage.sandbox.world))


async def test_permission_to_write_lost_for_good_leaves_what_was_done_and_names_it_by_field(stage: Stage) -> None:
    """403 while undoing too: each undo is tried once; with the permission back a person takes the rest back."""
    before = canonical(stage.sandbox.world)
    done = await five(stage, {"status": 403, "method": "PUT", "skip": 2})
    assert (done["status"], done["error"]["message"]) == ("rollback_failed", SAID[403])
    assert "gives the API key its access back" in done["error"]["remedy"]
    assert done["residue"] == [
        f"step 2: {SAID[403]}",
        'step 2: update ssid 1 of Matriz São Paulo: name is "Rede 1", was "Visitantes"',
        f"step 1: {SAID[403]}",
        'step 1: update ssid 0 of Matriz São Paulo: name is "Rede 0", was "Corporativo"',
    ]
    assert steps_of(done)[2:] == [("apply", 3, "failed", 403), ("undo", 2, "failed", 403), ("undo", 1, "failed", 403)]
    assert len(stage.writes()) == 5
    await waits_for_a_person(stage, done)
    stage.sandbox.faults.clear()
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))
    assert (await stage.call("health_check"))["server"]["waiting_for_a_person"] == []


async def test_a_key_that_is_revoked_altogether_leaves_a_record_of_what_was_set(stage: Stage) -> None:
    """Nothing can be read any more: the record tells what each step set and that nobody knows what stands there now."""
    before = canonical(stage.sandbox.world)
    reads = 2 * 5 + 1 + 2  #: all before each of both calls; then a read-back, and a look and a read-back
    done = await five(
        stage,
        {"status": 401, "method": "GET", "path": f"{SSID}/*", "skip": reads},
        {"status": 401, "method": "PUT", "path": f"{SSID}/*", "skip": 2},
    )
    assert (done["status"], done["error"]["message"]) == ("rollback_failed", SAID[401])
    assert steps_of(done) == [("apply", 1, "applied", 200), ("apply", 2, "applied", 200)]
    assert "sets a valid API key" in done["error"]["remedy"]
    unread = "; what stands there now could not be read"
    assert [line.removesuffix(unread) for line in done["residue"] if line.endswith(unread)] == [
        'step 2: update ssid 1 of Matriz São Paulo: name was set to "Rede 1", was "Visitantes"',
        'step 1: update ssid 0 of Matriz São Paulo: name was set to "Rede 0", was "Corporativo"',
    ]
    await waits_for_a_person(stage, done)
    stage.sandbox.faults.clear()
    await taken_back(stage, change_id=done["change_id"])
    assert_same(before, canonical(stage.sandbox.world))
