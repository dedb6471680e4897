"""Post-task step 4: what this caller changed in this session, so that the next plan can be compared with it."""

from dataclasses import replace

from mcp_server.domain.call import Attempt, Warned
from mcp_server.domain.outcome import Outcome
from mcp_server.domain.plan import Plan
from mcp_server.domain.record import Change
from mcp_server.hooks.post.write_audit_log import has_ended
from mcp_server.hooks.session import SUMMARY_FROM, counted, find_session, happened, overlaps, update
from mcp_server.locales.messages import message
from mcp_server.world import World

OVERLAPS_SHOWN = 3


async def update_session(attempt: Attempt, outcome: Outcome, world: World) -> Outcome:
    """The outcome; with an offer of a summary from 5 changes on, and a warning when a plan meets earlier changes."""
    if outcome.plan is None:
        return outcome
    if outcome.change is None:
        return await _with_overlaps(attempt, outcome, outcome.plan.plan, world)
    if not happened(outcome.change) or not has_ended(outcome.change):
        return outcome
    return await _with_count(attempt, outcome, outcome.plan.plan, outcome.change, world)


async def _with_count(attempt: Attempt, outcome: Outcome, plan: Plan, change: Change, world: World) -> Outcome:
    markdown = str(outcome.data.get("changelog", ""))
    now = world.clock.now()
    session = await update(world, attempt.actor, lambda found: counted(found, plan, change, markdown, now))
    if session.changes_count < SUMMARY_FROM:
        return outcome
    offer = message(world.limits.locale, "session.summary_offer", count=session.changes_count)
    return replace(outcome, warnings=(*outcome.warnings, Warned("session_summary", "info", offer)))


async def _with_overlaps(attempt: Attempt, outcome: Outcome, plan: Plan, world: World) -> Outcome:
    session = await find_session(world.store, attempt.actor, world.clock.now())
    if session is None:
        return outcome
    now = world.clock.now()
    await update(world, attempt.actor, lambda found: replace(found, last_seen_at=now))
    said = tuple(
        Warned(
            "session_overlap",
            "warning",
            message(world.limits.locale, "session.already_modified", target=step.label, change_id=change_id),
        )
        for step, change_id in overlaps(session, plan.steps)[:OVERLAPS_SHOWN]
        if change_id not in plan.rolls_back
    )
    return replace(outcome, warnings=(*outcome.warnings, *said)) if said else outcome
