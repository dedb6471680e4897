"""The kill switch: pulled on one command line, felt by every server of the data directory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import anyio

from mcp_server.cli.gate.freeze import _freeze
from mcp_server.cli.local import Local, opened
from mcp_server.domain.record import AuditEntry
from mcp_server.store.sqlite_store import SqliteStore
from tests.support.canonical import assert_same, canonical
from tests.support.commands import PASSPHRASE, enrolled, evidence, filled, renamed, run, told
from tests.support.places import BRANCH, NET, ORG
from tests.support.stage import Stage, accepting, environment, staged
from tests.support.story import Payload, applied, planned, step
from tests.support.tampering import altered
from tests.support.terminal import PROGRAM, at_terminal
from tests.support.waiting import wait_until
from tests.support.witnesses import Witnesses

#: Beside the campus, where one change is under way, others are begun here: in its organization, and in another one.
BESIDE: Final = (BRANCH, "L_646829496481105403")


@asynccontextmanager
async def two_processes(home: Path) -> AsyncIterator[tuple[Stage, Stage]]:
    """Two servers, each a process of its own, on one data directory and one cloud."""
    async with filled(home) as one, filled(home, sandbox=one.sandbox) as two:
        yield one, two


async def frozen(stage: Stage, plan: Payload) -> Payload:
    """The error of an apply that the kill switch refuses; nothing is sent and nobody is asked."""
    sent, asked = len(stage.writes()), len(stage.asked)
    answer = await stage.call("meraki_apply", plan_id=plan["plan_id"])
    assert (answer["status"], answer["error"]["code"]) == ("refused", "frozen"), answer
    assert (len(stage.writes()), len(stage.asked)) == (sent, asked)
    error: Payload = answer["error"]
    return error


async def unfreeze(stage: Stage, *words: str) -> str:
    """What stands on the terminal of the person who lifts the freeze."""
    async with at_terminal([*PROGRAM, "unfreeze", *words], environment(stage.settings)) as person:
        await person.reads("Passphrase: ")
        await person.types(PASSPHRASE, hidden=True)
        assert await person.leaves() == 0, person.screen
        return person.screen


async def test_a_freeze_holds_on_two_server_processes_until_an_approver_lifts_it(tmp_path: Path) -> None:
    """Both refuse the next apply and the rollback, both go on reading and planning, and both say that it is on."""
    async with two_processes(tmp_path / "home") as (one, two):
        await enrolled(one)
        done = await applied(one, renamed(1, "Recepção"))
        plans = [(stage, await planned(stage, renamed(2, f"Rede {number}"))) for number, stage in enumerate((one, two))]
        pulled = await run(one, "freeze", "--reason", "wrong VLANs at two sites")
        assert pulled.code == 0
        for stage, plan in plans:
            error = await frozen(stage, plan)
            assert "wrong VLANs at two sites" in error["message"]
            assert "unfreeze" in error["remedy"]
            back = await stage.call("rollback", change_id=done["change_id"])
            assert back["error"]["code"] == "frozen"
            read = await stage.call("meraki_read", operation="getNetwork", params={"networkId": NET})
            assert read["status"] == "ok"
            again = await planned(stage, renamed(3, "Outra"))
            assert [one["rule"] for one in again["warnings"] if one["severity"] == "critical"] == ["frozen"]
            server = (await stage.call("health_check"))["server"]
            assert [one["what"] for one in server["frozen"]] == ["everything"]
            assert "frozen" in server["status"]
        checks = (await told(one, "doctor", "--offline"))["checks"]
        assert [one["level"] for one in checks if one["what"] == "kill switch"] == ["warn"]
        assert "It was so before." in (await run(one, "freeze")).out

        screen = await unfreeze(one)
        assert PASSPHRASE not in screen
        for stage, plan in plans[1:]:
            assert (await stage.call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"
        assert "frozen" not in (await one.call("health_check"))["server"]
        for status in ("frozen", "lifted"):
            [row] = await evidence(one, "freeze", status)
            assert row.detail["what"] == "everything"


async def test_after_the_freeze_nothing_is_sent_of_a_change_that_was_not_begun_before(tmp_path: Path) -> None:
    """One server is in the first of three steps, the other begins one change after the other in two networks.

    Once the switch is on, no change begins and none announces a write, at no point of any of them; what still reaches
    the cloud was announced before, or takes back what was.
    """
    three = [renamed(number, f"Sala {number}") for number in range(3)]
    answers: list[Payload] = []
    begun = anyio.Event()

    def elsewhere(network: str, name: str) -> Payload:
        return step("updateNetworkWirelessSsid", {"name": name}, networkId=network, number="1")

    async def change(stage: Stage, *operations: Payload) -> Payload:
        plan = await planned(stage, *operations)
        answers.append(await stage.call("meraki_apply", plan_id=plan["plan_id"]))
        return answers[-1]

    async def one_after_the_other(stage: Stage, network: str) -> None:
        number = 0
        while (await change(stage, elsewhere(network, f"Rede {number}")))["status"] == "applied":
            number += 1
            begun.set()
        assert (await change(stage, elsewhere(network, "Ainda não")))["error"]["code"] == "frozen"

    async with two_processes(tmp_path / "home") as (one, two):
        witnesses = Witnesses(one.sandbox, tmp_path / "home")
        held = one.sandbox.add_fault({"kind": "held", "method": "PUT", "path": f"/networks/{NET}"})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(change, one, *three)
            for network in BESIDE:
                tasks.start_soon(one_after_the_other, two, network)
            await begun.wait()
            async with opened({"home": one.settings.home}) as local:
                await wait_until(lambda: bool(held.used))
                await _freeze(local, "", "stop")
            held.let_go()
        async with one.store() as store:
            rows = await store.list(AuditEntry, {}, limit=5_000)
        verdict = await witnesses.verdict()
    [switch] = [row.seq for row in rows if (row.event, row.status) == ("freeze", "frozen")]
    assert not [row for row in rows if row.status == "applying" and row.seq > switch]
    assert {row.detail["phase"] for row in rows if row.event == "intent" and row.seq > switch} == {"undo"}
    assert verdict.broken == []  # whatever reached the cloud was announced before it did
    codes = {answer["error"]["code"] for answer in answers if "error" in answer}
    assert codes == {"frozen"}, answers
    [under_way] = [answer for answer in answers if answer["status"] == "rolled_back"]
    assert not [line for line in under_way["residue"] if isinstance(line, str)]  # the rest is what the others did


async def test_a_freeze_of_one_organization_leaves_the_others_free(tmp_path: Path) -> None:
    """By its id; lifting it needs the same id."""
    async with staged(tmp_path / "home", answer=accepting) as stage:
        plan = await planned(stage, renamed(2, "Visitantes"))
        async with opened({"home": stage.settings.home}) as local:
            await _freeze(local, "999", "")
        assert (await stage.call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"
        named = await run(stage, "freeze", "--organization", "Campus")
        assert (named.code, "nothing was frozen" in named.out + named.err) == (3, True)
        assert (await run(stage, "freeze", "--organization", ORG)).code == 0
        await frozen(stage, await planned(stage, renamed(2, "Outra")))
        refused = await run(stage, "unfreeze")
        assert (refused.code, "is not frozen" in refused.err) == (3, True)


async def test_two_people_may_pull_it_at_the_same_moment(tmp_path: Path) -> None:
    """Both are told that it is on: one that it is so, the other that it was."""
    both_looked = anyio.Event()
    looked: list[str] = []

    class Together:
        """The port Store; the first look of each waits for that of the other."""

        def __init__(self, behind: Any) -> None:
            self.behind = behind
            self.has_looked = False

        async def get(self, kind: Any, key: str) -> Any:
            found = await self.behind.get(kind, key)
            if not self.has_looked:
                self.has_looked = True
                looked.append(key)
                if len(looked) == 2:
                    both_looked.set()
                await both_looked.wait()
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(self.behind, name)

    said: list[str] = []

    async def pull(local: Local) -> None:
        said.extend(await _freeze(replace(local, store=cast("SqliteStore", Together(local.store))), "", "stop"))

    (tmp_path / "home").mkdir(mode=0o700)
    home = {"home": tmp_path / "home"}
    async with opened(home) as one, opened(home) as two, anyio.create_task_group() as tasks:
        tasks.start_soon(pull, one)
        tasks.start_soon(pull, two)
    assert sum("It was so before." in line for line in said) == 1
    assert sum("changes under way go to their safe end" in line for line in said) == 1


async def test_no_program_lifts_a_freeze(tmp_path: Path) -> None:
    """Not without a terminal, not with a wrong passphrase, not by writing into the row; each try is on record."""
    async with staged(tmp_path / "home", answer=accepting) as stage:
        await enrolled(stage)
        plan = await planned(stage, renamed(2, "Visitantes"))
        async with opened({"home": stage.settings.home}) as local:
            await _freeze(local, "", "")
        alone = await run(stage, "unfreeze", given=f"{PASSPHRASE}\n")
        assert (alone.code, "terminal" in alone.err) == (3, True)
        async with at_terminal([*PROGRAM, "unfreeze"], environment(stage.settings)) as person:
            await person.reads("Passphrase: ")
            await person.types("not that one", hidden=True)
            assert await person.leaves() == 3
        await frozen(stage, plan)
        codes = {row.detail["code"] for row in await evidence(stage, "freeze", "refused")}
        assert codes == {"no_terminal", "wrong_passphrase"}
        altered(stage.settings.home / "store.db", "UPDATE freezes SET lifted_at = '2026-01-01', lifted_by = 'carla'")
        answer = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert "error" in answer
        assert stage.writes() == []


async def test_a_change_under_way_goes_to_its_safe_end(tmp_path: Path) -> None:
    """Frozen between its first and its second write: the first is undone, the second never sent."""
    rename = step("updateNetworkWirelessSsid", {"name": "Recepção"}, networkId=NET, number="1")
    second = step("updateNetworkWirelessSsid", {"name": "Sala"}, networkId=NET, number="2")
    async with staged(tmp_path / "home", answer=accepting) as stage:
        before = canonical(stage.sandbox.world)
        plan = await planned(stage, rename, second)
        held = stage.sandbox.add_fault({"kind": "held", "operation": "updateNetworkWirelessSsid"})
        answers: list[Payload] = []

        async def apply() -> None:
            answers.append(await stage.call("meraki_apply", plan_id=plan["plan_id"]))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(apply)
            await wait_until(lambda: bool(held.used))
            async with opened({"home": stage.settings.home}) as local:
                await _freeze(local, "", "stop")
            held.let_go()
        [answer] = answers
        assert (answer["status"], answer["error"]["code"]) == ("rolled_back", "frozen"), answer
        assert [entry["path"].rsplit("/", 1)[-1] for entry in stage.writes()] == ["1", "1"]
        assert_same(before, canonical(stage.sandbox.world))
        assert answer["residue"] == []
