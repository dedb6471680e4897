"""A plan from what was asked: drafts, weight, numbers, hash. Reads only; the plan is stored by its caller."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from mcp_server.catalogue.related.dependants import restored_words
from mcp_server.changes.means import Means
from mcp_server.changes.planning.draft import Draft
from mcp_server.changes.planning.fit import refuse_unfit, refuse_unknown_references
from mcp_server.changes.planning.placeholders import measured, placeholders
from mcp_server.changes.planning.plan_hash import plan_hash
from mcp_server.changes.planning.weigh import Reach, impact_of, label_of, reach_of, step_view
from mcp_server.domain.call import Attempt, Json, Named, Warned
from mcp_server.domain.plan import Plan, Step, Write
from mcp_server.domain.redaction import numbers
from mcp_server.domain.risk import Risk
from mcp_server.domain.rules.order import plan_warnings, refusals
from mcp_server.domain.rules.risk_table import SELF_ISOLATING, step_risk
from mcp_server.errors import Refused
from mcp_server.health.reader import read_signals
from mcp_server.health.signals import to_json
from mcp_server.world import World

_MOST_SERIALS_WATCHED: Final = 100


async def build_plan(
    attempt: Attempt,
    world: World,
    means: Means,
    drafts: Sequence[Draft],
    *,
    intent: str,
    rolls_back: tuple[str, ...] = (),
    extra: Sequence[Warned] = (),
) -> Plan:
    """The plan of those drafts, hashed; Refused when a step cannot be undone and does not say ``irreversible``."""
    organization = attempt.facts.organization
    if organization is None:
        raise Refused("The plan names no organization.", "Give ids of one organization.", code="no_organization")
    reaches = [await reach_of(draft, attempt, world) for draft in drafts]
    steps = [
        step_of(number, draft, reach, organization)
        for number, (draft, reach) in enumerate(zip(drafts, reaches, strict=True), 1)
    ]
    if not rolls_back:  # the way back of a way back need not exist, and what was there before is put back as it was
        refuse_unfit(drafts, reaches, attempt)
        await refuse_unknown_references(drafts, world, organization.id)
        _refuse_irreversible(steps)
    isolating = any(SELF_ISOLATING in step.risk_reasons for step in steps)
    impact = await impact_of(drafts, reaches, world, isolating=isolating)
    views = [step_view(draft, reach) for draft, reach in zip(drafts, reaches, strict=True)]
    views = [replace(view, body=measured(view.body, means.secret)) for view in views]
    said = [
        *plan_warnings(views, impact, is_rollback=bool(rolls_back)),
        *extra,
        *_caveats(steps),
        *_taken_along(steps),
        *_early(drafts, world),
        *_secrets(steps, means),
    ]
    _refuse_unsafe(refusals(said, is_rollback=bool(rolls_back)))
    now = world.clock.now()
    plan = Plan(
        plan_id=world.ids.new("plan"),
        code=world.ids.code(),
        plan_hash="",
        request_id=world.ids.stamped("REQ", now),
        owner=attempt.actor.owner,
        intent=intent[:2000],
        organization=organization,
        networks=attempt.facts.networks,
        steps=tuple(steps),
        impact=impact,
        warnings=tuple(dict.fromkeys([*attempt.facts.warnings, *said])),
        skipped=attempt.facts.blocked,
        context={},
        baseline=await _baseline(attempt, impact.device_serials, world),
        created_at=now,
        expires_at=now + timedelta(hours=means.times.plan_hours),
        rolls_back=rolls_back,
    )
    plan = replace(plan, context=await means.context(attempt, plan, world))
    return replace(plan, plan_hash=plan_hash(plan, means.digest_key()))


def step_of(number: int, draft: Draft, reach: Reach, organization: Named) -> Step:
    """The draft as a numbered, weighed step."""
    params, row = draft.touch.params, draft.row
    risk, reasons = step_risk(
        row.risk,
        step_view(draft, reach),
        proven=row.proven,
        irreversible=draft.inverse.how == "none" and (draft.kind != "action" or row.risk > Risk.LOW),
        self_isolating=row.self_isolating,
    )
    network_id = params.get("networkId") or (reach.network.id if reach.network else None)
    return Step(
        number=number,
        write=Write(draft.operation.id, params, draft.touch.body),
        method=draft.operation.method,
        path=_path(draft.operation.path, params),
        label=label_of(draft, reach),
        kind=draft.kind,
        resource=row.resource,
        task=row.task,
        organization_id=organization.id,
        network_id=str(network_id) if network_id else None,
        serial=str(params["serial"]) if "serial" in params else None,
        reader=draft.reader,
        before=draft.before,
        expected=draft.expected,
        diff=draft.changes,
        inverse=draft.inverse,
        risk=risk,
        risk_reasons=reasons,
        irreversible=draft.touch.irreversible,
        downtime=row.downtime,
        settle_s=row.settle_s,
        dependants=draft.dependants,
    )


def _path(template: str, params: Mapping[str, Json]) -> str:
    for name, value in params.items():
        shown = "{" + str(value["$ref"]) + "}" if isinstance(value, dict) and "$ref" in value else str(value)
        template = template.replace("{" + name + "}", shown)
    return template


def _refuse_irreversible(steps: Sequence[Step]) -> None:
    hopeless = [
        step for step in steps if step.inverse.undo_class == "none" and not step.irreversible and step.risk > Risk.LOW
    ]
    if hopeless:
        raise Refused(
            "Cannot be undone: " + "; ".join(f"step {step.number} ({step.write.operation})" for step in hopeless),
            'Say "irreversible": true in those operations if that is meant; the plan is then critical.',
            code="irreversible",
            details={"lost": [list(step.inverse.caveats) for step in hopeless]},
        )


def _refuse_unsafe(found: Sequence[Warned]) -> None:
    if found:
        raise Refused(
            "; ".join(warned.message for warned in found[:5]),
            "Change the values named and plan again.",
            code="unsafe_value",
            details={"rules": [warned.rule for warned in found]},
        )


def _caveats(steps: Sequence[Step]) -> list[Warned]:
    return _of_steps("undo_caveat", [(caveat, step.number) for step in steps for caveat in step.inverse.caveats])


def _of_steps(rule: str, said: Iterable[tuple[str, int]]) -> list[Warned]:
    """What is said of steps, each sentence once with the numbers of all of them."""
    of: dict[str, list[int]] = {}
    for text, number in said:
        of.setdefault(text, []).append(number)
    return [
        Warned(rule, "warning", f"Step{'s' if len(found) > 1 else ''} {numbers(found)}: {text}")
        for text, found in of.items()
    ]


def _early(drafts: Sequence[Draft], world: World) -> list[Warned]:
    """Operations that are not generally available, and those that only an organization's own document knows."""
    found = {draft.operation.id: draft.operation for draft in drafts}
    said = [
        Warned("early_access", "warning", f"{name} is not generally available ({one.stage}); it may change any day.")
        for name, one in found.items()
        if one.stage
    ]
    return said + [
        Warned("new_operation", "warning", f"{name} is known from the organization's own API alone.")
        for name in found
        if world.catalogue.organizations_with(name)
    ]


def _taken_along(steps: Sequence[Step]) -> list[Warned]:
    return _of_steps("dependants", [(text, step.number) for step in steps for text in restored_words(step.dependants)])


def _secrets(steps: Sequence[Step], means: Means) -> list[Warned]:
    names = dict.fromkeys(str(name) for step in steps for name in placeholders(step.write.body, "$secret"))
    return [
        Warned("secret_missing", "critical", f"The secret {name} is not set: meraki-specialist secret set {name}")
        for name in names
        if means.secret(name) is None
    ]


async def _baseline(attempt: Attempt, serials: Sequence[str], world: World) -> Mapping[str, Json]:
    """The hard health signals when planned; what could not be read is named in it, never left out in silence."""
    organization = attempt.facts.organization
    networks = [network.id for network in attempt.facts.networks]
    if organization is None or not (networks or serials):
        return {}
    watched = tuple(serials)[:_MOST_SERIALS_WATCHED]
    return to_json(await read_signals(world.reads, organization.id, networks, watched, scope="gate"))
