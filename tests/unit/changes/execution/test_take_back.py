"""What an automatic undo writes, when it is begun and when it is gone on with after a crash, and what it says is left.

In front of a stand-in of the cloud that stores what it is sent.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_server.catalogue.inverse import inverse_of
from mcp_server.changes.execution.run import Run, undo_number
from mcp_server.changes.execution.take_back import take_back
from mcp_server.changes.recovery.left_behind import take_over
from mcp_server.domain.call import Touch
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import Inverse, Reader, Step, Write
from mcp_server.domain.ports import Put, TakeLeases
from mcp_server.domain.record import Change, ChangeStep
from mcp_server.errors import Rejected, Unreachable
from mcp_server.store.seal import Seal
from mcp_server.store.sqlite_store import SqliteStore
from tests.support.fake_clock import START, FakeClock
from tests.support.plans import plan, step
from tests.support.shipped import CATALOGUE, OVERLAY
from tests.unit.changes.execution.cloud import Cloud
from tests.unit.changes.execution.runs import a_run, in_front_of

S = ChangeState
ROUTES: Final = "/networks/N_1/appliance/staticRoutes"
VLANS: Final = "/networks/N_1/appliance/vlans"
RANGES: Final = [{"start": "10.7.0.10", "end": "10.7.0.20", "comment": "x"}]
ROUTE: Final = {"id": "r1", "name": "Lab", "subnet": "10.7.0.0/24", "gatewayIp": "10.1.0.9", "reservedIpRanges": RANGES}
VLAN: Final = {"id": 7, "name": "Lab", "subnet": "10.7.0.0/24", "applianceIp": "10.7.0.1", "reservedIpRanges": RANGES}


def deleted(kind: str, before: Mapping[str, Any], **named: Any) -> Step:
    """The deletion of one thing of a network, and its way back."""
    params = {"networkId": "N_1", **named}
    touch = Touch(f"deleteNetworkAppliance{kind}", params, is_write=True)
    return step(
        kind="delete",
        write=Write(touch.operation, params),
        method="DELETE",
        reader=Reader(f"getNetworkAppliance{kind}", params),
        before=before,
        body=None,
        expected=None,
        inverse=inverse_of(CATALOGUE, OVERLAY, touch, before, None),
    )


NO_ROUTE: Final = deleted("StaticRoute", ROUTE, staticRouteId="r1")
NO_VLAN: Final = deleted("Vlan", VLAN, vlanId="7")


def undoing(cloud: Cloud, of: Step, *undone: ChangeStep, **done_: Any) -> Run:
    """A change of that step, applied, whose undo is under way; those of its writes are on record."""
    return undoing_all(cloud, (of,), *undone, **done_)


def undoing_all(cloud: Cloud, steps: tuple[Step, ...], *undone: ChangeStep, **first: Any) -> Run:
    """The same of several steps; ``first`` are fields of the record of the first."""
    run, _ = a_run(plan(*steps))
    in_front_of(run, cloud)
    run.change = replace(run.change, key="CHG-1", state=S.ROLLING_BACK, ended_at=None)
    made = [
        ChangeStep(f"CHG-1/apply/{n}", "CHG-1", "apply", n, "applied", {}, sent_at=START, verified={"matches": True})
        for n in range(1, len(steps) + 1)
    ]
    run.steps, run.is_sent = [replace(made[0], **first), *made[1:], *undone], True
    run.created = {one.number: one.created for one in run.steps}
    run.world.store.records[Change, "CHG-1"] = run.change  # type: ignore[attr-defined]  # a stand-in
    return run


def wrote(offset: int, state: str = "applied", **more: Any) -> ChangeStep:
    """The record of a write that undid step 1."""
    number = undo_number(1, offset)
    more = {"verified": {"matches": True}, **more}
    return ChangeStep(f"CHG-1/undo/{number}", "CHG-1", "undo", number, state, {}, sent_at=START, **more)


async def test_a_deletion_is_undone_by_two_writes_where_one_does_not_take_every_field() -> None:
    """It has another id then, and that alone is no residue."""
    cloud = Cloud({ROUTES: []})
    run = undoing(cloud, NO_ROUTE)
    assert (await take_back(run), run.residue) == (S.ROLLED_BACK, [])
    assert cloud.sent == [("POST", "staticRoutes"), ("PUT", "new-1")]
    assert cloud.answers[f"{ROUTES}/new-1"]["reservedIpRanges"] == RANGES


@pytest.mark.parametrize("matches", [True, False, None])
async def test_what_an_undo_made_again_before_it_was_cut_short_is_not_made_a_second_time(
    *, matches: bool | None
) -> None:
    """Only the rest is sent, to what was made; also when it did not read back as it was to become."""
    made = {**ROUTE, "id": "new-9", "reservedIpRanges": []}
    cloud = Cloud({ROUTES: [made], f"{ROUTES}/new-9": made})
    run = undoing(cloud, NO_ROUTE, wrote(0, created={"id": "new-9"}, verified={"matches": matches}))
    assert (await take_back(run), run.residue) == (S.ROLLED_BACK, [])
    assert cloud.sent == [("PUT", "new-9")]


async def test_what_was_made_again_under_its_own_id_is_not_taken_for_somebody_elses() -> None:
    """The first of two writes made it, so the second completes it."""
    made = {**VLAN, "reservedIpRanges": []}
    cloud = Cloud({VLANS: [made], f"{VLANS}/7": made})
    run = undoing(cloud, NO_VLAN, wrote(0, created={"id": 7}))
    assert (await take_back(run), run.residue) == (S.ROLLED_BACK, [])
    assert cloud.sent == [("PUT", "7")]


async def test_an_undo_that_was_put_off_between_two_writes_goes_on_with_the_second(tmp_path: Path) -> None:
    """By whichever server comes next: what the first one made is on record, with its id."""
    cloud = Cloud({ROUTES: []})
    cloud.fails["PUT", f"{ROUTES}/new-1"] = [Unreachable("no route to host", sent=False)]
    store = SqliteStore.open(tmp_path, Seal(b"k" * 32), FakeClock())
    run = undoing(cloud, NO_ROUTE)
    run.world = replace(run.world, store=store)
    taken = TakeLeases(run.lease_keys, "CHG-1", "ana", START, START + timedelta(seconds=60))
    await store.commit(Put(run.stored), Put(run.change), *map(Put, run.steps), taken)
    assert (await take_back(run), run.residue) == (S.ROLLING_BACK, [])
    again = await take_over(replace(run.change, result={}), run.world, run.means)
    assert again is not None
    assert (await take_back(again), again.residue) == (S.ROLLED_BACK, [])
    store.close()
    assert cloud.sent == [("POST", "staticRoutes"), ("PUT", "new-1"), ("PUT", "new-1")]


@pytest.mark.parametrize(("name", "end"), [("Lab", S.ROLLED_BACK), ("LAB", S.ROLLBACK_FAILED)])
async def test_what_was_made_again_whole_is_looked_at_once_more(name: str, end: ChangeState) -> None:
    """One write took every field; whoever goes on knows only what is on record of how it came back."""
    of = deleted("StaticRoute", {**ROUTE, "reservedIpRanges": []}, staticRouteId="r1")
    made = {**ROUTE, "id": "new-9", "reservedIpRanges": [], "name": name}
    cloud = Cloud({ROUTES: [made], f"{ROUTES}/new-9": made})
    run = undoing(cloud, of, wrote(0, created={"id": "new-9"}, verified={"matches": name == "Lab"}))
    assert (await take_back(run), len(run.residue)) == (end, int(end is S.ROLLBACK_FAILED))
    assert cloud.sent == []


async def test_what_comes_back_otherwise_than_it_was_is_told() -> None:
    """It stands under another id, and is read there."""
    cloud = Cloud({ROUTES: []})
    cloud.alters = {"name": "LAB"}
    run = undoing(cloud, NO_ROUTE)
    assert await take_back(run) is S.ROLLBACK_FAILED
    assert ['name is "LAB", was "Lab"' in line for line in run.residue] == [True]


async def test_when_it_cannot_be_made_again_nothing_is_written_to_what_it_was_to_be() -> None:
    """Why is told once, with what the cloud said."""
    cloud = Cloud({ROUTES: []})
    cloud.fails["POST", ROUTES] = [Rejected("no", sent=True, status=400, errors=("Subnet is taken",))]
    run = undoing(cloud, NO_ROUTE)
    assert await take_back(run) is S.ROLLBACK_FAILED
    assert ["Subnet is taken" in line for line in run.residue] == [True]
    assert cloud.sent == [("POST", "staticRoutes")]


POLICIES: Final = "/networks/N_1/groupPolicies"
MADE: Final = {"groupPolicyId": "101", "name": "Guests", "bandwidth": 5}
CREATED: Final = step(
    kind="create",
    write=Write("createNetworkGroupPolicy", {"networkId": "N_1"}, {"name": "Guests"}),
    before=None,
    expected={"name": "Guests"},
    reader=None,
    inverse=Inverse(
        "reversible",
        "delete_created",
        (Write("deleteNetworkGroupPolicy", {"networkId": "N_1", "groupPolicyId": {"$created": "groupPolicyId"}}),),
    ),
)


@pytest.mark.parametrize(
    ("live", "and_filled", "end", "sent"),
    [
        (MADE, False, S.ROLLED_BACK, 1),
        ({**MADE, "bandwidth": 9}, False, S.ROLLBACK_FAILED, 0),
        ({**MADE, "bandwidth": 9}, True, S.ROLLED_BACK, 1),
        (None, False, S.ROLLED_BACK, 0),
    ],
)
async def test_what_a_step_created_is_not_deleted_with_what_somebody_else_made_of_it(
    live: Any, end: ChangeState, sent: int, *, and_filled: bool
) -> None:
    """A person decides; where the change itself wrote to it since, nobody can tell, and it goes as a whole."""
    place = f"{POLICIES}/101"
    cloud = Cloud({POLICIES: [live] if live else [], **({place: live} if live else {})}, "groupPolicyId")
    filled = step(2, reader=None, inverse=Inverse("reversible", "with_creation"))
    steps = (CREATED, filled) if and_filled else (CREATED,)
    run = undoing_all(cloud, steps, created={"groupPolicyId": "101"}, sealed=MADE)
    assert (await take_back(run), len(cloud.sent)) == (end, sent)
    assert run.residue == ["step 1: bandwidth was changed by somebody else since; what it created stays"] * (
        end is S.ROLLBACK_FAILED
    )


@pytest.mark.parametrize("fails", ["write", "read", ""])
async def test_what_a_step_created_and_that_cannot_be_deleted_is_what_is_left(fails: str) -> None:
    """As it is read, or as it was when it was read last."""
    place = f"{POLICIES}/101"
    cloud = Cloud({POLICIES: [MADE], place: MADE}, "groupPolicyId")
    of = replace(CREATED, reader=Reader("getNetworkGroupPolicies", {"networkId": "N_1"}, match={"name": "Guests"}))
    run = undoing_all(cloud, (of,), created={"groupPolicyId": "101"}, sealed=MADE)
    refused = Rejected("no", sent=True, status=400, errors=("In use",))
    if fails == "write":
        cloud.fails["DELETE", place] = [refused]
    if fails == "read":
        cloud.answers |= {POLICIES: refused, place: refused}
    assert await take_back(run) is (S.ROLLBACK_FAILED if fails else S.ROLLED_BACK)
    if not fails:
        assert (run.residue, cloud.sent) == ([], [("DELETE", "101")])
        return
    assert "The Meraki cloud refused the request." in run.residue[0]
    stands = "it is {" if fails == "write" else "it was set to {"
    assert [stands in line and "was not there" in line for line in run.residue[1:]] == [True]
