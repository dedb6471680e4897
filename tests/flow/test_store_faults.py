"""A store that cannot be written: no change is made, a read is served without receipt, and health_check says why."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest

from mcp_server.cli.local import opened
from mcp_server.domain.record import AuditEntry
from tests.support.outside import untouched
from tests.support.places import NET
from tests.support.poor_disk import full_disk, held_database, unwritable_home
from tests.support.stage import Stage, accepting, staged
from tests.support.story import applied, confirmed, planned, step

SSID: Final = step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1")
READ: Final = {"operation": "getNetworkWirelessSsid", "params": {"networkId": NET, "number": "1"}}
Fault = Callable[[Path], AbstractContextManager[None]]
FAULTS: Final[dict[str, tuple[Fault, str]]] = {
    "disk full": (full_disk, "the disk"),
    "database locked by another process": (held_database, "another process holds the database"),
}


@asynccontextmanager
async def _staged(home: Path, **given: Any) -> AsyncIterator[Stage]:
    async with staged(home, answer=accepting, given={"store_wait_s": 0.05, **given}) as stage:
        yield stage


async def _read_is_served_without_receipt(stage: Stage) -> None:
    answer = await stage.call("meraki_read", **READ)
    assert (answer["status"], answer["data"]["name"], answer["receipt"]) == ("ok", "Visitantes", None)
    assert [one["rule"] for one in answer["warnings"]] == ["no_receipt"]
    assert "health_check" in answer["warnings"][0]["message"]


async def _refused_by_the_store(stage: Stage, tool: str, **arguments: Any) -> None:
    async with untouched(stage):
        answer = await stage.call(tool, **arguments)
    assert (answer["status"], answer["error"]["code"]) == ("refused", "store_unavailable"), answer
    assert answer["error"]["message"]
    assert "health_check" in answer["error"]["remedy"]
    assert answer["receipt"] is None


async def _health_says_why(stage: Stage, why: str) -> None:
    answer = await stage.call("health_check")
    store = answer["server"]["store"]
    assert (answer["status"], store["writable"]) == ("ok", False)
    assert why in store["problem"]
    assert answer["server"]["status"] == "changes refused: the store cannot be written"


@pytest.mark.parametrize("name", FAULTS)
async def test_while_the_store_cannot_be_written_reads_go_on_and_no_change_is_made(tmp_path: Path, name: str) -> None:
    """Plan, apply, rollback and audit are refused with the way to look; with room again all goes on as before."""
    fault, why = FAULTS[name]
    home = tmp_path / "home"
    async with _staged(home) as stage:
        done = await applied(stage, step("updateNetworkWirelessSsid", {"name": "Y"}, networkId=NET, number="2"))
        plan = await planned(stage, SSID)
        with fault(home):
            await _read_is_served_without_receipt(stage)
            await _refused_by_the_store(stage, "meraki_plan", operations=[SSID], intent="tried")
            await _refused_by_the_store(stage, "meraki_apply", plan_id=plan["plan_id"])
            await _refused_by_the_store(stage, "rollback", change_id=done["change_id"])
            await _refused_by_the_store(stage, "request_audit", plan_id=plan["plan_id"])
            await _health_says_why(stage, why)
        answer = await stage.call("meraki_read", **READ)
        assert (answer["receipt"]["seq"] > 0, answer["warnings"]) == (True, [])
        assert (await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"
        assert stage.server is not None
        assert await stage.server.store.verify_chain() is None


@pytest.mark.parametrize("name", FAULTS)
async def test_under_strict_audit_a_read_that_cannot_be_recorded_is_refused(tmp_path: Path, name: str) -> None:
    """The answer holds nothing of what was read."""
    home = tmp_path / "home"
    async with _staged(home, strict_audit=True) as stage:
        assert (await stage.call("meraki_read", **READ))["status"] == "ok"
        with FAULTS[name][0](home):
            await _refused_by_the_store(stage, "meraki_read", **READ)
            assert "Visitantes" not in str(await stage.call("meraki_read", **READ))


@contextmanager
def _warm() -> Iterator[Path]:
    """An unwritable home, with everything loaded that nobody may not read."""
    import mcp_server.cli.local  # noqa: F401 - loaded before the account changes

    with unwritable_home() as home:
        yield home


async def test_on_a_directory_that_may_not_be_written_the_server_starts_and_serves_reads() -> None:
    """Nothing is written there; changes are refused, and health_check says why."""
    with _warm() as home:
        async with _staged(home) as stage:
            assert len((await stage.client.list_tools()).tools) == 8
            await _read_is_served_without_receipt(stage)
            await _refused_by_the_store(stage, "meraki_plan", operations=[SSID], intent="tried")
            await _health_says_why(stage, "this account may not write there")
            assert list(home.iterdir()) == []


async def test_under_strict_audit_an_unwritable_directory_refuses_every_read() -> None:
    """And still the tools are listed, and health_check answers why."""
    with _warm() as home:
        async with _staged(home, strict_audit=True) as stage:
            assert len((await stage.client.list_tools()).tools) == 8
            await _refused_by_the_store(stage, "meraki_read", **READ)


async def test_a_disk_that_fills_up_in_the_middle_of_a_change_ends_it_as_unknown(tmp_path: Path) -> None:
    """The write is out and its outcome cannot be recorded: unknown is told, nothing is sent again, the server lives."""
    home = tmp_path / "home"
    async with _staged(home) as stage:
        plan = await planned(stage, SSID)
        stage.sandbox.add_fault({"kind": "latency", "seconds": 0.3, "method": "PUT"})
        done: dict[str, Any] = {}
        answered = anyio.Event()

        async def apply() -> None:
            done.update(await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))
            answered.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(apply)
            while not stage.writes():
                await anyio.lowlevel.checkpoint()
            with full_disk(home):  # the cloud has the write, and takes its time to answer
                await answered.wait()
        assert (done["status"], done["error"]["code"], done["receipt"]) == ("unknown", "store_unavailable", None)
        assert len(stage.writes()) == 1
        kept = await stage.call("history", change_id=done["change_id"])
        assert kept["change"]["status"] in ("applying", "unknown")
        again = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert again["change_id"] == done["change_id"]
        assert len(stage.writes()) == 1
    async with opened({"home": home, "profile": "solo"}) as local:
        rows = await local.store.list(AuditEntry, {"event": "intent"})
        assert len(rows) == 1
