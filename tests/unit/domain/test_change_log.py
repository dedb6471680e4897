"""The change-log record has every field of the schema, tells no secret, and reads as markdown in two languages."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mcp_server.domain.call import Device
from mcp_server.domain.change_log import answered_record, change_log_record, changelog_markdown, is_undoable
from mcp_server.domain.change_state import FINAL, ChangeState
from mcp_server.domain.plan import FieldChange, Impact, Inverse
from mcp_server.domain.record import Change, StoredPlan
from tests.support.fake_clock import START
from tests.support.records import CANARY, a_change, a_change_step, a_plan, a_step

ENDED = START + timedelta(seconds=2.5)
SWITCH = Device("Q2XX", "sw \u202e1", "MS225", "O_1", "N_1")
FIELDS = {
    "change_id": None,
    "request_id": None,
    "timestamp": None,
    "task": None,
    "operation": {"type", "resource", "action"},
    "targets": {"organization_id", "network_id", "network_name", "device_serials", "device_names", "specific_ids"},
    "backup_state": {"captured_at", "data"},
    "applied_state": {"applied_at", "data"},
    "verified_state": {"verified_at", "matches_expected", "data"},
    "result": {"status", "api_responses", "duration_ms"},
    "context": {
        "user_confirmed", "catalyst_mode", "sgt_check_passed", "handoff_from", "handoff_to", "session_id",
    },
    "rollback": {"available", "performed", "performed_at", "rollback_change_id"},
    "human_readable": {"summary", "details"},
}  # fmt: skip


def applied(**parts: Any) -> Change:
    """A change that was applied and verified."""
    return a_change(state=ChangeState.APPLIED, ended_at=ENDED, **parts)


def sent_step(**parts: Any) -> Any:
    """A step that was written and read back as planned."""
    step = a_change_step(
        request={"method": "PUT", "path": "/networks/N_1/wireless/ssids/3"},
        verified={"matches": True, "differences": [], "at": ENDED.isoformat()},
    )
    return replace(step, **parts)


def with_steps(*steps: Any, **parts: Any) -> StoredPlan:
    """A stored plan of these steps."""
    stored = a_plan()
    return replace(stored, plan=replace(stored.plan, steps=steps, **parts))


def test_the_record_has_every_field_of_the_schema_and_no_other() -> None:
    """Fields that do not apply are null, never missing; the whole is plain JSON."""
    record = change_log_record(a_plan().plan, applied(), [sent_step()], devices=[SWITCH], session_id="SES-1")
    assert set(record) == set(FIELDS)
    for name, inner in FIELDS.items():
        if inner is not None:
            assert set(record[name]) == inner, name
    assert json.loads(json.dumps(record)) == record
    assert record["result"] == {
        "status": "success",
        "api_responses": [
            {
                "endpoint": "/networks/N_1/wireless/ssids/3",
                "method": "PUT",
                "status_code": 200,
                "success": True,
                "error_message": None,
            }
        ],
        "duration_ms": 2500,
    }
    assert record["task"] == "configure-wireless"
    assert record["operation"] == {"type": "update", "resource": "ssid", "action": "updateNetworkWirelessSsid"}
    assert record["targets"]["specific_ids"] == {"number": "3"}
    assert record["verified_state"]["matches_expected"] is True
    assert record["timestamp"] == ENDED.isoformat()
    assert record["context"]["session_id"] == "SES-1"


def test_no_secret_is_in_a_record_or_its_changelog() -> None:
    """Not in the backup, the payload, the read-back, a difference or the text for people."""
    told = sent_step(verified={"matches": False, "differences": [{"field": "psk", "planned": CANARY, "found": "x"}]})
    record = change_log_record(a_plan().plan, applied(), [told])
    assert CANARY not in json.dumps(record)
    assert CANARY not in changelog_markdown(record, "en")
    known = change_log_record(
        with_steps(a_step(label=f"SSID {CANARY}")).plan, applied(), [sent_step(errors=(CANARY,))], secrets=[CANARY]
    )
    assert CANARY not in json.dumps(known)


def test_text_from_outside_is_inert_in_the_record() -> None:
    """Names and error texts with control, bidi or markdown characters cannot break out."""
    step = sent_step(errors=("\x1b[2J bad",), state="failed")
    evil = with_steps(a_step(label="## x\n**y** `z` \u202e <img>"))
    record = change_log_record(evil.plan, applied(), [step], devices=[SWITCH])
    texts = json.dumps(record, ensure_ascii=False) + changelog_markdown(record, "en")
    assert not any(char in texts for char in "\x1b\u202e")
    shown = changelog_markdown(record, "en")
    assert "\n## x" not in shown
    assert "<img>" not in shown.replace("\\<img\\>", "")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (ChangeState.APPLIED, "success"),
        (ChangeState.PARTIAL, "partial_success"),
        (ChangeState.FAILED, "failed"),
        (ChangeState.ROLLED_BACK, "rolled_back"),
        (ChangeState.UNCHANGED, "unchanged"),
        (ChangeState.IN_DOUBT, "unknown"),
        (ChangeState.ROLLBACK_FAILED, "rollback_failed"),
        (ChangeState.STALE, "stale"),
    ],
)
def test_a_change_is_never_recorded_as_better_than_it_is(state: ChangeState, status: str) -> None:
    """What the protocol has no word for keeps its own word, and only a full success is called one."""
    record = change_log_record(a_plan().plan, a_change(state=state), [])
    assert record["result"]["status"] == status


def test_only_applied_changes_are_called_success() -> None:
    """Over all final states."""
    good = {
        state
        for state in FINAL
        if change_log_record(a_plan().plan, a_change(state=state), [])["result"]["status"] == "success"
    }
    assert good == {ChangeState.APPLIED}


def test_what_could_not_be_verified_is_null_and_not_true() -> None:
    """One step without a readable state makes the whole unknown; one mismatch makes it false."""
    fine, unread = sent_step(), sent_step(key="CHG-1/apply/2", number=2, verified={"matches": None})
    wrong = sent_step(verified={"matches": False})
    plan = a_plan(steps=2).plan

    def matches(*steps: Any) -> Any:
        return change_log_record(plan, applied(), steps)["verified_state"]["matches_expected"]

    assert matches(fine, unread) is None
    assert matches(fine, replace(wrong, number=2)) is False
    assert matches() is None
    unknown = change_log_record(plan, applied(), [sent_step(state="unknown", http_status=None)])
    assert unknown["result"]["api_responses"][0]["success"] is None


def test_a_payload_that_was_never_sent_is_not_in_the_applied_state() -> None:
    """Step 2 was planned, step 1 was sent."""
    unsent = a_change_step(key="CHG-1/apply/2", number=2, state="not_applied", sent_at=None, http_status=None)
    record = change_log_record(a_plan(steps=2).plan, applied(), [sent_step(), unsent])
    assert [item["step"] for item in record["applied_state"]["data"]] == [1]
    assert [item["step"] for item in record["backup_state"]["data"]] == [1, 2]


def test_a_rollback_is_its_own_task_and_type() -> None:
    """Whatever it writes."""
    plan = replace(a_plan().plan, rolls_back=("CHG-1",))
    record = change_log_record(plan, applied(), [])
    assert (record["task"], record["operation"]["type"]) == ("rollback", "rollback")


def test_several_tasks_in_one_plan_are_the_specific_task() -> None:
    """T6 is the protocol's name for everything else; the resources are all named."""
    stored = with_steps(a_step(), a_step(2, task="T3", resource="firewall_l3", kind="create"))
    record = change_log_record(stored.plan, applied(), [])
    assert record["task"] == "executar-especifico"
    assert record["operation"]["resource"] == "ssid, firewall_l3"


