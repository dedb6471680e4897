"""Post-task step 2: the change in words, before and after, with the id to roll it back, in the user's language."""

from dataclasses import replace

from mcp_server.domain.call import Attempt, Json
from mcp_server.domain.change_log import change_log_record, changelog_markdown
from mcp_server.domain.change_state import ChangeState
from mcp_server.domain.outcome import Outcome
from mcp_server.hooks.post.write_audit_log import has_ended
from mcp_server.world import World


async def write_changelog(attempt: Attempt, outcome: Outcome, world: World) -> Outcome:
    """The outcome with ``changelog`` (markdown), when a change has ended; made anew when the record was not stored."""
    change = outcome.change
    if change is None or outcome.plan is None or not (has_ended(change) or change.state == ChangeState.PENDING_KEEP):
        return outcome
    record: Json = change.result
    if record.get("change_id") != change.key:
        record = change_log_record(outcome.plan.plan, change, outcome.steps, devices=attempt.facts.devices)
    return replace(outcome, data={**outcome.data, "changelog": changelog_markdown(record, world.limits.locale)})
