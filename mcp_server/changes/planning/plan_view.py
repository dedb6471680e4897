"""A plan as an answer: short, readable, secrets masked, names cleaned (contract of design 3.1)."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from mcp_server.changes.means import Means
from mcp_server.changes.planning.placeholders import placeholders
from mcp_server.changes.question import needs_code
from mcp_server.domain.call import Blocked, Json
from mcp_server.domain.plan import FieldChange, Plan, Step
from mcp_server.domain.record import StoredPlan
from mcp_server.domain.redaction import clean, cleaned, numbers, redacted
from mcp_server.domain.risk import Risk

_DEVICES_SHOWN: Final = 3  #: protocol 8: more than 3 devices shorten the list
_FIELDS_SHOWN: Final = 40
_GROUPS_SHOWN: Final = 40
_LISTED: Final = 12  #: entries of a list in the context


def plan_view(stored: StoredPlan, means: Means) -> dict[str, Json]:
    """The answer of meraki_plan: ids, code, hash, diff, impact, risk, undo, requires, expires_at."""
    plan = stored.plan
    return {
        "plan_id": plan.plan_id,
        "code": plan.code,
        "plan_hash": plan.plan_hash,
        "request_id": plan.request_id,
        "state": stored.state.value,
        "risk": plan.risk.word,
        "diff": _diff(plan),
        "impact": impact_view(plan),
        "undo": _undo(plan),
        "requires": requires(plan, means),
        "skipped": [blocked_view(blocked) for blocked in plan.skipped],
        "context": _context(plan.context),
        "expires_at": plan.expires_at.isoformat(),
    }


def _diff(plan: Plan) -> list[dict[str, Json]]:
    """What changes, step by step; more than three steps that change alike are told once, with their numbers."""
    groups: dict[str, list[Step]] = {}
    views: dict[str, dict[str, Json]] = {}
    for step in plan.steps:
        view = _step(step)
        same = json.dumps([view[name] for name in sorted(view) if name not in ("step", "target")], default=str)
        groups.setdefault(same, []).append(step)
        views.setdefault(same, view)
    told = [entry for same, steps in groups.items() for entry in _group(views[same], steps)]
    if len(told) > _GROUPS_SHOWN:
        rest = {"more": len(told) - _GROUPS_SHOWN, "see": f"plan://{plan.plan_id}"}
        told = [*told[:_GROUPS_SHOWN], rest]
    return told


def _group(view: dict[str, Json], steps: Sequence[Step]) -> list[dict[str, Json]]:
    if len(steps) <= _DEVICES_SHOWN:
        return [_step(step) for step in steps]
    targets = [clean(step.label, 200) for step in steps]
    group = {
        "steps": numbers([step.number for step in steps]),
        "count": len(steps),
        "targets": targets[:_DEVICES_SHOWN],
    }
    return [group | {name: value for name, value in view.items() if name not in ("step", "target")}]


def _context(context: Mapping[str, Json]) -> dict[str, Json]:
    """What the hooks found out; a long list as its length, because an answer is paid for by the token."""
    return {name: _shortened(value) for name, value in context.items() if value not in (None, {}, [])}


def _shortened(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _shortened(one) for name, one in value.items()}
    return f"{len(value)} entries" if isinstance(value, list | tuple) and len(value) > _LISTED else value


def _step(step: Step) -> dict[str, Json]:
    view: dict[str, Json] = {
        "step": step.number,
        "operation": step.write.operation,
        "target": clean(step.label, 200),
        "risk": step.risk.word,
        "fields": [field_view(change) for change in step.diff[:_FIELDS_SHOWN]],
    }
    if step.risk_reasons:
        view["why"] = [clean(reason, 160) for reason in step.risk_reasons]
    if len(step.diff) > _FIELDS_SHOWN:
        view["more_fields"] = len(step.diff) - _FIELDS_SHOWN
    if not step.changes_something:
        view["unchanged"] = True
    return view


def field_view(change: FieldChange) -> dict[str, Json]:
    """One field change: field, before, after; ``how`` and ``note`` for lists. Secrets are masked."""
    name = change.path.rsplit(".", 1)[-1].split("[", 1)[0]
    before, after = (cleaned(redacted({name: value})[name]) for value in (change.before, change.after))
    view: dict[str, Json] = {"field": clean(change.path, 200), "before": before, "after": after}
    if change.how != "set":
        view["how"] = change.how
    if change.note:
        view["note"] = clean(change.note, 200)
    return view


def impact_view(plan: Plan) -> dict[str, Json]:
    """Devices (the list shortened past three), networks with id and name, clients, downtime."""
    impact = plan.impact
    view: dict[str, Json] = {
        "devices_affected": impact.devices,
        "device_list": list(impact.device_serials[:_DEVICES_SHOWN]),
        "networks": [{"id": network.id, "name": clean(network.name, 80)} for network in impact.networks],
        "users_affected": "unknown" if impact.clients is None else impact.clients,
        "downtime_expected": impact.downtime,
        "risk_level": plan.risk.word,
    }
    if impact.devices > _DEVICES_SHOWN:
        view["more_devices"] = impact.devices - _DEVICES_SHOWN
    if impact.self_isolating:
        view["self_isolating"] = True
    if impact.expanded_from_template:
        view["bound_networks"] = [{"id": one.id, "name": clean(one.name, 80)} for one in impact.expanded_from_template]
    return view


def _undo(plan: Plan) -> list[dict[str, Json]]:
    """The way back of each step; steps that go back alike are told once."""
    groups: dict[str, list[int]] = {}
    views: dict[str, dict[str, Json]] = {}
    for step in plan.steps:
        view = _way(step)
        same = json.dumps([view[name] for name in sorted(view) if name != "step"])
        groups.setdefault(same, []).append(step.number)
        views.setdefault(same, view)
    return [
        views[same] if len(found) == 1 else {**views[same], "step": numbers(found)} for same, found in groups.items()
    ][:_GROUPS_SHOWN]


def _way(step: Step) -> dict[str, Json]:
    inverse = step.inverse
    view: dict[str, Json] = {
        "step": step.number,
        "class": inverse.undo_class,
        "how": inverse.how,
        "evidence": inverse.evidence,
    }
    if inverse.caveats:
        view["caveats"] = list(inverse.caveats)
    if step.dependants:
        view["dependants"] = [
            {
                "read": one.reader.operation,
                "count": len(one.before) if isinstance(one.before, list) else 1,
                "undo": one.how,
            }
            for one in step.dependants
        ]
    return view


def blocked_view(blocked: Blocked) -> dict[str, Json]:
    """A target that was left out, why, and the way out."""
    return {
        "target": clean(blocked.target, 120),
        "code": blocked.code,
        "reason": clean(blocked.reason, 240),
        "remedy": clean(blocked.remedy, 240),
    }


def requires(plan: Plan, means: Means) -> list[str]:
    """What has to happen before the apply, as words: approval, code, secrets."""
    needs = ["approval outside the client" if plan.risk >= Risk.HIGH else "confirmation"]
    if needs_code(plan):
        needs.append("typed plan code")
    names: Mapping[str, None] = dict.fromkeys(
        str(name) for step in plan.steps for name in placeholders(step.write.body, "$secret")
    )
    needs += [f"secret {name}" for name in names if means.secret(name) is None]
    return needs
