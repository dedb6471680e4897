"""What nobody can read, a person says: shown, signed, on record, and refused when the cloud shows the contrary."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.record import Approval, AuditEntry, Change, StoredPlan
from mcp_server.gate.keys import Keyring
from mcp_server.gate.signatures import SignedApprovals
from tests.support.approving import PASSPHRASE
from tests.support.crashing import Crash, about_to_crash
from tests.support.places import NET
from tests.support.stage import environment
from tests.support.story import step
from tests.support.terminal import PROGRAM, at_terminal, without_terminal

S = ChangeState
SSID = f"/networks/{NET}/wireless/ssids/1"
OPERATIONS = [step("updateNetworkWirelessSsid", {"name": name}, networkId=NET, number=number)
              for number, name in (("1", "Um"), ("2", "Dois"))]  # fmt: skip


@pytest.fixture
async def crash(tmp_path: Path) -> AsyncIterator[Crash]:
    """A change in doubt: its server was killed after the first write, and somebody else wrote there since."""
    async with about_to_crash(tmp_path, *OPERATIONS) as made:
        await made.killed("K7")
        made.sandbox.edit(SSID, {"name": "Lounge"})
        await made.recovered()
        yield made


async def resolved(crash: Crash, change_id: str, said: str, code: str) -> tuple[int, str]:
    """A person runs the command and types the code and the passphrase; exit code and screen."""
    command = [*PROGRAM, "resolve", change_id, "--as", said]
    async with at_terminal(command, environment(crash.settings)) as person:
        await person.reads("anything else to stop: ")
        await person.types(code)
        await person.reads("Passphrase: ")
        await person.types(PASSPHRASE, hidden=True)
        return await person.leaves(), person.screen


async def the_change(crash: Crash) -> tuple[Change, str]:
    """The change and its plan's code."""
    async with crash.server() as server:
        [change] = await server.store.list(Change, {})
        stored = await server.store.get(StoredPlan, change.plan_id)
        assert stored is not None
        return change, stored.plan.code


async def listed(crash: Crash) -> list[dict[str, Any]]:
    """What ``changes --in-doubt`` says."""
    ended = await without_terminal([*PROGRAM, "changes", "--in-doubt", "--json"], environment(crash.settings))
    assert ended.code == 0, ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)["changes"]
    return found


async def test_a_person_says_what_became_of_a_write_and_signs_it(crash: Crash) -> None:
    """Before, the command line and health_check name the change; after, it has the end that follows, signed.

    What somebody else wrote there since is not taken for the change's own: a rollback asks, and writes over nobody.
    """
    change, code = await the_change(crash)
    [row] = await listed(crash)
    assert (row["change_id"], row["status"]) == (change.key, "unknown")
    assert row["next_command"].endswith(f"resolve {change.key} --as 'applied|not-applied'")
    told = (await crash.stage.call("health_check"))["server"]
    assert [one["change_id"] for one in told["waiting_for_a_person"]] == [change.key]
    assert change.key in told["status"]
    ended, _ = await resolved(crash, change.key, "applied", code)
    assert ended == 0
    async with crash.server() as server:
        [change] = await server.store.list(Change, {})
        assert change.state is S.PARTIAL
        [entry] = await server.store.list(AuditEntry, {"event": "resolution"})
        assert (entry.status, entry.change_id) == ("applied", change.key)
        approval = await server.store.get(Approval, entry.detail["approval"])
        assert approval is not None
        assert (approval.used_by, approval.channel) == (change.key, f"resolve {change.key} as applied")
        assert SignedApprovals(Keyring(crash.settings.home)).is_genuine(approval)
    [row] = await listed(crash)
    assert row["next_command"].endswith(f"rollback {change.key}")
    back = await crash.stage.call("rollback", change_id=change.key)
    assert (back["status"], back["error"]["code"]) == ("refused", "rollback_conflict"), back
    assert crash.sandbox.world.get(SSID)["name"] == "Lounge"


async def test_nothing_that_the_cloud_contradicts_is_put_on_record(crash: Crash) -> None:
    """It reads as before the change: nobody can say that it was applied; the attempt is on record."""
    change, _ = await the_change(crash)
    crash.sandbox.edit(SSID, {"name": "Visitantes"})
    command = [*PROGRAM, "resolve", change.key, "--as", "applied"]
    async with at_terminal(command, environment(crash.settings)) as person:
        assert await person.leaves() == 3
        assert "reads as not_applied" in person.screen
    async with crash.server() as server:
        [row] = await server.store.list(AuditEntry, {"event": "resolution"})
        assert (row.status, row.detail["code"]) == ("refused", "contradicted")
        [change] = await server.store.list(Change, {})
        assert change.state is S.IN_DOUBT


async def test_what_nobody_has_to_decide_is_not_decided(crash: Crash) -> None:
    """Without a terminal, for a change that is not in doubt, or without the code: refused."""
    change, code = await the_change(crash)
    ended = await without_terminal([*PROGRAM, "resolve", change.key, "--as", "applied"], environment(crash.settings))
    assert (ended.code, "terminal" in ended.err) == (3, True)
    wrong = [*PROGRAM, "resolve", change.key, "--as", "not-applied"]
    async with at_terminal(wrong, environment(crash.settings)) as person:
        await person.reads("anything else to stop: ")
        await person.types(f"{code}X")
        assert await person.leaves() == 3
        assert "the code was not typed" in person.screen
    ended_at, _ = await resolved(crash, change.key, "not-applied", code)
    assert ended_at == 0
    again = [*PROGRAM, "resolve", change.key, "--as", "applied"]
    async with at_terminal(again, environment(crash.settings)) as person:
        assert await person.leaves() == 3
        assert "nobody has to decide" in person.screen
    change, _ = await the_change(crash)
    assert change.state is S.FAILED
