"""Step 0: what this caller or this server may not do at all. Decided from settings alone, before anything is read."""

from mcp_server.domain.actor import Role
from mcp_server.domain.call import Allow, Attempt, Effect, Refuse, Touch, Verdict
from mcp_server.domain.redaction import listed
from mcp_server.hooks.pre.targets import texts_at
from mcp_server.world import World


async def guard(attempt: Attempt, world: World) -> Verdict:
    """Refuses by role, read-only mode, missing key, organization allow-list and families that are off."""
    for check in (_role, _read_only, _key, _organizations, _families):
        refusal = check(attempt, world)
        if refusal is not None:
            return refusal
    return Allow()


def _role(attempt: Attempt, _world: World) -> Refuse | None:
    if Role.PLANNER in attempt.actor.roles or not _wants_change(attempt):
        return None
    return Refuse(
        "role_missing",
        f"{attempt.call.tool} proposes or makes a change; that needs the role planner.",
        "Use a token with the role planner; auditors and approvers only give their verdicts.",
    )


def _read_only(attempt: Attempt, world: World) -> Refuse | None:
    """Planning stays allowed: it writes to no network."""
    if not world.limits.read_only or not _carries_out(attempt):
        return None
    return Refuse(
        "read_only",
        f"This server is read-only: {attempt.call.tool} changes nothing here. Plans can be made, not applied.",
        "Ask the operator to start it without --read-only (MERAKI_SPECIALIST_READ_ONLY).",
    )


def _key(attempt: Attempt, world: World) -> Refuse | None:
    if world.limits.has_key or not attempt.touches:
        return None
    return Refuse(
        "no_api_key",
        "No Meraki API key is set, so Meraki cannot be asked.",
        "Set MERAKI_DASHBOARD_API_KEY where this server is started, or start it with --sandbox.",
    )


def _organizations(attempt: Attempt, world: World) -> Refuse | None:
    """By the ids in the call; networks and serials are looked up in step 2, by an inventory that knows no other."""
    allowed = world.limits.organizations
    if not allowed:
        return None
    named = {str(touch.params["organizationId"]) for touch in attempt.touches if "organizationId" in touch.params}
    outside = sorted(one for one in named if one not in allowed and one.isdecimal())  # a name is answered in step 2
    if outside:
        return _not_allowed(f"This server may not use organization {listed(outside)}.")
    homeless = [touch for touch in attempt.writes if not _names_a_place(touch, world)]
    if homeless:
        return _not_allowed(f"{homeless[0].operation} belongs to no single organization.")
    return None


def _names_a_place(touch: Touch, world: World) -> bool:
    """Whether a write says whose it is: by an id in its path, or an organization in its body."""
    in_path = world.catalogue.find(touch.operation).path_params
    return bool(in_path) or any(texts_at(touch.body, ("organizationId",)))


def _not_allowed(reason: str) -> Refuse:
    return Refuse(
        "organization_not_allowed",
        reason,
        "Use one of the allowed organizations, or ask the operator to widen MERAKI_SPECIALIST_ORGANIZATIONS.",
    )


def _families(attempt: Attempt, world: World) -> Refuse | None:
    """Design 3.1.1: some families are off until the operator switches them on; a way back through one is off, too."""
    rows = [world.overlay.row_for(touch) for touch in attempt.writes]
    rows += [world.overlay.row(row.inverse) for row in rows if row.inverse]
    off = [row for row in rows if row.family and row.family not in world.limits.families]
    if not off:
        return None
    families = sorted({row.family for row in off})
    names = listed(dict.fromkeys(row.operation for row in off))
    return Refuse(
        "family_off",
        f"{names}: the family {', '.join(families)} is switched off here.",
        f"The operator can switch it on: MERAKI_SPECIALIST_FAMILIES={','.join(families)}.",
        {"families": families, "operations": sorted({row.operation for row in off})},
    )


def _carries_out(attempt: Attempt) -> bool:
    return attempt.is_apply or attempt.effect is not Effect.READ


def _wants_change(attempt: Attempt) -> bool:
    return _carries_out(attempt) or bool(attempt.writes)
