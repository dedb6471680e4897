"""The permanent record of a change (the specialist protocol's change-log schema) and its markdown.

Two rules: every field of the schema is always there, null when it does not apply; secrets are masked and text from
outside is inert before anything gets into the record.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from mcp_server.domain.call import Device, Json
from mcp_server.domain.change_state import STATUS, ChangeState
from mcp_server.domain.plan import FieldChange, Plan
from mcp_server.domain.record import Change, ChangeStep
from mcp_server.domain.redaction import clean, cleaned, counted, listed, redacted

TASKS: Mapping[str, str] = {
    "T1": "configure-wireless", "T2": "configure-switching", "T3": "configure-security",
    "T4": "configure-monitoring", "T5": "rollback", "T6": "executar-especifico",
}  # fmt: skip
UNREADABLE_ID = frozenset({"networkId", "organizationId", "serial"})  #: path parameters with a field of their own
SHOWN_CHANGES = 20  #: lines of human_readable.details, and of each side in the changelog
SHOWN_FIELDS = 6  #: fields of one step in the changelog
ANSWER_LIMIT_BYTES = 6_000  #: a record above it is answered without the states; they stay in the stored one

#: The protocol's words; states that it does not have keep their own, so that nothing looks better than it is.
_RESULTS: Mapping[ChangeState, str] = {
    ChangeState.APPLIED: "success",
    ChangeState.PENDING_KEEP: "success",
    ChangeState.PARTIAL: "partial_success",
    ChangeState.FAILED: "failed",
    ChangeState.ROLLED_BACK: "rolled_back",
}
_TOOK_EFFECT = frozenset(
    {
        ChangeState.APPLIED,
        ChangeState.PENDING_KEEP,
        ChangeState.PARTIAL,
        ChangeState.IN_DOUBT,
        ChangeState.ROLLBACK_FAILED,
    }
)
_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "en": ("Action", "Status", "Device(s)", "Network", "Changes", "before", "after", "Rollback", "Available", "ID"),
    "pt-BR": ("Ação", "Status", "Device(s)", "Rede", "Mudanças", "antes", "depois", "Rollback", "Disponível", "ID"),
}
_YES_NO: Mapping[str, tuple[str, str]] = {"en": ("yes", "no"), "pt-BR": ("sim", "não")}


def change_log_record(
    plan: Plan,
    change: Change,
    steps: Sequence[ChangeStep],
    *,
    at: datetime | None = None,
    devices: Sequence[Device] = (),
    session_id: str = "",
    handoff_from: str | None = None,
    handoff_to: str | None = None,
    secrets: Collection[str] = (),
) -> dict[str, Json]:
    """The change-log record, JSON-ready and redacted; ``at`` is when it is made, by default when the change ended."""
    moment = at or change.ended_at or change.started_at
    record = {
        "change_id": change.key,
        "request_id": plan.request_id,
        "timestamp": moment.isoformat(),
        "task": _task(plan),
        "operation": _operation(plan),
        "targets": _targets(plan, devices),
        "backup_state": {"captured_at": plan.created_at.isoformat(), "data": _backup(plan)},
        "applied_state": _applied_state(plan, steps),
        "verified_state": _verified_state(plan, steps),
        "result": _result(change, steps),
        "context": {
            "user_confirmed": bool(change.approval_id),
            "catalyst_mode": plan.context.get("catalyst_mode"),
            "sgt_check_passed": _sgt_check_passed(plan),
            "handoff_from": handoff_from,
            "handoff_to": handoff_to,
            "session_id": session_id or change.session_id or None,
        },
        "rollback": _rollback(plan, change, steps),
    }
    shown: dict[str, Json] = cleaned(redacted(record, secrets))
    told = {"summary": _summary(plan, change), "details": _details(plan)}
    shown["human_readable"] = redacted(told, secrets)
    return shown


def _task(plan: Plan) -> str:
    if plan.rolls_back:
        return TASKS["T5"]
    tasks = {step.task for step in plan.steps}
    return TASKS.get(tasks.pop(), TASKS["T6"]) if len(tasks) == 1 else TASKS["T6"]


def _operation(plan: Plan) -> dict[str, Json]:
    kinds = {step.kind for step in plan.steps}
    resources = list(dict.fromkeys(step.resource for step in plan.steps))
    kind = kinds.pop() if len(kinds) == 1 else "update"
    return {
        "type": "rollback" if plan.rolls_back else "update" if kind == "action" else kind,
        "resource": resources[0] if len(resources) == 1 else ", ".join(resources),
        "action": listed(dict.fromkeys(step.write.operation for step in plan.steps), 5),
    }


def _targets(plan: Plan, devices: Sequence[Device]) -> dict[str, Json]:
    names = {device.serial: device.name or device.serial for device in devices}
    networks = {named.id: named.name for named in plan.impact.networks} or {one.id: one.name for one in plan.networks}
    ids: dict[str, list[Json]] = {}
    for step in plan.steps:
        for name, value in step.write.params.items():
            if name not in UNREADABLE_ID and value not in ids.setdefault(name, []):
                ids[name].append(value)
    return {
        "organization_id": plan.organization.id,
        "network_id": ", ".join(networks) or None,
        "network_name": ", ".join(networks.values()) or None,
        "device_serials": list(plan.impact.device_serials),
        "device_names": [names.get(serial, serial) for serial in plan.impact.device_serials],
        "specific_ids": {name: found[0] if len(found) == 1 else found for name, found in ids.items()},
    }


def _backup(plan: Plan) -> list[Json]:
    return [{"step": step.number, "target": step.label, "state": step.before} for step in plan.steps]


def _applied(steps: Sequence[ChangeStep]) -> dict[int, ChangeStep]:
    return {step.number: step for step in steps if step.phase == "apply"}


def _applied_state(plan: Plan, steps: Sequence[ChangeStep]) -> dict[str, Json]:
    sent = _applied(steps)
    times = [step.sent_at for step in sent.values() if step.sent_at is not None]
    payloads = [
        {"step": step.number, "target": step.label, "method": step.method, "path": step.path, "body": step.write.body}
        for step in plan.steps
        if step.number in sent and sent[step.number].sent_at is not None
    ]
    return {"applied_at": max(times).isoformat() if times else None, "data": payloads}


def _verified_state(plan: Plan, steps: Sequence[ChangeStep]) -> dict[str, Json]:
    labels = {step.number: step.label for step in plan.steps}
    read = [step for step in _applied(steps).values() if step.verified]
    times = [_moment(step.verified["at"]) for step in read if step.verified.get("at")]
    answers = [step.verified.get("matches") for step in read]
    return {
        "verified_at": max(times) if times else None,
        "matches_expected": None if not answers or None in answers else all(answers),
        "data": [
            {
                "step": step.number,
                "target": labels.get(step.number, ""),
                "state": step.sealed,
                "differences": step.verified.get("differences", []),
            }
            for step in read
        ],
    }


def _moment(value: Json) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _result(change: Change, steps: Sequence[ChangeStep]) -> dict[str, Json]:
    sent = [step for step in steps if step.sent_at is not None or step.http_status is not None]
    ended = change.ended_at
    return {
        "status": result_word(change.state),
        "api_responses": [_response(step) for step in sent],
        "duration_ms": None if ended is None else round((ended - change.started_at).total_seconds() * 1000),
    }


def result_word(state: ChangeState) -> str:
    """The record's word for how a change ended: success, partial_success, failed, rolled_back, or the state's own."""
    return _RESULTS.get(state) or STATUS.get(state, state.value)


def _response(step: ChangeStep) -> dict[str, Json]:
    return {
        "endpoint": step.request.get("path"),
        "method": step.request.get("method"),
        "status_code": step.http_status,
        "success": None if step.state == "unknown" else step.state in ("applied", "unchanged"),
        "error_message": "; ".join(step.errors) or None,
    }


def _sgt_check_passed(plan: Plan) -> bool | None:
    """True when ports were checked (locked ones cannot be in a plan), None when no switch was concerned."""
    return True if plan.context.get("writable_ports") else None


def _rollback(plan: Plan, change: Change, steps: Sequence[ChangeStep]) -> dict[str, Json]:
    undone = [step.ended_at for step in steps if step.phase == "undo" and step.ended_at is not None]
    is_performed = change.state == ChangeState.ROLLED_BACK or change.rolled_back_by is not None
    return {
        "available": is_undoable(plan, change),
        "performed": is_performed,
        "performed_at": max(undone).isoformat() if is_performed and undone else None,
        "rollback_change_id": change.rolled_back_by or (change.key if is_performed else None),
    }


def is_undoable(plan: Plan, change: Change) -> bool:
    """Whether there is something to undo and each step says how (never so for firmware and destructive steps)."""
    can_undo = all(step.inverse.undo_class != "none" and not step.irreversible for step in plan.steps)
    return can_undo and change.state in _TOOK_EFFECT and change.rolled_back_by is None


def _summary(plan: Plan, change: Change) -> str:
    steps = listed(counted(step.label for step in plan.steps), 3)
    return f"{result_word(change.state)}: {'rollback, ' if plan.rolls_back else ''}{steps}"


def _details(plan: Plan) -> str:
    """What changed, a line for each; targets that changed alike share one."""
    alike: dict[str, list[str]] = {}
    for step in plan.steps:
        for one in step.diff:
            alike.setdefault(_changed(one), []).append(step.label)
    lines = [f"- {listed(labels, 1)}: {text}" for text, labels in alike.items()]
    more = len(lines) - SHOWN_CHANGES
    return "\n".join([*lines[:SHOWN_CHANGES], *([f"- … {more} more"] if more > 0 else [])])


def _changed(one: FieldChange) -> str:
    shown = redacted({"path": one.path, "before": one.before, "after": one.after})
    return f"`{clean(one.path, 120)}` {_short(shown['before'])} → {_short(shown['after'])}"


def _short(value: Json) -> str:
    if isinstance(value, Mapping):
        return f"{{{len(value)} fields}}"
    if isinstance(value, list | tuple):
        return f"[{len(value)} entries]"
    return clean("null" if value is None else value, 80)


def changelog_markdown(record: Mapping[str, Json], locale: str) -> str:
    """The changelog entry of a record, in English or Brazilian Portuguese (any other locale: English)."""
    action, status, device, network, changes, before, after, rollback, available, own = _HEADINGS.get(
        locale, _HEADINGS["en"]
    )
    targets, operation = record["targets"], record["operation"]
    yes, no = _YES_NO.get(locale, _YES_NO["en"])
    was, became = _states(record)
    lines = [
        f"## {_inline(record['timestamp'])}",
        "",
        f"**{action}:** {_inline(operation['action'])}",
        f"**{status}:** {_inline(record['result']['status'])}",
        f"**{device}:** {_inline(', '.join(targets['device_names']) or '-')}",
        f"**{network}:** {_inline(targets['network_name'] or '-')}",
        "",
        f"### {changes}",
        *(f"- [{before}] {line}" for line in was),
        *(f"- [{after}] {line}" for line in became),
        "",
        f"### {rollback}",
        f"- {available}: {yes if record['rollback']['available'] else no}",
        f"- {own}: `{_inline(record['change_id'])}`",
    ]
    return "\n".join(lines)


def _states(record: Mapping[str, Json]) -> tuple[list[str], list[str]]:
    """What the fields were, and what was sent for them: a line for each step, shared by those that are alike."""
    sent = {item["step"]: item for item in record["applied_state"]["data"]}
    was: dict[str, list[str]] = {}
    became: dict[str, list[str]] = {}
    for item in record["backup_state"]["data"]:
        payload = sent.get(item["step"], {}).get("body")
        names = list(payload) if isinstance(payload, Mapping) else []
        was.setdefault(_fields(item["state"], names), []).append(item["target"])
        if item["step"] in sent:
            became.setdefault(_fields(payload, names), []).append(item["target"])
    return _shared(was), _shared(became)


def _shared(alike: Mapping[str, Sequence[str]]) -> list[str]:
    lines = [f"{_inline(listed(targets, 1))}: {text}" for text, targets in alike.items()]
    more = len(lines) - SHOWN_CHANGES
    return [*lines[:SHOWN_CHANGES], *([f"… {more} more"] if more > 0 else [])] or ["-"]


def _fields(state: Json, names: Iterable[str]) -> str:
    if not isinstance(state, Mapping):
        return "-" if state is None else _inline(_short(state))
    wanted = list(names) or list(state)
    shown = [f"{name}={_short(state.get(name))}" for name in wanted[:SHOWN_FIELDS]]
    return _inline(", ".join(shown) + (", …" if len(wanted) > SHOWN_FIELDS else ""))


def _inline(text: Json) -> str:
    """Text that stays text inside markdown: nothing in it starts a heading, a link, code or markup."""
    return "".join(f"\\{char}" if char in "`*[]<>|#" else char for char in clean(text, 400))


def answered_record(record: Mapping[str, Json], size_bytes: int) -> dict[str, Json]:
    """The record for an answer: above the limit without states and requests, and where they stand is named."""
    if size_bytes <= ANSWER_LIMIT_BYTES:
        return dict(record)
    there = f"change://{record['change_id']}"
    left_out = {
        "backup_state": "data",
        "applied_state": "data",
        "verified_state": "data",
        "result": "api_responses",  # each step of the answer tells its own
        "human_readable": "details",  # the changelog beside it tells them
    }
    short = {
        part: {**record[part], name: None, "stored_at": there} for part, name in left_out.items() if part in record
    }
    return {**record, **short}
