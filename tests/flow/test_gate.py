"""The gate: what makes a plan one that may be carried out, and everything that does not."""

import os
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from mcp_server.changes.planning.plan_hash import plan_hash
from mcp_server.clock import RandomIds, SystemClock
from mcp_server.domain.actor import Role
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.ports import Put
from mcp_server.domain.record import Approval, AuditRequest, Change, StoredPlan
from mcp_server.gate.keys import Keyring, Signer
from mcp_server.gate.signatures import signed
from mcp_server.store.seal import open_key
from tests.support.ahead import AheadClock
from tests.support.approving import APPROVER, approve
from tests.support.approving import PASSPHRASE as APPROVERS_PASSPHRASE
from tests.support.commands import PASSPHRASE, approved, enrolled, evidence, port_moved, renamed, run
from tests.support.outside import requester
from tests.support.places import CORE
from tests.support.stage import USUAL, Stage, accepting, also, environment, staged
from tests.support.story import Payload, planned
from tests.support.tampering import altered
from tests.support.terminal import PROGRAM, Person, at_terminal
from tests.support.waiting import wait_for_end, wait_until

QUICK_SCRYPT_N: Final = 2**10
pytestmark = pytest.mark.usefixtures("way")


def port(stage: Stage) -> Any:
    """The switch port in the sandbox, as the plan of these tests finds or leaves it."""
    return stage.sandbox.world.get(f"/devices/{CORE}/switch/ports/7") or {}


async def refused(stage: Stage, plan: Payload, code: str, status: str = "refused") -> Payload:
    """The error of an apply that the gate refuses: that code, nothing sent."""
    sent = len(stage.writes())
    answer = await stage.call("meraki_apply", plan_id=plan["plan_id"])
    assert (answer["status"], answer["error"]["code"]) == (status, code), answer
    assert answer["error"]["remedy"]
    assert stage.writes()[sent:] == []
    error: Payload = answer["error"]
    return error


def signer(home: Path, owner: str, role: Role = Role.APPROVER) -> Signer:
    """An unlocked key of that owner, enrolled now; a further one is signed by the approver."""
    ring = Keyring(home, scrypt_n=QUICK_SCRYPT_N)
    by = (APPROVER, APPROVERS_PASSPHRASE) if ring.list() else None
    clock, ids = SystemClock(), RandomIds()
    if by is None and owner != APPROVER:
        ring.enroll(Role.APPROVER, APPROVER, APPROVERS_PASSPHRASE, now=clock.now(), ids=ids)
        by = (APPROVER, APPROVERS_PASSPHRASE)
    if ring.find(owner) is None:
        ring.enroll(role, owner, APPROVERS_PASSPHRASE, signed_by=by, now=clock.now(), ids=ids)
    return ring.unlock(owner, APPROVERS_PASSPHRASE)


def approval_of(plan: Payload, **given: Any) -> Approval:
    """An approval of the plan, not signed."""
    now = SystemClock().now()
    made = Approval("approval-x", plan["plan_id"], plan["plan_hash"], APPROVER, "terminal", now,
                    now + timedelta(hours=4), "kept")  # fmt: skip
    return replace(made, **given)


async def test_a_plan_of_high_risk_is_applied_by_the_same_call_once_a_person_ran_the_printed_command(
    tmp_path: Path,
) -> None:
    """The command works as printed, from any directory and with nothing else set; the approval is then used up."""
    async with staged(tmp_path / "home", answer=accepting) as stage:
        await enrolled(stage)
        plan = await planned(stage, port_moved())
        asked = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert (asked["status"], asked["plan_hash"], asked["code"]) == (
            "needs_approval",
            plan["plan_hash"],
            plan["code"],
        )
        assert asked["approve_with"] in asked["error"]["remedy"]
        assert stage.asked == []
        assert stage.writes() == []
        await approved(stage, asked)
        done = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert done["status"] == "applied"
        assert port(stage)["vlan"] == 20
        async with stage.store() as store:
            [approval] = await store.list(Approval, {"plan_id": plan["plan_id"]})
        assert (approval.approver, approval.channel, approval.used_by) == ("carla", "terminal", done["change_id"])


