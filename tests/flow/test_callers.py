"""Callers that leave, wait too short, or want to see how far it is: the server owns the change (design 3.1.2)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult

from mcp_server.sandbox.app import SandboxApp
from mcp_server.sandbox.faults import Fault
from tests.support.approving import approve
from tests.support.places import CORE, NET
from tests.support.stage import ERAS, TRANSPORTS, Stage, accepting, another_client, staged
from tests.support.story import Payload, planned, step, taken_back
from tests.support.waiting import wait_for_end, wait_for_row, wait_until

WAYS: Final = [(transport, era) for transport in TRANSPORTS for era in ERAS]
RENAMED: Final = step("updateNetworkWirelessSsid", {"name": "Recepção"}, networkId=NET, number="1")
#: Of an apply: its look at the network, before the first write; and that write.
HELD: Final = {
    "before": {"kind": "held", "operation": "getOrganizationDevicesAvailabilities"},
    "after": {"kind": "held", "method": "PUT"},
}


async def never(_message: str) -> ElicitResult:
    """A person who does not answer."""
    await anyio.sleep_forever()
    raise AssertionError


def name_of(sandbox: SandboxApp) -> str:
    """The name of the SSID in the sandbox."""
    assert sandbox.world.perform is not None
    return str(sandbox.world.perform("GET", f"/networks/{NET}/wireless/ssids/1", None)["name"])


async def call_and_leave(stage: Stage, plan: Payload, when: Callable[[], bool]) -> None:
    """Apply the plan and cancel the call at that moment."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stage.client.call_tool, "meraki_apply", {"plan_id": plan["plan_id"]})
        await wait_until(when)
        tasks.cancel_scope.cancel()


async def let_go_once_left(stage: Stage, held: Fault) -> None:
    """The cloud answers when the server has on record that whoever called has left: it knows it by then."""
    await wait_for_row(stage, event="call", tool="meraki_apply", status="cancelled")
    held.let_go()


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_a_call_cancelled_while_the_person_is_asked_leaves_everything_as_it_was(
    tmp_path: Path, transport: str, era: str
) -> None:
    """The plan stays open: signed elsewhere, the next call applies it."""
    async with staged(tmp_path / "home", transport=transport, era=era, answer=never) as stage:
        plan = await planned(stage, RENAMED)
        await call_and_leave(stage, plan, lambda: bool(stage.asked))
        history = await stage.call("history")
        nothing = stage.writes()
        await approve(stage.settings.home, plan["plan_id"])
        done = await stage.call("meraki_apply", plan_id=plan["plan_id"])
    assert (history["changes"], nothing) == ([], [])
    assert done["status"] == "applied"


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_a_call_cancelled_before_the_first_write_cancels_the_change(
    tmp_path: Path, transport: str, era: str
) -> None:
    """History says so; nothing was sent."""
    async with staged(tmp_path / "home", transport=transport, era=era) as stage:
        plan = await planned(stage, RENAMED)
        await approve(stage.settings.home, plan["plan_id"])
        held = stage.sandbox.add_fault(HELD["before"])
        await call_and_leave(stage, plan, lambda: bool(held.used))
        await let_go_once_left(stage, held)
        record = await wait_for_end(stage)
        writes, name = stage.writes(), name_of(stage.sandbox)
    assert (record["state"], writes, name) == ("cancelled", [], "Visitantes")


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_a_call_cancelled_after_the_first_write_goes_on_to_its_end(
    tmp_path: Path, transport: str, era: str
) -> None:
    """Applied, verified, on record, and it can be taken back."""
    async with staged(tmp_path / "home", transport=transport, era=era, answer=accepting) as stage:
        plan = await planned(stage, RENAMED)
        await approve(stage.settings.home, plan["plan_id"])
        held = stage.sandbox.add_fault(HELD["after"])
        await call_and_leave(stage, plan, lambda: bool(held.used))
        await let_go_once_left(stage, held)
        record = await wait_for_end(stage)
        name = name_of(stage.sandbox)
        await taken_back(stage, change_id=record["change_id"])
        restored = name_of(stage.sandbox)
    assert (record["state"], name, restored) == ("applied", "Recepção", "Visitantes")


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_a_client_whose_connection_is_gone_while_the_person_is_asked_leaves_everything_as_it_was(
    tmp_path: Path, transport: str, era: str
) -> None:
    """Another client of the same owner sees in history that there was no change."""
    async with staged(tmp_path / "home", transport=transport, era=era) as stage:
        plan = await planned(stage, RENAMED)
        await apply_and_vanish(stage, (transport, era), plan, lambda: bool(stage.asked))
        history = await stage.call("history")
        name = name_of(stage.sandbox)
    assert (history["changes"], name) == ([], "Visitantes")