def test_a_rollback_is_offered_only_when_every_step_can_be_undone() -> None:
    """Not for firmware and destructive steps, not when nothing took effect, not twice."""
    plan = a_plan().plan
    assert is_undoable(plan, applied())
    assert not is_undoable(plan, a_change(state=ChangeState.FAILED))
    assert not is_undoable(plan, applied(rolled_back_by="CHG-2"))
    assert not is_undoable(with_steps(a_step(), a_step(2, inverse=Inverse("none", "none"))).plan, applied())
    assert not is_undoable(with_steps(a_step(irreversible=True)).plan, applied())


def test_a_performed_rollback_says_when_and_by_which_change() -> None:
    """By its own undo, or by a later rollback."""
    undo = sent_step(key="CHG-1/undo/1", phase="undo", ended_at=ENDED)
    own = change_log_record(a_plan().plan, a_change(state=ChangeState.ROLLED_BACK), [sent_step(), undo])["rollback"]
    assert own == {
        "available": False,
        "performed": True,
        "performed_at": ENDED.isoformat(),
        "rollback_change_id": a_change().key,
    }
    later = change_log_record(a_plan().plan, applied(rolled_back_by="CHG-2"), [])["rollback"]
    assert (later["performed"], later["rollback_change_id"]) == (True, "CHG-2")