async def test_an_approval_that_was_used_before_is_refused(tmp_path: Path) -> None:
    """One yes carries out one change."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        async with stage.store() as store:
            [approval] = await store.list(Approval, {"plan_id": plan["plan_id"]})
            await store.commit(Put(replace(approval, used_by="CHG-20261121-120000-aaaa"), {"used_by": None}))
        await refused(stage, plan, "approval_used")


Forgery = Callable[[Path, Payload, Payload], Approval]


def _by_nobody(home: Path, plan: Payload, _other: Payload) -> Approval:
    signer(home, APPROVER)
    return approval_of(plan)


def _by_a_key_that_is_not_enrolled(home: Path, plan: Payload, _other: Payload) -> Approval:
    key = signer(home, APPROVER)
    elsewhere = home.parent / "elsewhere"
    stranger = signer(elsewhere, APPROVER)
    return replace(signed(approval_of(plan), stranger), key_id=key.key_id)


def _by_an_auditor(home: Path, plan: Payload, _other: Payload) -> Approval:
    return signed(approval_of(plan, approver="dora"), signer(home, "dora", Role.AUDITOR))


def _in_another_name(home: Path, plan: Payload, _other: Payload) -> Approval:
    return replace(signed(approval_of(plan), signer(home, APPROVER)), approver="somebody else")


def _of_another_plan(home: Path, plan: Payload, other: Payload) -> Approval:
    genuine = signed(approval_of(other), signer(home, APPROVER))
    return replace(genuine, plan_id=plan["plan_id"], plan_hash=plan["plan_hash"])


def _prolonged(home: Path, plan: Payload, _other: Payload) -> Approval:
    genuine = signed(approval_of(plan), signer(home, APPROVER))
    return replace(genuine, expires_at=genuine.expires_at + timedelta(days=30))


def _through_the_client(home: Path, plan: Payload, _other: Payload) -> Approval:
    signer(home, APPROVER)
    return approval_of(plan, channel="elicitation")


@pytest.mark.parametrize(
    "forge",
    [_by_nobody, _by_a_key_that_is_not_enrolled, _by_an_auditor, _in_another_name, _of_another_plan, _prolonged],
)
async def test_an_approval_row_without_a_valid_signature_approves_nothing(tmp_path: Path, forge: Forgery) -> None:
    """A row in the store is no approval: the signature has to be an enrolled approver's over just these fields."""
    async with staged(tmp_path / "home") as stage:
        plan, other = await planned(stage, port_moved()), await planned(stage, port_moved())
        async with stage.store() as store:
            await store.commit(Put(forge(stage.settings.home, plan, other)))
        await refused(stage, plan, "approval_forged")


async def test_a_row_that_claims_an_answer_in_the_client_is_not_looked_at(tmp_path: Path) -> None:
    """An answer lives within the call that asked; a stored one counts for nothing."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        async with stage.store() as store:
            await store.commit(Put(_through_the_client(stage.settings.home, plan, plan)))
        await refused(stage, plan, "needs_approval", "needs_approval")


async def test_an_approval_row_that_was_edited_in_the_file_is_not_used(tmp_path: Path) -> None:
    """The seal of the row breaks before its signature is even looked at; the answer names no approval as valid."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        altered(
            stage.settings.home / "store.db", "UPDATE approvals SET expires_at = '2999-01-01T00:00:00.000000+00:00'"
        )
        answer = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert answer["error"]["code"] == "record_altered"
        assert stage.writes() == []


#: What somebody does to a plan's row; ? is the plan's id.
EDITS: Final = {
    "state": "UPDATE plans SET state = 'approved' WHERE key = ?",
    "expiry": "UPDATE plans SET expires_at = '2999-01-01T00:00:00.000000+00:00' WHERE key = ?",
    "owner": "UPDATE plans SET owner = 'anonymous2' WHERE key = ?",
    "hash": "UPDATE plans SET plan_hash = replace(plan_hash, substr(plan_hash, 1, 1), 'f') || '0' WHERE key = ?",
    "content": "UPDATE plans SET sealed = (SELECT sealed FROM plans WHERE key <> :1) WHERE key = ?",
    "backup": "UPDATE snapshots SET sealed = zeroblob(64) WHERE plan_id = ?",
}


