"""A store that cannot be written: no change is made, a read is served without receipt, and health_check says why."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest

from mcp_server.cli.local import opened
from mcp_server.domain.record import AuditEntry
from tests.support.commands import run
from tests.support.outside import untouched
from tests.support.places import NET
from tests.support.poor_disk import full_disk, held_database, unwritable_home
from tests.support.stage import Stage, accepting, staged
from tests.support.story import applied, confirmed, planned, step
from tests.support.waiting import wait_until

SSID: Final = step("updateNetworkWirelessSsid", {"name": "X"}, networkId=NET, number="1")
READ: Final = {"operation": "getNetworkWirelessSsid", "params": {"networkId": NET, "number": "1"}}
pytestmark = pytest.mark.usefixtures("way")
Fault = Callable[[Path], AbstractContextManager[None]]
FAULTS: Final[dict[str, tuple[Fault, str]]] = {
    "disk full": (full_disk, "the disk"),
    "database locked by another process": (held_database, "another process holds the database"),
}


@asynccontextmanager
async def _staged(home: Path, **given: Any) -> AsyncIterator[Stage]:
    async with staged(home, answer=accepting, given={"store_wait_s": 0.3, **given}) as stage:
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


async def _health_says_why(stage: Stage, why: str, status: str = "ok") -> None:
    answer = await stage.call("health_check")
    store = answer["server"]["store"]
    assert (answer["status"], store["writable"]) == (status, False)
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
        async with stage.store() as store:
            assert await store.verify_chain() is None


@pytest.mark.parametrize("name", FAULTS)
async def test_under_strict_audit_a_read_that_cannot_be_recorded_is_refused(tmp_path: Path, name: str) -> None:
    """The answer holds nothing of what was read; what health_check says of the server itself is told all the same."""
    home = tmp_path / "home"
    async with _staged(home, strict_audit=True) as stage:
        assert (await stage.call("meraki_read", **READ))["status"] == "ok"
        with FAULTS[name][0](home):
            await _refused_by_the_store(stage, "meraki_read", **READ)
            assert "Visitantes" not in str(await stage.call("meraki_read", **READ))
            await _health_says_why(stage, FAULTS[name][1], "refused")


@asynccontextmanager
async def _unwritable(tmp_path: Path) -> AsyncIterator[Path]:
    """An unwritable home, with everything loaded that nobody may not read: what is asked there was asked before."""
    async with _staged(tmp_path / "first") as stage:
        await stage.client.list_tools()
        await stage.call("meraki_read", **READ)
        await stage.call("meraki_plan", operations=[SSID], intent="tried")
        await stage.call("health_check")
    with unwritable_home() as home:
        yield home


@pytest.mark.same_process  # another process of that account need not be able to read this program
async def test_on_a_directory_that_may_not_be_written_the_server_starts_and_serves_reads(tmp_path: Path) -> None:
    """Nothing is written there; changes are refused, and health_check says why."""
    async with _unwritable(tmp_path) as home, _staged(home) as stage:
        assert len((await stage.client.list_tools()).tools) == 8
        await _read_is_served_without_receipt(stage)
        await _refused_by_the_store(stage, "meraki_plan", operations=[SSID], intent="tried")
        await _health_says_why(stage, "this account may not write there")
        assert list(home.iterdir()) == []


@pytest.mark.same_process
async def test_under_strict_audit_an_unwritable_directory_refuses_every_read(tmp_path: Path) -> None:
    """And still the tools are listed, and health_check answers why."""
    async with _unwritable(tmp_path) as home, _staged(home, strict_audit=True) as stage:
        assert len((await stage.client.list_tools()).tools) == 8
        await _refused_by_the_store(stage, "meraki_read", **READ)
        await _health_says_why(stage, "this account may not write there", "refused")


async def _refused_from_the_start(home: Path, why: str) -> None:
    """A server on that home serves reads, plans nothing, and says why; doctor says it too, and exits 1."""
    async with _staged(home) as stage:
        await _read_is_served_without_receipt(stage)
        await _refused_by_the_store(stage, "meraki_plan", operations=[SSID], intent="tried")
        await _health_says_why(stage, why)
        done = await run(stage, "doctor", "--offline")
        assert (done.code, why in " ".join(done.out.split())) == (1, True), done.out


async def _written_once(home: Path) -> None:
    async with _staged(home) as stage:
        await stage.call("meraki_read", **READ)


async def test_a_store_of_a_newer_version_is_left_alone_and_reads_go_on(tmp_path: Path) -> None:
    """Changes are refused with that reason; the file is as it was."""
    home = tmp_path / "home"
    await _written_once(home)
    newer = sqlite3.connect(home / "store.db")
    newer.execute("PRAGMA user_version = 999")
    newer.close()
    before = (home / "store.db").read_bytes()
    await _refused_from_the_start(home, "made by a newer version of this server")
    assert (home / "store.db").read_bytes() == before


async def test_a_damaged_store_is_left_alone_and_reads_go_on(tmp_path: Path) -> None:
    """Not repaired, not begun anew."""
    home = tmp_path / "home"
    await _written_once(home)
    (home / "store.db").write_bytes(b"damaged" * 1000)
    await _refused_from_the_start(home, "the file is not a database")
    assert (home / "store.db").read_bytes() == b"damaged" * 1000


async def test_a_store_put_back_to_an_older_copy_is_not_written_to_and_reads_go_on(tmp_path: Path) -> None:
    """The anchor beside it knows; 'audit verify' names the first row that is gone."""
    home = tmp_path / "home"
    await _written_once(home)
    copy = (home / "store.db").read_bytes()
    await _written_once(home)
    (home / "store.db").write_bytes(copy)
    await _refused_from_the_start(home, "put back to an older copy")


async def test_a_server_whose_signing_key_is_gone_makes_no_new_one_and_writes_nothing(tmp_path: Path) -> None:
    """Whoever takes the key away cannot make the record go on under another; with the key back it goes on."""
    home = tmp_path / "home"
    await _written_once(home)
    kept = (home / "keys" / "evidence.key").rename(tmp_path / "kept.key")
    await _refused_from_the_start(home, "the record is signed with the key")
    assert not (home / "keys" / "evidence.key").exists()
    (home / "keys" / "evidence.key").write_bytes(b"A" * 43 + b"=\n")
    (home / "keys" / "evidence.key").chmod(0o600)
    await _refused_from_the_start(home, "the record is signed with the key")
    kept.rename(home / "keys" / "evidence.key")
    async with _staged(home) as stage:
        assert (await stage.call("meraki_read", **READ))["receipt"]["seq"] == 2


async def test_little_room_on_the_disk_refuses_new_changes_while_reads_are_recorded(tmp_path: Path) -> None:
    """A plan and an apply are refused with the room that is left; what is under way has its reserve."""
    home = tmp_path / "home"
    async with _staged(home) as stage:
        plan = await planned(stage, SSID)
    async with _staged(home, disk_reserve_mb=1_000_000) as stage:
        answer = await stage.call("meraki_read", **READ)
        assert (answer["receipt"]["seq"] > 0, answer["warnings"]) == (True, [])
        async with untouched(stage):
            for tool, arguments in (
                ("meraki_plan", {"operations": [SSID], "intent": "tried"}),
                ("meraki_apply", {"plan_id": plan["plan_id"]}),
            ):
                answer = await stage.call(tool, **arguments)
                if answer["status"] == "needs_approval":
                    answer = await confirmed(stage, tool, **arguments)
                assert (answer["status"], answer["error"]["code"]) == ("refused", "store_unavailable"), answer
                assert answer["receipt"]["seq"] > 0  # the refusal itself is on record
        told = (await stage.call("health_check"))["server"]
        assert told["store"]["writable"] is True
        assert "MB left, less than the 1000000 MB" in told["store"]["refuses"]
        assert told["status"].startswith("changes refused: the disk has ")
        (home / "config.toml").write_text("disk_reserve_mb = 1000000\n")
        done = await run(stage, "doctor", "--offline")
        assert "no change is begun: the disk has " in " ".join(done.out.split())


async def test_an_anchor_that_fails_is_told_by_health_check_and_doctor(tmp_path: Path) -> None:
    """Changes go on; the warning names the place."""
    home, gone = tmp_path / "home", tmp_path / "gone" / "anchors"
    async with _staged(home, anchors=(f"file:{gone}",)) as stage:
        await stage.call("meraki_read", **READ)
    async with _staged(home, anchors=(f"file:{gone}",)) as stage:
        told = (await stage.call("health_check"))["server"]
        assert told["status"] == f"warning: the audit chain is not anchored in file:{gone}"
        assert [bool(one["problem"]) for one in told["store"]["anchors"]] == [False, True]
        (home / "config.toml").write_text(f'anchors = ["file:{gone}"]\n')
        done = await run(stage, "doctor", "--offline")
        assert "warn anchor: file:" in " ".join(done.out.split())


async def test_a_disk_that_fills_up_in_the_middle_of_a_change_ends_it_as_unknown(tmp_path: Path) -> None:
    """The write is out and its outcome cannot be recorded: unknown is told, nothing is sent again, the server lives."""
    home = tmp_path / "home"
    async with _staged(home) as stage:
        plan = await planned(stage, SSID)
        held = stage.sandbox.add_fault({"kind": "held", "method": "PUT"})
        done: dict[str, Any] = {}
        answered = anyio.Event()

        async def apply() -> None:
            done.update(await confirmed(stage, "meraki_apply", plan_id=plan["plan_id"]))
            answered.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(apply)
            await wait_until(lambda: bool(held.used))
            with full_disk(home):  # before the cloud answers the write
                held.let_go()
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
