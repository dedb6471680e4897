"""One sound record of each kind, to be varied with ``dataclasses.replace``."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mcp_server.domain.call import Blocked, Named, Network, Warned
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.plan import FieldChange, Impact, Inverse, Plan, Reader, Step, Write
from mcp_server.domain.record import (
    Approval,
    AuditEntry,
    AuditRequest,
    Change,
    ChangeStep,
    Deadline,
    Freeze,
    Question,
    Session,
    StoredPlan,
    Usage,
)
from mcp_server.domain.risk import Risk
from tests.support.fake_clock import START

CANARY = "canary-psk-4711"  #: a readable secret that must never be found in a file


def a_step(number: int = 1, **parts: Any) -> Step:
    """An update of an SSID whose before-state holds a readable secret."""
    step = Step(
        number=number,
        write=Write("updateNetworkWirelessSsid", {"networkId": "N_1", "number": "3"}, {"psk": CANARY}),
        method="PUT",
        path="/networks/N_1/wireless/ssids/3",
        label="SSID 3 of Store 12",
        kind="update",
        resource="ssid",
        task="T1",
        organization_id="O_1",
        network_id="N_1",
        serial=None,
        reader=Reader("getNetworkWirelessSsid", {"networkId": "N_1", "number": "3"}, match={"number": 3}),
        before={"number": 3, "psk": CANARY, "nested": [1, 2.5, None, True, {"é": "\u202e"}], "big": 2**60},
        expected={"number": 3, "psk": "x"},
        diff=(FieldChange("psk", CANARY, "x", note="masked"),),
        inverse=Inverse("reversible", "put_before", (Write("updateNetworkWirelessSsid", {}, {"psk": CANARY}),)),
        risk=Risk.MODERATE,
        risk_reasons=("SSID",),
    )
    return replace(step, **parts)


def a_plan(key: str = "plan-1", steps: int = 1, **parts: Any) -> StoredPlan:
    """A stored plan of so many steps."""
    network = Network("N_1", "Store 12", "O_1", ("wireless",), ("a",))
    plan = Plan(
        plan_id=key,
        code="AB12",
        plan_hash="f" * 64,
        request_id="REQ-20261121-120000-0001",
        owner="Ana@example.com",
        intent="rename \u202e it",
        organization=Named("O_1", "Org"),
        networks=(network,),
        steps=tuple(a_step(number) for number in range(1, steps + 1)),
        impact=Impact(1, ("Q2XX",), (Named("N_1", "Store 12"),), None, "brief"),
        warnings=(Warned("T1-1", "warning", "psk"),),
        skipped=(Blocked(0, "port 7", "sgt_locked", "why", "way out"),),
        context={"catalyst_mode": None, "ports": [1, 2]},
        baseline={"devices": {"online": 3}},
        created_at=START,
        expires_at=START + timedelta(hours=24),
    )
    return replace(StoredPlan(key, "Ana@example.com", ChangeState.PLANNED, plan), **parts)


def a_change(key: str = "CHG-20261121-120000-0001", **parts: Any) -> Change:
    """A change that is under way."""
    change = Change(
        key, "plan-1", "Ana@example.com", ChangeState.APPLYING, "session-1", "O_1", ("N_1", "N_2"), "approval-1", START
    )
    return replace(change, **parts)


def a_change_step(key: str = "CHG-1/apply/1", **parts: Any) -> ChangeStep:
    """A step whose write went out."""
    step = ChangeStep(
        key, "CHG-1", "apply", 1, "applied", {"method": "PUT"}, START, None, 200, (), {"id": "7"}, {}, {"psk": CANARY}
    )
    return replace(step, **parts)


def an_approval(key: str = "approval-1", **parts: Any) -> Approval:
    """A terminal's yes, not signed yet."""
    approval = Approval(
        key, "plan-1", "f" * 64, "Bea@example.com", "terminal", START, START + timedelta(hours=4), "kept"
    )
    return replace(approval, **parts)


def an_audit_request(key: str = "audit-1", **parts: Any) -> AuditRequest:
    """An answered audit, not signed yet."""
    request = AuditRequest(
        key, "plan-1", "f" * 64, "ana@example.com", ChangeState.AUDIT_APPROVED, START, "note", "Cem@example.com",
        "approve", "sound", answered_at=START,
    )  # fmt: skip
    return replace(request, **parts)


def a_question(key: str = "question-1", **parts: Any) -> Question:
    """A question that waits."""
    return replace(Question(key, "plan-1", "f" * 64, "ana", START, START + timedelta(minutes=5)), **parts)


def a_session(key: str = "session-1", **parts: Any) -> Session:
    """A session with one change."""
    session = Session(
        key, "ana", "client", START, START, 1, ({"serial": "Q2XX", "at": "now"},), {"updateX": 3}, ("# one",)
    )
    return replace(session, **parts)


def a_usage(key: str = "call-1/1", **parts: Any) -> Usage:
    """What a read cost."""
    return replace(Usage(key, START, "ana", "client", "meraki_read", 100, 2000, 1, 0.0, 0.25, "ok"), **parts)


def a_freeze(key: str = "everything", **parts: Any) -> Freeze:
    """A kill switch that is on."""
    return replace(Freeze(key, "wrong VLANs at two sites", "Ana@example.com", START), **parts)


def a_deadline(key: str = "CHG-20261121-120000-0001", **parts: Any) -> Deadline:
    """A window of ten minutes that is open."""
    due = START + timedelta(minutes=10)
    return replace(Deadline(key, 10, "open", due, START, 1000.0, "boot-1", {"devices": {"Q2-1": "online"}}), **parts)


def an_entry(at: datetime = START, **parts: Any) -> AuditEntry:
    """A call's line of evidence."""
    entry = AuditEntry(
        "call", at, "Ana@example.com", "ok", "call-1", "corr-1", "client", "meraki_read", organization_id="O_1",
        network_ids=("N_1",), detail={"faults": [], "text": '"previous_hash":"","seq":0,"status":'},
    )  # fmt: skip
    return replace(entry, **parts)


def one_of_each() -> list[Any]:
    """A record of each kind that ``Put`` takes."""
    return [
        a_plan(), a_change(), a_change_step(), an_approval(), an_audit_request(), a_question(), a_session(), a_usage(),
        a_freeze(), a_deadline(),
    ]  # fmt: skip