@pytest.mark.parametrize("edit", EDITS)
async def test_a_plan_that_was_edited_in_the_live_database_is_refused(tmp_path: Path, edit: str) -> None:
    """Whatever was changed in the file, the approved plan is not carried out."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        altered(
            stage.settings.home / "store.db", EDITS[edit].replace(":1", "?1").replace("= ?", "= ?1"), [plan["plan_id"]]
        )
        await refused(stage, plan, "plan_altered")


@pytest.mark.parametrize("edit", ["state", "content"])
async def test_a_plan_that_was_edited_while_the_server_was_stopped_is_refused(tmp_path: Path, edit: str) -> None:
    """The same on a copy of the data directory that another server is then started on."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
    shutil.copytree(tmp_path / "home", tmp_path / "copy")
    altered(tmp_path / "copy" / "store.db", EDITS[edit].replace(":1", "?1").replace("= ?", "= ?1"), [plan["plan_id"]])
    async with staged(tmp_path / "copy", sandbox=stage.sandbox) as other:
        await refused(other, plan, "plan_altered")
    async with staged(tmp_path / "home", sandbox=stage.sandbox) as whole:
        assert (await whole.call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"


@pytest.mark.parametrize("rehash", [False, True])
async def test_a_plan_that_was_written_anew_with_other_content_is_refused(tmp_path: Path, rehash: bool) -> None:
    """Even with the store's own keys: without a new hash it is altered, with one the person never approved it."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        async with stage.store() as store:
            stored = await store.get(StoredPlan, plan["plan_id"])
            assert stored is not None
            [step] = stored.plan.steps
            other = replace(step, write=replace(step.write, body={"vlan": 999}))
            made = replace(stored.plan, steps=(other,))
            if rehash:
                made = replace(made, plan_hash=plan_hash(made, open_key(stage.settings.home, "digest")))
            await store.commit(Put(replace(stored, plan=made), {}))
        if rehash:
            await refused(stage, plan, "needs_approval", "needs_approval")
        else:
            await refused(stage, plan, "plan_altered")


async def test_a_plan_of_somebody_else_and_a_plan_that_is_not_there_are_refused(tmp_path: Path) -> None:
    """Only who made a plan can have it carried out."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        elsewhere = "stdio" if stage.address else "http"  # where the caller is another owner
        async with staged(tmp_path / "home", transport=elsewhere, sandbox=stage.sandbox) as other:
            await refused(other, plan, "plan_of_another_owner")
            await refused(other, {"plan_id": "plan-" + "a" * 26}, "plan_unknown")
        assert (await stage.call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"


async def test_a_plan_and_an_approval_run_out(tmp_path: Path) -> None:
    """After four hours the approval is as good as none, after 24 the plan is."""
    clock = AheadClock(tmp_path / "home")
    given = {"program": ("tests.support.ahead", "serve")} if USUAL.transport == "stdio" else {"clock": clock}
    async with staged(tmp_path / "home", **given) as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        clock.set(timedelta(hours=4, minutes=1))
        await refused(stage, plan, "needs_approval", "needs_approval")
        clock.set(timedelta(hours=24, minutes=1))
        await refused(stage, plan, "plan_expired", "expired")


async def verdict(stage: Stage, audit_id: str, said: str, key: str = "dora") -> Person:
    """An auditor answers at a terminal; how the command ended is on the person's screen."""
    command = [*PROGRAM, "audit-respond", audit_id, "--verdict", said, "--reason", "as agreed", "--key", key]
    async with at_terminal(command, environment(stage.settings)) as person:
        await person.reads("Passphrase: ")
        await person.types(PASSPHRASE, hidden=True)
        await person.leaves()
    return person


async def test_an_open_audit_blocks_a_plan_until_an_auditor_signed_a_verdict(tmp_path: Path) -> None:
    """needs_audit; not approvable meanwhile; after the signed verdict the plan still needs its approval."""
    async with staged(tmp_path / "home") as stage:
        await enrolled(stage)
        await enrolled(stage, "dora", "auditor")
        plan = await planned(stage, port_moved())
        audit = await stage.call("request_audit", plan_id=plan["plan_id"], note="please look")
        assert (audit["status"], audit["state"]) == ("ok", "audit_requested")
        assert (await stage.call("request_audit", plan_id=plan["plan_id"]))["audit_id"] == audit["audit_id"]
        blocked = await refused(stage, plan, "needs_audit", "needs_audit")
        assert blocked["remedy"].endswith(audit["next_action"].removeprefix("An auditor runs: "))
        async with at_terminal([*PROGRAM, "approve", plan["plan_id"]], environment(stage.settings)) as person:
            assert await person.leaves() == 3
        [row] = (await evidence(stage, "approval", "refused"))[:1]
        assert row.detail["code"] == "plan_not_open"

        command = audit["next_action"].removeprefix("An auditor runs: ")
        async with at_terminal(["sh", "-c", command], {"PATH": os.environ["PATH"]}) as person:
            await person.reads("approve or reject: ")
            await person.types("approve")
            await person.reads("Why: ")
            await person.types("as agreed")
            await person.reads("Passphrase: ")
            await person.types(PASSPHRASE, hidden=True)
            assert await person.leaves() == 0, person.screen
        assert f"Verdict on {audit['audit_id']}: approve." in person.screen
        assert (await stage.call("request_audit", plan_id=plan["plan_id"]))["verdict"] == "approve"
        asked = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert asked["status"] == "needs_approval"
        await approved(stage, asked)
        assert (await stage.call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"
        [said] = await evidence(stage, "verdict", "approve")
        assert (said.plan_id, said.detail["auditor"]) == (plan["plan_id"], "dora")


async def test_a_rejected_audit_closes_the_plan(tmp_path: Path) -> None:
    """audit_rejected, and the reason can be read."""
    async with staged(tmp_path / "home") as stage:
        await enrolled(stage)
        await enrolled(stage, "dora", "auditor")
        plan = await planned(stage, port_moved())
        audit = await stage.call("request_audit", plan_id=plan["plan_id"])
        await verdict(stage, audit["audit_id"], "reject")
        await refused(stage, plan, "audit_rejected")
        told = await stage.call("request_audit", plan_id=plan["plan_id"])
        assert (told["verdict"], told["reason"]) == ("reject", "as agreed")


@pytest.mark.parametrize(
    ("owner", "role", "code"), [("", "auditor", "self_audit"), ("eva", "approver", "not_an_auditor")]
)
async def test_nobody_audits_their_own_plan_and_only_auditors_audit(
    tmp_path: Path, owner: str, role: str, code: str
) -> None:
    """The requester's own auditor key, however it is written, and an approver's key give no verdict."""
    async with staged(tmp_path / "home") as stage:
        owner = owner or requester(stage).title()
        await enrolled(stage)
        await enrolled(stage, owner, role)
        plan = await planned(stage, port_moved())
        audit = await stage.call("request_audit", plan_id=plan["plan_id"])
        assert "Refused" in (await verdict(stage, audit["audit_id"], "approve", owner)).screen
        [row] = await evidence(stage, "verdict", "refused")
        assert row.detail["code"] == code
        await refused(stage, plan, "needs_audit", "needs_audit")


@pytest.mark.parametrize("signs", [False, True])
async def test_a_verdict_row_without_a_valid_signature_opens_nothing(tmp_path: Path, signs: bool) -> None:
    """Neither an unsigned verdict nor one that the requester signed lets the plan through."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        audit = await stage.call("request_audit", plan_id=plan["plan_id"])
        auditor = requester(stage) if signs else "dora"
        async with stage.store() as store:
            record = await store.get(AuditRequest, audit["audit_id"])
            stored = await store.get(StoredPlan, plan["plan_id"])
            assert record is not None
            assert stored is not None
            judged = replace(record, state=ChangeState.AUDIT_APPROVED, verdict="approve", auditor=auditor, reason="ok")
            if signs:
                judged = signed(judged, signer(stage.settings.home, auditor, Role.AUDITOR))
            await store.commit(Put(judged, {}), Put(replace(stored, state=ChangeState.AUDIT_APPROVED), {}))
        await refused(stage, plan, "verdict_forged")


async def test_in_a_team_the_requester_cannot_approve(tmp_path: Path) -> None:
    """Refused at the terminal; and at the apply, should the row have been made where the profile was another."""
    async with staged(tmp_path / "home", given={"profile": "team"}) as stage:
        await enrolled(stage, requester(stage))
        plan = await planned(stage, port_moved())
        async with at_terminal([*PROGRAM, "approve", plan["plan_id"]], environment(stage.settings)) as person:
            await person.reads("Type the plan's code")
            await person.types(plan["code"])
            await person.reads("Passphrase: ")
            await person.types(PASSPHRASE, hidden=True)
            assert await person.leaves() == 3, person.screen
        [row] = await evidence(stage, "approval", "refused")
        assert row.detail["code"] == "self_approval"
        asked = await stage.call("meraki_apply", plan_id=plan["plan_id"])
        assert asked["status"] == "needs_approval"
        await approved(stage, asked)
        await refused(stage, plan, "self_approval")


@pytest.mark.same_process
async def test_over_http_in_a_team_nobody_is_asked_and_another_owner_approves(tmp_path: Path) -> None:
    """A caller without identity approves nothing, low risk included, also when its client says yes to everything."""
    async with staged(tmp_path / "home", answer=accepting, given={"profile": "team"}) as stage:
        plan = await planned(stage, renamed(2, "Visitantes"))
        assert plan["risk"] in ("low", "moderate")
        await refused(stage, plan, "needs_approval", "needs_approval")
        assert stage.asked == []
        await approve(stage.settings.home, plan["plan_id"])
        assert (await stage.call("meraki_apply", plan_id=plan["plan_id"]))["status"] == "applied"


@pytest.mark.same_process
async def test_without_a_profile_http_is_a_team(tmp_path: Path) -> None:
    """What is not set is the stricter of the two where nobody is known."""
    async with staged(tmp_path / "home", answer=accepting, given={"profile": None}) as stage:
        plan = await planned(stage, renamed(2, "Visitantes"))
        await refused(stage, plan, "needs_approval", "needs_approval")
        assert stage.asked == []


async def test_of_two_servers_on_one_data_directory_the_second_is_told_who_holds_the_network(tmp_path: Path) -> None:
    """Busy, with holder and time; when the first has ended, the second's plan goes through."""
    async with staged(tmp_path / "home") as one, staged(tmp_path / "home", sandbox=one.sandbox) as two:
        first = await planned(one, port_moved())
        second = await planned(two, {**port_moved(), "params": {"serial": CORE, "portId": "8"}})
        for plan in (first, second):
            await approve(one.settings.home, plan["plan_id"])
        held = one.sandbox.add_fault({"kind": "held", "method": "PUT"})
        answers: list[Payload] = []

        async def apply_first() -> None:
            answers.append(await one.call("meraki_apply", plan_id=first["plan_id"]))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(apply_first)
            await wait_until(lambda: bool(held.used))
            asked_at = SystemClock().now()
            error = await refused(two, second, "busy", "busy")
            assert answers == []
            held.let_go()
        [done] = answers
        assert done["status"] == "applied"
        holds = error["details"]
        assert (holds["holder"], holds["change_id"]) == (requester(one), done["change_id"])
        assert datetime.fromisoformat(holds["until"]) > asked_at
        assert (await two.call("meraki_apply", plan_id=second["plan_id"]))["status"] == "applied"


async def test_fifty_applies_of_one_plan_on_two_servers_are_one_execution(tmp_path: Path) -> None:
    """One write; every caller gets the record of the one change."""
    home, given = tmp_path / "home", {"apply_wait_s": 20.0}  # then ``applying``: well before the clients give up
    async with staged(home, given=given) as one, staged(home, given=given, sandbox=one.sandbox) as two:
        plan = await planned(one, port_moved())
        await approve(one.settings.home, plan["plan_id"])
        answers: list[Payload] = []

        def applies(stage: Stage) -> Callable[[], Coroutine[Any, Any, None]]:
            async def apply() -> None:
                answers.append(await stage.call("meraki_apply", plan_id=plan["plan_id"]))

            return apply

        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(applies(one if number % 2 else two))
        assert len(one.writes()) == 1
        async with one.store() as store:
            [change] = await store.list(Change, {})
        assert {answer.get("change_id") for answer in answers} == {change.key}
        assert {answer["status"] for answer in answers} <= {"applied", "applying"}
        await wait_for_end(one)
        last = await two.call("meraki_apply", plan_id=plan["plan_id"])
        assert (last["status"], last["change_id"]) == ("applied", change.key)
        assert len(one.writes()) == 1


@pytest.mark.same_process
async def test_a_call_that_is_overtaken_while_it_is_authorized_gets_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read the plan as open; when it looks for the approval, another call has used it up: not a refusal."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        assert stage.server is not None
        look_up, reached, go_on = stage.server.store.list, anyio.Event(), anyio.Event()
        answers: list[Payload] = []

        async def held_up(kind: Any, *where: Any, **more: Any) -> Any:
            if kind is Approval and not reached.is_set():
                reached.set()
                await go_on.wait()
            return await look_up(kind, *where, **more)

        async def overtaken() -> None:
            answers.append(await stage.call("meraki_apply", plan_id=plan["plan_id"]))

        monkeypatch.setattr(stage.server.store, "list", held_up)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(overtaken)
            await reached.wait()
            done = await stage.call("meraki_apply", plan_id=plan["plan_id"])
            go_on.set()
        assert done["status"] == "applied"
        assert [(answer["status"], answer["change_id"]) for answer in answers] == [("applied", done["change_id"])]
        assert len(stage.writes()) == 1


async def test_reject_closes_a_plan_that_was_approved(tmp_path: Path) -> None:
    """A later no counts more than an earlier yes."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
        assert (await run(stage, "reject", plan["plan_id"])).code == 0
        await refused(stage, plan, "plan_refused")


async def test_a_server_that_is_read_only_applies_nothing_that_was_approved(tmp_path: Path) -> None:
    """The operator's switch counts more than an approval."""
    async with staged(tmp_path / "home") as stage:
        plan = await planned(stage, port_moved())
        await approve(stage.settings.home, plan["plan_id"])
    settings = also(stage.settings, read_only=True)
    async with staged(settings.home, sandbox=stage.sandbox, given={"read_only": True}) as quiet:
        answer = await quiet.call("meraki_apply", plan_id=plan["plan_id"])
        assert answer["status"] == "refused"
        assert quiet.writes() == []
