"""What a person does at a terminal: keys, secrets, approvals; and what nobody can do without one."""

import os
from pathlib import Path

import pytest

from tests.support.commands import PASSPHRASE, approved, enrolled, evidence, filled, port_moved, renamed, run, told
from tests.support.stage import accepting, environment, staged
from tests.support.story import planned
from tests.support.terminal import PROGRAM, at_terminal, without_terminal


async def test_a_person_at_a_terminal_approves_rejects_and_keeps_secrets(tmp_path: Path) -> None:
    """Keys, secrets, approval and rejection through /dev/tty; nothing typed hidden stands on the screen or on disk."""
    async with filled(tmp_path / "home") as stage:
        await enrolled(stage)
        await enrolled(stage, "dora", "auditor")
        keys = (await told(stage, "key", "list"))["keys"]
        assert [(key["role"], key["owner"]) for key in keys] == [("approver", "carla"), ("auditor", "dora")]
        command = [*PROGRAM, "secret", "set", "WIFI"]
        async with at_terminal(command, environment(stage.settings)) as person:
            await person.reads("Value of WIFI: ")
            await person.types("segredo-da-loja-17", hidden=True)
            assert await person.leaves() == 0
            assert "segredo-da-loja-17" not in person.screen
        assert (await told(stage, "secret", "list"))["secrets"] == ["WIFI"]
        for path in stage.settings.home.rglob("*"):
            assert not path.is_file() or b"segredo-da-loja-17" not in path.read_bytes(), path

        plan = await planned(stage, port_moved())
        asked = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert asked["status"] == "needs_approval"
        await approved(stage, asked)
        [row] = (await told(stage, "plans"))["plans"]
        assert row["waits_for"] == "apply"
        assert (await stage.call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"

        other = await planned(stage, renamed(2, "Visitantes"))
        assert (await run(stage, "reject", other["plan_id"], "--reason", "no")).code == 0
        answer = await stage.call("meraki_apply", plan_id=other["plan_id"])
        assert answer["error"]["code"] == "plan_refused"
        assert (await run(stage, "reject", other["plan_id"])).code == 3


@pytest.mark.usefixtures("way")
async def test_without_a_terminal_nothing_is_approved_and_the_attempt_is_on_record(tmp_path: Path) -> None:
    """An agent that runs the printed command, with or without a passphrase in the pipe, is refused: exit 3, audited."""
    async with staged(tmp_path / "home", answer=accepting) as stage:
        await enrolled(stage)
        plan = await planned(stage, port_moved())
        asked = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        typed = f"{plan['code']}\n{PASSPHRASE}\n"
        for given in ("", typed):
            command = ["sh", "-c", asked["approve_with"]]
            done = await without_terminal(command, {"PATH": os.environ["PATH"]}, given=given)
            assert done.code == 3, done.err
            assert "person at a terminal" in done.err
        rows = await evidence(stage, "approval", "refused")
        assert [(row.plan_id, row.detail["code"]) for row in rows] == [(plan["plan_id"], "no_terminal")] * 2
        for words, event in (
            ("approve --watch", "approval"),
            ("key enroll --role approver --owner eve", "key"),
            ("secret set X", "secret"),
            ("audit-respond audit-x --verdict approve --reason y", "verdict"),
        ):
            known = len(await evidence(stage, event, "refused"))
            assert (await run(stage, *words.split(), given=typed)).code == 3, words
            assert len(await evidence(stage, event, "refused")) == known + 1, words
        again = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert again["status"] == "needs_approval"
        assert stage.writes() == []


async def test_a_passphrase_that_is_piped_in_beside_a_terminal_is_not_read(tmp_path: Path) -> None:
    """With a terminal there and the answers in the pipe, the command still waits for the terminal."""
    async with filled(tmp_path / "home") as stage:
        await enrolled(stage)
        plan = await planned(stage, port_moved())
        command = [*PROGRAM, "approve", plan["plan_id"]]
        typed = f"{plan['code']}\n{PASSPHRASE}\n"
        async with at_terminal(command, environment(stage.settings), given=typed) as person:
            await person.reads("Type the plan's code")
            await person.types("no")
            assert await person.leaves() == 3, person.screen
        [row] = await evidence(stage, "approval", "refused")
        assert row.detail["code"] == "code_not_typed"


@pytest.mark.parametrize(
    ("code", "passphrase", "reason"),
    [("XXXX", "", "code_not_typed"), ("", "not the passphrase", "wrong_passphrase")],
)
async def test_a_wrong_code_or_passphrase_approves_nothing_and_is_on_record(
    tmp_path: Path, code: str, passphrase: str, reason: str
) -> None:
    """Refused, exit 3, one row with the reason; the plan stays open and unapproved."""
    async with filled(tmp_path / "home") as stage:
        await enrolled(stage)
        plan = await planned(stage, port_moved())
        async with at_terminal([*PROGRAM, "approve", plan["plan_id"]], environment(stage.settings)) as person:
            await person.reads("Type the plan's code")
            await person.types(code or plan["code"])
            if passphrase:
                await person.reads("Passphrase: ")
                await person.types(passphrase, hidden=True)
            assert await person.leaves() == 3, person.screen
        [row] = await evidence(stage, "approval", "refused")
        assert (row.plan_id, row.detail["code"]) == (plan["plan_id"], reason)
        assert (await stage.call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "needs_approval"
        assert stage.writes() == []


async def test_the_watch_asks_for_each_plan_as_it_comes_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    """Unlocked once; a plan is approved by its code and by nothing else; Ctrl-C at a question approves nothing."""
    async with filled(tmp_path / "home") as stage:
        await enrolled(stage)
        async with at_terminal([*PROGRAM, "approve", "--watch"], environment(stage.settings)) as person:
            await person.reads("Passphrase: ")
            await person.types(PASSPHRASE, hidden=True)
            await person.reads("Waiting for plans")
            first = await planned(stage, port_moved())
            assert f"Apply plan {first['code']}" in await person.reads("anything else to stop: ")
            await person.types(first["code"].lower())
            await person.reads("Approved.")
            second = await planned(stage, renamed(2, "Visitantes"))
            await person.reads("anything else to stop: ")
            await person.types("no")
            await person.reads("Not approved")
            third = await planned(stage, renamed(3, "Outra"))
            await person.reads("anything else to stop: ")
            await person.presses_ctrl_c()
            assert await person.leaves() == 0, person.screen
        assert (await stage.call("meraki_apply", plan_id=first["plan_id"]))["status"] == "applied"
        waiting = {one["plan_id"]: one["waits_for"] for one in (await told(stage, "plans"))["plans"]}
        assert waiting == {second["plan_id"]: "confirmation", third["plan_id"]: "confirmation"}
