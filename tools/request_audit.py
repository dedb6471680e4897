"""request_audit: open the audit of a plan, or see how it stands."""

from collections.abc import Mapping

from mcp_server.toolkit import Desk, Effect, Hints, Json, Outcome, Tool, closed


async def run(desk: Desk, arguments: Mapping[str, Json]) -> Outcome:
    """The audit's id, state and next action; the plan is blocked until a verdict."""
    return await desk.ledger.open_audit(desk.attempt, str(arguments["plan_id"]), str(arguments.get("note", "")))


TOOL = Tool(
    name="request_audit",
    title="Request an audit",
    description="Ask an auditor to judge a plan; it cannot be applied until the verdict. Repeat to see the state.",
    effect=Effect.READ,
    hints=Hints(read_only=False, destructive=False, idempotent=True, open_world=False),
    parameters=closed(
        {"plan_id": {"type": "string", "maxLength": 64}, "note": {"type": "string", "maxLength": 1000}},
        required=["plan_id"],
    ),
    run=run,
)