def test_the_sgt_check_is_null_when_no_port_was_concerned() -> None:
    """And passed when the hooks put their finding into the plan."""
    plan = a_plan().plan
    assert change_log_record(plan, applied(), [])["context"]["sgt_check_passed"] is None
    unconcerned = replace(plan, context={"sgt_restricted": False, "writable_ports": {}})
    assert change_log_record(unconcerned, applied(), [])["context"]["sgt_check_passed"] is None
    checked = replace(plan, context={"sgt_restricted": True, "writable_ports": {"Q2XX": ["1"]}})
    assert change_log_record(checked, applied(), [])["context"]["sgt_check_passed"] is True


def test_the_changelog_follows_the_template_in_english_and_portuguese() -> None:
    """Headings, before and after, and the id to roll back with."""
    step = a_step(before={"name": "old", "enabled": True}, diff=(FieldChange("name", "old", "new"),))
    stored = with_steps(replace(step, write=replace(step.write, body={"name": "new"})))
    record = change_log_record(
        stored.plan, applied(), [sent_step()], devices=[Device("Q2XX", "sw", "MS", "O_1", "N_1")]
    )
    assert changelog_markdown(record, "en").splitlines() == [
        f"## {ENDED.isoformat()}",
        "",
        "**Action:** updateNetworkWirelessSsid",
        "**Status:** success",
        "**Device(s):** sw",
        "**Network:** Store 12",
        "",
        "### Changes",
        "- [before] SSID 3 of Store 12: name=old",
        "- [after] SSID 3 of Store 12: name=new",
        "",
        "### Rollback",
        "- Available: yes",
        "- ID: `CHG-20261121-120000-0001`",
    ]
    portuguese = changelog_markdown(record, "pt-BR")
    for words in ("**Ação:**", "**Rede:**", "### Mudanças", "- [antes]", "- [depois]", "- Disponível: sim"):
        assert words in portuguese
    assert changelog_markdown(record, "xx") == changelog_markdown(record, "en")
    assert record["human_readable"]["details"] == "- SSID 3 of Store 12: `name` old → new"


def test_a_big_record_is_answered_without_its_states_and_says_where_they_are() -> None:
    """The stored record keeps them."""
    record = change_log_record(a_plan().plan, applied(), [sent_step()])
    assert answered_record(record, 6_000) == record
    short = answered_record(record, 6_001)
    assert short["backup_state"]["data"] is None
    assert short["backup_state"]["stored_at"] == f"change://{record['change_id']}"
    assert record["backup_state"]["data"] is not None
    assert short["result"]["api_responses"] is None
    assert short["human_readable"]["details"] is None
    assert short["result"]["status"] == record["result"]["status"]
    assert answered_record({"change_id": "CHG-1"}, 6_001) == {"change_id": "CHG-1"}


def test_a_change_is_summed_up_in_the_words_of_its_steps() -> None:
    """Each says what it does and where; that it takes another change back stands before them."""
    stored = with_steps(a_step(label="update ssid 3 of Store 12"))
    record = change_log_record(stored.plan, applied(), [sent_step()])
    assert record["human_readable"]["summary"] == "success: update ssid 3 of Store 12"
    back = change_log_record(replace(stored.plan, rolls_back=("CHG-1",)), applied(), [sent_step()])
    assert back["human_readable"]["summary"] == "success: rollback, update ssid 3 of Store 12"


def test_targets_that_changed_alike_share_a_line() -> None:
    """48 ports from VLAN 1 to 30 are one line before, one after and one of details; another value has its own."""
    ports = [
        replace(
            a_step(number, label=f"port {number}", before={"vlan": 2 if number == 48 else 1}),
            diff=(FieldChange("vlan", 2 if number == 48 else 1, 30),),
            write=replace(a_step().write, body={"vlan": 30}),
        )
        for number in range(1, 49)
    ]
    sent = [replace(sent_step(), key=f"CHG-1/apply/{number}", number=number) for number in range(1, 49)]
    record = change_log_record(with_steps(*ports).plan, applied(), sent)
    assert record["human_readable"]["details"].splitlines() == [
        "- port 1 and 46 more: `vlan` 1 → 30",
        "- port 48: `vlan` 2 → 30",
    ]
    lines = changelog_markdown(record, "en").splitlines()
    assert [line for line in lines if line.startswith("- [")] == [
        "- [before] port 1 and 46 more: vlan=1",
        "- [before] port 48: vlan=2",
        "- [after] port 1 and 47 more: vlan=30",
    ]


def test_many_devices_are_named_by_serial_where_no_name_is_known() -> None:
    """Ids and names stay in one order."""
    stored = with_steps(a_step(), impact=Impact(2, ("Q2XX", "Q2YY"), (), None, "none"))
    targets = change_log_record(stored.plan, applied(), [], devices=[SWITCH])["targets"]
    assert targets["device_names"] == ["sw \\u202e1", "Q2YY"]
    assert targets["network_name"] == "Store 12"
