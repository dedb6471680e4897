"""Evidence made by hand: an honest run in which every invariant is exercised, and the means to spoil it."""

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import rfc8785

from tests.faults.oracle import Evidence

Json = Any
START: Final = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORG: Final = "1"
NET: Final = "N_1"
SSID: Final = f"/networks/{NET}/wireless/ssids"
CANARY: Final = "canary-psk-0001"


def at(second: float) -> str:
    """That many seconds into the run."""
    return (START + timedelta(seconds=second)).isoformat()


def request(second: float, path: str, method: str = "GET", **more: Json) -> dict[str, Json]:
    """A row of the cloud's journal."""
    row = {"at": at(second), "method": method, "path": path, "body": None, "status": 200, "took_effect": False}
    return {**row, "number": int(second * 10), "fault": None, "retry_after": None, **more}


def row(second: float, event: str, status: str, **more: Json) -> dict[str, Json]:
    """A row of the audit, not yet linked."""
    bare = {"event": event, "at": at(second), "status": status, "tool": "meraki_apply", "plan_id": "plan-1"}
    return {**bare, "change_id": "", "network_ids": [NET], "detail": {}, **more}


def linked(rows: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """The rows as a chain that verifies; signed statements are left out."""
    previous, chain = "0" * 64, []
    for seq, one in enumerate((one for one in rows if "event" in one), 1):
        bare = {**{name: value for name, value in one.items() if name != "hash"}, "seq": seq, "previous_hash": previous}
        previous = hashlib.sha256(rfc8785.dumps(bare)).hexdigest()
        chain.append({**bare, "hash": previous})
    return chain


def change(second: float, number: int, name: str, end: str = "applied") -> list[dict[str, Json]]:
    """Everything on record of one change of one SSID, from plan to end."""
    of: Mapping[str, Json] = {"plan_id": f"plan-{number}", "change_id": f"CHG-{number}"}
    plan = {"plan_id": of["plan_id"]}
    asked = {"method": "PUT", "path": f"{SSID}/{number}", "body": {"name": name}}
    step = {"phase": "apply", "step": 1}
    fences = {f"network:{NET}": number}
    return [
        row(second, "state", "planned", **plan, detail={"plan_hash": f"hash-{number}", "risk": "moderate"}),
        row(second + 0.1, "answer", "accept", **plan, detail={"plan_hash": f"hash-{number}"}),
        row(second + 0.2, "state", "applying", **of, detail={"approval": f"yes-{number}", "channel": "elicitation"}),
        row(second + 0.3, "intent", "intent", **of, detail={**step, "request": asked, "fences": fences}),
        row(second + 0.5, "outcome", "applied", **of, detail=step),
        row(second + 0.6, "state", end, **of),
    ]


def configuration(**names: str) -> dict[str, Json]:
    """A state of the cloud in which SSIDs have these names."""
    ssids = {number.removeprefix("n"): {"number": number, "name": name} for number, name in names.items()}
    return {
        "configuration": {
            "organizations": {ORG: {"id": ORG}},
            "networks": {NET: {"id": NET, "organizationId": ORG}},
            "devices": {},
            "templates": {},
            "resources": {SSID: ssids},
        }
    }


def taking_back(second: float, number: int, target: str, name: str) -> list[dict[str, Json]]:
    """Everything on record of a change of the second SSID that takes another change back."""
    back = change(second, 2, name)
    for one in back:
        one["tool"], one["plan_id"] = "rollback", f"plan-{number}"
        one["change_id"] = f"CHG-{number}" if one["change_id"] else ""
        one["detail"] = {**one["detail"], **({"approval": f"yes-{number}"} if "approval" in one["detail"] else {})}
    told = row(
        second + 0.7, "call", "rolled_back", tool="rollback", plan_id=f"plan-{number}", change_id=f"CHG-{number}"
    )
    return [*back, {**told, "detail": {"arguments": {"change_id": target}}}]


def honest() -> Evidence:
    """Two changes, one taken back; a 429, an open breaker, refusals; everything as it should be."""
    back = taking_back(4.0, 3, "CHG-2", "Old two")
    audit = linked([*change(0.0, 1, "One"), *change(2.0, 2, "Two"), *back])
    journal = [
        request(0.35, f"{SSID}/1", "PUT", body={"name": "One"}, took_effect=True),
        request(2.35, f"{SSID}/2", "PUT", body={"name": "Two"}, took_effect=True),
        request(4.35, f"{SSID}/2", "PUT", body={"name": "Old two"}, took_effect=True),
        request(6.0, f"{SSID}/1", status=429, fault="status", retry_after="2"),
        request(8.5, f"{SSID}/1"),
        *[request(9.0 + number, f"{SSID}/1", status=500, fault="status") for number in range(5)],
        request(80.0, f"{SSID}/1"),
        request(81.0, f"{SSID}/1"),
    ]
    audit.append({"kind": "checkpoint", "seq": 6, "hash": audit[5]["hash"]})
    receipt = {"seq": 6, "hash": audit[5]["hash"]}
    refusal = {"code": "breaker_open", "message": "left alone", "remedy": "later", "until": at(73.0)}
    told = [
        {"tool": "meraki_apply", "payload": {"status": "applied", "change_id": "CHG-1", "receipt": receipt}},
        {"tool": "meraki_apply", "phase": "refusing", "payload": {"status": "failed", "error": refusal}},
        {"tool": "history", "phase": "refusing", "payload": {"status": "ok"}},
    ]
    measured = [
        {"changes": 0, "rss_bytes": 50_000_000, "files": 20, "disk_bytes": 1_000},
        {"changes": 3, "rss_bytes": 51_000_000, "files": 22, "disk_bytes": 90_000},
    ]
    return Evidence(
        journal=journal,
        before=configuration(n1="Old one", n2="Old two"),
        state=configuration(n1="One", n2="Old two"),
        audit=audit,
        told=told,
        stdout=['{"jsonrpc":"2.0","id":1,"result":{}}'],
        measured=measured,
        canaries=[CANARY],
        tries=1,
    )


def spoiled(name: str, spoil: Callable[[Any], object]) -> Evidence:
    """The honest evidence with one of its parts changed; an audit that was changed is linked anew."""
    evidence = honest()
    part = copy.deepcopy(getattr(evidence, name))
    spoil(part)
    changed: dict[str, Any] = {name: linked(part) if name == "audit" else part}
    return replace(evidence, **changed)