@pytest.mark.parametrize(("transport", "era"), WAYS)
@pytest.mark.parametrize("when", HELD)
async def test_a_client_whose_connection_is_gone_is_treated_like_one_that_cancelled(
    tmp_path: Path, transport: str, era: str, when: str
) -> None:
    """Another client of the same owner sees in history what became of it."""
    async with staged(tmp_path / "home", transport=transport, era=era) as stage:
        plan = await planned(stage, RENAMED)
        await approve(stage.settings.home, plan["plan_id"])
        held = stage.sandbox.add_fault(HELD[when])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(let_go_once_left, stage, held)
            await apply_and_vanish(stage, (transport, era), plan, lambda: bool(held.used))
        record = await wait_for_end(stage)
        name = name_of(stage.sandbox)
    expected = {"before": ("cancelled", "Visitantes"), "after": ("applied", "Recepção")}[when]
    assert (record["state"], name) == expected


async def apply_and_vanish(stage: Stage, way: tuple[str, str], plan: Payload, when: Callable[[], bool]) -> None:
    """Apply the plan with a client of its own, whose connection ends at that moment."""
    async with anyio.create_task_group() as tasks:
        async with another_client(stage, *way, never) as gone:
            tasks.start_soon(cut_off, gone, plan)
            await wait_until(when)
        tasks.cancel_scope.cancel()


async def cut_off(client: Client, plan: Payload) -> None:
    """An apply whose connection ends before its answer comes."""
    with pytest.raises(MCPError):
        await client.call_tool("meraki_apply", {"plan_id": plan["plan_id"]})


@pytest.mark.parametrize("era", ERAS)
async def test_a_server_whose_input_is_closed_finishes_the_change_before_it_exits(tmp_path: Path, era: str) -> None:
    """The next server on the same data directory has it in its history, with the health seen since."""
    async with anyio.create_task_group() as tasks, staged(tmp_path / "home", transport="stdio", era=era) as stage:
        plan = await planned(stage, RENAMED)
        await approve(stage.settings.home, plan["plan_id"])
        held = stage.sandbox.add_fault(HELD["after"])
        tasks.start_soon(let_go_once_left, stage, held)
        tasks.start_soon(cut_off, stage.client, plan)
        await wait_until(lambda: bool(held.used))
        sandbox = stage.sandbox
    async with staged(tmp_path / "home", sandbox=sandbox, given={"read_only": True}) as after:
        changes = (await after.call("history"))["changes"]
    assert name_of(sandbox) == "Recepção"
    assert [one["status"] for one in changes] == ["applied"]


async def test_an_apply_that_outlives_its_call_is_applying_and_history_shows_it_applied(tmp_path: Path) -> None:
    """The answer says how to look; a repeated call gets the record and sends nothing."""
    given = {"apply_wait_s": 0.05}
    async with staged(tmp_path / "home", given=given) as stage:
        plan = await planned(stage, RENAMED)
        await approve(stage.settings.home, plan["plan_id"])
        held = stage.sandbox.add_fault(HELD["after"])
        first = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        held.let_go()
        record = await wait_for_end(stage, first["change_id"])
        again = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        writes, name = stage.writes(), name_of(stage.sandbox)
        counted = await stage.call("history", change_id=first["change_id"])
    assert first["status"] == "applying"
    assert first["look_with"] == {"tool": "history", "arguments": {"change_id": first["change_id"]}}
    assert (record["state"], again["status"], len(writes), name) == ("applied", "applied", 1, "Recepção")
    assert counted["change"]["status"] == "applied"


@pytest.mark.parametrize(("transport", "era"), WAYS)
async def test_progress_is_told_step_by_step(tmp_path: Path, transport: str, era: str) -> None:
    """Three ports: 0 to 3 of 3, never backwards."""
    heard: list[tuple[float, float | None]] = []

    async def hear(done: float, total: float | None, _message: str | None) -> None:
        heard.append((done, total))

    told: Any = hear
    async with staged(tmp_path / "home", transport=transport, era=era) as stage:
        ports: Any = {"portId": ["3-5"]}
        plan = await planned(stage, step("updateDeviceSwitchPort", {"vlan": 20}, serial=CORE, for_each=ports))
        await approve(stage.settings.home, plan["plan_id"])
        await stage.client.call_tool("meraki_apply", {"plan_id": plan["plan_id"]}, progress_callback=told)
    assert heard[0][0] < 3
    assert heard[-1] == (3, 3)
    assert heard == sorted(heard)


async def test_two_calls_of_one_plan_at_the_same_time_are_one_change(stage: Stage) -> None:
    """Both get the same record; one write."""
    plan = await planned(stage, RENAMED)
    await approve(stage.settings.home, plan["plan_id"])
    answers: list[Payload] = []

    async def apply() -> None:
        answers.append(await stage.call("meraki_apply", plan_id=plan["plan_id"]))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(apply)
    assert {(one["status"], one["change_id"]) for one in answers} == {("applied", answers[0]["change_id"])}
    assert len(stage.writes()) == 1
