"""The question put to a person, rendered from the stored plan alone, so that every round has the same words.

Dangerous steps stand first, then the count of devices, what cannot be undone, and last the requester's words,
marked as such (safety: the approver must not be persuaded by the text of whoever asks).
"""

from collections.abc import Mapping
from typing import Final

from mcp_server.domain.call import Json
from mcp_server.domain.plan import FieldChange, Plan, Step
from mcp_server.domain.record import Deadline
from mcp_server.domain.redaction import clean, redacted
from mcp_server.domain.rules.order import confirmations

_STEPS_SHOWN: Final = 12
_FIELDS_SHOWN: Final = 6
_OBJECT_CHARACTERS: Final = 480


def question_of(plan: Plan, keeps: Deadline | None = None) -> str:
    """The text a person reads before saying yes or no; ``keeps`` when what the plan changed waits to be kept."""
    ordered = sorted(plan.steps, key=lambda step: (-step.risk, step.number))
    lines = [_headline(plan, keeps)]
    lines.append(f"Risk {plan.risk.word}; {plan.impact.devices} device(s); downtime {plan.impact.downtime}.")
    lines += [f"! {clean(warned.message, 240)}" for warned in plan.warnings if warned.severity == "critical"]
    if plan.rolls_back:  # nobody has seen its plan before: of an apply the plan's own answer told them
        lines += [f"* {clean(warned.message, 240)}" for warned in plan.warnings if warned.severity == "warning"]
    for step in ordered[:_STEPS_SHOWN]:
        lines += _step_lines(step)
    if len(ordered) > _STEPS_SHOWN:
        lines.append(
            f"... and {len(ordered) - _STEPS_SHOWN} more steps of risk {ordered[_STEPS_SHOWN].risk.word} or lower."
        )
    lost = [step for step in plan.steps if step.inverse.undo_class == "none"]
    lines += [f"CANNOT BE UNDONE: step {step.number}, {clean(step.label, 120)}." for step in lost]
    if plan.rolls_back:
        lines.append(f"Takes back {clean(', '.join(plan.rolls_back), 300)}.")
    elif plan.intent:
        lines.append(f"The requester says (not checked): {clean(plan.intent, 300)}")
    return "\n".join(lines)


def _headline(plan: Plan, keeps: Deadline | None) -> str:
    where = f"{clean(plan.organization.name, 60)} ({plan.organization.id})"
    if keeps is None:
        return f"Apply plan {plan.code} to {where}?"
    due = keeps.due_at.isoformat(timespec="seconds")
    return f"Keep what plan {plan.code} changed in {where}? Change {keeps.key} is undone at {due} unless it is kept."


def _step_lines(step: Step) -> list[str]:
    lines = [f"{step.number}. [{step.risk.word}] {clean(step.label, 160)}"]
    lines += [f"   {field_line(change)}" for change in step.diff[:_FIELDS_SHOWN]]
    if len(step.diff) > _FIELDS_SHOWN:
        lines.append(f"   ... {len(step.diff) - _FIELDS_SHOWN} more fields")
    return lines


def field_line(change: FieldChange) -> str:
    """One field change on one line, secrets masked."""
    before, after = _shown(change.path, change.before), _shown(change.path, change.after)
    note = f" ({clean(change.note, 120)})" if change.note else ""
    if change.how == "added":
        return f"+ {change.path}: {after}{note}"
    if change.how == "removed":
        return f"- {change.path}: {before}{note}"
    if change.how == "moved":
        return f"~ {change.path}: moved{note}"
    return f"{change.path}: {before} -> {after}{note}"


def _shown(path: str, value: Json) -> str:
    name = path.rsplit(".", 1)[-1].split("[", 1)[0]
    safe = redacted({name: value})[name]
    if isinstance(safe, Mapping):  # a rule, a peer: all of it, or the person agrees to what they have not read
        return clean(", ".join(f"{key} {part!r}" for key, part in safe.items()), _OBJECT_CHARACTERS)
    return clean(str(safe), 160)


def form_of(plan: Plan, keeps: Deadline | None = None) -> Mapping[str, Json]:
    """The form's JSON Schema: a tick, and the plan's code when the rules ask for double confirmation."""
    title = "Apply this change?" if keeps is None else "Keep this change?"
    properties: dict[str, Json] = {"approve": {"type": "boolean", "title": title, "description": f"Plan {plan.code}"}}
    required = ["approve"]
    if needs_code(plan):
        properties["code"] = {"type": "string", "title": "Type the plan's code", "maxLength": 8}
        required.append("code")
    return {"type": "object", "properties": properties, "required": required}


def needs_code(plan: Plan) -> bool:
    """Whether the protocol asks for double confirmation: the typed plan code."""
    return confirmations(plan.warnings) != "single"
